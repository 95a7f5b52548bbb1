//! What is taken off settlements or added to them and goes by itself, since they were cleared before it was posted: carried
//! over where a member objects to it, as often as an entry may be, then onto the list, where two people end it. What is
//! moved so says why, and who has to find out. Called by objections and by the list.

use std::collections::{BTreeMap, BTreeSet};

use clearing::listed::{Before, Joins, Verdict, joins};
use clearing::obligation::Lot;
use clearing::period::Side;
use jiff::Timestamp;
use settlement::adjudication::{Fund, FundShares};
use settlement::ids::SettlementId;
use settlement::money::Money;

use super::{CORRECTIONS, DEDUCTIONS, Kind, read_posted};
use crate::engine::{Row, Sql, list};
use crate::hub::lots::read_lot;
use crate::hub::periods::{ListPlace, PeriodNumber, THE_LIST, is_stated};
use crate::hub::proving::Afterwards;
use crate::hub::{HubStore, corrupt, instant};
use crate::store::StoreError;
use crate::values;

/// The statements about one kind of such money.
pub(super) struct Texts {
    pub in_it: &'static str,
    pub came: &'static str,
    pub listed: &'static str,
    pub listed_after: &'static str,
    pub ways: &'static str,
    pub returned: &'static str,
    pub carry: &'static str,
    pub follow: &'static str,
    pub built: &'static str,
    pub built_of: &'static str,
}

