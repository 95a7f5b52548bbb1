//! How the hub is, as plain values. The binary serves it as `/health`, `/ready` and `/metrics`.

use std::collections::HashMap;

use jiff::Timestamp;
use ledger::store::StoreError;
use settlement::ids::PoolCode;

use crate::breaker::Standing;
use crate::directory::{Fallen, Home, LastLie};
use crate::hub::Hub;
use crate::limits::Traffic;

/// How the hub is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Operations in doubt: without an answer, and nobody is carrying them out any more.
    pub unanswered: u64,
    /// Since when the oldest of them has none.
    pub oldest_unanswered: Option<Timestamp>,
    /// Operations on their way.
    pub in_flight: usize,
    /// The home regions.
    pub homes: Vec<HomeHealth>,
    /// The year whose working days the calendar lacks by now.
    pub calendar_lacks: Option<i16>,
}

/// How a home region is, seen from here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HomeHealth {
    /// Its pools as one word.
    pub name: String,
    /// Whether it answered when it was last asked.
    pub answers: bool,
    /// Its breaker for operations.
    pub operations: Standing,
    /// Its breaker for questions.
    pub questions: Standing,
    /// Operations on their way to it.
    pub in_flight: usize,
    /// Its operations in doubt.
    pub unanswered: u64,
    /// How far its book had gone and how far it goes, while it is not whole.
    pub book_fell: Option<Fallen>,
    /// Its last answer that was none.
    pub last_lie: Option<LastLie>,
}

impl Hub {
    /// How the hub is.
    ///
    /// # Errors
    /// When the store cannot be read: then it is not ready.
    pub async fn health(&self) -> Result<Health, StoreError> {
        let (unanswered, oldest_unanswered) = self.store.operation_doubt().await?;
        let by_pool: HashMap<PoolCode, u64> = self.store.operation_doubt_by_home().await?.into_iter().collect();
        let homes = self.directory.homes().iter().map(|home| of_home(home, &by_pool)).collect();
        let calendar_lacks = self.calendar.get().and_then(|calendar| calendar.lacks(self.clock.today()));
        Ok(Health { unanswered, oldest_unanswered, in_flight: self.in_flight.count(), homes, calendar_lacks })
    }
}

fn of_home(home: &Home, unanswered: &HashMap<PoolCode, u64>) -> HomeHealth {
    let operations = home.gate(Traffic::Operation);
    HomeHealth {
        name: home.name().to_owned(),
        answers: home.answers(),
        operations: operations.standing(),
        questions: home.gate(Traffic::Question).standing(),
        in_flight: operations.inside(),
        unanswered: home.pools().iter().filter_map(|pool| unanswered.get(pool)).sum(),
        book_fell: home.book().fallen(),
        last_lie: home.last_lie(),
    }
}
