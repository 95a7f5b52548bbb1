//! The treatment side's store: encounters, charges, messages with their answers, operations on their way, the
//! hospital's settlements. It keeps facts and gives them back; what they mean is decided in `adapters/his`.
//!
//! Names and documents stand in one table only, `people`: what a look-up (1101) answered, because settlement answers
//! repeat it. No operation, message or log has them.

mod answers;
mod charge;
mod diagnosis;
mod encounter;
mod estimate;
mod message;
mod numbers;
mod operation;
mod person;
mod schema;
mod settlement;
mod sign_in;
mod stored;
#[cfg(test)]
mod tests;

use std::path::Path;

use rusqlite::Connection;

pub use answers::Told;
pub use charge::{Charge, ChargeRange, ChargeSums, StoredCharge};
pub use diagnosis::Diagnosis;
pub use encounter::{EncounterEvent, EncounterKind, EncounterStanding, NewEncounter, Statement, StoredEncounter};
pub use estimate::StoredEstimate;
pub use message::{Content, MessageKey, NewMessage, StoredMessage};
pub use operation::{NewOperation, OperationKind, StoredAnswer, StoredOperation, Whereabouts};
pub use person::KnownPerson;
pub use settlement::{NewSettlement, SettlementChange, StoredSettlement};
pub use sign_in::SignIn;

use crate::readers::Readers;
use crate::store::{StoreError, StoreOptions};
use crate::writer::{Closed, Writer};

/// The store of a treatment side. Clones share it.
#[derive(Clone)]
pub struct TreatmentStore {
    writer: Writer,
    readers: Readers,
}

/// One transaction, or one snapshot, of a treatment side's store.
pub struct Session<'c> {
    connection: &'c Connection,
}

impl TreatmentStore {
    /// Opens the store's file, and makes it where there is none.
    ///
    /// # Errors
    /// When the file cannot be opened, or another process writes to it.
    pub fn open(path: &Path, options: StoreOptions) -> Result<TreatmentStore, StoreError> {
        let writer = Writer::open(path, schema::MIGRATIONS, options)?;
        Ok(TreatmentStore { writer, readers: Readers::open(path)? })
    }

    /// The end of the store's writer, which comes when the last handle is gone: then the file can be opened again.
    pub fn closed(&self) -> Closed {
        self.writer.closed()
    }

    /// Carries out a change, and returns once it is durable. The work may run more than once. What it refuses leaves
    /// nothing behind, though its neighbours in the batch are kept.
    ///
    /// # Errors
    /// When a statement fails (nothing was changed), or the store is closing.
    pub async fn change<T, R, F>(&self, mut work: F) -> Result<Result<T, R>, StoreError>
    where
        F: FnMut(&Session<'_>) -> Result<Result<T, R>, StoreError> + Send + 'static,
        T: Send + 'static,
        R: Send + 'static,
    {
        self.writer
            .write(move |transaction| {
                transaction.prepare_cached("SAVEPOINT change")?.execute([])?;
                let result = work(&Session { connection: transaction })?;
                if result.is_err() {
                    transaction.prepare_cached("ROLLBACK TO change")?.execute([])?;
                }
                transaction.prepare_cached("RELEASE change")?.execute([])?;
                Ok(result)
            })
            .await
    }

    /// Reads in one snapshot.
    ///
    /// # Errors
    /// When a statement fails, or the store is closing.
    pub async fn look<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Session<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.readers.read(move |connection| query(&Session { connection })).await
    }
}
