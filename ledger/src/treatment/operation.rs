//! Operations on their way to the hub: their bytes, written once before they are sent, and their answers.

use bytes::Bytes;
use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, params};
use settlement::ids::PoolCode;

use super::{Session, stored};
use crate::store::StoreError;

/// What an operation asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperationKind {
    /// 结算.
    Settle,
    /// 结算撤销.
    Cancel,
    /// 冲正.
    Reverse,
}

impl OperationKind {
    fn word(self) -> &'static str {
        match self {
            OperationKind::Settle => "settle",
            OperationKind::Cancel => "cancel",
            OperationKind::Reverse => "reverse",
        }
    }

    fn from_word(word: &str) -> Option<OperationKind> {
        [OperationKind::Settle, OperationKind::Cancel, OperationKind::Reverse]
            .into_iter()
            .find(|kind| kind.word() == word)
    }
}

/// How an operation stands that has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whereabouts {
    /// It was sent, or may have been.
    OnItsWay,
    /// The hub surely did not take it: nothing happened, and it may be sent as if for the first time.
    NotTaken,
}

/// An operation to be sent.
#[derive(Clone, Debug)]
pub struct NewOperation {
    /// What it asks for.
    pub kind: OperationKind,
    /// `setl_id` of the settlement or of the counter-entry; empty for a reversal.
    pub settlement: String,
    /// The settlement that a cancellation undoes; empty otherwise.
    pub undoes: String,
    /// The message that a reversal undoes.
    pub original: Option<i64>,
    /// Who asks.
    pub institution: String,
    /// For whom.
    pub person: String,
    /// `mdtrt_id`; empty where it has none.
    pub encounter: String,
    /// `chrg_bchno`; empty where it has none.
    pub batch: String,
    /// 中途结算.
    pub interim: bool,
    /// Who decides.
    pub home: PoolCode,
    /// `med_type` as it is settled; empty for what is no settlement.
    pub category: String,
    /// The operation as it goes out.
    pub bytes: Bytes,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAnswer {
    /// As the home region wrote it.
    pub outcome: Bytes,
    /// The home region's number of it.
    pub book_seq: u64,
    /// What the desk was warned of with it.
    pub warning: Option<String>,
}

/// An operation as it was kept, with its answer where there is one.
#[derive(Clone, Debug)]
pub struct StoredOperation {
    /// The message that brought it.
    pub message: i64,
    /// The operation.
    pub operation: NewOperation,
    /// The answer; none while it is on its way or in doubt.
    pub answer: Option<StoredAnswer>,
}

const SELECT: &str = "SELECT operations.message, kind, settlement, undoes, original, institution, person, encounter,
    batch, interim, home, category, bytes, outcome, book_seq, warning
    FROM operations LEFT JOIN answers ON answers.message = operations.message";

impl Session<'_> {
    /// Keeps an operation before it is sent.
    ///
    /// # Errors
    /// When the statement fails.
    pub fn operation_insert(&self, message: i64, operation: &NewOperation) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("INSERT INTO operations VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)")?
            .execute(params![
                message,
                operation.kind.word(),
                operation.settlement,
                operation.undoes,
                operation.original,
                operation.institution,
                operation.person,
                operation.encounter,
                operation.batch,
                operation.interim,
                operation.home.0.as_str(),
                operation.category,
                operation.bytes.as_ref(),
            ])?;
        Ok(())
    }

    /// The operation that a message brought.
    ///
    /// # Errors
    /// When the statement fails, or the row does not read back.
    pub fn operation_find(&self, message: i64) -> Result<Option<StoredOperation>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!("{SELECT} WHERE operations.message = ?1"))?;
        statement.query_row([message], |row| Ok(read(row))).optional()?.transpose()
    }

    /// Notes of an operation that the hub surely did not take it, or that it is on its way again. Without a note it is
    /// on its way since it was kept.
    ///
    /// # Errors
    /// When the statement fails.
    pub fn operation_note_whereabouts(&self, message: i64, now: Whereabouts, at: Timestamp) -> Result<(), StoreError> {
        let taken = now == Whereabouts::OnItsWay;
        self.connection
            .prepare_cached("INSERT INTO sendings (message, taken, at) VALUES (?1, ?2, ?3)")?
            .execute(params![message, taken, at.as_microsecond()])?;
        Ok(())
    }

    /// How an operation stands that has no answer.
    ///
    /// # Errors
    /// When the statement fails.
    pub fn operation_whereabouts(&self, message: i64) -> Result<Whereabouts, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT taken FROM sendings WHERE message = ?1 ORDER BY number DESC LIMIT 1")?;
        let taken: Option<bool> = statement.query_row([message], |row| row.get(0)).optional()?;
        Ok(if taken == Some(false) { Whereabouts::NotTaken } else { Whereabouts::OnItsWay })
    }

    /// Operations of a visit that may have been taken, have no answer and were not reversed, oldest first.
    ///
    /// # Errors
    /// When the statement fails, or a row does not read back.
    pub fn operation_list_pending(&self, encounter: &str) -> Result<Vec<StoredOperation>, StoreError> {
        let sql = format!(
            "{SELECT} WHERE encounter = ?1 AND answers.message IS NULL
             AND NOT EXISTS (SELECT 1 FROM reversals WHERE reversals.message = operations.message)
             AND COALESCE((SELECT taken FROM sendings WHERE sendings.message = operations.message
                           ORDER BY number DESC LIMIT 1), 1) = 1
             ORDER BY operations.message"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let rows = statement.query_map([encounter], |row| Ok(read(row)))?;
        rows.map(|row| row?).collect()
    }

    /// The answer to the operation that a message brought, without the operation.
    ///
    /// # Errors
    /// When the statement fails.
    pub fn operation_find_answer(&self, message: i64) -> Result<Option<StoredAnswer>, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT outcome, book_seq, warning FROM answers WHERE message = ?1")?;
        let found = statement.query_row([message], |row| {
            Ok(StoredAnswer {
                outcome: row.get::<_, Vec<u8>>(0)?.into(),
                book_seq: row.get::<_, i64>(1)?.cast_unsigned(),
                warning: row.get(2)?,
            })
        });
        Ok(found.optional()?)
    }

    /// Keeps an answer. The first one stays.
    ///
    /// # Errors
    /// When the statement fails.
    pub fn operation_answer(&self, message: i64, answer: &StoredAnswer, at: Timestamp) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("INSERT INTO answers VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING")?
            .execute(params![
                message,
                answer.outcome.as_ref(),
                answer.book_seq.cast_signed(),
                answer.warning,
                at.as_microsecond(),
            ])?;
        Ok(())
    }
}

fn read(row: &Row<'_>) -> Result<StoredOperation, StoreError> {
    const TABLE: &str = "operations";
    let kind: String = row.get(1)?;
    let home: String = row.get(10)?;
    let bytes: Vec<u8> = row.get(12)?;
    let outcome: Option<Vec<u8>> = row.get(13)?;
    let answer = match outcome {
        None => None,
        Some(outcome) => Some(StoredAnswer {
            outcome: outcome.into(),
            book_seq: row.get::<_, i64>(14)?.cast_unsigned(),
            warning: row.get(15)?,
        }),
    };
    Ok(StoredOperation {
        message: row.get(0)?,
        operation: NewOperation {
            kind: stored::word(TABLE, &kind, OperationKind::from_word)?,
            settlement: row.get(2)?,
            undoes: row.get(3)?,
            original: row.get(4)?,
            institution: row.get(5)?,
            person: row.get(6)?,
            encounter: row.get(7)?,
            batch: row.get(8)?,
            interim: row.get(9)?,
            home: stored::pool(TABLE, &home)?,
            category: row.get(11)?,
            bytes: bytes.into(),
        },
        answer,
    })
}
