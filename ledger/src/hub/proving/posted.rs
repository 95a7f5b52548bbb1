//! What is read to prove what is taken off settlements and added to them after they were booked, and what was paid for
//! prefunds: whether postings are what happened, whether they stand as their settlements do, and the ways they went.
//! Nothing is written here. Called by `yidi verify`; what must hold is its to say.

use std::collections::{BTreeMap, BTreeSet};

use clearing::obligation::{Posting, Totals};
use settlement::money::Money;

use super::Misposted;
use crate::engine::{Row, Sql};
use crate::hub::afterwards::{alone, came_alone};
use crate::hub::lots::read_moved;
use crate::hub::periods::{PeriodNumber, THE_LIST, read_insurance, read_pair, sums_of};
use crate::hub::prefunds::PrefundKey;
use crate::hub::{HubStore, Position};
use crate::store::StoreError;
use crate::values;

/// What a settlement loses or gains after it was booked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Afterwards {
    /// What review takes off it.
    Deduction,
    /// What a correction adds to it, or takes back.
    Correction,
}

impl Afterwards {
    /// Both.
    pub const ALL: [Afterwards; 2] = [Afterwards::Deduction, Afterwards::Correction];

    /// The word in findings and in the names of tables.
    pub fn word(self) -> &'static str {
        match self {
            Afterwards::Deduction => "deduction",
            Afterwards::Correction => "correction",
        }
    }
}

/// A deduction or a correction that does not stand as its settlement does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StandsApart {
    /// Which of them.
    pub of: Afterwards,
    /// Its id.
    pub id: String,
    /// The newest entry of its settlement.
    pub newest: Position,
    /// Whether that entry has the settlement in force.
    pub is_in_force: bool,
    /// Whether the settlement is on the list of those that turned: then clearing has not had it follow yet, and will.
    pub is_awaited: bool,
}

/// A posting of a deduction or a correction, as it was booked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookedPosting {
    /// Of what.
    pub of: Afterwards,
    /// Its id.
    pub id: String,
    /// Which of its postings.
    pub step: i64,
    /// The period in which it was posted; 0 for the list.
    pub period: PeriodNumber,
    /// What a deduction takes off, or a correction adds; below zero in a fund where it is the other way round.
    pub posting: Posting,
}

/// A posting was moved out of a period, with its settlement or by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MovedPosting {
    /// Of what.
    pub of: Afterwards,
    /// Its id.
    pub id: String,
    /// Which of its postings.
    pub step: i64,
    /// The period in which that was posted; 0 for the list, and none where there is no such posting.
    pub posted: Option<PeriodNumber>,
    /// Out of which period; 0 for the list.
    pub from: PeriodNumber,
    /// Into which; 0 for the list, and for what is returned from there.
    pub into: PeriodNumber,
    /// Whether it went by itself.
    pub alone: bool,
}

impl MovedPosting {
    /// What stands for the list among periods.
    pub const LIST: PeriodNumber = THE_LIST;

    /// Whether a period is the list, from which nobody is cleared.
    pub fn is_list(period: PeriodNumber) -> bool {
        period == THE_LIST
    }
}

/// Everything that is posted of deductions and corrections, and what it comes to where it counts, as of one moment.
#[derive(Clone, Debug)]
pub struct PostedPlaces {
    /// Each posting, as [`HubStore::posting_list`] gives it.
    pub booked: Vec<BookedPosting>,
    /// What was moved of them, as [`HubStore::posting_moves`] gives it.
    pub moves: Vec<MovedPosting>,
    /// What each period, and the list, clears of deductions and of corrections.
    pub cleared: BTreeMap<PeriodNumber, [(Afterwards, Totals); 2]>,
}

/// A record of a prefund's payment that is not what its change asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrefundMispaid {
    /// Which prefund.
    pub key: PrefundKey,
    /// The id of the change.
    pub change: String,
    /// By how much it changes the prefund; none where there is no such change.
    pub asked: Option<Money>,
    /// How much the record says was paid.
    pub paid: Money,
}

macro_rules! booked {
    ($kind:literal) => {
        concat!(
            "SELECT home, treatment, insurance, care, 0, 0, posted.basic, posted.large_sum, posted.catastrophic,
                posted.civil_servant, posted.assistance, 0, posted.id, posted.step, posted.period FROM ",
            $kind,
            "_postings AS posted JOIN ",
            $kind,
            "s AS changed ON changed.id = posted.id ORDER BY posted.id, posted.step"
        )
    };
}

