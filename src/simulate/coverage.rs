//! Which transitions of a settlement's life (`settlement/src/lifecycle.rs`) a simulation went through, read off the
//! operations and their answers in the hub's book.

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

/// Every transition that there is, as reports name it.
pub const ALL: [&str; 11] = [
    "never seen → voided by a question",
    "received → settled",
    "received → refused",
    "in force + cancel → cancelled",
    "in force + reversal → reversed",
    "cancelled + cancel → refused",
    "cancelled + reversal of the settle → refused",
    "cancelled + reversal of the cancel → in force",
    "cancelled + reversal of the cancel, settled again → refused",
    "reversed + cancel → refused",
    "nothing in force + reversal → tombstone",
];

/// The transitions in a hub's book.
///
/// # Errors
/// When it cannot be read.
pub async fn of(hub: &HubStore) -> Result<Transitions> {
    let mut transitions = Transitions::new();
    for record in verify::records(hub).await? {
        let Some(answer) = record.answer else { continue };
        let (operation, outcome) = (convert::read_operation(&record.bytes)?, convert::read_outcome(&answer.outcome)?);
        if let Some(taken) = taken(&operation, &outcome) {
            *transitions.entry(taken).or_default() += 1;
        }
    }
    Ok(transitions)
}

fn taken(operation: &Operation, outcome: &Outcome) -> Option<&'static str> {
    let [voided, settled, refused, cancelled, reversed, twice, too_late, again, never_again, gone, tombstone] = ALL;
    match (&operation.request, outcome) {
        (_, Outcome::Refused(refusal)) if refusal.reason == Reason::Voided => Some(voided),
        (Request::Settle(_), Outcome::Refused(_)) => Some(refused),
        (Request::Cancel(_), Outcome::Refused(refusal)) => {
            let named = [(Reason::AlreadyCancelled, twice), (Reason::AlreadyReversed, gone)];
            named.into_iter().find_map(|(reason, name)| (refusal.reason == reason).then_some(name))
        }
        (Request::Reverse(_), Outcome::Refused(refusal)) => {
            let named = [(Reason::AlreadyCancelled, too_late), (Reason::SettledAgain, never_again)];
            named.into_iter().find_map(|(reason, name)| (refusal.reason == reason).then_some(name))
        }
        (_, Outcome::Accepted { decided_at: _, done }) => Some(match done {
            Done::Settled(_) => settled,
            Done::Cancelled { .. } => cancelled,
            Done::Reversed(undone) => match undone.as_ref() {
                Undone::Settlement { .. } => reversed,
                Undone::Cancellation { .. } => again,
                Undone::Nothing => tombstone,
            },
        }),
    }
}
