//! A change of a prefund on its way: asked for by one side, answered by the other, paid and recorded by both. Only what both
//! have recorded is held; what one side says or asks changes nothing in the watch. A re-set counts what one side has recorded
//! as paid. Keeping changes is for `ledger`; carrying requests, for `broker`.

use jiff::civil::Date;
use settlement::money::Money;

use crate::calendar::{Calendar, PaymentDays};
use crate::month::Month;
use crate::period::Side;

/// Why a prefund changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// What was held before the hub knew of it, as both sides say.
    Opening,
    /// The yearly re-set, or the first.
    Reset,
    /// An emergency increase.
    TopUp,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 3] = [Kind::Opening, Kind::Reset, Kind::TopUp];

    /// The word in messages and books.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Opening => "opening",
            Kind::Reset => "reset",
            Kind::TopUp => "top-up",
        }
    }

    /// The kind that a word names.
    pub fn from_word(word: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// Whether the other side has to accept it: what the calendar or the centre sets, nobody is asked for.
    pub fn is_answered(self) -> bool {
        match self {
            Kind::Opening | Kind::TopUp => true,
            Kind::Reset => false,
        }
    }
}

/// What is recorded of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Why it is made.
    pub kind: Kind,
    /// By how much.
    pub amount: Money,
    /// What the side that was asked said; none before it said anything.
    pub accepted: Option<bool>,
    /// Whether one side at least has recorded a payment.
    pub is_under_way: bool,
    /// Whether both have recorded the same payment.
    pub is_paid: bool,
    /// Whether the prefund was re-set since: that re-set works out anew what is to be paid.
    pub is_overtaken: bool,
}

/// How far a change is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// 待答复.
    Asked,
    /// 逾期未答复: it may be asked for again.
    Lapsed,
    /// 不同意.
    Refused,
    /// 待拨付.
    Due,
    /// 已到账: it is in the prefund.
    Held,
    /// 已由额度调整取代: nobody had paid it when the prefund was re-set.
    Overtaken,
}

impl Standing {
    /// The word in messages.
    pub fn word(self) -> &'static str {
        match self {
            Standing::Asked => "asked",
            Standing::Lapsed => "lapsed",
            Standing::Refused => "refused",
            Standing::Due => "due",
            Standing::Held => "held",
            Standing::Overtaken => "overtaken",
        }
    }

    /// What lists call it.
    pub fn name(self) -> &'static str {
        match self {
            Standing::Asked => "待答复",
            Standing::Lapsed => "逾期未答复",
            Standing::Refused => "不同意",
            Standing::Due => "待拨付",
            Standing::Held => "已到账",
            Standing::Overtaken => "已由额度调整取代",
        }
    }

    /// What lists call it of a change by so much: what changes nothing was never paid.
    pub fn name_of(self, amount: Money) -> &'static str {
        if self == Standing::Held && amount.is_zero() { "无需拨付" } else { self.name() }
    }

    /// The standing that a word names.
    pub fn from_word(word: &str) -> Option<Standing> {
        use Standing::{Asked, Due, Held, Lapsed, Overtaken, Refused};
        [Asked, Lapsed, Refused, Due, Held, Overtaken].into_iter().find(|standing| standing.word() == word)
    }
}

impl Recorded {
    /// How far it is on a day. A request that is not answered by its last day lapses; where no such day is known it waits.
    pub fn standing(&self, answer_by: Option<Date>, today: Date) -> Standing {
        let has_passed = answer_by.is_some_and(|last| last < today);
        match (self.kind, self.accepted) {
            (_, Some(false)) => Standing::Refused,
            (Kind::Opening, Some(true)) => Standing::Held,
            (Kind::Opening | Kind::TopUp, None) if self.is_overtaken => Standing::Overtaken,
            (Kind::Opening | Kind::TopUp, None) if has_passed => Standing::Lapsed,
            (Kind::Opening | Kind::TopUp, None) => Standing::Asked,
            (Kind::TopUp, Some(true)) | (Kind::Reset, Some(true) | None) => self.of_payment(),
        }
    }

    /// Whether it is in the prefund, on whatever day.
    pub fn is_held(&self) -> bool {
        self.standing(None, Date::MIN) == Standing::Held
    }

    /// Whether a re-set takes it as there: what is held, and what one side at least has recorded, which stays due beside that
    /// re-set and would else be asked for once more. A false record gains nothing: it is due until both have recorded it.
    pub fn counts_in_reset(&self) -> bool {
        match self.standing(None, Date::MIN) {
            Standing::Held => true,
            Standing::Due => self.is_under_way,
            Standing::Asked | Standing::Lapsed | Standing::Refused | Standing::Overtaken => false,
        }
    }

    fn of_payment(&self) -> Standing {
        match self {
            _ if self.is_paid || self.amount.is_zero() => Standing::Held,
            // What one side has paid already is paid on; the re-set has counted it.
            _ if self.is_overtaken && !self.is_under_way => Standing::Overtaken,
            _ => Standing::Due,
        }
    }
}

/// The id of a year's re-set of a prefund, the same for every prefund, so that each is re-set once. It is made anew where
/// an opening balance is accepted after it; `before` says how many were made of that year before.
///
/// ```
/// use clearing::prefund::change::{reset_id, year_of_reset};
/// assert_eq!([reset_id(2026, 0), reset_id(2026, 1)], ["reset 2026", "reset 2026-2"]);
/// assert_eq!(["reset 2026-2", "top-up 2026"].map(year_of_reset), [Some(2026), None]);
/// ```
pub fn reset_id(year: i16, before: usize) -> String {
    if before == 0 { format!("reset {year}") } else { format!("reset {year}-{}", before + 1) }
}

