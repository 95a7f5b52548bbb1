//! Letters that nobody could take. An operator sees why, and has them delivered again, unless their subject has moved
//! on meanwhile.

use jiff::Timestamp;

use super::{Mailboxes, PostedLetter, end, read_posted};
use crate::engine::Sql;
use crate::store::StoreError;
use crate::values;

/// A letter that is not delivered any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// The letter.
    pub posted: PostedLetter,
    /// Why: what its owner said, or that nobody acknowledged it.
    pub problem: String,
    /// Since when, in UTC microseconds.
    pub since: i64,
}

/// What a replay came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replayed {
    /// It is delivered again.
    Now,
    /// It is not dead.
    Alive,
    /// A newer letter about its subject was acknowledged: delivering the older one now would overwrite it.
    Superseded,
    /// There is no such letter.
    Unknown,
}

pub(super) const COUNT: &str = "SELECT COUNT(*) FROM letter_endings AS last
    WHERE ending IN ('rejected', 'exhausted')
      AND NOT EXISTS (SELECT 1 FROM letter_endings AS later WHERE later.number = last.number AND later.turn > last.turn)";

const LIST: &str = "SELECT letters.number, letters.mailbox, letters.id, letters.subject, letters.version, letters.kind,
        letters.body, letters.posted_at, last.problem, last.ended_at
    FROM letter_endings AS last JOIN letters ON letters.number = last.number
    WHERE last.ending IN ('rejected', 'exhausted') AND last.number > ?1
      AND NOT EXISTS (SELECT 1 FROM letter_endings AS later WHERE later.number = last.number AND later.turn > last.turn)
    ORDER BY last.number LIMIT ?2";

const SUPERSEDED: &str = "SELECT 1 FROM letters AS old
    JOIN letters AS newer ON newer.mailbox = old.mailbox AND newer.subject = old.subject AND newer.version > old.version
    JOIN letter_endings ON letter_endings.number = newer.number AND letter_endings.ending = 'acknowledged'
    WHERE old.number = ?1";

impl Mailboxes {
    /// Dead letters after a number, in the order of their numbers.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn letter_dead(&self, after: i64, limit: u32) -> Result<Vec<DeadLetter>, StoreError> {
        self.engine
            .read(move |sql| {
                sql.query(LIST, values![after, i64::from(limit)], |row| {
                    Ok(DeadLetter {
                        posted: read_posted(row)?,
                        problem: row.text(8)?.to_owned(),
                        since: row.number(9)?,
                    })
                })
            })
            .await
    }

    /// Has a dead letter delivered again.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn letter_replay(&self, number: i64, by: String, at: Timestamp) -> Result<Replayed, StoreError> {
        self.engine.write(move |sql| replay(sql, number, &by, at)).await
    }
}

fn replay(sql: &Sql<'_>, number: i64, by: &str, at: Timestamp) -> Result<Replayed, StoreError> {
    let last = "SELECT ending FROM letter_endings WHERE number = ?1 ORDER BY turn DESC LIMIT 1";
    let last = sql.find(last, values![number], |row| Ok(row.text(0)?.to_owned()))?;
    match last.as_deref() {
        Some("rejected" | "exhausted") => {}
        Some(_) => return Ok(Replayed::Alive),
        None if sql.exists("SELECT 1 FROM letters WHERE number = ?1", values![number])? => return Ok(Replayed::Alive),
        None => return Ok(Replayed::Unknown),
    }
    if sql.exists(SUPERSEDED, values![number])? {
        return Ok(Replayed::Superseded);
    }
    end(sql, number, "replayed", "", by, at)?;
    sql.execute(
        "INSERT INTO letters_waiting (number, mailbox, subject, version, deliveries, due_at)
         SELECT number, mailbox, subject, version, 0, CAST(?2 AS BIGINT) FROM letters WHERE number = ?1",
        values![number, at.as_microsecond()],
    )?;
    Ok(Replayed::Now)
}
