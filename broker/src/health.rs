//! How the hub is, as plain values. The binary serves it as `/health`, `/ready` and `/metrics`.

use jiff::Timestamp;
use ledger::store::StoreError;

use crate::hub::Hub;

/// How the hub is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Operations without an answer, those on their way included.
    pub unanswered: u64,
    /// Since when the oldest of them has none.
    pub oldest_unanswered: Option<Timestamp>,
    /// Operations on their way.
    pub in_flight: usize,
    /// The home regions.
    pub homes: Vec<HomeHealth>,
}

/// How a home region is, seen from here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HomeHealth {
    /// Its pools as one word.
    pub name: String,
    /// Whether it answered when it was last asked.
    pub answers: bool,
}

impl Hub {
    /// How the hub is.
    ///
    /// # Errors
    /// When the store cannot be read: then it is not ready.
    pub async fn health(&self) -> Result<Health, StoreError> {
        let (unanswered, oldest_unanswered) = self.store.operation_doubt().await?;
        let homes = self.directory.homes().iter();
        Ok(Health {
            unanswered,
            oldest_unanswered,
            in_flight: self.in_flight.count(),
            homes: homes.map(|home| HomeHealth { name: home.name().to_owned(), answers: home.answers() }).collect(),
        })
    }
}
