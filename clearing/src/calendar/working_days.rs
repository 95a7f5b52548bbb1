//! Working days: weekdays but holidays, and the weekends that are worked to make up for them (调休). The State Council
//! publishes them a year at a time, so a year that is not listed is unknown, never guessed.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{Date, Weekday};

/// Which days of which years are worked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkingDays {
    years: BTreeMap<i16, Year>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Year {
    off: BTreeSet<Date>,
    made_up: BTreeSet<Date>,
}

/// A day of a year whose holidays are not listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the calendar file lists no holidays of {0}: add a [[year]]")]
pub struct Unlisted(pub i16);

/// Why a day cannot be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListFault {
    /// It stands there already.
    #[error("{0} is listed twice")]
    Twice(Date),
    /// A weekday is worked anyway.
    #[error("{0} is no Saturday or Sunday, so it cannot make up for a holiday")]
    NoWeekend(Date),
}

impl WorkingDays {
    /// Lists a year, so far without holidays.
    pub fn list_year(&mut self, year: i16) {
        self.years.entry(year).or_default();
    }

    /// Whether a year is listed.
    pub fn lists(&self, year: i16) -> bool {
        self.years.contains_key(&year)
    }

    /// Adds a holiday.
    ///
    /// # Errors
    /// When the day is listed already.
    pub fn list_holiday(&mut self, day: Date) -> Result<(), ListFault> {
        let year = self.years.entry(day.year()).or_default();
        if year.made_up.contains(&day) || !year.off.insert(day) { Err(ListFault::Twice(day)) } else { Ok(()) }
    }

    /// Adds a weekend day that is worked.
    ///
    /// # Errors
    /// When it is a weekday, or listed already.
    pub fn list_made_up(&mut self, day: Date) -> Result<(), ListFault> {
        if !is_weekend(day) {
            return Err(ListFault::NoWeekend(day));
        }
        let year = self.years.entry(day.year()).or_default();
        if year.off.contains(&day) || !year.made_up.insert(day) { Err(ListFault::Twice(day)) } else { Ok(()) }
    }

    /// Whether a day is worked.
    ///
    /// # Errors
    /// When its year is not listed.
    pub fn is_working(&self, day: Date) -> Result<bool, Unlisted> {
        let year = self.years.get(&day.year()).ok_or(Unlisted(day.year()))?;
        Ok(year.made_up.contains(&day) || !is_weekend(day) && !year.off.contains(&day))
    }

    /// The day by which so many working days have passed; the day itself for none. The day counted from is not counted.
    ///
    /// # Errors
    /// When a year is not listed.
    pub fn after(&self, day: Date, count: u16) -> Result<Date, Unlisted> {
        let (mut reached, mut left) = (day, count);
        while left > 0 {
            reached = reached.tomorrow().map_err(|_| Unlisted(reached.year()))?;
            if self.is_working(reached)? {
                left -= 1;
            }
        }
        Ok(reached)
    }

    /// How many working days have passed from one day to another: the first is not counted, the last is. 0 where the last
    /// is no later.
    ///
    /// # Errors
    /// When a year is not listed.
    pub fn passed(&self, from: Date, to: Date) -> Result<u32, Unlisted> {
        let (mut reached, mut passed) = (from, 0);
        while reached < to {
            reached = reached.tomorrow().map_err(|_| Unlisted(reached.year()))?;
            passed += u32::from(self.is_working(reached)?);
        }
        Ok(passed)
    }
}

fn is_weekend(day: Date) -> bool {
    matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    /// The National Day of 2025 (国办发明电〔2024〕12号): 1 to 8 October off, 28 September and 11 October worked.
    fn autumn() -> WorkingDays {
        let mut days = WorkingDays::default();
        days.list_year(2025);
        (1..=8).for_each(|day| days.list_holiday(date(2025, 10, day)).expect("a new day"));
        [date(2025, 9, 28), date(2025, 10, 11)].into_iter().for_each(|day| days.list_made_up(day).expect("a weekend"));
        days
    }

    #[test]
    fn working_days_are_counted_over_holidays_and_made_up_weekends() {
        for (from, count, to) in [
            (date(2025, 9, 26), 1, date(2025, 9, 28)),
            (date(2025, 9, 30), 1, date(2025, 10, 9)),
            (date(2025, 9, 30), 3, date(2025, 10, 11)),
            (date(2025, 9, 30), 4, date(2025, 10, 13)),
            (date(2025, 10, 3), 1, date(2025, 10, 9)),
            (date(2025, 10, 9), 0, date(2025, 10, 9)),
        ] {
            assert_eq!(autumn().after(from, count), Ok(to), "{count} after {from}");
            assert_eq!(autumn().passed(from, to), Ok(u32::from(count)), "{from} to {to}");
        }
        let (friday, sunday) = (date(2025, 10, 17), date(2025, 10, 19));
        assert_eq!([autumn().passed(friday, sunday), autumn().passed(sunday, friday)], [Ok(0); 2]);
    }

    #[test]
    fn a_year_that_is_not_listed_is_not_guessed() {
        assert_eq!(autumn().is_working(date(2026, 1, 5)), Err(Unlisted(2026)));
        assert_eq!(autumn().after(date(2025, 12, 30), 5), Err(Unlisted(2026)));
        assert_eq!(autumn().passed(date(2025, 12, 30), date(2026, 1, 5)), Err(Unlisted(2026)));
    }

    #[test]
    fn a_day_is_listed_once_and_only_a_weekend_makes_up() {
        let mut days = autumn();
        assert_eq!(days.list_holiday(date(2025, 10, 1)), Err(ListFault::Twice(date(2025, 10, 1))));
        assert_eq!(days.list_holiday(date(2025, 10, 11)), Err(ListFault::Twice(date(2025, 10, 11))));
        assert_eq!(days.list_made_up(date(2025, 10, 13)), Err(ListFault::NoWeekend(date(2025, 10, 13))));
    }

    proptest! {
        #[test]
        fn working_days_add_up(one in 0_u16..40, other in 0_u16..40, start in 0_i64..60) {
            let (days, start) = (autumn(), date(2025, 7, 1).saturating_add(jiff::Span::new().days(start)));
            let at_once = days.after(start, one + other);
            prop_assert_eq!(days.after(start, one).and_then(|reached| days.after(reached, other)), at_once);
        }
    }
}
