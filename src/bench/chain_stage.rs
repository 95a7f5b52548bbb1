//! The whole chain: HIS JSON in, treatment side, hub, and home region with its rules, a process each and durable on all
//! three, against the same three processes handing bytes through.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use jiff::civil::date;
use serde_json::json;
use settlement::beijing;

use super::comparison::Comparison;
use super::crew::{Crew, HUB, Member};
use super::ground::{Ground, HOME, TREATMENT};
use super::load::{self, Amount};
use super::measured::{Measured, thousandth};
use super::part::Part;
use super::prepare::{self, Stay};
use super::process::Process;
use super::report::Report;
use super::settle::Scale;
use crate::desk::Desk;

/// How many settlements are in flight.
const IN_FLIGHT: [usize; 3] = [64, 128, 256];
/// What an answer that succeeded begins with, after the brace.
const SUCCEEDED: &[u8] = br#""infcode":0,"#;
const TREATMENT_ROLE: &str = "treatment";
const HOME_ROLE: &str = "home";

/// Three processes in a row, outermost first.
struct Chain {
    desk: Desk,
    crew: Crew,
    // In the order in which they may end: each asks the next.
    _parts: [Process; 3],
}

/// Measures and tells.
///
/// # Errors
/// When a part does not start, or a settlement is refused.
pub async fn run(ground: &Ground, scale: &Scale, report: &mut Report) -> Result<()> {
    let total = scale.stays * scale.rounds * IN_FLIGHT.len();
    let deploy = ground.path("chain-deploy");
    prepare::deploy_with_people(ground.deploy(), &deploy, total)?;
    let chain = Chain::real(ground, &deploy)?;
    let bytes = Chain::of_bytes(ground)?;
    let mut comparisons = IN_FLIGHT.map(|in_flight| (in_flight, Comparison::with("bytes through")));
    let mut first = 0;
    for round in 1..=scale.rounds {
        for (in_flight, comparison) in &mut comparisons {
            report
                .note(&format!("whole chain, {in_flight} in flight, round {round}: preparing {} stays …", scale.stays));
            let stays = prepare::stays(&chain.desk, first, scale.stays).await?;
            first += stays.len();
            let stays = messages(&stays)?;
            comparison.baseline(bytes.pass(&stays, *in_flight, scale).await?);
            report.note("settling them …");
            comparison.system("chain", chain.settle(&stays, *in_flight).await?);
            comparison.baseline(bytes.pass(&stays, *in_flight, scale).await?);
        }
    }
    tell(&comparisons, report)
}

fn tell(comparisons: &[(usize, Comparison)], report: &mut Report) -> Result<()> {
    let mut top: Option<(f64, f64)> = None;
    for (in_flight, comparison) in comparisons {
        report.say(&format!(
            "Whole chain, {in_flight} in flight: 2304 of stays with 50 charge lines, five commits in a row."
        ));
        comparison.show(report, &format!("chain_{in_flight}"));
        let measured = comparison.per_second("chain").zip(comparison.ratio("chain"));
        let (per_second, ratio) = measured.context("the chain was not measured")?;
        report.figure(&format!("chain_{in_flight}_ratio"), thousandth(ratio));
        report.figure(&format!("chain_{in_flight}_per_second"), json!(per_second.round()));
        if top.is_none_or(|(most, _)| per_second > most) {
            top = Some((per_second, ratio));
        }
    }
    // The one figure is that of the load at which most goes through, as for the hub alone.
    report.figure("chain_ratio", top.map_or(json!(null), |(_, ratio)| thousandth(ratio)));
    Ok(())
}

fn messages(stays: &[Stay]) -> Result<Arc<[Bytes]>> {
    stays.iter().map(|stay| Ok(serde_json::to_vec(&stay.settle)?.into())).collect()
}

impl Chain {
    fn real(ground: &Ground, deploy: &Path) -> Result<Chain> {
        let now = beijing::instant_of(date(2025, 5, 1).at(8, 0, 0, 0)).context("an instant")?;
        let (at, settings) = (Some(now.as_microsecond()), Settings { ground, deploy });
        let home = Process::start(&Part::Home { config: settings.of_home()?, at })?;
        let hub = Process::start(&Part::Hub { config: settings.of_hub(home.address())?, at })?;
        let treatment = Process::start(&Part::Treatment { config: settings.of_treatment(hub.address())?, at })?;
        Ok(Chain::new([treatment, hub, home]))
    }

    fn of_bytes(ground: &Ground) -> Result<Chain> {
        let home = Process::start(&Part::ByteHome { credentials: ground.home(HOME) })?;
        let hub = Part::Forward { credentials: ground.path("hub"), home: HOME.to_owned(), to: home.address() };
        let hub = Process::start(&hub)?;
        let desk = Process::start(&Part::ByteDesk { credentials: ground.path("treatment"), to: hub.address() })?;
        Ok(Chain::new([desk, hub, home]))
    }

    fn new(parts: [Process; 3]) -> Chain {
        let [treatment, hub, home] = &parts;
        let crew = Crew::new()
            .with(TREATMENT_ROLE, Member::Process(treatment.pid()))
            .with(HUB, Member::Process(hub.pid()))
            .with(HOME_ROLE, Member::Process(home.pid()));
        Chain { desk: Desk::new(format!("http://{}", treatment.address())), crew, _parts: parts }
    }

    /// Settles every stay once.
    async fn settle(&self, stays: &Arc<[Bytes]>, in_flight: usize) -> Result<Measured> {
        let (desk, stays, count) = (self.desk.clone(), stays.clone(), stays.len());
        load::closed_loop(Amount::Count(count), in_flight, &self.crew, move |turn| {
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
    async fn pass(&self, stays: &Arc<[Bytes]>, in_flight: usize, scale: &Scale) -> Result<Measured> {
        let (desk, stays) = (self.desk.clone(), stays.clone());
        let amount = Amount::Time { warm_up: Duration::from_millis(500), measured: scale.measured };
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
}

impl Settings<'_> {
    fn of_home(&self) -> Result<PathBuf> {
        let mut settings = self.shared("home", &self.ground.home(HOME));
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
        let mut settings = self.shared("hub", &self.ground.path("hub"));
        settings.insert("homes".to_owned(), toml::Value::Array(vec![route.into()]));
        settings.insert("in_flight_per_home".to_owned(), 1_024.into());
        self.ground.write("chain-hub", &settings)
    }

    fn of_treatment(&self, hub: SocketAddr) -> Result<PathBuf> {
        let mut settings = self.shared("treatment", &self.ground.path("treatment"));
        settings.insert("pools".to_owned(), vec![TREATMENT].into());
        settings.insert("hub".to_owned(), hub.to_string().into());
        settings.insert("catalogue".to_owned(), text(&self.deploy.join("demo/catalogue.csv")));
        settings.insert("institutions".to_owned(), text(&self.deploy.join("demo/institutions.csv")));
        self.ground.write("chain-treatment", &settings)
    }

    /// What every role has.
    fn shared(&self, name: &str, credentials: &Path) -> toml::Table {
        toml::Table::from_iter([
            ("listen".to_owned(), "127.0.0.1:0".into()),
            ("store".to_owned(), text(&self.ground.path("chain").join(format!("{name}.db")))),
            ("credentials".to_owned(), text(credentials)),
            ("regions".to_owned(), text(&self.deploy.join("regions.csv"))),
        ])
    }
}

fn text(path: &Path) -> toml::Value {
    path.display().to_string().into()
}
