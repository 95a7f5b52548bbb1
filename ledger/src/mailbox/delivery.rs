//! Taking letters out of mailboxes: each is delivered again until it is acknowledged or rejected, at growing intervals
//! and not for ever.

use jiff::{SignedDuration, Timestamp};

use super::{Mailboxes, PostedLetter, end, read_posted};
use crate::engine::{Sql, list};
use crate::store::StoreError;
use crate::values;

/// How long the first delivery may go unacknowledged before the next.
const FIRST_WAIT: SignedDuration = SignedDuration::from_secs(30);
/// The wait doubles with each delivery, up to this many times: 64 minutes.
const DOUBLINGS: i64 = 7;
/// After so many deliveries without an acknowledgement a letter is dead. It takes some sixteen hours to get there.
pub(super) const MOST_DELIVERIES: i64 = 20;

/// A letter on its way to its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The letter.
    pub posted: PostedLetter,
    /// How often it has been delivered, this time included.
    pub deliveries: u32,
}

/// What acknowledging or rejecting a letter came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It is done with.
    Now,
    /// It was done with before.
    Before,
    /// There is no such letter in these mailboxes.
    Unknown,
}

const DUE: &str = "SELECT letters.number, letters.mailbox, letters.id, letters.subject, letters.version, letters.kind,
        letters.body, letters.posted_at, waiting.deliveries, waiting.due_at
    FROM letters_waiting AS waiting JOIN letters ON letters.number = waiting.number
    WHERE waiting.mailbox IN (SELECT value FROM json_each(?1)) AND waiting.due_at <= ?2
      AND NOT EXISTS (SELECT 1 FROM letters_waiting AS earlier WHERE earlier.mailbox = waiting.mailbox
                      AND earlier.subject = waiting.subject AND earlier.version < waiting.version)
    ORDER BY waiting.number LIMIT ?3";

impl Mailboxes {
    /// Takes the letters that are due, the oldest first and one a subject; they are due again if nobody acknowledges
    /// them. Mailboxes are named as they write themselves: `410700/home`.
    ///
    /// # Errors
    /// When the store fails. Letters that were taken are then delivered later.
    pub async fn letter_take(
        &self,
        mailboxes: Vec<String>,
        at: Timestamp,
        limit: u32,
    ) -> Result<Vec<Delivery>, StoreError> {
        if !self.is_any_due(&mailboxes, at).await? {
            return Ok(Vec::new());
        }
        self.engine.write(move |sql| take(sql, &mailboxes, at, limit)).await
    }

    /// Asking is a read, so that idle mailboxes cost no commit.
    async fn is_any_due(&self, mailboxes: &[String], at: Timestamp) -> Result<bool, StoreError> {
        let wanted = list(mailboxes.iter().map(String::as_str));
        let due = "SELECT 1 FROM letters_waiting WHERE mailbox IN (SELECT value FROM json_each(?1)) AND due_at <= ?2";
        self.engine.read(move |sql| sql.exists(due, values![&wanted, at.as_microsecond()])).await
    }

    /// Notes that a letter's owner has it.
    ///
    /// # Errors
    /// When the store fails; acknowledging again does no harm.
    pub async fn letter_acknowledge(
        &self,
        mailboxes: Vec<String>,
        number: i64,
        by: String,
        at: Timestamp,
    ) -> Result<Ended, StoreError> {
        self.engine.write(move |sql| finish(sql, &mailboxes, number, ("acknowledged", ""), &by, at)).await
    }

    /// Notes that a letter's owner cannot take it, and why. It is dead until an operator has it replayed; what follows
    /// it about the same subject goes on.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn letter_reject(
        &self,
        mailboxes: Vec<String>,
        number: i64,
        problem: String,
        by: String,
        at: Timestamp,
    ) -> Result<Ended, StoreError> {
        self.engine.write(move |sql| finish(sql, &mailboxes, number, ("rejected", &problem), &by, at)).await
    }
}

fn take(sql: &Sql<'_>, mailboxes: &[String], at: Timestamp, limit: u32) -> Result<Vec<Delivery>, StoreError> {
    let wanted = list(mailboxes.iter().map(String::as_str));
    let due = sql.query(DUE, values![&wanted, at.as_microsecond(), i64::from(limit)], |row| {
        Ok((read_posted(row)?, row.number(8)?, row.number(9)?))
    })?;
    let mut taken = Vec::with_capacity(due.len());
    for (posted, deliveries, due_at) in due {
        if deliveries >= MOST_DELIVERIES {
            end(sql, posted.number, "exhausted", "nobody acknowledged it", "hub", at)?;
        } else if claim(sql, posted.number, deliveries, due_at, at)? {
            let deliveries = u32::try_from(deliveries + 1).unwrap_or(u32::MAX);
            taken.push(Delivery { posted, deliveries });
        }
    }
    Ok(taken)
}

/// Another process may be delivering from the same mailbox; a letter goes out with whoever moves its due time first.
fn claim(sql: &Sql<'_>, number: i64, deliveries: i64, due_at: i64, at: Timestamp) -> Result<bool, StoreError> {
    let wait = FIRST_WAIT.as_micros() * (1 << deliveries.min(DOUBLINGS));
    let next = at.as_microsecond().saturating_add(i64::try_from(wait).unwrap_or(i64::MAX));
    let claimed = sql.execute(
        "UPDATE letters_waiting SET deliveries = deliveries + 1, due_at = ?3 WHERE number = ?1 AND due_at = ?2",
        values![number, due_at, next],
    )?;
    Ok(claimed == 1)
}

fn finish(
    sql: &Sql<'_>,
    mailboxes: &[String],
    number: i64,
    (ending, problem): (&str, &str),
    by: &str,
    at: Timestamp,
) -> Result<Ended, StoreError> {
    let wanted = list(mailboxes.iter().map(String::as_str));
    let known = "SELECT 1 FROM letters WHERE number = ?1 AND mailbox IN (SELECT value FROM json_each(?2))";
    if !sql.exists(known, values![number, &wanted])? {
        return Ok(Ended::Unknown);
    }
    if !sql.exists("SELECT 1 FROM letters_waiting WHERE number = ?1", values![number])? {
        return Ok(Ended::Before);
    }
    end(sql, number, ending, problem, by, at)?;
    Ok(Ended::Now)
}
