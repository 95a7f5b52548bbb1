//! Who is let in, and on what footing, as a book has it: deemed filings, care back home, how long filings hold, waiting
//! periods, double cover, stays that cover outlives. Only shape; `parse/admission.rs` reads it, the gate applies it.

use jiff::civil::Date;

use crate::filing::FilingClass;
use crate::money::Money;
use crate::person::{Entitlement, Insurance, Joining};
use crate::rulebook::clause::{Clause, Setting};
use crate::rulebook::conditions::{Cases, Footing, Span};
use crate::rulebook::places::Places;
use crate::rulebook::sections::words;
use crate::rulebook::table::Table;
use crate::rulebook::word::Word;

words! {
    /// On which day of a stay the person has to be entitled.
    StayEntitlement {
        /// On the day that decides.
        Decision = "decision",
        /// On the day of admission; then to the end of the stay.
        Admission = "admission",
        /// On every day of it.
        Whole = "whole",
    }
}

words! {
    /// From which day a waiting period is counted.
    WaitBegins {
        /// The day of payment.
        Payment = "payment",
        /// The first day of the stretch of insurance.
        Insured = "insured",
    }
}

words! {
    /// Which lapsed years add to a waiting period: 每多断保1年 is read either way (policy.md A.12).
    LapsedYears {
        /// Each of them.
        Every = "every",
        /// Each after the first.
        Further = "further",
    }
}

words! {
    /// What a change of insurance inside a benefit year does to what was used before.
    AfterChange {
        /// Each insurance counts by itself.
        New = "new",
        /// What was used under the other insurance counts too.
        Continue = "continue",
    }
}

words! {
    /// What a move from another region 参保地变更 inside a benefit year does to what was used there.
    AfterMove {
        /// Nothing of it counts.
        New = "new",
        /// What the book carries over counts.
        Continue = "continue",
    }
}

words! {
    /// A part of a benefit year that a move carries over: each fund's payments with what the fund looked at.
    Carried {
        /// How many stays.
        Stays = "stays",
        /// Deductibles borne.
        Deductible = "deductible",
        /// In-policy amounts.
        InPolicy = "in_policy",
        /// Paid by the basic fund.
        Basic = "basic",
        /// Paid by the large-sum layer, and the cost above a cap.
        LargeSum = "large_sum",
        /// Paid by the catastrophic layer, and its base.
        Catastrophic = "catastrophic",
        /// Paid by the civil servants' supplement, and its base.
        CivilServant = "civil_servant",
        /// Paid by medical assistance, tilted too, and their bases.
        Assistance = "assistance",
    }
}

words! {
    /// Which of several special identities in force counts.
    SeveralIdentities {
        /// The one by which the person pays the least cash (policy.md D.7: 就高).
        Best = "best",
    }
}

words! {
    /// What a guaranteed share is a share of.
    FloorOf {
        /// The in-policy amount.
        InPolicy = "in_policy",
        /// The whole bill.
        Total = "total",
    }
}

/// Everything of a book that is asked before any money is computed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admission {
    /// Named areas.
    pub places: Places,
    /// The special identities that the book knows, as positions; others are none to it.
    pub identities: Cases,
    /// Where it says which of several identities counts; it is the best one also where it does not say so.
    pub several_identities: Option<Clause>,
    /// Classes of filing that nobody has to lodge for some places. Unset where only the class is not known.
    pub deemed: Table<Setting<FilingClass>>,
    /// As which class of filing a long-term one counts that was lodged by commitment and not made good.
    pub commitment: Table<FilingClass>,
    /// On what footing people with a long-term filing are treated at home.
    pub back_home: Table<Footing>,
    /// How long a filing holds.
    pub filing_validity: Table<FilingValidity>,
    /// Waiting periods.
    pub waiting: Table<Waiting>,
    /// On which day of a stay the person has to be entitled, where not on the deciding one alone.
    pub stay_entitlement: Option<(StayEntitlement, Clause)>,
    /// Which insurance holds the other back while both run.
    pub double_cover: Option<(Insurance, Clause)>,
    /// What a change of insurance does to what was used.
    pub after_change: Option<(AfterChange, Clause)>,
    /// What is carried over of a benefit year that began in another region, as positions of [`Carried`]; nothing where the
    /// book does not say that it goes on.
    pub carried: Cases,
}

