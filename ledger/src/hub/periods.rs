//! The periods of clearing: each entry of the journal is stamped with the one that is open when it is committed. Cutting
//! off is a decision about a number and never a scan: it waits for the commits of a moment, and those after it see the
//! next number. Called by clearing and by operators.

mod apart;
mod carried;
mod carrying;
mod course;
mod followed;
mod listed;
mod listing;
mod members;
mod objections;
mod payments;
mod statements;
mod tables;
mod uncompared;

use std::fmt;

use jiff::Timestamp;

pub use apart::EntryApart;
pub(super) use carried::sums_of;
pub use carried::{Between, CarriedEntry, CarriedOne, CarriedSide, Carrying, Disputed};
pub(super) use carried::{is_stated, unstated};
#[cfg(test)]
pub(super) use carrying::Moves;
pub(super) use course::read_pair;
pub use course::{StepReport, StepTaken};
pub use followed::{CorrectedIn, DeductedIn, Followed, Stands};
pub use listed::{Listed, ListedFault};
pub use listing::ListPlace;
pub use payments::PaidPlace;
pub(super) use payments::{add_acceptance, add_record, next_record, read_insurance, read_payment, read_side};
pub use statements::{AsOf, Reply, StatementFault};
pub(super) use tables::TABLES;
#[cfg(test)]
pub(super) use uncompared::carried_into;
pub(super) use uncompared::count as count_branches;
pub use uncompared::{DisputedBranches, UncomparedBranch};

use super::{HubStore, instant};
use crate::engine::{Row, Sql};
use crate::store::StoreError;
use crate::values;

/// The number of a period: 1, 2, 3, …
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeriodNumber(pub i64);

impl fmt::Display for PeriodNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where what is on the list stands: in no period.
pub(super) const THE_LIST: PeriodNumber = PeriodNumber(0);

/// A period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// Its number.
    pub number: PeriodNumber,
    /// When the one before it was cut off; the beginning of 1970 for the first.
    pub opened_at: Timestamp,
}

impl HubStore {
    /// The period that is open.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn period_open(&self) -> Result<Period, StoreError> {
        self.engine.read(newest).await
    }

    /// Cuts the open period off, and gives the one that is open from now on. Every entry that is committed later is in
    /// the new one. What is cut off is named, so that asking twice cuts off once.
    ///
    /// # Errors
    /// When the store fails. Whether it was cut off is then to be seen from [`HubStore::period_open`].
    pub async fn period_cut_off(&self, open: PeriodNumber, at: Timestamp) -> Result<Period, StoreError> {
        self.engine
            .write(move |sql| {
                let newest = newest(sql)?;
                if newest.number != open {
                    return Ok(newest);
                }
                let number = PeriodNumber(open.0 + 1);
                sql.execute(
                    "INSERT INTO periods (number, opened_at) VALUES (?1, ?2)",
                    values![number.0, at.as_microsecond()],
                )?;
                bound(sql, number)?;
                Ok(Period { number, opened_at: at })
            })
            .await
    }
}

/// Notes where the entries of a period that begins now can be: what was folded was answered before, or is listed. Those
/// of the period that ends lie no further than what is written by now.
fn bound(sql: &Sql<'_>, begun: PeriodNumber) -> Result<(), StoreError> {
    const FOLDED: &str = "INSERT INTO period_bounds (period, committer, reached, newest)
        SELECT ?1, number, COALESCE(reached, number * 1099511627776),
            COALESCE((SELECT MAX(position) FROM operations WHERE position > number * 1099511627776
                      AND position <= (number + 1) * 1099511627776), number * 1099511627776)
        FROM committers LEFT JOIN folds ON source = number";
    const LATE: &str = "INSERT INTO period_late (period, position) SELECT ?1, number FROM unfolded";
    sql.execute(FOLDED, values![begun.0])?;
    sql.execute(LATE, values![begun.0])?;
    Ok(())
}

fn newest(sql: &Sql<'_>) -> Result<Period, StoreError> {
    sql.get("SELECT number, opened_at FROM periods ORDER BY number DESC LIMIT 1", values![], read)
}

fn read(row: Row<'_>) -> Result<Period, StoreError> {
    let number = PeriodNumber(row.number(0)?);
    Ok(Period { number, opened_at: instant("period", number, row.number(1)?)? })
}
