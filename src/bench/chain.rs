//! Three processes in a row, outermost first: treatment side, hub and home region as they serve, on books that are there,
//! or the same row handing bytes through.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use jiff::civil::date;
use settlement::beijing;

use super::chain_stores::{ChainStores, Role};
use super::crew::{Crew, HUB, Member};
use super::ground::{Ground, HOME, TREATMENT};
use super::load::{self, Amount};
use super::measured::Measured;
use super::part::Part;
use super::process::Process;
use super::settle::Scale;
use crate::desk::Desk;

/// What an answer that succeeded begins with, after the brace.
const SUCCEEDED: &[u8] = br#""infcode":0,"#;
/// What of a measurement does not count; less than elsewhere, since stays run out.
const WARM_UP: Duration = Duration::from_millis(500);
const TREATMENT_ROLE: &str = "treatment";
const HOME_ROLE: &str = "home";

/// Three processes in a row.
pub struct Chain {
    /// Where hospitals send to.
    pub desk: Desk,
    crew: Crew,
    // In the order in which they may end: each asks the next.
    parts: [Process; 3],
}

impl Chain {
    /// The real one, with settings from a folder like `deploy`.
    ///
    /// # Errors
    /// When a part does not start.
    pub fn real(ground: &Ground, deploy: &Path, stores: &ChainStores) -> Result<Chain> {
        let now = beijing::instant_of(date(2025, 5, 1).at(8, 0, 0, 0)).context("an instant")?;
        let (at, settings) = (Some(now.as_microsecond()), Settings { ground, deploy, stores });
        let home = Process::start(&Part::Home { config: settings.of_home()?, at })?;
        let hub = Process::start(&Part::Hub { config: settings.of_hub(home.address())?, at })?;
        let treatment = Process::start(&Part::Treatment { config: settings.of_treatment(hub.address())?, at })?;
        Ok(Chain::new(stores.crew(), [treatment, hub, home]))
    }

    /// The one that hands bytes through.
    ///
    /// # Errors
    /// When a part does not start.
    pub fn of_bytes(ground: &Ground) -> Result<Chain> {
        let home = Process::start(&Part::ByteHome { credentials: ground.home(HOME) })?;
        let hub = Part::Forward { credentials: ground.path("hub"), home: HOME.to_owned(), to: home.address() };
        let hub = Process::start(&hub)?;
        let desk = Process::start(&Part::ByteDesk { credentials: ground.path("treatment"), to: hub.address() })?;
        Ok(Chain::new(Crew::new(), [desk, hub, home]))
    }

    fn new(crew: Crew, parts: [Process; 3]) -> Chain {
        let [treatment, hub, home] = &parts;
        let crew = crew
            .with(TREATMENT_ROLE, Member::Process(treatment.pid()))
            .with(HUB, Member::Process(hub.pid()))
            .with(HOME_ROLE, Member::Process(home.pid()));
        Chain { desk: Desk::new(format!("http://{}", treatment.address())), crew, parts }
    }

    /// Lets every part end in good order.
    ///
    /// # Errors
    /// When one complains.
    pub fn stop(self) -> Result<()> {
        self.parts.into_iter().try_for_each(Process::stop)
    }

    /// Settles stays, each once, until the time is over or there are no more.
    ///
    /// # Errors
    /// When one is refused.
    pub async fn settle(&self, stays: &Arc<[Bytes]>, in_flight: usize, scale: &Scale) -> Result<Measured> {
        let amount = Amount::Stock { warm_up: WARM_UP, measured: scale.measured, count: stays.len() };
        self.send(stays, amount, in_flight).await
    }

    /// Settles stays, each once.
    ///
    /// # Errors
    /// When one is refused.
    pub async fn settle_all(&self, stays: &Arc<[Bytes]>, in_flight: usize) -> Result<()> {
        self.send(stays, Amount::Count(stays.len()), in_flight).await.map(drop)
    }

    async fn send(&self, stays: &Arc<[Bytes]>, amount: Amount, in_flight: usize) -> Result<Measured> {
        let (desk, stays) = (self.desk.clone(), stays.clone());
        load::closed_loop(amount, in_flight, &self.crew, move |turn| {
            let (desk, message) = (desk.clone(), stays[turn.number].clone());
            async move {
                let answer = desk.post(message).await?;
                let succeeded = answer.windows(SUCCEEDED.len()).any(|window| window == SUCCEEDED);
                ensure!(succeeded, "a stay was not settled: {}", String::from_utf8_lossy(&answer));
                Ok(())
            }
        })
        .await
    }

    /// Sends the same messages through, as often as they go.
    ///
    /// # Errors
    /// When bytes do not come back.
    pub async fn pass(&self, stays: &Arc<[Bytes]>, in_flight: usize, scale: &Scale) -> Result<Measured> {
        let (desk, stays) = (self.desk.clone(), stays.clone());
        let amount = Amount::Time { warm_up: WARM_UP, measured: scale.measured };
        load::closed_loop(amount, in_flight, &self.crew, move |turn| {
            let (desk, message) = (desk.clone(), stays[turn.number % stays.len()].clone());
            async move {
                let size = message.len();
                ensure!(desk.post(message).await?.len() == size, "the bytes did not come back");
                Ok(())
            }
        })
        .await
    }
}

/// The configuration files of the real chain.
struct Settings<'a> {
    ground: &'a Ground,
    deploy: &'a Path,
    stores: &'a ChainStores,
}

impl Settings<'_> {
    fn of_home(&self) -> Result<PathBuf> {
        let mut settings = self.shared(Role::Home, &self.ground.home(HOME));
        settings.insert("key".to_owned(), text(&self.stores.key()));
        settings.insert("pools".to_owned(), vec![HOME].into());
        settings.insert("rulebooks".to_owned(), text(&self.deploy.join(format!("rulebooks/{HOME}-xinxiang"))));
        settings.insert("people".to_owned(), text(&self.deploy.join("demo/people")));
        self.ground.write("chain-home", &settings)
    }

    fn of_hub(&self, home: SocketAddr) -> Result<PathBuf> {
        let route = toml::Table::from_iter([
            ("pools".to_owned(), vec![HOME].into()),
            ("address".to_owned(), home.to_string().into()),
        ]);
        let mut settings = self.shared(Role::Hub, &self.ground.path("hub"));
        settings.insert("homes".to_owned(), toml::Value::Array(vec![route.into()]));
        settings.insert("in_flight_per_home".to_owned(), 1_024.into());
        self.ground.write("chain-hub", &settings)
    }

    fn of_treatment(&self, hub: SocketAddr) -> Result<PathBuf> {
        let mut settings = self.shared(Role::Treatment, &self.ground.path("treatment"));
        settings.insert("pools".to_owned(), vec![TREATMENT].into());
        settings.insert("hub".to_owned(), hub.to_string().into());
        settings.insert("catalogue".to_owned(), text(&self.deploy.join("demo/catalogue.csv")));
        settings.insert("institutions".to_owned(), text(&self.deploy.join("demo/institutions.csv")));
        self.ground.write("chain-treatment", &settings)
    }

    /// What every role has.
    fn shared(&self, role: Role, credentials: &Path) -> toml::Table {
        toml::Table::from_iter([
            ("listen".to_owned(), "127.0.0.1:0".into()),
            ("store".to_owned(), self.stores.location(role).into()),
            ("credentials".to_owned(), text(credentials)),
            ("regions".to_owned(), text(&self.deploy.join("regions.csv"))),
        ])
    }
}

fn text(path: &Path) -> toml::Value {
    path.display().to_string().into()
}
