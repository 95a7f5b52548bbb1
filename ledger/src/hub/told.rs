//! What regions are told of clearing: a letter to each node of the home member and of the treatment member, posted in the
//! commit that records the step; that a period is closed, in commits of its own after that. What a letter looks like on the
//! wire, the hub that opens the store says; a store that was opened without that tells nobody. Called by what records steps:
//! statements, what is carried out, deductions, prefunds.

use std::cell::OnceCell;
use std::sync::Arc;

use bytes::Bytes;
use clearing::cleared::pair_of;
use clearing::month::Month;
use clearing::period::{Pair, Side};
use clearing::prefund::change::Standing as PrefundStanding;
use clearing::prefund::{Usage, Watch};
use clearing::review::Standing;
use jiff::Timestamp;
use settlement::ids::{MemberCode, PoolCode, SettlementId};
use settlement::money::Money;
use settlement::person::Insurance;
use settlement::region::RegionTable;

use super::lots::read_lot;
use super::periods::{PeriodNumber, THE_LIST, read_pair};
use super::prefunds::{PrefundChange, PrefundKey, PrefundKind};
use super::{HubStore, deductions};
use crate::clock::Clock;
use crate::engine::{Row, Sql, Version, list};
use crate::mailbox::{self, Letter, Nodes, Part};
use crate::store::StoreError;
use crate::values;

/// The table of what was told of prefunds' use, each time that a warning came or went; and the pairs that are still to be
/// told that a period is closed, a worklist.
pub(super) const TABLES: Version = Version {
    tables: "CREATE TABLE prefund_turns (
        home TEXT NOT NULL, treatment TEXT NOT NULL, insurance TEXT NOT NULL, turn INTEGER NOT NULL, watch TEXT NOT NULL,
        prefund INTEGER NOT NULL, outstanding INTEGER NOT NULL, turned_at INTEGER NOT NULL,
        PRIMARY KEY (home, treatment, insurance, turn)) STRICT, WITHOUT ROWID;
    CREATE TABLE closings_untold (
        period INTEGER NOT NULL, home TEXT NOT NULL, treatment TEXT NOT NULL,
        PRIMARY KEY (period, home, treatment)) STRICT, WITHOUT ROWID;",
    append_only: &["prefund_turns"],
    postgres: "",
};

/// The kind of letters that tell of clearing; see `proto/yidi/v1/mailbox.proto`.
const KIND: &str = "clearing";

/// So many pairs are told in one commit that a period is closed: each has dozens of nodes, and whatever else is to be written
/// waits behind it.
const PAIRS_AT_ONCE: i64 = 20;

/// Something that both members of a pair are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Whom it is about.
    pub pair: Pair,
    /// The month of settlement; none where it is about no month.
    pub month: Option<Month>,
    /// What.
    pub news: News,
}

