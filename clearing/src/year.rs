//! 年度清算: a year's costs are cleared whole by the end of the first quarter of the next (policy.md B.6). What still keeps
//! a year from that, from what is known of its months, and of what was carried out of them.

use jiff::civil::Date;
use settlement::money::Money;

use crate::month::Month;
use crate::period::{Pair, Stage};

/// What of a year is not cleared and paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rest {
    /// Between whom.
    pub pair: Pair,
    /// The month of the period in which it stands: its own, or one into which it was carried.
    pub month: Month,
    /// Why.
    pub why: Why,
    /// How much is owed for it.
    pub owed: Money,
}

/// Why something is not cleared and paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Why {
    /// Its statement is not agreed on, or not paid.
    Unsettled,
    /// It was carried into a later period that is not closed.
    Carried,
    /// It is on the list.
    Listed,
}

impl Why {
    /// The word in messages.
    pub fn word(self) -> &'static str {
        match self {
            Why::Unsettled => "unsettled",
            Why::Carried => "carried",
            Why::Listed => "listed",
        }
    }

    /// What documents call it.
    pub fn name(self) -> &'static str {
        match self {
            Why::Unsettled => "未确认或未拨付",
            Why::Carried => "转入未清",
            Why::Listed => "遗留清单",
        }
    }

    /// The reason that a word names.
    pub fn from_word(word: &str) -> Option<Why> {
        [Why::Unsettled, Why::Carried, Why::Listed].into_iter().find(|why| why.word() == word)
    }
}

/// How far a year is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct YearEnd {
    /// By when it is cleared whole; none where no day is known.
    pub by: Option<Date>,
    /// Its months that this hub has cleared or is to clear, in order.
    pub months: Vec<(Month, Stage)>,
    /// What is left.
    pub rests: Vec<Rest>,
}

impl YearEnd {
    /// Whether everything of it is cleared and paid. A year of which no month was cleared here is not known to be.
    pub fn is_whole(&self) -> bool {
        !self.months.is_empty() && self.rests.is_empty() && self.months.iter().all(|(_, stage)| *stage == Stage::Closed)
    }

    /// Whether it should be whole by now and is not.
    pub fn is_late(&self, today: Date) -> bool {
        !self.months.is_empty() && !self.is_whole() && self.by.is_some_and(|by| by < today)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use settlement::ids::{MemberCode, RegionCode};

    use super::*;

    #[test]
    fn a_year_is_late_once_its_day_is_over_and_something_is_left() {
        let member = |code| MemberCode(RegionCode::new(code).expect("a code"));
        let month = Month::from_text("2025-12").expect("a month");
        let pair = Pair { home: member("410000"), treatment: member("310000") };
        let rest = Rest { pair, month, why: Why::Listed, owed: Money::from_yuan(1) };
        let by = Some(date(2026, 3, 31));
        for (stage, rests, day, whole, late) in [
            (Stage::Closed, vec![], date(2026, 4, 1), true, false),
            (Stage::Paid, vec![], date(2026, 3, 31), false, false),
            (Stage::Paid, vec![], date(2026, 4, 1), false, true),
            (Stage::Closed, vec![rest], date(2026, 4, 1), false, true),
        ] {
            let year = YearEnd { by, months: vec![(month, stage)], rests };
            assert_eq!((year.is_whole(), year.is_late(day)), (whole, late), "{stage:?} on {day}");
        }
    }

    #[test]
    fn a_year_of_which_nothing_was_cleared_here_is_neither_whole_nor_late() {
        let year = YearEnd { by: Some(date(2025, 3, 31)), months: Vec::new(), rests: Vec::new() };
        assert!(!year.is_whole() && !year.is_late(date(2026, 4, 1)));
    }

    #[test]
    fn words_are_read_as_they_are_written() {
        for why in [Why::Unsettled, Why::Carried, Why::Listed] {
            assert_eq!(Why::from_word(why.word()), Some(why));
        }
    }
}
