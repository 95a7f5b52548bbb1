//! 异议: what a member objects to in a version of a statement. It is carried out in the same step, all of it or nothing:
//! entries of a settlement with what is taken off it and added to it, or the latter alone, where the settlement itself
//! was cleared in an earlier period.

use std::collections::BTreeSet;

use clearing::listed::owner_of_objection;
use clearing::period::{Pair, Side};
use jiff::Timestamp;
use settlement::ids::SettlementId;

use super::super::afterwards;
use super::PeriodNumber;
use super::carried::{Carrying, Disputed, carry_out, in_period, into_stated, unstated_after};
use super::statements::{StatementFault, read_lots};
use crate::engine::{Sql, Value};
use crate::store::StoreError;
use crate::values;

/// Carries out what a member objects to, and keeps what that was. What is deducted or corrected of a settlement that was
/// cleared before comes in again in the next period that is not stated yet, as often as somebody objects to it there. It
/// never goes onto the list, which holds entries: two people end it by a batch that takes the correction back
/// (`clearing::corrections`), and a deduction ends by its own way (`clearing::review`).
pub(super) fn object(
    sql: &Sql<'_>,
    (period, pair, side): (PeriodNumber, Pair, Side),
    version: u32,
    (settlements, reason): (&[SettlementId], &str),
    (carrying, at): (&Carrying, Timestamp),
) -> Result<Result<(), StatementFault>, StoreError> {
    const NOTICED: &str = "SELECT 1 FROM notices WHERE period = ?1 AND home = ?2 AND treatment = ?3";
    const OBJECTED: &str = "INSERT INTO objected_settlements (period, home, treatment, version, side, settlement)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let (home, treatment) = (pair.home.0.as_str(), pair.treatment.0.as_str());
    if sql.exists(NOTICED, values![period.0, home, treatment])? {
        return Ok(Err(StatementFault::NoticesOut));
    }
    if into_stated(sql, carrying)? {
        return Ok(Err(StatementFault::NextIsStated));
    }
    let lots = read_lots(sql, (period, pair), version)?;
    let between = lots.keys().map(|lot| (lot.home, lot.treatment)).collect();
    let ids: BTreeSet<String> = settlements.iter().map(SettlementId::to_time_first).collect();
    let found: BTreeSet<String> = in_period(sql, period, &ids, Some(&between))?
        .into_iter()
        .filter(|entry| carrying.contains_key(&entry.booked))
        .map(|entry| entry.settlement)
        .collect();
    let posted = afterwards::posted_of(sql, period, &ids, &between)?;
    let settlements: BTreeSet<&SettlementId> = settlements.iter().collect();
    let is_in_it = |id: &String| found.contains(id) || posted.contains(id);
    let not_in_it = settlements.iter().filter(|settlement| !is_in_it(&settlement.to_time_first()));
    let not_in_it: Vec<SettlementId> = not_in_it.map(|settlement| (*settlement).clone()).collect();
    if !not_in_it.is_empty() {
        return Ok(Err(StatementFault::NotInIt(not_in_it)));
    }
    let owner = owner_of_objection(side);
    let disputed =
        |settlement: &&SettlementId| Disputed { settlement: (*settlement).clone(), reason: reason.into(), owner };
    carry_out(sql, period, &settlements.iter().map(disputed).collect::<Vec<_>>(), carrying, Some(&between), at)?;
    // What went with an entry is not there any more.
    let into = unstated_after(sql, period)?;
    posted.iter().try_for_each(|settlement| afterwards::move_with(sql, settlement, period, into))?;
    let (version, side) = (i64::from(version), side.word());
    let rows: Vec<[Value<'_>; 6]> = ids
        .iter()
        .map(|id| [period.0.into(), home.into(), treatment.into(), version.into(), side.into(), id.into()])
        .collect();
    sql.execute_each(OBJECTED, &rows)?;
    Ok(Ok(()))
}

/// Whether a member has objected to these settlements of a version already.
pub(super) fn has_objected_to(
    sql: &Sql<'_>,
    (period, pair, side): (PeriodNumber, Pair, Side),
    version: u32,
    settlements: &[SettlementId],
) -> Result<bool, StoreError> {
    const OBJECTED: &str = "SELECT settlement FROM objected_settlements
        WHERE period = ?1 AND home = ?2 AND treatment = ?3 AND version = ?4 AND side = ?5";
    let (home, treatment) = (pair.home.0.as_str(), pair.treatment.0.as_str());
    let values = values![period.0, home, treatment, i64::from(version), side.word()];
    let before = sql.query(OBJECTED, values, |row| Ok(row.text(0)?.to_owned()))?;
    Ok(settlements.iter().all(|settlement| before.contains(&settlement.to_time_first())))
}
