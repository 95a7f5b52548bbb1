//! The life of a home region: read what it needs, take in its files, listen, decide, end. Called by `yidi region`,
//! the demo and tests.

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use conversation::{LARGEST_CALL, Terms};
use identity::client::ConnectError;
use identity::credentials::{Credentials, IdentityError};
use identity::name::Role;
use identity::server::{MtlsListener, builder};
use identity::signing::OwnSigner;
use ledger::clock::Clock;
use ledger::engine::{Location, LocationFault};
use ledger::home::HomeStore;
use ledger::store::{StoreError, StoreOptions};
use mailbox::OwnMailboxes;
use mailbox::port::GrpcMailboxes;
use proto::v1::conversation_server::ConversationServer;
use proto::v1::home_region_server::HomeRegionServer;
use proto::v1::reconciliation_server::ReconciliationServer;
use proto::v1::region_book_server::RegionBookServer;
use proto::v1::region_corrections_server::RegionCorrectionsServer;
use settlement::ids::{PersonNumber, PoolCode};
use settlement::region::{RegionFault, RegionTable};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic_health::pb::health_server::{Health as HealthService, HealthServer};
use tonic_health::server::{HealthReporter, health_reporter};

use crate::committer::Committer;
use crate::config::Config;
use crate::door::Door;
use crate::in_force::RulesInForce;
use crate::people;
use crate::post::{self, Poster};
use crate::reconciliation::ReconciliationService;
use crate::rules::{self, Rules, RulesError};
use crate::sealing::{Sealing, SealingError};
use crate::service::RegionService;
use crate::sheet::Faults;
use crate::wire::WIRE;

/// The largest message, in bytes: what the hub sends on may be as large, and a long stay has thousands of charge lines.
const LARGEST_MESSAGE: usize = 16 * 1024 * 1024;

