//! What an operator sets, as it stands in the hub's TOML file. Read by the binary, used once by [`crate::start()`].

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ledger::engine::Location;
use ledger::store::StoreOptions;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::breaker;
use crate::limits::{Terms, part_of_one_home};

/// The hub's settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where treatment regions and operators reach it; port 0 for any.
    pub listen: SocketAddr,
    /// Its store: a file, or `postgres://user@host:port/database`, which several hubs may share.
    #[serde(deserialize_with = "location")]
    pub store: Location,
    /// Waits this long inside every commit, in milliseconds. For measuring on a disk that flatters.
    #[serde(default)]
    pub commit_delay_ms: u64,
    /// The file of the store never grows beyond so many pages of 4 KiB.
    #[serde(default)]
    pub max_store_pages: Option<u32>,
    /// The folder of its credentials.
    pub credentials: PathBuf,
    /// The table of regions.
    pub regions: PathBuf,
    /// The calendar of clearing. Without it periods are neither cut off nor cleared.
    #[serde(default)]
    pub calendar: Option<PathBuf>,
    /// How often the journal is folded and what is due of periods is done, in milliseconds.
    #[serde(default = "clear_every_ms")]
    pub clear_every_ms: u64,
    /// How often the book is compared with home regions', and what agrees is certified, in milliseconds.
    #[serde(default = "compare_every_ms")]
    pub compare_every_ms: u64,
    /// The home regions, and where they are.
    #[serde(default)]
    pub homes: Vec<HomeConfig>,
    /// How long the sender of an operation waits at most, in milliseconds. Below what treatment regions wait, so that
    /// they learn from the hub that a result is not known yet.
    #[serde(default = "deadline_ms")]
    pub deadline_ms: u64,
    /// How many operations may be in flight at once, and a quarter as many questions beside them; more are refused.
    /// A few hundred keep it busy, and more only wait longer; but where a disk holds commits up for a tenth of a second,
    /// as disks do, nobody is to be refused for that.
    #[serde(default = "in_flight")]
    pub in_flight: usize,
    /// How many of them may be for one home region. Where it is not set, up to four regions share equally, and of more
    /// each may have a quarter.
    #[serde(default)]
    pub in_flight_per_home: Option<usize>,
    /// How often a home region is asked what became of operations in doubt, in milliseconds.
    #[serde(default = "resolve_every_ms")]
    pub resolve_every_ms: u64,
    /// How long making a connection to a home region may take, in milliseconds. Well below `deadline_ms`: only then is
    /// a region that cannot be reached told apart from one that is slow.
    #[serde(default = "connect_ms")]
    pub connect_ms: u64,
    /// When a home region is asked no more, and when again.
    #[serde(default)]
    pub breaker: BreakerConfig,
}

/// When a home region's breaker opens, and how it closes again.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BreakerConfig {
    /// So many calls in a row without an answer open it. Half of the last twenty do as well.
    pub failures_in_a_row: u32,
    /// So many answers that are none, among the last 64 operations, open it: wrong sums, another's settlement, what
    /// cannot be read. 0 for never.
    pub lies: u32,
    /// An answer that takes longer is slow, in milliseconds; half of the hub's deadline where it is not set.
    pub slow_ms: Option<u64>,
    /// How long it stays open the first time, in milliseconds. Each time after that twice as long, until the region has
    /// been steady again.
    pub open_ms: u64,
    /// How long it stays open at most, in milliseconds: as long may what is in doubt wait for a region that is back.
    pub open_at_most_ms: u64,
    /// How many operations go through at once when it is half open, and have to succeed to close it.
    pub probes: u32,
}

impl Default for BreakerConfig {
    fn default() -> BreakerConfig {
        BreakerConfig {
            failures_in_a_row: 5,
            lies: 3,
            slow_ms: None,
            open_ms: 1_000,
            open_at_most_ms: 10_000,
            probes: 3,
        }
    }
}

/// One home region.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HomeConfig {
    /// The pools whose enrollees it answers for.
    pub pools: Vec<String>,
    /// Where it is, `host:port`.
    pub address: String,
}

impl Config {
    pub(crate) fn store_options(&self) -> StoreOptions {
        let commit_delay = Duration::from_millis(self.commit_delay_ms);
        StoreOptions { commit_delay, max_pages: self.max_store_pages }
    }

    /// On what terms each home region is asked.
    pub(crate) fn terms(&self) -> Terms {
        let own_part = || part_of_one_home(self.in_flight, self.homes.len());
        let breaker = breaker::Settings {
            failures_in_a_row: self.breaker.failures_in_a_row,
            lies: self.breaker.lies,
            slow_after: Duration::from_millis(self.breaker.slow_ms.unwrap_or(self.deadline_ms / 2)),
            open_for: Duration::from_millis(self.breaker.open_ms),
            open_for_at_most: Duration::from_millis(self.breaker.open_at_most_ms),
            probes: self.breaker.probes.max(1),
        };
        Terms { operations: self.in_flight_per_home.unwrap_or_else(own_part).max(1), breaker }
    }
}

/// What is wrong is said without the text, which may hold a password.
fn location<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Location, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|fault| D::Error::custom(format!("the store cannot be used: {fault}")))
}

fn deadline_ms() -> u64 {
    8_000
}

fn in_flight() -> usize {
    2_048
}

fn resolve_every_ms() -> u64 {
    1_000
}

fn clear_every_ms() -> u64 {
    10_000
}

fn compare_every_ms() -> u64 {
    3_600_000
}

fn connect_ms() -> u64 {
    2_000
}
