//! Approved batches of corrections, taken in as a whole or not at all. What a batch does to the book is for
//! [`settlement::decide::correct()`] to say; here it is appended: a posting and a usage for each settlement, so that
//! whatever reads the book sees a correction from its place on. Called by the region's door.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use settlement::decide::{
    Book, BookSeq, Corrected, Correcting, Correction, CorrectionFault, Effects, Faulty, Posted, Reworked, Taken,
    correct, correct_again, corrected_since, undo_corrections,
};
use settlement::ids::{PersonNumber, PoolCode, SettlementId};

use super::append::place;
use super::corrected::{self, Made, fens};
use super::row::Columns;
use super::rows::{self, AFFECTED, CORRECTION, USAGE, UsageRow};
use super::taken::{self, TakenCorrection};
use super::{HomeStore, Wire, load};
use crate::engine::{Sql, Value, list};
use crate::store::StoreError;
use crate::values;

/// The kind of a posting that corrects a settlement.
pub(super) const KIND: &str = "correction";

/// Between a batch and a settlement, in the id of the posting that corrects it.
const BETWEEN: char = '\u{1f}';

/// Whether a posting corrects a settlement, by its id.
pub(super) fn is_one(posting: &str) -> bool {
    posting.contains(BETWEEN)
}

/// An approved batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorrectionBatch {
    /// Its id.
    pub id: String,
    /// The pool whose settlements it corrects.
    pub home: PoolCode,
    /// The batch that it takes back; none where it takes none back.
    pub undoes: Option<String>,
    /// What it changes.
    pub corrections: Vec<Correction>,
    /// When it was approved.
    pub approved_at: Timestamp,
}

/// A settlement worked out again, and how many marks there were on it.
#[derive(Clone, Debug)]
pub struct WorkedOut {
    /// What it comes to.
    pub reworked: Reworked,
    /// Marks that were taken into account.
    pub marks: usize,
}

/// A batch in the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchTaken {
    /// Whether it was taken before.
    pub known: bool,
    /// The place after which it stands.
    pub after: BookSeq,
    /// Its number among the batches of the book, without gaps.
    pub number: u64,
}

/// Where a book ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BookEnd {
    /// The last place that is filled.
    pub last: BookSeq,
    /// The number of the last batch of corrections; 0 where there is none.
    pub batches: u64,
}

/// Why a batch is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BatchRefused {
    /// Its id came before with other content; this field differs.
    ContentDiffers(&'static str),
    /// The batch that it takes back is not in this book.
    UndoneUnknown,
    /// The batch that it takes back was taken back before, by this one.
    UndoneBefore(String),
    /// What is wrong, settlement by settlement.
    Faults(Vec<Faulty>),
    /// Something was changed since its settlements were worked out: they have to be worked out again.
    Outdated,
}

impl HomeStore {
    /// Whether a batch is in the book: where, or that its id came with other content; none where it never came.
    ///
    /// # Errors
    /// When a statement fails or a row is corrupt.
    pub async fn correction_find(
        &self,
        batch: CorrectionBatch,
    ) -> Result<Option<Result<BatchTaken, BatchRefused>>, StoreError> {
        self.engine.read(move |sql| known(sql, &batch)).await
    }

    /// Whose settlements some are, in the order of their numbers.
    ///
    /// # Errors
    /// When a statement fails.
    pub async fn correction_people(&self, settlements: Vec<SettlementId>) -> Result<Vec<PersonNumber>, StoreError> {
        let ids = list(settlements.iter().map(SettlementId::as_str));
        self.engine.read(move |sql| people(sql, &ids)).await
    }

    /// Takes a batch in, in one commit; the same batch again changes nothing. A refusal is a value: nothing was written.
    ///
    /// # Errors
    /// When a statement fails: nothing was changed, unless the commit itself failed; taking it in again tells.
    pub async fn correction_take(
        &self,
        batch: CorrectionBatch,
        worked_out: Vec<WorkedOut>,
    ) -> Result<Result<BatchTaken, BatchRefused>, StoreError> {
        let (wire, grounds) = (self.wire, Grounds::Now(worked_out));
        self.engine.change(move |sql| take(sql, wire, &batch, &grounds)).await
    }

