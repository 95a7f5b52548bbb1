//! Numbers that never come twice, handed out in blocks, so that a restart wastes some and repeats none.

use super::Session;
use crate::store::StoreError;

impl Session<'_> {
    /// Reserves a block and gives its first number.
    ///
    /// # Errors
    /// When the statement fails.
    pub fn numbers_reserve(&self, how_many: i64) -> Result<i64, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("UPDATE numbers SET next = next + ?1 WHERE name = 'ids' RETURNING next - ?1")?;
        Ok(statement.query_row([how_many], |row| row.get(0))?)
    }
}
