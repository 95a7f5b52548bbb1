//! 清算延期: what the books do not yet agree on is carried out of a period and into the next, by entries of its own, and
//! never dropped. After so many periods, or where its year ends, it goes to a list with an owner and ends there by the
//! decision of two people. Both are counted from the month in whose period it was booked, not from the month of settlement:
//! a period is what was committed before its cut-off, so a settlement of 31 December 23:58 that is cleared up on 1 January
//! is January's, and of the next year.

use crate::calendar::Calendar;
use crate::month::Month;
use crate::period::Pair;

/// Where a disputed entry goes when its period is cleared without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carried {
    /// Into this month's period.
    Into(Month),
    /// To the list.
    Listed,
}

/// Where an entry goes that was booked in one month's period and is still disputed when another's is cleared. The month is
/// the period's; that of the settlement may be the one before (policy.md B.4 speaks of two months after the month of
/// settlement).
///
/// ```
/// # use clearing::{calendar::Calendar, month::Month};
/// use clearing::carry::{Carried, carry};
/// # let calendar = Calendar::parse(include_str!("../../deploy/calendar.toml")).expect("no faults");
/// # let month = |text| Month::from_text(text).expect("a month");
/// let (booked, cleared) = (month("2025-06"), month("2025-06"));
/// assert_eq!(carry(booked, cleared, &calendar), Carried::Into(month("2025-07")));
/// assert_eq!(carry(booked, month("2025-08"), &calendar), Carried::Listed);
/// ```
pub fn carry(booked: Month, cleared: Month, calendar: &Calendar) -> Carried {
    let into = cleared.next();
    let at_most = i32::from(calendar.rules(booked).clearing.carried_at_most);
    let in_its_year =
        calendar.year_cleared_by(booked.year()).is_none_or(|last| calendar.schedule(into).clearing_day <= last);
    if into.since(booked) <= at_most && in_its_year { Carried::Into(into) } else { Carried::Listed }
}

/// Whether an entry leaves its period where that is cleared without its settlement. What is `between` pools of one member is
/// booked and owed to nobody, so it stays, whatever the books say of it: no statement is wrong by it, and on the list nobody
/// would have anything to decide. Which pools are of one member may have changed: where others of its settlement and lot wait
/// on the list already, it joins them, since they end on one sum.
///
/// ```
/// # use clearing::period::Pair;
/// # use settlement::ids::{MemberCode, RegionCode};
/// use clearing::carry::leaves;
/// # let member = |code| MemberCode(RegionCode::new(code).expect("a code"));
/// # let (henan, shanghai) = (member("410000"), member("310000"));
/// assert!(leaves(Pair { home: henan, treatment: shanghai }, false));
/// assert!(!leaves(Pair { home: henan, treatment: henan }, false));
/// ```
pub fn leaves(between: Pair, others_wait: bool) -> bool {
    !between.is_one() || others_wait
}

/// Where entries of one settlement go that a period is cleared without, by where each may go by itself: none is the list.
/// They undo one another, and end on one sum. So once one may be carried no further all go to the list, however seldom the
/// others were carried.
///
/// ```
/// use clearing::carry::together;
/// assert_eq!(together([Some(7), Some(7)]), Some(7));
/// assert_eq!(together([Some(7), None]), None);
/// ```
pub fn together<P>(each: impl IntoIterator<Item = Option<P>>) -> Option<P> {
    each.into_iter().reduce(|one, other| one.and(other)).flatten()
}

