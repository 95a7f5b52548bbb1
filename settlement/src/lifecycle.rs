//! The life of a settlement: in force → cancelled → in force again if the cancellation is reversed;
//! in force → reversed. One total function; what has to be booked comes back as a value.

use crate::ids::SettlementId;
use crate::refusal::Reason;

/// Where a settlement stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// It counts.
    InForce,
    /// 已撤销: a counter-entry with an id of its own took it back; both are seen in the books.
    Cancelled {
        /// The counter-entry.
        counter: SettlementId,
    },
    /// 已冲正: its message was undone; both entries stay in the journal and drop out of the hospital's totals.
    Reversed,
}

/// What can happen to a settlement.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// Cancel it by its id.
    Cancel {
        /// The id of the counter-entry.
        counter: SettlementId,
    },
    /// Reverse the message that settled it.
    ReverseSettle,
    /// Reverse the message that cancelled it.
    ReverseCancel {
        /// Whether the visit was settled again since.
        settled_again: bool,
    },
}

/// What has to be booked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// The settlement's postings with every sign turned.
    Counter,
    /// The settlement's postings once more.
    Reinstate,
    /// Nothing: it was done before, and the first answer holds.
    Nothing,
}

/// Where a settlement stands after an event, and what has to be booked.
///
/// ```
/// use settlement::lifecycle::{Effect, Event, Standing, after};
/// assert_eq!(after(&Standing::InForce, &Event::ReverseSettle), Ok((Standing::Reversed, Effect::Counter)));
/// assert_eq!(after(&Standing::Reversed, &Event::ReverseSettle), Ok((Standing::Reversed, Effect::Nothing)));
/// ```
///
/// # Errors
/// Why the event cannot happen to a settlement that stands so.
pub fn after(standing: &Standing, event: &Event) -> Result<(Standing, Effect), Reason> {
    match (standing, event) {
        (Standing::InForce, Event::Cancel { counter }) => {
            Ok((Standing::Cancelled { counter: counter.clone() }, Effect::Counter))
        }
        (Standing::InForce, Event::ReverseSettle) => Ok((Standing::Reversed, Effect::Counter)),
        (Standing::InForce, Event::ReverseCancel { settled_again: _ }) => Ok((Standing::InForce, Effect::Nothing)),

        (Standing::Cancelled { counter: _ }, Event::Cancel { counter: _ }) => Err(Reason::AlreadyCancelled),
        (Standing::Cancelled { counter: _ }, Event::ReverseSettle) => Err(Reason::AlreadyCancelled),
        (Standing::Cancelled { counter: _ }, Event::ReverseCancel { settled_again: true }) => Err(Reason::SettledAgain),
        (Standing::Cancelled { counter: _ }, Event::ReverseCancel { settled_again: false }) => {
            Ok((Standing::InForce, Effect::Reinstate))
        }

        (Standing::Reversed, Event::Cancel { counter: _ }) => Err(Reason::AlreadyReversed),
        (Standing::Reversed, Event::ReverseSettle) => Ok((Standing::Reversed, Effect::Nothing)),
        (Standing::Reversed, Event::ReverseCancel { settled_again: _ }) => Err(Reason::AlreadyReversed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_standing_meets_every_event() {
        let id = |text| SettlementId::new(text).expect("an id");
        let cancelled = Standing::Cancelled { counter: id("c") };
        let cancel = Event::Cancel { counter: id("c") };
        let once_more = Event::ReverseCancel { settled_again: false };
        let too_late = Event::ReverseCancel { settled_again: true };
        for (standing, event, expected) in [
            (&Standing::InForce, &cancel, Ok((cancelled.clone(), Effect::Counter))),
            (&Standing::InForce, &Event::ReverseSettle, Ok((Standing::Reversed, Effect::Counter))),
            (&Standing::InForce, &once_more, Ok((Standing::InForce, Effect::Nothing))),
            (&cancelled, &cancel, Err(Reason::AlreadyCancelled)),
            (&cancelled, &Event::ReverseSettle, Err(Reason::AlreadyCancelled)),
            (&cancelled, &once_more, Ok((Standing::InForce, Effect::Reinstate))),
            (&cancelled, &too_late, Err(Reason::SettledAgain)),
            (&Standing::Reversed, &cancel, Err(Reason::AlreadyReversed)),
            (&Standing::Reversed, &Event::ReverseSettle, Ok((Standing::Reversed, Effect::Nothing))),
            (&Standing::Reversed, &once_more, Err(Reason::AlreadyReversed)),
        ] {
            assert_eq!(after(standing, event), expected, "{standing:?} {event:?}");
        }
    }
}
