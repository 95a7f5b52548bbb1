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
        const ANSWERS: &str = "SELECT key, outcome FROM operations ORDER BY book_seq";
        self.engine
            .read(|sql| {
                sql.query(ANSWERS, &[], |row| Ok((row.text(0)?.to_owned(), Bytes::copy_from_slice(row.bytes(1)?))))
            })
            .await
    }

    /// Every settlement by its id, and whether it is in force.
    ///
    /// # Errors
    /// When a statement fails.
    pub async fn standing_list(&self) -> Result<Vec<(String, bool)>, StoreError> {
        const STANDINGS: &str = "SELECT settlement, COALESCE((SELECT becomes FROM undoings
                 WHERE undoings.settlement = settlements.settlement
                 ORDER BY undoings.book_seq DESC LIMIT 1), 'in-force') = 'in-force' FROM settlements ORDER BY book_seq";
        self.engine.read(|sql| sql.query(STANDINGS, &[], |row| Ok((row.text(0)?.to_owned(), row.flag(1)?)))).await
    }
}
