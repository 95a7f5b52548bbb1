//! The hub of a simulated month and its members: the real hub on loopback, with a private authority and a certificate for
//! each member, through which the member confirms, objects and records payments as it would in service.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use clearing::period::Side;
use identity::client::{Expected, channel};
use identity::credentials::Credentials;
use identity::name::{ParticipantName, Role, all_regions};
use identity::pki::{CertificateAuthority, Issue};
use ledger::clock::Clock;
use proto::v1::clearing_client::ClearingClient;
use proto::{status, v1};
use settlement::ids::MemberCode;
use tonic::transport::Channel;

/// How long the certificates are good for: the run takes hours at most.
const CERTIFICATE_DAYS: u32 = 7;
/// The hub does nothing by itself: what is due is done when the run says so.
const NEVER_MS: u64 = 30 * 24 * 3_600_000;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// One pair in so many has its home member object to a settlement.
const OBJECTS: usize = 40;
const FIRST_TO_OBJECT: usize = 7;
/// One reply in so many never comes.
const SILENT: usize = 10;

/// The hub, running, and whoever calls it.
pub struct Simulated {
    /// The hub.
    pub hub: broker::Running,
    operator: ClearingClient<Channel>,
    members: BTreeMap<String, ClearingClient<Channel>>,
}

/// How members replied to statements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replies {
    /// Confirmed.
    pub confirmed: u64,
    /// Objected.
    pub objected: u64,
    /// Left unsaid.
    pub silent: u64,
}

impl Simulated {
    /// Issues the certificates and starts a hub in a folder that has none.
    ///
    /// # Errors
    /// When it cannot start.
    pub async fn start(
        folder: &Path,
        deploy: &Path,
        clock: Clock,
        members: impl Iterator<Item = MemberCode>,
    ) -> Result<Simulated> {
        let pki = folder.join("pki");
        let authority = CertificateAuthority::init(&pki.join("ca"), "Yidi simulated month")?;
        let issue = |name: ParticipantName, of: &str, hosts: Vec<String>| -> Result<PathBuf> {
            let folder = pki.join(of);
            authority.issue(&folder, &Issue { names: vec![name], hosts, days: CERTIFICATE_DAYS })?;
            Ok(folder)
        };
        let credentials = issue(ParticipantName::hub(), "hub", vec!["127.0.0.1".to_owned()])?;
        let config = config(folder, deploy, credentials);
        let hub = broker::start(config, clock).await.context("the hub")?;
        let address = hub.address().to_string();
        let connect = |folder: &Path| -> Result<ClearingClient<Channel>> {
            let credentials = std::sync::Arc::new(Credentials::load(folder)?);
            Ok(ClearingClient::new(channel(&address, credentials, Expected::Hub, CONNECT_TIMEOUT)?))
        };
        let everywhere = ParticipantName::new(all_regions(), Role::Operator)?;
        let operator = connect(&issue(everywhere, "operator", Vec::new())?)?;
        let mut clients = BTreeMap::new();
        for member in members {
            let name = ParticipantName::new(member.0, Role::Operator)?;
            clients.insert(member.to_string(), connect(&issue(name, &format!("member-{member}"), Vec::new())?)?);
        }
        Ok(Simulated { hub, operator, members: clients })
    }

    /// Whoever operates the hub for all.
    pub fn operator(&self) -> ClearingClient<Channel> {
        self.operator.clone()
    }

    /// A month as a member sees it; as the operator does where none is named.
    ///
    /// # Errors
    /// When the hub refuses.
    pub async fn period(&self, month: &str, member: Option<&str>) -> Result<v1::PeriodView> {
        let mut client = match member {
            Some(member) => self.member(member)?,
            None => self.operator(),
        };
        let told = client.periods(v1::PeriodsRequest { month: month.to_owned() }).await;
        let periods = told.map_err(|refused| status::to_refusal(&refused))?.into_inner().periods;
        periods.into_iter().next().context("the hub tells of no such period")
    }

    /// The members.
    pub fn members(&self) -> impl Iterator<Item = &str> {
        self.members.keys().map(String::as_str)
    }