macro_rules! moves {
    ($kind:literal) => {
        concat!(
            "SELECT moved.id, moved.step, posted.period, moved.from_period, moved.into_period,
                moved.owner IS NOT NULL FROM ",
            $kind,
            "_moves AS moved LEFT JOIN ",
            $kind,
            "_postings AS posted ON posted.id = moved.id AND posted.step = moved.step
             ORDER BY moved.id, moved.step, moved.from_period"
        )
    };
}

macro_rules! unlisted {
    ($kind:literal) => {
        concat!(
            "SELECT posted.id, posted.step FROM ",
            $kind,
            "_postings AS posted JOIN ",
            $kind,
            "s AS changed ON changed.id = posted.id
             WHERE (posted.period = 0 OR EXISTS (SELECT 1 FROM ",
            $kind,
            "_moves AS came WHERE came.id = posted.id AND came.step = posted.step AND came.into_period = 0))
               AND NOT EXISTS (SELECT 1 FROM ",
            $kind,
            "_moves AS gone WHERE gone.id = posted.id AND gone.step = posted.step AND gone.from_period = 0)
               AND NOT ",
            came_alone!($kind),
            "  AND NOT EXISTS (SELECT 1 FROM answers JOIN carried_entries AS own ON own.position = answers.position
                   WHERE answers.settlement = changed.settlement AND own.part = 0 AND own.into_period IS NULL
                     AND NOT EXISTS (SELECT 1 FROM carried_entries AS cleared
                                     WHERE cleared.position = own.position AND cleared.part = 0
                                       AND cleared.from_period = 0 AND cleared.into_period IS NOT NULL))
             ORDER BY posted.id, posted.step"
        )
    };
}

/// Those of which the newest entry of the settlement is folded: whoever clears folds first, and then has both follow their
/// settlements. So what is not folded, nobody can have followed yet.
macro_rules! apart {
    ($kind:literal, $where:literal) => {
        concat!(
            "SELECT changed.id, newest.position, newest.step,
                EXISTS (SELECT 1 FROM turned_settlements AS turned WHERE turned.settlement = changed.settlement)
             FROM ",
            $kind,
            "s AS changed CROSS JOIN answers AS newest
             WHERE newest.settlement = changed.settlement
               AND newest.step = (SELECT MAX(step) FROM answers WHERE answers.settlement = changed.settlement)
               AND EXISTS (SELECT 1 FROM lot_postings WHERE lot_postings.position = newest.position AND part = 0)
               AND ",
            $where,
            " ORDER BY changed.id"
        )
    };
}

/// How many postings of a correction count in a period. They give and take back by turns.
macro_rules! counted {
    ($of:literal) => {
        concat!(
            "(SELECT COUNT(*) FROM correction_postings AS posted WHERE posted.id = ",
            $of,
            ".id AND COALESCE((SELECT into_period FROM correction_moves AS moved
                               WHERE moved.id = posted.id AND moved.step = posted.step
                               ORDER BY from_period = 0 DESC, from_period DESC LIMIT 1), posted.period) <> 0)"
        )
    };
}

