//! The entries of one settlement by where they stand, and whether they can end on one sum: the first enters it, each later
//! one undoes the one before it or brings it back. Reading them is for `ledger`.

/// Where an entry stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// It counts in a period that is stated, or that two people have cleared it in, and stays there.
    Stated,
    /// It counts in a period that is not stated yet.
    Open,
    /// It waits on the list.
    Waits,
    /// It was returned from there, and counts nowhere.
    Returned,
}

/// Whether what waits of a settlement can only be cleared: a later entry counts in a period that is stated, and cannot be
/// brought onto the list any more. Cleared, both come to what they come to together; returned, the later one would count
/// alone.
///
/// ```
/// use clearing::listed::entries::{Place, clears_only};
/// assert!(clears_only(&[Place::Waits, Place::Stated]), "its undoing counts");
/// assert!(!clears_only(&[Place::Waits, Place::Open]), "its undoing follows it");
/// assert!(!clears_only(&[Place::Stated, Place::Waits]), "it was cleared, and stays so");
/// ```
pub fn clears_only(entries: &[Place]) -> bool {
    let first = entries.iter().position(|place| *place == Place::Waits);
    first.is_some_and(|first| entries[first..].contains(&Place::Stated))
}

/// Whether entries may wait on the list so: not where what waits can only be cleared although something of the settlement was
/// returned. What undoes that later would be cleared with the others, and count alone.
///
/// ```
/// use clearing::listed::entries::{Place, may_wait};
/// assert!(may_wait(&[Place::Waits, Place::Stated, Place::Waits]), "all is cleared");
/// assert!(!may_wait(&[Place::Waits, Place::Stated, Place::Returned]));
/// assert!(may_wait(&[Place::Stated, Place::Waits, Place::Returned]), "all is returned");
/// ```
pub fn may_wait(entries: &[Place]) -> bool {
    !(clears_only(entries) && entries.contains(&Place::Returned))
}

/// Whether entries count without what they undo or bring back: some were returned, and the others come neither to the
/// settlement nor to nothing. As long as one waits or is not stated, it is not decided yet.
pub fn count_apart(entries: &[Place]) -> bool {
    let is_decided = !entries.iter().any(|place| matches!(place, Place::Waits | Place::Open));
    let turns = entries.iter().zip([1, -1].into_iter().cycle());
    let counted: i32 = turns.filter(|(place, _)| **place == Place::Stated).map(|(_, turn)| turn).sum();
    is_decided && entries.contains(&Place::Returned) && !(0..=1).contains(&counted)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Verdict;
    use super::*;

    #[test]
    fn what_is_returned_without_what_undoes_it_counts_apart() {
        use Place::{Open, Returned, Stated, Waits};
        for (entries, apart) in [
            (vec![Stated], false),
            (vec![Returned], false),
            (vec![Returned, Returned], false),
            (vec![Stated, Returned], false),
            (vec![Returned, Stated], true),
            (vec![Returned, Open], false),
            (vec![Waits, Stated], false),
            (vec![Stated, Returned, Stated], true),
            (vec![Stated, Returned, Returned], false),
        ] {
            assert_eq!(count_apart(&entries), apart, "{entries:?}");
        }
    }

    #[test]
    fn an_undoing_that_leaves_something_before_it_can_only_be_cleared() {
        use Place::{Open, Returned, Stated, Waits};
        for (entries, only) in [
            (vec![Waits], false),
            (vec![Stated, Waits, Open], false),
            (vec![Stated, Waits, Waits], false),
            (vec![Waits, Open, Stated], true),
            (vec![Waits, Stated, Waits], true),
            (vec![Returned, Returned, Waits], false),
        ] {
            assert_eq!(clears_only(&entries), only, "{entries:?}");
        }
    }

    /// What happens to a settlement.
    #[derive(Clone, Copy, Debug)]
    enum Event {
        /// It is undone, or brought back.
        Turn,
        /// The period of what is open is stated: where something waits or was returned, what is open goes to the list.
        State,
        /// One entry reaches the list, and what is open with it; one that is stated is objected to.
        List(usize),
        /// One that is stated is objected to and carried over; onto the list where something of its settlement is or was there.
        Carry(usize),
        /// Two people end what waits, if they may.
        End(Verdict),
    }

    fn event() -> impl Strategy<Value = Event> {
        prop_oneof![
            Just(Event::Turn),
            Just(Event::State),
            (0_usize..4).prop_map(Event::List),
            (0_usize..4).prop_map(Event::Carry),
            prop::sample::select(vec![Verdict::Clear, Verdict::Return]).prop_map(Event::End),
        ]
    }

    fn all_from(entries: &mut [Place], from: Place, into: Place) {
        entries.iter_mut().filter(|place| **place == from).for_each(|place| *place = into);
    }

    fn happens(entries: &mut Vec<Place>, event: Event) {
        match event {
            Event::Turn => entries.push(Place::Open),
            Event::State if entries.iter().any(|place| matches!(place, Place::Waits | Place::Returned)) => {
                all_from(entries, Place::Open, Place::Waits);
            }
            Event::State => all_from(entries, Place::Open, Place::Stated),
            Event::Carry(which) if !entries.iter().any(|place| matches!(place, Place::Waits | Place::Returned)) => {
                entries.get_mut(which).into_iter().for_each(|place| *place = Place::Open);
            }
            Event::List(which) | Event::Carry(which) => {
                // What was returned is not there any more.
                let Some(place) = entries.get(which).copied().filter(|place| *place != Place::Returned) else { return };
                let mut listed = entries.clone();
                listed[which] = Place::Waits;
                all_from(&mut listed, Place::Open, Place::Waits);
                if place != Place::Stated || may_wait(&listed) {
                    *entries = listed;
                }
            }
            Event::End(verdict) => {
                let was_returned = entries.contains(&Place::Returned).then_some(Verdict::Return);
                let only = if clears_only(entries) { Some(Verdict::Clear) } else { was_returned };
                if only.is_none_or(|only| only == verdict) {
                    let into = if verdict == Verdict::Clear { Place::Stated } else { Place::Returned };
                    all_from(entries, Place::Waits, into);
                }
            }
        }
    }

    proptest! {
        /// Whichever entry reaches the list, whenever, and however it ends there.
        #[test]
        fn what_ends_as_it_may_never_counts_apart(events in prop::collection::vec(event(), 0..20)) {
            let mut entries = vec![Place::Open];
            let closing = [Event::State, Event::End(Verdict::Clear), Event::End(Verdict::Return), Event::State];
            for event in events.into_iter().chain(closing) {
                happens(&mut entries, event);
                prop_assert!(!count_apart(&entries) && may_wait(&entries), "{event:?}: {entries:?}");
            }
        }
    }
}
