//! The life of the hub: read what it needs, open its book, listen, clear up what is in doubt, and end. Called by
//! `yidi hub`, the demo and tests.

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clearing::calendar::Calendar;
use conversation::{LARGEST_CALL, Terms};
use identity::client::{ConnectError, Expected, channel};
use identity::credentials::{Credentials, IdentityError};
use identity::name::Role;
use identity::server::{MtlsListener, builder};
use identity::signing::Signer;
use ledger::clock::Clock;
use ledger::hub::HubStore;
use ledger::store::StoreError;
use proto::v1::breaks_server::BreaksServer;
use proto::v1::clearing_server::ClearingServer;
use proto::v1::comparisons_server::ComparisonsServer;
use proto::v1::conversation_server::ConversationServer;
use proto::v1::corrections_server::CorrectionsServer;
use proto::v1::dead_letters_server::DeadLettersServer;
use proto::v1::deductions_server::DeductionsServer;
use proto::v1::filings_server::FilingsServer;
use proto::v1::home_books_server::HomeBooksServer;
use proto::v1::hub_server::HubServer;
use proto::v1::inquiries_server::InquiriesServer;
use proto::v1::leftovers_server::LeftoversServer;
use proto::v1::mailboxes_server::MailboxesServer;
use proto::v1::prefunds_server::PrefundsServer;
use proto::v1::reconciliation_server::ReconciliationServer;
use settlement::ids::{PoolCode, RegionCode};
use settlement::region::{RegionFault, RegionTable};
use settlement::spanned::Fault;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic_health::pb::health_server::{Health as HealthService, HealthServer};
use tonic_health::server::{HealthReporter, health_reporter};

use crate::clearing::Clearing;
use crate::clearing::deductions::DeductionsService;
use crate::clearing::leftovers::LeftoversService;
use crate::clearing::prefund_service::PrefundsService;
use crate::clearing::service::ClearingService;
use crate::config::{Config, HomeConfig};
use crate::corrections::CorrectionsService;
use crate::directory::{Book, Directory, Home};
use crate::door::Door;
use crate::filings::FilingService;
use crate::home_books::HomeBooksService;
use crate::hub::Hub;
use crate::inquiries::InquiriesService;
use crate::jobs;
use crate::limits::{LARGEST_MESSAGE, Limits};
use crate::mailbox::MailboxService;
use crate::port::GrpcHome;
use crate::reconcile::breaks::BreaksService;
use crate::reconcile::comparisons::ComparisonsService;
use crate::reconcile::notary::Notary;
use crate::reconcile::service::ReconciliationService;
use crate::service::HubService;

