//! What an operator sets, as it stands in the region's TOML file. Read by the binary, used once by [`crate::start()`].

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ledger::engine::{Location, LocationFault};
use ledger::store::StoreOptions;
use serde::Deserialize;
use settlement::ids::{PoolCode, RegionCode};
use settlement::region::RegionTable;

/// A home region's settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the hub reaches it; port 0 for any.
    pub listen: SocketAddr,
    /// Its store: a file, or `postgres://user@host:port/database`, a database that `yidi store migrate` has prepared.
    pub store: String,
    /// The file of the key for names and documents, made where there is none. Where it is not set, it is beside the
    /// store's file, with the ending `key`.
    #[serde(default)]
    pub key: Option<PathBuf>,
    /// The folder of its credentials.
    pub credentials: PathBuf,
    /// The hub, `host:port`, where the region's mailboxes are. Where it is not set, letters wait there.
    #[serde(default)]
    pub hub: Option<String>,
    /// The table of regions.
    pub regions: PathBuf,
    /// The pools whose enrollees it answers for.
    pub pools: Vec<String>,
    /// The folder of rule books; those of other pools are passed over.
    pub rulebooks: PathBuf,
    /// The folder with `people.csv`, `entitlements.csv`, `identities.csv`, `qualifications.csv`, and `family.csv` where needed.
    pub people: PathBuf,
    /// Files to be posted at every start; what was posted before changes nothing.
    #[serde(default)]
    pub postings: Vec<PathBuf>,
    /// How many operations may wait to be decided; more are refused.
    #[serde(default = "waiting")]
    pub waiting: usize,
    /// Milliseconds added to every commit. For tests only: a fast disk hides what batches are for.
    #[serde(default)]
    pub commit_delay_ms: u64,
    /// The store's file never grows beyond so many pages of 4 KiB; what does not fit is refused. For tests.
    #[serde(default)]
    pub max_store_pages: Option<u32>,
}

impl Config {
    /// Where the store is.
    pub(crate) fn location(&self) -> Result<Location, LocationFault> {
        self.store.parse()
    }

    /// How the store is opened.
    pub(crate) fn store_options(&self) -> StoreOptions {
        StoreOptions { commit_delay: Duration::from_millis(self.commit_delay_ms), max_pages: self.max_store_pages }
    }

    /// The file of the key; none where nothing says which.
    pub(crate) fn key_file(&self, location: &Location) -> Option<PathBuf> {
        let beside = match location {
            Location::File(store) => Some(store.with_extension("key")),
            Location::Postgres(_) | Location::Simulated(_) => None,
        };
        self.key.clone().or(beside)
    }

    /// The pools, as the table of regions has them.
    ///
    /// # Errors
    /// The first one that is no pool, and why; or that there is none.
    pub(crate) fn read_pools(&self, regions: &RegionTable) -> Result<BTreeSet<PoolCode>, (String, &'static str)> {
        let mut pools = BTreeSet::new();
        for text in &self.pools {
            let pool = PoolCode(RegionCode::new(text).map_err(|_| (text.clone(), "is not six digits"))?);
            if regions.pool_of(pool.0) != Some(pool) {
                return Err((text.clone(), "is no pool of the table of regions"));
            }
            pools.insert(pool);
        }
        if pools.is_empty() { Err((String::new(), "at least one is needed")) } else { Ok(pools) }
    }
}

/// Four times what the hub lets be in flight.
fn waiting() -> usize {
    4_096
}
