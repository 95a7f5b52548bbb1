//! Messages that change something: their key, what they said, and for local ones what was answered. Also what was
//! undone, and what may never take effect.

use jiff::Timestamp;
use settlement::ids::{InstitutionCode, MessageId, TransactionNumber};

use super::operation::NewOperation;
use super::{Session, stored};
use crate::engine::Row;
use crate::store::StoreError;
use crate::values;

/// What parts a key. No identifier has it, nor what comes after it in the order of texts.
const PART: char = '\u{1f}';
/// After every key that begins with what stands before it.
const PAST_PART: char = '\u{20}';

/// The key of a message at this store. For operations it is [`settlement::operation::OperationKey`] as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageKey {
    /// Who sent it.
    pub institution: InstitutionCode,
    /// `msgid`.
    pub message: MessageId,
    /// `infno` without its variant letter.
    pub transaction: TransactionNumber,
    /// Whom it is about: `psn_no`, or the clerk of a sign-in.
    pub subject: String,
    /// `mdtrt_id`; empty where the message has none.
    pub encounter: String,
    /// `chrg_bchno`; empty where the message has none.
    pub batch: String,
}

impl MessageKey {
    /// The key as one text.
    pub fn to_text(&self) -> String {
        let MessageKey { institution, message, transaction, subject, encounter, batch } = self;
        join(&[&message.to_time_first(), institution.as_str(), transaction.as_str(), subject, encounter, batch])
    }

    /// What a reversal names to mean this message.
    pub fn target(&self) -> String {
        join(&[&self.message.to_time_first(), self.institution.as_str(), self.transaction.as_str(), &self.subject])
    }
}

fn join(parts: &[&str]) -> String {
    let mut text = String::with_capacity(parts.iter().map(|part| part.len() + 1).sum());
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            text.push(PART);
        }
        text.push_str(part);
    }
    text
}

/// A part of a key: 0 the message (time first), 1 the institution, 2 the transaction, 3 the subject.
pub(super) fn part(key: &str, index: usize) -> &str {
    key.split(PART).nth(index).unwrap_or_default()
}

/// What a message said, as digests: never the values themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// Over all business fields.
    pub digest: [u8; 32],
    /// Field by field, to name the one that differs: pairs of 8-byte hashes of path and value.
    pub fields: Vec<u8>,
}

/// A message to be kept.
#[derive(Clone, Debug)]
pub struct NewMessage {
    /// Its key.
    pub key: MessageKey,
    /// Which try of the key this is; above 1 only where an institution has refused messages judged again.
    pub attempt: u32,
    /// The visit that it is about or that it opened; empty where there is none.
    pub encounter: String,
    /// What it said.
    pub content: Content,
    /// `inf_refmsgid` of its answer.
    pub reference: String,
    /// When it came.
    pub received_at: Timestamp,
    /// What a local message was answered: the output as JSON.
    pub answer: Option<String>,
    /// What a local message was warned of.
    pub warning: Option<String>,
}

impl NewMessage {
    /// The message as it reads once it is kept under a number.
    pub fn stored_as(self, number: i64) -> StoredMessage {
        StoredMessage {
            number,
            message: self.key.message,
            attempt: self.attempt,
            transaction: self.key.transaction.to_string(),
            encounter: self.encounter,
            content: self.content,
            reference: self.reference,
            answer: self.answer,
            warning: self.warning,
            reversed: false,
        }
    }
}

/// Where a message stands that comes in.
#[derive(Clone, Debug)]
pub struct MessagePlace {
    /// The latest message of the same key.
    pub before: Option<StoredMessage>,
    /// Whether a tombstone lies on what it would be.
    pub voided: bool,
    /// Whether a message of the same key was refused here; which said what, [`Session::refusal_find`] tells.
    pub refused: bool,
    /// The number that it gets.
    pub next_number: i64,
}

/// A message as it was kept.
#[derive(Clone, Debug)]
pub struct StoredMessage {
    /// Its number at this store.
    pub number: i64,
    /// `msgid`.
    pub message: MessageId,
    /// See [`NewMessage::attempt`].
    pub attempt: u32,
    /// `infno` without its variant letter.
    pub transaction: String,
    /// See [`NewMessage::encounter`].
    pub encounter: String,
    /// See [`NewMessage::content`].
    pub content: Content,
    /// See [`NewMessage::reference`].
    pub reference: String,
    /// See [`NewMessage::answer`].
    pub answer: Option<String>,
    /// See [`NewMessage::warning`].
    pub warning: Option<String>,
    /// Whether it was reversed.
    pub reversed: bool,
}

