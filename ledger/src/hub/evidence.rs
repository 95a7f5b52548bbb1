//! Reading the hub's book back: record by record, and as counts. Called by `yidi verify`, health, reports and tests.

use bytes::Bytes;
use jiff::Timestamp;
use settlement::ids::{PoolCode, RegionCode};

use super::answers::{Answer, RELEASED};
use super::operations::{Kind, read_ids, read_kind};
use super::{HubStore, Position, corrupt, instant};
use crate::engine::Row;
use crate::store::StoreError;
use crate::values;

/// One operation with everything that the book says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its place in the book.
    pub position: Position,
    /// The pool that had to decide.
    pub home: PoolCode,
    /// What it asks for.
    pub kind: Kind,
    /// Its bytes.
    pub bytes: Bytes,
    /// The filings that went with it, by id, the first choice first.
    pub filings: Vec<String>,
    /// When it came.
    pub received_at: Timestamp,
    /// When it was released, where it never left.
    pub released_at: Option<Timestamp>,
    /// Its answer.
    pub answer: Option<Answer>,
}

/// How many of each there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Operations received, released ones included.
    pub operations: u64,
    /// Answered with yes.
    pub accepted: u64,
    /// Answered with no.
    pub refused: u64,
    /// Released: they never left.
    pub released: u64,
    /// Without an answer, and not released.
    pub unanswered: u64,
    /// Keys and targets that may never take effect.
    pub tombstones: u64,
    /// Entries of the journal.
    pub entries: u64,
    /// Filings lodged.
    pub filings: u64,
}

impl HubStore {
    /// The operations after a position, in order, with their answers.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn operation_page(&self, after: Position, limit: u32) -> Result<Vec<Record>, StoreError> {
        self.engine
            .read(move |sql| {
                sql.query(
                    "SELECT operations.position, operations.home, kind, bytes, filing, received_at,
                     outcome, verdict, book_seq, answered_at
                     FROM operations LEFT JOIN answers ON answers.position = operations.position
                     WHERE operations.position > ?1 ORDER BY operations.position LIMIT ?2",
                    values![after.0, i64::from(limit)],
                    read_record,
                )
            })
            .await
    }

    /// Operations that nobody will ask about although they have no answer, and answers to no operation. Sound books give
    /// none.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn operation_misplaced(&self) -> Result<Vec<Position>, StoreError> {
        self.engine
            .read(|sql| {
                let position = |row: Row<'_>| row.number(0).map(Position);
                let mut misplaced = sql.query(
                    "SELECT operations.position FROM operations
                     JOIN sweeps ON operations.position > sweeps.committer * 1099511627776
                         AND operations.position <= sweeps.reached
                     LEFT JOIN answers ON answers.position = operations.position
                     LEFT JOIN doubts ON doubts.home = operations.home AND doubts.position = operations.position
                     WHERE answers.position IS NULL AND doubts.position IS NULL",
                    values![],
                    position,
                )?;
                misplaced.extend(sql.query(
                    "SELECT answers.position FROM answers
                     LEFT JOIN operations ON operations.position = answers.position
                     WHERE operations.position IS NULL",
                    values![],
                    position,
                )?);
                Ok(misplaced)
            })
            .await
    }

    /// How many of each there are. It counts the whole book.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn counts(&self) -> Result<Counts, StoreError> {
        self.engine
            .read(|sql| {
                let count = |query| sql.get(query, values![], |row| row.number(0).map(i64::cast_unsigned));
                let operations = count("SELECT COUNT(*) FROM operations")?;
                let ended = count("SELECT COUNT(*) FROM answers")?;
                Ok(Counts {
                    operations,
                    accepted: count("SELECT COUNT(*) FROM answers WHERE verdict = 'accepted'")?,
                    refused: count("SELECT COUNT(*) FROM answers WHERE verdict = 'refused'")?,
                    released: count("SELECT COUNT(*) FROM answers WHERE verdict = 'released'")?,
                    unanswered: operations.saturating_sub(ended),
                    tombstones: count("SELECT COUNT(*) FROM tombstones")?,
                    entries: count("SELECT COUNT(*) FROM answers WHERE settlement IS NOT NULL")?,
                    filings: count("SELECT COUNT(*) FROM filings")?,
                })
            })
            .await
    }
}

fn read_record(row: Row<'_>) -> Result<Record, StoreError> {
    let position = Position(row.number(0)?);
    let at = |micros| instant("operation", position, micros);
    let released = row.optional_text(7)? == Some(RELEASED);
    Ok(Record {
        position,
        home: read_home(row, 1, position)?,
        kind: read_kind(position, row.text(2)?)?,
        bytes: Bytes::copy_from_slice(row.bytes(3)?),
        filings: read_ids(row.optional_text(4)?),
        received_at: at(row.number(5)?)?,
        released_at: row.optional_number(9)?.filter(|_| released).map(at).transpose()?,
        answer: Answer::read_optional(row, position, 6)?,
    })
}

fn read_home(row: Row<'_>, column: usize, position: Position) -> Result<PoolCode, StoreError> {
    RegionCode::new(row.text(column)?)
        .map(PoolCode)
        .map_err(|fault| corrupt("operation", position, format!("its region {fault}")))
}
