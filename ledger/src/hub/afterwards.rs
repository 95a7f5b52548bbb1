//! What settlements gain or lose after they were booked: what review takes off them, and what corrections add. Here is
//! where such money goes; how it goes with its settlement is in `afterwards/along.rs`, how it goes by itself, where that was
//! cleared before, in `afterwards/alone.rs` (told in `afterwards/moved.rs`), and how much it is, and why, is for [`super::deductions`] and [`super::corrections`].

use std::collections::{BTreeMap, BTreeSet};

use clearing::obligation::Posting;
use settlement::adjudication::{Fund, FundShares};
use settlement::ids::{IdError, SettlementId};
use settlement::money::Money;

use super::deductions::read_shares;
use super::lots::read_moved;
use super::periods::{PeriodNumber, THE_LIST, is_stated};
use super::{HubStore, corrupt};
use crate::engine::{Row, Sql, list};
use crate::store::StoreError;
use crate::values;

/// The postings of a period: made in it or moved into it, and not moved out of it; unless two people have cleared them
/// from the list in that same period.
macro_rules! posted_in {
    ($kind:literal, $select:expr, $rest:expr) => {
        concat!(
            $select,
            " WHERE (posted.period = ?1 OR EXISTS (
                    SELECT 1 FROM ",
            $kind,
            "_moves AS came
                    WHERE came.id = posted.id AND came.step = posted.step AND came.into_period = ?1))
              AND NOT EXISTS (
                    SELECT 1 FROM ",
            $kind,
            "_moves AS gone
                    WHERE gone.id = posted.id AND gone.step = posted.step AND gone.from_period = ?1
                      AND NOT EXISTS (
                        SELECT 1 FROM ",
            $kind,
            "_moves AS back
                        WHERE back.id = gone.id AND back.step = gone.step AND back.from_period = 0
                          AND back.into_period = ?1 AND back.into_period > 0)) ",
            $rest
        )
    };
}
pub(super) use posted_in;

/// What was posted in a period or moved into it, by index: everything else about a period starts from that.
macro_rules! held {
    ($kind:literal) => {
        concat!(
            "(SELECT id, step FROM ",
            $kind,
            "_postings WHERE period = ?1
              UNION SELECT id, step FROM ",
            $kind,
            "_moves WHERE into_period = ?1) AS held"
        )
    };
}

/// Whether a posting came onto the list by itself: moved there, or made there after that of what was moved.
macro_rules! came_alone {
    ($kind:literal) => {
        concat!(
            "EXISTS (SELECT 1 FROM ",
            $kind,
            "_moves AS alone WHERE alone.id = posted.id AND alone.from_period > 0 AND alone.into_period = 0
                AND alone.owner IS NOT NULL
                AND (alone.step = posted.step OR (posted.period = 0 AND alone.step < posted.step)))"
        )
    };
}

pub(super) use came_alone;

/// Whether a move has brought a posting onto the list by itself, or one that the posting was made after.
macro_rules! moved_to_list {
    () => {
        "listed.into_period = 0 AND listed.from_period > 0 AND listed.owner IS NOT NULL
         AND (posted.step = listed.step OR (posted.period = 0 AND posted.step > listed.step))"
    };
}

/// Whether two people have ended a posting on the list. It stays where they put it.
macro_rules! ended {
    ($kind:literal) => {
        concat!("EXISTS ", ended_into!($kind))
    };
}

/// Into which period they did; nothing where they have not.
macro_rules! ended_into {
    ($kind:literal) => {
        concat!(
            "(SELECT ended.into_period FROM ",
            $kind,
            "_moves AS ended WHERE ended.id = posted.id AND ended.step = posted.step AND ended.from_period = 0)"
        )
    };
}

pub(super) mod alone;
pub(super) mod along;
pub(super) mod moved;
pub(super) mod turned;

/// The statements about one kind of such money. Each kind has a table of what it is about, one of its postings and one of
/// their moves, all alike.
pub(super) struct Kind {
    of_settlement: &'static str,
    of_period: &'static str,
    of_one: &'static str,
    on_list: &'static str,
    along: &'static str,
    carry: &'static str,
    alone: alone::Texts,
    moved: moved::Texts,
}

