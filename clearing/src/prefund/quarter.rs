//! 上年四季度结算金额: what a year's prefund is worked out from, month by month, and where each month is known from. Which
//! months are known is for `broker`; keeping them, for `ledger`.

use rust_decimal::Decimal;
use settlement::money::Money;

use crate::calendar::PrefundRules;
use crate::month::Month;

/// The months of 四季度.
pub const MONTHS: [i8; 3] = [10, 11, 12];

/// Where what was settled in a month is known from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Source {
    /// From nowhere yet: the month was not cleared here, and nobody gave it.
    #[default]
    Unknown,
    /// The month was cleared here: 本期结算金额 of its statements.
    Cleared,
    /// Whoever re-set the year gave it.
    Given,
}

impl Source {
    /// The word in messages and books.
    pub fn word(self) -> &'static str {
        match self {
            Source::Unknown => "unknown",
            Source::Cleared => "cleared",
            Source::Given => "given",
        }
    }

    /// What tables call it.
    pub fn name(self) -> &'static str {
        match self {
            Source::Unknown => "未清算",
            Source::Cleared => "清算表",
            Source::Given => "填报",
        }
    }

    /// What a word names.
    pub fn from_word(word: &str) -> Option<Source> {
        [Source::Unknown, Source::Cleared, Source::Given].into_iter().find(|source| source.word() == word)
    }
}

/// What was settled in a month: booked in its period, by funds and accounts together and less undoings, in fen. It is
/// 本期结算金额 of statements and not their 清算金额: what is carried, deducted or corrected later does not change it
/// (policy.md B.1 speaks of settlements).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// How much.
    pub amount: Money,
    /// Where it is known from.
    pub source: Source,
}

/// The fourth quarter before a year, of one prefund.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quarter {
    /// October, November and December.
    pub months: [Settled; 3],
}

impl Quarter {
    /// The months of the quarter before a January.
    pub fn before(january: Month) -> [Month; 3] {
        [january.moved(-3), january.moved(-2), january.moved(-1)]
    }

    /// 上年四季度结算金额: the three months together.
    pub fn sum(&self) -> Money {
        self.months.iter().map(|settled| settled.amount).sum()
    }

    /// 上年四季度月均: a third of it, rounded to the fen, so that whoever has the table can work the size out from it. Nothing
    /// where undoings outweigh.
    pub fn monthly_average(&self) -> Money {
        Money::round(self.sum().at_least_zero().exact() / Decimal::from(MONTHS.len()))
    }

    /// A year's size of a prefund: so many months of the average.
    pub fn yearly_size(&self, rules: &PrefundRules) -> Money {
        (0..rules.months).map(|_| self.monthly_average()).sum()
    }

    /// 结算金额来源: where the months are known from, in words; those of one source are named together.
    pub fn sources(&self) -> String {
        let told = |source: Source| {
            let of_it = MONTHS.iter().zip(&self.months).filter(|(_, settled)| settled.source == source);
            let months: Vec<String> = of_it.map(|(month, _)| format!("{month}月")).collect();
            match months.len() {
                0 => None,
                3 => Some(source.name().to_owned()),
                _ => Some(format!("{}{}", months.join("、"), source.name())),
            }
        };
        let told = [Source::Cleared, Source::Given, Source::Unknown].into_iter().filter_map(told);
        told.collect::<Vec<_>>().join("，")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::Calendar;

    fn quarter(months: [(i64, Source); 3]) -> Quarter {
        Quarter { months: months.map(|(fen, source)| Settled { amount: Money::from_fen(fen), source }) }
    }

    #[test]
    fn a_years_size_is_two_months_of_the_last_quarters_average() {
        let calendar = Calendar::parse(include_str!("../../../deploy/calendar.toml")).expect("no faults");
        let rules = &calendar.rules(Month::from_text("2025-06").expect("a month")).prefund;
        for (months, sum, average, size) in [
            ([100, 200, 300], 600, 200, 400),
            // 100 ÷ 3 = 33.33, and 200 ÷ 3 = 66.67, each rounded before it is doubled.
            ([0, 0, 100], 100, 33, 66),
            ([0, 0, 200], 200, 67, 134),
            ([-100, 0, 0], -100, 0, 0),
        ] {
            let quarter = quarter(months.map(|fen| (fen, Source::Cleared)));
            let told = [quarter.sum(), quarter.monthly_average(), quarter.yearly_size(rules)].map(Money::fen);
            assert_eq!(told, [sum, average, size], "{months:?}");
        }
        let january = Month::new(2026, 1).expect("a month");
        assert_eq!(Quarter::before(january).map(|month| month.to_string()), ["2025-10", "2025-11", "2025-12"]);
    }

    #[test]
    fn a_quarter_tells_where_each_month_is_known_from() {
        use Source::{Cleared, Given, Unknown};
        for (sources, told) in [
            ([Cleared; 3], "清算表"),
            ([Given; 3], "填报"),
            ([Given, Cleared, Cleared], "11月、12月清算表，10月填报"),
            ([Given, Cleared, Unknown], "11月清算表，10月填报，12月未清算"),
        ] {
            assert_eq!(quarter(sources.map(|source| (0, source))).sources(), told);
            for source in sources {
                assert_eq!(Source::from_word(source.word()), Some(source));
            }
        }
        assert_eq!(Source::from_word(""), None);
    }
}
