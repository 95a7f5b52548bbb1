//! `yidi simulate`: the real hub, home regions and treatment side in worlds that a seed decides, in which messages are
//! lost, doubled and late, commits fail and lie, processes die at any await, clocks jump and rules change. After every
//! step what must always hold is checked. A seed that fails is printed, and fails again in the same way.
//!
//! | look in | for |
//! |---|---|
//! | [`run`](mod@run) | the course of one seed |
//! | [`world`], [`fixtures`] | the nodes, and what they are given |
//! | [`node`], [`network`], [`climate`] | what goes wrong: with processes and disks, between them, and how often |
//! | [`desk`], [`visit`] | hospitals at work |
//! | [`outsider`] | a treatment side of another make, which sends what ours would not |
//! | [`stranger`] | one that asks for what is none of its business |
//! | [`mail`] | letters into participants' mailboxes |
//! | [`invariants`], [`coverage`] | what must hold; what was lived through |
//! | [`planted`] | bugs for testing the simulator itself |
//! | [`quarter`] | twelve members' quarter to the closing of its last month |
//! | [`books`] | questions about books |
//! | [`chance`], [`record`] | the seed, and what came of it |

pub mod books;
pub mod chance;
pub mod climate;
pub mod coverage;
pub mod desk;
pub mod fixtures;
pub mod invariants;
pub mod mail;
pub mod network;
pub mod node;
pub mod outsider;
pub mod planted;
pub mod quarter;
pub mod record;
pub mod run;
pub mod stranger;
pub mod visit;
pub mod world;

use std::collections::BTreeMap;
use std::num::NonZero;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Args;
use serde_json::{Value, json};

use crate::cli::Ending;
use crate::{output, roles};
use coverage::Transitions;
use fixtures::Fixtures;
use planted::Planted;

/// After so many failing seeds a run ends: more would say nothing new.
const MOST_FAILURES: usize = 10;
/// How often a long run says how far it is.
const PROGRESS_EVERY: Duration = Duration::from_secs(10);

/// What to simulate.
#[derive(Debug, Args)]
pub struct Arguments {
    /// How many seeds.
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 1)]
    first: u64,
    /// One seed alone, with everything that happens in it.
    #[arg(long, conflicts_with_all = ["seeds", "first"])]
    seed: Option<u64>,
    /// The folder with rule books and the demo's data.
    #[arg(long, default_value = "deploy")]
    deploy: PathBuf,
    /// How many seeds at a time; as many as there are processors where it is not given.
    #[arg(long)]
    threads: Option<usize>,
    /// Ends after so many minutes even where seeds are left.
    #[arg(long)]
    minutes: Option<u64>,
    /// Plants a bug, to see whether it is found.
    #[arg(long)]
    planted: Option<Planted>,
    /// Instead, so many quarters of twelve members, each to the closing of its last month.
    #[arg(long, conflicts_with_all = ["seeds", "seed", "planted", "minutes"])]
    quarters: Option<u64>,
    /// How many people are treated a day of a quarter, beside those whom its story needs.
    #[arg(long, default_value_t = 6)]
    visits: u64,
    /// Keeps the quarters' documents here, a folder a seed.
    #[arg(long, requires = "quarters")]
    out: Option<PathBuf>,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// Which seeds are run, and how.
#[derive(Clone, Debug)]
pub struct Course {
    /// The seeds.
    pub seeds: Range<u64>,
    /// How many at a time.
    pub threads: usize,
    /// When no more are begun.
    pub until: Option<Instant>,
    /// A bug to be found.
    pub planted: Option<Planted>,
    /// After so many failing seeds no more are begun.
    pub most_failures: usize,
    /// Set by whoever wants no more to be begun.
    pub over: Arc<AtomicBool>,
}

/// What many seeds came to.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// How many seeds were run.
    pub seeds: u64,
    /// Steps after which the invariants were checked.
    pub steps: u64,
    /// Faults by kind.
    pub faults: BTreeMap<&'static str, u64>,
    /// Transitions of settlements' lives.
    pub transitions: Transitions,
    /// Seeds that failed, with what was found.
    pub failures: Vec<(u64, Vec<String>)>,
}

/// Runs the command.
///
/// # Errors
/// When a world cannot be built.
pub fn run(arguments: Arguments) -> Result<Ending> {
    if let Some(seed) = arguments.seed {
        return show(seed, &arguments);
    }
    let threads = arguments.threads.unwrap_or_else(|| thread::available_parallelism().map_or(1, NonZero::get));
    if let Some(quarters) = arguments.quarters {
        let (first, over) = (arguments.first, stopped_by_a_signal());
        let Arguments { deploy, visits: visits_a_day, out, json, .. } = arguments;
        let seeds = first..first.saturating_add(quarters);
        let course = quarter::course::Course { seeds, threads, deploy, visits_a_day, out, over, json };
        return quarter::course::many(&course);
    }
    let range = arguments.first..arguments.first.saturating_add(arguments.seeds);
    let until = arguments.minutes.map(|minutes| Instant::now() + Duration::from_secs(60 * minutes));
    let (planted, over) = (arguments.planted, stopped_by_a_signal());
    let course = Course { seeds: range, threads, until, planted, most_failures: MOST_FAILURES, over };
    let report = many(&arguments.deploy, course)?;
    if arguments.json {
        output::line(&serde_json::to_string_pretty(&report.to_json())?);
    } else {
        report.print();
    }
    Ok(Ending::of(report.failures.is_empty()))
}

