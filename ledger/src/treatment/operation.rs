//! Operations on their way to the hub: their bytes, written once before they are sent, in the row of the message that
//! asked for them.

use std::fmt::Write as _;

use bytes::Bytes;
use jiff::Timestamp;
use settlement::ids::PoolCode;

use super::answer::{self, StoredAnswer};
use super::{ChargeRange, Session, message, stored};
use crate::engine::Row;
use crate::store::StoreError;
use crate::values;

const TABLE: &str = "messages";

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
    pub(super) fn word(self) -> &'static str {
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
    /// `setl_id` of the settlement or of the counter-entry; a reversal has none.
    pub settlement: Option<String>,
    /// The settlement that a cancellation undoes.
    pub undoes: Option<String>,
    /// The message that a reversal undoes.
    pub original: Option<i64>,
    /// `chrg_bchno`; empty where it has none.
    pub batch: String,
    /// 中途结算.
    pub interim: bool,
    /// Who decides.
    pub home: PoolCode,
    /// `med_type` as it is settled; empty for what is no settlement.
    pub category: String,
    /// The lines that a settlement covers.
    pub covers: Vec<ChargeRange>,
    /// The operation as it goes out.
    pub bytes: Bytes,
}

/// An operation as it was kept, with its answer where there is one.
#[derive(Clone, Debug)]
pub struct StoredOperation {
    /// The message that brought it.
    pub message: i64,
    /// Who asks.
    pub institution: String,
    /// For whom.
    pub person: String,
    /// `mdtrt_id`; empty where it has none.
    pub encounter: String,
    /// The operation.
    pub operation: NewOperation,
    /// The answer; none while it is on its way or in doubt.
    pub answer: Option<StoredAnswer>,
}

/// Columns of operations with their answers, and more.
macro_rules! operations {
    ($more:expr) => {
        concat!(
            "SELECT messages.number, key, messages.encounter, messages.kind, messages.settlement, undoes, original,
             batch, interim, home, category, covers, bytes, outcome, book_seq, answers.warning",
            $more
        )
    };
}

pub(super) use operations;

const FIND: &str = operations!(
    " FROM messages LEFT JOIN answers ON answers.message = messages.number
      WHERE messages.number = ?1 AND messages.kind IS NOT NULL"
);
const NOTE_WHEREABOUTS: &str = "INSERT INTO sendings (message, taken, at) VALUES (?1, ?2, ?3)";
const WHEREABOUTS: &str = "SELECT taken FROM sendings WHERE message = ?1 ORDER BY number DESC LIMIT 1";

impl Session<'_, '_> {
    /// The operation that a message brought.
    ///
    /// # Errors
    /// When the statement fails, or the row does not read back.
    pub fn operation_find(&self, message: i64) -> Result<Option<StoredOperation>, StoreError> {
        self.sql.find(FIND, values![message], read)
    }

    /// Notes of an operation that the hub surely did not take it, or that it is on its way again. Without a note it is
    /// on its way since it was kept.
    ///
    /// # Errors
    /// When the statement fails.
    pub fn operation_note_whereabouts(&self, message: i64, now: Whereabouts, at: Timestamp) -> Result<(), StoreError> {
        let taken = now == Whereabouts::OnItsWay;
        self.sql.execute(NOTE_WHEREABOUTS, values![message, taken, at.as_microsecond()])?;
        Ok(())
    }

    /// How an operation stands that has no answer.
    ///
    /// # Errors
    /// When the statement fails.
    pub fn operation_whereabouts(&self, message: i64) -> Result<Whereabouts, StoreError> {
        let taken = self.sql.find(WHEREABOUTS, values![message], |row| row.flag(0))?;
        Ok(if taken == Some(false) { Whereabouts::NotTaken } else { Whereabouts::OnItsWay })
    }
}

impl NewOperation {
    /// The lines that it covers, as they are kept: pairs of places, apart by commas.
    pub(super) fn covers_text(&self) -> String {
        let mut text = String::new();
        for ChargeRange { after, upto } in &self.covers {
            let separator = if text.is_empty() { "" } else { "," };
            write!(text, "{separator}{after}-{upto}").expect("a text takes whatever is written to it");
        }
        text
    }
}

/// Reads the lines that an operation covers.
pub(super) fn read_covers(text: &str) -> Result<Vec<ChargeRange>, StoreError> {
    let range = |part: &str| {
        let (after, upto) = part.split_once('-')?;
        Some(ChargeRange { after: after.parse().ok()?, upto: upto.parse().ok()? })
    };
    let ranges = text.split_terminator(',').map(range).collect::<Option<_>>();
    ranges.ok_or_else(|| stored::corrupt(TABLE, text, "is no list of lines"))
}

/// Reads an operation and its answer from the columns of `operations!`.
pub(super) fn read(row: Row<'_>) -> Result<StoredOperation, StoreError> {
    let key = row.text(1)?;
    let optional = |place: usize| Ok::<_, StoreError>(row.optional_text(place)?.map(ToOwned::to_owned));
    Ok(StoredOperation {
        message: row.number(0)?,
        institution: message::part(key, 1).to_owned(),
        person: message::part(key, 3).to_owned(),
        encounter: row.text(2)?.to_owned(),
        operation: NewOperation {
            kind: stored::word(TABLE, row.text(3)?, OperationKind::from_word)?,
            settlement: optional(4)?,
            undoes: optional(5)?,
            original: row.optional_number(6)?,
            batch: row.text(7)?.to_owned(),
            interim: row.flag(8)?,
            home: stored::pool(TABLE, row.text(9)?)?,
            category: row.text(10)?.to_owned(),
            covers: read_covers(row.text(11)?)?,
            bytes: stored::bytes(row, 12)?,
        },
        answer: answer::read(row, 13)?,
    })
}
