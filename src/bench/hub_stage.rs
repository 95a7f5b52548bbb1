//! The hub stage: the load tool as treatment side, a real hub with its store, and a prepared home region, against a
//! bare forward over the same hops.
#![allow(clippy::float_arithmetic)]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use ledger::testing::PrivatePostgres;
use serde_json::json;

use super::book::{Book, POSTGRES, STORED};
use super::comparison::Comparison;
use super::crew::{Crew, HUB, Member};
use super::ground::{Ground, HOME, OTHER_HOME, pool};
use super::load::{self, Amount};
use super::measured::{Measured, median, tenth, thousandth};
use super::operations::{Operations, Wrapping};
use super::part::Part;
use super::pgbench::Pgbench;
use super::process::Process;
use super::report::Report;
use super::settle::Scale;
use super::subject::{Subject, To};
use super::usage;

/// A bare forward that costs the hub's place less or more than this, in CPU microseconds, is none of a healthy machine.
const FORWARD_MICROS: std::ops::RangeInclusive<f64> = 35.0..=65.0;
/// What a home region does in a crew.
const HOME_ROLE: &str = "home";

/// The bare forward and the hubs, all up, each hub on a book of its own.
pub struct HubStage {
    /// The bare forward.
    pub forward: Rig,
    /// Every hub that is measured.
    pub hubs: Vec<Rig>,
    pgbench: Option<Pgbench>,
}

/// What the hub stage came to at full load.
pub struct Tops {
    comparison: Comparison,
    transactions: Vec<f64>,
}

/// A subject with the processes behind it.
pub struct Rig {
    /// Its name in reports.
    pub name: String,
    /// What settlements are sent through.
    pub subject: Subject,
    /// Whoever stands in the middle.
    pub middle: Vec<Process>,
    _home: Process,
    other_home: Option<Process>,
}

impl Rig {
    /// Ends the other home region as a crash would.
    ///
    /// # Errors
    /// When there is none any more.
    pub fn cut_other_home(&mut self) -> Result<()> {
        self.other_home.take().context("there is no other home region any more")?.kill()
    }
}

impl HubStage {
    /// Starts everything; the books are filled before.
    ///
    /// # Errors
    /// When a part does not start.
    pub async fn start(
        ground: &Ground,
        postgres: Option<&Arc<PrivatePostgres>>,
        scale: &Scale,
        report: &Report,
    ) -> Result<HubStage> {
        let operations = Arc::new(Operations::new(pool(HOME)?, scale.filings.max(1))?);
        report.note(&format!("an operation with its envelope is {} bytes", operations.size()));
        let forward = forward(ground, &operations)?;
        let mut hubs = Vec::new();
        for book in Book::all(ground, postgres, scale)? {
            report.note(&format!(
                "{}: {} filings and {} settlements first …",
                book.name(),
                scale.filings,
                book.stored()
            ));
            book.fill(ground, &operations, scale.filings).await?;
            hubs.push(hub(ground, &book, &operations, scale)?);
        }
        let pgbench = postgres.map(|server| Pgbench::prepare(server.clone())).transpose()?;
        Ok(HubStage { forward, hubs, pgbench })
    }

    /// Measures at full load, the forward before and after each hub.
    ///
    /// # Errors
    /// When a settlement is not accepted.
    pub async fn measure(&self, scale: &Scale, report: &Report) -> Result<Tops> {
        let (mut comparison, mut transactions) = (Comparison::with("bare forward"), Vec::new());
        comparison.baseline(closed(&self.forward, scale).await?);
        for round in 1..=scale.rounds {
            for hub in &self.hubs {
                report.note(&format!("hub stage, {}, round {round} …", hub.name));
                comparison.system(&hub.name, closed(hub, scale).await?);
                comparison.baseline(closed(&self.forward, scale).await?);
            }
            if let Some(pgbench) = &self.pgbench {
                transactions.push(pgbench.measure(scale.measured)?);
            }
        }
        Ok(Tops { comparison, transactions })
    }

    /// Says what it came to.
    ///
    /// # Errors
    /// When a hub has ended.
    pub fn tell(&self, tops: &Tops, report: &mut Report) -> Result<()> {
        report.say("Hub stage: treatment side (load tool) → hub → prepared home, mutual TLS on both hops.");
        tops.comparison.show(report, "hub");
        tops.tell_forward(report);
        let mut cpu_ratios = Vec::new();
        for hub in &self.hubs {
            cpu_ratios.push(tops.tell_hub(&hub.name, report)?);
        }
        // One figure for several hubs is that of the worst.
        report.figure("hub_cpu_ratio", cpu_ratios.into_iter().reduce(f64::max).map_or(json!(null), thousandth));
        tops.tell_database(report);
        self.tell_memory(report)
    }

    /// Says how much memory the hubs have taken at most. Asked again at the end of a run, which is longer.
    ///
    /// # Errors
    /// When a hub has ended.
    pub fn tell_memory(&self, report: &mut Report) -> Result<()> {
        let all = self.hubs.iter().flat_map(|hub| &hub.middle).map(|hub| usage::peak_memory_mb(hub.pid()));
        let all = all.collect::<Result<Vec<_>>>()?;
        report.figure("hub_rss_mb", json!(all.into_iter().max()));
        Ok(())
    }
}

impl Tops {
    /// The top of a hub, in settlements a second.
    pub fn of(&self, hub: &str) -> f64 {
        self.comparison.per_second(hub).unwrap_or_default()
    }

