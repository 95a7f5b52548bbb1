//! What one operation does to a home region's book. Pure: the part of the book that the operation touches comes in,
//! the answer and the rows to append come back, and the book in memory is carried forward, so that a batch decides
//! exactly as its operations would one by one. No I/O and no rule of benefits: those are asked through [`Judge`].
//! Called by the home region's committer, its estimates, and replays.
//!
//! ```text
//! known key ─► the first answer, or the field that differs
//! settle    ─► voided? ─► judged by the rules ─► settled already? ─► overlapping stay? ─► claimed by hand? ─► settled
//! cancel    ─► voided? ─► whose settlement? ─► lifecycle ─► counter-entry
//! reverse   ─► which message? ─► lifecycle ─► counter-entry, reinstated, or a tombstone
//! correct   ─► in force? ─► counts as the batch says? ─► comes out so, or did once? ─► the difference is posted
//! ```

mod affected;
mod book;
mod correct;
mod effects;
mod judge;
mod posted_stay;
mod rework;
mod settle;
mod take_back;
mod undo;

use std::sync::Arc;

use jiff::Timestamp;

pub use affected::{Reach, Reader, built_on, still_differs};
pub use book::{Answered, Book, BookSeq, Booked, Claim, Deed, Message, PersonBook, Used, Visit};
pub use correct::{
    Corrected, Correction, CorrectionFault, Faulty, Posted, Taken, as_debited, correct, correct_again, corrected_since,
    undo_corrections,
};
pub use effects::{Correcting, Effects, Undoing};
pub use judge::{Judge, Judgement, Question, judge_by, judge_with};
pub use posted_stay::{PostedStay, StayChange, StayFacts};
pub use rework::{Rework, Reworked, Stored, funds_would_pay_more};
pub use take_back::{Clash, Kept, is_voided, take_back};

use crate::beijing;
use crate::filing::Filing;
use crate::operation::{Operation, OperationKey, Request, Settle};
use crate::outcome::{Done, Outcome};
use crate::refusal::{Reason, Refusal};
pub use crate::year_to_date::UsagePosting;

/// What became of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was decided now.
    New {
        /// Its place in the book.
        seq: BookSeq,
        /// The answer, and what has to be appended.
        decision: Box<Decision>,
    },
    /// Its key came before with the same content: the answer stored there holds.
    Known {
        /// Where.
        seq: BookSeq,
    },
    /// It could not be decided for a fault of ours. Nothing is stored, and the key stays free.
    Undecided(Refusal),
    /// Its key came before with other content; this field differs. Nothing is stored.
    ContentDiffers {
        /// The interface's name of the field.
        field: &'static str,
    },
}

/// An answer, and what has to be appended for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The answer.
    pub outcome: Outcome,
    /// What it does.
    pub effects: Effects,
}

/// Decides an operation and carries the book forward.
pub fn decide(
    book: &mut Book,
    operation: &Arc<Operation>,
    filings: &[Filing],
    judge: &Judge<'_>,
    at: Timestamp,
) -> Verdict {
    if let Some(answered) = book.person(&operation.key.person).answers.get(&operation.key) {
        return repeated(answered, operation);
    }
    let seq = book.last_seq.next();
    let decided = match &operation.request {
        Request::Settle(settle) => settle::settle(book, seq, &operation.key, settle, filings, judge, at),
        Request::Cancel(cancel) => undo::cancel(book, &operation.key, cancel),
        Request::Reverse(reverse) => undo::reverse(book, &operation.key, reverse),
    };
    let decision = match decided {
        Ok((done, effects)) => Decision { outcome: Outcome::Accepted { decided_at: at, done }, effects },
        Err(fault) if fault.reason.is_transient() => return Verdict::Undecided(fault),
        Err(refusal) => Decision::refused(refusal),
    };
    book.carry(seq, operation, &decision);
    Verdict::New { seq, decision: Box::new(decision) }
}

/// What a key became; a key that never came is voided now, so that the operation can never take effect.
pub fn resolve(book: &mut Book, key: &OperationKey) -> Verdict {
    if let Some(answered) = book.person(&key.person).answers.get(key) {
        return Verdict::Known { seq: answered.seq };
    }
    let seq = book.last_seq.next();
    book.carry_voided(seq, key);
    Verdict::New { seq, decision: Box::new(Decision::refused(Reason::Voided.into())) }
}

/// What settling would answer now. Keys and ids play no part, and nothing is carried forward.
///
/// # Errors
/// As settling would refuse.
pub fn estimate(
    book: &mut Book,
    key: &OperationKey,
    settle: &Settle,
    filings: &[Filing],
    judge: &Judge<'_>,
    at: Timestamp,
) -> Result<Done, Refusal> {
    let family = book.family(&key.person, beijing::day_of(at));
    settle::work_out(book.person(&key.person), &family, settle, filings, judge, at)
        .map(|settled| settled.into_done(settle))
}

fn repeated(answered: &Answered, operation: &Operation) -> Verdict {
    // A voided key holds no content: whatever comes under it is told that it is voided.
    match answered.operation.as_ref().and_then(|first| first.difference(operation)) {
        Some(field) => Verdict::ContentDiffers { field },
        None => Verdict::Known { seq: answered.seq },
    }
}

impl Decision {
    fn refused(refusal: Refusal) -> Decision {
        Decision { outcome: Outcome::Refused(refusal), effects: Effects::default() }
    }
}
