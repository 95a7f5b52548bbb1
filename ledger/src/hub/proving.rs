//! What is read to prove clearing: whether each entry of the journal lies in one period, what was carried over, what
//! notices asked for, and what deductions and corrections are held against. Nothing is written here. Called by `yidi verify` and by the
//! simulator; what must hold is theirs to say. Whether deductions and corrections go with their settlements is read by
//! `proving/posted.rs`, and whether two people decided what takes two by `proving/seats.rs`.

mod posted;
mod seats;

use std::collections::BTreeMap;

use clearing::digest::Branch;
use clearing::obligation::{Posting, Sums, Totals};
use clearing::period::Pair;
use settlement::ids::SettlementId;
use settlement::money::Money;
use settlement::person::Insurance;

use super::breaks::read_branch;
use super::lots::{read_moved, read_sums, summed, totals};
use super::periods::{PeriodNumber, read_insurance, read_pair};
use super::{HubStore, Position, corrections, corrupt};
use crate::engine::Sql;
use crate::store::StoreError;
use crate::values;
pub use posted::{Afterwards, BookedPosting, MovedPosting, PostedPlaces, PrefundMispaid, StandsApart};
pub use seats::DoneAlone;

/// An entry of the journal that does not lie where it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Misplaced {
    /// The entry.
    pub position: Position,
    /// The period that it is stamped with, or summed up in.
    pub period: PeriodNumber,
    /// What is wrong.
    pub how: MisplacedHow,
}

/// How an entry is misplaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MisplacedHow {
    /// It is stamped with a period that there is not.
    NoPeriod,
    /// It is summed up in another period than its own.
    OtherPeriod,
    /// Its period is folded, and it is in no sum.
    NotSummed,
    /// What is summed up there is no entry.
    NoEntry,
}

/// How the postings of a deduction or a correction are not as they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misposted {
    /// A batch is in force, or a deduction was agreed on or given back, and nothing is posted.
    NotPosted,
    /// Something is posted of a correction, and its batch is not in force.
    NotInForce,
    /// Something is posted of a deduction, and nothing happened that takes it off or gives it back.
    NoEvent,
    /// What is posted is not what it changes, or not by turns.
    OtherSums,
}

/// An entry, or a part of it, that a period was cleared without.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CarriedOver {
    /// The operation that booked the entry.
    pub position: Position,
    /// Which part of the entry.
    pub part: i64,
    /// The period in which it was booked.
    pub booked: PeriodNumber,
    /// Out of which period; none for the list, by the decision of two people.
    pub from: Option<PeriodNumber>,
    /// Into which; none for the list, and for what is returned from there.
    pub into: Option<PeriodNumber>,
}

/// What notices of a pair asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Noticed {
    /// Between whom.
    pub pair: Pair,
    /// Whose money.
    pub insurance: Insurance,
    /// By which version of the statement.
    pub version: u32,
    /// How much.
    pub due: Money,
}

