//! Keeping an answer, together with what it books, in one commit. The first answer stays for ever. Called by the hub
//! whenever a home region has answered, or the hub itself has refused for good.

use bytes::Bytes;
use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, Transaction, params};
use settlement::ids::PoolCode;
use settlement::outcome::Outcome;
use settlement::postings::Booking;

use super::journal::{self, Booked};
use super::{HubStore, Position, corrupt, instant, operations};
use crate::store::StoreError;

/// An answer as the hub keeps it and gives it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What was decided, as the home region wrote it.
    pub outcome: Bytes,
    /// Whether it is a yes.
    pub verdict: Verdict,
    /// Its number in the home region's book; 0 where the hub itself answered.
    pub book_seq: u64,
    /// When the hub had it.
    pub answered_at: Timestamp,
}

/// Yes or no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It was carried out.
    Accepted,
    /// It was refused.
    Refused,
}

impl Verdict {
    /// The verdict of an outcome.
    pub fn of(outcome: &Outcome) -> Verdict {
        match outcome {
            Outcome::Accepted { decided_at: _, done: _ } => Verdict::Accepted,
            Outcome::Refused(_) => Verdict::Refused,
        }
    }

    /// The word in the book.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Accepted => "accepted",
            Verdict::Refused => "refused",
        }
    }

    pub(super) fn from_word(word: &str) -> Option<Verdict> {
        [Verdict::Accepted, Verdict::Refused].into_iter().find(|verdict| verdict.word() == word)
    }
}

/// What keeping an answer came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answering {
    /// It is kept.
    Kept,
    /// There was an answer already, and it stays.
    Earlier(Answer),
    /// It undoes a settlement that the journal does not have. Nothing was written; once the settlement's own answer
    /// has come, this one can be kept.
    OriginalMissing,
    /// It says something else of a settlement than the journal does. Nothing was written.
    Contradicts,
}

impl HubStore {
    /// Keeps the answer that a region gave to an operation, and books it.
    ///
    /// # Errors
    /// When the store fails. Whether the answer is kept is then unknown; keeping it again does no harm.
    pub async fn operation_answer(
        &self,
        position: Position,
        home: PoolCode,
        answer: Answer,
        booking: Option<Booking>,
    ) -> Result<Answering, StoreError> {
        self.writer
            .write(move |tx| {
                if !operations::stop_waiting(tx, position)? {
                    return find(tx, position).map(Answering::Earlier);
                }
                let booked = match &booking {
                    Some(booking) => journal::prepare(tx, booking)?,
                    None => Booked::Nothing,
                };
                match booked {
                    Booked::Nothing => insert(tx, position, home, &answer)?,
                    Booked::Entry(entry) => {
                        insert(tx, position, home, &answer)?;
                        journal::insert(tx, position, &entry)?;
                    }
                    Booked::OriginalMissing => return still_waiting(tx, position, home, Answering::OriginalMissing),
                    Booked::Contradicts => return still_waiting(tx, position, home, Answering::Contradicts),
                }
                Ok(Answering::Kept)
            })
            .await
    }

    /// The highest number that a region's book has shown the hub; 0 before the first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn answer_highest_book_seq(&self, home: PoolCode) -> Result<u64, StoreError> {
        self.readers
            .read(move |connection| {
                let highest: Option<i64> = connection
                    .prepare_cached("SELECT MAX(book_seq) FROM answers WHERE home = ?1")?
                    .query_row([home.0.as_str()], |row| row.get(0))?;
                Ok(highest.unwrap_or(0).cast_unsigned())
            })
            .await
    }
}

impl Answer {
    /// Reads the columns outcome, verdict, book_seq, answered_at, which are all null where there is no answer.
    pub(super) fn read_optional(row: &Row<'_>, position: Position, first: usize) -> Result<Option<Answer>, StoreError> {
        let Some(outcome) = row.get::<_, Option<Vec<u8>>>(first)? else { return Ok(None) };
        let verdict = Verdict::from_word(row.get_ref(first + 1)?.as_str().unwrap_or_default());
        Ok(Some(Answer {
            outcome: outcome.into(),
            verdict: verdict.ok_or_else(|| corrupt("answer", position, "its verdict is not one of ours"))?,
            book_seq: row.get::<_, i64>(first + 2)?.cast_unsigned(),
            answered_at: instant("answer", position, row.get(first + 3)?)?,
        }))
    }
}

fn find(tx: &Transaction<'_>, position: Position) -> Result<Answer, StoreError> {
    tx.prepare_cached("SELECT outcome, verdict, book_seq, answered_at FROM answers WHERE position = ?1")?
        .query_row([position.0], |row| Ok(Answer::read_optional(row, position, 0)))
        .optional()?
        .transpose()?
        .flatten()
        .ok_or_else(|| corrupt("operation", position, "it is to be answered, and neither waits nor has an answer"))
}

fn still_waiting(
    tx: &Transaction<'_>,
    position: Position,
    home: PoolCode,
    why: Answering,
) -> Result<Answering, StoreError> {
    operations::wait(tx, position, home)?;
    Ok(why)
}

fn insert(tx: &Transaction<'_>, position: Position, home: PoolCode, answer: &Answer) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO answers (position, home, verdict, outcome, book_seq, answered_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        position.0,
        home.0.as_str(),
        answer.verdict.word(),
        &answer.outcome[..],
        answer.book_seq.cast_signed(),
        answer.answered_at.as_microsecond(),
    ])?;
    Ok(())
}
