//! A home region's store: operations and their answers, settlements, what they use up and book, tombstones, postings,
//! enrollees, rule books. It decides nothing: a batch is read into a [`Book`], a caller decides, what was decided is
//! appended, all in one transaction. Used by `adapters/region` alone.
//!
//! | look in | for |
//! |---|---|
//! | `schema` | the tables |
//! | `wanted`, `load`, `settlements` | the part of the book that a batch touches |
//! | `append`, `rows`, `journal` | the rows that it adds |
//! | `answers` | every answer by its key, to be compared with the hub's |
//! | `enrollees`, `versions` | people, found by number or by keyed digest; their dated facts |
//! | `postings`, `stays` | what `yidi region post` brings in; the days of stays among it |
//! | `rule_books` | rule books by content, and which set of them was in force |
//! | `facts` | running totals and a visit's settlements |
//! | `affected` | marks on settlements that built on what was changed later |
//! | `corrections`, `corrected` | batches of corrections; how settlements count since |
//! | `take_back`, `unseen` | answered operations that go back into a book restored from an older copy; what stands before them that they had not seen |
//! | `past` | a stored decision with everything that it saw, for a replay |
//! | `proof` | what must always hold, checked on the rows |

mod affected;
mod answers;
mod append;
mod corrected;
mod corrections;
mod enrollees;
mod facts;
mod journal;
mod load;
mod past;
mod postings;
mod proof;
mod row;
mod rows;
mod rule_books;
mod schema;
mod settlements;
mod stays;
mod take_back;
mod taken;
#[cfg(test)]
mod tests;
mod unseen;
mod versions;
mod wanted;

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use settlement::decide::{Book, BookSeq, Decision, Verdict};
use settlement::filing::Filing;
use settlement::operation::{Operation, OperationKey};
use settlement::outcome::Outcome;
use settlement::refusal::Refusal;

pub use affected::{Affected, Cause, Counted};
pub use corrections::{BatchRefused, BatchTaken, BookEnd, CorrectionBatch, WorkedOut};
pub use enrollees::{Credential, Enrollee, EnrolleeFacts, EntitlementRow, QualificationRow, Sealed};
pub use facts::{MonthTotal, VisitAnswer};
pub use past::{Past, Undoing};
pub use postings::{Posted, Posting, PostingFault, PostingKind};
pub use rule_books::{RuleBookText, RuleSet};
pub use schema::SCHEMA;
pub use take_back::{Returned, TakenBack};
pub use taken::{Mark, TakenCorrection};
use versions::Recent;

use crate::clock::Clock;
use crate::engine::{Closed, Engine, Location, Sql};
use crate::inbox::Inbox;
use crate::leaves::{self, Leaves, ReadLeaf, Source, WithMade, with_made};
use crate::store::{StoreError, StoreOptions};

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
    /// The filings that the hub attached.
    pub filings: Option<AttachedFilings>,
}

impl Arrival {
    /// The filings that the hub attached, the first choice first.
    pub fn filings(&self) -> &[Filing] {
        self.filings.as_ref().map(|attached| attached.filings.as_slice()).unwrap_or_default()
    }
}

/// Filings that cover a visit, and their bytes as they came.
#[derive(Clone, Debug)]
pub struct AttachedFilings {
    /// The filings, the first choice first.
    pub filings: Vec<Filing>,
    /// Their bytes.
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
    engine: Engine,
    wire: Wire,
    recent: Recent,
}

impl HomeStore {
    /// Opens the store; a file is made where there is none, a PostgreSQL database has been prepared before.
    ///
    /// # Errors
    /// When it cannot be opened, or another process writes to it.
    pub fn open(location: &Location, wire: Wire, options: &StoreOptions) -> Result<HomeStore, StoreError> {
        Ok(HomeStore { engine: Engine::open(location, &SCHEMA, options)?, wire, recent: Recent::default() })
    }

    /// Opens the store of a region that may be serving, to look at it: what would change it fails. It must be there.
    ///
    /// # Errors
    /// When it cannot be opened, or is older than this program.
    pub fn open_to_look(location: &Location, wire: Wire) -> Result<HomeStore, StoreError> {
        Ok(HomeStore { engine: Engine::open_to_look(location, &SCHEMA)?, wire, recent: Recent::default() })
    }

    /// What the region has of the letters in its mailboxes.
    pub fn inbox(&self) -> Inbox {
        Inbox::new(self.engine.clone())
    }

    /// The digests by which the book is compared with the hub's.
    pub fn leaves(&self) -> Leaves {
        const WITH_MADE: WithMade =
            with_made!("operations.bytes, operations.outcome", "operations ON operations.book_seq = leaves.number");
        Leaves::new(self.engine.clone(), WITH_MADE)
    }

    /// Adds the operations that were decided since to the leaves.
    ///
    /// # Errors
    /// When the store fails, or an operation does not read; what was added stays so.
    pub async fn leaf_fold(&self, read: ReadLeaf) -> Result<(), StoreError> {
        const PAGE: &str = "SELECT book_seq, bytes, outcome FROM operations WHERE book_seq > ?1
            ORDER BY book_seq LIMIT ?2";
        // What is decided is answered in the same row.
        const LATE: &str = "SELECT number, NULL, NULL FROM unfolded WHERE ?1 = 0";
        leaves::fold(&self.engine, &Source { number: 0, start: 0, page: PAGE, late: LATE }, read).await
    }

    /// The end of the store's writer, to be waited for before opening it again.
    pub fn closed(&self) -> Closed {
        self.engine.closed()
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
        let (wire, recent) = (self.wire, self.recent.clone());
        let batch = move |sql: &Sql<'_>| {
            let mut loaded = load::book(sql, wire, &recent, &load::Wanted::of(&asked))?;
            let mut append = append::Append::new(wire, rule_set, clock.now());
            let mut replies = Vec::with_capacity(asked.len());
            for asked in asked.iter() {
                let verdict = decide(&mut loaded.book, asked, append.at);
                replies.push(append.verdict(&loaded, asked, verdict)?);
            }
            append.write(sql)?;
            Ok(replies)
        };
        self.engine.write(batch).await
    }

    /// Reads the book that an operation would touch, in one snapshot.
    ///
    /// # Errors
    /// When a statement fails or a row is corrupt.
    pub async fn book_read(&self, asked: Asked) -> Result<Book, StoreError> {
        let (wire, recent) = (self.wire, self.recent.clone());
        let read = move |sql: &Sql<'_>| {
            Ok(load::book(sql, wire, &recent, &load::Wanted::of(std::slice::from_ref(&asked)))?.book)
        };
        self.engine.read(read).await
    }

    /// Where the book ends.
    ///
    /// # Errors
    /// When a statement fails.
    pub async fn book_end(&self) -> Result<BookEnd, StoreError> {
        self.engine
            .read(|sql| Ok(BookEnd { last: load::last_seq(sql)?, batches: corrections::last_number(sql)? }))
            .await
    }

    /// The last place of the book that is filled.
    ///
    /// # Errors
    /// When a statement fails.
    pub async fn last_seq(&self) -> Result<BookSeq, StoreError> {
        self.engine.read(load::last_seq).await
    }
}