impl HubStore {
    /// Deductions whose postings are not what happened to them, each with what is wrong: what is agreed on is taken off,
    /// what is released after that is given back, and nothing else is posted.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn deduction_misposted(&self) -> Result<Vec<(String, Misposted)>, StoreError> {
        const NO_EVENT: &str = "SELECT DISTINCT posted.id FROM deduction_postings AS posted
            LEFT JOIN deductions ON deductions.id = posted.id
            LEFT JOIN deduction_events AS done ON done.id = posted.id AND done.step = posted.step
            LEFT JOIN deduction_events AS before ON before.id = posted.id AND before.step = posted.step - 1
            WHERE deductions.id IS NULL OR (COALESCE(done.event, '') <> 'agreed'
              AND (COALESCE(done.event, '') <> 'released' OR COALESCE(before.event, '') <> 'agreed'))";
        const NOT_POSTED: &str = "SELECT DISTINCT done.id FROM deduction_events AS done
            LEFT JOIN deduction_events AS before ON before.id = done.id AND before.step = done.step - 1
            WHERE (done.event = 'agreed' OR (done.event = 'released' AND before.event = 'agreed'))
              AND NOT EXISTS (SELECT 1 FROM deduction_postings AS posted
                              WHERE posted.id = done.id AND posted.step = done.step)";
        // What is agreed on is something, and at most what was lodged; later postings turn the one before around.
        const OTHER_SUMS: &str = "SELECT DISTINCT posted.id FROM deduction_postings AS posted
            JOIN deductions ON deductions.id = posted.id
            JOIN deduction_events AS done ON done.id = posted.id AND done.step = posted.step
            LEFT JOIN deduction_postings AS before ON before.id = posted.id AND before.step = posted.step - 1
            WHERE (done.event = 'agreed'
                   AND (posted.basic NOT BETWEEN 0 AND deductions.basic
                        OR posted.large_sum NOT BETWEEN 0 AND deductions.large_sum
                        OR posted.catastrophic NOT BETWEEN 0 AND deductions.catastrophic
                        OR posted.civil_servant NOT BETWEEN 0 AND deductions.civil_servant
                        OR posted.assistance NOT BETWEEN 0 AND deductions.assistance
                        OR posted.basic + posted.large_sum + posted.catastrophic + posted.civil_servant
                            + posted.assistance = 0))
               OR posted.basic <> -before.basic OR posted.large_sum <> -before.large_sum
               OR posted.catastrophic <> -before.catastrophic OR posted.civil_servant <> -before.civil_servant
               OR posted.assistance <> -before.assistance";
        let all =
            [(NO_EVENT, Misposted::NoEvent), (NOT_POSTED, Misposted::NotPosted), (OTHER_SUMS, Misposted::OtherSums)];
        self.engine.read(move |sql| super::misposted(sql, &all)).await
    }

    /// Deductions and corrections that count though their settlement is undone, or do not though it is in force, where
    /// the settlement's newest entry is folded; each with whether it is still to follow.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn posting_apart(&self) -> Result<Vec<StandsApart>, StoreError> {
        // What stays released for good is released twice in a row.
        const DEDUCTIONS: &str = apart!(
            "deduction",
            "CASE COALESCE((SELECT event FROM deduction_events AS last WHERE last.id = changed.id
                            ORDER BY step DESC LIMIT 1), 'lodged')
                WHEN 'withdrawn' THEN 0
                WHEN 'released' THEN CASE
                    WHEN newest.step % 2 = 1
                     AND COALESCE((SELECT event FROM deduction_events AS earlier WHERE earlier.id = changed.id
                                   ORDER BY step DESC LIMIT 1 OFFSET 1), 'lodged') <> 'released' THEN 1 ELSE 0 END
                ELSE 1 - newest.step % 2 END = 1"
        );
        // An odd number of entries counts, and so does an odd number of postings.
        const CORRECTIONS: &str = apart!(
            "correction",
            "(SELECT MAX(step) FROM correction_postings AS posted WHERE posted.id = changed.id) % 2 <> newest.step % 2"
        );
        let read = self.engine.read(|sql| {
            let mut apart = Vec::new();
            for (text, of) in [(DEDUCTIONS, Afterwards::Deduction), (CORRECTIONS, Afterwards::Correction)] {
                apart.extend(sql.query(text, values![], |row| {
                    let (id, newest) = (row.text(0)?.to_owned(), Position(row.number(1)?));
                    let (is_in_force, is_awaited) = (row.number(2)? % 2 == 1, row.flag(3)?);
                    Ok(StandsApart { of, id, newest, is_in_force, is_awaited })
                })?);
            }
            Ok(apart)
        });
        read.await
    }

    /// Postings that are on the list, where neither an entry of their settlement is or was nor they came by themselves: nobody
    /// would ever see them. Each with its step.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn posting_unlisted(&self) -> Result<Vec<(Afterwards, String, i64)>, StoreError> {
        let read = self.engine.read(|sql| {
            let mut unlisted = Vec::new();
            for (text, of) in
                [(unlisted!("deduction"), Afterwards::Deduction), (unlisted!("correction"), Afterwards::Correction)]
            {
                unlisted.extend(sql.query(text, values![], |row| Ok((of, row.text(0)?.to_owned(), row.number(1)?)))?);
            }
            Ok(unlisted)
        });
        read.await
    }

    /// Postings that count in a period that is not stated, while what they build on waits on the list by itself: a correction
    /// that takes another back, for example. Each with its step.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn posting_ahead(&self) -> Result<Vec<(Afterwards, String, i64)>, StoreError> {
        let ahead = self.engine.read(|sql| alone::ahead_of_list(sql, None, None)).await?;
        Ok(ahead.into_iter().map(|(posted, _)| posted.into_named()).collect())
    }

    /// Corrections that count although what they take back was returned from the list.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn correction_apart(&self) -> Result<Vec<String>, StoreError> {
        const APART: &str = concat!(
            "SELECT back.id FROM corrections AS back JOIN correction_batches ON correction_batches.id = back.batch
             JOIN corrections AS original ON original.batch = correction_batches.undoes
                AND original.settlement = back.settlement
             WHERE EXISTS (SELECT 1 FROM correction_moves AS returned
                           WHERE returned.id = original.id AND returned.from_period = 0 AND returned.into_period = 0)
               AND ",
            counted!("original"),
            " % 2 = 0 AND ",
            counted!("back"),
            " % 2 = 1 ORDER BY back.id"
        );
        self.engine.read(|sql| sql.query(APART, values![], |row| Ok(row.text(0)?.to_owned()))).await
    }

    /// Everything that was posted of deductions and corrections, where it was booked, wherever it went since.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn posting_list(&self) -> Result<Vec<BookedPosting>, StoreError> {
        self.engine.read(all_booked).await
    }

    /// Everything that was moved of deductions and corrections, posting by posting.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn posting_moves(&self) -> Result<Vec<MovedPosting>, StoreError> {
        self.engine.read(all_moves).await
    }

    /// Both, beside what each place clears of them: at one moment, since more may be posted and moved meanwhile.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn posting_places(&self) -> Result<PostedPlaces, StoreError> {
        const PERIODS: &str = "SELECT number FROM periods";
        let read = self.engine.read(|sql| {
            let (booked, moves) = (all_booked(sql)?, all_moves(sql)?);
            let periods = sql.query(PERIODS, values![], |row| row.number(0).map(PeriodNumber))?;
            // What is carried out of the open period comes into one that is not open yet.
            let places = periods.into_iter().chain([THE_LIST]).chain(moves.iter().map(|moved| moved.into));
            let mut cleared = BTreeMap::new();
            for place in places.collect::<BTreeSet<PeriodNumber>>() {
                let [_, _, _, deducted, recomputed] = sums_of(sql, place)?.map(|lots| lots.into_iter().collect());
                cleared.insert(place, [(Afterwards::Deduction, deducted), (Afterwards::Correction, recomputed)]);
            }
            Ok(PostedPlaces { booked, moves, cleared })
        });
        read.await
    }

    /// The records of prefunds' payments that are of another sum than their change, or of none.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn prefund_mispaid(&self) -> Result<Vec<PrefundMispaid>, StoreError> {
        const MISPAID: &str = "SELECT paid.home, paid.treatment, paid.insurance, paid.id, changed.amount, paid.amount
            FROM prefund_payments AS paid
            LEFT JOIN prefund_changes AS changed ON changed.home = paid.home AND changed.treatment = paid.treatment
                AND changed.insurance = paid.insurance AND changed.id = paid.id
            WHERE changed.id IS NULL OR paid.amount <> ABS(changed.amount)
            ORDER BY paid.home, paid.treatment, paid.insurance, paid.id, paid.side, paid.record";
        let read = |row: Row<'_>| {
            Ok(PrefundMispaid {
                key: PrefundKey { pair: read_pair(row, 0)?, insurance: read_insurance(row, 2)? },
                change: row.text(3)?.to_owned(),
                asked: row.optional_number(4)?.map(Money::from_fen),
                paid: Money::from_fen(row.number(5)?),
            })
        };
        self.engine.read(move |sql| sql.query(MISPAID, values![], read)).await
    }
}

