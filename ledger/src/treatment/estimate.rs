//! The last estimate of a visit or batch, so that a settlement that differs can say so.

use settlement::bill::Coverage;
use settlement::money::Money;

use super::{Session, stored};
use crate::engine::Row;
use crate::store::StoreError;
use crate::values;

/// What the desk was told by an estimate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredEstimate {
    /// The bill by coverage.
    pub coverage: Coverage,
    /// What the person would have paid in cash.
    pub cash: Money,
}

const KEEP: &str = "INSERT INTO estimates VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (encounter, batch)
    DO UPDATE SET total = excluded.total, self_paid = excluded.self_paid, over_limit = excluded.over_limit,
    first_self_pay = excluded.first_self_pay, in_policy = excluded.in_policy, cash = excluded.cash";

impl Session<'_, '_> {
    /// Keeps an estimate in place of the one before.
    ///
    /// # Errors
    /// When the statement fails.
    pub fn estimate_keep(&self, encounter: &str, batch: &str, estimate: &StoredEstimate) -> Result<(), StoreError> {
        let StoredEstimate { coverage, cash } = estimate;
        let values = values![
            encounter,
            batch,
            coverage.total().fen(),
            coverage.self_paid.fen(),
            coverage.over_limit.fen(),
            coverage.first_self_pay.fen(),
            coverage.in_policy.fen(),
            cash.fen(),
        ];
        self.sql.execute(KEEP, values)?;
        Ok(())
    }
}

/// Reads an estimate from five columns: the four parts of the coverage, and the cash.
pub(super) fn read(row: Row<'_>, first: usize) -> Result<Option<StoredEstimate>, StoreError> {
    let Some(cash) = row.optional_number(first + 4)? else { return Ok(None) };
    Ok(Some(StoredEstimate { coverage: stored::coverage(row, first)?, cash: Money::from_fen(cash) }))
}