/// Why the hub cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The table of regions cannot be read.
    #[error("cannot read the table of regions {path}")]
    Regions {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The table of regions has faults.
    #[error("the table of regions has {} faults, the first in {}", .0.len(), .0.first().map(RegionFault::to_string).unwrap_or_default())]
    RegionFaults(Vec<RegionFault>),
    /// The calendar cannot be read.
    #[error("cannot read the calendar {path}")]
    Calendar {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The calendar has faults.
    #[error("the calendar has {} faults: {}", .0.len(), .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    CalendarFaults(Vec<Fault>),
    /// A home is configured for what is no pool of the table, for a pool twice, or for none.
    #[error("the home at {address} cannot have pool {pool}: {problem}")]
    Pool {
        /// The home.
        address: String,
        /// The pool as given.
        pool: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A home's address is none.
    #[error("the address of a home region is not one")]
    Address(#[from] ConnectError),
    /// The credentials cannot be used.
    #[error("cannot use the hub's credentials")]
    Credentials(#[from] IdentityError),
    /// The store cannot be opened.
    #[error("cannot open the hub's store")]
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

/// Whatever is on its way ends by the hub's patience, and a little later its answer is kept. What has not ended then is
/// left in doubt, and found out by the next hub.
const DRAIN_BEYOND_PATIENCE: Duration = Duration::from_secs(2);

/// A hub that runs. Dropping it ends it abruptly, as a crash would.
pub struct Running {
    address: SocketAddr,
    hub: Arc<Hub>,
    clearing: Option<Clearing>,
    credentials: PathBuf,
    signer: Option<Signer>,
    health: HealthReporter,
    tasks: TaskTracker,
    drain: CancellationToken,
    abort: CancellationToken,
}

/// Starts the hub. It serves until it is stopped or dropped.
///
/// # Errors
/// What is missing or wrong.
pub async fn start(config: Config, clock: Clock) -> Result<Running, StartError> {
    let regions = read_regions(&config)?;
    let credentials = Arc::new(Credentials::load(&config.credentials)?);
    let store = HubStore::open(&config.store, &config.store_options())?;
    let regions = Arc::new(regions);
    let store = store.telling(crate::clearing::news::telling(regions.clone(), clock.clone()));
    let calendar = read_calendar(&config)?;
    let clearing = calendar.map(|calendar| Clearing::new(store.clone(), regions.clone(), Arc::new(calendar)));
    let directory = directory(&config, regions, &credentials, &store).await?;
    let limits = Limits::new(config.in_flight);
    let hub = Hub::new(store, directory, limits, clock, Duration::from_millis(config.deadline_ms));
    if let Some(clearing) = &clearing {
        hub.calendar.get_or_init(|| clearing.calendar().clone());
    }
    jobs::books::watch(&hub).await?;
    hub.suspensions.refresh(&hub.store).await?;
    let listener = MtlsListener::bind_for(config.listen, credentials, &[Role::Treatment, Role::Home, Role::Operator])
        .await
        .map_err(|source| StartError::Listen { address: config.listen, source })?;
    let (health, health_service) = health_reporter();
    let running = Running {
        address: listener.local_addr(),
        hub,
        clearing,
        signer: Notary::load(&config.credentials)?.signer,
        credentials: config.credentials.clone(),
        health,
        tasks: TaskTracker::new(),
        drain: CancellationToken::new(),
        abort: CancellationToken::new(),
    };
    running.serve(listener, health_service).await;
    running.start_jobs(Duration::from_millis(config.resolve_every_ms));
    running.start_comparing(Duration::from_millis(config.compare_every_ms));
    running.start_clearing(Duration::from_millis(config.clear_every_ms));
    Ok(running)
}

impl Running {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its book, for checks and tests.
    pub fn store(&self) -> &HubStore {
        &self.hub.store
    }

    /// The hub itself, for its health and for the console.
    pub fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// Says that it does not want anything new, to whoever asks for its health. It goes on serving.
    pub async fn retire(&self) {
        self.health.set_not_serving::<HubServer<HubService>>().await;
    }

    /// Stops: says so, takes nothing new, ends what is on its way, closes the book. What has not ended by then is left
    /// in doubt, never lost.
    pub async fn stop(self) {
        self.retire().await;
        self.drain.cancel();
        self.tasks.close();
        let within = self.hub.patience + DRAIN_BEYOND_PATIENCE;
        if tokio::time::timeout(within, self.tasks.wait()).await.is_err() {
            let left = self.hub.in_flight.count();
            tracing::warn!(left, "{left} operations were left in doubt because they did not end in time");
            self.abort.cancel();
            self.tasks.wait().await;
        }
        let closed = self.hub.store.closed();
        drop(self);
        closed.wait().await;
    }

    async fn serve(&self, listener: MtlsListener, health_service: HealthServer<impl HealthService>) {
        let door = Door::new(self.hub.clone(), self.tasks.clone(), self.abort.clone());
        let terms = Terms { drain: self.drain.clone(), abort: self.abort.clone(), tasks: self.tasks.clone() };
        let service = HubService::new(door, terms);
        let mailboxes = MailboxService::new(self.hub.mailroom.clone(), self.drain.clone());
        self.health.set_serving::<HubServer<HubService>>().await;
        let served = builder()
            .add_service(health_service)
            .add_service(
                ConversationServer::new(service.clone())
                    .max_decoding_message_size(LARGEST_CALL)
                    .max_encoding_message_size(LARGEST_MESSAGE),
            )
            .add_service(
                HubServer::new(service)
                    .max_decoding_message_size(LARGEST_MESSAGE)
                    .max_encoding_message_size(LARGEST_MESSAGE),
            )
            .add_service(
                FilingsServer::new(FilingService::new(self.hub.clone()))
                    .max_decoding_message_size(LARGEST_MESSAGE)
                    .max_encoding_message_size(LARGEST_MESSAGE),
            )
            .add_service(MailboxesServer::new(mailboxes.clone()))
            .add_service(DeadLettersServer::new(mailboxes))
            .add_service(HomeBooksServer::new(HomeBooksService::new(self.hub.clone())))
            .add_service(CorrectionsServer::new(CorrectionsService::new(self.hub.clone())))
            .add_service(
                ReconciliationServer::new(ReconciliationService::new(self.hub.store.clone(), self.signer.clone()))
                    .max_decoding_message_size(LARGEST_MESSAGE)
                    .max_encoding_message_size(LARGEST_MESSAGE),
            )
            .add_service(
                ComparisonsServer::new(ComparisonsService::new(self.hub.clone(), self.credentials.clone()))
                    .max_decoding_message_size(LARGEST_MESSAGE)
                    .max_encoding_message_size(LARGEST_MESSAGE),
            )
            .add_service(BreaksServer::new(BreaksService::new(self.hub.clone(), self.credentials.clone())))
            .add_optional_service(
                self.clearing
                    .clone()
                    .map(|clearing| DeductionsServer::new(DeductionsService::new(clearing, self.hub.clock.clone()))),
            )
            .add_optional_service(
                self.clearing
                    .clone()
                    .map(|clearing| LeftoversServer::new(LeftoversService::new(clearing, self.hub.clock.clone()))),
            )
            .add_optional_service(
                self.clearing
                    .clone()
                    .map(|clearing| PrefundsServer::new(PrefundsService::new(clearing, self.hub.clone()))),
            )
            .add_optional_service(self.clearing.as_ref().map(|clearing| {
                InquiriesServer::new(InquiriesService::new(self.hub.clone(), clearing.calendar().clone()))
            }))
            .add_optional_service(self.clearing.clone().map(|clearing| {
                ClearingServer::new(ClearingService::new(clearing, self.hub.clock.clone()))
                    .max_decoding_message_size(LARGEST_MESSAGE)
            }))
            .serve_with_incoming_shutdown(listener, self.drain.clone().cancelled_owned());
        self.spawn(async move {
            if let Err(fault) = served.await {
                tracing::error!(error = &fault as &dyn std::error::Error, "the hub stopped serving");
            }
        });
    }

    fn start_jobs(&self, every: Duration) {
        for home in self.hub.directory.homes() {
            self.spawn(jobs::resolve::run(self.hub.clone(), home.clone(), every, self.drain.clone()));
            self.spawn(jobs::corrections::run(self.hub.clone(), home.clone(), every, self.drain.clone()));
        }
        self.spawn(jobs::books::run(self.hub.clone(), every, self.drain.clone()));
        self.spawn(jobs::suspensions::run(self.hub.clone(), every, self.drain.clone()));
        self.spawn(jobs::sweep::run(self.hub.clone(), every, self.drain.clone()));
        self.spawn(jobs::letters::measure(self.hub.clone(), self.drain.clone()));
        self.spawn(jobs::resolve::measure(self.hub.clone(), every, self.drain.clone()));
    }

    fn start_comparing(&self, every: Duration) {
        self.spawn(jobs::compare::run(self.hub.clone(), self.credentials.clone(), every, self.drain.clone()));
    }

    fn start_clearing(&self, every: Duration) {
        if let Some(clearing) = self.clearing.clone() {
            self.spawn(jobs::clearing::run(self.hub.clone(), clearing, every, self.drain.clone(), |_, _| ()));
        }
    }

    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let abort = self.abort.clone();
        self.tasks.spawn(async move { abort.run_until_cancelled(work).await });
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.abort.cancel();
    }
}

fn read_calendar(config: &Config) -> Result<Option<Calendar>, StartError> {
    let Some(path) = &config.calendar else { return Ok(None) };
    let text = std::fs::read_to_string(path).map_err(|source| StartError::Calendar { path: path.clone(), source })?;
    Calendar::parse(&text).map(Some).map_err(StartError::CalendarFaults)
}

fn read_regions(config: &Config) -> Result<RegionTable, StartError> {
    let path = &config.regions;
    let text = std::fs::read_to_string(path).map_err(|source| StartError::Regions { path: path.clone(), source })?;
    RegionTable::from_csv(&text).map_err(StartError::RegionFaults)
}

async fn directory(
    config: &Config,
    regions: Arc<RegionTable>,
    credentials: &Arc<Credentials>,
    store: &HubStore,
) -> Result<Directory, StartError> {
    let mut taken = BTreeSet::new();
    let mut homes = Vec::new();
    for home in &config.homes {
        let pools = read_pools(home, &regions, &mut taken)?;
        let connect_timeout = Duration::from_millis(config.connect_ms);
        let expected = Expected::HomeOf(pools.clone());
        let channel = channel(&home.address, credentials.clone(), expected, connect_timeout)?;
        let book = Book::known_up_to(0);
        jobs::books::learn(store, &pools, &book).await?;
        let port = Arc::new(GrpcHome::new(channel));
        homes.push(Arc::new(Home::new(pools, port, config.terms(), book)));
    }
    Ok(Directory::new(regions, homes))
}

fn read_pools(
    home: &HomeConfig,
    regions: &RegionTable,
    taken: &mut BTreeSet<PoolCode>,
) -> Result<BTreeSet<PoolCode>, StartError> {
    let fault =
        |pool: &str, problem| StartError::Pool { address: home.address.clone(), pool: pool.to_owned(), problem };
    let mut pools = BTreeSet::new();
    for text in &home.pools {
        let pool = PoolCode(RegionCode::new(text).map_err(|_| fault(text, "it is not six digits"))?);
        if regions.pool_of(pool.0) != Some(pool) {
            return Err(fault(text, "the table of regions has no such pool"));
        }
        if !taken.insert(pool) {
            return Err(fault(text, "another home has it"));
        }
        pools.insert(pool);
    }
    if pools.is_empty() { Err(fault("", "at least one is needed")) } else { Ok(pools) }
}