/// What they are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// A version of their statement was issued.
    Statement {
        /// Which.
        version: u32,
        /// What the home member owes by it, of both insurances; below zero where it is owed.
        due: Money,
    },
    /// One of them objects to settlements of a version.
    Objection {
        /// Which version.
        version: u32,
        /// Who.
        side: Side,
        /// How many settlements.
        settlements: u64,
    },
    /// The notices of an insurance's money were issued: so much is to be paid.
    Notice {
        /// Whose money.
        insurance: Insurance,
        /// For which version.
        version: u32,
        /// How much; below zero where the treatment member pays.
        due: Money,
    },
    /// One of them accepts two records of a payment that differ as of one payment.
    Acceptance {
        /// Whose money.
        insurance: Insurance,
        /// Who.
        side: Side,
        /// How manieth of this payment, counted from 1.
        step: u64,
        /// Whether the other has, too: it is paid.
        is_settled: bool,
    },
    /// The month is closed.
    Closed,
    /// A review deduction, as it stands from now on.
    Deduction {
        /// Its id.
        id: String,
        /// The settlement.
        settlement: SettlementId,
        /// How manieth word of it this is, counted from 1: its steps, and the moves of what it takes off.
        step: u64,
        /// Where it stands.
        standing: Standing,
        /// What it takes off, or would.
        taken: Money,
    },
    /// Where a correction has gone that is carried over, listed or taken off the list, with its settlement or by itself.
    /// That it takes effect, or is given back, is told to the treatment side by another letter.
    CorrectionMoved {
        /// Its batch.
        batch: String,
        /// The settlement.
        settlement: SettlementId,
        /// How manieth move of it this is, counted from 1.
        step: u64,
        /// Which way it went.
        way: Gone,
        /// What it adds by now; below zero where the home member pays less.
        moves: Money,
    },
    /// A change of a prefund, as it stands from now on: re-set or asked for, answered, paid.
    Prefund {
        /// Whose money.
        insurance: Insurance,
        /// The change's id.
        id: String,
        /// Why.
        kind: PrefundKind,
        /// By how much; below zero where it is returned.
        amount: Money,
        /// How manieth word of it this is, counted from 1.
        step: u64,
        /// How far it is.
        standing: PrefundStanding,
    },
    /// The use of a prefund passed a mark, or fell below it.
    PrefundUse {
        /// Whose money.
        insurance: Insurance,
        /// How manieth turn of it, counted from 1.
        turn: u64,
        /// What it has turned.
        watch: Watch,
        /// The prefund, and what is in use.
        usage: Usage,
    },
}

/// Which way something went that a period is cleared without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gone {
    /// From one period into another.
    Carried,
    /// Out of a period onto the list.
    Listed,
    /// Off the list into a period.
    Cleared,
    /// Off the list into none.
    Returned,
}

impl Gone {
    /// Which way leads out of one place into another; none for the list.
    pub fn between(from: Option<PeriodNumber>, into: Option<PeriodNumber>) -> Gone {
        match (from, into) {
            (Some(_), Some(_)) => Gone::Carried,
            (Some(_), None) => Gone::Listed,
            (None, Some(_)) => Gone::Cleared,
            (None, None) => Gone::Returned,
        }
    }

    /// The word in messages.
    pub fn word(self) -> &'static str {
        match self {
            Gone::Carried => "carried",
            Gone::Listed => "listed",
            Gone::Cleared => "cleared",
            Gone::Returned => "returned",
        }
    }
}

impl Told {
    /// What letters about the same thing have in common.
    fn subject(&self) -> String {
        let Told { pair: Pair { home, treatment }, month, news } = self;
        let month = month.map(|month| format!("{month} ")).unwrap_or_default();
        match news {
            News::Statement { .. } => format!("statement {month}{home} {treatment}"),
            News::Objection { side, .. } => format!("objection {month}{home} {treatment} {}", side.word()),
            News::Notice { insurance, .. } => format!("notice {month}{home} {treatment} {}", insurance.word()),
            News::Acceptance { insurance, .. } => format!("acceptance {month}{home} {treatment} {}", insurance.word()),
            News::Closed => format!("closed {month}{home} {treatment}"),
            News::Deduction { id, .. } => format!("deduction {id}"),
            News::CorrectionMoved { batch, settlement, .. } => format!("correction-moved {batch} {settlement}"),
            News::Prefund { insurance, id, .. } => format!("prefund {home} {treatment} {} {id}", insurance.word()),
            News::PrefundUse { insurance, .. } => format!("prefund-use {home} {treatment} {}", insurance.word()),
        }
    }

    /// Rises within a subject.
    fn version(&self) -> u64 {
        match &self.news {
            News::Statement { version, .. } | News::Objection { version, .. } => u64::from(*version),
            News::Notice { .. } | News::Closed => 1,
            News::Acceptance { step, .. }
            | News::Deduction { step, .. }
            | News::CorrectionMoved { step, .. }
            | News::Prefund { step, .. } => *step,
            News::PrefundUse { turn, .. } => *turn,
        }
    }
}

/// How regions are told: which pools a member has, how a letter is written, and the time.
#[derive(Clone)]
pub struct Telling {
    /// Which member each pool is of.
    pub regions: Arc<RegionTable>,
    /// Writes the body of a letter.
    pub write: fn(&Told) -> Bytes,
    /// When a letter is posted.
    pub clock: Clock,
}