    fn tell_forward(&self, report: &mut Report) {
        let micros = self.comparison.baseline_hub_micros();
        report.figure("forward_per_second", json!(self.comparison.baseline_per_second().round()));
        report.figure("forward_hub_cpu_us", tenth(micros));
        let void = !FORWARD_MICROS.contains(&micros);
        report.figure("void", json!(void));
        if void {
            report.note(&format!("VOID: the bare forward costs the hub's place {micros:.1} CPU µs, outside 35 to 65"));
        }
    }

    /// Says what a hub came to, and gives its CPU ratio.
    fn tell_hub(&self, name: &str, report: &mut Report) -> Result<f64> {
        let ratio = self.comparison.ratio(name).context("the hub was not measured")?;
        let cpu = self.comparison.hub_cpu_ratio(name).context("the hub was not measured")?;
        report.figure(&format!("hub_{name}_ratio"), thousandth(ratio));
        report.figure(&format!("hub_{name}_per_second"), json!(self.of(name).round()));
        report.figure(&format!("hub_{name}_cpu_ratio"), thousandth(cpu));
        if let Some(empty) = name.strip_suffix(STORED) {
            report.figure(&format!("stored_{empty}_ratio"), thousandth(self.of(name) / self.of(empty)));
        }
        Ok(cpu)
    }

    fn tell_database(&self, report: &mut Report) {
        if self.transactions.is_empty() {
            return;
        }
        let transactions = median(self.transactions.clone());
        report.figure("pgbench_per_second", json!(transactions.round()));
        if let Some(hub) = self.comparison.per_second(POSTGRES) {
            report.figure("pgbench_ratio", thousandth(hub / transactions));
        }
    }
}

/// One closed loop through a rig.
async fn closed(rig: &Rig, scale: &Scale) -> Result<Measured> {
    let subject = rig.subject.clone();
    let amount = Amount::Time { warm_up: scale.warm_up, measured: scale.measured };
    load::closed_loop(amount, scale.in_flight, &rig.subject.crew, move |turn| {
        let subject = subject.clone();
        async move { subject.settle(turn.lane, To::Home).await }
    })
    .await
    .with_context(|| format!("through {}", rig.name))
}

fn forward(ground: &Ground, operations: &Arc<Operations>) -> Result<Rig> {
    let home = prepared_home(ground, HOME, 1)?;
    let part = Part::Forward { credentials: ground.path("hub"), home: HOME.to_owned(), to: home.address() };
    let middle = vec![Process::start(&part)?];
    let (crew, addresses) = at_work(Crew::new(), &middle, &home);
    let subject = Subject::new(ground, &addresses, crew, operations.clone(), Wrapping::Answer)?;
    Ok(Rig { name: "bare forward".to_owned(), subject, middle, _home: home, other_home: None })
}

fn hub(ground: &Ground, book: &Book, operations: &Arc<Operations>, scale: &Scale) -> Result<Rig> {
    let home = prepared_home(ground, HOME, book.stored() + 1)?;
    let other_home = prepared_home(ground, OTHER_HOME, 1)?;
    let homes = [(HOME, home.address()), (OTHER_HOME, other_home.address())];
    let config = hub_config(ground, book, &homes, scale)?;
    let start = |_| Process::start(&Part::Hub { config: config.clone(), at: None });
    let middle = (0..scale.hubs).map(start).collect::<Result<Vec<_>>>()?;
    let (crew, addresses) = at_work(book.crew(), &middle, &home);
    let subject = Subject::new(ground, &addresses, crew, operations.clone(), Wrapping::Reply)?;
    Ok(Rig { name: book.name(), subject, middle, _home: home, other_home: Some(other_home) })
}

/// The crew with those who stand in the middle and the home region behind them, and where the former listen.
fn at_work(crew: Crew, middle: &[Process], home: &Process) -> (Crew, Vec<SocketAddr>) {
    let crew = middle.iter().fold(crew, |crew, process| crew.with(HUB, Member::Process(process.pid())));
    (crew.with(HOME_ROLE, Member::Process(home.pid())), middle.iter().map(Process::address).collect())
}

fn prepared_home(ground: &Ground, home: &str, first_answer: u64) -> Result<Process> {
    Process::start(&Part::PreparedHome { credentials: ground.home(home), home: home.to_owned(), first_answer })
}

/// The settings of a hub in service, with room for the whole load at one home region.
fn hub_config(ground: &Ground, book: &Book, homes: &[(&str, SocketAddr)], scale: &Scale) -> Result<PathBuf> {
    let homes: Vec<toml::Value> = homes
        .iter()
        .map(|(pool, address)| {
            toml::Table::from_iter([
                ("pools".to_owned(), toml::Value::from(vec![*pool])),
                ("address".to_owned(), address.to_string().into()),
            ])
            .into()
        })
        .collect();
    let mut settings = toml::Table::from_iter([
        ("listen".to_owned(), "127.0.0.1:0".into()),
        ("store".to_owned(), book.location().into()),
        ("credentials".to_owned(), ground.path("hub").display().to_string().into()),
        ("regions".to_owned(), ground.regions().display().to_string().into()),
        ("in_flight".to_owned(), 1_024.into()),
        ("in_flight_per_home".to_owned(), 1_024.into()),
        ("homes".to_owned(), toml::Value::Array(homes)),
    ]);
    if scale.commit_delay_ms > 0 {
        settings.insert("commit_delay_ms".to_owned(), i64::try_from(scale.commit_delay_ms)?.into());
    }
    ground.write(&format!("hub-{}", book.name()), &settings)
}
