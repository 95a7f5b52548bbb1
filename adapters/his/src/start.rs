//! The life of a treatment side: read the files, open the store, listen, and stop. Called by the executable, the demo and
//! the tests.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use identity::client::{ConnectError, Expected, channel};
use identity::credentials::{Credentials, IdentityError};
use identity::signing::OwnSigner;
use jiff::civil::Date;
use ledger::clock::Clock;
use ledger::engine::LocationFault;
use ledger::store::StoreError;
use ledger::treatment::TreatmentStore;
use mailbox::OwnMailboxes;
use mailbox::port::GrpcMailboxes;
use reconciliation::asking::{Apart, CompareError};
use settlement::ids::{PoolCode, RegionCode};
use settlement::region::RegionTable;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::catalogue::Catalogue;
use crate::comparing::{Comparing, asked, hospitals};
use crate::config::{Config, TlsFiles};
use crate::edge::{Edge, Shared};
use crate::http::{self, ServeError, Server};
use crate::hub::HubLink;
use crate::ids::IdMint;
use crate::in_flight::InFlight;
use crate::institutions::Institutions;
use crate::port::{GrpcHub, HubPort};

/// So many comparisons that are asked for wait for their turn.
const LETTERS_AT_ONCE: usize = 64;
/// How long operations may take to finish when the side stops.
const DRAIN_DEADLINE: Duration = Duration::from_secs(15);