/// What is set when the process is asked to end, so that it tells what it came to until then.
fn stopped_by_a_signal() -> Arc<AtomicBool> {
    let over = Arc::new(AtomicBool::new(false));
    let asked = over.clone();
    tokio::spawn(async move {
        if roles::asked_to_stop().await.is_ok() {
            asked.store(true, Ordering::Relaxed);
        }
    });
    over
}

/// Runs many seeds, several at a time, until so many have failed.
///
/// # Errors
/// When a world cannot be built.
pub fn many(deploy: &Path, course: Course) -> Result<Report> {
    let Course { seeds, threads, until, planted, most_failures, over } = course;
    let fixtures = Arc::new(Fixtures::read(deploy)?);
    let next = AtomicU64::new(seeds.start);
    let total = Mutex::new((Report::default(), Progress::new(seeds.end - seeds.start)));
    let worker = || -> Result<()> {
        while !over.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                break;
            }
            let ran = run::run(seed, &fixtures, planted, false)?;
            let mut total = total.lock().unwrap_or_else(PoisonError::into_inner);
            let (total, progress) = &mut *total;
            total.add(seed, ran);
            progress.tell(total);
            let late = until.is_some_and(|until| Instant::now() >= until);
            over.fetch_or(late || total.failures.len() >= most_failures, Ordering::Relaxed);
        }
        Ok(())
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().unwrap_or_else(|_| anyhow::bail!("a run panicked")))
    })?;
    let (mut report, _) = total.into_inner().unwrap_or_else(PoisonError::into_inner);
    report.failures.sort();
    Ok(report)
}

/// Says how far a long run is.
struct Progress {
    began: Instant,
    told: Instant,
    seeds: u64,
}

impl Progress {
    fn new(seeds: u64) -> Progress {
        let now = Instant::now();
        Progress { began: now, told: now, seeds }
    }

    fn tell(&mut self, report: &Report) {
        if self.told.elapsed() >= PROGRESS_EVERY {
            self.told = Instant::now();
            let (seconds, failing) = (self.began.elapsed().as_secs(), report.failures.len());
            output::note(&format!("{} of {} seeds in {seconds} s, {failing} failing", report.seeds, self.seeds));
        }
    }
}

/// Runs one seed and tells everything.
fn show(seed: u64, arguments: &Arguments) -> Result<Ending> {
    let fixtures = Arc::new(Fixtures::read(&arguments.deploy)?);
    let ran = run::run(seed, &fixtures, arguments.planted, true)?;
    let (lines, digest) = (ran.summary.lines.clone(), format!("{:016x}", ran.summary.digest));
    let mut report = Report::default();
    report.add(seed, ran);
    if arguments.json {
        let told = json!({ "seed": seed, "lines": lines, "digest": digest, "report": report.to_json() });
        output::line(&serde_json::to_string_pretty(&told)?);
    } else {
        lines.iter().for_each(|line| output::line(line));
        output::line(&format!("digest {digest}"));
        report.print();
    }
    Ok(Ending::of(report.failures.is_empty()))
}

impl Report {
    fn add(&mut self, seed: u64, ran: run::Ran) {
        self.seeds += 1;
        self.steps += ran.summary.steps;
        for (kind, count) in ran.summary.faults {
            *self.faults.entry(kind).or_default() += count;
        }
        for (transition, count) in ran.transitions {
            *self.transitions.entry(transition).or_default() += count;
        }
        if !ran.summary.findings.is_empty() {
            self.failures.push((seed, ran.summary.findings));
        }
    }

    fn print(&self) {
        output::line(&format!("{} seeds, {} steps", self.seeds, self.steps));
        output::line("faults injected:");
        self.faults.iter().for_each(|(kind, count)| output::line(&format!("  {count:>9}  {kind}")));
        output::line("transitions:");
        for transition in coverage::ALL {
            let count = self.transitions.get(transition).copied().unwrap_or_default();
            output::line(&format!("  {count:>9}  {transition}"));
        }
        for (seed, findings) in &self.failures {
            output::line(&format!("✗ seed {seed} (again with: yidi simulate --seed {seed})"));
            findings.iter().for_each(|finding| output::line(&format!("    {finding}")));
        }
        if self.failures.is_empty() {
            output::line("✓ what must always hold held after every step");
        }
    }

    fn to_json(&self) -> Value {
        let failures = self.failures.iter().map(|(seed, findings)| json!({ "seed": seed, "findings": findings }));
        let counted = |transition: &&'static str| {
            (transition.to_string(), self.transitions.get(transition).copied().unwrap_or_default().into())
        };
        let transitions: serde_json::Map<String, Value> = coverage::ALL.iter().map(counted).collect();
        json!({ "seeds": self.seeds, "steps": self.steps, "faults": self.faults, "transitions": transitions,
            "failures": failures.collect::<Vec<_>>() })
    }
}