macro_rules! texts {
    ($kind:literal, $whole:literal, $since:literal) => {
        alone::Texts {
            in_it: posted_in!(
                $kind,
                concat!(
                    "SELECT posted.id, posted.step, posted.period, changed.settlement, changed.home, changed.treatment,
                        changed.insurance, changed.care
                     FROM json_each(?2) AS wanted CROSS JOIN ",
                    $kind,
                    "s AS changed CROSS JOIN ",
                    $kind,
                    "_postings AS posted"
                ),
                concat!(
                    "AND changed.settlement = wanted.value AND posted.id = changed.id AND NOT ",
                    ended!($kind),
                    " ORDER BY posted.id, posted.step"
                )
            ),
            came: posted_in!(
                $kind,
                concat!(
                    "SELECT changed.settlement, posted.basic, posted.large_sum, posted.catastrophic,
                        posted.civil_servant, posted.assistance, changed.home, changed.treatment, changed.insurance,
                        changed.care, posted.period
                     FROM ",
                    $kind,
                    "_postings AS posted JOIN ",
                    $kind,
                    "s AS changed ON changed.id = posted.id"
                ),
                concat!(
                    "AND EXISTS (SELECT 1 FROM ",
                    $kind,
                    "_moves AS alone WHERE alone.id = posted.id
                        AND alone.step = posted.step AND alone.into_period = ?1 AND alone.owner IS NOT NULL)
                     ORDER BY posted.id, posted.step"
                )
            ),
            listed: concat!(
                "SELECT changed.settlement, posted.basic, posted.large_sum, posted.catastrophic, posted.civil_servant,
                    posted.assistance, changed.home, changed.treatment, changed.insurance, changed.care, posted.id,
                    posted.step, posted.period, listed.from_period, listed.reason, listed.owner, listed.moved_at, ",
                ended_into!($kind),
                ", listed.step FROM json_each(?1) AS wanted CROSS JOIN ",
                $kind,
                "s AS changed CROSS JOIN ",
                $kind,
                "_moves AS listed CROSS JOIN ",
                $kind,
                "_postings AS posted
                 WHERE changed.settlement = wanted.value AND listed.id = changed.id AND posted.id = changed.id
                   AND ",
                moved_to_list!(),
                " ORDER BY listed.moved_at, changed.settlement, posted.id, posted.step, listed.step"
            ),
            listed_after: concat!(
                "WITH page AS MATERIALIZED (
                    SELECT listed.moved_at, listed.id, listed.step FROM ",
                $kind,
                "_moves AS listed
                    WHERE (listed.moved_at, listed.id, listed.step) > (?1, ?2, ?3) AND EXISTS (
                        SELECT 1 FROM ",
                $kind,
                "_postings AS posted WHERE posted.id = listed.id AND ",
                moved_to_list!(),
                " AND (?5 = 1 OR NOT ",
                ended!($kind),
                ")) AND listed.into_period = 0
                    ORDER BY listed.moved_at, listed.id, listed.step LIMIT ?4)
                 SELECT page.moved_at, page.id, page.step, changed.settlement FROM page CROSS JOIN ",
                $kind,
                "s AS changed WHERE changed.id = page.id ORDER BY page.moved_at, page.id, page.step"
            ),
            ways: concat!(
                "SELECT moved.id, moved.from_period, moved.into_period, moved.reason, moved.step
                 FROM ",
                $kind,
                "s AS changed CROSS JOIN ",
                $kind,
                "_moves AS moved
                 WHERE changed.settlement = ?1 AND moved.id = changed.id AND moved.owner IS NOT NULL
                 ORDER BY moved.id, moved.step, moved.moved_at, moved.from_period = 0, moved.from_period"
            ),
            returned: concat!("SELECT 1 FROM ", $kind, "_moves WHERE id = ?1 AND from_period = 0 AND into_period = 0"),
            carry: concat!(
                "INSERT INTO ",
                $kind,
                "_moves (id, step, from_period, into_period, reason, owner, moved_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
            ),
            follow: concat!(
                "INSERT INTO ",
                $kind,
                "_moves (id, step, from_period, into_period, reason, owner, moved_at)
                 SELECT CAST(?1 AS TEXT), CAST(?2 AS BIGINT), 0, 0, reason, owner, CAST(?3 AS BIGINT) FROM ",
                $kind,
                "_moves
                 WHERE id = ?4 AND from_period = 0 AND into_period = 0 ORDER BY step LIMIT 1"
            ),
            built: alone::built_up!(
                $kind,
                $whole,
                $since,
                concat!("FROM ", $kind, "s AS changed JOIN ", $kind, "_postings AS posted ON posted.id = changed.id")
            ),
            built_of: alone::built_up!(
                $kind,
                $whole,
                $since,
                concat!(
                    "FROM json_each(?1) AS wanted CROSS JOIN ",
                    $kind,
                    "s AS changed CROSS JOIN ",
                    $kind,
                    "_postings AS posted WHERE changed.settlement = wanted.value AND posted.id = changed.id"
                )
            ),
        }
    };
}
pub(super) use texts;

/// `whole` is within what postings build on one another, in the order of `since`.
macro_rules! built_up {
    ($kind:literal, $whole:literal, $since:literal, $from:expr) => {
        concat!(
            "SELECT posted.id, posted.step, ",
            $whole,
            ", COALESCE((SELECT into_period FROM ",
            $kind,
            "_moves AS moved WHERE moved.id = posted.id AND moved.step = posted.step
                         ORDER BY from_period = 0 DESC, from_period DESC LIMIT 1), posted.period), ",
            came_alone!($kind),
            ", ",
            ended!($kind),
            " ",
            $from,
            " ORDER BY ",
            $whole,
            ", ",
            $since,
            ", posted.id, posted.step"
        )
    };
}
pub(super) use built_up;

/// One of the postings of a deduction or a correction.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::hub) struct Posted {
    pub of: Afterwards,
    pub id: String,
    pub step: i64,
}

impl Posted {
    /// Of what, its id, and the how manieth of its postings.
    pub(in crate::hub) fn into_named(self) -> (Afterwards, String, i64) {
        (self.of, self.id, self.step)
    }
}

/// A posting that a period clears, as it can be carried out of it.
pub(in crate::hub) struct InPeriod {
    posted: Posted,
    /// The period in which it was posted.
    pub period: PeriodNumber,
    /// The settlement, as the book keeps it.
    pub settlement: String,
    /// Between whom, and for what.
    pub lot: Lot,
}