    /// Takes a batch back as it was taken before the book was lost, in one commit; the same batch again changes nothing. A
    /// refusal is a value: nothing was written.
    ///
    /// # Errors
    /// When a statement fails: nothing was changed, unless the commit itself failed; taking it back again tells.
    pub async fn correction_take_back(
        &self,
        batch: CorrectionBatch,
        record: Vec<TakenCorrection>,
    ) -> Result<Result<BatchTaken, BatchRefused>, StoreError> {
        let (wire, grounds) = (self.wire, Grounds::Before(record));
        self.engine.change(move |sql| take(sql, wire, &batch, &grounds)).await
    }
}

/// Why a batch that undoes none is right.
enum Grounds {
    /// Its settlements come out so now.
    Now(Vec<WorkedOut>),
    /// It was taken so before the book was lost.
    Before(Vec<TakenCorrection>),
}

fn take(
    sql: &Sql<'_>,
    wire: Wire,
    batch: &CorrectionBatch,
    grounds: &Grounds,
) -> Result<Result<BatchTaken, BatchRefused>, StoreError> {
    if let Some(known) = known(sql, batch)? {
        return Ok(known);
    }
    let mut book = book(sql, wire, batch)?;
    let (decided, accounted) = match (&batch.undoes, grounds) {
        (None, Grounds::Now(worked_out)) => {
            if is_outdated(sql, worked_out)? {
                return Ok(Err(BatchRefused::Outdated));
            }
            let reworked: Vec<Reworked> = worked_out.iter().map(|one| one.reworked.clone()).collect();
            (correct(&mut book, batch.home, &batch.corrections, &reworked), Accounted::All)
        }
        (None, Grounds::Before(record)) => {
            let posted = record.iter().map(|taken| (taken.settlement.clone(), taken.posted)).collect();
            (correct_again(&mut book, batch.home, &batch.corrections, &posted), Accounted::Recorded(record))
        }
        (Some(undone), Grounds::Now(_) | Grounds::Before(_)) => {
            let number = match undone_number(sql, undone, batch.home)? {
                Ok(number) => number,
                Err(refused) => return Ok(Err(refused)),
            };
            let posted = posted(sql, number)?;
            (undo_corrections(&mut book, batch.home, &batch.corrections, &posted), Accounted::AsBefore(number))
        }
    };
    let corrected = match decided {
        // It came into force meanwhile.
        Err(faults) if faults.iter().any(|one| one.fault == CorrectionFault::NotWorkedOut) => {
            return Ok(Err(BatchRefused::Outdated));
        }
        Err(faults) => return Ok(Err(BatchRefused::Faults(faults))),
        Ok(corrected) => corrected,
    };
    let after = load::last_seq(sql)?;
    let number = append(sql, batch, after, &corrected, &accounted)?;
    Ok(Ok(BatchTaken { known: false, after, number: number.cast_unsigned() }))
}

/// The number of the last batch; 0 where there is none.
pub(super) fn last_number(sql: &Sql<'_>) -> Result<u64, StoreError> {
    const LAST: &str = "SELECT COALESCE(MAX(number), 0) FROM correction_batches";
    sql.get(LAST, &[], |row| row.number(0).map(i64::cast_unsigned))
}

/// Compares what a batch changes, whatever the order in which it says so.
fn known(sql: &Sql<'_>, batch: &CorrectionBatch) -> Result<Option<Result<BatchTaken, BatchRefused>>, StoreError> {
    const KNOWN: &str = "SELECT batch, number, home, undoes, after_seq FROM correction_batches WHERE batch = ?1";
    let found = sql.find(KNOWN, values![&batch.id], |row| {
        let columns = Columns::of(row, "correction_batches");
        let _batch = columns.text("batch")?;
        let (number, home) = (columns.number("number")?, columns.pool("home")?);
        Ok((number, home, columns.text("undoes")?.to_owned(), load::seq(columns.number("after_seq")?)))
    })?;
    let Some((number, home, undoes, after)) = found else { return Ok(None) };
    let held: Vec<Correction> = corrected::made_by(sql, number)?.into_iter().map(|made| made.correction).collect();
    let mut given = batch.corrections.clone();
    given.sort_by(|one, other| one.settlement.as_str().cmp(other.settlement.as_str()));
    Ok(Some(if home != batch.home {
        Err(BatchRefused::ContentDiffers("home"))
    } else if undoes != batch.undoes.as_deref().unwrap_or_default() {
        Err(BatchRefused::ContentDiffers("undoes"))
    } else if held != given {
        Err(BatchRefused::ContentDiffers("corrections"))
    } else {
        Ok(BatchTaken { known: true, after, number: number.cast_unsigned() })
    }))
}

