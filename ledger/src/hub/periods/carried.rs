//! Entries that a period is cleared without: carried out of it, and into another or onto the list. What a period clears
//! of its lots follows from them and from the journal's sums. Page by page they are carried out by [`super::carrying`].

use std::collections::{BTreeMap, BTreeSet};

use clearing::carry::{leaves, together};
use clearing::cleared::Movements;
use clearing::digest::Branch;
use clearing::obligation::{Lot, Posting, Totals};
use clearing::period::Side;
use jiff::Timestamp;
use settlement::ids::{PoolCode, SettlementId};

use super::super::afterwards::alone::Going;
use super::super::afterwards::along;
use super::super::breaks::read_branch;
use super::super::lots::{LotPosting, read_lot, read_moved, read_posting, summed};
use super::super::{HubStore, afterwards};
use super::{PeriodNumber, THE_LIST, members, uncompared};
use crate::engine::{Row, Sql, Value, list};
use crate::store::StoreError;
use crate::values;

/// A settlement that a period is to be cleared without, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disputed {
    /// Which.
    pub settlement: SettlementId,
    /// Why: which books are apart, or what a member objects to.
    pub reason: String,
    /// Whose member has to find out.
    pub owner: Side,
}

/// An entry that a period is cleared without, or with though another booked it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CarriedEntry {
    /// What it moves.
    pub posting: LotPosting,
    /// Out of which period; none for the list.
    pub from: Option<PeriodNumber>,
    /// Into which; none for the list.
    pub into: Option<PeriodNumber>,
    /// Why.
    pub reason: String,
}

/// So many settlements are named to one statement.
pub(super) const AT_ONCE: usize = 1_000;

/// Into which period an entry goes, by the period that it was booked in; none for the list.
pub type Carrying = BTreeMap<PeriodNumber, Option<PeriodNumber>>;

macro_rules! carried_entries {
    ($rest:literal) => {
        concat!(
            "SELECT home, treatment, insurance, care, visits, total, basic, large_sum, catastrophic, civil_servant,
                assistance, account, lot_postings.position, lot_postings.part, period, settlement, step, day, corrects,
                from_period, into_period, reason
            FROM carried_entries CROSS JOIN lot_postings
            WHERE lot_postings.position = carried_entries.position AND lot_postings.part = carried_entries.part ",
            $rest
        )
    };
}

/// Of which side of its move an entry is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CarriedSide {
    /// What came into the period.
    Into,
    /// What went out of it.
    OutOf,
}

/// An entry of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CarriedOne {
    /// What it is.
    pub entry: CarriedEntry,
    /// What the page after it is asked for with.
    pub key: (i64, i64, i64),
    /// Whether it is the first of its settlement's own that moved so: what goes along is told with it.
    pub is_first: bool,
}

/// Between which pools something is; by default, any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Between {
    /// Who pay.
    pub homes: Option<BTreeSet<PoolCode>>,
    /// Who treated.
    pub treatments: Option<BTreeSet<PoolCode>>,
}

impl Between {
    /// As statements are given them.
    pub(in crate::hub) fn lists(&self) -> [Option<String>; 2] {
        [&self.homes, &self.treatments]
            .map(|pools| pools.as_ref().map(|pools| list(pools.iter().map(|pool| pool.0.as_str()))))
    }
}

macro_rules! carried_page {
    ($side:literal) => {
        concat!(
            "SELECT home, treatment, insurance, care, visits, total, basic, large_sum, catastrophic, civil_servant,
                assistance, account, lot_postings.position, lot_postings.part, period, settlement, step, day, corrects,
                moved.from_period, moved.into_period, moved.reason,
                NOT EXISTS (
                    SELECT 1 FROM answers CROSS JOIN carried_entries AS before
                    WHERE answers.settlement = lot_postings.settlement AND answers.step < lot_postings.step
                      AND before.position = answers.position AND before.part = 0
                      AND before.from_period = moved.from_period
                      AND COALESCE(before.into_period, 0) = COALESCE(moved.into_period, 0))
            FROM carried_entries AS moved CROSS JOIN lot_postings
            WHERE moved.",
            $side,
            " = ?1 AND (moved.position, moved.part, moved.from_period) > (?2, ?3, ?4)
              AND lot_postings.position = moved.position AND lot_postings.part = moved.part
              AND (?5 IS NULL OR home IN (SELECT value FROM json_each(?5)))
              AND (?6 IS NULL OR treatment IN (SELECT value FROM json_each(?6)))
            ORDER BY moved.position, moved.part, moved.from_period LIMIT ?7"
        )
    };
}

