//! 异地预付金: the home member's advance, held by the treatment member. Set once a year, watched daily, topped up from
//! red, and never consumed by clearing: clearing pays the full sum and the prefund stays (policy.md B.1).

pub mod account;
pub mod change;
pub mod papers;
pub mod quarter;
pub mod unpaid;

use jiff::civil::Date;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use settlement::money::Money;

use crate::calendar::{PaymentDays, PrefundRules};

/// How much of a prefund is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Watch {
    /// Below the yellow mark.
    Green,
    /// 黄色预警.
    Yellow,
    /// 红色预警: an emergency increase may be asked for.
    Red,
}

impl Watch {
    /// The word in messages and books.
    pub fn word(self) -> &'static str {
        match self {
            Watch::Green => "green",
            Watch::Yellow => "yellow",
            Watch::Red => "red",
        }
    }

    /// What statements call it.
    pub fn name(self) -> &'static str {
        match self {
            Watch::Green => "正常",
            Watch::Yellow => "黄色预警",
            Watch::Red => "红色预警",
        }
    }

    /// What a word names.
    pub fn from_word(word: &str) -> Option<Watch> {
        [Watch::Green, Watch::Yellow, Watch::Red].into_iter().find(|watch| watch.word() == word)
    }
}

/// Whether a change of a prefund is unpaid after its last day. One of nothing is not paid, and where no day is known
/// nothing is late.
pub fn is_late(amount: Money, is_paid: bool, days: Option<PaymentDays>, today: Date) -> bool {
    !amount.is_zero() && !is_paid && days.is_some_and(|days| days.pay_by < today)
}

/// What a prefund is in use for: the treatment member has paid so much of it to hospitals, and no clearing has brought
/// it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// The prefund.
    pub prefund: Money,
    /// Owed by the home member for entries that no paid period holds. Below zero where undoings outweigh.
    pub outstanding: Money,
}

impl Usage {
    /// The used share, 1 for all of it. Of no prefund at all everything that is owed is beyond it.
    pub fn share(&self) -> Decimal {
        let used = self.outstanding.at_least_zero();
        if used.is_zero() {
            return Decimal::ZERO;
        }
        used.exact().checked_div(self.prefund.exact()).unwrap_or(Decimal::MAX)
    }

    /// How much more may be asked for in an emergency: what brings use down to the yellow mark, beside what is asked for or
    /// to be paid already. The rule names no limit (policy.md B.1); above that mark nothing is short.
    pub fn most_to_ask(&self, open: Money, rules: &PrefundRules) -> Money {
        let used = self.outstanding.at_least_zero();
        let fen = used.exact() / rules.yellow;
        let wanted = fen.ceil().to_i64().map_or(used, Money::from_fen);
        (wanted - self.prefund - open).at_least_zero()
    }

    /// How it stands under the rules of a month.
    ///
    /// ```
    /// # use clearing::{calendar::Calendar, month::Month};
    /// use clearing::prefund::{Usage, Watch};
    /// use settlement::money::Money;
    /// # let calendar = Calendar::parse(include_str!("../../deploy/calendar.toml")).expect("no faults");
    /// # let rules = &calendar.rules(Month::from_text("2025-06").expect("a month")).prefund;
    /// let usage = Usage { prefund: Money::from_yuan(1_000), outstanding: Money::from_yuan(700) };
    /// assert_eq!(usage.watch(rules), Watch::Yellow);
    /// ```
    pub fn watch(&self, rules: &PrefundRules) -> Watch {
        match self.share() {
            share if share >= rules.red => Watch::Red,
            share if share >= rules.yellow => Watch::Yellow,
            _ => Watch::Green,
        }
    }
}

/// The yearly re-set of one prefund: a row of 《预付金额度调整明细表》.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reset {
    /// What the home member has advanced so far, emergency increases included.
    pub previous: Money,
    /// What it is from now on.
    pub new: Money,
}

impl Reset {
    /// What the home member still pays; below zero what it gets back.
    pub fn difference(&self) -> Money {
        self.new - self.previous
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use rust_decimal::dec;

    use super::*;
    use crate::calendar::Calendar;
    use crate::month::Month;

    fn rules() -> PrefundRules {
        let calendar = Calendar::parse(include_str!("../../deploy/calendar.toml")).expect("no faults");
        calendar.rules(Month::from_text("2025-06").expect("a month")).prefund.clone()
    }

    #[test]
    fn a_prefund_is_watched_from_seventy_and_ninety_percent() {
        for (prefund, outstanding, share, watch) in [
            (1_000, 0, dec!(0), Watch::Green),
            (1_000, -5, dec!(0), Watch::Green),
            (1_000, 699, dec!(0.699), Watch::Green),
            (1_000, 700, dec!(0.7), Watch::Yellow),
            (1_000, 899, dec!(0.899), Watch::Yellow),
            (1_000, 900, dec!(0.9), Watch::Red),
            (1_000, 1_200, dec!(1.2), Watch::Red),
            (0, 0, dec!(0), Watch::Green),
            (0, 1, Decimal::MAX, Watch::Red),
        ] {
            let usage = Usage { prefund: Money::from_yuan(prefund), outstanding: Money::from_yuan(outstanding) };
            assert_eq!((usage.share(), usage.watch(&rules())), (share, watch), "{usage:?}");
        }
    }

    #[test]
    fn a_prefund_that_is_to_be_less_gives_back() {
        let reset = Reset { previous: Money::from_yuan(500), new: Money::from_yuan(400) };
        assert_eq!(reset.difference(), Money::from_yuan(-100));
    }

    #[test]
    fn a_change_is_late_once_its_last_day_is_over_and_it_is_unpaid() {
        let day = |day| date(2026, 2, day);
        let days = Some(PaymentDays { submit_by: day(6), pay_by: day(13) });
        for (fen, is_paid, days, today, late) in [
            (100, false, days, day(13), false),
            (100, false, days, day(14), true),
            (-100, false, days, day(14), true),
            (100, true, days, day(14), false),
            (0, false, days, day(14), false),
            (100, false, None, day(14), false),
        ] {
            assert_eq!(is_late(Money::from_fen(fen), is_paid, days, today), late, "{fen} {is_paid} {days:?} {today}");
        }
    }

    #[test]
    fn no_more_is_asked_for_than_brings_use_down_to_the_yellow_mark() {
        for (prefund, outstanding, open, most) in [
            // 900.00 ÷ 0.7 = 1285.714…
            (100_000, 90_000, 0, 28_572),
            (100_000, 90_000, 20_000, 8_572),
            (100_000, 90_000, 30_000, 0),
            (0, 7_000, 0, 10_000),
            (100_000, 0, 0, 0),
            (100_000, -500, 0, 0),
        ] {
            let [prefund, outstanding, open, most] = [prefund, outstanding, open, most].map(Money::from_fen);
            let usage = Usage { prefund, outstanding };
            assert_eq!(usage.most_to_ask(open, &rules()), most, "{usage:?}");
            let topped_up = Usage { prefund: prefund + open.max(Money::ZERO) + most, outstanding };
            assert!(topped_up.share() <= rules().yellow, "{topped_up:?}");
        }
    }
}