/// How long a filing holds that was lodged without an end, and for how long it may not be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FilingValidity {
    /// Months from its first day; none for good.
    pub months: Setting<Option<i64>>,
    /// Months from its first day in which the person may neither change nor cancel it.
    pub lock_months: Setting<i64>,
}

/// How long somebody waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Not at all.
    None,
    /// So many days: 90 from 10 May lets benefits begin on 8 August.
    Days(Setting<i64>),
    /// So many calendar months.
    Months(Setting<i64>),
}

/// 待遇等待期: after joining late, or after a lapse, benefits begin later (policy.md A.12).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// How long.
    pub wait: Wait,
    /// From when.
    pub begins: WaitBegins,
    /// Months more for each lapsed year that counts.
    pub plus_months_per_lapsed_year: i64,
    /// Which lapsed years add these months.
    pub plus_months_for: LapsedYears,
    /// Months less for each lapsed year that was paid for, out of those that lapses added.
    pub minus_months_per_repaired_year: i64,
    /// At least so many months, from so many lapsed years on.
    pub at_least: Option<(i64, i64)>,
    /// Only stretches of insurance that begin on this day or later; any where none is named.
    pub begun_from: Option<Date>,
    /// Days of the year on which payment makes the person wait; any where none is named.
    pub paid: Option<Window>,
    /// Full months without insurance before.
    pub lapsed_months: Span,
    /// Only those who joined for one of these reasons; everybody where none is named.
    pub joined_as: Vec<String>,
    /// Whoever joined for one of these reasons is not held to this row.
    pub waived: Vec<String>,
}

impl Waiting {
    /// Whether it is about a stretch of insurance. One that names no day of payment has waited for long, or was paid
    /// in time, unless the insurance had lapsed before: see [`Waiting::may_concern`].
    pub fn concerns(&self, entitlement: &Entitlement) -> bool {
        let paid_on = entitlement.joining.paid_on;
        let began = match self.begins {
            WaitBegins::Payment => paid_on.is_some(),
            WaitBegins::Insured => true,
        };
        began
            && self.paid.is_none_or(|window| paid_on.is_some_and(|day| window.has(day)))
            && self.concerns_by_beginning_and_reason(entitlement)
    }

    /// Whether it is about a stretch of insurance after a lapse, were it known on which day it was paid.
    pub fn may_concern(&self, entitlement: &Entitlement) -> bool {
        let joining = &entitlement.joining;
        let asks_for_payment = match self.begins {
            WaitBegins::Payment => true,
            WaitBegins::Insured => self.paid.is_some(),
        };
        asks_for_payment
            && joining.paid_on.is_none()
            && lapsed_months(joining) > 0
            && self.concerns_by_beginning_and_reason(entitlement)
    }

    fn concerns_by_beginning_and_reason(&self, entitlement: &Entitlement) -> bool {
        let joining = &entitlement.joining;
        let reason = |named: &[String]| joining.joined_as.as_ref().is_some_and(|reason| named.contains(reason));
        self.begun_from.is_none_or(|day| day <= entitlement.validity.from)
            && self.lapsed_months.has(lapsed_months(joining))
            && (self.joined_as.is_empty() || reason(&self.joined_as))
            && !reason(&self.waived)
    }

    /// The last day up to a day on which payment makes the person wait; none where there is none.
    pub fn last_payment(&self, until: Date) -> Option<Date> {
        self.paid.map_or(Some(until), |window| window.last_up_to(until))
    }

    /// The day from which it counts; none where the stretch does not say.
    pub fn begins_on(&self, entitlement: &Entitlement) -> Option<Date> {
        match self.begins {
            WaitBegins::Payment => entitlement.joining.paid_on,
            WaitBegins::Insured => Some(entitlement.validity.from),
        }
    }

    /// What lapses add to it and repairs take away, in months.
    pub fn lapse_months(&self, joining: &Joining) -> i64 {
        let years = match self.plus_months_for {
            LapsedYears::Every => joining.lapsed_years,
            LapsedYears::Further => (joining.lapsed_years - 1).max(0),
        };
        let added = self.plus_months_per_lapsed_year.saturating_mul(years);
        let repaired = self.minus_months_per_repaired_year.saturating_mul(joining.repaired_years);
        added.saturating_sub(repaired).max(0)
    }

    /// The months that it takes at least.
    pub fn least_months(&self, joining: &Joining) -> Option<i64> {
        self.at_least.filter(|(_, from)| joining.lapsed_years >= *from).map(|(months, _)| months)
    }