/// Why a home region cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The hub's address is none.
    #[error("the address of the hub is not one")]
    Hub(#[source] ConnectError),
    /// The table of regions cannot be read.
    #[error("cannot read the table of regions {path}")]
    Regions {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The table of regions has faults.
    #[error("the table of regions has {} faults, the first: {}", .0.len(), .0.first().map(ToString::to_string).unwrap_or_default())]
    RegionFaults(Vec<RegionFault>),
    /// A pool to be served is none.
    #[error("cannot serve pool {pool:?}: it {problem}")]
    Pool {
        /// As set.
        pool: String,
        /// Why.
        problem: &'static str,
    },
    /// The credentials cannot be used.
    #[error("cannot use the region's credentials")]
    Credentials(#[from] IdentityError),
    /// The rule books cannot be used.
    #[error("cannot use the region's rule books")]
    Rules(#[from] RulesError),
    /// The key for names cannot be used.
    #[error("cannot use the region's key")]
    Sealing(#[from] SealingError),
    /// The people's files have faults.
    #[error("cannot take in the people")]
    People(#[source] Faults),
    /// A file of postings has faults.
    #[error("cannot post {file}")]
    Postings {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        source: Faults,
    },
    /// Where the store is cannot be read.
    #[error("cannot use the setting store")]
    Location(#[source] LocationFault),
    /// Nothing says where the key for names and documents is.
    #[error("the setting key is missing: a store that is no file has no key beside it")]
    KeyMissing,
    /// The store fails.
    #[error("cannot use the region's store")]
    Store(#[from] StoreError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
}

/// How long what is on its way may take to end when the region stops: as long as the hub waits for it.
const DRAIN_WITHIN: Duration = Duration::from_secs(10);

/// A home region that runs. Dropping it ends it abruptly, as a crash would.
pub struct Running {
    address: SocketAddr,
    store: HomeStore,
    rules: RulesInForce,
    health: HealthReporter,
    credentials: Arc<Credentials>,
    signer: OwnSigner,
    clock: Clock,
    tasks: TaskTracker,
    drain: CancellationToken,
    abort: CancellationToken,
}

/// Starts a home region. It serves until it is stopped or dropped.
///
/// # Errors
/// What is missing or wrong; for files, every fault in them.
pub async fn start(config: Config, clock: Clock) -> Result<Running, StartError> {
    let opened = Opened::open(&config, &clock).await?;
    let others = opened.take_in_people(&config).await?;
    opened.post_files(&config.postings, &others, &clock).await?;
    let credentials = Arc::new(Credentials::load(&config.credentials)?);
    let listener = MtlsListener::bind_for(config.listen, credentials.clone(), &[Role::Hub])
        .await
        .map_err(|source| StartError::Listen { address: config.listen, source })?;
    let (health, health_service) = health_reporter();
    let running = Running {
        address: listener.local_addr(),
        store: opened.store.clone(),
        rules: opened.rules.clone(),
        health,
        credentials,
        signer: OwnSigner::load(&config.credentials)?,
        clock: clock.clone(),
        tasks: TaskTracker::new(),
        drain: CancellationToken::new(),
        abort: CancellationToken::new(),
    };
    running.serve(listener, health_service, opened, config.waiting, clock).await;
    if let Some(hub) = &config.hub {
        running.open_mailboxes(hub).map_err(StartError::Hub)?;
    }
    Ok(running)
}

/// Opens a home region's book alone, for checks.
///
/// # Errors
/// When the file cannot be opened, or somebody writes to it.
pub fn open_store(path: &std::path::Path) -> Result<HomeStore, StoreError> {
    open_location(&path.into())
}

/// The same, wherever it is.
///
/// # Errors
/// When it cannot be opened, or somebody writes to it.
pub fn open_location(location: &Location) -> Result<HomeStore, StoreError> {
    HomeStore::open(location, WIRE, &StoreOptions::default())
}

/// The book of a region that may be serving, to look at: what would change it fails.
///
/// # Errors
/// When it cannot be opened, or is older than this program.
pub fn look_at(location: &Location) -> Result<HomeStore, StoreError> {
    HomeStore::open_to_look(location, WIRE)
}

/// A region's store with its people, pools and rule books, but serving nobody: what commands at the desk need.
pub struct Opened {
    /// The pools that it answers for.
    pub pools: BTreeSet<PoolCode>,
    /// The table of regions.
    pub regions: RegionTable,
    /// The book.
    pub store: HomeStore,
    /// The rule books in force.
    pub rules: RulesInForce,
    sealing: Arc<Sealing>,
}

impl Opened {
    /// Opens what a region's settings name.
    ///
    /// # Errors
    /// What is missing or wrong.
    pub async fn open(config: &Config, clock: &Clock) -> Result<Opened, StartError> {
        let location = config.location().map_err(StartError::Location)?;
        Opened::open_in(config, &location, clock).await
    }

    /// The same with its store elsewhere than the settings say.
    ///
    /// # Errors
    /// As [`Opened::open`].
    pub async fn open_in(config: &Config, location: &Location, clock: &Clock) -> Result<Opened, StartError> {
        let (regions, pools) = read_pools(config)?;
        let rules = rules::read(&config.rulebooks, &pools)?;
        let key = config.key_file(location).ok_or(StartError::KeyMissing)?;
        let store = HomeStore::open(location, WIRE, &config.store_options())?;
        let sealing = Arc::new(Sealing::of_key(&key)?);
        let rules = RulesInForce::new(&store, rules, clock.now()).await?;
        Ok(Opened { pools, regions, store, rules, sealing })
    }

    /// Posts a file for the region's own people.
    ///
    /// # Errors
    /// When the store fails. What is wrong with rows is in the report.
    pub async fn post(
        &self,
        file: &std::path::Path,
        others: &BTreeSet<PersonNumber>,
        clock: &Clock,
    ) -> Result<post::Report, StoreError> {
        let rules = self.rules.now();
        let poster = Poster { pools: &self.pools, others, books: &rules.books };
        post::post(&self.store, file, poster, clock.now()).await
    }

    /// Takes in the people's files, and says who is another region's.
    async fn take_in_people(&self, config: &Config) -> Result<BTreeSet<PersonNumber>, StartError> {
        let people = people::read(&config.people, &self.regions, &self.pools, &self.sealing);
        let people = people.map_err(StartError::People)?;
        tracing::info!(own = people.own.len(), others = people.others.len(), "took in the people's files");
        self.store.enrollee_load(people.own).await?;
        Ok(people.others)
    }

    async fn post_files(
        &self,
        files: &[PathBuf],
        others: &BTreeSet<PersonNumber>,
        clock: &Clock,
    ) -> Result<(), StartError> {
        for file in files {
            let report = self.post(file, others, clock).await?;
            if !report.faults.is_empty() {
                return Err(StartError::Postings { file: file.clone(), source: Faults(report.faults) });
            }
            tracing::info!(posted = report.posted, before = report.before, "posted {}", file.display());
        }
        Ok(())
    }
}

impl Running {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its book, for checks and tests.
    pub fn store(&self) -> &HomeStore {
        &self.store
    }

    /// Puts other rule books in force, and keeps them by their content. What is decided afterwards is decided by them.
    ///
    /// # Errors
    /// When the store fails: then nothing changes.
    pub async fn rules_replace(&self, rules: Rules, at: jiff::Timestamp) -> Result<(), StoreError> {
        self.rules.replace(&self.store, rules, at).await
    }

    /// Opens the region's mailboxes at the hub, and keeps them open for as long as it runs.
    ///
    /// # Errors
    /// When the address is not of the form `host:port`.
    pub fn open_mailboxes(&self, hub: &str) -> Result<(), ConnectError> {
        let mailboxes = Arc::new(GrpcMailboxes::new(hub, self.credentials.clone())?);
        let mailboxes = OwnMailboxes::new(mailboxes, self.store.inbox(), self.clock.clone());
        self.spawn(mailboxes.keep_open(self.drain.clone()));
        Ok(())
    }

    /// Says that it does not want anything new, to whoever asks for its health. It goes on serving.
    pub async fn retire(&self) {
        self.health.set_not_serving::<HomeRegionServer<RegionService>>().await;
    }

    /// Stops: says so, takes nothing new, ends what is on its way, closes the book. What has not ended by then the hub
    /// asks about later.
    pub async fn stop(self) {
        self.retire().await;
        self.drain.cancel();
        self.tasks.close();
        if tokio::time::timeout(DRAIN_WITHIN, self.tasks.wait()).await.is_err() {
            tracing::warn!("operations were left to be asked about later because they did not end in time");
            self.abort.cancel();
            self.tasks.wait().await;
        }
        let closed = self.store.closed();
        drop(self);
        closed.wait().await;
    }

    async fn serve(
        &self,
        listener: MtlsListener,
        health_service: HealthServer<impl HealthService>,
        opened: Opened,
        waiting: usize,
        clock: Clock,
    ) {
        let Opened { pools, regions: _, store, rules, sealing } = opened;
        let (committer, work) = Committer::new(store.clone(), rules.clone(), clock.clone(), waiting);
        let terms = Terms { drain: self.drain.clone(), abort: self.abort.clone(), tasks: self.tasks.clone() };
        let reconciliation = ReconciliationService::new(pools.clone(), store.clone(), self.signer.clone());
        let service = RegionService::new(Door { pools, committer, store, rules, sealing, clock }, terms);
        self.health.set_serving::<HomeRegionServer<RegionService>>().await;
        let served = builder()
            .add_service(health_service)
            .add_service(
                ConversationServer::new(service.clone())
                    .max_decoding_message_size(LARGEST_CALL)
                    .max_encoding_message_size(LARGEST_MESSAGE),
            )
            .add_service(
                HomeRegionServer::new(service.clone())
                    .max_decoding_message_size(LARGEST_MESSAGE)
                    .max_encoding_message_size(LARGEST_MESSAGE),
            )
            .add_service(
                RegionCorrectionsServer::new(service.clone())
                    .max_decoding_message_size(LARGEST_MESSAGE)
                    .max_encoding_message_size(LARGEST_MESSAGE),
            )
            .add_service(
                RegionBookServer::new(service)
                    .max_decoding_message_size(LARGEST_MESSAGE)
                    .max_encoding_message_size(LARGEST_MESSAGE),
            )
            .add_service(
                ReconciliationServer::new(reconciliation)
                    .max_decoding_message_size(LARGEST_MESSAGE)
                    .max_encoding_message_size(LARGEST_MESSAGE),
            )
            .serve_with_incoming_shutdown(listener, self.drain.clone().cancelled_owned());
        self.spawn(work);
        self.spawn(async move {
            if let Err(fault) = served.await {
                tracing::error!(error = &fault as &dyn std::error::Error, "the region stopped serving");
            }
        });
    }

    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let abort = self.abort.clone();
        self.tasks.spawn(async move {
            abort.run_until_cancelled(work).await;
        });
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.abort.cancel();
    }
}

/// The table of regions that a region's settings name, and the pools of it that the region answers for.
///
/// # Errors
/// When the table cannot be read or has faults, or a pool is none of it.
pub fn read_pools(config: &Config) -> Result<(RegionTable, BTreeSet<PoolCode>), StartError> {
    let regions = read_regions(config)?;
    let pools = config.read_pools(&regions).map_err(|(pool, problem)| StartError::Pool { pool, problem })?;
    Ok((regions, pools))
}

fn read_regions(config: &Config) -> Result<RegionTable, StartError> {
    let path = &config.regions;
    let text = std::fs::read_to_string(path).map_err(|source| StartError::Regions { path: path.clone(), source })?;
    RegionTable::from_csv(&text).map_err(StartError::RegionFaults)
}
