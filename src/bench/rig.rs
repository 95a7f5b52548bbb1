//! A subject with the processes behind it: the bare forward, or hubs on a book, each with home regions of its own.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};

use super::book::Book;
use super::crew::{Crew, HUB, Member};
use super::ground::{Ground, HOME, OTHER_HOME};
use super::load::{self, Amount};
use super::measured::Measured;
use super::open_loop::{Schedule, Timeline, open_loop};
use super::operations::{Operations, Wrapping};
use super::part::Part;
use super::process::Process;
use super::settle::Scale;
use super::subject::{Subject, To};

/// What a home region does in a crew.
const HOME_ROLE: &str = "home";

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
    /// The bare forward.
    ///
    /// # Errors
    /// When a part does not start.
    pub fn forward(ground: &Ground, operations: &Arc<Operations>) -> Result<Rig> {
        let home = prepared_home(ground, HOME, 1)?;
        let part = Part::Forward { credentials: ground.path("hub"), home: HOME.to_owned(), to: home.address() };
        let middle = vec![Process::start(&part)?];
        let (crew, addresses) = at_work(Crew::new(), &middle, &home);
        let subject = Subject::new(ground, &addresses, crew, operations.clone(), Wrapping::Answer)?;
        Ok(Rig { name: "bare forward".to_owned(), subject, middle, _home: home, other_home: None })
    }

    /// A hub on a book, or several on one that may be shared.
    ///
    /// # Errors
    /// When a part does not start.
    pub fn hub(ground: &Ground, book: &Book, operations: &Arc<Operations>, scale: &Scale) -> Result<Rig> {
        let home = prepared_home(ground, HOME, book.stored() + 1)?;
        let other_home = prepared_home(ground, OTHER_HOME, 1)?;
        let homes = [(HOME, home.address()), (OTHER_HOME, other_home.address())];
        let config = hub_config(ground, book, &homes, scale)?;
        let start = |_| Process::start(&Part::Hub { config: config.clone(), at: None });
        let middle = (0..book.hubs(scale.hubs)).map(start).collect::<Result<Vec<_>>>()?;
        let (crew, addresses) = at_work(book.crew(), &middle, &home);
        let subject = Subject::new(ground, &addresses, crew, operations.clone(), Wrapping::Reply)?;
        Ok(Rig { name: book.name(), subject, middle, _home: home, other_home: Some(other_home) })
    }

    /// Settles as much as goes through, so many in flight.
    ///
    /// # Errors
    /// When a settlement is not accepted.
    pub async fn closed_loop(&self, scale: &Scale) -> Result<Measured> {
        let subject = self.subject.clone();
        let amount = Amount::Time { warm_up: scale.warm_up, measured: scale.measured };
        load::closed_loop(amount, scale.in_flight, &self.subject.crew, move |turn| {
            let subject = subject.clone();
            async move { subject.settle(turn.lane, To::Home).await }
        })
        .await
        .with_context(|| format!("through {}", self.name))
    }

    /// Settles for the home region when it is due, whatever became of what was due before.
    ///
    /// # Errors
    /// When a part has ended.
    pub async fn open_loop(&self, schedule: Schedule) -> Result<Timeline> {
        let subject = self.subject.clone();
        open_loop(schedule, &self.subject.crew, move |due| {
            let subject = subject.clone();
            async move { subject.settle(due.lane(), To::Home).await }
        })
        .await
        .with_context(|| format!("through {}", self.name))
    }

    /// Ends the other home region as a crash would.
    ///
    /// # Errors
    /// When there is none any more.
    pub fn cut_other_home(&mut self) -> Result<()> {
        self.other_home.take().context("there is no other home region any more")?.kill()
    }
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
        ("in_flight".to_owned(), 2_048.into()),
        ("in_flight_per_home".to_owned(), 2_048.into()),
        ("homes".to_owned(), toml::Value::Array(homes)),
    ]);
    if scale.commit_delay_ms > 0 {
        settings.insert("commit_delay_ms".to_owned(), i64::try_from(scale.commit_delay_ms)?.into());
    }
    ground.write(&format!("hub-{}", book.name()), &settings)
}