/// The batch's settlements, and all readers of their people.
fn book(sql: &Sql<'_>, wire: Wire, batch: &CorrectionBatch) -> Result<Book, StoreError> {
    let settlements: BTreeSet<String> = batch.corrections.iter().map(|one| one.settlement.to_string()).collect();
    let ids = list(settlements.iter().map(String::as_str));
    let people = people(sql, &ids)?;
    load::book_below(sql, wire, &load::Wanted::correcting(settlements, &people), load::NOW)
}

fn people(sql: &Sql<'_>, settlements: &str) -> Result<Vec<PersonNumber>, StoreError> {
    const PEOPLE: &str = "SELECT DISTINCT person FROM json_each(?1) AS wanted
           CROSS JOIN settlements WHERE settlements.settlement = wanted.value ORDER BY person";
    sql.query(PEOPLE, values![settlements], |row| Columns::of(row, "settlements").id("person", PersonNumber::new))
}

/// Whether something that was worked out again was marked since.
fn is_outdated(sql: &Sql<'_>, worked_out: &[WorkedOut]) -> Result<bool, StoreError> {
    const MARKS: &str = "SELECT affected.settlement, COUNT(*) FROM json_each(?1) AS wanted
           CROSS JOIN affected WHERE affected.settlement = wanted.value GROUP BY affected.settlement";
    let ids = list(worked_out.iter().map(|one| one.reworked.settlement.as_str()));
    let marks = sql.query(MARKS, values![&ids], |row| Ok((row.text(0)?.to_owned(), row.number(1)?)))?;
    let marks: HashMap<String, i64> = marks.into_iter().collect();
    let now = |one: &WorkedOut| marks.get(one.reworked.settlement.as_str()).copied().unwrap_or_default();
    Ok(worked_out.iter().any(|one| usize::try_from(now(one)) != Ok(one.marks)))
}

/// The number of a batch that is to be taken back.
fn undone_number(sql: &Sql<'_>, undone: &str, home: PoolCode) -> Result<Result<i64, BatchRefused>, StoreError> {
    const NUMBER: &str = "SELECT number FROM correction_batches WHERE batch = ?1 AND home = ?2";
    const BEFORE: &str = "SELECT batch FROM correction_batches WHERE undoes = ?1 AND undoes <> ''";
    let number = sql.find(NUMBER, values![undone, home.0.as_str()], |row| row.number(0))?;
    let before = sql.find(BEFORE, values![undone], |row| Ok(row.text(0)?.to_owned()))?;
    Ok(match (number, before) {
        (None, _) => Err(BatchRefused::UndoneUnknown),
        (Some(_), Some(by)) => Err(BatchRefused::UndoneBefore(by)),
        (Some(number), None) => Ok(number),
    })
}

/// What a batch posted, and which batch stands on top of it.
fn posted(sql: &Sql<'_>, number: i64) -> Result<Vec<Posted>, StoreError> {
    let made = corrected::made_by(sql, number)?;
    let ids = list(made.iter().map(|made| made.correction.settlement.as_str()));
    let mut histories: HashMap<SettlementId, Vec<Taken>> = HashMap::new();
    for Made { taken, correction, .. } in corrected::made(sql, &ids, load::NOW)? {
        histories.entry(correction.settlement).or_default().push(taken);
    }
    let posted = made.into_iter().map(|Made { taken, correction, sums, .. }| {
        let history = histories.get(&correction.settlement).map(Vec::as_slice).unwrap_or_default();
        let since = corrected_since(history, &taken.batch).map(str::to_owned);
        Posted { correction, sums, since }
    });
    Ok(posted.collect())
}

/// A correction's row, and the id of its posting.
struct Row<'a> {
    person: &'a str,
    settlement: &'a SettlementId,
    posting: String,
    told: [i64; 8],
    now: [i64; 8],
    effects: &'a Effects,
}

