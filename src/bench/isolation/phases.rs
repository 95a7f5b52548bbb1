//! The three phases of a round, and what was seen in each.
#![allow(clippy::float_arithmetic)]

use std::time::Duration;

use anyhow::Result;
use hdrhistogram::Histogram;
use serde_json::{Value, json};

use super::super::measured::{histogram, micros};

/// A phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// All regions answer.
    Before,
    /// One is stalled.
    Stalled,
    /// It answers again.
    After,
}

/// What became of a settlement, as its sender sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Accepted.
    Settled,
    /// Nobody knows yet.
    InDoubt,
    /// Refused, with nothing kept: no room, or the region is not asked.
    Refused,
}

/// One settlement that was sent.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    /// When it was due, since the beginning of the round.
    pub due: Duration,
    /// How long after that its sender heard of it.
    pub took: Duration,
    /// What he heard.
    pub fate: Fate,
}

/// What was seen in a round.
pub struct Phases {
    warm_up: Duration,
    each: Duration,
    seen: [Seen; 3],
}

/// What was seen in a phase.
#[derive(Clone)]
struct Seen {
    others: Histogram<u64>,
    of_stalled: [u64; 3],
}

impl Phase {
    /// All, in order.
    pub const ALL: [Phase; 3] = [Phase::Before, Phase::Stalled, Phase::After];

    fn word(self) -> &'static str {
        match self {
            Phase::Before => "before",
            Phase::Stalled => "stalled",
            Phase::After => "after",
        }
    }
}

impl Phases {
    /// A round of which nothing has been seen yet.
    ///
    /// # Errors
    /// Never with these bounds.
    pub fn new(warm_up: Duration, each: Duration) -> Result<Phases> {
        let seen = Seen { others: histogram()?, of_stalled: [0; 3] };
        Ok(Phases { warm_up, each, seen: [seen.clone(), seen.clone(), seen] })
    }

    /// Takes note of a settlement of one of the others.
    pub fn note_other(&mut self, sent: Sent) {
        if let Some(seen) = self.at(sent.due) {
            seen.others.saturating_record(micros(sent.took));
        }
    }

    /// Takes note of a settlement of the region that is stalled.
    pub fn note_stalled(&mut self, sent: Sent) {
        if let Some(seen) = self.at(sent.due) {
            seen.of_stalled[sent.fate as usize] += 1;
        }
    }

    /// p99 of the others while one is stalled, over that before.
    pub fn ratio(&self) -> f64 {
        self.millis(Phase::Stalled, 0.99) / self.millis(Phase::Before, 0.99)
    }

    /// p99 of the others after, over that before.
    pub fn ratio_after(&self) -> f64 {
        self.millis(Phase::After, 0.99) / self.millis(Phase::Before, 0.99)
    }

    /// A row of the table.
    pub fn row(&self, round: usize, phase: Phase) -> Vec<String> {
        let millis = |quantile| format!("{:.2}", self.millis(phase, quantile));
        let seen = &self.seen[phase as usize];
        let mut row = vec![round.to_string(), phase.word().to_owned()];
        row.extend([millis(0.5), millis(0.99), millis(0.999), seen.others.len().to_string()]);
        row.extend(seen.of_stalled.map(|count| count.to_string()));
        row
    }

    /// Every figure.
    pub fn to_json(&self) -> Value {
        Phase::ALL.iter().map(|phase| (phase.word().to_owned(), self.phase_to_json(*phase))).collect()
    }

    fn phase_to_json(&self, phase: Phase) -> Value {
        let seen = &self.seen[phase as usize];
        let [settled, in_doubt, refused] = seen.of_stalled;
        json!({ "p50_ms": self.millis(phase, 0.5), "p99_ms": self.millis(phase, 0.99),
            "p999_ms": self.millis(phase, 0.999), "settled": seen.others.len(),
            "of_the_stalled": { "settled": settled, "in_doubt": in_doubt, "refused": refused } })
    }

    fn millis(&self, phase: Phase, quantile: f64) -> f64 {
        self.seen[phase as usize].others.value_at_quantile(quantile) as f64 / 1000.0
    }

    fn at(&mut self, due: Duration) -> Option<&mut Seen> {
        let since = due.checked_sub(self.warm_up)?;
        let index = usize::try_from(since.as_millis() / self.each.as_millis().max(1)).ok()?;
        self.seen.get_mut(index)
    }
}
