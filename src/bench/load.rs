//! A closed loop: so many requests in flight, each followed by the next, with the time of every one.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context, Result};
use hdrhistogram::Histogram;
use tokio::sync::Notify;
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
    /// The same, but it ends where so many have been sent: there are no more.
    Stock {
        /// What does not count.
        warm_up: Duration,
        /// What does, at most.
        measured: Duration,
        /// How many there are.
        count: usize,
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
            tokio::select! {
                () = sleep_until(until) => {}
                () = run.told_out.notified() => {}
            }
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
    /// When there were no more; what ends later has no full load beside it and does not count.
    out: OnceLock<Instant>,
    told_out: Notify,
}

impl Run {
    fn starting(amount: Amount) -> Run {
        let now = Instant::now();
        let (from, until, count) = match amount {
            Amount::Time { warm_up, measured } => (now + warm_up, Some(now + warm_up + measured), usize::MAX),
            Amount::Stock { warm_up, measured, count } => (now + warm_up, Some(now + warm_up + measured), count),
            Amount::Count(count) => (now, None, count),
        };
        Run { from, until, count, next: AtomicUsize::new(0), out: OnceLock::new(), told_out: Notify::new() }
    }

    async fn work<F>(&self, lane: usize, request: &impl Fn(Turn) -> F) -> Result<Histogram<u64>>
    where
        F: Future<Output = Result<()>> + Send,
    {
        let mut latencies = histogram()?;
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let begun = Instant::now();
            if number >= self.count && self.until.is_some() {
                self.out.get_or_init(|| begun);
                self.told_out.notify_one();
            }
            if number >= self.count || self.until.is_some_and(|until| begun >= until) {
                return Ok(latencies);
            }
            request(Turn { lane, number }).await?;
            let ended = Instant::now();
            let in_time = |end: &Instant| ended <= *end;
            if ended >= self.from && self.until.iter().chain(self.out.get()).all(in_time) {
                latencies.saturating_record(micros(ended - begun));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn measure(amount: Amount) -> Measured {
        let request = |_: Turn| async {
            tokio::time::sleep(Duration::from_millis(1)).await;
            Ok(())
        };
        closed_loop(amount, 4, &Crew::new(), request).await.expect("nothing fails")
    }

    #[tokio::test]
    async fn a_stock_that_runs_out_ends_the_measurement() {
        let measured = Duration::from_secs(3_600);
        let run = measure(Amount::Stock { warm_up: Duration::ZERO, measured, count: 50 }).await;
        assert!(run.took < measured);
        // The last ones end when there is no full load any more.
        assert!((46..50).contains(&run.count), "{} count", run.count);
    }

    #[tokio::test]
    async fn of_so_many_all_count() {
        assert_eq!(measure(Amount::Count(50)).await.count, 50);
    }
}
