//! Numbers that never come twice, handed out in blocks, so that a restart wastes some and repeats none.

use super::Session;
use crate::store::StoreError;
use crate::values;

const RESERVE: &str = "UPDATE numbers SET next = next + ?1 WHERE name = 'ids' RETURNING next";

impl Session<'_, '_> {
    /// Reserves a block and gives its first number.
    ///
    /// # Errors
    /// When the statement fails.
    pub fn numbers_reserve(&self, how_many: i64) -> Result<i64, StoreError> {
        let ends = self.sql.execute_returning(RESERVE, values![how_many], |row| row.number(0))?;
        let end = ends.first().ok_or_else(|| super::stored::corrupt("numbers", "ids", "is missing"))?;
        Ok(end - how_many)
    }
}
