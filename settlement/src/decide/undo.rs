//! Cancelling a settlement by its id, and reversing a message. What may happen to a settlement is for
//! [`crate::lifecycle`] to say; here is which settlement is meant, and what has to be appended.

use std::ops::Neg;

use super::affected::{Reach, built_on};
use super::book::{Book, Booked, Deed, Message, PersonBook};
use super::effects::{Effects, Undoing, received};
use crate::encounter::CareKind;
use crate::ids::SettlementId;
use crate::lifecycle::{Effect, Event, Standing, after};
use crate::operation::{Cancel, OperationKey, Reverse};
use crate::outcome::{Done, Undone};
use crate::refusal::{Reason, Refusal};

/// Cancels a settlement of the same person and institution.
pub(super) fn cancel(book: &mut Book, key: &OperationKey, cancel: &Cancel) -> Result<(Done, Effects), Refusal> {
    if book.taken.contains(&cancel.counter) {
        return Err(Refusal::new(Reason::InvalidField).of_field("setl_id").because("the counter-entry's id is taken"));
    }
    let person = book.person(&key.person);
    if person.tombstones.contains(&key.as_target()) {
        return Err(Reason::Voided.into());
    }
    let booked = person
        .settlement(&cancel.settlement)
        .filter(|booked| is_of_sender(booked, key) && booked.home == cancel.home)
        .ok_or_else(|| Refusal::new(Reason::UnknownSettlement).of_field("setl_id"))?;
    let effects = change(person, booked, &Event::Cancel { counter: cancel.counter.clone() })?;
    let account_balance = person.account_balance + effects.account;
    let original = Box::new(booked.settled.clone());
    Ok((Done::Cancelled { counter: cancel.counter.clone(), original, account_balance }, effects))
}

fn is_of_sender(booked: &Booked, key: &OperationKey) -> bool {
    booked.visit.institution == key.institution
        && key.encounter.as_ref().is_none_or(|encounter| *encounter == booked.visit.encounter)
}

/// Reverses a message of the same person and institution.
pub(super) fn reverse(book: &mut Book, key: &OperationKey, reverse: &Reverse) -> Result<(Done, Effects), Refusal> {
    let target = &reverse.target;
    if target.institution != key.institution || target.person != key.person {
        return Err(Refusal::new(Reason::InvalidField).of_field("psn_no").because("a message of somebody else"));
    }
    let person = book.person(&key.person);
    let (undone, effects) = match meant(person, person.messages.iter().filter(|message| message.target == *target))? {
        Meant::Settlement(booked) => {
            let effects = change(person, booked, &Event::ReverseSettle)?;
            (booked.undone(person.account_balance + effects.account), effects)
        }
        Meant::Cancellation { booked, counter } => reverse_cancellation(person, booked, counter)?,
        Meant::Nothing => (Undone::Nothing, Effects::default()),
    };
    Ok((Done::Reversed(Box::new(undone)), effects.or_tombstone(target)))
}

/// Which deed a reversal means.
enum Meant<'a> {
    Settlement(&'a Booked),
    Cancellation {
        booked: &'a Booked,
        counter: &'a SettlementId,
    },
    /// The message had no effect, or was never seen.
    Nothing,
}

/// Of several messages with one number the one that is in force; where none is, the last that ever was, so that
/// reversing twice gives the first answer.
fn meant<'a>(person: &'a PersonBook, messages: impl Iterator<Item = &'a Message>) -> Result<Meant<'a>, Refusal> {
    let (mut in_force, mut earlier) = (Vec::new(), Meant::Nothing);
    for message in messages {
        let (deed, counts) = match &message.deed {
            Deed::Settled(id) => {
                let booked = booked(person, id);
                (Meant::Settlement(booked), booked.standing == Standing::InForce)
            }
            Deed::Cancelled { settlement, counter } => {
                let booked = booked(person, settlement);
                let counts = booked.standing == Standing::Cancelled { counter: counter.clone() };
                (Meant::Cancellation { booked, counter }, counts)
            }
            Deed::Reversed => return Err(Refusal::new(Reason::NotReversible).of_field("oinfno")),
            Deed::Refused => continue,
        };
        if counts {
            in_force.push(deed);
        } else {
            earlier = deed;
        }
    }
    match in_force.len() {
        0 => Ok(earlier),
        1 => Ok(in_force.remove(0)),
        _ => Err(Refusal::new(Reason::AmbiguousOriginal).of_field("omsgid")),
    }
}