impl HubStore {
    /// The first period after one from which nothing was carried out yet: its statements are still to be made, so entries
    /// can go into it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn period_unstated_after(&self, period: PeriodNumber) -> Result<PeriodNumber, StoreError> {
        self.engine.read(move |sql| unstated_after(sql, period)).await
    }

    /// Every entry that was ever carried over, in the order of periods; what left the list comes first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn carried_all(&self) -> Result<Vec<CarriedEntry>, StoreError> {
        const CARRIED: &str = carried_entries!("ORDER BY from_period, lot_postings.position, lot_postings.part");
        self.engine.read(|sql| sql.query(CARRIED, values![], read_carried)).await
    }

    /// The entries that are carried out of a period and into it, in the order of their booking.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn carried_entries(&self, period: PeriodNumber) -> Result<Vec<CarriedEntry>, StoreError> {
        const CARRIED: &str = carried_entries!(
            "AND (from_period = ?1 OR into_period = ?1)
            ORDER BY lot_postings.position, lot_postings.part, from_period"
        );
        self.engine.read(move |sql| sql.query(CARRIED, values![period.0], read_carried)).await
    }

    /// A page of the entries that are carried into a period, or out of it, between pools, after one of them, in the order of
    /// their booking.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn carried_page(
        &self,
        (period, side): (PeriodNumber, CarriedSide),
        between: Between,
        (position, part, from): (i64, i64, i64),
        limit: u32,
    ) -> Result<Vec<CarriedOne>, StoreError> {
        const INTO: &str = carried_page!("into_period");
        const OUT_OF: &str = carried_page!("from_period");
        let text = match side {
            CarriedSide::Into => INTO,
            CarriedSide::OutOf => OUT_OF,
        };
        let read = self.engine.read(move |sql| {
            let [homes, treatments] = between.lists();
            let (homes, treatments) = (homes.as_deref(), treatments.as_deref());
            let values = values![period.0, position, part, from, homes, treatments, i64::from(limit)];
            sql.query(text, values, |row| {
                let key = (row.number(12)?, row.number(13)?, row.number(19)?);
                Ok(CarriedOne { key, is_first: row.flag(22)?, entry: read_carried(row)? })
            })
        });
        read.await
    }

    /// What moves the lots of a period.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn clearing_movements(&self, period: PeriodNumber) -> Result<Movements, StoreError> {
        let booked = self.lot_totals(period).await?;
        let moved = self.engine.read(move |sql| movements(sql, period, booked));
        moved.await
    }
}

