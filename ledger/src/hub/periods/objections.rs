//! 异议: what a member objects to in a version of a statement. It is carried out in the same step, all of it or nothing:
//! entries of a settlement with what is taken off it and added to it, or the latter alone, where the settlement itself
//! was cleared in an earlier period.

use std::collections::BTreeSet;

use clearing::cleared::pair_of;
use clearing::listed::owner_of_objection;
use clearing::members::{Members, PeriodMembers};
use clearing::obligation::Lot;
use clearing::period::{Pair, Side};
use jiff::Timestamp;
use settlement::ids::{PoolCode, SettlementId};

use super::super::afterwards::alone;
use super::apart::returned_since;
use super::carried::{Carrying, Disputed, InPeriod, carry_out, in_period, into_stated};
use super::statements::StatementFault;
use super::{PeriodNumber, THE_LIST, members};
use crate::engine::{Sql, Value};
use crate::store::StoreError;
use crate::values;

/// Carries out what a member objects to, and keeps what that was. What is deducted or corrected of a settlement that was
/// cleared before goes by itself, as far as an entry of the period in which it was posted: into the next period that is not
/// stated yet, and then onto the list.
pub(super) fn object(
    sql: &Sql<'_>,
    (period, pair, side): (PeriodNumber, Pair, Side),
    version: u32,
    (settlements, reason): (&[SettlementId], &str),
    ((carrying, members), at): ((&Carrying, &impl Members), Timestamp),
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
    // A lot whose entries come to nothing is in no statement, and still is the pair's.
    let members = PeriodMembers::new(members::read(sql, period)?, members);
    let is_theirs = |lot: &Lot| pair_of(lot, &members) == pair;
    let ids: BTreeSet<String> = settlements.iter().map(SettlementId::to_time_first).collect();
    let posted = || -> Result<Vec<_>, StoreError> {
        let mut posted = alone::in_period(sql, period, &ids, &is_theirs)?;
        posted.retain(|posted| carrying.contains_key(&posted.period));
        Ok(posted)
    };
    let mut entries = in_period(sql, period, &ids, Some(&is_theirs))?;
    entries.retain(|entry| carrying.contains_key(&entry.booked));
    let changes = posted()?;
    let of_changes = changes.iter().flat_map(|posted| [posted.lot.home, posted.lot.treatment]);
    let pools: BTreeSet<PoolCode> = entries.iter().flat_map(InPeriod::pools).chain(of_changes).collect();
    let wholes: BTreeSet<(String, i64)> = entries.into_iter().map(|entry| (entry.settlement, entry.part)).collect();
    let changed: BTreeSet<String> = changes.into_iter().map(|posted| posted.settlement).collect();
    let settlements: BTreeSet<&SettlementId> = settlements.iter().collect();
    let those = |is_one: &dyn Fn(&String) -> bool| -> Vec<SettlementId> {
        let those = settlements.iter().filter(|settlement| is_one(&settlement.to_time_first()));
        those.map(|settlement| (*settlement).clone()).collect()
    };
    let found: BTreeSet<&String> = wholes.iter().map(|(settlement, _)| settlement).chain(&changed).collect();
    let not_in_it = those(&|id| !found.contains(id));
    if !not_in_it.is_empty() {
        return Ok(Err(StatementFault::NotInIt(not_in_it)));
    }
    let returned = returned_since(sql, period, &wholes)?;
    if !returned.is_empty() {
        return Ok(Err(StatementFault::ReturnedSince(those(&|id| returned.contains(id)))));
    }
    // Its next version is the same pair's, whatever the table of regions says by then.
    members::record(sql, period, pools.into_iter(), &members)?;
    let owner = owner_of_objection(side);
    let disputed =
        |settlement: &&SettlementId| Disputed { settlement: (*settlement).clone(), reason: reason.into(), owner };
    carry_out(sql, period, &settlements.iter().map(disputed).collect::<Vec<_>>(), carrying, Some(&is_theirs), at)?;
    let into = |posted: &alone::InPeriod| carrying.get(&posted.period).copied().flatten().unwrap_or(THE_LIST);
    let going = |into| alone::Going { from: period, into, reason, owner, at };
    // What went with an entry is not there any more.
    for posted in posted()?.iter().filter(|posted| into(posted) == THE_LIST) {
        alone::carry_out(sql, posted, &going(THE_LIST))?;
    }
    // What builds on that goes along, however seldom it was carried itself: out of this period, and of what is not stated.
    // All that changes a settlement is of its own lot. Where that is another pair's, and theirs a relative's account alone,
    // its statement stays as it is.
    alone::bring_after(sql, &changed, &going(THE_LIST))?;
    for posted in posted()? {
        alone::carry_out(sql, &posted, &going(into(&posted)))?;
    }
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