/// A posting that came onto the list by itself.
pub(in crate::hub) struct Listed {
    /// Which.
    pub posted: Posted,
    /// The settlement.
    pub settlement: SettlementId,
    /// Between whom, and for what.
    pub lot: Lot,
    /// What is deducted.
    pub deducted: FundShares,
    /// What a correction adds.
    pub corrected: FundShares,
    /// The period in which it was posted; the list where that was after it came there.
    pub period: PeriodNumber,
    /// The last period that was cleared without it.
    pub from: PeriodNumber,
    /// Why it is there.
    pub reason: String,
    /// Whose member has to find out.
    pub owner: Side,
    /// Since when.
    pub at: Timestamp,
    /// How it has ended; none while it waits.
    pub ended: Option<Verdict>,
    /// Where it came there.
    pub place: ListPlace,
}

/// Where a posting goes by itself, and why.
#[derive(Clone, Copy)]
pub(in crate::hub) struct Going<'a> {
    /// Out of which period, or off the list.
    pub from: PeriodNumber,
    /// Into which, or onto the list; from the list onto the list where it is returned.
    pub into: PeriodNumber,
    /// Why.
    pub reason: &'a str,
    /// Whose member has to find out.
    pub owner: Side,
    /// When.
    pub at: Timestamp,
}

/// A deduction or a correction that went by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WentAlone {
    /// Which of them.
    pub of: Afterwards,
    /// Its id.
    pub id: String,
    /// Out of which period; none for the list.
    pub from: Option<PeriodNumber>,
    /// Into which; none for the list, and for what is returned from there.
    pub into: Option<PeriodNumber>,
    /// Why.
    pub reason: String,
}

/// What a deduction or a correction moves in a period that it came into by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CameAlone {
    /// The settlement.
    pub settlement: SettlementId,
    /// Between whom, and for what.
    pub lot: Lot,
    /// The period in which it was posted.
    pub posted_in: PeriodNumber,
    /// What it comes to; below zero where the home member pays less.
    pub moves: Money,
}

impl Kind {
    pub(super) fn of(of: Afterwards) -> &'static Kind {
        match of {
            Afterwards::Deduction => &DEDUCTIONS,
            Afterwards::Correction => &CORRECTIONS,
        }
    }

    /// Whether two people have returned one of its postings from the list by itself: then no other counts after it.
    pub(super) fn is_returned(&self, sql: &Sql<'_>, id: &str) -> Result<bool, StoreError> {
        sql.exists(self.alone.returned, values![id])
    }

    /// Has what is posted of one after it was returned from the list be returned as well.
    pub(in crate::hub) fn follow_returned(
        &self,
        sql: &Sql<'_>,
        (id, step): (&str, i64),
        at: Timestamp,
    ) -> Result<(), StoreError> {
        sql.execute(self.alone.follow, values![id, step, at.as_microsecond(), id]).map(drop)
    }
}

/// Has a correction that was posted in a period join those of its settlement before it that came onto the list by
/// themselves, where it is not to count without them. What it takes back is a correction of the id `undoes`.
pub(in crate::hub) fn join(
    sql: &Sql<'_>,
    (id, settlement): (&str, &SettlementId),
    undoes: Option<&str>,
    (period, at): (PeriodNumber, Timestamp),
) -> Result<(), StoreError> {
    let mut listed = on_list(sql, &list([&*settlement.to_time_first()]))?;
    listed.retain(|one| one.posted.of == Afterwards::Correction);
    let before = |one: &Listed| Before {
        moves: one.corrected,
        ended: one.ended,
        is_taken_back: undoes == Some(one.posted.id.as_str()),
    };
    let joins = joins(&listed.iter().map(before).collect::<Vec<_>>());
    let joined = listed.iter().find(|one| one.ended.is_none()).or(listed.last());
    let (Joins::Waits | Joins::Returned, Some(Listed { reason, owner, .. })) = (joins, joined) else { return Ok(()) };
    let posted = Posted { of: Afterwards::Correction, id: id.to_owned(), step: 1 };
    go(sql, &posted, &Going { from: period, into: THE_LIST, reason, owner: *owner, at })?;
    if let (Joins::Returned, Some(undoes)) = (joins, undoes) {
        sql.execute(CORRECTIONS.alone.follow, values![id, 1, at.as_microsecond(), undoes])?;
    }
    Ok(())
}

