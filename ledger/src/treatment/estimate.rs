//! The last estimate of a visit or batch, so that a settlement that differs can say so.

use rusqlite::{OptionalExtension, params};
use settlement::bill::Coverage;
use settlement::money::Money;

use super::Session;
use crate::store::StoreError;

/// What the desk was told by an estimate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredEstimate {
    /// The bill by coverage.
    pub coverage: Coverage,
    /// What the person would have paid in cash.
    pub cash: Money,
}

impl Session<'_> {
    /// Keeps an estimate in place of the one before.
    ///
    /// # Errors
    /// When the statement fails.
    pub fn estimate_keep(&self, encounter: &str, batch: &str, estimate: &StoredEstimate) -> Result<(), StoreError> {
        let StoredEstimate { coverage, cash } = estimate;
        self.connection
            .prepare_cached(
                "INSERT INTO estimates VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (encounter, batch) DO UPDATE
                 SET total = excluded.total, self_paid = excluded.self_paid, over_limit = excluded.over_limit,
                 first_self_pay = excluded.first_self_pay, in_policy = excluded.in_policy, cash = excluded.cash",
            )?
            .execute(params![
                encounter,
                batch,
                coverage.total().fen(),
                coverage.self_paid.fen(),
                coverage.over_limit.fen(),
                coverage.first_self_pay.fen(),
                coverage.in_policy.fen(),
                cash.fen(),
            ])?;
        Ok(())
    }

    /// The last estimate.
    ///
    /// # Errors
    /// When the statement fails.
    pub fn estimate_find(&self, encounter: &str, batch: &str) -> Result<Option<StoredEstimate>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT self_paid, over_limit, first_self_pay, in_policy, cash FROM estimates
             WHERE encounter = ?1 AND batch = ?2",
        )?;
        let found = statement.query_row([encounter, batch], |row| {
            let amount = |column| row.get(column).map(Money::from_fen);
            Ok(StoredEstimate {
                coverage: Coverage {
                    self_paid: amount(0)?,
                    over_limit: amount(1)?,
                    first_self_pay: amount(2)?,
                    in_policy: amount(3)?,
                },
                cash: amount(4)?,
            })
        });
        Ok(found.optional()?)
    }
}
