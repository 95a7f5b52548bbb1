//! What processes have used, from the kernel's own count under `/proc`.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};

/// The kernel counts in hundredths of a second on every machine we run on.
const TICKS_PER_SECOND: u64 = 100;

/// User and system time that a process has used so far, all its threads.
///
/// # Errors
/// When there is no such process.
pub fn of_process(pid: u32) -> Result<Duration> {
    let stat = Stat::read(pid).with_context(|| format!("process {pid} has ended"))?;
    Ok(duration(stat.own))
}

/// User and system time of a process, of its children, and of the children that have ended: a database server's.
///
/// # Errors
/// When there is no such process.
pub fn of_family(pid: u32) -> Result<Duration> {
    let parent = Stat::read(pid).with_context(|| format!("process {pid} has ended"))?;
    let children: u64 = pids()?.filter_map(Stat::read).filter(|stat| stat.parent == pid).map(|stat| stat.own).sum();
    Ok(duration(parent.own + parent.ended + children))
}

/// Time that the whole machine was busy since it started, all its cores.
///
/// # Errors
/// When the kernel's file does not read as documented.
pub fn of_machine() -> Result<Duration> {
    let stat = fs::read_to_string("/proc/stat").context("cannot read /proc/stat")?;
    let fields: Vec<u64> =
        stat.lines().next().unwrap_or_default().split_whitespace().skip(1).flat_map(str::parse).collect();
    // user, nice, system, idle, iowait, irq, softirq; what follows is counted in these already, or stolen.
    let busy = [0, 1, 2, 5, 6].iter().filter_map(|index| fields.get(*index)).sum();
    Ok(duration(busy))
}

/// The most memory that a process has had, in MiB.
///
/// # Errors
/// When there is no such process.
pub fn peak_memory_mb(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).context("a process has ended")?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).context("the kernel tells no VmHWM")?;
    let kib = line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).context("VmHWM is no number")?;
    Ok(kib.div_ceil(1024))
}

/// The memory that this process holds now, in MiB.
///
/// # Errors
/// When the kernel's file does not read as documented.
pub fn memory_mb() -> Result<u64> {
    const KIB_A_PAGE: u64 = 4;
    let statm = fs::read_to_string("/proc/self/statm").context("cannot read /proc/self/statm")?;
    let pages = statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok());
    Ok(pages.context("statm tells no resident pages")? * KIB_A_PAGE / 1024)
}

struct Stat {
    parent: u32,
    own: u64,
    ended: u64,
}

impl Stat {
    fn read(pid: u32) -> Option<Stat> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name in brackets may hold spaces; fields are counted from behind it.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<u64>().ok());
        Some(Stat {
            parent: fields.get(1)?.parse().ok()?,
            own: ticks(11)? + ticks(12)?,
            ended: ticks(13)? + ticks(14)?,
        })
    }
}

fn pids() -> Result<impl Iterator<Item = u32>> {
    let entries = fs::read_dir("/proc").context("cannot read /proc")?;
    Ok(entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()))
}

fn duration(ticks: u64) -> Duration {
    Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND)
}
