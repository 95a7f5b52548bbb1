//! Reading the hub's book back: record by record, and as counts. Called by `yidi verify`, health, reports and tests.

use bytes::Bytes;
use jiff::Timestamp;
use rusqlite::{Row, params};
use settlement::ids::{PoolCode, RegionCode};

use super::answers::Answer;
use super::operations::{Kind, read_kind};
use super::{HubStore, Position, corrupt, instant};
use crate::store::StoreError;

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
    /// The filing that went with it, by id.
    pub filing: Option<String>,
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
        self.readers
            .read(move |connection| {
                connection
                    .prepare_cached(
                        "SELECT operations.position, operations.home, kind, bytes, filing, received_at, released_at,
                         outcome, verdict, book_seq, answered_at
                         FROM operations
                         LEFT JOIN releases ON releases.position = operations.position
                         LEFT JOIN answers ON answers.position = operations.position
                         WHERE operations.position > ?1 ORDER BY operations.position LIMIT ?2",
                    )?
                    .query_and_then(params![after.0, limit], read_record)?
                    .collect()
            })
            .await
    }

    /// How many operations have no answer, and since when the oldest of them has none. Cheap enough to ask often.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn operation_doubt(&self) -> Result<(u64, Option<Timestamp>), StoreError> {
        self.readers
            .read(|connection| {
                let (count, oldest): (i64, Option<i64>) = connection
                    .prepare_cached(
                        "SELECT COUNT(*), MIN(received_at)
                         FROM waiting JOIN operations ON operations.position = waiting.position",
                    )?
                    .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
                let oldest = oldest.map(|oldest| instant("operation", "oldest", oldest)).transpose()?;
                Ok((count.cast_unsigned(), oldest))
            })
            .await
    }

    /// Operations on the worklist that the evidence says are done, or missing from it although they are not. Sound
    /// books give none.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn operation_misplaced(&self) -> Result<Vec<Position>, StoreError> {
        self.readers
            .read(|connection| {
                let misplaced = connection
                    .prepare_cached(
                        "SELECT operations.position FROM operations
                         LEFT JOIN answers ON answers.position = operations.position
                         LEFT JOIN releases ON releases.position = operations.position
                         LEFT JOIN waiting ON waiting.position = operations.position
                         WHERE (answers.position IS NULL AND releases.position IS NULL)
                            <> (waiting.position IS NOT NULL)",
                    )?
                    .query_map([], |row| row.get(0).map(Position))?
                    .collect::<Result<_, _>>()?;
                Ok(misplaced)
            })
            .await
    }

    /// How many of each there are. It counts the whole book.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn counts(&self) -> Result<Counts, StoreError> {
        self.readers
            .read(|connection| {
                let count = |query: &str| connection.query_row(query, [], |row| row.get(0).map(i64::cast_unsigned));
                Ok(Counts {
                    operations: count("SELECT COUNT(*) FROM operations")?,
                    accepted: count("SELECT COUNT(*) FROM answers WHERE verdict = 'accepted'")?,
                    refused: count("SELECT COUNT(*) FROM answers WHERE verdict = 'refused'")?,
                    released: count("SELECT COUNT(*) FROM releases")?,
                    unanswered: count("SELECT COUNT(*) FROM waiting")?,
                    tombstones: count("SELECT COUNT(*) FROM tombstones")?,
                    entries: count("SELECT COUNT(*) FROM journal_entries")?,
                    filings: count("SELECT COUNT(*) FROM filings")?,
                })
            })
            .await
    }
}

fn read_record(row: &Row<'_>) -> Result<Record, StoreError> {
    let position = Position(row.get(0)?);
    let at = |micros| instant("operation", position, micros);
    Ok(Record {
        position,
        home: read_home(row, 1, position)?,
        kind: read_kind(position, row.get_ref(2)?.as_str().unwrap_or_default())?,
        bytes: row.get::<_, Vec<u8>>(3)?.into(),
        filing: row.get(4)?,
        received_at: at(row.get(5)?)?,
        released_at: row.get::<_, Option<i64>>(6)?.map(at).transpose()?,
        answer: Answer::read_optional(row, position, 7)?,
    })
}

fn read_home(row: &Row<'_>, column: usize, position: Position) -> Result<PoolCode, StoreError> {
    RegionCode::new(row.get_ref(column)?.as_str().unwrap_or_default())
        .map(PoolCode)
        .map_err(|fault| corrupt("operation", position, format!("its region {fault}")))
}