fn booked<'a>(person: &'a PersonBook, id: &SettlementId) -> &'a Booked {
    person.settlement(id).expect("a message that settled or cancelled is loaded with its settlement")
}

fn reverse_cancellation(
    person: &PersonBook,
    booked: &Booked,
    counter: &SettlementId,
) -> Result<(Undone, Effects), Refusal> {
    let effects = match &booked.standing {
        Standing::Cancelled { counter: by } if by == counter => {
            not_claimed(person, booked)?;
            change(person, booked, &Event::ReverseCancel { settled_again: settled_again(person, booked) })?
        }
        // It was reversed before; the first answer is still true.
        Standing::InForce => Effects::default(),
        // It was reversed before, but the settlement was undone since. The first answer would say that it is in
        // force, and a journal elsewhere would believe it.
        Standing::Cancelled { counter: _ } | Standing::Reversed => {
            return Err(refused(booked, Reason::AlreadyReversed));
        }
    };
    let account_balance = person.account_balance + effects.account;
    Ok((Undone::Cancellation { original: booked.settled.clone(), counter: counter.clone(), account_balance }, effects))
}

/// Whether the visit was settled again since this settlement was cancelled: for a stay in any way, for an outpatient
/// visit the same batch.
fn settled_again(person: &PersonBook, booked: &Booked) -> bool {
    let visit = &booked.visit;
    person.in_force().any(|other| {
        Some(other.seq).max(other.changed) > booked.changed
            && other.visit.is_of(&visit.encounter, &visit.institution)
            && (visit.care == CareKind::Inpatient || other.visit.batch == visit.batch)
    })
}

fn not_claimed(person: &PersonBook, booked: &Booked) -> Result<(), Refusal> {
    match person.claims.iter().find(|claim| booked.visit.is_of(&claim.encounter, &claim.institution)) {
        Some(claim) => Err(Refusal::new(Reason::ClaimedManually).because(claim.id.clone())),
        None => Ok(()),
    }
}

/// What an event appends. Whatever was decided after the settlement built on it.
pub(super) fn change(person: &PersonBook, booked: &Booked, event: &Event) -> Result<Effects, Refusal> {
    let (becomes, effect) = after(&booked.standing, event).map_err(|reason| refused(booked, reason))?;
    let undoing = Some(Undoing { settlement: booked.settled.settlement.clone(), becomes });
    let affected = || built_on(&person.readers, &booked.usage, Reach { after: Some(booked.seq), from: None });
    Ok(match effect {
        Effect::Counter => Effects {
            undoing,
            usage: Some(booked.usage.counter()),
            account: booked.settled.own_account(),
            family: booked.settled.family.clone(),
            journal: Some(booked.entry().counter()),
            affected: affected(),
            ..Effects::default()
        },
        Effect::Reinstate => Effects {
            undoing,
            usage: Some(booked.usage.clone()),
            account: -booked.settled.own_account(),
            family: received(&booked.settled.family, Neg::neg),
            journal: Some(booked.entry()),
            affected: affected(),
            ..Effects::default()
        },
        Effect::Nothing => Effects::default(),
    })
}

fn refused(booked: &Booked, reason: Reason) -> Refusal {
    let refusal = Refusal::new(reason).of_field("setl_id");
    match &booked.standing {
        Standing::Cancelled { counter } => refusal.because(counter.as_str().to_owned()),
        Standing::InForce | Standing::Reversed => refusal,
    }
}