fn all_booked(sql: &Sql<'_>) -> Result<Vec<BookedPosting>, StoreError> {
    let mut booked = read_booked(sql, booked!("deduction"), Afterwards::Deduction)?;
    booked.extend(read_booked(sql, booked!("correction"), Afterwards::Correction)?);
    Ok(booked)
}

fn all_moves(sql: &Sql<'_>) -> Result<Vec<MovedPosting>, StoreError> {
    let mut moves = read_moves(sql, moves!("deduction"), Afterwards::Deduction)?;
    moves.extend(read_moves(sql, moves!("correction"), Afterwards::Correction)?);
    Ok(moves)
}

fn read_booked(sql: &Sql<'_>, text: &'static str, of: Afterwards) -> Result<Vec<BookedPosting>, StoreError> {
    sql.query(text, values![], |row| {
        let (id, step, period) = (row.text(12)?.to_owned(), row.number(13)?, PeriodNumber(row.number(14)?));
        Ok(BookedPosting { of, id, step, period, posting: read_moved(row)? })
    })
}

fn read_moves(sql: &Sql<'_>, text: &'static str, of: Afterwards) -> Result<Vec<MovedPosting>, StoreError> {
    sql.query(text, values![], |row| {
        Ok(MovedPosting {
            of,
            id: row.text(0)?.to_owned(),
            step: row.number(1)?,
            posted: row.optional_number(2)?.map(PeriodNumber),
            from: PeriodNumber(row.number(3)?),
            into: PeriodNumber(row.number(4)?),
            alone: row.flag(5)?,
        })
    })
}
