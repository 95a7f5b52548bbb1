//! Taking an answered operation back into a book that was restored from an older copy. The answer is the one that was
//! given, to the byte; nothing is judged again. What it appends follows from the operation, its answer, and what the
//! answer says it uses up. Called by the home region, entry by entry in the order of the old book.

use std::sync::Arc;

use super::book::{Book, BookSeq, Booked, PersonBook, Visit};
use super::effects::Effects;
use super::undo::change;
use super::{Decision, Verdict};
use crate::beijing;
use crate::ids::SettlementId;
use crate::lifecycle::{Event, Standing};
use crate::operation::{Operation, Request, Reverse, Settle};
use crate::outcome::{Done, Outcome, Settled, Undone};
use crate::refusal::{Reason, Refusal};
use crate::year_to_date::{Usage, UsagePosting};

/// An answered operation as the hub kept it.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The place that it had in the book.
    pub seq: BookSeq,
    /// The place of the entry before it, as far as anybody outside ever heard of one. What stood between was lost
    /// before anybody was told.
    pub after: BookSeq,
    /// The operation.
    pub operation: Arc<Operation>,
    /// Its answer.
    pub outcome: Outcome,
    /// What a settlement uses up.
    pub usage: Option<Usage>,
}

/// Why an entry cannot be taken back as it was. A person has to look: the two books say different things.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Clash {
    /// The book holds something else at its place: it was decided anew after the older copy was put back.
    #[error("something else stands at this place of the book: the region went on deciding after it was restored")]
    PlaceTaken,
    /// Its key has an answer at another place of the book.
    #[error("its key is answered at place {} of the book", .0.0)]
    AnsweredElsewhere(BookSeq),
    /// It stands at its place with another answer: it was decided anew.
    #[error("it stands in the book with another answer: it was decided anew")]
    AnsweredOtherwise,
    /// The entry before it is missing.
    #[error("the book ends at place {}, and the entry before this one is not there", .0.0)]
    OutOfOrder(BookSeq),
    /// The answer answers something else.
    #[error("the answer answers another kind of request")]
    OtherRequest,
    /// The answer does not say what the settlement uses up.
    #[error("the answer does not say what the settlement uses up")]
    UsageMissing,
    /// It undoes a settlement that the book does not have.
    #[error("it undoes settlement {0}, which the book does not have")]
    OriginalMissing(SettlementId),
    /// It undoes what does not stand so.
    #[error("it cannot have happened to settlement {0} as it stands in the book")]
    StandsOtherwise(SettlementId),
}

/// Takes an entry back and carries the book forward. An entry that stands in the book already is known.
///
/// # Errors
/// Why it cannot be taken back as it was.
pub fn take_back(book: &mut Book, kept: &Kept) -> Result<Verdict, Clash> {
    let Kept { seq, after, operation, outcome, usage: _ } = kept;
    if let Some(answered) = book.person(&operation.key.person).answers.get(&operation.key) {
        let here = answered.seq == *seq;
        return if here { Ok(Verdict::Known { seq: *seq }) } else { Err(Clash::AnsweredElsewhere(answered.seq)) };
    }
    if *seq <= book.last_seq {
        return Err(Clash::PlaceTaken);
    }
    if book.last_seq < *after {
        return Err(Clash::OutOfOrder(book.last_seq));
    }
    let decision = Decision { outcome: outcome.clone(), effects: effects(book, kept)? };
    if is_voided(outcome) {
        book.carry_voided(*seq, &operation.key);
    } else {
        book.carry(*seq, operation, &decision);
    }
    Ok(Verdict::New { seq: *seq, decision: Box::new(decision) })
}

/// Whether an answer says that the key was voided. Such a key holds no content: whatever comes under it is told so.
pub fn is_voided(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Refused(Refusal { reason: Reason::Voided, .. }))
}

fn effects(book: &mut Book, kept: &Kept) -> Result<Effects, Clash> {
    let person = book.person(&kept.operation.key.person);
    match (&kept.outcome, &kept.operation.request) {
        (Outcome::Refused(_), Request::Settle(_) | Request::Cancel(_) | Request::Reverse(_)) => Ok(Effects::default()),
        (Outcome::Accepted { decided_at: _, done: Done::Settled(settled) }, Request::Settle(settle)) => {
            settled_as_told(kept, settle, settled)
        }
        (Outcome::Accepted { decided_at: _, done: Done::Cancelled { counter, original, .. } }, Request::Cancel(_)) => {
            undone(person, &original.settlement, &Event::Cancel { counter: counter.clone() })
        }
        (Outcome::Accepted { decided_at: _, done: Done::Reversed(reversed) }, Request::Reverse(reverse)) => {
            reversed_as_told(person, reversed, reverse)
        }
        (
            Outcome::Accepted { decided_at: _, done: _ },
            Request::Settle(_) | Request::Cancel(_) | Request::Reverse(_),
        ) => Err(Clash::OtherRequest),
    }
}

fn settled_as_told(kept: &Kept, settle: &Settle, settled: &Settled) -> Result<Effects, Clash> {
    let Outcome::Accepted { decided_at, done: _ } = &kept.outcome else { return Err(Clash::OtherRequest) };
    let usage = kept.usage.clone().ok_or(Clash::UsageMissing)?;
    let booked = Booked {
        seq: kept.seq,
        settled: settled.clone(),
        home: settle.home,
        person: kept.operation.key.person.clone(),
        visit: Visit::of(&settle.encounter),
        usage: UsagePosting { usage, day: beijing::day_of(*decided_at) },
        corrected: None,
        standing: Standing::InForce,
        changed: None,
    };
    Ok(Effects::of_settlement(booked))
}

fn reversed_as_told(person: &PersonBook, reversed: &Undone, reverse: &Reverse) -> Result<Effects, Clash> {
    let effects = match reversed {
        Undone::Settlement { original, account_balance: _ } => {
            undone(person, &original.settlement, &Event::ReverseSettle)?
        }
        Undone::Cancellation { original, counter: _, account_balance: _ } => {
            undone(person, &original.settlement, &Event::ReverseCancel { settled_again: false })?
        }
        Undone::Nothing => Effects::default(),
    };
    Ok(effects.or_tombstone(&reverse.target))
}

fn undone(person: &PersonBook, settlement: &SettlementId, event: &Event) -> Result<Effects, Clash> {
    let booked = person.settlement(settlement).ok_or_else(|| Clash::OriginalMissing(settlement.clone()))?;
    change(person, booked, event).map_err(|_| Clash::StandsOtherwise(settlement.clone()))
}
