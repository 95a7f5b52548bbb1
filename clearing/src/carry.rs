//! 清算延期: what the books do not yet agree on is carried out of a period and into the next, by entries of its own, and
//! never dropped. After so many periods, or where its year ends, it goes to a list with an owner and ends there by the
//! decision of two people.

use crate::calendar::Calendar;
use crate::month::Month;

/// Where a disputed entry goes when its period is cleared without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carried {
    /// Into this month's period.
    Into(Month),
    /// To the list.
    Listed,
}

/// Where an entry goes that was booked in one month's period and is still disputed when another's is cleared.
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

#[cfg(test)]
mod tests {
    use super::*;

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
