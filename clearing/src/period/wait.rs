//! What a period waits for: from whom, until when, and how long that is past. What is waited for is planned by
//! [`super::plan`]; messages carry these facts, and whoever shows them says them as its readers do.

use std::fmt;

use jiff::civil::Date;
use settlement::person::Insurance;

use super::{Pair, Side};
use crate::calendar::Calendar;
use crate::month::Month;
use crate::payment::Apart;

/// Something that a period waits for, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// What for.
    pub wanted: Wanted,
    /// Until when; none where no day is known.
    pub until: Option<Date>,
}

/// What a period waits for, and from whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The cut-off's day.
    CutOffDay,
    /// A person who finds out why totals and journal are apart.
    Explanation,
    /// The clearing day.
    ClearingDay,
    /// A member's confirmation or objection.
    Confirmation(Pair, Side),
    /// A member's payment of an insurance's money.
    Payment(Pair, Insurance, Side),
    /// A member's record of having received it.
    Receipt(Pair, Insurance, Side),
    /// The same record of a payment by both members: one of them corrects its own, or both accept the two as they are.
    SameRecord(Pair, Insurance, Apart),
    /// A member's word that both records are of one payment, as the other has said; or a correction.
    Acceptance(Pair, Insurance, Side),
}

/// 环节: what the calendar has a last day for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Milestone {
    /// 清算: statements are made.
    Statement,
    /// 确认: members confirm or object.
    Confirmation,
    /// 通知: notices are issued.
    Notice,
    /// 拨付: notices are paid.
    Payment,
}

impl Milestone {
    /// The word in messages.
    pub fn word(self) -> &'static str {
        match self {
            Milestone::Statement => "statement",
            Milestone::Confirmation => "confirmation",
            Milestone::Notice => "notice",
            Milestone::Payment => "payment",
        }
    }

    /// What a word names.
    pub fn from_word(word: &str) -> Option<Milestone> {
        let all = [Milestone::Statement, Milestone::Confirmation, Milestone::Notice, Milestone::Payment];
        all.into_iter().find(|milestone| milestone.word() == word)
    }
}

/// 逾期: a last day of the calendar that is past, while what should have been by then is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overdue {
    /// What should have been.
    pub milestone: Milestone,
    /// By when.
    pub by: Date,
    /// How many working days have passed since; none where the calendar does not list a year of them.
    pub working_days: Option<u32>,
}

impl Overdue {
    /// What tables say, beside what is waited for: what else should have been is named.
    ///
    /// ```
    /// use clearing::period::{Milestone, Overdue};
    /// use jiff::civil::date;
    /// let overdue = |milestone| Overdue { milestone, by: date(2025, 8, 15), working_days: Some(3) };
    /// assert_eq!(overdue(Milestone::Payment).told(), "已逾期 3 个工作日");
    /// assert_eq!(overdue(Milestone::Notice).told(), "通知已逾期 3 个工作日");
    /// ```
    pub fn told(&self) -> String {
        let name = match self.milestone {
            Milestone::Statement => "清算",
            Milestone::Notice => "通知",
            Milestone::Confirmation | Milestone::Payment => "",
        };
        match self.working_days {
            Some(0) => format!("{name}已逾期，不满 1 个工作日"),
            Some(days) => format!("{name}已逾期 {days} 个工作日"),
            None => format!("{name}已逾期，清算日历缺该年工作日，天数不明"),
        }
    }
}

