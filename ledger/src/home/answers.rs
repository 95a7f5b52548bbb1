//! The answers of a home region's book by the keys of their operations, and where its settlements stand, to be compared
//! with the hub's. Called by `yidi verify` and by tests.

use bytes::Bytes;

use super::HomeStore;
use crate::store::StoreError;

impl HomeStore {
    /// Every operation's key, as [`settlement::operation::OperationKey::to_text`] writes it, with its outcome.
    ///
    /// # Errors
    /// When a statement fails.
    pub async fn answer_list(&self) -> Result<Vec<(String, Bytes)>, StoreError> {
        self.readers
            .read(|connection| {
                let mut statement = connection.prepare("SELECT key, outcome FROM operations ORDER BY book_seq")?;
                let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?.into())))?;
                Ok(rows.collect::<Result<_, _>>()?)
            })
            .await
    }

    /// Every settlement by its id, and whether it is in force.
    ///
    /// # Errors
    /// When a statement fails.
    pub async fn standing_list(&self) -> Result<Vec<(String, bool)>, StoreError> {
        self.readers
            .read(|connection| {
                let mut statement = connection.prepare(
                    "SELECT settlement, COALESCE((SELECT becomes FROM undoings
                      WHERE undoings.settlement = settlements.settlement
                      ORDER BY undoings.book_seq DESC LIMIT 1), 'in-force') = 'in-force' FROM settlements",
                )?;
                let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
                Ok(rows.collect::<Result<_, _>>()?)
            })
            .await
    }
}
