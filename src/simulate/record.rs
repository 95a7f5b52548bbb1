//! What happened in a simulation: counted by kind, and folded into one number by which two runs of a seed are compared.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

/// The record of one run.
#[derive(Debug)]
pub struct Record {
    began: Instant,
    kept: Mutex<Kept>,
}

#[derive(Debug)]
struct Kept {
    digest: u64,
    steps: u64,
    faults: BTreeMap<&'static str, u64>,
    findings: Vec<String>,
    /// Every event as a line, for whoever looks at one seed.
    lines: Option<Vec<String>>,
}

/// What a run came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Everything that happened, and when, as one number.
    pub digest: u64,
    /// Exchanges and acts after which the invariants were checked.
    pub steps: u64,
    /// Faults by their kind.
    pub faults: BTreeMap<&'static str, u64>,
    /// What should not be.
    pub findings: Vec<String>,
    /// Every event, where they were asked for.
    pub lines: Vec<String>,
}

impl Record {
    /// An empty record, which keeps every event as a line where it is to be looked at.
    pub fn new(looked_at: bool) -> Record {
        let kept = Kept {
            digest: 0xcbf2_9ce4_8422_2325,
            steps: 0,
            faults: BTreeMap::new(),
            findings: Vec::new(),
            lines: looked_at.then(Vec::new),
        };
        Record { began: Instant::now(), kept: Mutex::new(kept) }
    }

    /// Notes an event: who or where, and what.
    pub fn note(&self, place: &str, what: &str) {
        let micros = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        let mut kept = self.kept();
        let mut digest = fold(kept.digest, &micros.to_le_bytes());
        digest = fold(digest, place.as_bytes());
        kept.digest = fold(digest, what.as_bytes());
        if let Some(lines) = &mut kept.lines {
            lines.push(format!("{:>10}.{:03} ms  {place}: {what}", micros / 1000, micros % 1000));
        }
    }

    /// Adds what is to be looked at and is no event; the lines are only made where anybody looks.
    pub fn show<I: IntoIterator<Item = String>>(&self, lines: impl FnOnce() -> I) {
        if let Some(kept) = &mut self.kept().lines {
            kept.extend(lines());
        }
    }

    /// Notes a fault that was injected.
    pub fn fault(&self, kind: &'static str, place: &str) {
        self.note(place, kind);
        *self.kept().faults.entry(kind).or_default() += 1;
    }

    /// Notes that a step was taken.
    pub fn step(&self) {
        self.kept().steps += 1;
    }

    /// Notes what should not be.
    pub fn finding(&self, finding: String) {
        self.note("finding", &finding);
        self.kept().findings.push(finding);
    }

    /// Whether something was found that should not be.
    pub fn has_findings(&self) -> bool {
        !self.kept().findings.is_empty()
    }

    /// What the run came to.
    pub fn summary(&self) -> Summary {
        let kept = self.kept();
        Summary {
            digest: kept.digest,
            steps: kept.steps,
            faults: kept.faults.clone(),
            findings: kept.findings.clone(),
            lines: kept.lines.clone().unwrap_or_default(),
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// FNV-1a.
fn fold(digest: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(digest, |digest, byte| (digest ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}
