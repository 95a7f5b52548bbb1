//! What an answered operation does to a journal. It says what to book, not whether the book has it already: a journal
//! that knows the settlement's standing books each change of it once. Called by the hub and by home regions.

use super::{JournalEntry, Parties};
use crate::ids::SettlementId;
use crate::operation::Operation;
use crate::outcome::{Done, Outcome, Settled, Undone};

/// How a journal changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Turn {
    /// The settlement's entry for the first time.
    Enter,
    /// The entry with every sign turned.
    Counter,
    /// The entry once more.
    Reinstate,
}

impl Turn {
    /// The word in messages.
    pub fn word(self) -> &'static str {
        match self {
            Turn::Enter => "enter",
            Turn::Counter => "counter",
            Turn::Reinstate => "reinstate",
        }
    }

    /// The turn that a word names.
    pub fn from_word(word: &str) -> Option<Turn> {
        [Turn::Enter, Turn::Counter, Turn::Reinstate].into_iter().find(|turn| turn.word() == word)
    }
}

/// One settlement's change of a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booking {
    /// Which settlement.
    pub settlement: SettlementId,
    /// How it changes.
    pub turn: Turn,
    /// The settlement's entry as it was first made, whatever the turn.
    pub entry: JournalEntry,
}

impl Booking {
    /// What the answer to an operation books; none for refusals and for reversals of what had no effect.
    pub fn of(operation: &Operation, outcome: &Outcome) -> Option<Booking> {
        let (turn, settled) = turn_of(outcome)?;
        let entry = JournalEntry::of_settlement(&parties(operation, settled), &settled.payers, &settled.family);
        Some(Booking { settlement: settled.settlement.clone(), turn, entry })
    }
}

/// How an answer changes a journal, and the settlement that it makes, undoes or brings back; none for refusals and for
/// reversals of what had no effect.
pub fn turn_of(outcome: &Outcome) -> Option<(Turn, &Settled)> {
    let done = match outcome {
        Outcome::Refused(_) => return None,
        Outcome::Accepted { decided_at: _, done } => done,
    };
    match done {
        Done::Settled(settled) => Some((Turn::Enter, settled)),
        Done::Cancelled { counter: _, original, account_balance: _ } => Some((Turn::Counter, original)),
        Done::Reversed(undone) => match &**undone {
            Undone::Settlement { original, account_balance: _ } => Some((Turn::Counter, original)),
            Undone::Cancellation { original, counter: _, account_balance: _ } => Some((Turn::Reinstate, original)),
            Undone::Nothing => None,
        },
    }
}

/// The parties of the settlement that an operation makes or undoes. Undoing keeps its person and institution, since
/// both are parts of the key and of what a reversal names.
fn parties(operation: &Operation, settled: &Settled) -> Parties {
    Parties {
        home: operation.home(),
        insurance: settled.insurance,
        person: operation.key.person.clone(),
        treatment: operation.treatment(),
        institution: operation.key.institution.clone(),
    }
}
