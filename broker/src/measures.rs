//! What is counted and timed, under which names. The binary exposes it; nothing decides by it.

use std::time::Duration;

use clearing::prefund::Watch;
use jiff::Timestamp;
use ledger::hub::{Kind, PrefundKey, Verdict};
use settlement::operation::Operation;

use crate::breaker::Standing;
use crate::lie::Lie;
use crate::limits::Traffic;

/// How one arrival of an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Answered with yes.
    Accepted,
    /// Answered with no.
    Refused,
    /// Its region is not to be asked, and nothing was written.
    Shed,
    /// It never left, and its key is free again.
    Released,
    /// Its key came before.
    Repeated,
    /// Its key came before, with other content.
    ContentDiffers,
    /// No answer by the deadline.
    InDoubt,
    /// An answer came that could not be kept.
    NotKept,
}

impl Ending {
    /// The ending that a verdict is.
    pub fn of(verdict: Verdict) -> Ending {
        match verdict {
            Verdict::Accepted => Ending::Accepted,
            Verdict::Refused => Ending::Refused,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Ending::Accepted => "accepted",
            Ending::Refused => "refused",
            Ending::Shed => "shed",
            Ending::Released => "released",
            Ending::Repeated => "repeated",
            Ending::ContentDiffers => "content-differs",
            Ending::InDoubt => "in-doubt",
            Ending::NotKept => "not-kept",
        }
    }
}

/// One arrival of an operation has ended.
pub fn ended(operation: &Operation, ending: Ending) {
    let kind = Kind::of(operation).word();
    metrics::counter!("yidi_hub_operations_total", "kind" => kind, "outcome" => ending.word()).increment(1);
}

/// A home region was asked something.
pub fn home_asked(home: &str, took: Duration, answered: bool) {
    let outcome = if answered { "answered" } else { "silent" };
    metrics::histogram!("yidi_hub_home_seconds", "home" => home.to_owned(), "outcome" => outcome)
        .record(took.as_secs_f64());
}

/// A home region gave an answer that is none, or under a wrong number.
pub fn lied(home: &str, lie: Lie) {
    metrics::counter!("yidi_hub_lies_total", "home" => home.to_owned(), "kind" => lie.word()).increment(1);
}

/// A party's signature under a certificate of agreement was not kept, because nobody could verify it.
pub fn signature_refused(party: &str) {
    metrics::counter!("yidi_hub_signatures_refused_total", "party" => party.to_owned()).increment(1);
}

/// A home region's book fell.
pub fn book_fell(home: &str) {
    metrics::counter!("yidi_hub_book_fell_total", "home" => home.to_owned()).increment(1);
}

/// Whether a home region's book is whole: 0, or 1 while it is not.
pub fn book_fallen(home: &str, fallen: bool) {
    metrics::gauge!("yidi_hub_book_fallen", "home" => home.to_owned()).set(u32::from(fallen));
}

/// Something was refused before anything was written, because there was no room at the hub or for the region.
pub fn shed(whose: &'static str, traffic: Traffic) {
    metrics::counter!("yidi_hub_shed_total", "where" => whose, "traffic" => traffic.word()).increment(1);
}

/// How a home region's breaker stands: 0 closed, 1 half open, 2 open.
pub fn breaker(home: &str, traffic: Traffic, standing: Standing) {
    let (value, opened) = match standing {
        Standing::Closed => (0, 0),
        Standing::HalfOpen => (1, 0),
        Standing::Open => (2, 1),
    };
    let traffic = traffic.word();
    metrics::gauge!("yidi_hub_breaker", "home" => home.to_owned(), "traffic" => traffic).set(value);
    metrics::counter!("yidi_hub_breaker_opened_total", "home" => home.to_owned(), "traffic" => traffic)
        .increment(opened);
}

/// How a home region stands at the moment.
pub fn home(home: &str, in_flight: usize, in_doubt: u64) {
    let gauge = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
    metrics::gauge!("yidi_hub_home_in_flight", "home" => home.to_owned()).set(gauge(in_flight as u64));
    metrics::gauge!("yidi_hub_home_in_doubt", "home" => home.to_owned()).set(gauge(in_doubt));
}

/// How many operations have no answer, and how old the oldest is.
pub fn doubt(count: u64, oldest: Option<Timestamp>, now: Timestamp) {
    let age = oldest.map_or(0.0, |oldest| now.duration_since(oldest).as_secs_f64());
    metrics::gauge!("yidi_hub_in_doubt").set(u32::try_from(count).unwrap_or(u32::MAX));
    metrics::gauge!("yidi_hub_in_doubt_oldest_seconds").set(age);
}

/// How many inquiries of all regions should have been answered by now.
pub fn inquiries_overdue(count: u64) {
    metrics::gauge!("yidi_hub_inquiries_overdue").set(u32::try_from(count).unwrap_or(u32::MAX));
}

/// How much of a prefund is in use, 1 for all of it, and how it stands: 0 green, 1 yellow, 2 red.
pub fn prefund(key: &PrefundKey, share: f64, watch: Watch) {
    let standing = match watch {
        Watch::Green => 0,
        Watch::Yellow => 1,
        Watch::Red => 2,
    };
    let labels = [
        ("home", key.pair.home.to_string()),
        ("treatment", key.pair.treatment.to_string()),
        ("insurance", key.insurance.word().to_owned()),
    ];
    metrics::gauge!("yidi_hub_prefund_used_share", &labels).set(share);
    metrics::gauge!("yidi_hub_prefund_watch", &labels).set(standing);
}

/// How many prefunds of all members are at yellow and at red, and how many payments of prefunds are unpaid after their
/// last day.
pub fn prefunds(yellow: usize, red: usize, overdue: usize) {
    let gauge = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    for (watch, count) in [(Watch::Yellow, yellow), (Watch::Red, red)] {
        metrics::gauge!("yidi_hub_prefunds_warned", "watch" => watch.word()).set(gauge(count));
    }
    metrics::gauge!("yidi_hub_prefund_payments_overdue").set(gauge(overdue));
}

/// How many letters wait in all mailboxes, how many of them were delivered and not acknowledged, and how many are dead.
pub fn letters(waiting: u64, delivered: u64, dead: u64) {
    for (state, count) in [("waiting", waiting), ("delivered", delivered), ("dead", dead)] {
        metrics::gauge!("yidi_hub_letters", "state" => state).set(u32::try_from(count).unwrap_or(u32::MAX));
    }
}
