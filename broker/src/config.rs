//! What an operator sets, as it stands in the hub's TOML file. Read by the binary, used once by [`crate::start()`].

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

/// The hub's settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where treatment regions and operators reach it; port 0 for any.
    pub listen: SocketAddr,
    /// The file of its store.
    pub store: PathBuf,
    /// The folder of its credentials.
    pub credentials: PathBuf,
    /// The table of regions.
    pub regions: PathBuf,
    /// The home regions, and where they are.
    #[serde(default)]
    pub homes: Vec<HomeConfig>,
    /// How long the sender of an operation waits at most, in milliseconds. Below what treatment regions wait, so that
    /// they learn from the hub that a result is not known yet.
    #[serde(default = "deadline_ms")]
    pub deadline_ms: u64,
    /// How many questions may be in flight at once; more are refused. Beyond a few hundred, more only wait longer.
    #[serde(default = "in_flight")]
    pub in_flight: usize,
    /// How many of them may be for one home region; a quarter where it is not set.
    #[serde(default)]
    pub in_flight_per_home: Option<usize>,
    /// How often a home region is asked what became of operations in doubt, in milliseconds.
    #[serde(default = "resolve_every_ms")]
    pub resolve_every_ms: u64,
    /// How long making a connection to a home region may take, in milliseconds. Well below `deadline_ms`: only then is
    /// a region that cannot be reached told apart from one that is slow.
    #[serde(default = "connect_ms")]
    pub connect_ms: u64,
    /// Waits this long inside every commit. For measuring only: a fast disk hides what batches are for.
    #[serde(default)]
    pub commit_delay_ms: u64,
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
    pub(crate) fn in_flight_per_home(&self) -> usize {
        self.in_flight_per_home.unwrap_or(self.in_flight / 4).max(1)
    }
}

fn deadline_ms() -> u64 {
    8_000
}

fn in_flight() -> usize {
    1_024
}

fn resolve_every_ms() -> u64 {
    1_000
}

fn connect_ms() -> u64 {
    2_000
}