pub(super) const CARRY: &str = "INSERT INTO carried_entries
        (position, part, from_period, into_period, reason, owner, carried_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";

/// Nothing is carried out any more; what is told then, see [`HubStore::entry_carry_out`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::hub) struct Over(pub Option<u64>);

/// Whether entries may be carried out of a period into these: another hub may have taken the step meanwhile, or stated
/// one of them.
pub(super) fn may_carry(
    sql: &Sql<'_>,
    period: PeriodNumber,
    carrying: &Carrying,
) -> Result<Result<(), Over>, StoreError> {
    if is_stated(sql, period)? {
        return Ok(Err(Over(Some(0))));
    }
    Ok(if into_stated(sql, carrying)? { Err(Over(None)) } else { Ok(()) })
}

/// See [`HubStore::period_unstated_after`].
pub(super) fn unstated_after(sql: &Sql<'_>, period: PeriodNumber) -> Result<PeriodNumber, StoreError> {
    const UNSTATED: &str = "SELECT MIN(number) FROM periods WHERE number > ?1
          AND NOT EXISTS (SELECT 1 FROM clearing_steps
                          WHERE clearing_steps.period = periods.number AND step = 'carried' AND held = 1)";
    let first = sql.get(UNSTATED, values![period.0], |row| row.optional_number(0))?;
    Ok(first.map_or(PeriodNumber(period.0 + 1), PeriodNumber))
}

/// Every period but one that has not taken the step after which its statements are made: what counts in them still moves.
pub(in crate::hub) fn unstated(sql: &Sql<'_>, but: PeriodNumber) -> Result<Vec<PeriodNumber>, StoreError> {
    const UNSTATED: &str = "SELECT number FROM periods WHERE number <> ?1
          AND NOT EXISTS (SELECT 1 FROM clearing_steps
                          WHERE clearing_steps.period = periods.number AND step = 'carried' AND held = 1)
        ORDER BY number";
    sql.query(UNSTATED, values![but.0], |row| row.number(0).map(PeriodNumber))
}

/// Whether a period has taken that step: what it clears is stated, and stays as it is.
pub(in crate::hub) fn is_stated(sql: &Sql<'_>, period: PeriodNumber) -> Result<bool, StoreError> {
    const CARRIED: &str = "SELECT 1 FROM clearing_steps WHERE period = ?1 AND step = 'carried' AND held = 1";
    sql.exists(CARRIED, values![period.0])
}

/// Whether an entry would go into a period whose statements may have been made without it.
pub(super) fn into_stated(sql: &Sql<'_>, carrying: &Carrying) -> Result<bool, StoreError> {
    for into in carrying.values().flatten() {
        if is_stated(sql, *into)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn read_carried(row: Row<'_>) -> Result<CarriedEntry, StoreError> {
    let from = Some(row.number(19)?).filter(|from| *from > 0).map(PeriodNumber);
    let into = row.optional_number(20)?.map(PeriodNumber);
    Ok(CarriedEntry { posting: read_posting(row)?, from, into, reason: row.text(21)?.to_owned() })
}

/// An entry that a period clears, as it can be carried out of it.
pub(super) struct InPeriod {
    position: i64,
    /// See [`LotPosting::part`].
    pub part: i64,
    /// The period in which it was booked.
    pub booked: PeriodNumber,
    /// The settlement, as the book keeps it.
    pub settlement: String,
    branch: Branch,
}

impl InPeriod {
    /// The pools of its lot.
    pub fn pools(&self) -> [PoolCode; 2] {
        [self.branch.home, self.branch.treatment]
    }
}

/// Which lots are meant.
pub(super) type OfLots<'a> = &'a dyn Fn(&Lot) -> bool;

/// The entries of settlements that a period clears: booked in it or carried into it, and not out of it yet; of these lots
/// alone where any are given. What two people have cleared from the list stays where they put it.
pub(super) fn in_period(
    sql: &Sql<'_>,
    period: PeriodNumber,
    settlements: &BTreeSet<String>,
    of: Option<OfLots<'_>>,
) -> Result<Vec<InPeriod>, StoreError> {
    // In steps, each of which finds its rows by key whatever is known of the tables' sizes: PostgreSQL would else read
    // every entry for each page as long as it has no statistics of them, or hold each against all that is carried.
    const IN_IT: &str = "WITH booked AS MATERIALIZED (
            SELECT answers.position FROM json_each(?1) AS wanted CROSS JOIN answers
            WHERE answers.settlement = wanted.value),
        own AS MATERIALIZED (
            SELECT lot_postings.position, part, period, settlement, day, home, treatment, insurance, care
            FROM booked CROSS JOIN lot_postings WHERE lot_postings.position = booked.position)
        SELECT position, part, period, settlement, day, home, treatment, insurance, care FROM own
        WHERE (period = ?2 OR ?2 IN (
              SELECT came.into_period FROM carried_entries AS came
              WHERE came.position = own.position AND came.part = own.part))
          AND (
              SELECT COUNT(*) FROM carried_entries AS gone
              WHERE gone.position = own.position AND gone.part = own.part AND +gone.from_period IN (0, ?2)) = 0
        ORDER BY position, part";
    let wanted = list(settlements.iter().map(String::as_str));
    let found = sql.query(IN_IT, values![&wanted, period.0], |row| {
        let (booked, settlement) = (PeriodNumber(row.number(2)?), row.text(3)?.to_owned());
        let (position, part, branch) = (row.number(0)?, row.number(1)?, read_branch(row, 4)?);
        Ok((InPeriod { position, part, booked, settlement, branch }, read_lot(row, 5)?))
    })?;
    Ok(found.into_iter().filter(|(_, lot)| of.is_none_or(|of| of(lot))).map(|(entry, _)| entry).collect())
}

/// Carries out settlements, each named once, with what is taken off them; of these lots alone where any are given. Tells
/// those whose own part has gone.
pub(super) fn carry_out(
    sql: &Sql<'_>,
    period: PeriodNumber,
    disputed: &[Disputed],
    carrying: &Carrying,
    of: Option<OfLots<'_>>,
    at: Timestamp,
) -> Result<Vec<String>, StoreError> {
    let mut gone = Vec::new();
    for some in disputed.chunks(AT_ONCE) {
        let some: Vec<&Disputed> = some.iter().collect();
        let own = carry_entries(sql, period, &some, carrying, of, at)?;
        let reasons = by_settlement(&some);
        for (settlement, into) in own {
            let Some(Disputed { settlement: _, reason, owner }) = reasons.get(&settlement) else { continue };
            let going = Going { from: period, into, reason, owner: *owner, at };
            along::carry_with(sql, &settlement, carrying, &going)?;
            gone.push(settlement);
        }
    }
    Ok(gone)
}

/// The same, without what is taken off them; tells into which period each settlement's own part went. What is between pools of
/// one member stays (see [`leaves`]), once it is recorded whose they are.
pub(super) fn carry_entries(
    sql: &Sql<'_>,
    period: PeriodNumber,
    disputed: &[&Disputed],
    carrying: &Carrying,
    of: Option<OfLots<'_>>,
    at: Timestamp,
) -> Result<BTreeMap<String, PeriodNumber>, StoreError> {
    let reasons = by_settlement(disputed);
    let mut found = in_period(sql, period, &reasons.keys().cloned().collect(), of)?;
    let named: BTreeSet<&str> = found.iter().map(|entry| entry.settlement.as_str()).collect();
    let (listed, members) = (on_list(sql, &list(named))?, members::read(sql, period)?);
    found.retain(|entry| {
        let others_wait = listed.contains(&(entry.settlement.clone(), entry.part));
        let leaves = members::between(&members, entry.pools()).is_none_or(|between| leaves(between, others_wait));
        // Entries of a period that is not named are not of this one.
        leaves && carrying.contains_key(&entry.booked)
    });
    let mut ways: BTreeMap<Whole, Vec<Option<PeriodNumber>>> = BTreeMap::new();
    for InPeriod { part, booked, settlement, .. } in &found {
        let into = carrying.get(booked).copied().flatten();
        ways.entry((settlement.clone(), *part)).or_default().push(into);
    }
    // What joins others that are on the list already is decided with them.
    for whole in listed {
        ways.entry(whole).and_modify(|each| each.push(None));
    }
    let ways: BTreeMap<Whole, Option<PeriodNumber>> =
        ways.into_iter().map(|(whole, each)| (whole, together(each))).collect();
    let mut going: Vec<(PeriodNumber, InPeriod)> = found.into_iter().map(|entry| (period, entry)).collect();
    going.extend(joining(sql, period, &ways)?);
    let mut branches = Vec::new();
    let rows: Vec<[Value<'_>; 7]> = going
        .iter()
        .filter_map(|(from, InPeriod { position, part, booked: _, settlement, branch })| {
            let into = ways.get(&(settlement.clone(), *part))?.map(|into| into.0);
            let disputed = reasons.get(settlement)?;
            if *part == 0 {
                branches.push((*from, *branch, -1));
                branches.extend(into.map(|into| (PeriodNumber(into), *branch, 1)));
            }
            Some([
                (*position).into(),
                (*part).into(),
                from.0.into(),
                into.into(),
                (&disputed.reason).into(),
                disputed.owner.word().into(),
                at.as_microsecond().into(),
            ])
        })
        .collect();
    sql.execute_each(CARRY, &rows)?;
    uncompared::count(sql, branches)?;
    let own = ways.iter().filter(|((_, part), _)| *part == 0);
    Ok(own.map(|((settlement, _), into)| (settlement.clone(), into.unwrap_or(THE_LIST))).collect())
}

/// Part of a settlement whose entries undo one another: which settlement, as the book keeps it, and which part.
type Whole = (String, i64);

fn by_settlement<'d>(disputed: &[&'d Disputed]) -> BTreeMap<String, &'d Disputed> {
    disputed.iter().map(|disputed| (disputed.settlement.to_time_first(), *disputed)).collect()
}

