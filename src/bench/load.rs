//! A closed loop: so many requests in flight, each followed by the next, with the time of every one.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use hdrhistogram::Histogram;
use tokio::time::{Instant, sleep_until};

use super::crew::Crew;
use super::measured::{Measured, histogram, micros};

/// How much is sent.
#[derive(Clone, Copy, Debug)]
pub enum Amount {
    /// As much as goes through in a time, after a time that does not count.
    Time {
        /// What does not count.
        warm_up: Duration,
        /// What does.
        measured: Duration,
    },
    /// So many, and all of them count.
    Count(usize),
}

/// The place of a request.
#[derive(Clone, Copy, Debug)]
pub struct Turn {
    /// Which of those in flight sends it.
    pub lane: usize,
    /// 0, 1, 2, … over all lanes.
    pub number: usize,
}

/// Sends requests, `in_flight` at a time.
///
/// # Errors
/// The first error of a request ends its lane and the run.
pub async fn closed_loop<F>(
    amount: Amount,
    in_flight: usize,
    crew: &Crew,
    request: impl Fn(Turn) -> F + Send + Sync + 'static,
) -> Result<Measured>
where
    F: Future<Output = Result<()>> + Send,
{
    let run = Arc::new(Run::starting(amount));
    let request = Arc::new(request);
    let lanes: Vec<_> = (0..in_flight)
        .map(|lane| {
            let (run, request) = (run.clone(), request.clone());
            tokio::spawn(async move { run.work(lane, &*request).await })
        })
        .collect();
    sleep_until(run.from).await;
    let (before, from) = (crew.used()?, Instant::now());
    let timed = match run.until {
        Some(until) => {
            sleep_until(until).await;
            Some((crew.used()?, from.elapsed()))
        }
        None => None,
    };
    let mut latencies = histogram()?;
    for lane in lanes {
        latencies.add(lane.await.context("a lane of the load died")??)?;
    }
    let (after, took) = match timed {
        Some(timed) => timed,
        None => (crew.used()?, from.elapsed()),
    };
    Ok(Measured { count: latencies.len(), took, used: after.since(&before), latencies })
}

struct Run {
    from: Instant,
    until: Option<Instant>,
    count: usize,
    next: AtomicUsize,
}

impl Run {
    fn starting(amount: Amount) -> Run {
        let (now, next) = (Instant::now(), AtomicUsize::new(0));
        match amount {
            Amount::Time { warm_up, measured } => {
                Run { from: now + warm_up, until: Some(now + warm_up + measured), count: usize::MAX, next }
            }
            Amount::Count(count) => Run { from: now, until: None, count, next },
        }
    }

    async fn work<F>(&self, lane: usize, request: &impl Fn(Turn) -> F) -> Result<Histogram<u64>>
    where
        F: Future<Output = Result<()>> + Send,
    {
        let mut latencies = histogram()?;
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let begun = Instant::now();
            if number >= self.count || self.until.is_some_and(|until| begun >= until) {
                return Ok(latencies);
            }
            request(Turn { lane, number }).await?;
            let ended = Instant::now();
            if ended >= self.from && self.until.is_none_or(|until| ended <= until) {
                latencies.saturating_record(micros(ended - begun));
            }
        }
    }
}
