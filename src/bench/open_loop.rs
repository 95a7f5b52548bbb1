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
    /// What was answered, with its latency from when it was due.
    pub measured: Measured,
    /// The latencies of what was due in each second.
    pub seconds: Vec<Histogram<u64>>,
    /// What failed.
    pub failed: u64,
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
/// When the crew cannot be measured. A request that fails is counted.
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
    let Record { latencies, seconds, failed, .. } = record.into_inner().unwrap_or_else(PoisonError::into_inner);
    let measured = Measured { count: latencies.len(), took: schedule.measured, used, latencies };
    Ok(Timeline { measured, seconds, failed })
}

struct Record {
    warm_up: Duration,
    latencies: Histogram<u64>,
    seconds: Vec<Histogram<u64>>,
    failed: u64,
}

impl Record {
    fn new(schedule: Schedule) -> Result<Record> {
        let seconds = (0..schedule.measured.as_secs().max(1)).map(|_| histogram()).collect::<Result<_>>()?;
        Ok(Record { warm_up: schedule.warm_up, latencies: histogram()?, seconds, failed: 0 })
    }

    fn note(&mut self, due: Duration, latency: Duration, failed: bool) {
        let Some(offset) = due.checked_sub(self.warm_up) else { return };
        if failed {
            self.failed += 1;
            return;
        }
        let latency = micros(latency);
        self.latencies.saturating_record(latency);
        if let Some(second) = self.seconds.get_mut(usize::try_from(offset.as_secs()).unwrap_or(usize::MAX)) {
            second.saturating_record(latency);
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
