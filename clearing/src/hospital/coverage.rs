//! Which days of which groups hospitals have compared, by the last comparison that reaches each. It compares nothing;
//! called by the operator's view of
//! hospitals' books, and by [`super::told`].

use std::collections::BTreeSet;

use jiff::civil::Date;

use crate::calendar::Calendar;
use crate::month::Month;

/// What an institution settled on one day in one group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupDay {
    /// `fixmedins_code`.
    pub institution: String,
    /// The day of `setl_time`.
    pub day: Date,
    /// `insutype`.
    pub insurance: String,
    /// `clr_type`.
    pub clearing_class: String,
    /// `clr_optins`.
    pub agency: String,
    /// The number of its newest row in the book.
    pub newest: i64,
}

/// What was compared, and up to where the book was known then. An empty part of the group stands for any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compared {
    /// Its number; a later comparison has a higher one.
    pub number: i64,
    /// `fixmedins_code`.
    pub institution: String,
    /// First and last day.
    pub days: (Date, Date),
    /// `insutype`.
    pub insurance: String,
    /// `clr_type`.
    pub clearing_class: String,
    /// `clr_optins`.
    pub agency: String,
    /// The newest row of the book then.
    pub upto: i64,
    /// Whether both sides said the same.
    pub agrees: bool,
}

/// How a day of a group stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Coverage {
    /// 一致.
    Agrees,
    /// 不一致.
    Differs,
    /// 对账后有新增: the last comparison agreed, and there are rows since.
    GrewSince,
    /// 未对账.
    Never,
}

impl Coverage {
    /// The word for programs.
    pub fn word(self) -> &'static str {
        match self {
            Coverage::Agrees => "agrees",
            Coverage::Differs => "differs",
            Coverage::GrewSince => "grew-since",
            Coverage::Never => "never",
        }
    }
}

impl Compared {
    /// Whether a day of a group was among what was compared.
    pub fn reaches(&self, day: &GroupDay) -> bool {
        let part = |asked: &str, own: &str| asked.is_empty() || asked == own;
        self.institution == day.institution
            && (self.days.0..=self.days.1).contains(&day.day)
            && part(&self.insurance, &day.insurance)
            && part(&self.clearing_class, &day.clearing_class)
            && part(&self.agency, &day.agency)
    }

    /// Whether it was of everything that another comparison was of, as far as both name it.
    pub fn covers(&self, other: &Compared) -> bool {
        let part = |own: &str, other: &str| own.is_empty() || own == other;
        self.institution == other.institution
            && self.days.0 <= other.days.0
            && other.days.1 <= self.days.1
            && part(&self.insurance, &other.insurance)
            && part(&self.clearing_class, &other.clearing_class)
            && part(&self.agency, &other.agency)
    }

    /// Whether another comparison was of the same.
    fn is_of_the_same(&self, other: &Compared) -> bool {
        self.institution == other.institution
            && self.days == other.days
            && self.insurance == other.insurance
            && self.clearing_class == other.clearing_class
            && self.agency == other.agency
    }
}

/// The last comparison that reaches a day of a group, and how the day stands by it.
pub fn coverage<'c>(day: &GroupDay, comparisons: &'c [Compared]) -> (Coverage, Option<&'c Compared>) {
    let last = last_of(day, comparisons);
    let stands = match last {
        None => Coverage::Never,
        Some(last) if !last.agrees => Coverage::Differs,
        Some(last) if last.upto < day.newest => Coverage::GrewSince,
        Some(_) => Coverage::Agrees,
    };
    (stands, last)
}

/// The last comparison that reaches a day of a group.
pub fn last_of<'c>(day: &GroupDay, comparisons: &'c [Compared]) -> Option<&'c Compared> {
    comparisons.iter().filter(|compared| compared.reaches(day)).max_by_key(|compared| compared.number)
}

/// Whether a day of a group should have been compared by now and was not, or not as it is: by the day that the calendar
/// says hospitals compare a month by (`hospitals_by`). That holds nothing back; it is shown.
pub fn is_overdue(stands: Coverage, day: Date, today: Date, calendar: &Calendar) -> bool {
    let due = Month::of(day).map(|month| calendar.schedule(month).hospitals_by);
    match stands {
        Coverage::Agrees => false,
        Coverage::Differs | Coverage::GrewSince | Coverage::Never => due.is_some_and(|due| due < today),
    }
}