/// What is on the list of these settlements, and was not cleared from there.
fn on_list(sql: &Sql<'_>, settlements: &str) -> Result<BTreeSet<Whole>, StoreError> {
    const ON_LIST: &str = "SELECT DISTINCT answers.settlement, listed.part
        FROM json_each(?1) AS wanted CROSS JOIN answers CROSS JOIN carried_entries AS listed
        WHERE answers.settlement = wanted.value AND listed.position = answers.position
          AND listed.into_period IS NULL AND listed.from_period > 0
          AND NOT EXISTS (SELECT 1 FROM carried_entries AS cleared
                          WHERE cleared.position = listed.position AND cleared.part = listed.part
                            AND cleared.from_period = 0 AND cleared.into_period IS NOT NULL)";
    let found = sql.query(ON_LIST, values![settlements], |row| Ok((row.text(0)?.to_owned(), row.number(1)?)))?;
    Ok(found.into_iter().collect())
}

/// What joins entries that go to the list, from each period that is not stated: were these returned, what undoes them would
/// count alone there.
fn joining(
    sql: &Sql<'_>,
    period: PeriodNumber,
    ways: &BTreeMap<Whole, Option<PeriodNumber>>,
) -> Result<Vec<(PeriodNumber, InPeriod)>, StoreError> {
    let is_listed = |whole: &Whole| ways.get(whole).is_some_and(Option::is_none);
    let listed: BTreeSet<String> =
        ways.keys().filter(|whole| is_listed(whole)).map(|(settlement, _)| settlement.clone()).collect();
    let mut joining = Vec::new();
    if listed.is_empty() {
        return Ok(joining);
    }
    for other in unstated(sql, period)? {
        let found = in_period(sql, other, &listed, None)?.into_iter();
        let theirs = found.filter(|entry| is_listed(&(entry.settlement.clone(), entry.part)));
        joining.extend(theirs.map(|entry| (other, entry)));
    }
    Ok(joining)
}

