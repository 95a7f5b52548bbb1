//! Baseline, system, baseline, system, baseline: each measurement of a system stands between two of the baseline, and
//! counts only if those two agree. Medians over the rounds that count.
#![allow(clippy::float_arithmetic)]

use serde_json::{Value, json};

use super::measured::{Measured, median, tenth, thousandth};
use super::report::Report;
use crate::output;

/// A round counts when the rates of its two baselines differ by no more than this share of the larger.
const STEADY_WITHIN: f64 = 0.20;

/// Measurements of one baseline and of what is held against it.
pub struct Comparison {
    name: &'static str,
    baselines: Vec<Measured>,
    systems: Vec<System>,
}

struct System {
    name: String,
    taken: Vec<Taken>,
}

/// A measurement, and which baseline went before it; the next one came after it.
struct Taken {
    measured: Measured,
    before: usize,
}

impl Comparison {
    /// A comparison with a baseline of a name.
    pub fn with(name: &'static str) -> Comparison {
        Comparison { name, baselines: Vec::new(), systems: Vec::new() }
    }

    /// Takes a measurement of the baseline in.
    pub fn baseline(&mut self, measured: Measured) {
        self.baselines.push(measured);
    }

    /// Takes a measurement of a system in; the baseline was measured before, and will be after it.
    pub fn system(&mut self, name: &str, measured: Measured) {
        let taken = Taken { measured, before: self.baselines.len().saturating_sub(1) };
        match self.systems.iter_mut().find(|system| system.name == name) {
            Some(system) => system.taken.push(taken),
            None => self.systems.push(System { name: name.to_owned(), taken: vec![taken] }),
        }
    }

    /// The median rate of a system over the median rate of the baselines around it.
    pub fn ratio(&self, name: &str) -> Option<f64> {
        let system = self.find(name)?;
        Some(self.median_of(system, Measured::per_second) / self.median_around(system, Measured::per_second))
    }

    /// The same of the hub's CPU time for each request, its database server's included.
    pub fn hub_cpu_ratio(&self, name: &str) -> Option<f64> {
        let system = self.find(name)?;
        Some(self.median_of(system, Measured::hub_micros) / self.median_around(system, Measured::hub_micros))
    }

    /// The median rate of a system.
    pub fn per_second(&self, name: &str) -> Option<f64> {
        self.find(name).map(|system| self.median_of(system, Measured::per_second))
    }

    /// The median of the baseline's CPU time in the hub's place.
    pub fn baseline_hub_micros(&self) -> f64 {
        median(self.baselines.iter().map(Measured::hub_micros).collect())
    }

    /// The median rate of the baseline.
    pub fn baseline_per_second(&self) -> f64 {
        median(self.baselines.iter().map(Measured::per_second).collect())
    }

    /// Shows every measurement in the order in which systems were added, and keeps the figures under a name.
    pub fn show(&self, report: &mut Report, detail: &str) {
        let mut table = output::table([
            "round",
            "",
            "ops/s",
            "p50 ms",
            "p99 ms",
            "CPU µs each",
            "of it the hub",
            "foreign %",
            "ratio",
            "",
        ]);
        for system in &self.systems {
            for (round, taken) in system.taken.iter().enumerate() {
                self.show_round(&mut table, round + 1, &system.name, taken);
            }
        }
        numbers_in(&mut table, 2..8);
        report.table(&table);
        report.detail(detail, self.to_json());
    }

    fn show_round(&self, table: &mut comfy_table::Table, round: usize, name: &str, taken: &Taken) {
        let (before, after) = self.around(taken);
        let mark = if self.is_steady(taken) { "" } else { "unsteady, does not count" };
        let ratio = taken.measured.per_second() / f64::midpoint(before.per_second(), after.per_second());
        table.add_row(row(round, self.name, before, String::new(), ""));
        table.add_row(row(round, name, &taken.measured, format!("{ratio:.3}"), mark));
        table.add_row(row(round, self.name, after, String::new(), ""));
    }