    /// Has every member look at its statements that wait for it: most confirm, some object, some say nothing.
    ///
    /// # Errors
    /// When the hub refuses.
    pub async fn reply(&self, month: &str) -> Result<Replies> {
        let mut replies = Replies::default();
        for (number, pair) in self.period(month, None).await?.pairs.iter().enumerate() {
            if pair.version == 1 && number % OBJECTS == FIRST_TO_OBJECT {
                self.object(month, pair).await?;
                replies.objected += 1;
                continue;
            }
            for (side, confirmed) in [(Side::Home, pair.home_confirmed), (Side::Treatment, pair.treatment_confirmed)] {
                let is_silent = (2 * number + usize::from(side == Side::Home)) % SILENT == 3;
                if is_silent {
                    replies.silent += 1;
                } else if !confirmed {
                    self.answer(month, (pair, side), (Vec::new(), "")).await?;
                    replies.confirmed += 1;
                }
            }
        }
        Ok(replies)
    }

    /// Has both sides of every pair with notices record the payment; tells how many were paid.
    ///
    /// # Errors
    /// When the hub refuses.
    pub async fn pay(&self, month: &str, on: &str) -> Result<u64> {
        let mut paid = 0;
        for (number, pair) in self.period(month, None).await?.pairs.iter().enumerate() {
            if pair.noticed_on.is_empty() {
                continue;
            }
            let due = pair.payables.iter().filter(|payable| payable.due != 0);
            for (payable, side) in due.flat_map(|payable| Side::ALL.map(|side| (payable, side))) {
                let member = member_of(pair, side);
                let payment = v1::PaymentView {
                    serial: format!("{}{number:06}{}", month.replace('-', ""), payable.insurance),
                    bank: format!("{member} 财政专户"),
                    on: on.to_owned(),
                    amount: payable.due.abs(),
                };
                let request = v1::PayRequest {
                    month: month.to_owned(),
                    home: pair.home.clone(),
                    treatment: pair.treatment.clone(),
                    side: side.word().to_owned(),
                    payment: Some(payment),
                    insurance: payable.insurance.clone(),
                };
                self.member(member)?.pay(request).await.map_err(|refused| status::to_refusal(&refused))?;
            }
            paid += 1;
        }
        Ok(paid)
    }

    async fn object(&self, month: &str, pair: &v1::PairView) -> Result<()> {
        let mut home = self.member(&pair.home)?;
        let (month, version) = (month.to_owned(), pair.version);
        let (of_home, of_treatment) = (pair.home.clone(), pair.treatment.clone());
        let asked = v1::StatementRequest { month: month.clone(), home: of_home, treatment: of_treatment, version };
        let stated = home.statement(asked).await.map_err(|refused| status::to_refusal(&refused))?.into_inner();
        let lot = stated.lots.into_iter().find_map(|lot| lot.lot);
        let asked = v1::LotRequest { month: month.clone(), lot, after: 0, limit: 1 };
        let listed = home.settlements(asked).await.map_err(|refused| status::to_refusal(&refused))?.into_inner();
        let settlements = listed.settlements.into_iter().map(|row| row.settlement).collect();
        self.answer(&month, (pair, Side::Home), (settlements, "费用待核实")).await
    }

    async fn answer(
        &self,
        month: &str,
        (pair, side): (&v1::PairView, Side),
        (objected, reason): (Vec<String>, &str),
    ) -> Result<()> {
        let answer = v1::StatementAnswer {
            month: month.to_owned(),
            home: pair.home.clone(),
            treatment: pair.treatment.clone(),
            side: side.word().to_owned(),
            version: pair.version,
            objected,
            reason: reason.to_owned(),
        };
        let mut member = self.member(member_of(pair, side))?;
        member.answer(answer).await.map(drop).map_err(|refused| status::to_refusal(&refused).into())
    }

    fn member(&self, code: &str) -> Result<ClearingClient<Channel>> {
        self.members.get(code).cloned().with_context(|| format!("{code} is no member of this month"))
    }
}

fn member_of(pair: &v1::PairView, side: Side) -> &str {
    match side {
        Side::Home => &pair.home,
        Side::Treatment => &pair.treatment,
    }
}

fn config(folder: &Path, deploy: &Path, credentials: PathBuf) -> broker::Config {
    broker::Config {
        listen: (Ipv4Addr::LOCALHOST, 0).into(),
        store: folder.join("hub.db").into(),
        commit_delay_ms: 0,
        max_store_pages: None,
        credentials,
        regions: deploy.join("regions.csv"),
        calendar: Some(deploy.join("calendar.toml")),
        clear_every_ms: NEVER_MS,
        compare_every_ms: NEVER_MS,
        homes: Vec::new(),
        deadline_ms: 8_000,
        in_flight: 2_048,
        in_flight_per_home: None,
        resolve_every_ms: NEVER_MS,
        connect_ms: 2_000,
        breaker: broker::BreakerConfig::default(),
    }
}
