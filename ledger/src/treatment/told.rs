//! What this side asked and was told, to be compared with the hub's book. Called by `yidi verify` and by tests.

use bytes::Bytes;

use super::{Session, TreatmentStore, stored};
use crate::store::StoreError;

/// An operation as it was sent, and what came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The operation's bytes.
    pub operation: Bytes,
    /// The outcome's bytes; none while the result is not known.
    pub outcome: Option<Bytes>,
    /// The place in the home region's book; 0 where no home region decided.
    pub book_seq: u64,
}

const LIST: &str = "SELECT bytes, outcome, COALESCE(book_seq, 0) AS book_seq
    FROM messages LEFT JOIN answers ON answers.message = messages.number
    WHERE kind IS NOT NULL ORDER BY messages.number";

impl TreatmentStore {
    /// Everything that was asked, oldest first.
    ///
    /// # Errors
    /// When a statement fails.
    pub async fn told_list(&self) -> Result<Vec<Told>, StoreError> {
        self.look(|session| session.told_list()).await
    }
}

impl Session<'_, '_> {
    fn told_list(&self) -> Result<Vec<Told>, StoreError> {
        self.sql.query(LIST, &[], |row| {
            Ok(Told {
                operation: stored::bytes(row, 0)?,
                outcome: row.optional_bytes(1)?.map(Bytes::copy_from_slice),
                book_seq: row.number(2)?.cast_unsigned(),
            })
        })
    }
}
