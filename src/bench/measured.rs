//! What one measurement came to. Rates and ratios are floating-point numbers here and nowhere else: no money is meant.
#![allow(clippy::float_arithmetic)]

use std::time::Duration;

use anyhow::Result;
use hdrhistogram::Histogram;
use serde_json::{Value, json};

use super::crew::{DATABASE, HUB, Used};

/// One measurement.
pub struct Measured {
    /// Requests that were carried out within it.
    pub count: u64,
    /// How long it took.
    pub took: Duration,
    /// CPU time by role.
    pub used: Used,
    /// The time of each, in microseconds.
    pub latencies: Histogram<u64>,
}

impl Measured {
    /// Requests a second.
    pub fn per_second(&self) -> f64 {
        self.count as f64 / self.took.as_secs_f64()
    }

    /// CPU microseconds a request of a duration.
    pub fn micros_each(&self, used: Duration) -> f64 {
        used.as_micros() as f64 / self.count.max(1) as f64
    }

    /// CPU microseconds a request of the hub, its database server's included.
    pub fn hub_micros(&self) -> f64 {
        self.micros_each(self.used.of(HUB) + self.used.of(DATABASE))
    }

    /// The latency that a share of the requests kept within, in milliseconds.
    pub fn millis_at(&self, quantile: f64) -> f64 {
        self.latencies.value_at_quantile(quantile) as f64 / 1000.0
    }

    /// CPU time of processes that are not ours, in percent of one core.
    pub fn foreign_percent(&self) -> f64 {
        100.0 * self.used.foreign().as_secs_f64() / self.took.as_secs_f64()
    }

    /// Every figure.
    pub fn to_json(&self) -> Value {
        let cpu: serde_json::Map<String, Value> =
            self.used.each().iter().map(|(role, used)| ((*role).to_owned(), tenth(self.micros_each(*used)))).collect();
        json!({ "per_second": self.per_second().round(), "seconds": tenth(self.took.as_secs_f64()), "p50_ms": self.millis_at(0.5), "p99_ms": self.millis_at(0.99),
            "p999_ms": self.millis_at(0.999), "cpu_us": cpu, "foreign_percent": tenth(self.foreign_percent()) })
    }
}

/// A number with one decimal, as JSON.
pub fn tenth(number: f64) -> Value {
    json!((number * 10.0).round() / 10.0)
}

/// A number with three decimals, as JSON.
pub fn thousandth(number: f64) -> Value {
    json!((number * 1000.0).round() / 1000.0)
}

/// Microseconds up to two minutes, to three digits.
///
/// # Errors
/// Never with these bounds.
pub fn histogram() -> Result<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1, 120_000_000, 3)?)
}

/// Microseconds as a histogram takes them.
pub fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// The middle one; the mean of the two middle ones; nothing of nothing.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match (values.len() / 2, values.len() % 2) {
        (0, 0) => f64::NAN,
        (middle, 0) => f64::midpoint(values[middle - 1], values[middle]),
        (middle, _) => values[middle],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_one_or_between_the_two_in_the_middle() {
        for (values, expected) in [(vec![3.0, 1.0, 2.0], 2.0), (vec![4.0, 1.0, 2.0, 3.0], 2.5), (vec![7.0], 7.0)] {
            assert!((median(values.clone()) - expected).abs() < 1e-9, "{values:?}");
        }
        assert!(median(Vec::new()).is_nan());
    }
}
