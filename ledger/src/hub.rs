//! The hub's store: operations and their answers, the journal that accepted ones make, and the registry of filings.
//! It knows nothing of the wire and decides nothing about money. Called by the hub's money path, its jobs and
//! `yidi verify`.
//!
//! | look in | for |
//! |---|---|
//! | `operations` | an operation's way: received, then answered or released; tombstones |
//! | `answers` | keeping an answer together with what it books |
//! | `journal` | entries, lines, balance |
//! | `filings` | the registry of filings |
//! | `turns` | the journal as clearing and reports fold it |
//! | `enquiries` | what is looked up beside the money path |
//! | `evidence` | reading everything back: for checks, health and reports |

mod answers;
mod enquiries;
mod evidence;
mod filings;
mod journal;
mod operations;
mod schema;
#[cfg(test)]
mod tests;
mod turns;

use std::fmt;
use std::path::Path;

use jiff::Timestamp;

pub use answers::{Answer, Answering, Verdict};
pub use enquiries::Owner;
pub use evidence::{Counts, Record};
pub use filings::{FilingStanding, Lodged, Lodging, RegisteredFiling};
pub use journal::UnbalancedEntry;
pub use operations::{Earlier, Fresh, Kind, Receipt, Received, Resolution, Target, Waiting};

pub use turns::SettlementTurn;

use crate::readers::Readers;
use crate::store::{StoreError, StoreOptions};
use crate::writer::{Closed, Writer};

/// The hub's store. Clones share it.
#[derive(Clone)]
pub struct HubStore {
    writer: Writer,
    readers: Readers,
}

impl HubStore {
    /// Opens the store's file and brings it to the newest version.
    ///
    /// # Errors
    /// When the file cannot be opened, or another process writes to it.
    pub fn open(path: &Path, options: StoreOptions) -> Result<HubStore, StoreError> {
        let writer = Writer::open(path, schema::MIGRATIONS, options)?;
        Ok(HubStore { writer, readers: Readers::open(path)? })
    }

    /// The end of the store's writer, which comes when the last handle is gone.
    pub fn closed(&self) -> Closed {
        self.writer.closed()
    }
}

/// The place of an operation in the hub's book: 1, 2, 3, …
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub i64);

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Reads an instant back.
fn instant(table: &'static str, id: impl fmt::Display, micros: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_microsecond(micros).map_err(|fault| corrupt(table, id, fault))
}

/// The error for a row that does not read as what it was written as.
fn corrupt(table: &'static str, id: impl fmt::Display, problem: impl fmt::Display) -> StoreError {
    StoreError::Corrupt { table, id: id.to_string(), problem: problem.to_string() }
}
