//! `yidi bench settle`: which stages are measured, how long and how often. Each stage is a file of its own.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use clap::{Args, ValueEnum};
use ledger::testing::{Durability, PostgresOptions, PrivatePostgres};
use serde_json::json;

use super::chain_stage;
use super::ground::Ground;
use super::hub_stage::HubStage;
use super::long_run::{LongRun, long_run};
use super::measured::median;
use super::open_stage;
use super::pgbench::Pgbench;
use super::report::Report;
use super::spare::Spare;

const WARM_UP: Duration = Duration::from_secs(1);

/// How to measure.
#[derive(Debug, Args)]
pub struct Arguments {
    /// What to measure.
    #[arg(long, value_enum, default_value = "all")]
    stage: Stage,
    /// On which database the hub keeps its book, and in the whole chain everybody; with both, everything together has
    /// the chain on the embedded one only.
    #[arg(long, value_enum, default_value = "both")]
    store: StoreChoice,
    /// How often each system is measured between two baselines.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// How long each measurement lasts, after a second of warming up.
    #[arg(long, default_value_t = 4)]
    seconds: u64,
    /// How much longer the run may take to measure again what does not count.
    #[arg(long, default_value_t = 60)]
    spare_seconds: u64,
    /// Requests in flight in the hub stage.
    #[arg(long, default_value_t = 128)]
    in_flight: usize,
    /// Filings in the hub's book beforehand.
    #[arg(long, default_value_t = 1_000_000)]
    filings: u64,
    /// Settlements in the hub's book beforehand.
    #[arg(long, default_value_t = 0)]
    stored: u64,
    /// How many hub processes share one PostgreSQL.
    #[arg(long, default_value_t = 1)]
    hubs: usize,
    /// Waits this long inside every commit of the hub's book.
    #[arg(long, default_value_t = 0)]
    commit_delay_ms: u64,
    /// Stays that are there for each measurement of the whole chain to settle; without, as many as that takes.
    #[arg(long)]
    stays: Option<usize>,
    /// How long the long run of the open loop goes; 0 leaves it out.
    #[arg(long, default_value_t = 15)]
    long_seconds: u64,
    /// The second of the long run at which the period is cut off; one beyond its end for never.
    #[arg(long, default_value_t = 5)]
    cut_off_at: u64,
    /// The second of the long run at which one of two home regions is cut off; one beyond its end for never.
    #[arg(long, default_value_t = 10)]
    region_cut_at: u64,
    /// The folder of rule books and the demo's data.
    #[arg(long, default_value = "deploy", env = "YIDI_DEPLOY")]
    deploy: PathBuf,
    /// As one JSON object.
    #[arg(long)]
    json: bool,
}

/// A part of the measuring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Stage {
    /// The hub alone, between the load tool and a prepared home region.
    Hub,
    /// The hub at its top, then in an open loop below it, and the long run.
    OpenLoop,
    /// The whole chain from HIS JSON.
    Chain,
    /// pgbench beside the hub's book.
    Pgbench,
    /// Everything.
    All,
}

/// The databases on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StoreChoice {
    /// The embedded one.
    Sqlite,
    /// The production one: a server of our own, with fsync.
    Postgres,
    /// Both, in turn.
    Both,
}

/// A database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Store {
    /// The embedded one.
    Sqlite,
    /// The production one.
    Postgres,
}

/// How much, how long, how often.
#[derive(Clone, Debug)]
pub struct Scale {
    /// On which databases.
    pub store: StoreChoice,
    /// Rounds.
    pub rounds: usize,
    /// What of a measurement does not count.
    pub warm_up: Duration,
    /// What does.
    pub measured: Duration,
    /// Requests in flight in the hub stage.
    pub in_flight: usize,
    /// Stays that are there for each measurement of the whole chain to settle; as many as that takes where not said.
    pub stays: Option<usize>,
    /// Filings beforehand.
    pub filings: u64,
    /// Settlements beforehand.
    pub stored: u64,
    /// Hub processes where the database allows several.
    pub hubs: usize,
    /// Waited in every commit of the hub's book.
    pub commit_delay_ms: u64,
}

impl Scale {
    fn of(arguments: &Arguments) -> Scale {
        Scale {
            store: arguments.store,
            rounds: arguments.rounds.max(1),
            warm_up: WARM_UP,
            measured: Duration::from_secs(arguments.seconds.max(1)),
            in_flight: arguments.in_flight.max(1),
            stays: arguments.stays.map(|stays| stays.max(1)),
            filings: arguments.filings,
            stored: arguments.stored,
            hubs: arguments.hubs.max(1),
            commit_delay_ms: arguments.commit_delay_ms,
        }
    }

