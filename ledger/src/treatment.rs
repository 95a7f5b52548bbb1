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
use crate::leaves::{self, Leaves, ReadLeaf, Source};
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

    /// What the region has of the letters in its mailboxes.
    pub fn inbox(&self) -> Inbox {
        Inbox::new(self.engine.clone())
    }

    /// The digests by which the book is compared with the hub's.
    pub fn leaves(&self) -> Leaves {
        const OPERATION: &str = "SELECT messages.bytes, answers.outcome FROM messages
            JOIN answers ON answers.message = messages.number WHERE messages.number = ?1";
        Leaves::new(self.engine.clone(), OPERATION)
    }

    /// Adds operations that were sent and answered since to the leaves; tells whether there are more.
    ///
    /// # Errors
    /// When the store fails, or an operation does not read.
    pub async fn leaf_fold(&self, read: ReadLeaf) -> Result<bool, StoreError> {
        // What the hub itself answered, no home region's book has.
        const PAGE: &str = "SELECT messages.number,
            CASE WHEN answers.book_seq = 0 THEN NULL ELSE messages.bytes END, answers.outcome
            FROM messages LEFT JOIN answers ON answers.message = messages.number
            WHERE messages.number > ?1 ORDER BY messages.number LIMIT ?2";
        // What waits is little, and comes first: SQLite would else read every message for the order.
        const LATE: &str = "SELECT messages.number,
            CASE WHEN answers.book_seq = 0 THEN NULL ELSE messages.bytes END, answers.outcome
            FROM unfolded CROSS JOIN answers CROSS JOIN messages
            WHERE answers.message = unfolded.number AND messages.number = unfolded.number
            ORDER BY unfolded.number LIMIT ?1";
        leaves::fold(&self.engine, &Source { number: 0, start: 0, page: PAGE, late: LATE }, read).await
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
