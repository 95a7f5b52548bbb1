//! 清算日历: which day each step of a month's clearing is due, as a file says it. The days keep changing, so each set of
//! them holds from a month on, with its source. What carries the steps out is not here.

mod parse;
pub mod working_days;

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use rust_decimal::Decimal;
use settlement::beijing;
use settlement::money::Money;
use settlement::rulebook::Trust;
use settlement::spanned::Fault;

use crate::month::{Month, MonthDay};
use working_days::{Unlisted, WorkingDays};

/// The calendar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    /// By the first month that they hold for; never empty.
    rules: Vec<Rules>,
    days: WorkingDays,
}

/// What holds for the months from one on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The first month of settlement that they hold for.
    pub from: Month,
    /// The month's own days.
    pub clearing: ClearingRules,
    /// Of prefunds.
    pub prefund: PrefundRules,
    /// Of checking requests and tickets.
    pub checking: CheckingRules,
}

/// Where a set of days was read, and how far it may be believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provenance {
    /// Document and article.
    pub source: String,
    /// How far it may be believed.
    pub trust: Trust,
}

/// What becomes of a day's entries between two pools that the books were not compared on, or not since the last of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uncompared {
    /// They are carried over, as what the books differ in is: only what three parties' comparing has matched is cleared.
    Carried,
    /// They are cleared as if the books agreed.
    Cleared,
}

impl Uncompared {
    /// What a word of the file says.
    pub fn from_word(word: &str) -> Option<Uncompared> {
        match word {
            "carried" => Some(Uncompared::Carried),
            "cleared" => Some(Uncompared::Cleared),
            _ => None,
        }
    }
}

/// What becomes of a settlement that its hospital's book and its treatment side's say something else of. What hospitals
/// never compared is cleared either way: they compare when they want, and no rule makes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HospitalDifferences {
    /// It is carried over, as what the other books differ in is.
    Carried,
    /// It is cleared as if the books agreed.
    Cleared,
}

impl HospitalDifferences {
    /// What a word of the file says.
    pub fn from_word(word: &str) -> Option<HospitalDifferences> {
        match word {
            "carried" => Some(HospitalDifferences::Carried),
            "cleared" => Some(HospitalDifferences::Cleared),
            _ => None,
        }
    }
}

/// When the steps of a month are due. Days of the month lie in the month after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClearingRules {
    /// The journal is cut off when this day begins, Beijing time.
    pub cut_off: MonthDay,
    /// Hospital and treatment agency have reconciled and declared by then: what hospitals have not agreed on is overdue
    /// ([`crate::hospital::coverage::is_overdue`]).
    pub hospitals_by: MonthDay,
    /// Statements are made on this day.
    pub clearing_day: MonthDay,
    /// Members confirm or object by then.
    pub confirm_by: MonthDay,
    /// Payment and receipt notices are issued by then.
    pub notices_by: MonthDay,
    /// Working days after the notices by which the agency submits to finance.
    pub submit_within: u16,
    /// Working days after that by which finance pays.
    pub pay_within: u16,
    /// How many periods an entry may be carried over.
    pub carried_at_most: u16,
    /// What becomes of what the three books were not compared on (policy.md B.2: 三方对账).
    pub uncompared: Uncompared,
    /// What becomes of what hospitals compared and differ in; carried, where the file does not say.
    pub hospital_differences: HospitalDifferences,
    /// Whether a member that says nothing has confirmed.
    pub silence_confirms: bool,
    /// Months of the year after by whose end a year is cleared whole, 1 to 12.
    pub year_cleared_within: i8,
    /// So many months in a row overdue, or the oldest for so many months, let a treatment member suspend; none for never.
    pub suspended_after: Option<u16>,
    /// Days for which a payment that the payer alone has recorded keeps its month out of that row, whatever the receiver
    /// says; 30, where the file does not say.
    pub claim_stands_for: u16,
    /// Where this was read.
    pub provenance: Provenance,
}

