//! Which transitions of a settlement's life (`settlement/src/lifecycle.rs`) a simulation went through: the operations and
//! their answers in the hub's book, in the order of the home regions' own.

use std::collections::BTreeMap;

use anyhow::Result;
use ledger::hub::HubStore;
use proto::convert;
use settlement::operation::{Operation, Request};
use settlement::outcome::{Done, Outcome, Undone};
use settlement::refusal::Reason;

use crate::verify;

/// How often each transition was taken.
pub type Transitions = BTreeMap<&'static str, u64>;

/// Every transition that there is, and that of a letter, as reports name them.
pub const ALL: [&str; 15] = [
    VOIDED,
    SETTLED,
    REFUSED,
    CANCELLED,
    REVERSED,
    NOT_CANCELLED,
    CANCELLED_TWICE,
    TOO_LATE,
    BACK_IN_FORCE,
    SETTLED_AGAIN,
    GONE,
    REVERSED_TWICE,
    UNDONE_SINCE,
    TOMBSTONE,
    LETTER,
];

const VOIDED: &str = "never seen → voided by a question";
const SETTLED: &str = "received → settled";
const REFUSED: &str = "received → refused";
const CANCELLED: &str = "in force + cancel → cancelled";
const REVERSED: &str = "in force + reversal → reversed";
const NOT_CANCELLED: &str = "in force + reversal of the cancel → nothing";
const CANCELLED_TWICE: &str = "cancelled + cancel → refused";
const TOO_LATE: &str = "cancelled + reversal of the settle → refused";
const BACK_IN_FORCE: &str = "cancelled + reversal of the cancel → in force";
const SETTLED_AGAIN: &str = "cancelled + reversal of the cancel, settled again → refused";
const GONE: &str = "reversed + cancel → refused";
const REVERSED_TWICE: &str = "reversed + reversal of the settle → nothing";
const UNDONE_SINCE: &str = "undone since + reversal of the cancel → refused";
const TOMBSTONE: &str = "nothing in force + reversal → tombstone";
const LETTER: &str = "a letter posted → acknowledged";

/// The transitions in a hub's book.
///
/// # Errors
/// When it cannot be read.
pub async fn of(hub: &HubStore) -> Result<Transitions> {
    let mut decided = Vec::new();
    for record in verify::records(hub).await? {
        let Some(answer) = record.answer else { continue };
        let (operation, outcome) = (convert::read_operation(&record.bytes)?, convert::read_outcome(&answer.outcome)?);
        decided.push((answer.book_seq, operation, outcome));
    }
    // A settlement is in one region's book, so that it does not matter how those of two regions are mixed.
    decided.sort_by_key(|(book_seq, _, _)| *book_seq);
    let acknowledged = hub.mailboxes().letter_acknowledged().await?.len() as u64;
    let (mut transitions, mut in_force) = (Transitions::from([(LETTER, acknowledged)]), BTreeMap::new());
    for (_, operation, outcome) in decided {
        if let Some(taken) = taken(&operation, &outcome, &mut in_force) {
            *transitions.entry(taken).or_default() += 1;
        }
    }
    Ok(transitions)
}

/// The transition of an answer, given which settlements are in force before it.
fn taken(operation: &Operation, outcome: &Outcome, in_force: &mut BTreeMap<String, bool>) -> Option<&'static str> {
    match outcome {
        Outcome::Refused(refusal) => refused(&operation.request, refusal.reason),
        Outcome::Accepted { decided_at: _, done } => Some(accepted(done, in_force)),
    }
}

fn refused(request: &Request, reason: Reason) -> Option<&'static str> {
    match (request, reason) {
        (_, Reason::Voided) => Some(VOIDED),
        (Request::Settle(_), _) => Some(REFUSED),
        (Request::Cancel(_), Reason::AlreadyCancelled) => Some(CANCELLED_TWICE),
        (Request::Cancel(_), Reason::AlreadyReversed) => Some(GONE),
        (Request::Reverse(_), Reason::AlreadyCancelled) => Some(TOO_LATE),
        (Request::Reverse(_), Reason::SettledAgain) => Some(SETTLED_AGAIN),
        (Request::Reverse(_), Reason::AlreadyReversed) => Some(UNDONE_SINCE),
        (Request::Cancel(_) | Request::Reverse(_), _) => None,
    }
}

fn accepted(done: &Done, in_force: &mut BTreeMap<String, bool>) -> &'static str {
    let mut becomes = |settlement: &dyn ToString, counts| in_force.insert(settlement.to_string(), counts);
    match done {
        Done::Settled(settled) => {
            becomes(&settled.settlement, true);
            SETTLED
        }
        Done::Cancelled { counter: _, original, account_balance: _ } => {
            becomes(&original.settlement, false);
            CANCELLED
        }
        Done::Reversed(undone) => match undone.as_ref() {
            Undone::Settlement { original, .. } => match becomes(&original.settlement, false) {
                Some(false) => REVERSED_TWICE,
                Some(true) | None => REVERSED,
            },
            Undone::Cancellation { original, .. } => match becomes(&original.settlement, true) {
                Some(true) => NOT_CANCELLED,
                Some(false) | None => BACK_IN_FORCE,
            },
            Undone::Nothing => TOMBSTONE,
        },
    }
}
