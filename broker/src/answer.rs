//! What may count as the answer to an operation: a home region's, if it answers what was asked and adds up, or one of
//! the few that the hub gives itself. An answer that fails is not kept; the operation stays in doubt, where it is seen.

use std::collections::BTreeSet;

use jiff::Timestamp;
use ledger::hub::{Answer, Verdict};
use proto::convert::{self, WireError};
use proto::v1;
use settlement::ids::PoolCode;
use settlement::operation::{Cancel, Operation, Request, Settle};
use settlement::outcome::{Done, Outcome, Settled, Undone};
use settlement::postings::Booking;
use settlement::refusal::{Reason, Refusal};

use crate::lie::Lie;

/// An answer that may be kept, and what it books.
pub struct Sound {
    /// The answer.
    pub answer: Answer,
    /// What it books.
    pub booking: Option<Booking>,
}

/// Why an answer is none.
#[derive(Debug, thiserror::Error)]
pub enum AnswerFault {
    /// It cannot be read, or its sums do not add up.
    #[error("it cannot be read: {0}")]
    Unreadable(WireError),
    /// It answers another kind of request.
    #[error("it answers another kind of request")]
    OtherRequest,
    /// It is about another settlement or counter-entry.
    #[error("it is about another settlement")]
    OtherSettlement,
    /// It is about another bill or another insurance.
    #[error("it is about another bill")]
    OtherBill,
    /// Somebody's part is below zero.
    #[error("a part of it is negative")]
    Negative,
    /// It debits the account of somebody whom the region does not insure.
    #[error("it debits an account of pool {0}, whose people the region does not answer for")]
    ForeignAccount(PoolCode),
    /// It refuses for now only, which is no answer.
    #[error("it refuses for a passing reason ({})", .0.code())]
    Passing(Reason),
}

impl AnswerFault {
    /// What it is to whoever watches the region.
    pub fn lie(&self) -> Lie {
        match self {
            AnswerFault::Unreadable(fault) if fault.sums_differ() => Lie::WrongSums,
            AnswerFault::Unreadable(_) => Lie::Unreadable,
            AnswerFault::OtherRequest => Lie::OtherRequest,
            AnswerFault::OtherSettlement => Lie::OtherSettlement,
            AnswerFault::OtherBill => Lie::OtherBill,
            AnswerFault::Negative => Lie::WrongSums,
            AnswerFault::ForeignAccount(_) => Lie::ForeignAccount,
            AnswerFault::Passing(_) => Lie::Passing,
        }
    }
}

/// Takes what the home region of some pools answered as the answer to an operation.
///
/// # Errors
/// Why it cannot be.
pub fn check(
    operation: &Operation,
    answer: v1::Answer,
    pools: &BTreeSet<PoolCode>,
    answered_at: Timestamp,
) -> Result<Sound, AnswerFault> {
    let outcome = convert::read_outcome(&answer.outcome).map_err(AnswerFault::Unreadable)?;
    match &outcome {
        Outcome::Accepted { decided_at: _, done } => {
            check_done(operation, done)?;
            check_family(done, pools)?;
        }
        Outcome::Refused(refusal) if refusal.reason.is_transient() => return Err(AnswerFault::Passing(refusal.reason)),
        Outcome::Refused(_) => {}
    }
    let booking = Booking::of(operation, &outcome);
    let verdict = Verdict::of(&outcome);
    Ok(Sound { answer: Answer { outcome: answer.outcome, verdict, book_seq: answer.book_seq, answered_at }, booking })
}

/// The hub's own answer for a key that may never take effect.
pub fn voided(answered_at: Timestamp) -> Answer {
    own(&Outcome::Refused(Refusal::new(Reason::Voided)), answered_at)
}

/// The hub's own answer where a region refused for good without keeping the operation.
pub fn refused(refusal: Refusal) -> v1::Answer {
    v1::Answer { outcome: convert::write_outcome(&Outcome::Refused(refusal)), book_seq: 0 }
}

/// The hub's own answer to a reversal aimed at nothing that ever left the hub.
pub fn nothing_to_undo(decided_at: Timestamp) -> v1::Answer {
    let done = Done::Reversed(Box::new(Undone::Nothing));
    v1::Answer { outcome: convert::write_outcome(&Outcome::Accepted { decided_at, done }), book_seq: 0 }
}

fn own(outcome: &Outcome, answered_at: Timestamp) -> Answer {
    let verdict = Verdict::of(outcome);
    Answer { outcome: convert::write_outcome(outcome), verdict, book_seq: 0, answered_at }
}

fn check_done(operation: &Operation, done: &Done) -> Result<(), AnswerFault> {
    match (&operation.request, done) {
        (Request::Settle(settle), Done::Settled(settled)) => check_settled(settle, settled),
        (Request::Cancel(cancel), Done::Cancelled { counter, original, account_balance: _ }) => {
            check_cancelled(cancel, counter == &cancel.counter, original)
        }
        (Request::Reverse(_), Done::Reversed(undone)) => match &**undone {
            Undone::Settlement { original, .. } | Undone::Cancellation { original, .. } => check_parts(original),
            Undone::Nothing => Ok(()),
        },
        (Request::Settle(_) | Request::Cancel(_) | Request::Reverse(_), _) => Err(AnswerFault::OtherRequest),
    }
}

/// What relatives' accounts pay is owed by their owners' pools: a region speaks for its own alone.
fn check_family(done: &Done, pools: &BTreeSet<PoolCode>) -> Result<(), AnswerFault> {
    let settled = match done {
        Done::Settled(settled) => &**settled,
        // What is undone is held against what was settled.
        Done::Cancelled { .. } | Done::Reversed(_) => return Ok(()),
    };
    match settled.family.iter().map(|share| share.account.pool).find(|pool| !pools.contains(pool)) {
        Some(foreign) => Err(AnswerFault::ForeignAccount(foreign)),
        None => Ok(()),
    }
}

fn check_settled(settle: &Settle, settled: &Settled) -> Result<(), AnswerFault> {
    if settled.settlement != settle.settlement {
        return Err(AnswerFault::OtherSettlement);
    }
    if settled.coverage != settle.bill.coverage() || settled.insurance != settle.insurance {
        return Err(AnswerFault::OtherBill);
    }
    check_parts(settled)
}

fn check_cancelled(cancel: &Cancel, same_counter: bool, original: &Settled) -> Result<(), AnswerFault> {
    if !same_counter || original.settlement != cancel.settlement {
        return Err(AnswerFault::OtherSettlement);
    }
    check_parts(original)
}

fn check_parts(settled: &Settled) -> Result<(), AnswerFault> {
    let payers = &settled.payers;
    let parts = [payers.account, payers.cash, payers.hospital, settled.deductible];
    let funds = payers.funds.iter().map(|(_, amount)| amount);
    if parts.into_iter().chain(funds).any(|part| part.is_negative()) {
        return Err(AnswerFault::Negative);
    }
    Ok(())
}
