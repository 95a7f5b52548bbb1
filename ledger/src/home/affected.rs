//! Marks on settlements that built on something which was changed later: laid in the commit that changes it, never taken
//! away. Which they are is for [`settlement::decide::built_on`] to say. Called by [`super::load`], [`super::append`],
//! [`super::postings`], [`super::unseen`], and by the region's list of what is affected.

use std::ops::Add;

use jiff::civil::Date;
use settlement::adjudication::Payers;
use settlement::decide::{BookSeq, Correcting, Effects, Reach, Reader, Undoing, UsagePosting, built_on};
use settlement::ids::{IdError, PersonNumber, SettlementId};
use settlement::lifecycle::Standing;
use settlement::year_to_date::{BenefitYear, UsageSums};

use super::corrected::{self, Made};
use super::row::Columns;
use super::rows::{self, AFFECTED};
use super::{HomeStore, corrections, load, stays, unseen};
use crate::engine::{Row, Sql, list};
use crate::store::StoreError;
use crate::values;

/// A settlement in force, how it counts, and what changed of what it read.
#[derive(Clone, Debug)]
pub struct Affected {
    /// Where it was decided.
    pub seq: BookSeq,
    /// Which.
    pub settlement: SettlementId,
    /// How it counts since it was corrected; none where it counts as the hospital was told.
    pub counted: Option<Counted>,
    /// What changed since it was decided, oldest first.
    pub causes: Vec<Cause>,
}

/// What corrections made of a settlement.
#[derive(Clone, Debug)]
pub struct Counted {
    /// Who pays what.
    pub payers: Payers,
    /// What all corrections together use up beside what the settlement used up itself.
    pub sums: UsageSums,
}

/// One change of what a settlement had read.
#[derive(Clone, Debug)]
pub struct Cause {
    /// The operation's place, or the place after which the posting came.
    pub seq: BookSeq,
    /// The posting; none where it was an operation.
    pub posting: Option<String>,
    /// The batch, where the posting is a correction of an earlier settlement.
    pub batch: Option<String>,
    /// Whether the last correction of the settlement took it into account.
    pub accounted_for: bool,
    /// What it changed.
    pub effects: Effects,
}

impl HomeStore {
    /// People who have settlements, in the order of their numbers; only those with marks unless `all`.
    ///
    /// # Errors
    /// When a statement fails.
    pub async fn affected_people(&self, after: String, limit: u32, all: bool) -> Result<Vec<PersonNumber>, StoreError> {
        const MARKED: &str = "SELECT DISTINCT settlements.person AS person FROM affected
               JOIN settlements ON settlements.settlement = affected.settlement
              WHERE settlements.person > ?1 ORDER BY person LIMIT ?2";
        const ALL: &str =
            "SELECT DISTINCT person FROM usages WHERE person > ?1 AND posting = '' ORDER BY person LIMIT ?2";
        self.engine
            .read(move |sql| {
                let text = if all { ALL } else { MARKED };
                sql.query(text, values![&after, i64::from(limit)], |row| id(row.text(0)?, PersonNumber::new))
            })
            .await
    }

    /// A person's settlements in force, oldest first, each with what changed of what it read.
    ///
    /// # Errors
    /// When a statement fails or a row is corrupt.
    pub async fn affected_list(&self, person: PersonNumber) -> Result<Vec<Affected>, StoreError> {
        self.engine
            .read(move |sql| {
                let standing = in_force(sql, &person)?;
                let ids = list(standing.iter().map(|(_, settlement)| settlement.as_str()));
                let made = corrected::made(sql, &ids, load::NOW)?;
                standing
                    .into_iter()
                    .map(|(seq, settlement)| {
                        let own = || made.iter().filter(|made| made.correction.settlement == settlement);
                        let last = own().next_back();
                        let counted = last.map(|last| Counted {
                            payers: last.correction.now,
                            sums: own().map(|made| made.sums).fold(UsageSums::default(), Add::add),
                        });
                        let causes = causes(sql, &person, &settlement, last.map_or(0, |last| last.number))?;
                        Ok(Affected { seq, settlement, counted, causes })
                    })
                    .collect()
            })
            .await
    }
}

/// All of a person's settlements below a place, as readers of the year-to-date.
pub(super) fn readers(sql: &Sql<'_>, person: &str, before: i64) -> Result<Vec<Reader>, StoreError> {
    const READERS: &str = "SELECT settlements.book_seq, settlements.settlement, usages.day, usages.year
           FROM usages CROSS JOIN settlements
          WHERE usages.person = ?1 AND usages.posting = '' AND usages.after_seq < ?2
            AND settlements.book_seq = usages.after_seq
          ORDER BY settlements.book_seq";
    sql.query(READERS, values![person, before], |row| {
        Ok(Reader {
            seq: load::seq(row.number(0)?),
            settlement: id(row.text(1)?, SettlementId::new)?,
            day: day(row.text(2)?)?,
            year: year(row.number(3)?)?,
        })
    })
}

/// A usage that a posting brings late, or takes away.
pub(super) struct Late<'a> {
    /// The place after which the posting stands.
    pub seq: BookSeq,
    /// The posting.
    pub posting: &'a str,
    /// What it brings.
    pub used: &'a UsagePosting,
    /// The posting that it takes back, and the place after which that one stands: whatever came later had read it.
    pub takes_back: Option<(&'a str, BookSeq)>,
    /// The place of the settlement that it corrects: whatever came later had read that.
    pub corrects: Option<BookSeq>,
}

