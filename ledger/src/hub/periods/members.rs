//! Which member cleared for each pool of a period when it was stated: written once, so that the same money never stands in
//! the statements of two pairs, however the table of regions changes while the period is not closed.

use std::collections::{BTreeMap, BTreeSet};

use clearing::members::Members;
use clearing::obligation::Lot;
use clearing::period::Pair;
use settlement::ids::{MemberCode, PoolCode, RegionCode};

use super::super::{HubStore, corrupt};
use super::PeriodNumber;
use super::carried::sums_of;
use super::uncompared::lots;
use crate::engine::{Sql, Value};
use crate::store::StoreError;
use crate::values;

impl HubStore {
    /// The members of a period, as far as they are recorded.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn period_members(&self, period: PeriodNumber) -> Result<BTreeMap<PoolCode, MemberCode>, StoreError> {
        self.engine.read(move |sql| read(sql, period)).await
    }

    /// The lots that a period holds anything of: entries, what is carried out of it or into it, deducted or corrected in
    /// it; also where these come to nothing, and are in no statement.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn period_lots(&self, period: PeriodNumber) -> Result<BTreeSet<Lot>, StoreError> {
        let read = self.engine.read(move |sql| {
            let booked = lots(sql, period)?.into_iter();
            let moved = sums_of(sql, period)?.into_iter().flatten().map(|posting| posting.lot);
            Ok(booked.chain(moved).collect())
        });
        read.await
    }

    /// Records the members of a period's pools. What is recorded stays.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn period_members_record(
        &self,
        period: PeriodNumber,
        members: BTreeMap<PoolCode, MemberCode>,
    ) -> Result<(), StoreError> {
        self.engine.write(move |sql| write(sql, period, &members)).await
    }
}

/// Records that the pools of a pair's lots are these members', and tells whether they all are: none of them is where
/// another was recorded before.
pub(super) fn are_of<'l>(
    sql: &Sql<'_>,
    (period, pair): (PeriodNumber, Pair),
    lots: impl Iterator<Item = &'l Lot>,
) -> Result<bool, StoreError> {
    let recorded = read(sql, period)?;
    let mut new = BTreeMap::new();
    for (pool, member) in lots.flat_map(|lot| [(lot.home, pair.home), (lot.treatment, pair.treatment)]) {
        if *recorded.get(&pool).unwrap_or(&member) != member || *new.entry(pool).or_insert(member) != member {
            return Ok(false);
        }
    }
    new.retain(|pool, _| !recorded.contains_key(pool));
    write(sql, period, &new)?;
    Ok(true)
}

/// Records which members some pools of a period are of.
pub(super) fn record(
    sql: &Sql<'_>,
    period: PeriodNumber,
    pools: impl Iterator<Item = PoolCode>,
    members: &impl Members,
) -> Result<(), StoreError> {
    write(sql, period, &pools.map(|pool| (pool, members.member_for(pool))).collect())
}

/// The pair that a lot between two pools is of, as far as is recorded.
pub(super) fn between(recorded: &BTreeMap<PoolCode, MemberCode>, [home, treatment]: [PoolCode; 2]) -> Option<Pair> {
    let member = |pool| recorded.get(&pool).copied();
    Some(Pair { home: member(home)?, treatment: member(treatment)? })
}

pub(super) fn read(sql: &Sql<'_>, period: PeriodNumber) -> Result<BTreeMap<PoolCode, MemberCode>, StoreError> {
    const MEMBERS: &str = "SELECT pool, member FROM period_members WHERE period = ?1";
    let code = |text: &str| RegionCode::new(text).map_err(|fault| corrupt("period_members", period, fault.to_string()));
    let all = sql.query(MEMBERS, values![period.0], |row| {
        Ok((PoolCode(code(row.text(0)?)?), MemberCode(code(row.text(1)?)?)))
    })?;
    Ok(all.into_iter().collect())
}

fn write(sql: &Sql<'_>, period: PeriodNumber, members: &BTreeMap<PoolCode, MemberCode>) -> Result<(), StoreError> {
    const RECORD: &str = "INSERT INTO period_members (period, pool, member) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
    let rows: Vec<[Value<'_>; 3]> = members
        .iter()
        .map(|(pool, member)| [period.0.into(), pool.0.as_str().into(), member.0.as_str().into()])
        .collect();
    sql.execute_each(RECORD, &rows)
}
