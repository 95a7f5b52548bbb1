//! The regions, and the way to the home of each. A pool that has a row in the table but no home in the configuration
//! is known and not served. Built at the start; asked by everything that sends.

mod book;
mod home;

use std::collections::HashMap;
use std::sync::Arc;

use settlement::ids::{PoolCode, RegionCode};
use settlement::refusal::{Reason, Refusal};
use settlement::region::RegionTable;

pub use book::{Book, Fallen, Known};
pub use home::{Asked, Home, LastLie};

/// The directory.
pub struct Directory {
    regions: Arc<RegionTable>,
    homes: Vec<Arc<Home>>,
    by_pool: HashMap<PoolCode, Arc<Home>>,
}

impl Directory {
    /// Puts the directory together. Where two homes claim a pool, the later has it; [`crate::start()`] refuses that.
    pub fn new(regions: Arc<RegionTable>, homes: Vec<Arc<Home>>) -> Directory {
        let by_pool = homes.iter().flat_map(|home| home.pools().iter().map(|pool| (*pool, home.clone()))).collect();
        Directory { regions, homes, by_pool }
    }

    /// The table of regions.
    pub fn regions(&self) -> &Arc<RegionTable> {
        &self.regions
    }

    /// Every home.
    pub fn homes(&self) -> &[Arc<Home>] {
        &self.homes
    }

    /// The home of a pool.
    ///
    /// # Errors
    /// When there is no such pool, or nobody serves it here.
    pub fn home(&self, pool: PoolCode) -> Result<&Home, Refusal> {
        if let Some(home) = self.by_pool.get(&pool) {
            return Ok(home);
        }
        let known = self.regions.pool_of(pool.0) == Some(pool);
        let reason = if known { Reason::RegionNotServed } else { Reason::UnknownRegion };
        Err(Refusal::new(reason).of_field("insuplc_admdvs").because(pool.to_string()))
    }

    /// The pool that an area belongs to, by any code of the table (`insuplc_admdvs`).
    ///
    /// # Errors
    /// When the table has no such code, or it pools nobody.
    pub fn pool_of_area(&self, area: &str) -> Result<PoolCode, Refusal> {
        let pool = RegionCode::new(area).ok().and_then(|code| self.regions.pool_of(code));
        pool.ok_or_else(|| {
            Refusal::new(Reason::UnknownRegion)
                .of_field("insuplc_admdvs")
                .because(area.chars().take(6).collect::<String>())
        })
    }
}
