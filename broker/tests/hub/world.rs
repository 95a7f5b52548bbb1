//! A test's own world: an authority, a table of regions, a hub, a home region, and clients with certificates.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use broker::reconcile::notary::Notary;
use broker::{BreakerConfig, Config, HomeConfig, Running};
use identity::client::{Expected, channel};
use identity::credentials::Credentials;
use identity::name::{ParticipantName, Role, all_regions};
use identity::permit::TreatmentPermit;
use identity::pki::{CertificateAuthority, Issue};
use identity::signing::Signer;
use ledger::clock::Clock;
use proto::convert;
use proto::v1;
use proto::v1::filings_client::FilingsClient;
use proto::v1::hub_client::HubClient;
use proto::v1::operate_reply::Result as Told;
use settlement::money::Money;
use settlement::operation::Operation;
use settlement::outcome::Outcome;
use settlement::refusal::{Reason, Refusal};
use tempfile::TempDir;
use tonic::Status;
use tonic::transport::Channel;

use crate::fake_home::{FakeHome, Served};
use crate::requests::{envelope, region};

const REGIONS: &str = "code,name,level,pool,member\n310000,上海市,pool,310000,310000\n\
    310101,黄浦区,county,310000,310000\n410000,河南省,province,,410000\n410700,新乡市,pool,410700,410000\n\
    410702,红旗区,county,410700,410000\n440300,深圳市,pool,440300,440000\n440000,广东省,province,,440000\n";

pub struct World {
    folder: TempDir,
    authority: CertificateAuthority,
    pub config: Config,
    pub home: FakeHome,
    served: Option<Served>,
    home_address: SocketAddr,
    running: Option<Running>,
    treatment: Option<HubClient<Channel>>,
    /// Kept up for as long as the world is.
    neighbour: Option<Served>,
}

/// The pool of the other home region, where a test has one.
pub const NEIGHBOUR: &str = "440300";

/// What a treatment region is told about an operation.
#[derive(Clone, Debug, PartialEq)]
pub enum Answered {
    /// The outcome, and its bytes.
    Outcome(Outcome, bytes::Bytes),
    InDoubt,
}

impl World {
    /// A hub and a home region, both up.
    pub async fn new() -> World {
        World::with(|_| ()).await
    }

    /// The same with other settings of the hub.
    pub async fn with(set: impl FnOnce(&mut Config)) -> World {
        let folder = tempfile::tempdir().expect("a folder");
        let authority = CertificateAuthority::init(&folder.path().join("ca"), "test").expect("an authority");
        issue(&authority, &folder.path().join("hub"), ParticipantName::hub());
        issue(&authority, &folder.path().join("home"), name("410700", Role::Home));
        std::fs::write(folder.path().join("regions.csv"), REGIONS).expect("a table");
        let home = FakeHome::new();
        let served = home.serve(anywhere(), &folder.path().join("home")).await;
        let mut config = config(folder.path(), served.address);
        set(&mut config);
        let home_address = served.address;
        let mut world = World {
            neighbour: None,
            folder,
            authority,
            config,
            home,
            served: Some(served),
            home_address,
            running: None,
            treatment: None,
        };
        world.start_hub().await;
        world
    }

    /// Another home region beside the first, up as well.
    pub async fn with_neighbour(set: impl FnOnce(&mut Config)) -> World {
        let mut world = World::with(set).await;
        world.issue_home("neighbour", NEIGHBOUR);
        let served = FakeHome::new().serve(anywhere(), &world.folder.path().join("neighbour")).await;
        let route = HomeConfig { pools: vec![NEIGHBOUR.into()], address: served.address.to_string() };
        world.config.homes.push(route);
        world.neighbour = Some(served);
        world.crash_hub().await;
        world.start_hub().await;
        world
    }

    pub async fn start_hub(&mut self) {
        let running = self.another_hub().await;
        self.go_on_with(running);
    }

    /// A hub with the same configuration, on a port of its own.
    pub async fn another_hub(&self) -> Running {
        broker::start(self.config.clone(), Clock::real()).await.expect("a hub")
    }

    /// Has all that follows sent to another hub.
    pub fn go_on_with(&mut self, running: Running) {
        // The same certificate for every call; the hub's port is another after each start.
        self.treatment = None;
        self.running = Some(running);
        let channel = self.peer("310000", Role::Treatment);
        self.treatment = Some(HubClient::new(channel));
    }

    pub async fn stop_hub(&mut self) {
        self.running.take().expect("a hub that runs").stop().await;
    }

    /// The hub as it runs; another is to go on.
    pub fn take_hub(&mut self) -> Running {
        self.running.take().expect("a hub that runs")
    }

    /// Ends the hub as a crash would, and returns when its store is free.
    pub async fn crash_hub(&mut self) {
        let running = self.running.take().expect("a hub that runs");
        let closed = running.store().closed();
        drop(running);
        closed.wait().await;
    }

    pub async fn stop_home(&mut self) {
        self.served.take().expect("a home that runs").stop().await;
    }

    pub async fn start_home(&mut self) {
        self.start_home_as("home").await;
    }

    /// Starts the home region with the credentials in a folder.
    pub async fn start_home_as(&mut self, folder: &str) {
        self.served = Some(self.home.serve(self.home_address, &self.folder.path().join(folder)).await);
    }

    pub fn issue_home(&self, folder: &str, code: &str) {
        issue(&self.authority, &self.folder.path().join(folder), name(code, Role::Home));
    }