macro_rules! columns {
    ($before:literal, $from:literal) => {
        concat!(
            "SELECT ",
            $before,
            "messages.number, key, attempt, messages.encounter, digest, fields, reference, answer, warning,
             EXISTS (SELECT 1 FROM reversals WHERE reversals.message = messages.number) AS reversed FROM ",
            $from
        )
    };
}

const PLACE: &str = columns!(
    "(SELECT COALESCE(MAX(number), 0) + 1 FROM messages) AS next_number,
     EXISTS (SELECT 1 FROM tombstones WHERE target = ?2) AS voided,
     EXISTS (SELECT 1 FROM refusals WHERE refusals.key = ?1) AS refused, ",
    "(SELECT 1 AS one) AS always LEFT JOIN messages ON key = ?1 AND attempt =
     (SELECT MAX(attempt) FROM messages AS tries WHERE tries.key = ?1)"
);
/// Where the columns of the message begin in it.
const BEFORE: usize = 3;
const NEXT_NUMBER: &str = "SELECT COALESCE(MAX(number), 0) + 1 FROM messages";
const FIND: &str = columns!("", "messages WHERE key = ?1 ORDER BY attempt DESC LIMIT 1");
const GET: &str = columns!("", "messages WHERE number = ?1");
const LIST_BY_TARGET: &str = columns!(
    "",
    "messages WHERE key >= ?1 AND key < ?2 AND attempt =
     (SELECT MAX(attempt) FROM messages AS tries WHERE tries.key = messages.key) ORDER BY messages.number"
);
const LIST_NAMESAKES: &str =
    "SELECT key FROM messages WHERE key >= ?1 AND key < ?2 AND kind IS NOT NULL AND kind <> 'reverse'";
const INSERT: &str = "INSERT INTO messages VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15,
    ?16, ?17, ?18, ?19, ?20)";
const MARK_REVERSED: &str = "INSERT INTO reversals VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
const LAY_TOMBSTONE: &str = "INSERT INTO tombstones VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";

impl Session<'_, '_> {
    /// Where a message stands that comes in: whether its key came before or was voided, and its number.
    ///
    /// # Errors
    /// When the statement fails, or a row does not read back.
    pub fn message_place(&self, key: &MessageKey) -> Result<MessagePlace, StoreError> {
        self.sql.get(PLACE, values![&key.to_text(), &key.target()], |row| {
            let before = row.optional_number(BEFORE)?.map(|_| read(row, BEFORE)).transpose()?;
            Ok(MessagePlace { next_number: row.number(0)?, voided: row.flag(1)?, refused: row.flag(2)?, before })
        })
    }

    /// The number that the next message gets.
    ///
    /// # Errors
    /// When the statement fails.
    pub fn message_next_number(&self) -> Result<i64, StoreError> {
        self.sql.get(NEXT_NUMBER, &[], |row| row.number(0))
    }

    /// Keeps a message under a number.
    ///
    /// # Errors
    /// When the statement fails.
    pub fn message_insert(&self, number: i64, message: &NewMessage) -> Result<(), StoreError> {
        self.insert(number, message, None)
    }

    /// Keeps a message that asks for an operation, with the operation, before it is sent.
    ///
    /// # Errors
    /// When the statement fails.
    pub fn operation_insert(
        &self,
        number: i64,
        message: &NewMessage,
        operation: &NewOperation,
    ) -> Result<(), StoreError> {
        self.insert(number, message, Some(operation))
    }