macro_rules! kind {
    ($kind:literal, $named:literal, $whole:literal, $since:literal) => {
        Kind {
            of_settlement: posted_in!(
                $kind,
                concat!(
                    "SELECT posted.id, posted.step, posted.period FROM ", $kind, "s AS changed JOIN ", $kind,
                    "_postings AS posted
                     ON posted.id = changed.id"
                ),
                concat!("AND changed.settlement = ?2 AND NOT ", came_alone!($kind), " AND NOT ", ended!($kind))
            ),
            of_period: posted_in!(
                $kind,
                concat!(
                    "SELECT home, treatment, insurance, care, 0, 0, CAST(SUM(posted.basic) AS BIGINT),
                        CAST(SUM(posted.large_sum) AS BIGINT), CAST(SUM(posted.catastrophic) AS BIGINT),
                        CAST(SUM(posted.civil_servant) AS BIGINT), CAST(SUM(posted.assistance) AS BIGINT), 0
                     FROM ", held!($kind), " CROSS JOIN ", $kind, "_postings AS posted CROSS JOIN ", $kind, "s AS changed"
                ),
                "AND posted.id = held.id AND posted.step = held.step AND changed.id = posted.id
                 GROUP BY home, treatment, insurance, care"
            ),
            of_one: posted_in!(
                $kind,
                concat!("SELECT 1 FROM ", $kind, "_postings AS posted"),
                "AND posted.id = ?2 LIMIT 1"
            ),
            on_list: concat!(
                "SELECT changed.settlement, posted.basic, posted.large_sum, posted.catastrophic, posted.civil_servant,
                    posted.assistance, ", ended!($kind), "
                FROM json_each(?1) AS wanted CROSS JOIN ", $kind, "s AS changed CROSS JOIN ", $kind, "_postings AS posted
                WHERE changed.settlement = wanted.value AND posted.id = changed.id AND (posted.period = 0 OR EXISTS (
                    SELECT 1 FROM ", $kind, "_moves AS came
                    WHERE came.id = posted.id AND came.step = posted.step AND came.into_period = 0))
                  AND NOT ", came_alone!($kind), "
                ORDER BY posted.id, posted.step"
            ),
            along: concat!(
                "SELECT changed.settlement, posted.basic, posted.large_sum, posted.catastrophic, posted.civil_servant,
                    posted.assistance, moved.from_period, moved.into_period
                FROM json_each(?2) AS wanted CROSS JOIN ", $kind, "s AS changed CROSS JOIN ", $kind, "_moves AS moved
                CROSS JOIN ", $kind, "_postings AS posted
                WHERE changed.settlement = wanted.value AND moved.id = changed.id
                  AND posted.id = moved.id AND posted.step = moved.step
                  AND (moved.from_period = ?1 OR moved.into_period = ?1) AND moved.owner IS NULL
                ORDER BY moved.id, moved.step, moved.from_period"
            ),
            carry: concat!(
                "INSERT INTO ", $kind, "_moves (id, step, from_period, into_period) VALUES (?1, ?2, ?3, ?4)"
            ),
            alone: alone::texts!($kind, $whole, $since),
            moved: moved::texts!($kind, $named),
        }
    };
}

/// What review takes off. Each deduction is a sum of its own.
pub(super) const DEDUCTIONS: Kind = kind!("deduction", "changed.id", "changed.id", "posted.step");
/// What corrections add, or take back. Each builds on those of its settlement before it.
pub(super) const CORRECTIONS: Kind = kind!(
    "correction",
    "changed.batch",
    "changed.settlement",
    "(SELECT made.posted_at FROM correction_postings AS made WHERE made.id = posted.id AND made.step = 1)"
);

const KINDS: [Kind; 2] = [DEDUCTIONS, CORRECTIONS];

impl Kind {
    /// The statement that is about all of a period.
    #[cfg(test)]
    pub(super) fn of_a_period(&self) -> &'static str {
        self.of_period
    }

    /// What moves in a period: one sum a lot, however many postings there are.
    pub(super) fn of_period(&self, sql: &Sql<'_>, period: PeriodNumber) -> Result<Vec<Posting>, StoreError> {
        sql.query(self.of_period, values![period.0], read_moved)
    }

    /// Where what was posted of one is given back, or posted again: what waits on the list was not cleared yet, and what was
    /// returned from there by itself never will be; everything else goes into the open period.
    pub(super) fn period_again(&self, sql: &Sql<'_>, id: &str) -> Result<PeriodNumber, StoreError> {
        let is_off = sql.exists(self.of_one, values![THE_LIST.0, id])? || self.is_returned(sql, id)?;
        if is_off { Ok(THE_LIST) } else { open_period(sql) }
    }

    /// What is or was on the list with its settlement, of a list of these, posting by posting, and whether it has ended; not
    /// what came there by itself.
    pub(super) fn on_list(
        &self,
        sql: &Sql<'_>,
        settlements: &str,
    ) -> Result<Vec<(SettlementId, FundShares, bool)>, StoreError> {
        sql.query(self.on_list, values![settlements], |row| {
            let (settlement, shares) = read_posted(row)?;
            Ok((settlement, shares, row.flag(1 + Fund::ALL.len())?))
        })
    }

    #[cfg(test)]
    pub(super) fn text_on_list(&self) -> &'static str {
        self.on_list
    }

    /// What has gone with a settlement of a list out of a period or into it: from which, and into which.
    fn along(
        &self,
        sql: &Sql<'_>,
        period: PeriodNumber,
        settlements: &str,
    ) -> Result<Vec<(Way, FundShares)>, StoreError> {
        sql.query(self.along, values![period.0, settlements], |row| {
            let (settlement, moves) = read_posted(row)?;
            let [from, into] = [row.number(6)?, row.number(7)?].map(PeriodNumber);
            Ok(((settlement, from, into), moves))
        })
    }
}

