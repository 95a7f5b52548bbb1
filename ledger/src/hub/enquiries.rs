//! What the hub looks up beside its money path: a key whose region is closed, how much waits where, and whose settlement
//! an answer names. Nothing is written here.

use rusqlite::params;
use settlement::ids::{PersonNumber, PoolCode, RegionCode, SettlementId};
use settlement::operation::OperationKey;

use super::operations::{self, Earlier};
use super::{HubStore, corrupt};
use crate::store::StoreError;

/// Whose settlement it is, as the journal has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The person.
    pub person: PersonNumber,
    /// The message that settled, as a reversal names it.
    pub target: String,
}

impl HubStore {
    /// What the hub has of a key, without writing anything. None where it never came, or was released.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn operation_find(&self, key: &OperationKey) -> Result<Option<Earlier>, StoreError> {
        let key = key.to_text();
        self.readers.read(move |connection| operations::earlier(connection, &key)).await
    }

    /// How many operations of each region have no answer, those on their way included. Regions without any are left
    /// out. Cheap enough to ask often.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn operation_doubt_by_home(&self) -> Result<Vec<(PoolCode, u64)>, StoreError> {
        self.readers
            .read(|connection| {
                connection
                    .prepare_cached("SELECT home, COUNT(*) FROM waiting GROUP BY home ORDER BY home")?
                    .query_and_then([], |row| {
                        let home: String = row.get(0)?;
                        let pool = RegionCode::new(&home).map_err(|fault| corrupt("waiting", &home, fault))?;
                        Ok((PoolCode(pool), row.get::<_, i64>(1)?.cast_unsigned()))
                    })?
                    .collect()
            })
            .await
    }

    /// Whose settlement it is. None where the journal does not have it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn settlement_owner(&self, settlement: &SettlementId) -> Result<Option<Owner>, StoreError> {
        let settlement = settlement.as_str().to_owned();
        self.readers
            .read(move |connection| {
                connection
                    .prepare_cached(
                        "SELECT operations.person, operations.target
                         FROM journal_entries JOIN operations ON operations.position = journal_entries.position
                         WHERE journal_entries.settlement = ?1 ORDER BY journal_entries.position LIMIT 1",
                    )?
                    .query_and_then(params![settlement], |row| {
                        let person: String = row.get(0)?;
                        let person =
                            PersonNumber::new(&person).map_err(|fault| corrupt("operation", "of a settlement", fault))?;
                        Ok(Owner { person, target: row.get(1)? })
                    })?
                    .next()
                    .transpose()
            })
            .await
    }
}