    fn to_json(&self) -> Value {
        let systems: serde_json::Map<String, Value> = self
            .systems
            .iter()
            .map(|system| {
                let rounds: Vec<Value> = system.taken.iter().map(|taken| taken.measured.to_json()).collect();
                let steady = system.taken.iter().filter(|taken| self.is_steady(taken)).count();
                let figures = json!({ "rounds": rounds, "steady_rounds": steady,
                    "ratio": self.ratio(&system.name).map(thousandth),
                    "hub_cpu_us": tenth(self.median_of(system, Measured::hub_micros)) });
                (system.name.clone(), figures)
            })
            .collect();
        let baselines: Vec<Value> = self.baselines.iter().map(Measured::to_json).collect();
        json!({ "baseline": self.name, "baselines": baselines, "systems": systems,
            "baseline_hub_cpu_us": tenth(self.baseline_hub_micros()) })
    }

    fn find(&self, name: &str) -> Option<&System> {
        self.systems.iter().find(|system| system.name == name)
    }

    /// The rounds that count: the steady ones, or all where none is.
    fn counting<'a>(&'a self, system: &'a System) -> Vec<&'a Taken> {
        let steady: Vec<&Taken> = system.taken.iter().filter(|taken| self.is_steady(taken)).collect();
        if steady.is_empty() { system.taken.iter().collect() } else { steady }
    }

    fn median_of(&self, system: &System, figure: fn(&Measured) -> f64) -> f64 {
        median(self.counting(system).into_iter().map(|taken| figure(&taken.measured)).collect())
    }

    fn median_around(&self, system: &System, figure: fn(&Measured) -> f64) -> f64 {
        let around = self.counting(system).into_iter().flat_map(|taken| {
            let (before, after) = self.around(taken);
            [figure(before), figure(after)]
        });
        median(around.collect())
    }

    fn around(&self, taken: &Taken) -> (&Measured, &Measured) {
        let last = self.baselines.len() - 1;
        (&self.baselines[taken.before.min(last)], &self.baselines[(taken.before + 1).min(last)])
    }

    fn is_steady(&self, taken: &Taken) -> bool {
        let (before, after) = self.around(taken);
        let (one, other) = (before.per_second(), after.per_second());
        (one - other).abs() <= STEADY_WITHIN * one.max(other)
    }
}

fn row(round: usize, name: &str, measured: &Measured, ratio: String, mark: &str) -> Vec<String> {
    let all: std::time::Duration = measured.used.each().iter().map(|(_, used)| *used).sum();
    vec![
        round.to_string(),
        name.to_owned(),
        format!("{:.0}", measured.per_second()),
        format!("{:.2}", measured.millis_at(0.5)),
        format!("{:.2}", measured.millis_at(0.99)),
        format!("{:.1}", measured.micros_each(all)),
        format!("{:.0}", measured.foreign_percent()),
        ratio,
        by_process(measured),
        mark.to_owned(),
    ]
}

fn by_process(measured: &Measured) -> String {
    let each = measured.used.each().iter().map(|(role, used)| format!("{role} {:.0}", measured.micros_each(*used)));
    each.collect::<Vec<_>>().join(", ")
}

fn numbers_in(table: &mut comfy_table::Table, columns: std::ops::Range<usize>) {
    for column in table.column_iter_mut().skip(columns.start).take(columns.len()) {
        column.set_cell_alignment(comfy_table::CellAlignment::Right);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::crew::Crew;
    use super::super::measured::histogram;
    use super::*;

    /// One second in which so many requests were carried out.
    fn measured(count: u64) -> Measured {
        let used = Crew::new().used().expect("this process runs");
        let used = used.clone().since(&used);
        Measured { count, took: Duration::from_secs(1), used, latencies: histogram().expect("good bounds") }
    }

    #[test]
    fn a_round_between_baselines_that_differ_does_not_count() {
        let mut comparison = Comparison::with("baseline");
        for (system, next_baseline) in [(50, 100), (90, 50), (60, 55)] {
            if comparison.baselines.is_empty() {
                comparison.baseline(measured(100));
            }
            comparison.system("system", measured(system));
            comparison.baseline(measured(next_baseline));
        }
        // Of the three, the second stands between 100 and 50.
        assert_eq!(comparison.per_second("system"), Some(55.0));
        assert_eq!(comparison.ratio("system"), Some(55.0 / 77.5));
    }
}
