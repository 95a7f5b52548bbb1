//! `yidi demo`: the whole line on loopback with embedded storage and real mutual TLS. It sends the recorded days
//! through the national interface, shows what came back, checks it, and stays up to be tried by hand.

mod desk_page;
mod diary;
pub mod expected;
pub mod player;
mod report;
pub mod story;
mod worth;

use std::io::IsTerminal;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::civil::DateTime;
use ledger::clock::Clock;
use settlement::beijing;

use crate::cli::Ending;
use crate::desk::Desk;
use crate::filing::{self, Operator};
use crate::line::{Line, Plan, straight};
use crate::{output, roles, verify, watch};
use diary::Diary;
use player::{Played, Recording};

/// Port of health, readiness, metrics and the sandbox clock.
const WATCH_PORT: u16 = 7703;

/// How the demo is run.
#[derive(Debug, Args)]
pub struct Arguments {
    /// End after the recorded days instead of staying up.
    #[arg(long)]
    once: bool,
    /// Keep stores and certificates here; without it they are thrown away at the end.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Send nothing.
    #[arg(long)]
    empty: bool,
    /// What the sandbox clock shows once the recorded days are over, Beijing time.
    #[arg(long)]
    at: Option<DateTime>,
    /// The folder of rule books, the table of regions and the demo's data.
    #[arg(long, default_value = "deploy", env = "YIDI_DEPLOY")]
    deploy: PathBuf,
    /// Port of the national interface.
    #[arg(long, default_value_t = 7700)]
    desk_port: u16,
    /// Port of the hub.
    #[arg(long, default_value_t = 7701)]
    hub_port: u16,
    /// Port of health, metrics and the clock.
    #[arg(long, default_value_t = WATCH_PORT)]
    watch_port: u16,
}

/// Runs the demo.
///
/// # Errors
/// When a role cannot start or does not answer.
pub async fn run(arguments: Arguments) -> Result<Ending> {
    let mut recording = Recording::read(&arguments.deploy.join("demo"))?;
    let clock =
        Clock::starting_at(beijing::instant_of(first_moment(&arguments, &recording)).context("--at is no instant")?);
    let watch = watch::Watch::new(Some(clock.clone()))?;
    watch.clone().serve(SocketAddr::from((Ipv4Addr::LOCALHOST, arguments.watch_port))).await?;

    let scratch = tempfile::tempdir().context("cannot make a folder for the demo")?;
    let folder = arguments.data.clone().unwrap_or_else(|| scratch.path().to_owned());
    let line = Line::start(arguments.plan(&folder, clock.clone())).await?;
    watch.show_hub(line.hub.hub());
    let operator = Operator::new(&line.hub.address().to_string(), &line.operator())?;
    for refused in filing::lodge_all(&operator, &arguments.deploy.join("demo/filings.csv")).await? {
        output::note(&refused);
    }

    let mut ending = Ending::Good;
    if !arguments.empty {
        let begun = Instant::now();
        let played =
            play(&mut recording, &Desk::new(line.desk()), &clock, &operator, &mut Diary::open(&folder)?).await?;
        let took = begun.elapsed();
        let stores = line.stores();
        report::print(&played, &report::read_people(&arguments.deploy)?, &stores, took).await?;
        report::print_explanation(&line, &played).await?;
        worth::print(&played);
        report::print_obligations(&stores, &arguments.deploy).await?;
        let findings = verify::findings(&stores).await?;
        verify::print(&findings);
        ending = Ending::of(findings.is_empty() && played.iter().all(|step| step.misses.is_empty()));
    }
    if let Some(at) = arguments.at {
        clock.set(beijing::instant_of(at).context("--at is no instant")?);
    }
    watch.set_ready(true);
    if !arguments.once {
        report::print_where_to_go(&line, &folder, &clock, arguments.watch_port);
        roles::asked_to_stop().await?;
    }
    line.stop().await;
    Ok(ending)
}

impl Arguments {
    fn plan(&self, folder: &Path, clock: Clock) -> Plan {
        Plan {
            folder: folder.to_owned(),
            deploy: self.deploy.clone(),
            desk_port: self.desk_port,
            hub_port: self.hub_port,
            patience_ms: PATIENCE_MS,
            clock,
            detour: straight(),
        }
    }
}

/// How long the demo's nodes wait for an answer: long enough for a busy laptop, short enough to be watched.
const PATIENCE_MS: u64 = 8_000;

fn first_moment(arguments: &Arguments, recording: &Recording) -> DateTime {
    let recorded = if arguments.empty { None } else { recording.begins() };
    recorded.or(arguments.at).unwrap_or_else(|| beijing::at_desk(Clock::real().now()))
}

/// Without a terminal to draw a bar on, one line tells of so many steps.
const STEPS_A_LINE: usize = 20;

async fn play(
    recording: &mut Recording,
    desk: &Desk,
    clock: &Clock,
    operator: &Operator,
    diary: &mut Diary,
) -> Result<Vec<Played>> {
    let all = recording.len();
    let bar = ProgressBar::with_draw_target(Some(all as u64), ProgressDrawTarget::stderr());
    bar.set_style(ProgressStyle::with_template("{bar:30} {pos}/{len} {wide_msg}")?);
    let drawn = std::io::stderr().is_terminal();
    let mut sent = 0;
    let played = recording.play(desk, clock, operator, diary, |step| {
        sent += 1;
        bar.set_message(format!("{} {}", step.story, step.infno));
        bar.inc(1);
        if !drawn && sent % STEPS_A_LINE == 0 {
            output::line(&format!("sent {sent} of {all}"));
        }
    });
    let played = played.await?;
    bar.finish_and_clear();
    Ok(played)
}