/// Marks whichever of the readers built on it, or should have.
pub(super) fn mark(sql: &Sql<'_>, readers: &[Reader], late: &Late<'_>) -> Result<(), StoreError> {
    let unread = late.takes_back.map(|(original, _)| unseen::places(sql, original)).transpose()?.unwrap_or_default();
    let (unread, read): (Vec<Reader>, Vec<Reader>) =
        readers.iter().cloned().partition(|reader| unread.contains(&reader.seq));
    let from = Some(late.used.day).filter(|_| late.corrects.is_none());
    let mut affected =
        built_on(&read, late.used, Reach { after: late.takes_back.map(|(_, seq)| seq).or(late.corrects), from });
    affected.extend(built_on(&unread, late.used, Reach { after: None, from }));
    let marks: Vec<_> = affected.iter().map(|settlement| rows::affected(settlement, late.seq, late.posting)).collect();
    sql.execute_each(AFFECTED, &marks)
}

fn in_force(sql: &Sql<'_>, person: &PersonNumber) -> Result<Vec<(BookSeq, SettlementId)>, StoreError> {
    const IN_FORCE: &str = "SELECT settlements.book_seq, settlements.settlement
           FROM usages CROSS JOIN settlements
          WHERE usages.person = ?1 AND usages.posting = '' AND settlements.book_seq = usages.after_seq
            AND COALESCE((SELECT becomes FROM undoings WHERE undoings.settlement = settlements.settlement
                           ORDER BY undoings.book_seq DESC LIMIT 1), 'in-force') = 'in-force'
          ORDER BY settlements.book_seq";
    sql.query(IN_FORCE, values![person.as_str()], |row| {
        Ok((load::seq(row.number(0)?), id(row.text(1)?, SettlementId::new)?))
    })
}

/// `last` is the number of the settlement's last correction; 0 where there is none.
fn causes(
    sql: &Sql<'_>,
    person: &PersonNumber,
    settlement: &SettlementId,
    last: i64,
) -> Result<Vec<Cause>, StoreError> {
    const CAUSES: &str = concat!(
        "SELECT affected.after_seq, affected.posting, undoings.settlement, undoings.becomes, undoings.counter,
                EXISTS (SELECT 1 FROM correction_marks AS known
                         WHERE known.settlement = ?1 AND known.number = ?3 AND known.posting = affected.posting
                           AND (affected.posting <> '' OR known.after_seq = affected.after_seq)), ",
        load::usage!(),
        " FROM affected
           JOIN usages ON usages.person = ?2 AND usages.after_seq = affected.after_seq
                      AND usages.posting = affected.posting
           LEFT JOIN undoings ON undoings.book_seq = affected.after_seq AND affected.posting = ''
          WHERE affected.settlement = ?1 ORDER BY affected.after_seq, affected.posting"
    );
    let mut causes = sql.query(CAUSES, values![settlement.as_str(), person.as_str(), last], |row| {
        let posting = Some(row.text(1)?.to_owned()).filter(|posting| !posting.is_empty());
        let accounted_for = row.flag(5)?;
        let used = load::usage_posting(&Columns::after(6, row, "affected"))?;
        let effects = Effects { undoing: undoing(&row)?, usage: Some(used), ..Effects::default() };
        Ok(Cause { seq: load::seq(row.number(0)?), posting, batch: None, accounted_for, effects })
    })?;
    for cause in &mut causes {
        let Some(posting) = cause.posting.as_deref() else { continue };
        cause.effects.stay = stays::changed_by(sql, posting)?;
        if !corrections::is_one(posting) {
            continue;
        }
        if let Some(Made { taken, correction, .. }) = corrected::made_as(sql, posting)? {
            cause.batch = Some(taken.batch);
            cause.effects.correcting = Some(Correcting { settlement: correction.settlement, now: correction.now });
        }
    }
    Ok(causes)
}

fn undoing(row: &Row<'_>) -> Result<Option<Undoing>, StoreError> {
    let Some(settlement) = row.optional_text(2)? else { return Ok(None) };
    let becomes = match row.text(3)? {
        "in-force" => Standing::InForce,
        "reversed" => Standing::Reversed,
        "cancelled" => Standing::Cancelled { counter: id(row.text(4)?, SettlementId::new)? },
        other => return Err(corrupt(settlement, format!("it becomes {other}, which is not one of its words"))),
    };
    Ok(Some(Undoing { settlement: id(settlement, SettlementId::new)?, becomes }))
}

fn year(stored: i64) -> Result<BenefitYear, StoreError> {
    i16::try_from(stored).map(BenefitYear).map_err(|problem| corrupt("of a usage", problem))
}

fn day(stored: &str) -> Result<Date, StoreError> {
    stored.parse().map_err(|problem| corrupt("of a usage", problem))
}

fn id<T>(text: &str, read: impl FnOnce(&str) -> Result<T, IdError>) -> Result<T, StoreError> {
    read(text).map_err(|problem| corrupt(text, problem))
}

fn corrupt(id: &str, problem: impl ToString) -> StoreError {
    StoreError::Corrupt { table: "affected", id: id.into(), problem: problem.to_string() }
}
