//! Messages that change something: their key, what they said, and for local ones what was answered. Also what was
//! undone, and what may never take effect.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, params};
use settlement::ids::{InstitutionCode, MessageId, TransactionNumber};

use super::Session;
use super::stored;
use crate::store::StoreError;

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
        [institution.as_str(), message.as_str(), transaction.as_str(), subject, encounter, batch].join("\u{1f}")
    }

    /// What a reversal names to mean this message.
    pub fn target(&self) -> String {
        [self.institution.as_str(), self.message.as_str(), self.transaction.as_str(), &self.subject].join("\u{1f}")
    }
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

const COLUMNS: &str = "number, attempt, transaction_number, messages.encounter, digest, fields, reference, answer,
    warning, EXISTS (SELECT 1 FROM reversals WHERE reversals.message = messages.number), key";

impl Session<'_> {
    /// The number that the next message gets.
    ///
    /// # Errors
    /// When the statement fails.
    pub fn message_next_number(&self) -> Result<i64, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT COALESCE(MAX(number), 0) + 1 FROM messages")?;
        Ok(statement.query_row([], |row| row.get(0))?)
    }

    /// Keeps a message under a number.
    ///
    /// # Errors
    /// When the statement fails.
    pub fn message_insert(&self, number: i64, message: &NewMessage) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("INSERT INTO messages VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)")?
            .execute(params![
                number,
                message.key.to_text(),
                message.attempt,
                message.key.target(),
                message.key.transaction.as_str(),
                message.encounter,
                message.content.digest.as_slice(),
                message.content.fields,
                message.reference,
                message.received_at.as_microsecond(),
                message.answer,
                message.warning,
            ])?;
        Ok(())
    }

    /// The latest message of a key.
    ///
    /// # Errors
    /// When the statement fails.
    pub fn message_find(&self, key: &MessageKey) -> Result<Option<StoredMessage>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM messages WHERE key = ?1 ORDER BY attempt DESC LIMIT 1");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let found = statement.query_row([key.to_text()], |row| Ok(read(row))).optional()?;
        found.transpose()
    }

    /// The messages that a reversal could mean, earliest first, the latest attempt of each key only.
    ///
    /// # Errors
    /// When the statement fails.
    pub fn message_list_by_target(&self, target: &str) -> Result<Vec<StoredMessage>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM messages WHERE target = ?1 AND attempt =
             (SELECT MAX(attempt) FROM messages AS tries WHERE tries.key = messages.key) ORDER BY number"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let found = statement.query_map([target], |row| Ok(read(row)))?;
        found.map(|row| row?).collect()
    }

    /// The operations that an institution sent under a message id, for whatever person and transaction: transaction and
    /// `psn_no` of each.
    ///
    /// # Errors
    /// When the statement fails.
    pub fn message_list_namesakes(
        &self,
        institution: &str,
        message: &str,
    ) -> Result<Vec<(String, String)>, StoreError> {
        let from = format!("{institution}\u{1f}{message}\u{1f}");
        let mut statement = self.connection.prepare_cached(
            "SELECT transaction_number, person FROM messages JOIN operations ON operations.message = messages.number
             WHERE target >= ?1 AND target < ?2 AND kind <> 'reverse'",
        )?;
        let below = format!("{institution}\u{1f}{message}\u{20}");
        let found = statement.query_map([from, below], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(found.collect::<Result<_, _>>()?)
    }

    /// A message by its number.
    ///
    /// # Errors
    /// When the statement fails, or there is none.
    pub fn message_get(&self, number: i64) -> Result<StoredMessage, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM messages WHERE number = ?1");
        self.connection.prepare_cached(&sql)?.query_row([number], |row| Ok(read(row)))?
    }

    /// Notes that a message was undone. Noting it again changes nothing.
    ///
    /// # Errors
    /// When the statement fails.
    pub fn message_mark_reversed(&self, number: i64, by: i64, at: Timestamp) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("INSERT INTO reversals VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING")?
            .execute(params![number, by, at.as_microsecond()])?;
        Ok(())
    }

    /// Whether a message was undone.
    ///
    /// # Errors
    /// When the statement fails.
    pub fn message_is_reversed(&self, number: i64) -> Result<bool, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT 1 FROM reversals WHERE message = ?1")?;
        Ok(statement.exists([number])?)
    }

    /// Lays a tombstone: a message of this target may never take effect.
    ///
    /// # Errors
    /// When the statement fails.
    pub fn tombstone_lay(&self, target: &str, by: i64, at: Timestamp) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("INSERT INTO tombstones VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING")?
            .execute(params![target, by, at.as_microsecond()])?;
        Ok(())
    }

    /// Whether a tombstone lies on a target.
    ///
    /// # Errors
    /// When the statement fails.
    pub fn tombstone_lies(&self, target: &str) -> Result<bool, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT 1 FROM tombstones WHERE target = ?1")?;
        Ok(statement.exists([target])?)
    }
}

fn read(row: &Row<'_>) -> Result<StoredMessage, StoreError> {
    let number = row.get(0)?;
    let digest: Vec<u8> = row.get(4)?;
    let digest = digest.try_into().map_err(|_| stored::corrupt("messages", number, "has no digest"))?;
    let key: String = row.get(10)?;
    let message = key.split('\u{1f}').nth(1).unwrap_or_default();
    Ok(StoredMessage {
        number,
        message: stored::id("messages", message, MessageId::new)?,
        attempt: row.get(1)?,
        transaction: row.get(2)?,
        encounter: row.get(3)?,
        content: Content { digest, fields: row.get(5)? },
        reference: row.get(6)?,
        answer: row.get(7)?,
        warning: row.get(8)?,
        reversed: row.get(9)?,
    })
}
