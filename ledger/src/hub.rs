//! The hub's store: operations and their answers, the journal that accepted ones make, and the registry of filings.
//! It knows nothing of the wire and decides nothing about money. Called by the hub's money path, its jobs and
//! `yidi verify`.
//!
//! | look in | for |
//! |---|---|
//! | `operations` | an operation's way: received, then answered or released; tombstones |
//! | `answers` | keeping an answer together with what it books |
//! | `journal`, `lines` | entries, lines, balance |
//! | `periods` | the period that each entry is stamped with, how far each has come, what is carried, stated, replied and paid; a settlement's way through them |
//! | `doubts`, `leases` | what is asked about, and by which of several hubs |
//! | `express` | a whole batch in one statement, on PostgreSQL |
//! | `filings` | the registry of filings |
//! | `falls` | home regions' books that were restored from an older copy, and what is missing from them |
//! | `prefunds` | what home members have advanced |
//! | `deductions` | what review takes off settlements |
//! | `corrections` | settlements worked out again after a late change: batches, and their money |
//! | `afterwards` | where the money of both goes, and that it goes with its settlement |
//! | `inquiries` | what regions ask one another about settlements 协查, 问题工单 |
//! | `breaks`, `break_records`, `break_actions` | what books differ in, what was done about it, and what certifies that they agree |
//! | `signatures` | who signed that, and who is still to |
//! | `told` | what regions are told of all that, by letters in the same commits |
//! | `asked` | comparisons that operators ask treatment sides for |
//! | `turns`, `fold`, `lots` | the journal as clearing and reports fold it, and its sums by lot |
//! | `proving` | what is read to prove clearing |
//! | `proof` | the same sums worked out anew from the journal |
//! | `enquiries` | what is looked up beside the money path |
//! | `evidence` | reading everything back: for checks, health and reports |

mod afterwards;
mod answers;
mod asked;
mod break_actions;
mod break_decisions;
mod break_records;
mod breaks;
mod corrections;
mod deductions;
mod doubts;
mod enquiries;
mod evidence;
mod express;
mod falls;
mod filings;
mod fold;
mod inquiries;
mod journal;
mod leases;
mod lines;
mod lots;
mod operations;
mod periods;
mod positions;
mod prefunds;
mod proof;
mod proving;
mod schema;
mod signatures;
#[cfg(test)]
mod tests;
mod told;
mod turns;

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

pub use afterwards::alone::{CameAlone, WentAlone};
pub use afterwards::moved::MovedAlone;
pub use answers::{Answer, Answering, Verdict};
pub use asked::{AskedAnswer, AskedComparison};
pub use break_actions::{Acted, BreakEnd, BreakHistory};
pub use break_records::Looked;
pub use breaks::{Certificate, FoundBreak, OpenBreak};
pub use corrections::{
    BatchFault, BatchPlace, Changes, CorrectionBatch, CorrectionLetter, NumberTaken, PostedCorrection, Proposal,
};
pub use deductions::{Change, Deduction, DeductionFault, Lodging as DeductionLodging, PostedDeduction};
pub use doubts::Frontier;
pub use enquiries::{Made, Owner};
pub use evidence::{Counts, Record};
pub use falls::{Fall, Given};
pub use filings::{FilingStanding, Lodged, Lodging, RegisteredFiling};
pub use fold::Reading;
pub use inquiries::{Asking, Happened, Inquiry, InquiryChange, InquiryFault, Regions};
pub use journal::UnbalancedEntry;
pub use lots::LotPosting;
pub use operations::{Earlier, Fresh, Kind, Receipt, Received, Resolution, Target, Waiting};
pub use periods::{
    AsOf, Between, CarriedEntry, CarriedOne, CarriedSide, Carrying, CorrectedIn, DeductedIn, Disputed,
    DisputedBranches, EntryApart, Followed, ListPlace, Listed, ListedFault, PaidPlace, Period, PeriodNumber, Reply,
    Stands, StatementFault, StepReport, StepTaken, UncomparedBranch,
};
pub use prefunds::{
    PrefundAnswer, PrefundChange, PrefundEntry, PrefundKey, PrefundKind, PrefundPaymentFault, Suspension,
};
pub use proving::{
    Afterwards, BookedPosting, CarriedOver, DoneAlone, Misplaced, MisplacedHow, Misposted, MovedPosting, Noticed,
    PostedPlaces, PrefundMispaid, StandsApart,
};
pub use schema::SCHEMA;
pub use signatures::{KeptSigner, NewSignature, Unsigned};
pub use told::{Gone, News, Telling, Told};
pub use turns::SettlementTurn;

use crate::engine::{Closed, Engine, Location};
use crate::leaves::{Leaves, WithMade, with_made};
use crate::mailbox::Mailboxes;
use crate::store::{StoreError, StoreOptions};

/// The hub's store. Clones share it.
#[derive(Clone)]
pub struct HubStore {
    engine: Engine,
    /// How regions are told of clearing; where it is none, they are not.
    telling: Option<Arc<Telling>>,
}

impl HubStore {
    /// Opens the store. A file is made and brought to the newest version; a PostgreSQL database was prepared by
    /// `yidi store migrate`, and several hubs may have it open.
    ///
    /// # Errors
    /// When it cannot be opened, or another process writes to the file.
    pub fn open(location: &Location, options: &StoreOptions) -> Result<HubStore, StoreError> {
        let express = Box::new(express::HubExpress);
        Ok(HubStore { engine: Engine::open_with(location, &SCHEMA, options, Some(express))?, telling: None })
    }

    /// Opens the store of a hub that may be serving, to look at it: what would change it fails. It must be there.
    ///
    /// # Errors
    /// When it cannot be opened, or is older than this program.
    pub fn open_to_look(location: &Location) -> Result<HubStore, StoreError> {
        Ok(HubStore { engine: Engine::open_to_look(location, &SCHEMA)?, telling: None })
    }

    /// The mailboxes, which are kept with the causes of their letters.
    pub fn mailboxes(&self) -> Mailboxes {
        Mailboxes::new(self.engine.clone())
    }

    /// The digests by which the book is compared with others'.
    pub fn leaves(&self) -> Leaves {
        const WITH_MADE: WithMade = with_made!(
            "operations.bytes, answers.outcome",
            "operations ON operations.position = leaves.number
             LEFT JOIN answers ON answers.position = leaves.number"
        );
        Leaves::new(self.engine.clone(), WITH_MADE)
    }

    /// The end of the store's writer, which comes when the last handle is gone.
    pub fn closed(&self) -> Closed {
        self.engine.closed()
    }
}

/// The place of an operation in the hub's book: who wrote it down, and the how manieth it was. Places of one writer
/// rise in the order of their commits; those of different writers say nothing of time.
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
