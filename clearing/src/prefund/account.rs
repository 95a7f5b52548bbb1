//! One prefund by what is recorded of its changes: how much of it is there, what may be asked for, and what a year's
//! re-set is worked out from. Whoever records a change decides by this on what is recorded in the same step. Keeping
//! changes is for `ledger`; carrying requests, for `broker`.

use jiff::Timestamp;
use jiff::civil::Date;
use settlement::beijing;
use settlement::money::Money;

use super::change::{Kind, Recorded, Standing, payment_days, year_of_reset};
use super::{Usage, Watch};
use crate::calendar::Calendar;
use crate::month::Month;

/// A change, with what is recorded of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// Its id.
    pub id: String,
    /// When it was made.
    pub at: Timestamp,
    /// When the other side said something to it; none where it has not.
    pub answered_at: Option<Timestamp>,
    /// How far it is.
    pub recorded: Recorded,
}

impl Made {
    /// How far it is on a day.
    pub fn standing(&self, today: Date, calendar: &Calendar) -> Standing {
        let days = payment_days(self.recorded.kind, &self.id, beijing::day_of(self.at), calendar);
        self.recorded.standing(days.map(|days| days.pay_by), today)
    }
}

/// How a prefund stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watched {
    /// What both sides have recorded as held, and what is in use.
    pub usage: Usage,
    /// What is asked for, and has no answer yet.
    pub asked: Money,
    /// What is still to be paid of what was set and accepted; below zero where it is to be returned.
    pub due: Money,
    /// How it stands.
    pub watch: Watch,
}

/// What a year's re-set of a prefund is worked out from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct YearReset {
    /// What is held, or on its way.
    pub previous: Money,
    /// How many of the year were made before the one that stands, or is to be made.
    pub before: usize,
    /// Whether one stands: another would change nothing.
    pub stands: bool,
}

/// Why a change of a prefund cannot be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestFault {
    /// It is not in the red.
    #[error("it is {}: only from red on may more be asked for", .0.word())]
    NotRed(Watch),
    /// Nothing, less than nothing, or more than there is.
    #[error("it is above zero, and no more than an amount may be")]
    NotPositive,
    /// It is more than is short.
    #[error("at most {0} may be asked for, beside what is asked for or due already: that brings use down to yellow")]
    TooMuch(Money),
    /// The id was asked for with another amount.
    #[error("the id was asked for with {0}")]
    AskedOtherwise(Money),
    /// An opening balance comes first, or did and was not confirmed.
    #[error("a re-set has asked for money already: an opening balance is first entered before the first that does")]
    ResetAlready,
    /// There is one.
    #[error("there is an opening balance already; it is {}", .0.word())]
    OpenedAlready(Standing),
}

/// What is recorded of one prefund.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Its changes.
    pub changes: Vec<Made>,
}

impl Account {
    /// How it stands on a day on which so much is owed and not paid; none on a day of no month.
    pub fn watched(&self, outstanding: Money, today: Date, calendar: &Calendar) -> Option<Watched> {
        let rules = &calendar.rules(Month::of(today)?).prefund;
        let of = |standing: Standing| -> Money {
            let so = self.changes.iter().filter(|made| made.standing(today, calendar) == standing);
            so.map(|made| made.recorded.amount).sum()
        };
        let usage = Usage { prefund: of(Standing::Held), outstanding };
        Some(Watched { usage, asked: of(Standing::Asked), due: of(Standing::Due), watch: usage.watch(rules) })
    }

