//! Letters that need not be answered in line: one mailbox a participant, at least once, in order per subject, kept until
//! acknowledged. Part of the hub's store; whoever causes a letter posts it in the transaction of its cause.
//!
//! | look in | for |
//! |---|---|
//! | [`post`] | a letter into a mailbox, with its cause |
//! | `delivery` | taking letters out, acknowledging and rejecting them |
//! | `dead` | letters that nobody could take, and their replay |
//! | `nodes` | which node serves which mailboxes |
//! | `proof` | what must hold of all of them |

mod dead;
mod delivery;
mod nodes;
mod proof;
#[cfg(all(test, feature = "testing"))]
mod tests;

use std::fmt;

use bytes::Bytes;
use jiff::Timestamp;
use settlement::ids::PoolCode;

pub use dead::{DeadLetter, Replayed};
pub use delivery::{Delivery, Ended};
pub use nodes::NODES;
pub(crate) use nodes::Nodes;

use crate::engine::{Engine, Row, Sql, Version};
use crate::store::StoreError;
use crate::values;

/// The tables of the mailboxes. `letters_waiting` alone is a worklist; the rest is evidence.
pub const TABLES: Version = Version {
    tables: "CREATE TABLE letters (
            number INTEGER PRIMARY KEY, mailbox TEXT NOT NULL, id TEXT NOT NULL, subject TEXT NOT NULL,
            version INTEGER NOT NULL, kind TEXT NOT NULL, body BLOB NOT NULL, posted_at INTEGER NOT NULL,
            UNIQUE (mailbox, id), UNIQUE (mailbox, subject, version)) STRICT;
        CREATE TABLE letter_endings (
            number INTEGER NOT NULL REFERENCES letters, turn INTEGER NOT NULL,
            ending TEXT NOT NULL CHECK (ending IN ('acknowledged', 'rejected', 'exhausted', 'replayed')),
            problem TEXT NOT NULL, by_whom TEXT NOT NULL, ended_at INTEGER NOT NULL,
            PRIMARY KEY (number, turn)) STRICT;
        CREATE TABLE letters_waiting (
            number INTEGER PRIMARY KEY REFERENCES letters, mailbox TEXT NOT NULL, subject TEXT NOT NULL,
            version INTEGER NOT NULL, deliveries INTEGER NOT NULL, due_at INTEGER NOT NULL) STRICT;
        CREATE INDEX letters_waiting_by_subject ON letters_waiting (mailbox, subject, version);",
    append_only: &["letters", "letter_endings"],
    postgres: "",
};

/// Whose mailbox: a pooling region in one of its two parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mailbox {
    /// The pooling region.
    pub pool: PoolCode,
    /// Its part.
    pub part: Part,
}

/// The part that a region plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// 参保地.
    Home,
    /// 就医地.
    Treatment,
}

impl Part {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Part::Home => "home",
            Part::Treatment => "treatment",
        }
    }
}

impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.pool, self.part.word())
    }
}

/// A letter to be posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Made by whoever causes it: the same id is posted once.
    pub id: String,
    /// What it is about. Letters about one subject are delivered in the order of their versions, one at a time.
    pub subject: String,
    /// A later one says more than an earlier one about the same subject.
    pub version: u64,
    /// What kind of letter it is; see `proto/yidi/v1/mailbox.proto`.
    pub kind: String,
    /// What it says.
    pub body: Bytes,
}

/// A letter, and whom it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Whose mailbox it goes into.
    pub mailbox: Mailbox,
    /// The letter.
    pub letter: Letter,
}

/// A letter as it lies in its mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostedLetter {
    /// Its number at the hub.
    pub number: i64,
    /// Whose it is, as `410700/home`.
    pub mailbox: String,
    /// The letter.
    pub letter: Letter,
    /// When it was posted.
    pub posted_at: Timestamp,
}

/// What posting came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Posted {
    /// It lies there now, under this number.
    Queued(i64),
    /// It was posted before.
    Known,
    /// The subject is past its version: it would only overwrite what is newer.
    Older,
}

/// The mailboxes of a hub's store. Clones share it.
#[derive(Clone)]
pub struct Mailboxes {
    engine: Engine,
}