macro_rules! carried {
    ($side:literal) => {
        concat!(
            "SELECT ",
            summed!(),
            " FROM carried_entries CROSS JOIN lot_postings
            WHERE lot_postings.position = carried_entries.position AND lot_postings.part = carried_entries.part
              AND carried_entries.",
            $side,
            " = ?1 GROUP BY home, treatment, insurance, care"
        )
    };
}

/// What moves the lots of a period beside what was booked in it: of which of that corrects earlier ones, what is by now
/// carried out of it and into it, deducted in it, and corrected in it; each one sum a lot, however much is behind it.
pub(in crate::hub) fn sums_of(sql: &Sql<'_>, period: PeriodNumber) -> Result<[Vec<Posting>; 5], StoreError> {
    // In steps: its index finds the few that correct something, while the order of lots would have all of a period read.
    const CORRECTED: &str = concat!(
        "WITH corrected AS MATERIALIZED (SELECT * FROM lot_postings WHERE period = ?1 AND corrects IS NOT NULL)
        SELECT ",
        summed!(),
        " FROM corrected GROUP BY home, treatment, insurance, care"
    );
    let sums = |text| sql.query(text, values![period.0], read_moved);
    Ok([
        sums(CORRECTED)?,
        sums(carried!("from_period"))?,
        sums(carried!("into_period"))?,
        afterwards::DEDUCTIONS.of_period(sql, period)?,
        afterwards::CORRECTIONS.of_period(sql, period)?,
    ])
}

fn movements(sql: &Sql<'_>, period: PeriodNumber, booked: Totals) -> Result<Movements, StoreError> {
    let sums = sums_of(sql, period)?;
    let [corrected, carried_out, carried_in, deducted, recomputed] = sums.map(|lots| lots.into_iter().collect());
    Ok(Movements { booked, corrected, carried_out, carried_in, deducted, recomputed })
}