    /// Whether so much more may be asked for under an id: from red on, and at most what brings use down to the yellow mark
    /// beside what is asked for or due already. The rule also counts working days after the clearing period until it is to
    /// be asked for, and does not say which period of a prefund that several months use; what is red today is short today,
    /// so being red is all that is asked here. The same again may be.
    ///
    /// # Errors
    /// Why not.
    pub fn may_top_up(
        &self,
        (id, amount): (&str, Money),
        outstanding: Money,
        today: Date,
        calendar: &Calendar,
    ) -> Result<(), RequestFault> {
        if self.has_asked(id, amount)? {
            return Ok(());
        }
        let watched = self.watched(outstanding, today, calendar);
        let Some((watched, month)) = watched.filter(|held| held.watch == Watch::Red).zip(Month::of(today)) else {
            return Err(RequestFault::NotRed(watched.map_or(Watch::Green, |held| held.watch)));
        };
        let most = watched.usage.most_to_ask(watched.asked + watched.due, &calendar.rules(month).prefund);
        if amount > most { Err(RequestFault::TooMuch(most)) } else { Ok(()) }
    }

    /// Whether it may be entered under an id that so much was held before the hub knew of it. That comes before the first
    /// re-set that moves money, which works out what is to be paid from what is held; one that was entered in time and was
    /// not confirmed may be entered anew after it. The same again may be.
    ///
    /// # Errors
    /// Why not.
    pub fn may_open(&self, (id, amount): (&str, Money), today: Date, calendar: &Calendar) -> Result<(), RequestFault> {
        if self.has_asked(id, amount)? {
            return Ok(());
        }
        // A re-set that changed nothing has worked nothing out from what is held.
        let moving = self.of(Kind::Reset).filter(|made| !made.recorded.amount.is_zero());
        let first = moving.map(|made| made.at).min();
        if first.is_some_and(|reset| !self.of(Kind::Opening).any(|made| made.at <= reset)) {
            return Err(RequestFault::ResetAlready);
        }
        let mut standings = self.of(Kind::Opening).map(|made| made.standing(today, calendar));
        match standings.find(|standing| matches!(standing, Standing::Asked | Standing::Held)) {
            Some(standing) => Err(RequestFault::OpenedAlready(standing)),
            None => Ok(()),
        }
    }

    /// Whether an opening balance waits for the other side's answer: a re-set beside it would ask for all of it once more.
    pub fn opening_waits(&self, today: Date, calendar: &Calendar) -> bool {
        self.of(Kind::Opening).any(|made| made.standing(today, calendar) == Standing::Asked)
    }

    /// Whether it was ever opened.
    pub fn was_opened(&self) -> bool {
        self.of(Kind::Opening).next().is_some()
    }

    /// What a year's re-set is worked out from. One that was made stands, unless an opening balance was accepted since: it
    /// was worked out without what was held, and is made anew, which leaves alone what was increased since the first.
    pub fn year_reset(&self, year: i16) -> YearReset {
        let made = || self.changes.iter().filter(|made| year_of_reset(&made.id) == Some(year));
        let (first, last) = (made().map(|made| made.at).min(), made().map(|made| made.at).max());
        let accepted = self.of(Kind::Opening).filter(|made| made.recorded.accepted == Some(true));
        let is_outdated = accepted.filter_map(|made| made.answered_at).any(|at| last.is_some_and(|last| at > last));
        let is_since = |made: &&Made| {
            is_outdated && made.recorded.kind == Kind::TopUp && first.is_some_and(|first| made.at > first)
        };
        let there = self.changes.iter().filter(|made| made.recorded.counts_in_reset() && !is_since(made));
        let stands = last.is_some() && !is_outdated;
        let previous = there.map(|made| made.recorded.amount).sum();
        YearReset { previous, before: made().count() - usize::from(stands), stands }
    }

    /// Whether this was asked for under the same id before.
    fn has_asked(&self, id: &str, amount: Money) -> Result<bool, RequestFault> {
        match self.changes.iter().find(|made| made.id == id) {
            Some(before) if before.recorded.amount != amount => {
                Err(RequestFault::AskedOtherwise(before.recorded.amount))
            }
            Some(_) => Ok(true),
            None if amount <= Money::ZERO || !amount.is_bounded() => Err(RequestFault::NotPositive),
            None => Ok(false),
        }
    }

