//! What the hub looks up beside its money path: a key whose region is closed, how much waits where, and whose settlement
//! an answer names. Nothing is written here.

use bytes::Bytes;
use settlement::ids::{PersonNumber, PoolCode, RegionCode, SettlementId};
use settlement::operation::{OperationKey, ReversalTarget, target_of};

use super::operations::{self, Earlier};
use super::{HubStore, corrupt};
use crate::engine::list;
use crate::store::StoreError;
use crate::values;

/// Whose settlement it is, as the journal has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The person.
    pub person: PersonNumber,
    /// The message that settled, as a reversal names it.
    pub target: String,
}

/// What made a settlement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// The settlement.
    pub settlement: SettlementId,
    /// The operation as it came.
    pub operation: Bytes,
    /// The home region's outcome as it came.
    pub outcome: Bytes,
}

impl HubStore {
    /// What the hub has of a key, without writing anything. None where it never came, or was released.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn operation_find(&self, key: &OperationKey) -> Result<Option<Earlier>, StoreError> {
        let key = key.to_text();
        self.engine.read(move |sql| operations::earlier(sql, &key)).await
    }

    /// Whether an operation, by its key as text, has come and has no answer yet.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn operation_waits(&self, key: String) -> Result<bool, StoreError> {
        const WAITS: &str = "SELECT 1 FROM operations LEFT JOIN answers ON answers.position = operations.position
            WHERE operations.key = ?1 AND answers.position IS NULL LIMIT 1";
        self.engine.read(move |sql| sql.exists(WAITS, values![&key])).await
    }

    /// How many operations of each region are in doubt. Regions without any are left out. Cheap enough to ask often.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn operation_doubt_by_home(&self) -> Result<Vec<(PoolCode, u64)>, StoreError> {
        self.engine
            .read(|sql| {
                sql.query(
                    "SELECT doubts.home, COUNT(*) FROM doubts LEFT JOIN answers ON answers.position = doubts.position
                     WHERE answers.position IS NULL GROUP BY doubts.home ORDER BY doubts.home",
                    values![],
                    |row| {
                        let home = row.text(0)?;
                        let pool = RegionCode::new(home).map_err(|fault| corrupt("doubts of", home, fault))?;
                        Ok((PoolCode(pool), row.number(1)?.cast_unsigned()))
                    },
                )
            })
            .await
    }

    /// What made each of these settlements, in their order. Those that the journal does not have are left out.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn settlement_made(&self, settlements: Vec<SettlementId>) -> Result<Vec<Made>, StoreError> {
        const MADE: &str = "SELECT answers.settlement, operations.bytes, answers.outcome
            FROM json_each(?1) AS wanted CROSS JOIN answers CROSS JOIN operations
            WHERE answers.settlement = wanted.value AND answers.step = 1 AND operations.position = answers.position
            ORDER BY answers.settlement";
        let wanted: Vec<String> = settlements.iter().map(SettlementId::to_time_first).collect();
        let wanted = list(wanted.iter().map(String::as_str));
        self.engine
            .read(move |sql| {
                sql.query(MADE, values![&wanted], |row| {
                    let id = row.text(0)?;
                    let settlement =
                        SettlementId::from_time_first(id).map_err(|fault| corrupt("answers", id, fault))?;
                    let (operation, outcome) = (row.bytes(1)?, row.bytes(2)?);
                    let [operation, outcome] = [operation, outcome].map(Bytes::copy_from_slice);
                    Ok(Made { settlement, operation, outcome })
                })
            })
            .await
    }

    /// Whose settlement it is. None where the journal does not have it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn settlement_owner(&self, settlement: &SettlementId) -> Result<Option<Owner>, StoreError> {
        let settlement = settlement.to_time_first();
        self.engine
            .read(move |sql| {
                sql.find(
                    "SELECT operations.key FROM answers JOIN operations ON operations.position = answers.position
                     WHERE answers.settlement = ?1 AND answers.step = 1",
                    values![&settlement],
                    |row| {
                        owner(row.text(0)?)
                            .ok_or_else(|| corrupt("operation of settlement", &settlement, "its key is none"))
                    },
                )
            })
            .await
    }
}

/// The person and the target are parts of the key.
fn owner(key: &str) -> Option<Owner> {
    let target = ReversalTarget::from_text(target_of(key)?)?;
    Some(Owner { target: target.to_text(), person: target.person })
}
