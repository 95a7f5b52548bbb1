//! What is counted and timed, under which names. The binary exposes it; nothing decides by it.

use std::time::Duration;

use jiff::Timestamp;
use ledger::hub::{Kind, Verdict};
use settlement::operation::Operation;

/// How one arrival of an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Answered with yes.
    Accepted,
    /// Answered with no.
    Refused,
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

/// A home region's book fell.
pub fn book_fell(home: &str) {
    metrics::counter!("yidi_hub_book_fell_total", "home" => home.to_owned()).increment(1);
}

/// How many operations have no answer, and how old the oldest is.
pub fn doubt(count: u64, oldest: Option<Timestamp>, now: Timestamp) {
    let age = oldest.map_or(0.0, |oldest| now.duration_since(oldest).as_secs_f64());
    metrics::gauge!("yidi_hub_in_doubt").set(u32::try_from(count).unwrap_or(u32::MAX));
    metrics::gauge!("yidi_hub_in_doubt_oldest_seconds").set(age);
}