/// The year of a re-set, from its id; none of any other change.
pub fn year_of_reset(id: &str) -> Option<i16> {
    id.strip_prefix("reset ")?.split('-').next()?.parse().ok()
}

/// By when a change of this id is paid, or a request answered, that was made or accepted on a day; none where the year's
/// holidays are not listed.
pub fn payment_days(kind: Kind, id: &str, since: Date, calendar: &Calendar) -> Option<PaymentDays> {
    match kind {
        Kind::Reset => {
            let january = Month::new(year_of_reset(id).unwrap_or(since.year()), 1)?;
            calendar.prefund_reset_days(january, since).ok()
        }
        Kind::Opening | Kind::TopUp => calendar.prefund_top_up_days(Month::of(since)?, since).ok(),
    }
}

/// Why a side cannot answer a request. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerFault {
    /// There is no such change.
    #[error("there is no change of this id: write it as the list has it, such as 'opening O1' or 'top-up T1'")]
    Unknown,
    /// It is asked of nobody.
    #[error("it is a re-set, which nobody is asked for")]
    NotAsked,
    /// It is the answering side's own request.
    #[error("it was asked for by this side: the other answers")]
    OwnRequest,
    /// It is past that.
    #[error("it is {} and can no longer be answered so", .0.word())]
    NotNow(Standing),
}

/// Whether a side may answer what the other asked for. The same answer again is for the caller to see.
///
/// # Errors
/// The first reason why not.
pub fn answer(kind: Kind, asked_by: Option<Side>, side: Side, standing: Standing) -> Result<(), AnswerFault> {
    match standing {
        _ if !kind.is_answered() => Err(AnswerFault::NotAsked),
        _ if asked_by == Some(side) => Err(AnswerFault::OwnRequest),
        Standing::Asked => Ok(()),
        Standing::Lapsed | Standing::Refused | Standing::Due | Standing::Held | Standing::Overtaken => {
            Err(AnswerFault::NotNow(standing))
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_change_is_held_once_both_sides_have_said_so_and_not_before() {
        let (today, last) = (date(2025, 8, 8), date(2025, 8, 7));
        // Kind, answer, under way, paid, overtaken, lapsed.
        for (kind, accepted, [is_under_way, is_paid, is_overtaken, lapses], standing) in [
            (Kind::TopUp, None, [false, false, false, false], Standing::Asked),
            (Kind::TopUp, None, [false, false, false, true], Standing::Lapsed),
            (Kind::TopUp, None, [false, false, true, false], Standing::Overtaken),
            (Kind::TopUp, Some(false), [false, false, false, false], Standing::Refused),
            (Kind::TopUp, Some(true), [false, false, false, true], Standing::Due),
            (Kind::TopUp, Some(true), [true, false, false, false], Standing::Due),
            (Kind::TopUp, Some(true), [true, true, false, false], Standing::Held),
            (Kind::TopUp, Some(true), [false, false, true, false], Standing::Overtaken),
            (Kind::TopUp, Some(true), [true, false, true, false], Standing::Due),
            (Kind::Opening, None, [false, false, false, false], Standing::Asked),
            (Kind::Opening, Some(true), [false, false, false, false], Standing::Held),
            (Kind::Opening, Some(true), [false, false, true, false], Standing::Held),
            (Kind::Opening, Some(false), [false, false, false, false], Standing::Refused),
            (Kind::Reset, None, [false, false, false, true], Standing::Due),
            (Kind::Reset, None, [true, true, true, false], Standing::Held),
            (Kind::Reset, None, [false, false, true, false], Standing::Overtaken),
        ] {
            let amount = Money::from_yuan(100);
            let recorded = Recorded { kind, amount, accepted, is_under_way, is_paid, is_overtaken };
            let answer_by = lapses.then_some(last);
            assert_eq!(recorded.standing(answer_by, today), standing, "{recorded:?}");
            assert_eq!(recorded.is_held(), standing == Standing::Held, "{recorded:?}");
            let is_on_its_way = standing == Standing::Due && is_under_way;
            assert_eq!(recorded.counts_in_reset(), recorded.is_held() || is_on_its_way, "{recorded:?}");
        }
    }

    #[test]
    fn a_request_is_answered_once_and_by_the_other_side() {
        for (kind, asked_by, standing, said) in [
            (Kind::TopUp, Some(Side::Treatment), Standing::Asked, Ok(())),
            (Kind::Opening, Some(Side::Home), Standing::Asked, Err(AnswerFault::OwnRequest)),
            (Kind::Reset, None, Standing::Due, Err(AnswerFault::NotAsked)),
            (Kind::TopUp, Some(Side::Treatment), Standing::Lapsed, Err(AnswerFault::NotNow(Standing::Lapsed))),
            (Kind::TopUp, Some(Side::Treatment), Standing::Due, Err(AnswerFault::NotNow(Standing::Due))),
        ] {
            assert_eq!(answer(kind, asked_by, Side::Home, standing), said, "{kind:?} {standing:?}");
        }
    }

    #[test]
    fn words_are_read_as_they_are_written() {
        for kind in Kind::ALL {
            assert_eq!(Kind::from_word(kind.word()), Some(kind));
        }
        assert_eq!(Standing::from_word("held"), Some(Standing::Held));
        let named = [Money::ZERO, Money::from_yuan(1)].map(|amount| Standing::Held.name_of(amount));
        assert_eq!(named, ["无需拨付", "已到账"], "nothing came where nothing was to be paid");
    }
}