/// When prefunds are watched, topped up and set anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrefundRules {
    /// How many months of last year's fourth quarter's average a prefund is.
    pub months: u16,
    /// Used share from which it is watched.
    pub yellow: Decimal,
    /// Used share from which more may be asked for.
    pub red: Decimal,
    /// The day of January by which the yearly table is there.
    pub table_by: MonthDay,
    /// Working days by which it is handed to finance, and by which an emergency top-up is asked for after the clearing
    /// period.
    pub submit_within: u16,
    /// Working days after that by which finance pays.
    pub pay_within: u16,
    /// The month of the year by whose end the yearly re-set is done, 1 to 12.
    pub done_within: i8,
    /// Whether the calendar sets them anew on [`PrefundRules::table_by`]; otherwise an operator does.
    pub reset_by_itself: bool,
    /// Where this was read.
    pub provenance: Provenance,
}

/// Time limits between regions (协查, 问题协同).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckingRules {
    /// A bill of so much or more is expected to be checked.
    pub expected_from: Money,
    /// The day of the next month by which a checking request is answered.
    pub reply_by: MonthDay,
    /// Working days for an urgent ticket.
    pub urgent_within: u16,
    /// Working days for any other.
    pub ordinary_within: u16,
    /// Where this was read.
    pub provenance: Provenance,
}

/// The days of one month's clearing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// When the journal is cut off.
    pub cut_off: Timestamp,
    /// See [`ClearingRules::hospitals_by`].
    pub hospitals_by: Date,
    /// See [`ClearingRules::clearing_day`].
    pub clearing_day: Date,
    /// See [`ClearingRules::confirm_by`]: the last day.
    pub confirm_by: Date,
    /// See [`ClearingRules::notices_by`].
    pub notices_by: Date,
}

/// The days of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaymentDays {
    /// The agency submits to finance by then.
    pub submit_by: Date,
    /// Finance has paid by then.
    pub pay_by: Date,
}

impl Calendar {
    /// Reads the file, `deploy/calendar.toml` for example.
    ///
    /// # Errors
    /// Every fault, with line and path.
    pub fn parse(text: &str) -> Result<Calendar, Vec<Fault>> {
        parse::parse(text)
    }

    /// The same days for a book that has no others to be compared with: what was not compared is cleared.
    #[must_use]
    pub fn without_comparing(mut self) -> Calendar {
        self.rules.iter_mut().for_each(|rules| rules.clearing.uncompared = Uncompared::Cleared);
        self
    }

    /// What holds for a month; for one before the first set of days, that first set.
    pub fn rules(&self, month: Month) -> &Rules {
        let after = self.rules.partition_point(|rules| rules.from <= month);
        &self.rules[after.saturating_sub(1)]
    }

    /// The days of a month's clearing.
    ///
    /// ```
    /// use clearing::{calendar::Calendar, month::Month};
    /// let calendar = Calendar::parse(include_str!("../../deploy/calendar.toml")).expect("no faults");
    /// let schedule = calendar.schedule(Month::from_text("2025-06").expect("a month"));
    /// assert_eq!(schedule.clearing_day, jiff::civil::date(2025, 7, 21));
    /// ```
    pub fn schedule(&self, month: Month) -> Schedule {
        let rules = &self.rules(month).clearing;
        let due = month.next();
        let midnight = due.day(rules.cut_off).to_datetime(Time::midnight());
        Schedule {
            cut_off: beijing::instant_of(midnight).unwrap_or(Timestamp::MAX),
            hospitals_by: due.day(rules.hospitals_by),
            clearing_day: due.day(rules.clearing_day),
            confirm_by: due.day(rules.confirm_by),
            notices_by: due.day(rules.notices_by),
        }
    }

    /// By when notices of a month that were issued on a day are paid.
    ///
    /// # Errors
    /// When a year's holidays are not listed.
    pub fn payment_days(&self, month: Month, issued: Date) -> Result<PaymentDays, Unlisted> {
        let rules = &self.rules(month).clearing;
        let submit_by = self.days.after(issued, rules.submit_within)?;
        Ok(PaymentDays { submit_by, pay_by: self.days.after(submit_by, rules.pay_within)? })
    }

