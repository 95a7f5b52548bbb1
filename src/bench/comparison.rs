//! Baseline, system, baseline, system, baseline: each measurement of a system stands between two of the baseline, and
//! counts only if those two agree and are those of a healthy machine. Medians over the rounds that count; where too few
//! do, the run is void.
#![allow(clippy::float_arithmetic)]

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde_json::{Value, json};

use super::measured::{Measured, median, tenth, thousandth};
use super::report::Report;
use crate::output;

/// A round counts when the rates of its two baselines differ by no more than this share of the larger.
const STEADY_WITHIN: f64 = 0.20;

/// Measurements of one baseline and of what is held against it.
pub struct Comparison {
    name: &'static str,
    costs: Option<RangeInclusive<f64>>,
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
        Comparison { name, costs: None, baselines: Vec::new(), systems: Vec::new() }
    }

    /// The CPU microseconds that the baseline costs the hub's place on a healthy machine; outside, a round does not count.
    #[must_use]
    pub fn costing(mut self, costs: RangeInclusive<f64>) -> Comparison {
        self.costs = Some(costs);
        self
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

    /// The median of the baseline's CPU time in the hub's place, around the rounds that count.
    pub fn baseline_hub_micros(&self) -> f64 {
        median(self.counting_baselines().map(Measured::hub_micros).collect())
    }

    /// The median rate of the baseline around the rounds that count.
    pub fn baseline_per_second(&self) -> f64 {
        median(self.counting_baselines().map(Measured::per_second).collect())
    }

    /// How many rounds of a system count.
    pub fn counted(&self, name: &str) -> usize {
        self.find(name).map_or(0, |system| system.taken.iter().filter(|taken| self.fault(taken).is_none()).count())
    }

    /// How long the shortest measurement of a system took.
    pub fn shortest(&self, name: &str) -> Option<Duration> {
        self.find(name)?.taken.iter().map(|taken| taken.measured.took).min()
    }

    /// Has the run count for nothing where of so many rounds of a system that were wanted fewer than half count.
    pub fn judge(&self, name: &str, wanted: usize, what: &str, report: &mut Report) {
        let counted = self.counted(name);
        if counted > 0 && counted * 2 >= wanted {
            return;
        }
        let taken = self.find(name).map_or(&[][..], |system| &system.taken);
        let faults: BTreeSet<&str> = taken.iter().filter_map(|taken| self.fault(taken)).collect();
        let faults = faults.into_iter().collect::<Vec<_>>().join("; ");
        report.void(&format!("{what}: of {} rounds {counted} count ({faults})", taken.len()));
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
            "foreign %",
            "ratio",
            "CPU µs by process",
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
        let mark = self.fault(taken).map(|fault| format!("does not count: {fault}")).unwrap_or_default();
        let ratio = taken.measured.per_second() / f64::midpoint(before.per_second(), after.per_second());
        table.add_row(row(round, self.name, before, String::new(), ""));
        table.add_row(row(round, name, &taken.measured, format!("{ratio:.3}"), &mark));
        table.add_row(row(round, self.name, after, String::new(), ""));
    }

    fn to_json(&self) -> Value {
        let systems: serde_json::Map<String, Value> = self
            .systems
            .iter()
            .map(|system| {
                let rounds: Vec<Value> = system.taken.iter().map(|taken| taken.measured.to_json()).collect();
                let figures = json!({ "rounds": rounds, "rounds_that_count": self.counted(&system.name),
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

    /// The rounds that count; all where none does, so that a void run still shows what it saw.
    fn counting<'a>(&'a self, system: &'a System) -> Vec<&'a Taken> {
        let counting: Vec<&Taken> = system.taken.iter().filter(|taken| self.fault(taken).is_none()).collect();
        if counting.is_empty() { system.taken.iter().collect() } else { counting }
    }

    fn counting_baselines(&self) -> impl Iterator<Item = &Measured> {
        let around = self.systems.iter().flat_map(|system| self.counting(system)).flat_map(|taken| self.places(taken));
        around.collect::<BTreeSet<usize>>().into_iter().map(|place| &self.baselines[place])
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
        let [before, after] = self.places(taken);
        (&self.baselines[before], &self.baselines[after])
    }

    fn places(&self, taken: &Taken) -> [usize; 2] {
        let last = self.baselines.len() - 1;
        [taken.before.min(last), (taken.before + 1).min(last)]
    }

    /// Why a round does not count.
    fn fault(&self, taken: &Taken) -> Option<&'static str> {
        let (before, after) = self.around(taken);
        let (one, other) = (before.per_second(), after.per_second());
        let healthy =
            |baseline: &Measured| self.costs.as_ref().is_none_or(|costs| costs.contains(&baseline.hub_micros()));
        if (one - other).abs() > STEADY_WITHIN * one.max(other) {
            Some("its baselines differ")
        } else if !healthy(before) || !healthy(after) {
            Some("a baseline cost the hub's place too little or too much CPU time")
        } else {
            None
        }
    }
}

fn row(round: usize, name: &str, measured: &Measured, ratio: String, mark: &str) -> Vec<String> {
    let all: Duration = measured.used.each().iter().map(|(_, used)| *used).sum();
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
    use super::super::crew::Crew;
    use super::super::measured::histogram;
    use super::*;

    /// One second in which so many requests were carried out.
    fn measured(count: u64) -> Measured {
        let used = Crew::new().used().expect("this process runs");
        let used = used.clone().since(&used);
        Measured { count, took: Duration::from_secs(1), used, latencies: histogram().expect("good bounds") }
    }

    /// A system measured between two baselines, again and again.
    fn comparison(rounds: &[(u64, u64)]) -> Comparison {
        let mut comparison = Comparison::with("baseline");
        comparison.baseline(measured(100));
        for (system, next_baseline) in rounds {
            comparison.system("system", measured(*system));
            comparison.baseline(measured(*next_baseline));
        }
        comparison
    }

    fn is_void(comparison: &Comparison, wanted: usize) -> bool {
        let mut report = Report::new(true);
        comparison.judge("system", wanted, "a stage", &mut report);
        report.is_void()
    }

    #[test]
    fn a_round_between_baselines_that_differ_does_not_count() {
        // Of the three, the second stands between 100 and 50.
        let comparison = comparison(&[(50, 100), (90, 50), (60, 55)]);
        assert_eq!(comparison.counted("system"), 2);
        assert_eq!(comparison.per_second("system"), Some(55.0));
        assert_eq!(comparison.ratio("system"), Some(55.0 / 77.5));
        assert!(!is_void(&comparison, 3));
    }

    #[test]
    fn too_few_rounds_that_count_make_a_run_void() {
        assert!(is_void(&comparison(&[(50, 10), (50, 100), (50, 10)]), 3), "none counts");
        assert!(is_void(&comparison(&[(50, 10), (50, 100), (50, 90)]), 3), "one of three counts");
        assert!(!is_void(&comparison(&[(50, 95)]), 1), "the only one counts");
    }

    #[test]
    fn a_round_with_a_baseline_of_no_healthy_machine_does_not_count() {
        // These baselines cost the hub's place nothing at all.
        let comparison = comparison(&[(50, 100)]).costing(35.0..=65.0);
        assert_eq!(comparison.counted("system"), 0);
        assert!(is_void(&comparison, 1));
    }
}