impl HubStore {
    /// Entries that lie in no period, in two, or in the sums of none.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn entry_misplaced(&self) -> Result<Vec<Misplaced>, StoreError> {
        const NO_PERIOD: &str = "SELECT position, period FROM answers
            WHERE settlement IS NOT NULL AND NOT EXISTS (SELECT 1 FROM periods WHERE number = answers.period)";
        const OTHER_PERIOD: &str = "SELECT lot_postings.position, lot_postings.period FROM lot_postings
            JOIN answers ON answers.position = lot_postings.position
            WHERE answers.settlement IS NOT NULL AND answers.period <> lot_postings.period";
        const NOT_SUMMED: &str = "SELECT answers.position, answers.period FROM answers
            JOIN clearing_steps ON clearing_steps.period = answers.period AND clearing_steps.step = 'folded' AND held = 1
            WHERE answers.settlement IS NOT NULL
              AND NOT EXISTS (SELECT 1 FROM lot_postings WHERE lot_postings.position = answers.position AND part = 0)";
        const NO_ENTRY: &str = "SELECT lot_postings.position, lot_postings.period FROM lot_postings
            WHERE NOT EXISTS (SELECT 1 FROM answers
                              WHERE answers.position = lot_postings.position AND answers.settlement IS NOT NULL)";
        let all = [
            (NO_PERIOD, MisplacedHow::NoPeriod),
            (OTHER_PERIOD, MisplacedHow::OtherPeriod),
            (NOT_SUMMED, MisplacedHow::NotSummed),
            (NO_ENTRY, MisplacedHow::NoEntry),
        ];
        let read = self.engine.read(move |sql| {
            let mut misplaced = Vec::new();
            for (text, how) in all {
                misplaced.extend(sql.query(text, values![], |row| {
                    Ok(Misplaced { position: Position(row.number(0)?), period: PeriodNumber(row.number(1)?), how })
                })?);
            }
            Ok(misplaced)
        });
        read.await
    }

    /// Corrections whose postings are not what their batches say, each with what is wrong.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn correction_misposted(&self) -> Result<Vec<(String, Misposted)>, StoreError> {
        const NOT_POSTED: &str = "SELECT corrections.id FROM corrections
            JOIN correction_events ON correction_events.batch = corrections.batch AND event = 'in-force'
            WHERE NOT EXISTS (SELECT 1 FROM correction_postings AS posted WHERE posted.id = corrections.id AND step = 1)";
        // Each turns the one before around.
        const NOT_BY_TURNS: &str = "SELECT DISTINCT posted.id FROM correction_postings AS posted
            WHERE step > 1 AND NOT EXISTS (SELECT 1 FROM correction_postings AS before
                                           WHERE before.id = posted.id AND before.step = posted.step - 1)";
        const NOT_IN_FORCE: &str = "SELECT DISTINCT posted.id FROM correction_postings AS posted
            LEFT JOIN corrections ON corrections.id = posted.id
            LEFT JOIN correction_events ON correction_events.batch = corrections.batch AND event = 'in-force'
            WHERE correction_events.batch IS NULL";
        const OTHER_SUMS: &str = "SELECT DISTINCT posted.id FROM correction_postings AS posted
            JOIN corrections ON corrections.id = posted.id
            WHERE posted.basic <> (basic_now - corrections.basic) * (posted.step % 2 * 2 - 1)
               OR posted.large_sum <> (large_sum_now - corrections.large_sum) * (posted.step % 2 * 2 - 1)
               OR posted.catastrophic <> (catastrophic_now - corrections.catastrophic) * (posted.step % 2 * 2 - 1)
               OR posted.civil_servant <> (civil_servant_now - corrections.civil_servant) * (posted.step % 2 * 2 - 1)
               OR posted.assistance <> (assistance_now - corrections.assistance) * (posted.step % 2 * 2 - 1)";
        let all = [
            (NOT_POSTED, Misposted::NotPosted),
            (NOT_BY_TURNS, Misposted::NotPosted),
            (NOT_IN_FORCE, Misposted::NotInForce),
            (OTHER_SUMS, Misposted::OtherSums),
        ];
        self.engine.read(move |sql| misposted(sql, &all)).await
    }

    /// The sums of a period as they are folded, and as its folded entries give them one by one: at one moment, since they
    /// may be folded further meanwhile.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn folded_twice(&self, period: PeriodNumber) -> Result<(Totals, Totals), StoreError> {
        const ENTRIES: &str = concat!(
            "SELECT ",
            summed!(),
            " FROM lot_postings WHERE period = ?1 GROUP BY home, treatment, insurance, care"
        );
        let read = self.engine.read(move |sql| {
            let entries: Vec<Posting> = sql.query(ENTRIES, values![period.0], read_moved)?;
            Ok((totals(sql, period)?, entries.into_iter().collect()))
        });
        read.await
    }

    /// Everything that was carried over, entry by entry, the earliest period first, what left the list last.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn carried_list(&self) -> Result<Vec<CarriedOver>, StoreError> {
        const CARRIED: &str = "SELECT carried_entries.position, carried_entries.part, lot_postings.period, from_period,
                into_period
            FROM carried_entries JOIN lot_postings ON lot_postings.position = carried_entries.position
                AND lot_postings.part = carried_entries.part
            ORDER BY carried_entries.position, carried_entries.part, from_period = 0, from_period";
        let read = self.engine.read(|sql| {
            sql.query(CARRIED, values![], |row| {
                Ok(CarriedOver {
                    position: Position(row.number(0)?),
                    part: row.number(1)?,
                    booked: PeriodNumber(row.number(2)?),
                    from: Some(PeriodNumber(row.number(3)?)).filter(|from| from.0 > 0),
                    into: row.optional_number(4)?.map(PeriodNumber),
                })
            })
        });
        read.await
    }

    /// Days between two pools of which periods count another number of entries than they hold.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn branch_miscounted(&self) -> Result<Vec<(PeriodNumber, Branch)>, StoreError> {
        const MISCOUNTED: &str = "SELECT period, day, home, treatment FROM (
                SELECT period, day, home, treatment, entries FROM period_branches
                UNION ALL SELECT period, day, home, treatment, -1 FROM lot_postings WHERE part = 0
                UNION ALL SELECT gone.from_period, day, home, treatment, 1
                    FROM carried_entries AS gone JOIN lot_postings AS held
                        ON held.position = gone.position AND held.part = gone.part
                    WHERE gone.part = 0 AND gone.from_period > 0
                UNION ALL SELECT came.into_period, day, home, treatment, -1
                    FROM carried_entries AS came JOIN lot_postings AS held
                        ON held.position = came.position AND held.part = came.part
                    WHERE came.part = 0 AND came.from_period > 0 AND came.into_period IS NOT NULL) AS counted
            GROUP BY period, day, home, treatment HAVING SUM(entries) <> 0 ORDER BY period, day, home, treatment";
        let read = |row: crate::engine::Row<'_>| Ok((PeriodNumber(row.number(0)?), read_branch(row, 1)?));
        self.engine.read(move |sql| sql.query(MISCOUNTED, values![], read)).await
    }

    /// The notices of a period.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn notice_list(&self, period: PeriodNumber) -> Result<Vec<Noticed>, StoreError> {
        const NOTICES: &str = "SELECT home, treatment, insurance, version, due FROM notices WHERE period = ?1
            ORDER BY home, treatment, insurance";
        let read = self.engine.read(move |sql| {
            sql.query(NOTICES, values![period.0], |row| {
                let (insurance, version) = (read_insurance(row, 2)?, row.number(3)?);
                let version = u32::try_from(version).map_err(|_| corrupt("notices", version, "no version"))?;
                Ok(Noticed { pair: read_pair(row, 0)?, insurance, version, due: Money::from_fen(row.number(4)?) })
            })
        });
        read.await
    }

    /// What settlements come to of which something is deducted or that were corrected: each as it was first booked, with
    /// what corrections in force add.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn changed_settlements(&self) -> Result<BTreeMap<SettlementId, Sums>, StoreError> {
        const SETTLEMENTS: &str = "SELECT reviewed.settlement, visits, total, basic, large_sum, catastrophic,
                civil_servant, assistance, account
            FROM (SELECT settlement FROM deductions UNION SELECT settlement FROM corrections) AS reviewed
            JOIN answers ON answers.settlement = reviewed.settlement AND answers.step = 1
            JOIN lot_postings ON lot_postings.position = answers.position AND lot_postings.part = 0";
        let read = self.engine.read(|sql| {
            let booked = sql.query(SETTLEMENTS, values![], |row| {
                let id = row.text(0)?;
                let malformed = |fault| corrupt("deductions", id, fault);
                Ok((SettlementId::from_time_first(id).map_err(malformed)?, read_sums(row, 1)?))
            })?;
            let mut paid = BTreeMap::new();
            for (settlement, sums) in booked {
                let mut sums: Sums = sums;
                sums.funds += corrections::corrected(sql, &settlement)?;
                paid.insert(settlement, sums);
            }
            Ok(paid)
        });
        read.await
    }
}

/// What each of these statements names, with what is wrong there.
fn misposted(sql: &Sql<'_>, all: &[(&'static str, Misposted)]) -> Result<Vec<(String, Misposted)>, StoreError> {
    let mut misposted = Vec::new();
    for (text, how) in all {
        misposted.extend(sql.query(text, values![], |row| Ok((row.text(0)?.to_owned(), *how)))?);
    }
    Ok(misposted)
}