/// What counts in a period that is not stated, or in this one, though it builds on what waits on the list by itself; of these
/// settlements, or of all. Were that returned, it would count alone.
pub(in crate::hub) fn ahead_of_list(
    sql: &Sql<'_>,
    settlements: Option<&BTreeSet<String>>,
    period: Option<PeriodNumber>,
) -> Result<Vec<(Posted, PeriodNumber)>, StoreError> {
    let mut ahead = Vec::new();
    for (posted, place) in ahead_anywhere(sql, settlements)? {
        if period == Some(place) || !is_stated(sql, place)? {
            ahead.push((posted, place));
        }
    }
    Ok(ahead)
}

/// Whether what waits on the list by itself of a settlement can only be cleared: what builds on it counts in a period that is
/// stated, and would count alone were it returned.
pub(in crate::hub) fn clears_only(sql: &Sql<'_>, settlement: &str) -> Result<bool, StoreError> {
    Ok(!ahead_anywhere(sql, Some(&BTreeSet::from([settlement.to_owned()])))?.is_empty())
}

/// Whether something that is taken off a settlement or added to it counts in a period that is stated, and is not given back
/// in one.
pub(in crate::hub) fn counts_in_stated(sql: &Sql<'_>, settlement: &str) -> Result<bool, StoreError> {
    let own = BTreeSet::from([settlement.to_owned()]);
    for of in Afterwards::ALL {
        let mut counted: BTreeMap<String, usize> = BTreeMap::new();
        for Built { posted, place, .. } in built(sql, of, Some(&own))? {
            if place != THE_LIST && is_stated(sql, place)? {
                *counted.entry(posted.id).or_default() += 1;
            }
        }
        // Postings of one give and take back by turns.
        if counted.values().any(|times| times % 2 == 1) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A posting among those that build on one another.
struct Built {
    posted: Posted,
    /// Within what they do.
    whole: String,
    /// The period in which it counts; the list where it waits there or was returned.
    place: PeriodNumber,
    /// Whether it came onto the list by itself.
    has_come: bool,
    /// Whether two people have ended it there.
    has_ended: bool,
}

/// The postings of these settlements or of all, each after those that it builds on.
fn built(sql: &Sql<'_>, of: Afterwards, settlements: Option<&BTreeSet<String>>) -> Result<Vec<Built>, StoreError> {
    let read = |row: Row<'_>| {
        Ok(Built {
            posted: Posted { of, id: row.text(0)?.to_owned(), step: row.number(1)? },
            whole: row.text(2)?.to_owned(),
            place: PeriodNumber(row.number(3)?),
            has_come: row.flag(4)?,
            has_ended: row.flag(5)?,
        })
    };
    let texts = &Kind::of(of).alone;
    match settlements.map(|settlements| list(settlements.iter().map(String::as_str))) {
        Some(wanted) => sql.query(texts.built_of, values![&wanted], read),
        None => sql.query(texts.built, values![], read),
    }
}

/// What counts in any period though it builds on what waits on the list by itself.
fn ahead_anywhere(
    sql: &Sql<'_>,
    settlements: Option<&BTreeSet<String>>,
) -> Result<Vec<(Posted, PeriodNumber)>, StoreError> {
    let mut ahead = Vec::new();
    for of in Afterwards::ALL {
        let mut waits_in: Option<String> = None;
        for Built { posted, whole, place, has_come, has_ended } in built(sql, of, settlements)? {
            match (has_ended, has_come) {
                (true, _) => {}
                (false, true) => waits_in = Some(whole),
                (false, false) if waits_in.as_ref() != Some(&whole) || place == THE_LIST => {}
                (false, false) => ahead.push((posted, place)),
            }
        }
    }
    Ok(ahead)
}

/// Brings onto the list, out of the period that is being objected to and what is not stated yet, what builds on what waits
/// there by itself.
pub(in crate::hub) fn bring_after(
    sql: &Sql<'_>,
    settlements: &BTreeSet<String>,
    going: &Going<'_>,
) -> Result<(), StoreError> {
    for (posted, place) in ahead_of_list(sql, Some(settlements), Some(going.from))? {
        go(sql, &posted, &Going { from: place, ..*going })?;
    }
    Ok(())
}

impl HubStore {
    /// What came into a period by itself, carried over or off the list, and is cleared there.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn came_alone(&self, period: PeriodNumber) -> Result<Vec<CameAlone>, StoreError> {
        let read = self.engine.read(move |sql| {
            let mut came = Vec::new();
            for of in Afterwards::ALL {
                came.extend(sql.query(Kind::of(of).alone.came, values![period.0], |row| {
                    let (settlement, shares) = read_posted(row)?;
                    let moves = signed(of, shares.total());
                    let (lot, posted_in) = (read_lot(row, SHARES_END)?, PeriodNumber(row.number(LOT_END)?));
                    Ok(CameAlone { settlement, lot, posted_in, moves })
                })?);
            }
            Ok(came)
        });
        read.await
    }
}

