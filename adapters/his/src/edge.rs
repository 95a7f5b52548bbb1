//! What every transaction has at hand: the store, the line to the hub, the tables, the clock. Made once at the start.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;

use conversation::ToItsEnd;
use jiff::Timestamp;
use jiff::civil::Date;
use ledger::clock::Clock;
use ledger::store::StoreError;
use ledger::treatment::{Session, TreatmentStore};
use serde_json::{Map, Value};
use settlement::beijing;
use settlement::ids::{PoolCode, RegionCode};
use settlement::refusal::{Reason, Refusal};
use settlement::region::RegionTable;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::catalogue::Catalogue;
use crate::config::{Config, Profile};
use crate::envelope::{Envelope, unknown_region};
use crate::hub::HubLink;
use crate::ids::IdMint;
use crate::in_flight::InFlight;
use crate::institutions::{Institution, Institutions};
use crate::stop::{Stop, apart, internal};

/// See the file.
pub struct Edge {
    /// What a person set.
    pub config: Config,
    /// The store.
    pub store: TreatmentStore,
    /// The line to the hub.
    pub hub: HubLink,
    /// Where numbers come from.
    pub ids: IdMint,
    /// The table of regions.
    pub regions: RegionTable,
    /// The pools whose institutions are served here.
    pub pools: BTreeSet<PoolCode>,
    /// The table of institutions.
    pub institutions: Institutions,
    /// The catalogue.
    pub catalogue: Catalogue,
    /// What is being sent right now.
    pub in_flight: InFlight,
    /// The clock that everything shares.
    pub clock: Clock,
    /// What must be finished before an orderly stop.
    pub tasks: TaskTracker,
    /// Ends what goes on until the process stops.
    pub stopping: CancellationToken,
    /// Ends everything at once.
    pub abort: CancellationToken,
}

/// One request, known to be from an institution of ours.
#[derive(Clone)]
pub struct Call {
    /// Its envelope. Shared, as the input is.
    pub envelope: Arc<Envelope>,
    /// The institution as it is today.
    pub institution: Arc<Institution>,
    /// The habits of its client.
    pub profile: Profile,
    /// The transaction's nodes. Shared, since a call goes into closures that run again.
    pub input: Arc<Map<String, Value>>,
    /// When it came.
    pub received: Timestamp,
    /// The `inf_refmsgid` that a first answer gets.
    pub reference: String,
    /// A number for an id that it may need.
    pub number: i64,
}

impl Call {
    /// The day it came.
    pub fn today(&self) -> Date {
        beijing::day_of(self.received)
    }
}

impl Edge {
    /// Carries out a change of the store.
    ///
    /// # Errors
    /// What the work refuses; a fault of the store as an internal one.
    pub async fn change<T, F>(&self, mut work: F) -> Result<T, Refusal>
    where
        F: FnMut(&Session<'_, '_>) -> Result<T, Stop> + Send + 'static,
        T: Send + 'static,
    {
        let changed = self.store.change(move |session| apart(work(session))).await;
        changed.map_err(|error| internal(&error))?
    }

    /// Reads from the store.
    ///
    /// # Errors
    /// What the query refuses; a fault of the store as an internal one.
    pub async fn look<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Session<'_, '_>) -> Result<T, Stop> + Send + 'static,
    ) -> Result<T, Refusal> {
        let looked: Result<Result<T, Refusal>, StoreError> =
            self.store.look(move |session| apart(query(session))).await;
        looked.map_err(|error| internal(&error))?
    }

    /// Runs work to its end even when the client that waits for it goes away.
    ///
    /// # Errors
    /// What the work refuses.
    pub async fn to_its_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Refusal>> + Send + 'static,
    ) -> Result<T, Refusal> {
        let abort = self.abort.clone();
        let ended = ToItsEnd::new(&self.tasks, async move { abort.run_until_cancelled(work).await }).await;
        ended.flatten().unwrap_or_else(|| Err(Refusal::new(Reason::NotYetKnown)))
    }

    /// The pool that a region code belongs to.
    ///
    /// # Errors
    /// When the table has no such code, or it pools nobody.
    pub fn pool_of(&self, code: RegionCode) -> Result<PoolCode, Refusal> {
        self.regions.pool_of(code).ok_or_else(|| unknown_region(code.as_str()))
    }
}

/// Makes an edge's shared handle.
pub type Shared = Arc<Edge>;