    pub fn hub(&self) -> &Running {
        self.running.as_ref().expect("a hub that runs")
    }

    /// A channel to the hub with a certificate of its own.
    pub fn peer(&self, code: &str, role: Role) -> Channel {
        let dir = self.folder.path().join(format!("{code}-{role}"));
        if !dir.exists() {
            issue(&self.authority, &dir, name(code, role));
        }
        let credentials = Arc::new(Credentials::load(&dir).expect("credentials"));
        let address = self.hub().address().to_string();
        channel(&address, credentials, Expected::Hub, Duration::from_secs(5)).expect("an address")
    }

    /// Who signs documents for whom [`World::peer`] has made a channel.
    pub fn signer(&self, code: &str, role: Role) -> Signer {
        Signer::load(&self.folder.path().join(format!("{code}-{role}"))).expect("a signer")
    }

    /// What the hub certifies with.
    pub fn notary(&self) -> Notary {
        Notary::load(&self.folder.path().join("hub")).expect("credentials")
    }

    pub fn operator(&self, code: &str) -> FilingsClient<Channel> {
        FilingsClient::new(self.peer(code, Role::Operator))
    }

    /// The client of Shanghai's treatment side.
    pub fn treatment(&self) -> HubClient<Channel> {
        self.treatment.clone().expect("a hub that runs")
    }

    /// The permit of Shanghai's treatment side.
    pub fn permit(&self) -> TreatmentPermit {
        let credentials = Credentials::load(&self.folder.path().join("310000-treatment")).expect("credentials");
        TreatmentPermit::of_our_own(&credentials).expect("a treatment region")
    }

    pub async fn operate(&self, operation: &Operation) -> Result<Answered, Refusal> {
        told(self.treatment().operate(envelope(operation)).await)
    }

    pub async fn resolve(&self, operation: &Operation) -> Result<Answered, Refusal> {
        told(self.treatment().resolve(crate::requests::question(operation)).await)
    }

    /// The answer of an operation, as soon as the hub has it. Sending again is what a treatment side does.
    pub async fn answer(&self, operation: &Operation) -> (Outcome, bytes::Bytes) {
        let asking = async {
            loop {
                if let Answered::Outcome(outcome, bytes) = self.operate(operation).await.expect("no refusal") {
                    return (outcome, bytes);
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), asking).await.expect("an answer in the end")
    }

    /// What an account of the journal has received.
    pub async fn received(&self, account: settlement::postings::Account) -> Money {
        self.hub().store().journal_sum(account).await.expect("a sum")
    }

    /// What must hold at any time: the journal balances, and the worklist is what the evidence says.
    pub async fn check(&self) {
        let store = self.hub().store();
        assert_eq!(store.journal_balance().await.expect("a balance"), (Vec::new(), Money::ZERO));
        assert_eq!(store.operation_misplaced().await.expect("a check"), []);
    }
}

pub fn told(reply: Result<tonic::Response<v1::OperateReply>, Status>) -> Result<Answered, Refusal> {
    match reply.map_err(|status| refusal(&status))?.into_inner().result.expect("a result") {
        Told::Answer(answer) => {
            let outcome = convert::read_outcome(&answer.outcome).expect("a good outcome");
            Ok(Answered::Outcome(outcome, answer.outcome))
        }
        Told::InDoubt(_) => Ok(Answered::InDoubt),
    }
}

/// The refusal that a status must carry.
pub fn refusal(status: &Status) -> Refusal {
    proto::status::carried_refusal(status).unwrap_or_else(|| panic!("no refusal of ours: {status:?}"))
}

pub fn reason<T: std::fmt::Debug>(refused: Result<T, Refusal>) -> Reason {
    refused.expect_err("a refusal").reason
}

/// An operator's or treatment side's name; the code `*` stands for all regions.
fn name(code: &str, role: Role) -> ParticipantName {
    let code = if code == "*" { all_regions() } else { region(code) };
    ParticipantName::new(code, role).expect("a name")
}

fn issue(authority: &CertificateAuthority, dir: &Path, name: ParticipantName) {
    let issue = Issue { names: vec![name], hosts: vec!["127.0.0.1".into()], days: 1 };
    authority.issue(dir, &issue).expect("a certificate");
}

fn config(folder: &Path, home: SocketAddr) -> Config {
    let path = |name: &str| -> PathBuf { folder.join(name) };
    // The home region of these tests keeps no book that could be compared.
    let calendar =
        include_str!("../../../deploy/calendar.toml").replace("uncompared = \"carried\"", "uncompared = \"cleared\"");
    std::fs::write(path("calendar.toml"), calendar).expect("it is written");
    Config {
        listen: anywhere(),
        store: path("hub.db").into(),
        commit_delay_ms: 0,
        max_store_pages: None,
        credentials: path("hub"),
        regions: path("regions.csv"),
        calendar: Some(path("calendar.toml")),
        clear_every_ms: 3_600_000,
        compare_every_ms: 3_600_000,
        homes: vec![HomeConfig { pools: vec!["410700".into()], address: home.to_string() }],
        deadline_ms: 10_000,
        in_flight: 64,
        in_flight_per_home: Some(64),
        resolve_every_ms: 20,
        connect_ms: 2_000,
        breaker: BreakerConfig { open_ms: 20, open_at_most_ms: 100, ..BreakerConfig::default() },
    }
}

fn anywhere() -> SocketAddr {
    "127.0.0.1:0".parse().expect("an address")
}