impl Telling {
    fn member_of(&self, pool: PoolCode) -> MemberCode {
        self.regions.member_of(pool).unwrap_or(MemberCode(pool.0))
    }

    /// Tells within one commit.
    pub(super) fn within<'t, 'c>(&'t self, sql: &'t Sql<'c>) -> Teller<'t, 'c> {
        Teller { telling: self, sql, nodes: OnceCell::new() }
    }
}

/// Tells within one commit. Which nodes there are is read once, and only where there is something to tell.
pub(super) struct Teller<'t, 'c> {
    telling: &'t Telling,
    sql: &'t Sql<'c>,
    nodes: OnceCell<Nodes>,
}

impl Teller<'_, '_> {
    fn nodes(&self) -> Result<&Nodes, StoreError> {
        match self.nodes.get() {
            Some(nodes) => Ok(nodes),
            None => {
                let nodes = Nodes::read(self.sql)?;
                Ok(self.nodes.get_or_init(|| nodes))
            }
        }
    }

    /// Posts a letter to each node of both members. What was told before is not told again.
    pub(super) fn tell(&self, told: &Told) -> Result<(), StoreError> {
        let (subject, version) = (told.subject(), told.version());
        let (id, kind) = (format!("{subject} {version}"), KIND.to_owned());
        let letter = Letter { id, subject, version, kind, body: (self.telling.write)(told) };
        let (nodes, at) = (self.nodes()?, self.telling.clock.now());
        for (part, member) in [(Part::Home, told.pair.home), (Part::Treatment, told.pair.treatment)] {
            for mailbox in nodes.one_of_each(part, |pool| self.telling.member_of(pool) == member) {
                mailbox::post(self.sql, mailbox, &letter, at)?;
            }
        }
        Ok(())
    }

    /// The same of a pair in a period.
    pub(super) fn tell_of(&self, (period, pair): (PeriodNumber, Pair), news: News) -> Result<(), StoreError> {
        self.tell(&Told { pair, month: month_of(self.sql, period)?, news })
    }

    /// Tells some of the pairs that are still to be told that a period is closed; whether others may be left.
    fn tell_some_closed(&self) -> Result<bool, StoreError> {
        const SOME: &str =
            "SELECT period, home, treatment FROM closings_untold ORDER BY period, home, treatment LIMIT ?1";
        const DONE: &str = "DELETE FROM closings_untold WHERE period = ?1 AND home = ?2 AND treatment = ?3";
        let read = |row: Row<'_>| Ok((PeriodNumber(row.number(0)?), read_pair(row, 1)?));
        let untold = self.sql.query(SOME, values![PAIRS_AT_ONCE], read)?;
        for (period, pair) in &untold {
            self.tell_of((*period, *pair), News::Closed)?;
            self.sql.execute(DONE, values![period.0, pair.home.0.as_str(), pair.treatment.0.as_str()])?;
        }
        Ok(untold.len() as i64 == PAIRS_AT_ONCE)
    }

    /// How a deduction stands.
    pub(super) fn tell_deduction(&self, id: &str) -> Result<(), StoreError> {
        let sql = self.sql;
        let Some(held) = deductions::find(sql, id)? else { return Ok(()) };
        let month = match held.period.filter(|period| *period != THE_LIST) {
            Some(period) => month_of(sql, period)?,
            None => None,
        };
        let news = News::Deduction {
            id: id.to_owned(),
            settlement: held.lodging.settlement.clone(),
            step: (deductions::next_step(sql, id)? + moves_of(sql, id)?).unsigned_abs(),
            standing: held.standing,
            taken: held.agreed.total(),
        };
        self.tell(&Told { pair: pair_of(&held.lot, &self.telling.regions), month, news })
    }