    fn insert(&self, number: i64, message: &NewMessage, asks: Option<&NewOperation>) -> Result<(), StoreError> {
        let key = message.key.to_text();
        let covers = asks.map(NewOperation::covers_text);
        let values = values![
            number,
            &key,
            i64::from(message.attempt),
            &message.encounter,
            message.content.digest.as_slice(),
            message.content.fields.as_slice(),
            &message.reference,
            message.received_at.as_microsecond(),
            message.answer.as_deref(),
            message.warning.as_deref(),
            asks.map(|asks| asks.kind.word()),
            asks.and_then(|asks| asks.settlement.as_deref()),
            asks.and_then(|asks| asks.undoes.as_deref()),
            asks.and_then(|asks| asks.original),
            asks.map(|asks| asks.batch.as_str()),
            asks.map(|asks| i64::from(asks.interim)),
            asks.map(|asks| asks.home.0.as_str()),
            asks.map(|asks| asks.category.as_str()),
            covers.as_deref(),
            asks.map(|asks| asks.bytes.as_ref()),
        ];
        self.sql.execute(INSERT, values)?;
        Ok(())
    }

    /// The latest message of a key.
    ///
    /// # Errors
    /// When the statement fails, or the row does not read back.
    pub fn message_find(&self, key: &MessageKey) -> Result<Option<StoredMessage>, StoreError> {
        self.sql.find(FIND, values![&key.to_text()], |row| read(row, 0))
    }

    /// The messages that a reversal could mean, earliest first, the latest attempt of each key only.
    ///
    /// # Errors
    /// When the statement fails, or a row does not read back.
    pub fn message_list_by_target(&self, target: &str) -> Result<Vec<StoredMessage>, StoreError> {
        let (from, below) = (format!("{target}{PART}"), format!("{target}{PAST_PART}"));
        self.sql.query(LIST_BY_TARGET, values![&from, &below], |row| read(row, 0))
    }

    /// The operations that an institution sent under a message id, for whatever person and transaction: transaction and
    /// `psn_no` of each.
    ///
    /// # Errors
    /// When the statement fails.
    pub fn message_list_namesakes(
        &self,
        institution: &str,
        message: &MessageId,
    ) -> Result<Vec<(String, String)>, StoreError> {
        let begins = join(&[&message.to_time_first(), institution]);
        let (from, below) = (format!("{begins}{PART}"), format!("{begins}{PAST_PART}"));
        self.sql.query(LIST_NAMESAKES, values![&from, &below], |row| {
            let key = row.text(0)?;
            Ok((part(key, 2).to_owned(), part(key, 3).to_owned()))
        })
    }

    /// A message by its number.
    ///
    /// # Errors
    /// When the statement fails, or there is none.
    pub fn message_get(&self, number: i64) -> Result<StoredMessage, StoreError> {
        self.sql.get(GET, values![number], |row| read(row, 0))
    }

    /// Notes that a message was undone. Noting it again changes nothing.
    ///
    /// # Errors
    /// When the statement fails.
    pub fn message_mark_reversed(&self, number: i64, by: i64, at: Timestamp) -> Result<(), StoreError> {
        self.sql.execute(MARK_REVERSED, values![number, by, at.as_microsecond()])?;
        Ok(())
    }

    /// Lays a tombstone: a message of this target may never take effect.
    ///
    /// # Errors
    /// When the statement fails.
    pub fn tombstone_lay(&self, target: &str, by: i64, at: Timestamp) -> Result<(), StoreError> {
        self.sql.execute(LAY_TOMBSTONE, values![target, by, at.as_microsecond()])?;
        Ok(())
    }
}

fn read(row: Row<'_>, first: usize) -> Result<StoredMessage, StoreError> {
    const TABLE: &str = "messages";
    let number = row.number(first)?;
    let key = row.text(first + 1)?;
    let optional = |place: usize| Ok::<_, StoreError>(row.optional_text(first + place)?.map(ToOwned::to_owned));
    let digest = row.bytes(first + 4)?.try_into().map_err(|_| stored::corrupt(TABLE, number, "has no digest"))?;
    Ok(StoredMessage {
        number,
        message: stored::id(TABLE, part(key, 0), MessageId::from_time_first)?,
        attempt: u32::try_from(row.number(first + 2)?).map_err(|problem| stored::corrupt(TABLE, number, problem))?,
        transaction: part(key, 2).to_owned(),
        encounter: row.text(first + 3)?.to_owned(),
        content: Content { digest, fields: row.bytes(first + 5)?.to_vec() },
        reference: row.text(first + 6)?.to_owned(),
        answer: optional(7)?,
        warning: optional(8)?,
        reversed: row.flag(first + 9)?,
    })
}