/// The comparisons that still say how something stands: the last of some day, and those that reach no day of the book
/// (then the hospital alone has rows there) until they are repeated.
pub fn standing(days: &[GroupDay], comparisons: &[Compared]) -> BTreeSet<i64> {
    let last = days.iter().filter_map(|day| coverage(day, comparisons).1).map(|compared| compared.number);
    let mut standing: BTreeSet<i64> = last.collect();
    let of_nothing = comparisons.iter().filter(|compared| !days.iter().any(|day| compared.reaches(day)));
    let unrepeated = of_nothing.filter(|compared| {
        !comparisons.iter().any(|later| later.number > compared.number && later.is_of_the_same(compared))
    });
    standing.extend(unrepeated.map(|compared| compared.number));
    standing
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn day(number: i8, insurance: &str, newest: i64) -> GroupDay {
        GroupDay {
            institution: "H1".into(),
            day: date(2025, 6, number),
            insurance: insurance.into(),
            clearing_class: "21".into(),
            agency: "310000".into(),
            newest,
        }
    }

    fn compared(number: i64, days: (i8, i8), insurance: &str, upto: i64, agrees: bool) -> Compared {
        Compared {
            number,
            institution: "H1".into(),
            days: (date(2025, 6, days.0), date(2025, 6, days.1)),
            insurance: insurance.into(),
            clearing_class: "21".into(),
            agency: "310000".into(),
            upto,
            agrees,
        }
    }

    #[test]
    fn a_day_stands_as_the_last_comparison_that_reaches_it_says() {
        let first = compared(1, (1, 3), "310", 9, false);
        let repeated = compared(2, (2, 2), "310", 9, true);
        let of_all = compared(3, (3, 3), "", 5, true);
        let comparisons = [of_all, first, repeated];
        for (day, expected) in [
            (day(1, "310", 4), (Coverage::Differs, Some(1))),
            (day(1, "390", 4), (Coverage::Never, None)),
            (day(2, "310", 4), (Coverage::Agrees, Some(2))),
            (day(2, "310", 10), (Coverage::GrewSince, Some(2))),
            (day(3, "310", 4), (Coverage::Agrees, Some(3))),
            (day(3, "390", 4), (Coverage::Agrees, Some(3))),
            (day(4, "310", 4), (Coverage::Never, None)),
        ] {
            let (stands, last) = coverage(&day, &comparisons);
            assert_eq!((stands, last.map(|last| last.number)), expected, "{day:?}");
        }
        let elsewhere = GroupDay { institution: "H2".into(), ..day(1, "310", 4) };
        assert_eq!(coverage(&elsewhere, &comparisons).0, Coverage::Never);
    }

    #[test]
    fn what_is_not_agreed_on_by_the_calendars_day_is_overdue() {
        let calendar = Calendar::parse(include_str!("../../../deploy/calendar.toml")).expect("no faults");
        let june = date(2025, 6, 30);
        for (stands, today, expected) in [
            (Coverage::Never, date(2025, 7, 20), false),
            (Coverage::Never, date(2025, 7, 21), true),
            (Coverage::GrewSince, date(2025, 7, 21), true),
            (Coverage::Differs, date(2025, 7, 21), true),
            (Coverage::Agrees, date(2025, 7, 21), false),
        ] {
            assert_eq!(is_overdue(stands, june, today, &calendar), expected, "{stands:?} {today}");
        }
    }

    #[test]
    fn a_comparison_stands_until_every_day_of_it_has_a_later_one() {
        let days = [day(1, "310", 4), day(2, "310", 4)];
        let both = compared(1, (1, 2), "310", 9, false);
        let second = compared(2, (2, 2), "310", 9, true);
        let of_nothing = compared(3, (9, 9), "310", 9, false);
        assert_eq!(standing(&days, &[both.clone(), second.clone(), of_nothing.clone()]), [1, 2, 3].into());
        let first = compared(4, (1, 1), "310", 9, true);
        let repeated = Compared { number: 5, agrees: true, ..of_nothing.clone() };
        assert_eq!(standing(&days, &[both, second, of_nothing, first, repeated]), [2, 4, 5].into());
    }
}
