//! A closed loop: so many requests in flight, each followed by the next, with the time of every one.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use hdrhistogram::Histogram;

use super::cpu;

/// What a run measured.
pub struct Measured {
    /// Requests that were carried out.
    pub count: usize,
    /// How long the run took.
    pub took: Duration,
    /// CPU time of the whole process, load tool included.
    pub cpu: Duration,
    latencies: Histogram<u64>,
}

impl Measured {
    /// Requests a second.
    #[allow(clippy::float_arithmetic)]
    pub fn per_second(&self) -> f64 {
        self.count as f64 / self.took.as_secs_f64()
    }

    /// CPU microseconds a request.
    pub fn cpu_micros(&self) -> u128 {
        self.cpu.as_micros() / (self.count.max(1) as u128)
    }

    /// The latency that a share of the requests kept within, in milliseconds.
    #[allow(clippy::float_arithmetic)]
    pub fn millis_at(&self, quantile: f64) -> f64 {
        self.latencies.value_at_quantile(quantile) as f64 / 1000.0
    }
}

/// Carries out `count` requests, numbered from 0, `in_flight` at a time.
///
/// # Errors
/// The first error of a request ends the run.
pub async fn closed_loop<F>(
    count: usize,
    in_flight: usize,
    request: impl Fn(usize) -> F + Send + Sync + 'static,
) -> Result<Measured>
where
    F: Future<Output = Result<()>> + Send,
{
    let next = Arc::new(AtomicUsize::new(0));
    let request = Arc::new(request);
    let cpu_before = cpu::used()?;
    let begun = Instant::now();
    let workers: Vec<_> = (0..in_flight)
        .map(|_| {
            let (next, request) = (next.clone(), request.clone());
            tokio::spawn(async move { work(count, &next, &*request).await })
        })
        .collect();
    let mut latencies = new_histogram()?;
    for worker in workers {
        latencies.add(worker.await.context("a worker of the load died")??)?;
    }
    let took = begun.elapsed();
    Ok(Measured { count, took, cpu: cpu::used()?.saturating_sub(cpu_before), latencies })
}

async fn work<F: Future<Output = Result<()>>>(
    count: usize,
    next: &AtomicUsize,
    request: &impl Fn(usize) -> F,
) -> Result<Histogram<u64>> {
    let mut latencies = new_histogram()?;
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= count {
            return Ok(latencies);
        }
        let begun = Instant::now();
        request(number).await?;
        latencies.saturating_record(u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX));
    }
}

/// Microseconds up to one minute, to three digits.
fn new_histogram() -> Result<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1, 60_000_000, 3)?)
}
