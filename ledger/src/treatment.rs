//! The treatment side's store: encounters, charges, messages with their answers, operations on their way, the
//! hospital's settlements. It keeps facts and gives them back; what they mean is decided in `adapters/his`.
//!
//! Names and documents stand in one table only, `people`: what a look-up (1101) answered, because settlement answers
//! repeat it. No operation, message or log has them.

mod answer;
mod charge;
mod diagnosis;
mod encounter;
mod estimate;
mod file;
mod fold;
mod hospital;
mod message;
mod numbers;
mod operation;
mod person;
mod refusal;
mod schema;
mod settlement;
mod sign_in;
mod stored;
mod tally;
#[cfg(test)]
mod tests;
mod told;

pub use answer::{ArrivedBefore, SettledSums, StoredAnswer};
pub use charge::{Charge, ChargeRange, StoredCharge};
pub use diagnosis::Diagnosis;
pub use encounter::{EncounterEvent, EncounterKind, EncounterStanding, NewEncounter, Statement, StoredEncounter};
pub use estimate::StoredEstimate;
pub use file::KeptFile;
pub use hospital::{
    HospitalFigures, HospitalRow, HospitalScope, KeptDifference, NewComparison, SettledDay, StandingDifference,
    StoredComparison, StoredDifference,
};
pub use message::{Content, MessageKey, MessagePlace, NewMessage, StoredMessage};
pub use operation::{NewOperation, OperationKind, StoredOperation, Whereabouts};
pub use person::KnownPerson;
pub use schema::SCHEMA;
pub use settlement::{Settlement, SettlementChange, StoredSettlement, VisitOperations};
pub use sign_in::SignIn;
pub use tally::{ChargeSums, ChargeTally, sums_of};
pub use told::Told;

use crate::engine::{Closed, Engine, Location, Sql};
use crate::inbox::Inbox;
use crate::leaves::{Leaves, WithMade, with_made};
use crate::store::{StoreError, StoreOptions};

/// The store of a treatment side. Clones share it.
#[derive(Clone)]
pub struct TreatmentStore {
    engine: Engine,
}

/// One transaction, or one snapshot, of a treatment side's store.
pub struct Session<'s, 'c> {
    sql: &'s Sql<'c>,
}

impl TreatmentStore {
    /// Opens the store. A file is made where there is none.
    ///
    /// # Errors
    /// When it cannot be opened, is older than this program, or another process writes to it.
    pub fn open(location: &Location, options: &StoreOptions) -> Result<TreatmentStore, StoreError> {
        Ok(TreatmentStore { engine: Engine::open(location, &SCHEMA, options)? })
    }

    /// Opens the store of a process that may be serving, to look at it: what would change it fails. It must be there.
    ///
    /// # Errors
    /// When it cannot be opened, or is older than this program.
    pub fn open_to_look(location: &Location) -> Result<TreatmentStore, StoreError> {
        Ok(TreatmentStore { engine: Engine::open_to_look(location, &SCHEMA)? })
    }

    /// What the region has of the letters in its mailboxes.
    pub fn inbox(&self) -> Inbox {
        Inbox::new(self.engine.clone())
    }

    /// The digests by which the book is compared with the hub's.
    pub fn leaves(&self) -> Leaves {
        const WITH_MADE: WithMade = with_made!(
            "messages.bytes, answers.outcome",
            "messages ON messages.number = leaves.number LEFT JOIN answers ON answers.message = leaves.number"
        );
        Leaves::new(self.engine.clone(), WITH_MADE)
    }

    /// The end of the store's writer, which comes when the last handle is gone: then it can be opened again.
    pub fn closed(&self) -> Closed {
        self.engine.closed()
    }

    /// Carries out a change, and returns once it is durable. The work may run more than once. What it refuses leaves
    /// nothing behind, though its neighbours in the batch are kept.
    ///
    /// # Errors
    /// When a statement fails (nothing was changed), the commit fails (whether it counts is then unknown), or the store
    /// is closing.
    pub async fn change<T, R, F>(&self, mut work: F) -> Result<Result<T, R>, StoreError>
    where
        F: FnMut(&Session<'_, '_>) -> Result<Result<T, R>, StoreError> + Send + 'static,
        T: Send + 'static,
        R: Send + 'static,
    {
        self.engine.change(move |sql| work(&Session { sql })).await
    }

    /// Reads in one snapshot.
    ///
    /// # Errors
    /// When a statement fails, or the store is closing.
    pub async fn look<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Session<'_, '_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.engine.read(move |sql| query(&Session { sql })).await
    }
}