/// The columns after a settlement and the shares of funds, and after the lot that follows.
const SHARES_END: usize = 1 + Fund::ALL.len();
const LOT_END: usize = SHARES_END + 4;

/// What a posting comes to where it counts.
pub(super) fn signed(of: Afterwards, amount: Money) -> Money {
    match of {
        Afterwards::Deduction => -amount,
        Afterwards::Correction => amount,
    }
}

/// The postings of settlements that a period clears: made in it or carried into it, and not out of it yet; of these lots
/// alone. What two people have cleared from the list stays where they put it.
pub(in crate::hub) fn in_period(
    sql: &Sql<'_>,
    period: PeriodNumber,
    settlements: &BTreeSet<String>,
    is_theirs: &dyn Fn(&Lot) -> bool,
) -> Result<Vec<InPeriod>, StoreError> {
    let wanted = list(settlements.iter().map(String::as_str));
    let mut in_it = Vec::new();
    for of in Afterwards::ALL {
        let found = sql.query(Kind::of(of).alone.in_it, values![period.0, &wanted], |row| {
            let posted = Posted { of, id: row.text(0)?.to_owned(), step: row.number(1)? };
            let (period, settlement) = (PeriodNumber(row.number(2)?), row.text(3)?.to_owned());
            Ok(InPeriod { posted, period, settlement, lot: read_lot(row, 4)? })
        })?;
        in_it.extend(found.into_iter().filter(|posted| is_theirs(&posted.lot)));
    }
    Ok(in_it)
}

/// Carries a posting out of a period by itself.
pub(in crate::hub) fn carry_out(sql: &Sql<'_>, carried: &InPeriod, going: &Going<'_>) -> Result<(), StoreError> {
    go(sql, &carried.posted, going)
}

/// Moves a posting by itself.
pub(in crate::hub) fn go(sql: &Sql<'_>, posted: &Posted, going: &Going<'_>) -> Result<(), StoreError> {
    let Posted { of, id, step } = posted;
    let Going { from, into, reason, owner, at } = going;
    let values = values![id, *step, from.0, into.0, *reason, owner.word(), at.as_microsecond()];
    sql.execute(Kind::of(*of).alone.carry, values).map(drop)
}

