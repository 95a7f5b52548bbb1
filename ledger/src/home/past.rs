//! A stored decision with everything that it saw: the book below it, the person's facts, the filing, the rule books.
//! Read for replays and explanations; changes nothing.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension};
use settlement::decide::{Book, BookSeq};
use settlement::ids::SettlementId;
use settlement::operation::Operation;

use super::append::place;
use super::row::Columns;
use super::{Arrival, Asked, HomeStore, Wire, enrollees, load, rule_books};
use crate::store::StoreError;

/// A stored decision, and what it saw.
#[derive(Clone, Debug)]
pub struct Past {
    /// Its place in the book.
    pub seq: BookSeq,
    /// The operation; none where a key was voided.
    pub operation: Option<Arc<Operation>>,
    /// The bytes of the filing that was attached.
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

impl HomeStore {
    /// Reads what stands at a place of the book.
    ///
    /// # Errors
    /// When a statement fails or a row is corrupt.
    pub async fn past_read(&self, seq: BookSeq) -> Result<Option<Past>, StoreError> {
        let wire = self.wire;
        self.readers.read(move |connection| read(connection, wire, seq)).await
    }

    /// The place at which a settlement was decided.
    ///
    /// # Errors
    /// When a statement fails.
    pub async fn settlement_place(&self, settlement: SettlementId) -> Result<Option<BookSeq>, StoreError> {
        self.readers
            .read(move |connection| {
                let mut statement =
                    connection.prepare_cached("SELECT book_seq FROM settlements WHERE settlement = ?1")?;
                Ok(statement.query_row([settlement.as_str()], |row| row.get(0)).optional()?.map(load::seq))
            })
            .await
    }
}

fn read(connection: &Connection, wire: Wire, seq: BookSeq) -> Result<Option<Past>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT book_seq, kind, bytes, filing, enrollee, rule_set, outcome, decided_at FROM operations
          WHERE book_seq = ?1",
    )?;
    let mut rows = statement.query([place(seq)])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let columns = Columns::of(row, "operations");
    let _place = columns.number("book_seq")?;
    let (kind, bytes) = (columns.text("kind")?, columns.blob("bytes")?);
    let operation = match kind {
        "void" => None,
        _ => {
            let read = (wire.read_operation)(bytes);
            Some(Arc::new(read.map_err(|problem| columns.corrupt("bytes", problem))?))
        }
    };
    let filing = columns.optional_blob("filing")?.map(Bytes::copy_from_slice);
    let enrollee = columns.optional_number("enrollee")?;
    let rule_set = columns.number("rule_set")?;
    let outcome = Bytes::copy_from_slice(columns.blob("outcome")?);
    let decided_at = Timestamp::from_microsecond(columns.number("decided_at")?);
    Ok(Some(Past {
        seq,
        book: book(connection, wire, seq, operation.as_ref(), enrollee)?,
        operation,
        filing,
        rule_books: rule_books::texts(connection, rule_set)?,
        rule_set,
        decided_at: decided_at.map_err(|problem| columns.corrupt("decided_at", problem))?,
        outcome,
    }))
}

fn book(
    connection: &Connection,
    wire: Wire,
    seq: BookSeq,
    operation: Option<&Arc<Operation>>,
    enrollee: Option<i64>,
) -> Result<Book, StoreError> {
    let asked = operation.map(|operation| {
        Asked::Operate(Box::new(Arrival { operation: operation.clone(), bytes: Bytes::new(), filing: None }))
    });
    let wanted = load::Wanted::of(asked.as_slice());
    let mut book = load::book(connection, wire, &wanted, place(seq))?.book;
    if let (Some(operation), Some(enrollee)) = (operation, enrollee) {
        let person = enrollees::at_version(connection, enrollee)?;
        book.person(&operation.key.person).person = person.map(Arc::new);
    }
    Ok(book)
}