    /// Where a correction of one settlement has gone last; nothing where it has gone nowhere.
    fn tell_correction_moved(&self, id: &str) -> Result<(), StoreError> {
        const MOVED: &str = "SELECT home, treatment, insurance, care, corrections.settlement, corrections.batch,
                moved.from_period, moved.into_period,
                (SELECT COUNT(*) FROM correction_moves AS one WHERE one.id = corrections.id),
                (SELECT CAST(SUM(posted.basic + posted.large_sum + posted.catastrophic + posted.civil_servant
                                 + posted.assistance) AS BIGINT)
                 FROM correction_postings AS posted WHERE posted.id = corrections.id)
            FROM corrections CROSS JOIN correction_moves AS moved
            WHERE corrections.id = ?1 AND moved.id = corrections.id
            ORDER BY moved.from_period = 0 DESC, moved.from_period DESC, moved.step DESC LIMIT 1";
        let read = |row: Row<'_>| {
            let settlement = SettlementId::from_time_first(row.text(4)?);
            let settlement = settlement.map_err(|fault| super::corrupt("corrections", id, fault.to_string()))?;
            let [from, into] = [row.number(6)?, row.number(7)?].map(PeriodNumber);
            let [from, into] = [from, into].map(|place| Some(place).filter(|place| *place != THE_LIST));
            let (step, moves) = (row.number(8)?.unsigned_abs(), Money::from_fen(row.number(9)?));
            let (batch, way) = (row.text(5)?.to_owned(), Gone::between(from, into));
            Ok((read_lot(row, 0)?, into, News::CorrectionMoved { batch, settlement, step, way, moves }))
        };
        let Some((lot, into, news)) = self.sql.find(MOVED, values![id], read)? else { return Ok(()) };
        let month = into.map(|into| month_of(self.sql, into)).transpose()?.flatten();
        self.tell(&Told { pair: pair_of(&lot, &self.telling.regions), month, news })
    }

    /// How deductions and corrections stand of settlements that this commit has moved, as the book keeps these: whichever has
    /// gone anywhere, with its settlement or by itself. What was told of that before is not told again.
    pub(super) fn tell_moved<'s>(&self, settlements: impl IntoIterator<Item = &'s str>) -> Result<(), StoreError> {
        const DEDUCTIONS: &str = "SELECT DISTINCT moved.id
            FROM json_each(?1) AS wanted CROSS JOIN deductions CROSS JOIN deduction_moves AS moved
            WHERE deductions.settlement = wanted.value AND moved.id = deductions.id ORDER BY moved.id";
        const CORRECTIONS: &str = "SELECT DISTINCT moved.id
            FROM json_each(?1) AS wanted CROSS JOIN corrections CROSS JOIN correction_moves AS moved
            WHERE corrections.settlement = wanted.value AND moved.id = corrections.id ORDER BY moved.id";
        let wanted = list(settlements);
        let ids = |text| self.sql.query(text, values![&wanted], |row| Ok(row.text(0)?.to_owned()));
        let (deductions, corrections): (Vec<String>, Vec<String>) = (ids(DEDUCTIONS)?, ids(CORRECTIONS)?);
        deductions.iter().try_for_each(|id| self.tell_deduction(id))?;
        corrections.iter().try_for_each(|id| self.tell_correction_moved(id))
    }

    /// How far a change of a prefund is, and the how manieth word of it that is.
    pub(super) fn tell_prefund(
        &self,
        change: &PrefundChange,
        (step, standing): (u64, PrefundStanding),
    ) -> Result<(), StoreError> {
        let PrefundChange { key: PrefundKey { pair, insurance }, id, kind, amount, .. } = change;
        let (insurance, id, kind, amount) = (*insurance, id.clone(), *kind, *amount);
        let news = News::Prefund { insurance, id, kind, amount, step, standing };
        self.tell(&Told { pair: *pair, month: None, news })
    }
}

impl HubStore {
    /// The same store, which tells regions what is recorded of clearing from now on.
    pub fn telling(self, telling: Telling) -> HubStore {
        HubStore { telling: Some(Arc::new(telling)), ..self }
    }

