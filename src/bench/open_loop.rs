//! An open loop: requests are sent when they are due, whether or not earlier ones have been answered, and each is timed
//! from when it was due. Waiting in a queue counts, which a closed loop hides.
#![allow(clippy::float_arithmetic)]

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use hdrhistogram::Histogram;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::crew::Crew;
use super::measured::{Measured, histogram, micros};
use super::report::Report;

/// A run in which a larger share failed says nothing about how fast the rest was.
const MOST_FAILED: f64 = 0.001;
/// The pacing thread wakes no more often than this: waking costs what is being measured.
const PACE: Duration = Duration::from_micros(100);

/// When requests are due.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// Requests a second.
    pub per_second: f64,
    /// What does not count.
    pub warm_up: Duration,
    /// What does.
    pub measured: Duration,
}

/// What an open loop came to.
pub struct Timeline {
    /// Everything that was due, with its latency from then on: how long it took to succeed, or to fail.
    pub measured: Measured,
    /// What was due in each second.
    pub seconds: Vec<Second>,
    /// How many of all failed.
    pub failed: u64,
}

/// What was due in a second.
pub struct Second {
    /// Latencies, of what failed as well.
    pub latencies: Histogram<u64>,
    /// How many failed.
    pub failed: u64,
}

/// How many requests were due, and how many of them failed: no room, in doubt, no answer in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fates {
    /// All of them.
    pub due: u64,
    /// Those that failed.
    pub failed: u64,
}

impl Timeline {
    /// What became of everything that was due.
    pub fn fates(&self) -> Fates {
        Fates { due: self.measured.count, failed: self.failed }
    }
}

impl Fates {
    /// Takes others in.
    pub fn add(&mut self, others: Fates) {
        self.due += others.due;
        self.failed += others.failed;
    }

    /// The share that failed; none of nothing.
    pub fn share_failed(self) -> f64 {
        self.failed as f64 / self.due.max(1) as f64
    }

    /// Has the run count for nothing where too many failed.
    pub fn judge(self, what: &str, report: &mut Report) {
        if self.share_failed() > MOST_FAILED {
            report.void(&format!("{what}: {} of {} failed", self.failed, self.due));
        }
    }
}

impl Second {
    fn new() -> Result<Second> {
        Ok(Second { latencies: histogram()?, failed: 0 })
    }

    fn note(&mut self, latency: u64, failed: bool) {
        self.latencies.saturating_record(latency);
        self.failed += u64::from(failed);
    }

    /// What became of what was due in it.
    pub fn fates(&self) -> Fates {
        Fates { due: self.latencies.len(), failed: self.failed }
    }

    /// The latency that a share of the requests kept within, in milliseconds.
    pub fn millis_at(&self, quantile: f64) -> f64 {
        self.latencies.value_at_quantile(quantile) as f64 / 1000.0
    }
}

/// A request of an open loop: the how manieth.
#[derive(Clone, Copy, Debug)]
pub struct Due(u64);

impl Due {
    /// Over which of several connections it goes: each in turn.
    pub fn lane(self) -> usize {
        usize::try_from(self.0).unwrap_or_default()
    }
}

/// Sends requests when they are due.
///
/// # Errors
/// When the crew cannot be measured. A request that fails is counted, with the time that it took.
pub async fn open_loop<F>(
    schedule: Schedule,
    crew: &Crew,
    request: impl Fn(Due) -> F + Send + Sync + 'static,
) -> Result<Timeline>
where
    F: Future<Output = Result<()>> + Send + 'static,
{
    let begun = Instant::now();
    let record = Arc::new(Mutex::new(Record::new(schedule)?));
    let (alive, mut all_answered) = mpsc::channel::<()>(1);
    let pacing = pace(schedule, begun, record.clone(), alive, request);
    sleep_until(begun + schedule.warm_up).await;
    let before = crew.used()?;
    sleep_until(begun + schedule.warm_up + schedule.measured).await;
    let used = crew.used()?.since(&before);
    // Nothing is ever sent: the channel closes when the last request has been answered.
    let _ = all_answered.recv().await;
    pacing.join().map_err(|_| anyhow::anyhow!("the pacing thread died"))?;
    let record = Arc::into_inner(record).context("a request is still being answered")?;
    let Record { all, seconds, .. } = record.into_inner().unwrap_or_else(PoisonError::into_inner);
    let Second { latencies, failed } = all;
    let measured = Measured { count: latencies.len(), took: schedule.measured, used, latencies };
    Ok(Timeline { measured, seconds, failed })
}

struct Record {
    warm_up: Duration,
    all: Second,
    seconds: Vec<Second>,
}

impl Record {
    fn new(schedule: Schedule) -> Result<Record> {
        let seconds = (0..schedule.measured.as_secs().max(1)).map(|_| Second::new()).collect::<Result<_>>()?;
        Ok(Record { warm_up: schedule.warm_up, all: Second::new()?, seconds })
    }

    fn note(&mut self, due: Duration, latency: Duration, failed: bool) {
        let Some(offset) = due.checked_sub(self.warm_up) else { return };
        let latency = micros(latency);
        self.all.note(latency, failed);
        if let Some(second) = self.seconds.get_mut(usize::try_from(offset.as_secs()).unwrap_or(usize::MAX)) {
            second.note(latency, failed);
        }
    }
}

/// Sends from a thread of its own: the runtime's timers tell milliseconds apart, and no less.
fn pace<F>(
    schedule: Schedule,
    begun: Instant,
    record: Arc<Mutex<Record>>,
    alive: mpsc::Sender<()>,
    request: impl Fn(Due) -> F + Send + Sync + 'static,
) -> thread::JoinHandle<()>
where
    F: Future<Output = Result<()>> + Send + 'static,
{
    let runtime = Handle::current();
    let whole = schedule.warm_up + schedule.measured;
    thread::spawn(move || {
        let mut number = 0;
        loop {
            let due = Duration::from_secs_f64(number as f64 / schedule.per_second);
            if due >= whole {
                return;
            }
            if let Some(early) = due.checked_sub(begun.elapsed()) {
                thread::sleep(early.max(PACE));
                continue;
            }
            let (request, record, alive) = (request(Due(number)), record.clone(), alive.clone());
            runtime.spawn(async move {
                let failed = request.await.is_err();
                let latency = begun.elapsed().saturating_sub(due);
                record.lock().unwrap_or_else(PoisonError::into_inner).note(due, latency, failed);
                drop((record, alive));
            });
            number += 1;
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_counts_with_the_time_that_it_took_in_the_second_in_which_it_was_due() {
        let (warm_up, measured) = (Duration::from_secs(1), Duration::from_secs(2));
        let mut record = Record::new(Schedule { per_second: 1.0, warm_up, measured }).expect("good bounds");
        let millis = Duration::from_millis;
        for (due, took, failed) in [(999, 70, true), (1_000, 5, false), (2_500, 9_000, true)] {
            record.note(millis(due), millis(took), failed);
        }
        // What was due while warming up does not count.
        assert_eq!((record.all.latencies.len(), record.all.failed), (2, 1));
        let seconds: Vec<_> = record.seconds.iter().map(|second| (second.latencies.len(), second.failed)).collect();
        assert_eq!(seconds, [(1, 0), (1, 1)]);
        assert!(record.seconds[1].millis_at(1.0) > 8_900.0, "a timeout is as long as it took");
    }
}