    /// Whether both could be about one stretch of insurance, as far as payment, lapse and reason go.
    pub fn meets(&self, other: &Waiting) -> bool {
        let windows = match (self.paid, other.paid) {
            (Some(one), Some(two)) => one.meets(two),
            (None, _) | (_, None) => true,
        };
        windows && self.lapsed_months.meets(other.lapsed_months) && self.shares_a_reason(other)
    }

    /// Rows that name reasons meet in a reason that both let in; one that names none lets in all but its waived.
    fn shares_a_reason(&self, other: &Waiting) -> bool {
        let lets_in = |row: &Waiting, reason: &String| {
            (row.joined_as.is_empty() || row.joined_as.contains(reason)) && !row.waived.contains(reason)
        };
        match (self.joined_as.is_empty(), other.joined_as.is_empty()) {
            (true, true) => true,
            (false, _) => self.joined_as.iter().any(|reason| lets_in(self, reason) && lets_in(other, reason)),
            (true, false) => other.joined_as.iter().any(|reason| lets_in(self, reason) && lets_in(other, reason)),
        }
    }
}

/// A lapse is told in years, in months, or both.
fn lapsed_months(joining: &Joining) -> i64 {
    joining.lapsed_months.max(joining.lapsed_years.saturating_mul(12))
}

/// Days of any year, both ends included: `03-01` to `08-31`. One that ends before it begins goes over the new year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Month and day of its first day.
    pub from: (i8, i8),
    /// Month and day of its last day.
    pub to: (i8, i8),
}

impl Window {
    /// Whether a day lies within.
    pub fn has(self, day: Date) -> bool {
        self.has_day((day.month(), day.day()))
    }

    fn has_day(self, day: (i8, i8)) -> bool {
        if self.from <= self.to { self.from <= day && day <= self.to } else { self.from <= day || day <= self.to }
    }

    /// The last of its days up to a day.
    fn last_up_to(self, until: Date) -> Option<Date> {
        if self.has(until) {
            return Some(until);
        }
        // 29 February is the last day of a window in leap years alone.
        let last = |year: i16| {
            let on = |(month, day)| Date::new(year, month, day).ok();
            on(self.to).or_else(|| on((self.to.0, self.to.1 - 1)))
        };
        [until.year(), until.year() - 1].into_iter().filter_map(last).find(|day| *day <= until)
    }

    /// Of two windows that meet, one begins inside the other.
    fn meets(self, other: Window) -> bool {
        self.has_day(other.from) || other.has_day(self.from)
    }
}

/// 保底: a share that the basic fund pays at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Floor<R> {
    /// The share.
    pub share: R,
    /// Of what.
    pub of: FloorOf,
}

impl FloorOf {
    /// What it names, of a bill's in-policy amount and its total.
    pub fn amount(self, in_policy: Money, total: Money) -> Money {
        match self {
            FloorOf::InPolicy => in_policy,
            FloorOf::Total => total,
        }
    }

    /// What a desk calls it.
    pub fn name(self) -> &'static str {
        match self {
            FloorOf::InPolicy => "政策范围内费用",
            FloorOf::Total => "总费用",
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_window_may_go_over_the_new_year() {
        let window = |from, to| Window { from, to };
        let (autumn, late) = (window((9, 1), (2, 29)), window((3, 1), (8, 31)));
        for (day, in_autumn) in [
            (date(2024, 9, 1), true),
            (date(2024, 2, 29), true),
            (date(2025, 2, 28), true),
            (date(2025, 3, 1), false),
            (date(2025, 8, 31), false),
        ] {
            assert_eq!((autumn.has(day), late.has(day)), (in_autumn, !in_autumn), "{day}");
        }
        for (window, until, last) in [
            (late, date(2025, 6, 1), date(2025, 6, 1)),
            (late, date(2025, 12, 1), date(2025, 8, 31)),
            (late, date(2025, 1, 1), date(2024, 8, 31)),
            (autumn, date(2025, 6, 1), date(2025, 2, 28)),
            (autumn, date(2024, 6, 1), date(2024, 2, 29)),
        ] {
            assert_eq!(window.last_up_to(until), Some(last), "{until}");
        }
        assert!(!autumn.meets(late) && !late.meets(autumn));
        assert!(autumn.meets(window((12, 31), (12, 31))) && window((1, 1), (1, 31)).meets(autumn));
    }
}
