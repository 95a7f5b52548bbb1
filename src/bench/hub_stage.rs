//! The hub stage: the load tool as treatment side, a real hub with its store, and a prepared home region, against a
//! bare forward over the same hops.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use serde_json::json;

use super::book::{self, Book};
use super::comparison::Comparison;
use super::crew::{Crew, HUB, Member};
use super::ground::{Ground, HOME, OTHER_HOME, pool};
use super::load::{self, Amount};
use super::measured::{Measured, tenth, thousandth};
use super::operations::{Operations, Wrapping};
use super::part::Part;
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
}

/// A subject with the processes behind it.
pub struct Rig {
    /// Its name in reports.
    pub name: &'static str,
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
    pub async fn start(ground: &Ground, scale: &Scale, report: &Report) -> Result<HubStage> {
        let operations = Arc::new(Operations::new(pool(HOME)?, scale.filings.max(1))?);
        let forward = forward(ground, &operations)?;
        let mut hubs = Vec::new();
        for store in scale.stores() {
            let book = Book::new(ground, store)?;
            report.note(&format!(
                "{}: {} filings and {} settlements beforehand …",
                book.name(),
                scale.filings,
                scale.stored
            ));
            book::fill(&book, &operations, scale).await?;
            hubs.push(hub(ground, &book, &operations, scale)?);
        }
        Ok(HubStage { forward, hubs })
    }

    /// Measures at full load, the forward before and after each hub.
    ///
    /// # Errors
    /// When a settlement is not accepted.
    pub async fn compare(&self, scale: &Scale, report: &Report) -> Result<Comparison> {
        let mut comparison = Comparison::with("bare forward");
        comparison.baseline(closed(&self.forward, scale).await?);
        for round in 1..=scale.rounds {
            for hub in &self.hubs {
                report.note(&format!("hub stage, {}, round {round} …", hub.name));
                comparison.system(hub.name, closed(hub, scale).await?);
                comparison.baseline(closed(&self.forward, scale).await?);
            }
        }
        Ok(comparison)
    }

    /// Says what it came to.
    ///
    /// # Errors
    /// When a hub has ended.
    pub fn tell(&self, comparison: &Comparison, report: &mut Report) -> Result<()> {
        report.say("Hub stage: treatment side (load tool) → hub → prepared home, mutual TLS on both hops.");
        comparison.show(report, "hub");
        let mut cpu_ratios = Vec::new();
        let mut memory = Vec::new();
        for hub in &self.hubs {
            let ratio = comparison.ratio(hub.name).context("the hub was not measured")?;
            report.figure(&format!("hub_{}_ratio", hub.name), thousandth(ratio));
            report.figure(
                &format!("hub_{}_per_second", hub.name),
                tenth(comparison.per_second(hub.name).unwrap_or_default()),
            );
            let cpu = comparison.hub_cpu_ratio(hub.name).context("the hub was not measured")?;
            report.figure(&format!("hub_{}_cpu_ratio", hub.name), thousandth(cpu));
            cpu_ratios.push(cpu);
            for middle in &hub.middle {
                memory.push(usage::peak_memory_mb(middle.pid())?);
            }
        }
        // One figure for both databases is the worse of the two.
        report.figure("hub_cpu_ratio", cpu_ratios.into_iter().reduce(f64::max).map_or(json!(null), thousandth));
        report.figure("hub_rss_mb", json!(memory.into_iter().max()));
        let micros = comparison.baseline_hub_micros();
        report.figure("forward_per_second", tenth(comparison.baseline_per_second()));
        report.figure("forward_hub_cpu_us", tenth(micros));
        let void = !FORWARD_MICROS.contains(&micros);
        report.figure("void", json!(void));
        if void {
            report.note(&format!("VOID: the bare forward costs the hub's place {micros:.1} CPU µs, outside 35 to 65"));
        }
        Ok(())
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
    Ok(Rig { name: "bare forward", subject, middle, _home: home, other_home: None })
}

fn hub(ground: &Ground, book: &Book, operations: &Arc<Operations>, scale: &Scale) -> Result<Rig> {
    let home = prepared_home(ground, HOME, scale.stored + 1)?;
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
