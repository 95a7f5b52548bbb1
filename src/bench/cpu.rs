//! The CPU time of this process, from the kernel's own count.

use std::time::Duration;

use anyhow::{Context, Result};

/// The kernel counts in hundredths of a second on every machine we run on.
const TICKS_PER_SECOND: u64 = 100;

/// User and system time that this process has used so far, all threads.
///
/// # Errors
/// When the kernel's file does not read as documented.
pub fn used() -> Result<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat").context("cannot read /proc/self/stat")?;
    // The name in brackets may hold spaces; fields are counted from behind it.
    let fields: Vec<&str> =
        stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace().collect()).unwrap_or_default();
    let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<u64>().ok());
    let (user, system) = ticks(11).zip(ticks(12)).context("/proc/self/stat has another form")?;
    Ok(Duration::from_millis((user + system) * 1000 / TICKS_PER_SECOND))
}