/// Whether what is taken off a settlement or added to it goes with its `entry`, by where that goes and where it may go
/// `itself`; none is the list. On the list both wait together. What may be carried no further goes there alone where its
/// entry is carried on: its settlement was cleared before, so it is a sum of its own, and the entry waits for nothing.
pub fn goes_with<P>(entry: Option<P>, itself: Option<P>) -> bool {
    entry.is_none() || itself.is_some()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What belongs to one settlement: in which month it was booked or posted, where it is, and how often it was carried.
    #[derive(Clone, Copy, Debug)]
    struct Thing {
        is_entry: bool,
        booked: Month,
        into: Carried,
        times: u16,
    }

    /// A month is cleared without the settlement. Nothing goes anywhere but by the two rules.
    fn clear_without(things: &mut [Thing], cleared: Month, calendar: &Calendar) {
        let is_in_it = |thing: &Thing| thing.into == Carried::Into(cleared);
        let itself = |thing: &Thing| match carry(thing.booked, cleared, calendar) {
            Carried::Into(month) => Some(month),
            Carried::Listed => None,
        };
        let mut entries = things.iter().filter(|thing| thing.is_entry && is_in_it(thing)).peekable();
        let of_entries = entries.peek().is_some().then(|| together(entries.map(itself)));
        for thing in things.iter_mut().filter(|thing| is_in_it(thing)) {
            let alone = itself(thing);
            let into = match of_entries {
                Some(entry) if thing.is_entry || goes_with(entry, alone) => entry,
                Some(_) | None => alone,
            };
            thing.times += u16::from(into.is_some());
            thing.into = into.map_or(Carried::Listed, Carried::Into);
        }
    }

    proptest! {
        /// Whichever months are cleared without it, and whenever something is booked or posted of it.
        #[test]
        fn nothing_of_a_settlement_is_carried_more_often_or_further_than_its_month_says(
            came in prop::collection::vec((any::<bool>(), 0_i16..10), 1..7),
            without in prop::collection::vec(any::<bool>(), 14),
        ) {
            let calendar = Calendar::parse(include_str!("../../deploy/calendar.toml")).expect("no faults");
            let first = Month::from_text("2025-06").expect("a month");
            let thing = |(is_entry, later): (bool, i16)| {
                let booked = first.moved(later);
                Thing { is_entry, booked, into: Carried::Into(booked), times: 0 }
            };
            let mut things: Vec<Thing> = came.into_iter().map(thing).collect();
            for (month, is_without) in (0..).map(|later| first.moved(later)).zip(without) {
                if is_without {
                    clear_without(&mut things, month, &calendar);
                }
                for thing in &things {
                    let at_most = calendar.rules(thing.booked).clearing.carried_at_most;
                    prop_assert!(thing.times <= at_most, "{thing:?}");
                    if let Carried::Into(into) = thing.into {
                        prop_assert!(into.since(thing.booked) <= i32::from(at_most), "{thing:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_taken_off_goes_alone_only_where_its_entry_is_carried_on_without_it() {
        for (entry, itself, goes) in
            [(Some(7), Some(7), true), (Some(7), None, false), (None, None, true), (None, Some(7), true)]
        {
            assert_eq!(goes_with(entry, itself), goes, "{entry:?} {itself:?}");
        }
    }

    #[test]
    fn an_entry_is_carried_for_two_periods_and_never_beyond_its_year() {
        let calendar = Calendar::parse(include_str!("../../deploy/calendar.toml")).expect("no faults");
        let month = |text| Month::from_text(text).expect("a month");
        for (booked, cleared, into) in [
            ("2025-06", "2025-06", Some("2025-07")),
            ("2025-06", "2025-07", Some("2025-08")),
            ("2025-06", "2025-08", None),
            ("2025-06", "2025-11", None),
            // December is cleared in January, so January's period is the last that may be cleared by the end of March
            // is February's.
            ("2025-12", "2025-12", Some("2026-01")),
            ("2025-12", "2026-01", Some("2026-02")),
            ("2025-12", "2026-02", None),
        ] {
            let expected = into.map_or(Carried::Listed, |into| Carried::Into(month(into)));
            assert_eq!(carry(month(booked), month(cleared), &calendar), expected, "{booked} when {cleared} is cleared");
        }
    }

    #[test]
    fn a_year_that_is_cleared_early_ends_what_is_carried() {
        let text =
            include_str!("../../deploy/calendar.toml").replace("year_cleared_within = 3", "year_cleared_within = 2");
        let calendar = Calendar::parse(&text).expect("no faults");
        let month = |text| Month::from_text(text).expect("a month");
        assert_eq!(carry(month("2025-12"), month("2025-12"), &calendar), Carried::Into(month("2026-01")));
        assert_eq!(carry(month("2025-12"), month("2026-01"), &calendar), Carried::Listed);
        assert_eq!(carry(month("2026-01"), month("2026-01"), &calendar), Carried::Into(month("2026-02")));
    }
}
