//! What a participant keeps of the letters in its mailbox: each once, and never an older one over a newer. Part of a
//! home region's and of a treatment side's store.

use bytes::Bytes;
use jiff::Timestamp;

use crate::engine::{Engine, Row, Sql, Version};
use crate::mailbox::Letter;
use crate::store::StoreError;
use crate::values;

/// The table of the inbox.
pub const TABLES: Version = Version {
    tables: "CREATE TABLE inbox (
            mailbox TEXT NOT NULL, id TEXT NOT NULL, subject TEXT NOT NULL, version INTEGER NOT NULL,
            kind TEXT NOT NULL, body BLOB NOT NULL, superseded INTEGER NOT NULL, kept_at INTEGER NOT NULL,
            PRIMARY KEY (mailbox, id)) STRICT;
        CREATE INDEX inbox_by_subject ON inbox (mailbox, subject, version);",
    append_only: &["inbox"],
    postgres: "",
};

/// Reads the newest letter of each subject; the columns are those of [`read`].
macro_rules! newest {
    ($condition:literal, $order:literal) => {
        concat!(
            "SELECT mailbox, id, subject, version, kind, body, kept_at FROM inbox AS kept WHERE ",
            $condition,
            " AND NOT EXISTS (SELECT 1 FROM inbox AS newer WHERE newer.mailbox = kept.mailbox
                              AND newer.subject = kept.subject AND newer.version > kept.version)
            ORDER BY ",
            $order
        )
    };
}

/// What keeping a letter came to. All of them mean that it may be acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It is new: to be acted on.
    Fresh,
    /// It came before: it has been acted on.
    Known,
    /// A newer one about its subject came before: kept as evidence, not to be acted on.
    Older,
}

/// A letter that was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptLetter {
    /// Whose it is, as `410700/home`.
    pub mailbox: String,
    /// The letter.
    pub letter: Letter,
    /// When it was kept, in UTC microseconds.
    pub kept_at: i64,
}

/// The inbox of a participant's store. Clones share it.
#[derive(Clone)]
pub struct Inbox {
    engine: Engine,
}

impl Inbox {
    /// The inbox in a store that has its table.
    pub fn new(engine: Engine) -> Inbox {
        Inbox { engine }
    }

    /// Keeps a letter; durable when this returns.
    ///
    /// # Errors
    /// When the store fails: the letter must not be acknowledged.
    pub async fn letter_keep(&self, mailbox: String, letter: Letter, at: Timestamp) -> Result<Kept, StoreError> {
        self.engine.write(move |sql| keep(sql, &mailbox, &letter, at)).await
    }

    /// Every letter that was kept: the mailbox, and its id.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn letter_ids(&self) -> Result<Vec<(String, String)>, StoreError> {
        const IDS: &str = "SELECT mailbox, id FROM inbox ORDER BY mailbox, id";
        self.engine.read(|sql| sql.query(IDS, &[], |row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned())))).await
    }

    /// What is known about each subject, the newest letter each; the newest subjects first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn letter_newest(&self, limit: u32) -> Result<Vec<KeptLetter>, StoreError> {
        const NEWEST: &str = newest!("TRUE", "kept_at DESC, mailbox, id LIMIT ?1");
        self.engine.read(move |sql| sql.query(NEWEST, values![i64::from(limit)], read)).await
    }

    /// The same of one kind of letters, page by page in the order of mailboxes and subjects, after those of the last letter
    /// that was seen.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn letter_newest_of(
        &self,
        kind: String,
        after: Option<KeptLetter>,
        limit: u32,
    ) -> Result<Vec<KeptLetter>, StoreError> {
        const NEWEST: &str =
            newest!("kind = ?2 AND (mailbox > ?3 OR mailbox = ?3 AND subject > ?4)", "mailbox, subject LIMIT ?1");
        let (mailbox, subject) = after.map(|last| (last.mailbox, last.letter.subject)).unwrap_or_default();
        self.engine.read(move |sql| sql.query(NEWEST, values![i64::from(limit), &kind, &mailbox, &subject], read)).await
    }
}

fn read(row: Row<'_>) -> Result<KeptLetter, StoreError> {
    Ok(KeptLetter {
        mailbox: row.text(0)?.to_owned(),
        letter: Letter {
            id: row.text(1)?.to_owned(),
            subject: row.text(2)?.to_owned(),
            version: row.number(3)?.unsigned_abs(),
            kind: row.text(4)?.to_owned(),
            body: Bytes::copy_from_slice(row.bytes(5)?),
        },
        kept_at: row.number(6)?,
    })
}

fn keep(sql: &Sql<'_>, mailbox: &str, letter: &Letter, at: Timestamp) -> Result<Kept, StoreError> {
    if sql.exists("SELECT 1 FROM inbox WHERE mailbox = ?1 AND id = ?2", values![mailbox, &letter.id])? {
        return Ok(Kept::Known);
    }
    let version = letter.version.cast_signed();
    let newer = "SELECT 1 FROM inbox WHERE mailbox = ?1 AND subject = ?2 AND version >= ?3";
    let superseded = sql.exists(newer, values![mailbox, &letter.subject, version])?;
    let Letter { id, subject, version: _, kind, body } = letter;
    sql.execute(
        "INSERT INTO inbox (mailbox, id, subject, version, kind, body, superseded, kept_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        values![mailbox, id, subject, version, kind, body, superseded, at.as_microsecond()],
    )?;
    Ok(if superseded { Kept::Older } else { Kept::Fresh })
}