impl Wait {
    /// What of a month is overdue on a day while this is waited for: of several, what should have been first. A payment that
    /// has no last day is never late.
    pub fn overdue(&self, month: Month, today: Date, calendar: &Calendar) -> Option<Overdue> {
        let days = match self.wanted {
            Wanted::CutOffDay | Wanted::ClearingDay => vec![],
            Wanted::Explanation => vec![(Milestone::Statement, self.until)],
            // A later version has days of its own to be confirmed; the notices' day does not move with them.
            Wanted::Confirmation(_, _) => {
                let notices_by = calendar.schedule(month).notices_by;
                vec![(Milestone::Confirmation, self.until), (Milestone::Notice, Some(notices_by))]
            }
            Wanted::Payment(_, _, _)
            | Wanted::Receipt(_, _, _)
            | Wanted::SameRecord(_, _, _)
            | Wanted::Acceptance(_, _, _) => vec![(Milestone::Payment, self.until)],
        };
        let past = days.into_iter().filter_map(|(milestone, by)| Some((by.filter(|by| *by < today)?, milestone)));
        let (by, milestone) = past.min()?;
        Some(Overdue { milestone, by, working_days: calendar.working_days().passed(by, today).ok() })
    }

    /// What tables say: what is waited for, until when, and how long that is past.
    pub fn told(&self, overdue: Option<Overdue>) -> String {
        let wanted = self.wanted.told();
        match (overdue, self.until) {
            (Some(overdue), _) => format!("{wanted}，{}", overdue.told()),
            (None, Some(day)) if matches!(self.wanted, Wanted::CutOffDay | Wanted::ClearingDay) => {
                format!("{wanted} {day}")
            }
            (None, Some(until)) => format!("{wanted}，期限 {until}"),
            (None, None) => format!("{wanted}，期限不明，清算日历缺该年工作日"),
        }
    }
}

impl Wanted {
    /// The word in messages.
    pub fn word(&self) -> &'static str {
        match self {
            Wanted::CutOffDay => "cut-off-day",
            Wanted::Explanation => "explanation",
            Wanted::ClearingDay => "clearing-day",
            Wanted::Confirmation(_, _) => "confirmation",
            Wanted::Payment(_, _, _) => "payment",
            Wanted::Receipt(_, _, _) => "receipt",
            Wanted::SameRecord(_, _, _) => "same-record",
            Wanted::Acceptance(_, _, _) => "acceptance",
        }
    }

    /// The pair that it is about; none where it is about the whole period.
    pub fn pair(&self) -> Option<Pair> {
        match self {
            Wanted::CutOffDay | Wanted::Explanation | Wanted::ClearingDay => None,
            Wanted::Confirmation(pair, _)
            | Wanted::Payment(pair, _, _)
            | Wanted::Receipt(pair, _, _)
            | Wanted::SameRecord(pair, _, _)
            | Wanted::Acceptance(pair, _, _) => Some(*pair),
        }
    }

    /// Whose word it is; none where it is nobody's, or both sides'.
    pub fn side(&self) -> Option<Side> {
        match self {
            Wanted::CutOffDay | Wanted::Explanation | Wanted::ClearingDay | Wanted::SameRecord(_, _, _) => None,
            Wanted::Confirmation(_, side)
            | Wanted::Payment(_, _, side)
            | Wanted::Receipt(_, _, side)
            | Wanted::Acceptance(_, _, side) => Some(*side),
        }
    }

    /// Whose money it is about; none where that is not asked.
    pub fn insurance(&self) -> Option<Insurance> {
        match self {
            Wanted::CutOffDay | Wanted::Explanation | Wanted::ClearingDay | Wanted::Confirmation(_, _) => None,
            Wanted::Payment(_, insurance, _)
            | Wanted::Receipt(_, insurance, _)
            | Wanted::SameRecord(_, insurance, _)
            | Wanted::Acceptance(_, insurance, _) => Some(*insurance),
        }
    }

    /// What tables say.
    pub fn told(&self) -> String {
        let of = |pair: &Pair| format!("{} → {}", pair.home, pair.treatment);
        let from = |pair: &Pair, side: &Side| format!("{} {} ", side.name(), pair.member(*side));
        match self {
            Wanted::CutOffDay => "待截止日".to_owned(),
            Wanted::Explanation => "待经办中心核查：汇总与明细账不一致，更正后重新核对".to_owned(),
            Wanted::ClearingDay => "待清算日".to_owned(),
            Wanted::Confirmation(pair, side) => format!("{}：待{}确认或提出异议", of(pair), from(pair, side)),
            Wanted::Payment(pair, insurance, side) => {
                format!("{} {}：待{}付款并登记", of(pair), insurance.name(), from(pair, side))
            }
            Wanted::Receipt(pair, insurance, side) => {
                format!("{} {}：待{}登记收款", of(pair), insurance.name(), from(pair, side))
            }
            Wanted::SameRecord(pair, insurance, apart) => {
                let (of, insurance, apart) = (of(pair), insurance.name(), apart.name());
                format!("{of} {insurance}：两方登记的{apart}不一致，待一方更正或双方认可为同一笔")
            }
            Wanted::Acceptance(pair, insurance, side) => {
                format!("{} {}：待{}认可两方登记为同一笔", of(pair), insurance.name(), from(pair, side))
            }
        }
    }
}

