//! A stored decision with everything that it saw: the book below it, the person's facts, the filing, the rule books.
//! Read for replays and explanations; changes nothing.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use settlement::decide::{Book, BookSeq};
use settlement::ids::SettlementId;
use settlement::lifecycle::Standing;
use settlement::operation::Operation;

use super::append::place;
use super::row::Columns;
use super::{Arrival, Asked, HomeStore, Wire, load, rule_books, settlements, versions};
use crate::engine::Sql;
use crate::store::StoreError;
use crate::values;

/// A stored decision, and what it saw.
#[derive(Clone, Debug)]
pub struct Past {
    /// Its place in the book.
    pub seq: BookSeq,
    /// The operation; none where a key was voided.
    pub operation: Option<Arc<Operation>>,
    /// The bytes of the filings that were attached.
    pub filing: Option<Bytes>,
    /// The part of the book that it touched, as it was.
    pub book: Book,
    /// The texts of the rule books among which it chose.
    pub rule_books: Vec<String>,
    /// The rule books' set, so that many replays parse each set once.
    pub rule_set: i64,
    /// When it was decided.
    pub decided_at: Timestamp,
    /// The answer.
    pub outcome: Bytes,
}

/// The last thing that undid a settlement, or put it in force again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undoing {
    /// Its place in the book.
    pub seq: BookSeq,
    /// When it was decided.
    pub decided_at: Timestamp,
    /// Where the settlement stands since.
    pub becomes: Standing,
}

impl HomeStore {
    /// Reads what stands at a place of the book.
    ///
    /// # Errors
    /// When a statement fails or a row is corrupt.
    pub async fn past_read(&self, seq: BookSeq) -> Result<Option<Past>, StoreError> {
        let wire = self.wire;
        self.engine.read(move |sql| read(sql, wire, seq)).await
    }

    /// The place at which a settlement was decided.
    ///
    /// # Errors
    /// When a statement fails.
    pub async fn settlement_place(&self, settlement: SettlementId) -> Result<Option<BookSeq>, StoreError> {
        const PLACE: &str = "SELECT book_seq FROM settlements WHERE settlement = ?1";
        self.engine
            .read(move |sql| sql.find(PLACE, values![settlement.as_str()], |row| row.number(0).map(load::seq)))
            .await
    }

    /// What last undid a settlement, or put it in force again; none where it is in force as it was decided.
    ///
    /// # Errors
    /// When a statement fails or a row is corrupt.
    pub async fn settlement_undoing(&self, settlement: SettlementId) -> Result<Option<Undoing>, StoreError> {
        const LAST: &str = "SELECT undoings.book_seq AS book_seq, operations.decided_at AS decided_at,
                undoings.becomes AS becomes, undoings.counter AS counter
           FROM undoings JOIN operations ON operations.book_seq = undoings.book_seq
          WHERE undoings.settlement = ?1 ORDER BY undoings.book_seq DESC LIMIT 1";
        let undoing = |columns: &Columns<'_>| {
            Ok(Undoing {
                seq: load::seq(columns.number("book_seq")?),
                decided_at: decided_at(columns)?,
                becomes: settlements::standing(columns)?,
            })
        };
        let last = move |sql: &Sql<'_>| {
            sql.find(LAST, values![settlement.as_str()], |row| undoing(&Columns::of(row, "undoings")))
        };
        self.engine.read(last).await
    }
}

/// What the row of an operation says; what it saw is read after it.
struct Stored {
    operation: Option<Arc<Operation>>,
    filing: Option<Bytes>,
    enrollee: Option<i64>,
    rule_set: i64,
    outcome: Bytes,
    decided_at: Timestamp,
}

fn read(sql: &Sql<'_>, wire: Wire, seq: BookSeq) -> Result<Option<Past>, StoreError> {
    const STORED: &str = "SELECT book_seq, kind, bytes, filing, enrollee, rule_set, outcome, decided_at FROM operations
          WHERE book_seq = ?1";
    let stored = sql.find(STORED, values![place(seq)], |row| stored(&Columns::of(row, "operations"), wire))?;
    let Some(Stored { operation, filing, enrollee, rule_set, outcome, decided_at }) = stored else {
        return Ok(None);
    };
    Ok(Some(Past {
        seq,
        book: book(sql, wire, seq, operation.as_ref(), enrollee)?,
        operation,
        filing,
        rule_books: rule_books::texts(sql, rule_set)?,
        rule_set,
        decided_at,
        outcome,
    }))
}

fn stored(columns: &Columns<'_>, wire: Wire) -> Result<Stored, StoreError> {
    let _place = columns.number("book_seq")?;
    let (kind, bytes) = (columns.text("kind")?, columns.blob("bytes")?);
    let operation = load::operation(columns, wire, kind, bytes)?;
    let filing = columns.optional_blob("filing")?.map(Bytes::copy_from_slice);
    let (enrollee, rule_set) = (columns.optional_number("enrollee")?, columns.number("rule_set")?);
    let outcome = Bytes::copy_from_slice(columns.blob("outcome")?);
    let decided_at = decided_at(columns)?;
    Ok(Stored { operation, filing, enrollee, rule_set, outcome, decided_at })
}

fn decided_at(columns: &Columns<'_>) -> Result<Timestamp, StoreError> {
    Timestamp::from_microsecond(columns.number("decided_at")?).map_err(|problem| columns.corrupt("decided_at", problem))
}

fn book(
    sql: &Sql<'_>,
    wire: Wire,
    seq: BookSeq,
    operation: Option<&Arc<Operation>>,
    enrollee: Option<i64>,
) -> Result<Book, StoreError> {
    let asked = operation.map(|operation| {
        Asked::Operate(Box::new(Arrival { operation: operation.clone(), bytes: Bytes::new(), filings: None }))
    });
    let wanted = load::Wanted::of(asked.as_slice());
    let mut book = load::book_below(sql, wire, &wanted, place(seq))?;
    if let (Some(operation), Some(enrollee)) = (operation, enrollee) {
        let person = versions::find(sql, enrollee)?.map(|facts| Arc::new(facts.person()));
        if let Some(person) = &person {
            load::accounts_of_owners(sql, &load::owners_of(person, &wanted), place(seq), &mut book)?;
        }
        book.person(&operation.key.person).person = person;
    }
    Ok(book)
}
