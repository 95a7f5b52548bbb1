//! Days between two pools that the three books were not compared on, or not since the last of their entries: which a
//! period holds, and carrying them out of it as a whole. What books were compared on and differ in is carried out by
//! [`super::carried`], settlement by settlement.

use std::collections::{BTreeMap, BTreeSet};

use clearing::breaks::Books;
use clearing::digest::Branch;
use clearing::obligation::Lot;
use clearing::period::Side;
use jiff::Timestamp;
use settlement::ids::{IdError, SettlementId};

use super::super::breaks::read_branch;
use super::super::lots::read_lot;
use super::super::{HubStore, Position, corrupt};
use super::PeriodNumber;
use super::carried::{Carrying, Disputed, Over, carry_entries, may_carry};
use crate::engine::{Sql, Value};
use crate::store::StoreError;
use crate::values;

/// So many entries are looked at, and at most their settlements carried out, in one commit.
const ENTRIES_AT_ONCE: u32 = 2_000;

/// A branch that a period holds entries of, which were not compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UncomparedBranch {
    /// The day and the pools.
    pub branch: Branch,
    /// Which books were not compared to the hub's present root; never empty.
    pub books: Vec<Books>,
}

/// Branches that a period is to be cleared without for the same reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisputedBranches {
    /// Which.
    pub branches: Vec<Branch>,
    /// Why: which books were not compared.
    pub reason: String,
    /// Whose member has to see to it.
    pub owner: Side,
}

impl HubStore {
    /// The branches of what a period holds that the three books were not compared on as they are.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn uncompared_branches(&self, period: PeriodNumber) -> Result<Vec<UncomparedBranch>, StoreError> {
        const UNCOMPARED: &str = "SELECT day, home, treatment, outer_books, inner_books FROM (
                SELECT branches.day, branches.home, branches.treatment,
                    (EXISTS (SELECT 1 FROM agreements AS shared
                            WHERE shared.day = branches.day AND shared.home = branches.home
                            AND shared.treatment = branches.treatment AND shared.root = roots.digest
                            AND shared.books = 'treatment-hub')
                     OR EXISTS (SELECT 1 FROM differences AS apart
                            WHERE apart.day = branches.day AND apart.home = branches.home
                            AND apart.treatment = branches.treatment AND apart.root = roots.digest
                            AND apart.books = 'treatment-hub')) AS outer_books,
                    (EXISTS (SELECT 1 FROM agreements AS shared
                            WHERE shared.day = branches.day AND shared.home = branches.home
                            AND shared.treatment = branches.treatment AND shared.root = roots.digest
                            AND shared.books = 'hub-home')
                     OR EXISTS (SELECT 1 FROM differences AS apart
                            WHERE apart.day = branches.day AND apart.home = branches.home
                            AND apart.treatment = branches.treatment AND apart.root = roots.digest
                            AND apart.books = 'hub-home')) AS inner_books
                FROM period_branches AS branches LEFT JOIN roots ON roots.day = branches.day
                    AND roots.home = branches.home AND roots.treatment = branches.treatment
                WHERE branches.period = ?1 AND branches.entries > 0) AS compared
            WHERE NOT (outer_books AND inner_books) ORDER BY day, home, treatment";
        self.leaves().leaf_refresh().await?;
        self.engine
            .read(move |sql| {
                sql.query(UNCOMPARED, values![period.0], |row| {
                    let compared = [(Books::TreatmentHub, row.flag(3)?), (Books::HubHome, row.flag(4)?)];
                    let books = compared.into_iter().filter(|(_, compared)| !compared).map(|(books, _)| books);
                    Ok(UncomparedBranch { branch: read_branch(row, 0)?, books: books.collect() })
                })
            })
            .await
    }

    /// Carries out what a period holds of settlements with an entry in these branches, an undoing with what it undoes. Each
    /// page is a commit of its own, so that nobody waits long behind it; what is carried already stays as it is. What is
    /// taken off the settlements does not move yet.
    pub(in crate::hub) async fn carry_out_branches(
        &self,
        period: PeriodNumber,
        disputed: &DisputedBranches,
        carrying: &Carrying,
        at: Timestamp,
    ) -> Result<Result<(), Over>, StoreError> {
        let branches: BTreeSet<Branch> = disputed.branches.iter().copied().collect();
        let pools: BTreeSet<_> = branches.iter().map(|branch| (branch.home, branch.treatment)).collect();
        let lots = self.engine.read(move |sql| lots(sql, period)).await?;
        for lot in lots.into_iter().filter(|lot| pools.contains(&(lot.home, lot.treatment))) {
            let mut after = Position(0);
            loop {
                let page = self.lot_postings((period, lot), after, ENTRIES_AT_ONCE).await?;
                let Some(last) = page.last() else { break };
                after = last.position;
                let branch = |day| Branch { day, home: lot.home, treatment: lot.treatment };
                let theirs = page.iter().filter(|posting| posting.part == 0 && branches.contains(&branch(posting.day)));
                let settlements = theirs.map(|posting| posting.settlement.clone()).collect();
                if let Err(over) = self.carry_out_page((period, settlements), disputed, carrying, at).await? {
                    return Ok(Err(over));
                }
            }
        }
        let mut after = Position(0);
        loop {
            let page = self.engine.read(move |sql| carried_into(sql, period, after, ENTRIES_AT_ONCE)).await?;
            let Some(last) = page.last() else { break };
            after = last.position;
            let theirs = page.into_iter().filter(|came| branches.contains(&came.branch));
            let settlements = theirs.map(|came| came.settlement).collect();
            if let Err(over) = self.carry_out_page((period, settlements), disputed, carrying, at).await? {
                return Ok(Err(over));
            }
        }
        Ok(Ok(()))
    }

    async fn carry_out_page(
        &self,
        (period, settlements): (PeriodNumber, BTreeSet<SettlementId>),
        DisputedBranches { branches: _, reason, owner }: &DisputedBranches,
        carrying: &Carrying,
        at: Timestamp,
    ) -> Result<Result<(), Over>, StoreError> {
        if settlements.is_empty() {
            return Ok(Ok(()));
        }
        let of = |settlement| Disputed { settlement, reason: reason.clone(), owner: *owner };
        let (disputed, carrying): (Vec<Disputed>, _) = (settlements.into_iter().map(of).collect(), carrying.clone());
        self.engine
            .write(move |sql| match may_carry(sql, period, &carrying)? {
                Ok(()) => {
                    let disputed: Vec<&Disputed> = disputed.iter().collect();
                    carry_entries(sql, period, &disputed, &carrying, None, at).map(|_| Ok(()))
                }
                Err(over) => Ok(Err(over)),
            })
            .await
    }
}