/// The sentence of JSON and logs.
impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let from = |pair: &Pair, side: &Side| format!("{} ({} → {})", pair.member(*side), pair.home, pair.treatment);
        match self {
            Wanted::CutOffDay => write!(f, "the day of the cut-off"),
            Wanted::Explanation => {
                write!(f, "an operator: totals and journal are apart; mend it, then yidi clearing run --prove")
            }
            Wanted::ClearingDay => write!(f, "the clearing day"),
            Wanted::Confirmation(pair, side) => write!(f, "confirmation or objection by {}", from(pair, side)),
            Wanted::Payment(pair, insurance, side) => {
                write!(f, "{} payment by {}", insurance.word(), from(pair, side))
            }
            Wanted::Receipt(pair, insurance, side) => {
                write!(f, "record of {} receipt by {}", insurance.word(), from(pair, side))
            }
            Wanted::Acceptance(pair, insurance, side) => {
                let (insurance, from) = (insurance.word(), from(pair, side));
                write!(f, "acceptance by {from} that both records are of the {insurance} payment")
            }
            Wanted::SameRecord(Pair { home, treatment }, insurance, apart) => {
                let insurance = insurance.word();
                write!(
                    f,
                    "the same record of the {insurance} payment by both ({home} → {treatment}): {apart} not the same"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use settlement::ids::{MemberCode, RegionCode};

    use super::*;

    fn calendar() -> Calendar {
        Calendar::parse(include_str!("../../../deploy/calendar.toml")).expect("no faults")
    }

    fn pair() -> Pair {
        let member = |code| MemberCode(RegionCode::new(code).expect("a code"));
        Pair { home: member("410000"), treatment: member("310000") }
    }

    #[test]
    fn a_last_day_that_is_past_is_told_in_working_days() {
        let confirmation = Wanted::Confirmation(pair(), Side::Home);
        let payment = Wanted::Payment(pair(), Insurance::Employee, Side::Home);
        let (confirm_by, later, pay_by) = (date(2025, 7, 25), date(2025, 8, 5), date(2025, 8, 15));
        use Milestone::{Confirmation, Notice, Payment, Statement};
        for (wanted, until, today, expected) in [
            (confirmation, confirm_by, date(2025, 7, 25), None),
            // A Saturday, and the Monday after it.
            (confirmation, confirm_by, date(2025, 7, 26), Some((Confirmation, confirm_by, 0))),
            (confirmation, confirm_by, date(2025, 7, 28), Some((Confirmation, confirm_by, 1))),
            (confirmation, confirm_by, date(2025, 8, 4), Some((Confirmation, confirm_by, 6))),
            // A later version may still be answered, and the notices are late.
            (confirmation, later, date(2025, 7, 31), None),
            (confirmation, later, date(2025, 8, 4), Some((Notice, date(2025, 7, 31), 2))),
            (payment, pay_by, pay_by, None),
            (payment, pay_by, date(2025, 8, 20), Some((Payment, pay_by, 3))),
            (payment, pay_by, date(2025, 10, 11), Some((Payment, pay_by, 36))),
            (Wanted::Explanation, date(2025, 7, 21), date(2025, 7, 22), Some((Statement, date(2025, 7, 21), 1))),
            (Wanted::ClearingDay, date(2025, 7, 21), date(2025, 7, 20), None),
        ] {
            let month = Month::from_text("2025-06").expect("a month");
            let told = Wait { wanted, until: Some(until) }.overdue(month, today, &calendar());
            let expected = expected.map(|(milestone, by, days)| Overdue { milestone, by, working_days: Some(days) });
            assert_eq!(told, expected, "{wanted:?} on {today}");
        }
    }

    #[test]
    fn a_year_that_is_not_listed_is_not_counted_and_no_day_is_never_late() {
        let month = Month::from_text("2026-11").expect("a month");
        let wait = Wait { wanted: Wanted::Confirmation(pair(), Side::Home), until: Some(date(2026, 12, 25)) };
        let overdue = wait.overdue(month, date(2027, 1, 5), &calendar()).expect("it is overdue");
        assert_eq!((overdue.by, overdue.working_days), (date(2026, 12, 25), None));
        assert_eq!(overdue.told(), "已逾期，清算日历缺该年工作日，天数不明");
        let undated = Wait { wanted: Wanted::Payment(pair(), Insurance::Employee, Side::Home), until: None };
        assert_eq!(undated.overdue(month, date(2027, 6, 1), &calendar()), None);
        assert!(undated.told(None).ends_with("，期限不明，清算日历缺该年工作日"));
    }

    #[test]
    fn what_is_waited_for_is_told_without_a_latin_letter_and_stands_in_the_page_for_clerks() {
        let page = include_str!("../../../docs/清算指引.md");
        let apart = |serial, on, amount| Apart { serial, on, amount };
        assert_eq!(
            [apart(false, false, true), apart(true, true, true)].map(|apart| apart.name()),
            ["金额", "流水号、日期、金额"]
        );
        let (employee, resident) = (Insurance::Employee, Insurance::Resident);
        for (wanted, said) in [
            (Wanted::CutOffDay, "待截止日"),
            (Wanted::Explanation, "待经办中心核查：汇总与明细账不一致，更正后重新核对"),
            (Wanted::ClearingDay, "待清算日"),
            (Wanted::Confirmation(pair(), Side::Home), "410000 → 310000：待参保地 410000 确认或提出异议"),
            (Wanted::Payment(pair(), employee, Side::Home), "410000 → 310000 职工：待参保地 410000 付款并登记"),
            (Wanted::Receipt(pair(), resident, Side::Treatment), "410000 → 310000 居民：待就医地 310000 登记收款"),
            (
                Wanted::SameRecord(pair(), employee, apart(true, true, false)),
                "410000 → 310000 职工：两方登记的流水号、日期不一致，待一方更正或双方认可为同一笔",
            ),
            (
                Wanted::Acceptance(pair(), employee, Side::Treatment),
                "410000 → 310000 职工：待就医地 310000 认可两方登记为同一笔",
            ),
        ] {
            assert_eq!(wanted.told(), said);
            let about = wanted.pair().and_then(|_| said.split_once('：')).map_or(said, |(_, about)| about);
            assert!(page.contains(about), "docs/清算指引.md lacks {about}");
            let (milestone, by) = (Milestone::Payment, date(2025, 8, 15));
            let overdue = |working_days| Some(Overdue { milestone, by, working_days });
            for (until, overdue) in [
                (Some(by), None),
                (None, None),
                (Some(by), overdue(Some(0))),
                (Some(by), overdue(Some(3))),
                (Some(by), overdue(None)),
            ] {
                let told = Wait { wanted, until }.told(overdue);
                assert!(!told.chars().any(|letter| letter.is_ascii_alphabetic()), "{told}");
            }
        }
    }
}
