//! What this side asked and was told, to be compared with the hub's book. Called by `yidi verify` and by tests.

use bytes::Bytes;

use super::{Session, TreatmentStore};
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

impl TreatmentStore {
    /// Everything that was asked, oldest first.
    ///
    /// # Errors
    /// When a statement fails.
    pub async fn told_list(&self) -> Result<Vec<Told>, StoreError> {
        self.look(|session| session.told_list()).await
    }
}

impl Session<'_> {
    fn told_list(&self) -> Result<Vec<Told>, StoreError> {
        let mut statement = self.connection.prepare(
            "SELECT bytes, outcome, COALESCE(book_seq, 0)
             FROM operations LEFT JOIN answers ON answers.message = operations.message ORDER BY operations.message",
        )?;
        let rows = statement.query_map([], |row| {
            Ok(Told {
                operation: row.get::<_, Vec<u8>>(0)?.into(),
                outcome: row.get::<_, Option<Vec<u8>>>(1)?.map(Bytes::from),
                book_seq: row.get::<_, i64>(2)?.cast_unsigned(),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