/// Counts entries that come into periods, and below zero those that leave them, branch by branch. A settlement's own posting
/// says the branch, whoever else pays of it. What two people took off the list is not looked at again, so it counts nowhere.
pub(in crate::hub) fn count(
    sql: &Sql<'_>,
    entries: impl IntoIterator<Item = (PeriodNumber, Branch, i64)>,
) -> Result<(), StoreError> {
    const COUNT: &str = "INSERT INTO period_branches (period, day, home, treatment, entries)
        VALUES (?1, ?2, ?3, ?4, ?5)
        ON CONFLICT (period, day, home, treatment) DO UPDATE SET entries = period_branches.entries + excluded.entries";
    let mut counts: BTreeMap<(PeriodNumber, Branch), i64> = BTreeMap::new();
    for (period, branch, count) in entries {
        *counts.entry((period, branch)).or_default() += count;
    }
    let days: Vec<String> = counts.keys().map(|(_, branch)| branch.day.to_string()).collect();
    let rows: Vec<[Value<'_>; 5]> = counts
        .iter()
        .zip(&days)
        .map(|(((period, Branch { day: _, home, treatment }), count), day)| {
            [period.0.into(), day.into(), home.0.as_str().into(), treatment.0.as_str().into(), (*count).into()]
        })
        .collect();
    sql.execute_each(COUNT, &rows)
}

/// The lots of a period, also those whose entries come to nothing.
pub(super) fn lots(sql: &Sql<'_>, period: PeriodNumber) -> Result<Vec<Lot>, StoreError> {
    const LOTS: &str = "SELECT home, treatment, insurance, care FROM lot_totals WHERE period = ?1
        ORDER BY home, treatment, insurance, care";
    sql.query(LOTS, values![period.0], |row| read_lot(row, 0))
}

/// An entry of a settlement's own that was carried into a period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::hub) struct Came {
    /// The operation that booked it.
    pub position: Position,
    branch: Branch,
    /// Whose entry it is.
    pub settlement: SettlementId,
}

/// A page of what was carried into a period, after a position.
pub(in crate::hub) fn carried_into(
    sql: &Sql<'_>,
    period: PeriodNumber,
    after: Position,
    limit: u32,
) -> Result<Vec<Came>, StoreError> {
    // What stays in it was carried into it once, so positions are enough to go on by.
    const CAME: &str = "SELECT day, home, treatment, settlement, came.position
        FROM carried_entries AS came CROSS JOIN lot_postings AS held
        WHERE came.into_period = ?1 AND came.position > ?2 AND came.part = 0 AND came.from_period > 0
          AND held.position = came.position AND held.part = 0
        ORDER BY came.position LIMIT ?3";
    sql.query(CAME, values![period.0, after.0, i64::from(limit)], |row| {
        let settlement = row.text(3)?.to_owned();
        let malformed = |fault: IdError| corrupt("lot_postings", &settlement, fault.to_string());
        Ok(Came {
            position: Position(row.number(4)?),
            branch: read_branch(row, 0)?,
            settlement: SettlementId::from_time_first(&settlement).map_err(malformed)?,
        })
    })
}
