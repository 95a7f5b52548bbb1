//! Which home members a treatment member has suspended for not paying, step by step.

use clearing::period::Pair;
use jiff::Timestamp;

use super::super::periods::read_pair;
use super::super::{HubStore, instant};
use crate::engine::Row;
use crate::store::StoreError;
use crate::values;

/// A home member that a treatment member has suspended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspension {
    /// Who does not pay, and who suspends.
    pub pair: Pair,
    /// Why.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
}

impl HubStore {
    /// Suspends a home member for a treatment member, or takes it back; tells whether that changes anything.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn suspension_set(
        &self,
        pair: Pair,
        is_suspended: bool,
        reason: String,
        (by, at): (String, Timestamp),
    ) -> Result<bool, StoreError> {
        const SET: &str = "INSERT INTO suspensions (home, treatment, step, is_suspended, reason, done_by, done_at)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        const LAST: &str = "SELECT step, is_suspended FROM suspensions WHERE home = ?1 AND treatment = ?2
            ORDER BY step DESC LIMIT 1";
        self.engine
            .write(move |sql| {
                let (home, treatment) = (pair.home.0.as_str(), pair.treatment.0.as_str());
                let last = sql.find(LAST, values![home, treatment], |row| Ok((row.number(0)?, row.flag(1)?)))?;
                let (step, was) = last.unwrap_or((0, false));
                if was == is_suspended {
                    return Ok(false);
                }
                let at = at.as_microsecond();
                sql.execute(SET, values![home, treatment, step + 1, is_suspended, &reason, &by, at])?;
                Ok(true)
            })
            .await
    }

    /// Who is suspended, and by whom.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn suspension_list(&self) -> Result<Vec<Suspension>, StoreError> {
        const SUSPENDED: &str = "SELECT home, treatment, reason, done_at FROM suspensions AS last
            WHERE is_suspended = 1 AND NOT EXISTS (
                SELECT 1 FROM suspensions AS later WHERE later.home = last.home AND later.treatment = last.treatment
                AND later.step > last.step)
            ORDER BY home, treatment";
        let read = |row: Row<'_>| {
            let pair = read_pair(row, 0)?;
            let since = instant("suspensions", pair.home, row.number(3)?)?;
            Ok(Suspension { pair, reason: row.text(2)?.to_owned(), since })
        };
        self.engine.read(move |sql| sql.query(SUSPENDED, values![], read)).await
    }
}