    /// Records what the use of prefunds has turned; what has not turned since it was recorded last stays. Tells how many
    /// have.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn prefund_turn_all(
        &self,
        turned: Vec<(PrefundKey, Watch, Usage)>,
        at: Timestamp,
    ) -> Result<usize, StoreError> {
        let telling = self.telling.clone();
        self.engine
            .write(move |sql| {
                let teller = telling.as_deref().map(|telling| telling.within(sql));
                turned.iter().try_fold(0, |new, (key, watch, usage)| {
                    Ok(new + usize::from(turn(sql, teller.as_ref(), (key, *watch, *usage), at)?))
                })
            })
            .await
    }

    /// Tells the pairs of closed periods that were not told yet, some of them in a commit. Once all are told it writes
    /// nothing; whoever dies meanwhile leaves the others to the next.
    ///
    /// # Errors
    /// When the store fails; who was told stays told.
    pub async fn clearing_tell_closed(&self) -> Result<(), StoreError> {
        let Some(telling) = &self.telling else { return Ok(()) };
        let mut is_untold =
            self.engine.read(|sql| sql.exists("SELECT 1 FROM closings_untold LIMIT 1", values![])).await?;
        while is_untold {
            let telling = telling.clone();
            is_untold = self.engine.write(move |sql| telling.within(sql).tell_some_closed()).await?;
        }
        Ok(())
    }
}

/// Before the first turn a prefund is green.
fn turn(
    sql: &Sql<'_>,
    teller: Option<&Teller<'_, '_>>,
    (key, watch, usage): (&PrefundKey, Watch, Usage),
    at: Timestamp,
) -> Result<bool, StoreError> {
    const LAST: &str = "SELECT turn, watch FROM prefund_turns WHERE home = ?1 AND treatment = ?2 AND insurance = ?3
        ORDER BY turn DESC LIMIT 1";
    const TURN: &str = "INSERT INTO prefund_turns
            (home, treatment, insurance, turn, watch, prefund, outstanding, turned_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let PrefundKey { pair, insurance } = *key;
    let (home, treatment) = (pair.home.0.as_str(), pair.treatment.0.as_str());
    let read = |row: Row<'_>| Ok((row.number(0)?, row.text(1)?.to_owned()));
    let last = sql.find(LAST, values![home, treatment, insurance.word()], read)?;
    let (last, before) = last.unwrap_or_else(|| (0, Watch::Green.word().to_owned()));
    if before == watch.word() {
        return Ok(false);
    }
    let values = values![
        home,
        treatment,
        insurance.word(),
        last + 1,
        watch.word(),
        usage.prefund.fen(),
        usage.outstanding.fen(),
        at.as_microsecond()
    ];
    sql.execute(TURN, values)?;
    if let Some(teller) = teller {
        let news = News::PrefundUse { insurance, turn: (last + 1).unsigned_abs(), watch, usage };
        teller.tell(&Told { pair, month: None, news })?;
    }
    Ok(true)
}

/// Notes that every pair that has a statement in a period is to be told that it is closed.
pub(super) fn closing(sql: &Sql<'_>, period: PeriodNumber) -> Result<(), StoreError> {
    const UNTOLD: &str = "INSERT INTO closings_untold (period, home, treatment)
        SELECT DISTINCT period, home, treatment FROM statements WHERE period = ?1";
    sql.execute(UNTOLD, values![period.0]).map(drop)
}

/// How often what a deduction takes off, or gives back, has gone from one period into another.
fn moves_of(sql: &Sql<'_>, id: &str) -> Result<i64, StoreError> {
    sql.get("SELECT COUNT(*) FROM deduction_moves WHERE id = ?1", values![id], |row| row.number(0))
}

fn month_of(sql: &Sql<'_>, period: PeriodNumber) -> Result<Option<Month>, StoreError> {
    const MONTH_OF: &str = "SELECT month FROM clearing_months WHERE period = ?1";
    let month = sql.find(MONTH_OF, values![period.0], |row| Ok(Month::from_text(row.text(0)?)))?;
    Ok(month.flatten())
}
