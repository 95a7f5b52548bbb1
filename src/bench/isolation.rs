//! `yidi bench isolation`: a hub with four home regions under an even load. One minute before, one with one region
//! stalled (its process stopped, its connections open), one after: what the other three notice.
#![allow(clippy::float_arithmetic)]

mod flow;
mod phases;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use serde_json::{Value, json};

use super::ground::{FOUR_HOMES, Ground};
use super::measured::{median, thousandth};
use super::part::Part;
use super::process::Process;
use super::report::Report;
use crate::output;
use phases::{Phase, Phases};

/// What the others may notice at most: their p99 while one is stalled, over that before.
const REQUIRED: f64 = 1.5;
/// What does not count at the beginning of a round.
const WARM_UP: Duration = Duration::from_secs(2);

/// How to measure.
#[derive(Debug, Args)]
pub struct Arguments {
    /// How long each phase lasts.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// How often all three phases are gone through, each time with another region stalled.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Settlements a second, over all four regions.
    #[arg(long, default_value_t = 2_000)]
    per_second: u32,
    /// The folder of rule books and the demo's data.
    #[arg(long, default_value = "deploy", env = "YIDI_DEPLOY")]
    deploy: PathBuf,
    /// As one JSON object.
    #[arg(long)]
    json: bool,
}

/// Measures and prints. Tells whether the others noticed no more than they may.
///
/// # Errors
/// When a part does not start, or a settlement of the others is not accepted.
pub async fn run(arguments: &Arguments) -> Result<bool> {
    let mut report = Report::new(arguments.json);
    let ground = Ground::new(&arguments.deploy)?;
    let mut rounds = Vec::new();
    for round in 0..arguments.rounds.max(1) {
        report.note(&format!("round {}, region {} stalled …", round + 1, FOUR_HOMES[round % FOUR_HOMES.len()]));
        rounds.push(one_round(&ground, arguments, round).await?);
    }
    let ratio = median(rounds.iter().map(Phases::ratio).collect());
    tell(&rounds, &mut report);
    report.figure("p99_ratio_stalled", thousandth(ratio));
    report.figure("p99_ratio_required", json!(REQUIRED));
    report.figure("p99_ratio_after", thousandth(median(rounds.iter().map(Phases::ratio_after).collect())));
    Ok(report.end()? && ratio <= REQUIRED)
}

/// A hub and four homes of its own for every round, so that none begins with what the one before left in doubt.
async fn one_round(ground: &Ground, arguments: &Arguments, round: usize) -> Result<Phases> {
    let homes = FOUR_HOMES.iter().map(|home| start_home(ground, home)).collect::<Result<Vec<_>>>()?;
    let hub = Process::start(&Part::Hub { config: configure(ground, &homes, round)?, at: None })?;
    let stalled = round % homes.len();
    let each = Duration::from_secs(arguments.seconds.max(1));
    let flows = flow::start(ground, hub.address(), stalled, (arguments.per_second / 4).max(1), WARM_UP + each * 3)?;
    tokio::time::sleep(WARM_UP + each).await;
    let pause = Pause::of(&homes[stalled])?;
    tokio::time::sleep(each).await;
    drop(pause);
    let phases = flow::gather(flows, Phases::new(WARM_UP, each)?).await;
    hub.stop().context("the hub did not end in good order")?;
    phases
}

/// A process that is stopped for as long as this lives. Its connections stay open, and nothing moves.
struct Pause {
    pid: u32,
}

impl Pause {
    fn of(process: &Process) -> Result<Pause> {
        signal("-STOP", process.pid())?;
        Ok(Pause { pid: process.pid() })
    }
}

impl Drop for Pause {
    fn drop(&mut self) {
        if let Err(fault) = signal("-CONT", self.pid) {
            output::complaint(&fault);
        }
    }
}

fn signal(signal: &str, pid: u32) -> Result<()> {
    let sent = std::process::Command::new("kill").args([signal, &pid.to_string()]).status();
    anyhow::ensure!(sent.context("cannot run kill")?.success(), "process {pid} could not be sent {signal}");
    Ok(())
}

fn start_home(ground: &Ground, home: &str) -> Result<Process> {
    Process::start(&Part::PreparedHome { credentials: ground.home(home), home: home.to_owned(), first_answer: 1 })
}

/// The settings of a hub in service: nothing but where things are.
fn configure(ground: &Ground, homes: &[Process], round: usize) -> Result<PathBuf> {
    let home = |(pool, process): (&&str, &Process)| {
        let address = toml::Value::from(process.address().to_string());
        toml::Value::from(toml::Table::from_iter([
            ("pools".to_owned(), toml::Value::from(vec![*pool])),
            ("address".to_owned(), address),
        ]))
    };
    let settings = toml::Table::from_iter([
        ("listen".to_owned(), "127.0.0.1:0".into()),
        ("store".to_owned(), ground.path(&format!("isolation-{round}.db")).display().to_string().into()),
        ("credentials".to_owned(), ground.path("hub").display().to_string().into()),
        ("regions".to_owned(), ground.regions().display().to_string().into()),
        ("homes".to_owned(), toml::Value::Array(FOUR_HOMES.iter().zip(homes).map(home).collect())),
    ]);
    ground.write(&format!("isolation-{round}"), &settings)
}

fn tell(rounds: &[Phases], report: &mut Report) {
    report
        .say("Four home regions, one stalled: p50 and p99 of the other three in ms, and what became of the fourth's.");
    let mut table =
        output::table(["round", "phase", "p50", "p99", "p99.9", "settled", "4th settled", "in doubt", "refused"]);
    for (round, phases) in rounds.iter().enumerate() {
        for phase in Phase::ALL {
            table.add_row(phases.row(round + 1, phase));
        }
    }
    output::numbers_from(&mut table, 2);
    report.table(&table);
    report.detail("rounds", Value::Array(rounds.iter().map(Phases::to_json).collect()));
}