/// What is or was on the list by itself of a list of settlements, the oldest first.
pub(in crate::hub) fn on_list(sql: &Sql<'_>, settlements: &str) -> Result<Vec<Listed>, StoreError> {
    let mut listed: Vec<Listed> = Vec::new();
    for of in Afterwards::ALL {
        let mut seen = BTreeSet::new();
        let mut found = sql.query(Kind::of(of).alone.listed, values![settlements], |row| read_listed(of, row))?;
        // What was posted after two that were moved is told once.
        found.retain(|one| seen.insert(one.posted.clone()));
        listed.extend(found);
    }
    listed.sort_by(|one, other| (one.at, &one.settlement).cmp(&(other.at, &other.settlement)));
    Ok(listed)
}

/// What is on the list by itself after a place there, and the settlement that it is of; with what has ended where `ended` is 1.
pub(in crate::hub) fn listed_after(
    sql: &Sql<'_>,
    of: Afterwards,
    (at, id, step): (i64, &str, i64),
    ended: i64,
    limit: u32,
) -> Result<Vec<(ListPlace, String)>, StoreError> {
    sql.query(Kind::of(of).alone.listed_after, values![at, id, step, i64::from(limit), ended], |row| {
        let (at, id, step) = (row.number(0)?, row.text(1)?.to_owned(), row.number(2)?);
        Ok((ListPlace::of_posting(of, at, id, step), row.text(3)?.to_owned()))
    })
}

/// The statements about the list: of settlements, and after a place.
#[cfg(test)]
pub(in crate::hub) fn texts_of_list() -> [[&'static str; 3]; 2] {
    let texts = |of| &Kind::of(of).alone;
    Afterwards::ALL.map(|of| [texts(of).listed, texts(of).built_of, texts(of).listed_after])
}

/// How what changes a settlement went by itself, posting by posting.
pub(in crate::hub) fn ways(sql: &Sql<'_>, settlement: &str) -> Result<Vec<WentAlone>, StoreError> {
    let mut went = Vec::new();
    for of in Afterwards::ALL {
        went.extend(sql.query(Kind::of(of).alone.ways, values![settlement], |row| {
            let [from, into] = [row.number(1)?, row.number(2)?].map(PeriodNumber);
            let [from, into] = [from, into].map(|place| Some(place).filter(|place| *place != THE_LIST));
            Ok(WentAlone { of, id: row.text(0)?.to_owned(), from, into, reason: row.text(3)?.to_owned() })
        })?);
    }
    Ok(went)
}

/// How what left the list ended, by where it went.
fn verdict_into(period: i64) -> Verdict {
    if PeriodNumber(period) == THE_LIST { Verdict::Return } else { Verdict::Clear }
}

fn read_listed(of: Afterwards, row: Row<'_>) -> Result<Listed, StoreError> {
    let (settlement, shares) = read_posted(row)?;
    let (deducted, corrected) = match of {
        Afterwards::Deduction => (shares, FundShares::default()),
        Afterwards::Correction => (FundShares::default(), shares),
    };
    let id = row.text(LOT_END)?.to_owned();
    let malformed = || corrupt("moves", &id, "its owner is not one of ours");
    Ok(Listed {
        settlement,
        deducted,
        corrected,
        lot: read_lot(row, SHARES_END)?,
        period: PeriodNumber(row.number(LOT_END + 2)?),
        from: PeriodNumber(row.number(LOT_END + 3)?),
        reason: row.text(LOT_END + 4)?.to_owned(),
        owner: Side::from_word(row.text(LOT_END + 5)?).ok_or_else(malformed)?,
        at: instant("moves", &id, row.number(LOT_END + 6)?)?,
        ended: row.optional_number(LOT_END + 7)?.map(verdict_into),
        place: ListPlace::of_posting(of, row.number(LOT_END + 6)?, id.clone(), row.number(LOT_END + 8)?),
        posted: Posted { of, step: row.number(LOT_END + 1)?, id },
    })
}
