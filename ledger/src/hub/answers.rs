//! Keeping an answer, together with what it books, in one row. The first answer stays for ever. Called by the hub
//! whenever a home region has answered, the hub itself has refused for good, or an operation never left.

use bytes::Bytes;
use jiff::Timestamp;
use settlement::ids::PoolCode;
use settlement::outcome::Outcome;
use settlement::postings::{Booking, Turn};

use super::journal::{self, Booked, Entry};
use super::{HubStore, Position, corrupt, instant};
use crate::engine::{Row, Sql, Work};
use crate::store::StoreError;
use crate::values;

/// The verdict of what never left.
pub(super) const RELEASED: &str = "released";

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
    /// It undoes what the journal does not have: a settlement, or its return after a cancellation. Nothing was written;
    /// once the answer has come that booked it, this one can be kept.
    EarlierMissing,
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
        let Answer { outcome, verdict, book_seq, answered_at } = answer;
        let (verdict, book_seq) = (verdict.word(), book_seq.cast_signed());
        let entry = booking.as_ref().filter(|booking| booking.turn == Turn::Enter).map(journal::enter);
        self.engine.carry_out(Ending { position, home, verdict, outcome, book_seq, answered_at, booking, entry }).await
    }

    /// Frees the key of an operation that is known never to have left the hub. An answered one is left as it is.
    ///
    /// # Errors
    /// When the store fails; the operation then stays in doubt until it is cleared up.
    pub async fn operation_release(
        &self,
        position: Position,
        home: PoolCode,
        released_at: Timestamp,
    ) -> Result<(), StoreError> {
        let (verdict, outcome, book_seq, answered_at) = (RELEASED, Bytes::new(), 0, released_at);
        let (booking, entry) = (None, None);
        let ending = Ending { position, home, verdict, outcome, book_seq, answered_at, booking, entry };
        self.engine.carry_out(ending).await.map(drop)
    }

    /// The highest number that a region's book has shown the hub; 0 before the first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn answer_highest_book_seq(&self, home: PoolCode) -> Result<u64, StoreError> {
        self.engine
            .read(move |sql| {
                let newest = "SELECT COALESCE(MAX(book_seq), 0) FROM answers WHERE home = ?1 AND book_seq > 0";
                sql.get(newest, values![home.0.as_str()], |row| Ok(row.number(0)?.cast_unsigned()))
            })
            .await
    }
}

/// The end of an operation, as its row says it: answered or released.
pub(super) struct Ending {
    pub(super) position: Position,
    pub(super) home: PoolCode,
    pub(super) verdict: &'static str,
    pub(super) outcome: Bytes,
    pub(super) book_seq: i64,
    pub(super) answered_at: Timestamp,
    pub(super) booking: Option<Booking>,
    /// What the booking of a new settlement writes, which nothing before it can change.
    pub(super) entry: Option<Entry>,
}

impl Work for Ending {
    type Done = Answering;

    fn run(&mut self, sql: &Sql<'_>) -> Result<Answering, StoreError> {
        let undoing = self.booking.as_ref().filter(|_| self.entry.is_none());
        let Some(undoing) = undoing else {
            return self.insert(sql, self.entry.as_ref());
        };
        if let Some(earlier) = self.earlier(sql)? {
            return Ok(Answering::Earlier(earlier));
        }
        match journal::prepare(sql, undoing)? {
            Booked::Entry(entry) => self.insert(sql, Some(&entry)),
            Booked::Nothing => self.insert(sql, None),
            Booked::EarlierMissing => Ok(Answering::EarlierMissing),
            Booked::Contradicts => Ok(Answering::Contradicts),
        }
    }
}

impl Ending {
    fn insert(&self, sql: &Sql<'_>, entry: Option<&Entry>) -> Result<Answering, StoreError> {
        let settlement = entry.and(self.booking.as_ref()).map(|booking| booking.settlement.to_time_first());
        let written = sql.execute(
            "INSERT INTO answers
             (position, home, verdict, outcome, book_seq, answered_at, settlement, step, lines, period)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9,
                 CASE WHEN ?8 IS NULL THEN NULL ELSE (SELECT MAX(number) FROM periods) END)
             ON CONFLICT DO NOTHING",
            values![
                self.position.0,
                self.home.0.as_str(),
                self.verdict,
                &self.outcome,
                self.book_seq,
                self.answered_at.as_microsecond(),
                settlement.as_deref(),
                entry.map(|entry| entry.step),
                entry.map(|entry| entry.lines.as_str()),
            ],
        )?;
        if written == 1 {
            return Ok(Answering::Kept);
        }
        // Either it has its answer, or the settlement is in the journal by another operation.
        Ok(self.earlier(sql)?.map_or(Answering::Contradicts, Answering::Earlier))
    }

    fn earlier(&self, sql: &Sql<'_>) -> Result<Option<Answer>, StoreError> {
        let position = self.position;
        let found = sql.find(
            "SELECT outcome, verdict, book_seq, answered_at FROM answers WHERE position = ?1",
            values![position.0],
            |row| Answer::read_optional(row, position, 0),
        )?;
        match found {
            Some(None) if self.verdict != RELEASED => {
                Err(corrupt("operation", position, "it is to be answered, and was released: it never left"))
            }
            Some(None) => Ok(Some(self.as_released())),
            Some(answer) => Ok(answer),
            None => Ok(None),
        }
    }

    /// For whoever releases twice; nobody looks at it.
    fn as_released(&self) -> Answer {
        let (outcome, answered_at) = (self.outcome.clone(), self.answered_at);
        Answer { outcome, verdict: Verdict::Refused, book_seq: 0, answered_at }
    }
}

impl Answer {
    /// Reads the columns outcome, verdict, book_seq, answered_at; none where there is no answer or a release.
    pub(super) fn read_optional(row: Row<'_>, position: Position, first: usize) -> Result<Option<Answer>, StoreError> {
        let Some(word) = row.optional_text(first + 1)?.filter(|word| *word != RELEASED) else { return Ok(None) };
        let verdict = Verdict::from_word(word);
        Ok(Some(Answer {
            outcome: Bytes::copy_from_slice(row.bytes(first)?),
            verdict: verdict.ok_or_else(|| corrupt("answer", position, "its verdict is not one of ours"))?,
            book_seq: row.number(first + 2)?.cast_unsigned(),
            answered_at: instant("answer", position, row.number(first + 3)?)?,
        }))
    }
}