    fn of(&self, kind: Kind) -> impl Iterator<Item = &Made> {
        self.changes.iter().filter(move |made| made.recorded.kind == kind)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    fn calendar() -> Calendar {
        Calendar::parse(include_str!("../../../deploy/calendar.toml")).expect("no faults")
    }

    fn noon(month: i8, day: i8) -> Timestamp {
        beijing::instant_of(date(2026, month, day).at(12, 0, 0, 0)).expect("an instant")
    }

    fn made(kind: Kind, id: &str, fen: i64, accepted: Option<bool>, at: Timestamp) -> Made {
        let recorded = Recorded {
            kind,
            amount: Money::from_fen(fen),
            accepted,
            is_under_way: false,
            is_paid: false,
            is_overtaken: false,
        };
        Made { id: id.into(), at, answered_at: accepted.map(|_| at), recorded }
    }

    #[test]
    fn a_re_set_is_made_anew_once_an_opening_was_accepted_since() {
        let reset = |id: &str, fen, at| made(Kind::Reset, id, fen, None, at);
        let opening = |at| made(Kind::Opening, "opening 1", 90, Some(true), at);
        let top_up = |at| {
            let accepted = made(Kind::TopUp, "top-up 1", 40, Some(true), at);
            Made { recorded: Recorded { is_under_way: true, ..accepted.recorded }, ..accepted }
        };
        let paid = |made: Made| Made { recorded: Recorded { is_under_way: true, ..made.recorded }, ..made };
        let day = |day| noon(2, day);
        for (name, changes, (previous, before, stands)) in [
            ("nothing was made", vec![], (0, 0, false)),
            ("what was opened before counts", vec![opening(day(1))], (90, 0, false)),
            ("it stands, and nobody has paid it", vec![reset("reset 2026", 100, day(2))], (0, 0, true)),
            ("another year's", vec![paid(reset("reset 2025", 100, day(2)))], (100, 0, false)),
            ("outdated", vec![reset("reset 2026", 100, day(2)), opening(day(3))], (90, 1, false)),
            ("what was paid counts", vec![paid(reset("reset 2026", 100, day(2))), opening(day(3))], (190, 1, false)),
            (
                "what was increased since is left alone",
                vec![reset("reset 2026", 100, day(2)), opening(day(3)), top_up(day(4))],
                (90, 1, false),
            ),
            (
                "made anew",
                vec![reset("reset 2026", 100, day(2)), opening(day(3)), reset("reset 2026-2", 10, day(4))],
                (90, 1, true),
            ),
        ] {
            let expected = YearReset { previous: Money::from_fen(previous), before, stands };
            assert_eq!(Account { changes }.year_reset(2026), expected, "{name}");
        }
    }

    proptest! {
        /// However many ask, and for however much each.
        #[test]
        fn what_is_asked_for_never_brings_use_below_the_yellow_mark(
            outstanding in 1_i64..1_000_000,
            asked in prop::collection::vec(1_i64..1_000_000, 1..6),
        ) {
            let (calendar, at) = (calendar(), noon(2, 5));
            let (today, mut account) = (beijing::day_of(at), Account::default());
            let outstanding = Money::from_fen(outstanding);
            let rules = &calendar.rules(Month::of(today).expect("a month")).prefund;
            let most = Usage { prefund: Money::ZERO, outstanding }.most_to_ask(Money::ZERO, rules);
            for (number, fen) in asked.into_iter().enumerate() {
                let (id, amount) = (format!("top-up {number}"), Money::from_fen(fen));
                match account.may_top_up((&id, amount), outstanding, today, &calendar) {
                    Ok(()) => account.changes.push(made(Kind::TopUp, &id, fen, None, at)),
                    Err(fault) => prop_assert!(matches!(fault, RequestFault::TooMuch(left) if left < amount)),
                }
            }
            let watched = account.watched(outstanding, today, &calendar).expect("a month");
            prop_assert!(watched.asked <= most, "{} of {most}", watched.asked);
        }
    }
}