fn append(
    sql: &Sql<'_>,
    batch: &CorrectionBatch,
    after: BookSeq,
    corrected: &[Corrected],
    accounted: &Accounted<'_>,
) -> Result<i64, StoreError> {
    let number = last_number(sql)?.cast_signed() + 1;
    let approved_at = batch.approved_at.as_microsecond();
    sql.execute(
        "INSERT INTO correction_batches (batch, number, home, undoes, after_seq, approved_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        values![
            &batch.id,
            number,
            batch.home.0.as_str(),
            batch.undoes.as_deref().unwrap_or_default(),
            place(after),
            approved_at,
        ],
    )?;
    let rows: Vec<Row<'_>> =
        corrected.iter().zip(&batch.corrections).filter_map(|(one, correction)| row(batch, one, correction)).collect();
    post(sql, &rows, (number, after, approved_at))?;
    let marks = rows.iter().flat_map(|row| {
        row.effects.affected.iter().map(move |settlement| rows::affected(settlement, after, &row.posting))
    });
    sql.execute_each(AFFECTED, &marks.collect::<Vec<_>>())?;
    let settlements = list(rows.iter().map(|row| row.settlement.as_str()));
    account_for_marks(sql, &settlements, number, accounted)?;
    Ok(number)
}

fn row<'a>(batch: &CorrectionBatch, one: &'a Corrected, correction: &'a Correction) -> Option<Row<'a>> {
    let Correcting { settlement, now } = one.effects.correcting.as_ref()?;
    Some(Row {
        person: one.person.as_str(),
        settlement,
        posting: format!("{}{BETWEEN}{settlement}", batch.id),
        told: fens(&correction.told),
        now: fens(now),
        effects: &one.effects,
    })
}

/// The postings, what they use up, and what they correct.
fn post(sql: &Sql<'_>, rows: &[Row<'_>], (number, after, at): (i64, BookSeq, i64)) -> Result<(), StoreError> {
    const POSTING: &str = "INSERT INTO postings (id, person, kind, institution, encounter, cancels, content, after_seq,
            posted_at)
        VALUES (?1, ?2, ?3, '', '', '', '', ?4, ?5)";
    let postings = rows.iter().map(|row| -> [Value<'_>; 5] {
        [(&row.posting).into(), row.person.into(), KIND.into(), place(after).into(), at.into()]
    });
    sql.execute_each(POSTING, &postings.collect::<Vec<_>>())?;
    let usages = rows
        .iter()
        .filter_map(|row| Some(UsageRow::of_posting(row.person, after, &row.posting, row.effects.usage.as_ref()?)));
    let usages: Vec<_> = usages.collect();
    sql.execute_each(USAGE, &usages.iter().map(UsageRow::values).collect::<Vec<_>>())?;
    let corrections = rows.iter().map(|row| rows::correction(row.settlement, number, &row.posting, row.told, row.now));
    sql.execute_each(CORRECTION, &corrections.collect::<Vec<_>>())
}

/// Which marks on its settlements a batch takes into account.
enum Accounted<'a> {
    /// Every one that lies on them by now, those of its own among them: what came before a correction in the batch was
    /// built on.
    All,
    /// Those that it took into account before the book was lost.
    Recorded(&'a [TakenCorrection]),
    /// As many as what came before the batch of this number, which it undoes.
    AsBefore(i64),
}

fn account_for_marks(
    sql: &Sql<'_>,
    settlements: &str,
    number: i64,
    accounted: &Accounted<'_>,
) -> Result<(), StoreError> {
    const ALL: &str = "INSERT INTO correction_marks (settlement, number, after_seq, posting)
         SELECT affected.settlement, CAST(?2 AS BIGINT), affected.after_seq, affected.posting
           FROM json_each(?1) AS wanted CROSS JOIN affected WHERE affected.settlement = wanted.value";
    const AS_BEFORE: &str = "INSERT INTO correction_marks (settlement, number, after_seq, posting)
         SELECT earlier.settlement, CAST(?2 AS BIGINT), earlier.after_seq, earlier.posting
           FROM json_each(?1) AS wanted CROSS JOIN correction_marks AS earlier
          WHERE earlier.settlement = wanted.value
            AND earlier.number = (SELECT MAX(number) FROM corrections
                                   WHERE corrections.settlement = wanted.value AND corrections.number < ?3)";
    match accounted {
        Accounted::All => sql.execute(ALL, values![settlements, number]).map(drop),
        Accounted::Recorded(record) => taken::account(sql, number, record),
        Accounted::AsBefore(undone) => sql.execute(AS_BEFORE, values![settlements, number, *undone]).map(drop),
    }
}