impl Mailboxes {
    /// The mailboxes in a store that has their tables.
    pub fn new(engine: Engine) -> Mailboxes {
        Mailboxes { engine }
    }

    /// Posts a letter that has no cause in the store.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn letter_post(&self, mailbox: Mailbox, letter: Letter, at: Timestamp) -> Result<Posted, StoreError> {
        self.engine.write(move |sql| post(sql, mailbox, &letter, at)).await
    }

    /// How many letters wait in all mailboxes, how many of them were delivered and not acknowledged, and how many are
    /// dead.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn letter_counts(&self) -> Result<(u64, u64, u64), StoreError> {
        self.engine
            .read(|sql| {
                let count = |row: Row<'_>| Ok(row.number(0)?.unsigned_abs());
                Ok((
                    sql.get("SELECT COUNT(*) FROM letters_waiting", &[], count)?,
                    sql.get("SELECT COUNT(*) FROM letters_waiting WHERE deliveries > 0", &[], count)?,
                    sql.get(dead::COUNT, &[], count)?,
                ))
            })
            .await
    }
}

/// Posts a letter in the transaction of its cause.
///
/// # Errors
/// When a statement fails.
pub fn post(sql: &Sql<'_>, mailbox: Mailbox, letter: &Letter, at: Timestamp) -> Result<Posted, StoreError> {
    let (mailbox, at) = (mailbox.to_string(), at.as_microsecond());
    if sql.exists("SELECT 1 FROM letters WHERE mailbox = ?1 AND id = ?2", values![&mailbox, &letter.id])? {
        return Ok(Posted::Known);
    }
    let version = letter.version.cast_signed();
    let newer = "SELECT 1 FROM letters WHERE mailbox = ?1 AND subject = ?2 AND version >= ?3";
    if sql.exists(newer, values![&mailbox, &letter.subject, version])? {
        return Ok(Posted::Older);
    }
    let numbers = sql.execute_returning(
        "INSERT INTO letters (mailbox, id, subject, version, kind, body, posted_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) RETURNING number",
        values![&mailbox, &letter.id, &letter.subject, version, &letter.kind, &letter.body, at],
        |row| row.number(0),
    )?;
    let number = numbers.first().copied().unwrap_or_default();
    sql.execute(
        "INSERT INTO letters_waiting (number, mailbox, subject, version, deliveries, due_at)
         VALUES (?1, ?2, ?3, ?4, 0, ?5)",
        values![number, &mailbox, &letter.subject, version, at],
    )?;
    Ok(Posted::Queued(number))
}

/// Notes how a letter ended, and takes it off the worklist.
fn end(sql: &Sql<'_>, number: i64, ending: &str, problem: &str, by: &str, at: Timestamp) -> Result<(), StoreError> {
    sql.execute("DELETE FROM letters_waiting WHERE number = ?1", values![number])?;
    sql.execute(
        "INSERT INTO letter_endings (number, turn, ending, problem, by_whom, ended_at)
         SELECT ?1, COUNT(*) + 1, ?2, ?3, ?4, ?5 FROM letter_endings WHERE number = ?1",
        values![number, ending, problem, by, at.as_microsecond()],
    )?;
    Ok(())
}

/// Reads the columns number, mailbox, id, subject, version, kind, body, posted_at.
fn read_posted(row: Row<'_>) -> Result<PostedLetter, StoreError> {
    let number = row.number(0)?;
    let corrupt = |problem: jiff::Error| StoreError::Corrupt {
        table: "letters",
        id: number.to_string(),
        problem: problem.to_string(),
    };
    Ok(PostedLetter {
        number,
        mailbox: row.text(1)?.to_owned(),
        letter: Letter {
            id: row.text(2)?.to_owned(),
            subject: row.text(3)?.to_owned(),
            version: row.number(4)?.unsigned_abs(),
            kind: row.text(5)?.to_owned(),
            body: Bytes::copy_from_slice(row.bytes(6)?),
        },
        posted_at: Timestamp::from_microsecond(row.number(7)?).map_err(corrupt)?,
    })
}