/// Why a treatment side cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A table has rows that cannot be read.
    #[error("{path} has faults: {faults}")]
    Table {
        /// The file.
        path: PathBuf,
        /// Every fault with its line.
        faults: String,
    },
    /// Plain HTTP where others could listen in or speak.
    #[error("{0} is not an address of this machine alone: set tls, or listen on a loopback address")]
    PlainHttp(SocketAddr),
    /// A pool of the settings is none of the table of regions.
    #[error("{0} is not a pool of the table of regions")]
    Pool(String),
    /// The certificate towards the hub cannot be used.
    #[error("cannot use the certificate towards the hub")]
    Identity(#[from] IdentityError),
    /// The hub's address is none.
    #[error("cannot use the address of the hub")]
    Hub(#[from] ConnectError),
    /// The setting of the store is no place for one.
    #[error("the setting `store` cannot be used")]
    Location(#[from] LocationFault),
    /// The store cannot be opened.
    #[error("cannot open the treatment side's store")]
    Store(#[from] StoreError),
    /// The edge cannot listen.
    #[error("cannot listen for hospitals")]
    Serve(#[from] ServeError),
}

/// A treatment side at work. Dropping it stops it at once.
pub struct Running {
    address: SocketAddr,
    server: Option<Server>,
    edge: Shared,
    comparing: Arc<Comparing>,
}

/// The tables that a treatment side works by.
#[derive(Clone)]
pub struct Tables {
    /// The regions.
    pub regions: RegionTable,
    /// The institutions.
    pub institutions: Institutions,
    /// The catalogue.
    pub catalogue: Catalogue,
    /// The pools whose institutions are served.
    pub pools: BTreeSet<PoolCode>,
}

impl Tables {
    /// Reads the tables that settings name.
    ///
    /// # Errors
    /// What cannot be read, and every fault in it.
    pub fn read(config: &Config) -> Result<Tables, StartError> {
        let regions =
            RegionTable::from_csv(&read(&config.regions)?).map_err(|faults| table(&config.regions, &faults))?;
        let institutions = Institutions::from_csv(&read(&config.institutions)?, &regions)
            .map_err(|faults| table(&config.institutions, &faults))?;
        let catalogue =
            Catalogue::from_csv(&read(&config.catalogue)?).map_err(|faults| table(&config.catalogue, &faults))?;
        let pools = config.pools.iter().map(|code| pool(code, &regions)).collect::<Result<_, _>>()?;
        Ok(Tables { regions, institutions, catalogue, pools })
    }
}

/// Starts a treatment side.
///
/// # Errors
/// When a file, the store, the certificate or the address cannot be used.
pub async fn start(config: Config, clock: Clock) -> Result<Running, StartError> {
    ensure_private(config.listen, config.tls.as_ref())?;
    let tables = Tables::read(&config)?;
    let credentials = Arc::new(Credentials::load(&config.credentials)?);
    let deadline = Duration::from_millis(config.deadline_ms);
    let hub = HubLink::new(Arc::new(GrpcHub::new(&config.hub, credentials.clone(), deadline)?), deadline);
    let store = TreatmentStore::open(&config.store_location()?, &config.store_options())?;
    let signer = OwnSigner::load(&config.credentials)?;
    let channel = channel(&config.hub, credentials.clone(), Expected::Hub, deadline / 2)?;
    let compare_every = Duration::from_millis(config.compare_every_ms);
    let mailboxes = Arc::new(GrpcMailboxes::new(&config.hub, credentials)?);
    let (told, letters) = mpsc::channel(LETTERS_AT_ONCE);
    let mailboxes = OwnMailboxes::new(mailboxes, store.inbox(), clock.clone()).telling(asked::KIND, told);
    let (listen, tls) = (config.listen, config.tls.clone());
    let edge = edge(config, tables, store, hub, clock, CancellationToken::new());
    let comparing = Arc::new(Comparing::new(edge.clone(), channel, signer, deadline));
    let open = mailboxes.keep_open(edge.stopping.clone());
    let abort = edge.abort.clone();
    edge.tasks.spawn(async move { abort.run_until_cancelled(open).await });
    let (compare, abort) = (comparing.clone().run(compare_every, edge.stopping.clone()), edge.abort.clone());
    edge.tasks.spawn(async move { abort.run_until_cancelled(compare).await });
    let (compare, abort) = (comparing.clone().run_asked(letters, edge.stopping.clone()), edge.abort.clone());
    edge.tasks.spawn(async move { abort.run_until_cancelled(compare).await });
    let server = Server::start(listen, tls.as_ref(), http::router(edge.clone())).await?;
    tracing::info!(address = %server.address(), "hospitals are served on {}", server.address());
    Ok(Running { address: server.address(), server: Some(server), edge, comparing })
}

fn edge(
    config: Config,
    tables: Tables,
    store: TreatmentStore,
    hub: HubLink,
    clock: Clock,
    abort: CancellationToken,
) -> Shared {
    let Tables { regions, institutions, catalogue, pools } = tables;
    Arc::new(Edge {
        ids: IdMint::new(store.clone()),
        in_flight: InFlight::default(),
        config,
        store,
        hub,
        regions,
        pools,
        institutions,
        catalogue,
        clock,
        tasks: TaskTracker::new(),
        stopping: CancellationToken::new(),
        abort,
    })
}

/// A treatment side without a network: messages come in and answers go out as bytes. For the simulator.
pub struct Door {
    edge: Shared,
}

impl Door {
    /// The door of a treatment side that reaches the hub through a port, and whose work ends at once when aborted.
    pub fn new(
        config: Config,
        tables: Tables,
        store: TreatmentStore,
        hub: Arc<dyn HubPort>,
        clock: Clock,
        abort: CancellationToken,
    ) -> Door {
        let hub = HubLink::new(hub, Duration::from_millis(config.deadline_ms));
        Door { edge: edge(config, tables, store, hub, clock, abort) }
    }

    /// Answers a message as one that came from this machine unsigned.
    pub async fn answer(&self, message: &[u8]) -> Vec<u8> {
        http::answer(&self.edge, message).await
    }

    /// The rows of hospitals' books of some days that differ still, as the hub is told of them.
    ///
    /// # Errors
    /// When the book cannot be read.
    pub async fn hospitals_apart(&self, days: (Date, Date)) -> Result<Vec<Apart>, CompareError> {
        hospitals::apart(&self.edge, days).await
    }
}

impl Running {
    /// Where hospitals are served.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The store, for audits and tests.
    pub fn store(&self) -> &TreatmentStore {
        &self.edge.store
    }

    /// The book beside the hub's.
    pub fn comparing(&self) -> &Comparing {
        &self.comparing
    }

    /// Stops in order: no more requests, and those at work finish. Afterwards the store can be opened again.
    pub async fn stop(mut self) {
        let closed = self.edge.store.closed();
        if let Some(server) = self.server.take() {
            server.stop().await;
        }
        self.edge.stopping.cancel();
        self.edge.tasks.close();
        if tokio::time::timeout(DRAIN_DEADLINE, self.edge.tasks.wait()).await.is_err() {
            tracing::warn!("operations were left to be found out later because they did not finish in time");
        }
        drop(self);
        closed.wait().await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.edge.abort.cancel();
    }
}

/// That what hospitals send crosses no network in the clear.
fn ensure_private(listen: SocketAddr, tls: Option<&TlsFiles>) -> Result<(), StartError> {
    if tls.is_some() || listen.ip().to_canonical().is_loopback() { Ok(()) } else { Err(StartError::PlainHttp(listen)) }
}

fn read(path: &Path) -> Result<String, StartError> {
    std::fs::read_to_string(path).map_err(|source| StartError::Read { path: path.to_owned(), source })
}

fn table(path: &Path, faults: &[impl ToString]) -> StartError {
    let faults = faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    StartError::Table { path: path.to_owned(), faults }
}

fn pool(code: &str, regions: &RegionTable) -> Result<PoolCode, StartError> {
    let unknown = || StartError::Pool(code.to_owned());
    let region = RegionCode::new(code).map_err(|_| unknown())?;
    regions.pool_of(region).filter(|pool| pool.0 == region).ok_or_else(unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_the_same_machine_only() {
        let files = TlsFiles { certificate: "c".into(), key: "k".into() };
        for (listen, tls, starts) in [
            ("127.0.0.1:7700", None, true),
            ("[::1]:7700", None, true),
            ("0.0.0.0:7700", None, false),
            ("[::]:7700", None, false),
            ("10.0.0.7:7700", None, false),
            ("0.0.0.0:7700", Some(&files), true),
        ] {
            let ensured = ensure_private(listen.parse().expect("an address"), tls);
            assert_eq!(ensured.is_ok(), starts, "{listen}");
        }
    }
}