/// A settlement, and the period that it left for another; [`THE_LIST`] for the list.
pub type Way = (SettlementId, PeriodNumber, PeriodNumber);

impl HubStore {
    /// What went with some settlements that are carried out of a period or into it, by their ways: what corrections add, less
    /// what is deducted.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn carried_along(
        &self,
        period: PeriodNumber,
        settlements: BTreeSet<SettlementId>,
    ) -> Result<BTreeMap<Way, Money>, StoreError> {
        let read = self.engine.read(move |sql| {
            let (mut along, wanted): (BTreeMap<Way, Money>, _) = (BTreeMap::new(), named(&settlements));
            for (way, taken) in DEDUCTIONS.along(sql, period, &wanted)? {
                *along.entry(way).or_default() -= taken.total();
            }
            for (way, added) in CORRECTIONS.along(sql, period, &wanted)? {
                *along.entry(way).or_default() += added.total();
            }
            Ok(along)
        });
        read.await
    }

    /// The periods that clear some settlements: those that booked them or, where their own entries were carried on, the last
    /// that these came into; none while one is on the list, and where it left the list for no period.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn settlement_places(
        &self,
        settlements: BTreeSet<SettlementId>,
    ) -> Result<BTreeMap<SettlementId, Option<PeriodNumber>>, StoreError> {
        let found = self.engine.read(move |sql| places(sql, &named(&settlements))).await?;
        Ok(found
            .into_iter()
            .map(|(settlement, place)| (settlement, Some(place).filter(|at| *at != THE_LIST)))
            .collect())
    }
}

fn named<'a>(settlements: impl IntoIterator<Item = &'a SettlementId>) -> String {
    let ids: Vec<String> = settlements.into_iter().map(SettlementId::to_time_first).collect();
    list(ids.iter().map(String::as_str))
}

/// A settlement, and what was posted of it.
fn read_posted(row: Row<'_>) -> Result<(SettlementId, FundShares), StoreError> {
    let settlement = row.text(0)?;
    let malformed = |fault: IdError| corrupt("settlements", settlement, fault.to_string());
    Ok((SettlementId::from_time_first(settlement).map_err(malformed)?, read_shares(row, 1)?))
}

/// Where a settlement is cleared, as long as that is not stated; otherwise the open period. On the list it waits with it.
pub(super) fn period_for(sql: &Sql<'_>, settlement: &SettlementId) -> Result<PeriodNumber, StoreError> {
    match place_of(sql, settlement)? {
        Some(THE_LIST) => Ok(THE_LIST),
        Some(place) if !is_stated(sql, place)? => Ok(place),
        Some(_) | None => open_period(sql),
    }
}

/// The period that clears a settlement, or the list.
pub(super) fn place_of(sql: &Sql<'_>, settlement: &SettlementId) -> Result<Option<PeriodNumber>, StoreError> {
    Ok(places(sql, &named([settlement]))?.pop().map(|(_, place)| place))
}

/// The same of a list of settlements, each that is booked.
fn places(sql: &Sql<'_>, settlements: &str) -> Result<Vec<(SettlementId, PeriodNumber)>, StoreError> {
    // What left the list came last.
    const PLACES: &str = "SELECT answers.settlement, COALESCE(
            (SELECT COALESCE(into_period, 0) FROM carried_entries
             WHERE carried_entries.position = answers.position AND part = 0
             ORDER BY from_period = 0 DESC, from_period DESC LIMIT 1), answers.period)
        FROM json_each(?1) AS wanted CROSS JOIN answers
        WHERE answers.settlement = wanted.value AND answers.step = 1";
    sql.query(PLACES, values![settlements], |row| {
        let settlement = row.text(0)?;
        let malformed = |fault: IdError| corrupt("answers", settlement, fault.to_string());
        Ok((SettlementId::from_time_first(settlement).map_err(malformed)?, PeriodNumber(row.number(1)?)))
    })
}

/// The period that is open.
fn open_period(sql: &Sql<'_>) -> Result<PeriodNumber, StoreError> {
    sql.get("SELECT MAX(number) FROM periods", values![], |row| row.number(0).map(PeriodNumber))
}