    /// By when the re-set of the prefunds of a January's year is paid that was made on a day: within the working days, and
    /// by the end of the month by which it is done, unless it was made even later.
    ///
    /// ```
    /// use clearing::{calendar::Calendar, month::Month};
    /// use jiff::civil::date;
    /// let calendar = Calendar::parse(include_str!("../../deploy/calendar.toml")).expect("no faults");
    /// let january = Month::from_text("2026-01").expect("a month");
    /// // Fifteen working days after it, with nine days of Spring Festival, would be the second of March.
    /// let days = calendar.prefund_reset_days(january, date(2026, 2, 3)).expect("2026 is listed");
    /// assert_eq!((days.submit_by, days.pay_by), (date(2026, 2, 10), date(2026, 2, 28)));
    /// ```
    ///
    /// # Errors
    /// When a year's holidays are not listed.
    pub fn prefund_reset_days(&self, january: Month, made: Date) -> Result<PaymentDays, Unlisted> {
        let rules = &self.rules(january).prefund;
        let submit_by = self.days.after(made, rules.submit_within)?;
        let pay_by = self.days.after(submit_by, rules.pay_within)?;
        let done_in = Month::new(january.year(), rules.done_within);
        let done_by = done_in.map(Month::last_day).filter(|last| made <= *last);
        let pay_by = done_by.map_or(pay_by, |last| pay_by.min(last));
        Ok(PaymentDays { submit_by: submit_by.min(pay_by), pay_by })
    }

    /// By when an emergency increase is paid that was asked for on a day: the days of handing it in are those of the
    /// request itself, so what is left are the days of paying.
    ///
    /// # Errors
    /// When a year's holidays are not listed.
    pub fn prefund_top_up_days(&self, month: Month, asked: Date) -> Result<PaymentDays, Unlisted> {
        let rules = &self.rules(month).prefund;
        let (submit_by, pay_by) =
            (self.days.after(asked, rules.submit_within)?, self.days.after(asked, rules.pay_within)?);
        Ok(PaymentDays { submit_by: submit_by.min(pay_by), pay_by })
    }

    /// The year whose prefunds the calendar sets on a day: from the day of January on which the table is there until the
    /// re-set is to be done. After that an operator decides, and always where the file says so.
    pub fn prefunds_set_on(&self, today: Date) -> Option<i16> {
        let january = Month::new(today.year(), 1)?;
        let rules = &self.rules(january).prefund;
        let (from, to) = (january.day(rules.table_by), Month::new(today.year(), rules.done_within)?.last_day());
        (rules.reset_by_itself && (from..=to).contains(&today)).then_some(today.year())
    }

    /// The last day on which a year's costs are cleared.
    pub fn year_cleared_by(&self, year: i16) -> Option<Date> {
        let rules = &self.rules(Month::new(year, 12)?).clearing;
        Some(Month::new(year.checked_add(1)?, rules.year_cleared_within)?.last_day())
    }

    /// By when a checking request of a day is answered.
    pub fn checking_due(&self, asked: Date) -> Option<Date> {
        let month = Month::of(asked)?;
        Some(month.next().day(self.rules(month).checking.reply_by))
    }

    /// The year whose holidays are not listed and are to be by a day: its own, and from November on the next, whose list the
    /// State Council gives out then. Until it is listed, what is due in it has no last day.
    ///
    /// ```
    /// use clearing::calendar::Calendar;
    /// use jiff::civil::date;
    /// let calendar = Calendar::parse(include_str!("../../deploy/calendar.toml")).expect("no faults");
    /// assert_eq!(calendar.lacks(date(2025, 12, 31)), None);
    /// assert_eq!(calendar.lacks(date(2026, 10, 31)), None);
    /// assert_eq!(calendar.lacks(date(2026, 11, 1)), Some(2027));
    /// assert_eq!(calendar.lacks(date(2027, 3, 1)), Some(2027));
    /// ```
    pub fn lacks(&self, today: Date) -> Option<i16> {
        const LISTED_FROM: i8 = 11;
        let next = (today.month() >= LISTED_FROM).then(|| today.year().saturating_add(1));
        [Some(today.year()), next].into_iter().flatten().find(|year| !self.days.lists(*year))
    }

    /// Which days are worked.
    pub fn working_days(&self) -> &WorkingDays {
        &self.days
    }
}
