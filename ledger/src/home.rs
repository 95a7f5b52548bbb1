//! A home region's store: operations and their answers, settlements, what they use up and book, tombstones, postings,
//! enrollees, rule books. It decides nothing: a batch is read into a [`Book`], a caller decides, what was decided is
//! appended, all in one transaction. Used by `adapters/region` alone.
//!
//! | look in | for |
//! |---|---|
//! | `schema` | the tables |
//! | `load`, `append` | a batch: the book that it touches, and the rows that it adds |
//! | `answers` | every answer by its key, to be compared with the hub's |
//! | `enrollees` | people, found by number or by keyed digest |
//! | `postings` | what `yidi region post` brings in |
//! | `rule_books` | rule books by content, and which set of them was in force |
//! | `facts` | running totals and a visit's settlements |
//! | `affected` | marks on settlements that built on what was changed later |
//! | `take_back` | answered operations that go back into a book restored from an older copy |
//! | `past` | a stored decision with everything that it saw, for a replay |
//! | `proof` | what must always hold, checked on the rows |

mod affected;
mod answers;
mod append;
mod enrollees;
mod facts;
mod journal;
mod load;
mod past;
mod postings;
mod proof;
mod row;
mod rule_books;
mod schema;
mod take_back;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use rusqlite::{Connection, Transaction};
use settlement::decide::{Book, BookSeq, Decision, Verdict};
use settlement::filing::Filing;
use settlement::operation::{Operation, OperationKey};
use settlement::outcome::Outcome;
use settlement::refusal::Refusal;

pub use affected::{Affected, Cause};
pub use enrollees::{Credential, Enrollee, EnrolleeFacts, EntitlementRow, QualificationRow, Sealed};
pub use facts::{MonthTotal, VisitAnswer};
pub use past::Past;
pub use postings::{Posted, Posting, PostingFault, PostingKind};
pub use rule_books::{RuleBookText, RuleSet};
pub use take_back::{Returned, TakenBack};

use crate::clock::Clock;
use crate::readers::Readers;
use crate::store::{StoreError, StoreOptions};
use crate::writer::{Closed, Writer};

/// How operations and answers are read and written as bytes. The store keeps bytes untouched; only where the book
/// needs what is in them does it ask.
#[derive(Clone, Copy, Debug)]
pub struct Wire {
    /// Reads an operation.
    pub read_operation: fn(&[u8]) -> Result<Operation, String>,
    /// Reads an answer.
    pub read_outcome: fn(&[u8]) -> Result<Outcome, String>,
    /// Writes an answer, and beside it what a settlement uses up.
    pub write_decision: fn(&Decision) -> Bytes,
}

/// An operation that came in.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// What it asks for.
    pub operation: Arc<Operation>,
    /// Its bytes as they came.
    pub bytes: Bytes,
    /// The filing that the hub attached.
    pub filing: Option<AttachedFiling>,
}

/// A filing, and its bytes as they came.
#[derive(Clone, Debug)]
pub struct AttachedFiling {
    /// The filing.
    pub filing: Filing,
    /// Its bytes.
    pub bytes: Bytes,
}

/// What a batch asks.
#[derive(Clone, Debug)]
pub enum Asked {
    /// Carry an operation out.
    Operate(Box<Arrival>),
    /// What became of a key; one that never came is voided.
    Resolve(OperationKey),
}

impl Asked {
    /// The key that it is about.
    pub fn key(&self) -> &OperationKey {
        match self {
            Asked::Operate(arrival) => &arrival.operation.key,
            Asked::Resolve(key) => key,
        }
    }
}

/// What became of something asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The answer, now or earlier.
    Answer {
        /// Its place in the book.
        seq: BookSeq,
        /// Its bytes.
        outcome: Bytes,
    },
    /// It could not be decided for a fault of ours; the key stays free.
    Undecided(Refusal),
    /// The key came before with other content.
    ContentDiffers {
        /// The field that differs.
        field: &'static str,
    },
}

/// The store of one home region. Clones share it.
#[derive(Clone)]
pub struct HomeStore {
    writer: Writer,
    readers: Readers,
    wire: Wire,
}

impl HomeStore {
    /// Opens the store, and makes it where there is none.
    ///
    /// # Errors
    /// When the file cannot be opened, or another process writes to it.
    pub fn open(path: &Path, wire: Wire, options: StoreOptions) -> Result<HomeStore, StoreError> {
        let writer = Writer::open(path, schema::MIGRATIONS, options)?;
        Ok(HomeStore { writer, readers: Readers::open(path)?, wire })
    }

    /// The end of the store's writer, to be waited for before opening the file again.
    pub fn closed(&self) -> Closed {
        self.writer.closed()
    }

    /// Decides a batch in the order in which it came, in one transaction. `decide` carries the book forward from one
    /// to the next; it may run more than once, always on a book read afresh.
    ///
    /// # Errors
    /// When a statement fails: nothing was changed, unless the commit itself failed; asking again by key tells.
    pub async fn batch_decide<D>(
        &self,
        asked: Arc<[Asked]>,
        clock: Clock,
        rule_set: RuleSet,
        mut decide: D,
    ) -> Result<Vec<Reply>, StoreError>
    where
        D: FnMut(&mut Book, &Asked, Timestamp) -> Verdict + Send + 'static,
    {
        let wire = self.wire;
        let batch = move |transaction: &Transaction<'_>| {
            let mut book = load::book(transaction, wire, &load::Wanted::of(&asked), load::NOW)?;
            let mut append = append::Append::new(transaction, wire, rule_set, clock.now());
            asked
                .iter()
                .map(|asked| {
                    let verdict = decide(&mut book.book, asked, append.at);
                    append.verdict(&book, asked, verdict)
                })
                .collect()
        };
        self.writer.write(batch).await
    }

    /// Reads the book that an operation would touch, in one snapshot.
    ///
    /// # Errors
    /// When a statement fails or a row is corrupt.
    pub async fn book_read(&self, asked: Asked) -> Result<Book, StoreError> {
        let wire = self.wire;
        let wanted = load::Wanted::of(std::slice::from_ref(&asked));
        let read = move |connection: &Connection| Ok(load::book(connection, wire, &wanted, load::NOW)?.book);
        self.readers.read(read).await
    }

    /// The last place of the book that is filled.
    ///
    /// # Errors
    /// When a statement fails.
    pub async fn last_seq(&self) -> Result<BookSeq, StoreError> {
        self.readers.read(|connection| load::last_seq(connection, load::NOW)).await
    }
}