    /// How long one measurement takes.
    pub fn one_measurement(&self) -> Duration {
        self.warm_up + self.measured
    }

    /// The databases.
    pub fn stores(&self) -> Vec<Store> {
        match self.store {
            StoreChoice::Sqlite => vec![Store::Sqlite],
            StoreChoice::Postgres => vec![Store::Postgres],
            StoreChoice::Both => vec![Store::Sqlite, Store::Postgres],
        }
    }
}

/// Measures and prints. Tells whether the run counts.
///
/// # Errors
/// When a part does not start, or a settlement is refused.
pub async fn run(arguments: &Arguments) -> Result<bool> {
    let scale = Scale::of(arguments);
    let mut spare = Spare::of(Duration::from_secs(arguments.spare_seconds));
    let mut report = Report::new(arguments.json);
    let ground = Ground::new(&arguments.deploy)?;
    match arguments.stage {
        Stage::Hub => hub(&ground, &scale, None, &mut spare, &mut report).await?,
        Stage::OpenLoop => hub(&ground, &scale, Some(arguments.long_run()), &mut spare, &mut report).await?,
        Stage::Chain => {
            for store in scale.stores() {
                chain(&ground, store, &scale, &mut spare, &mut report).await?;
            }
        }
        Stage::Pgbench => pgbench(&scale, &mut report)?,
        Stage::All => {
            hub(&ground, &scale, Some(arguments.long_run()), &mut spare, &mut report).await?;
            // On one database: on both, everything would take longer than ten minutes.
            if let Some(store) = scale.stores().into_iter().next() {
                chain(&ground, store, &scale, &mut spare, &mut report).await?;
            }
        }
    }
    report.end()
}

/// The hub stage, and with a long run the open loop below its top.
async fn hub(
    ground: &Ground,
    scale: &Scale,
    open: Option<LongRun>,
    spare: &mut Spare,
    report: &mut Report,
) -> Result<()> {
    let postgres = scale.stores().contains(&Store::Postgres).then(start_postgres).transpose()?;
    let mut stage = HubStage::start(ground, postgres.as_ref(), scale, report).await?;
    let tops = stage.measure(scale, spare, report).await?;
    stage.tell(&tops, scale, report)?;
    report.figure("filings", json!(scale.filings));
    report.figure("stored", json!(scale.stored));
    let Some(long) = open else { return Ok(()) };
    let mut fates = open_stage::compare(&stage, &tops, scale, report).await?;
    if !long.measured.is_zero() {
        for hub in &mut stage.hubs {
            fates.add(long_run(hub, tops.of(&hub.name), long, scale, report).await?);
        }
    }
    report.figure("open_loop_failed", json!(fates.share_failed()));
    stage.tell_memory(report)
}

/// The whole chain, with every book in one kind of database.
async fn chain(ground: &Ground, store: Store, scale: &Scale, spare: &mut Spare, report: &mut Report) -> Result<()> {
    let server = (store == Store::Postgres).then(start_postgres).transpose()?;
    chain_stage::run(ground, server, scale, spare, report).await
}

fn pgbench(scale: &Scale, report: &mut Report) -> Result<()> {
    let pgbench = Pgbench::prepare(start_postgres()?)?;
    let rates = (0..scale.rounds).map(|_| pgbench.measure(scale.measured)).collect::<Result<Vec<_>>>()?;
    report.figure("pgbench_per_second", json!(median(rates).round()));
    Ok(())
}

/// As an operator would run it: durable, with room for the book's indexes, and with a log that goes on in segments which
/// were written before, as it does in a server that has been in service for a while; a new one has to be filled first.
///
/// # Errors
/// When it does not start.
pub fn start_postgres() -> Result<Arc<PrivatePostgres>> {
    let settings = ["shared_buffers=512MB", "min_wal_size=2GB", "max_wal_size=4GB"].map(str::to_owned).to_vec();
    let options = PostgresOptions { durability: Durability::Durable, settings, ..PostgresOptions::default() };
    Ok(Arc::new(PrivatePostgres::start(options)?))
}

impl Arguments {
    fn long_run(&self) -> LongRun {
        LongRun {
            measured: Duration::from_secs(self.long_seconds),
            cut_off_at: Duration::from_secs(self.cut_off_at),
            region_cut_at: Duration::from_secs(self.region_cut_at),
        }
    }
}
