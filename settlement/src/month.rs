//! A calendar month: the month of settlement as clearing counts (费款所属期), and the month in which monthly caps count.

use std::fmt;

use jiff::civil::Date;

/// A month of a year between 1970 and 9998, so that the months beside it and all their days exist too.
///
/// ```
/// use settlement::month::Month;
/// let december = Month::from_text("2025-12").expect("a month");
/// assert_eq!(december.next().to_string(), "2026-01");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    first: Date,
}

/// A day of a month that may have fewer days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MonthDay {
    /// The day with this number, 1 to 28.
    Day(i8),
    /// The last one.
    Last,
}

impl MonthDay {
    /// The day with this number; none where not every month has it.
    pub fn new(number: i64) -> Option<MonthDay> {
        i8::try_from(number).ok().filter(|day| (1..=28).contains(day)).map(MonthDay::Day)
    }
}

impl Month {
    /// A month by year and number; none outside 1970 to 9998.
    pub fn new(year: i16, month: i8) -> Option<Month> {
        let first = Date::new(year, month, 1).ok()?;
        (1970..=9998).contains(&year).then_some(Month { first })
    }

    /// The month of a day; none outside 1970 to 9998.
    pub fn of(day: Date) -> Option<Month> {
        Month::new(day.year(), day.month())
    }

    /// Reads `2025-06`, or `202506` as messages have it.
    pub fn from_text(text: &str) -> Option<Month> {
        let (year, month) = text.split_once('-').or_else(|| text.split_at_checked(4))?;
        let digits = |part: &str, length| part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit());
        (digits(year, 4) && digits(month, 2)).then(|| Month::new(year.parse().ok()?, month.parse().ok()?))?
    }

    /// The year.
    pub fn year(self) -> i16 {
        self.first.year()
    }

    /// The number of the month in its year, 1 to 12.
    pub fn number(self) -> i8 {
        self.first.month()
    }

    /// The month after it; the last one stays.
    #[must_use]
    pub fn next(self) -> Month {
        self.moved(1)
    }

    /// The month before it; the first one stays.
    #[must_use]
    pub fn previous(self) -> Month {
        self.moved(-1)
    }

    /// The month so many later.
    #[must_use]
    pub fn moved(self, months: i16) -> Month {
        let index = i32::from(self.year()) * 12 + i32::from(self.number()) - 1 + i32::from(months);
        let year = i16::try_from(index.div_euclid(12)).ok();
        let number = i8::try_from(index.rem_euclid(12) + 1).ok();
        year.zip(number).and_then(|(year, number)| Month::new(year, number)).unwrap_or(self)
    }

    /// How many months it lies after another; negative before it.
    pub fn since(self, earlier: Month) -> i32 {
        (i32::from(self.year()) - i32::from(earlier.year())) * 12 + i32::from(self.number())
            - i32::from(earlier.number())
    }

    /// Its first day.
    pub fn first_day(self) -> Date {
        self.first
    }

    /// Its last day.
    pub fn last_day(self) -> Date {
        self.first.last_of_month()
    }

    /// A day of it.
    pub fn day(self, day: MonthDay) -> Date {
        match day {
            MonthDay::Day(number) => Date::new(self.year(), self.number(), number).unwrap_or(self.last_day()),
            MonthDay::Last => self.last_day(),
        }
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year(), self.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn month(text: &str) -> Month {
        Month::from_text(text).expect("a month")
    }

    #[test]
    fn a_month_is_read_in_both_forms_and_nothing_else() {
        for (text, shown) in [("2025-06", Some("2025-06")), ("202512", Some("2025-12"))] {
            assert_eq!(Month::from_text(text).map(|month| month.to_string()).as_deref(), shown, "{text}");
        }
        for text in ["", "2025", "2025-6", "2025-13", "2025-00", "20256", "2025-006", "+025-06", "1969-12", "二零二五"]
        {
            assert_eq!(Month::from_text(text), None, "{text}");
        }
    }

    #[test]
    fn months_are_counted_across_years() {
        for (from, moved, to) in [("2025-12", 1, "2026-01"), ("2025-01", -1, "2024-12"), ("2025-11", 14, "2027-01")] {
            assert_eq!(month(from).moved(moved), month(to));
            assert_eq!(month(to).since(month(from)), i32::from(moved));
        }
        assert_eq!(month("9998-12").next(), month("9998-12"));
    }

    #[test]
    fn a_month_ends_on_its_last_day() {
        for (text, last) in [("2024-02", 29), ("2025-02", 28), ("2025-06", 30), ("2025-12", 31)] {
            assert_eq!(month(text).day(MonthDay::Last).day(), last, "{text}");
        }
        assert_eq!(MonthDay::new(29), None);
    }
}
