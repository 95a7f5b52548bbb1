//! What an operator sets, as it stands in the region's TOML file. Read by the binary, used once by [`crate::start()`].

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;
use settlement::ids::{PoolCode, RegionCode};
use settlement::region::RegionTable;

/// A home region's settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the hub reaches it; port 0 for any.
    pub listen: SocketAddr,
    /// The file of its store. The key for names and documents is kept beside it, with the ending `key`.
    pub store: PathBuf,
    /// The folder of its credentials.
    pub credentials: PathBuf,
    /// The table of regions.
    pub regions: PathBuf,
    /// The pools whose enrollees it answers for.
    pub pools: Vec<String>,
    /// The folder of rule books; those of other pools are passed over.
    pub rulebooks: PathBuf,
    /// The folder with `people.csv`, `entitlements.csv`, `identities.csv` and `qualifications.csv`.
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
}

impl Config {
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
