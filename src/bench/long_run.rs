//! The long run: a hub at half its top, within which a period closes and one of two home regions is cut off, told second
//! by second. Neither may show in the other region's settlements.
#![allow(clippy::float_arithmetic)]

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::crew::Crew;
use super::measured::{tenth, thousandth};
use super::open_loop::{Fates, Schedule, Second, Timeline, open_loop};
use super::part;
use super::report::Report;
use super::rig::Rig;
use super::settle::Scale;
use super::subject::To;
use crate::output;

/// The share of the top at which it goes.
const SHARE: f64 = 0.5;
/// One settlement in so many is for the other home region.
const OTHER_EVERY: u64 = 4;

/// When something happens within the long run.
#[derive(Clone, Copy, Debug)]
pub struct LongRun {
    /// How long it goes.
    pub measured: Duration,
    /// When the period is cut off.
    pub cut_off_at: Duration,
    /// When the other home region is cut off.
    pub region_cut_at: Duration,
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    CutOff,
    RegionCut,
}

impl LongRun {
    /// What happens within it, in order.
    fn events(self) -> Vec<(Duration, Event)> {
        let mut events = vec![(self.cut_off_at, Event::CutOff), (self.region_cut_at, Event::RegionCut)];
        events.retain(|(at, _)| *at < self.measured);
        events.sort_by_key(|(at, _)| *at);
        events
    }

    /// The second in which something happens, and the one before which the next thing does; none where it never does.
    fn phase(self, event: Event) -> Option<(usize, usize)> {
        let events = self.events();
        let place = events.iter().position(|(_, known)| *known == event)?;
        let ends = events.get(place + 1).map_or(self.measured, |(next, _)| *next);
        Some((second_of(events[place].0), second_of(ends)))
    }

    /// How many seconds nothing happens at the beginning.
    fn quiet(self) -> usize {
        second_of(self.events().first().map_or(self.measured, |(at, _)| *at))
    }
}

/// Runs a hub at half its top, with the other home region taking its share until it is cut off, and tells second by
/// second how long the first region's settlements took. Gives what became of everything that should have succeeded.
///
/// # Errors
/// When a part has ended that should not.
pub async fn long_run(hub: &mut Rig, top: f64, long: LongRun, scale: &Scale, report: &mut Report) -> Result<Fates> {
    report.note(&format!("long run, {}, {} s …", hub.name, long.measured.as_secs()));
    let schedule = Schedule { per_second: top * SHARE, warm_up: scale.warm_up, measured: long.measured };
    let (others, theirs) =
        (hub.subject.clone(), Schedule { per_second: schedule.per_second / OTHER_EVERY as f64, ..schedule });
    let ours = Schedule { per_second: schedule.per_second - theirs.per_second, ..schedule };
    let (subject, crew) = (hub.subject.clone(), hub.subject.crew.clone());
    let settling = tokio::spawn(async move {
        open_loop(ours, &crew, move |due| {
            let subject = subject.clone();
            async move { subject.settle(due.lane(), To::Home).await }
        })
        .await
    });
    let crew = Crew::new();
    let elsewhere = tokio::spawn(async move {
        open_loop(theirs, &crew, move |due| {
            let others = others.clone();
            async move { others.settle(due.lane(), To::OtherHome).await }
        })
        .await
    });
    bring_about(hub, long, scale, report).await?;
    let (ours, theirs) = (settling.await??, elsewhere.await??);
    tell(&hub.name, long, (&ours, &theirs), report);
    let mut fates = ours.fates();
    fates.add(before_the_cut(&theirs.seconds, long));
    fates.judge(&format!("long run, {}", hub.name), report);
    Ok(fates)
}

async fn bring_about(hub: &mut Rig, long: LongRun, scale: &Scale, report: &Report) -> Result<()> {
    let begun = tokio::time::Instant::now() + scale.warm_up;
    for (at, event) in long.events() {
        tokio::time::sleep_until(begun + at).await;
        match event {
            Event::CutOff => {
                report.note("the period is cut off");
                hub.middle.first_mut().context("no hub")?.tell(part::CUT_OFF)?;
            }
            Event::RegionCut => {
                report.note("the other home region is cut off");
                hub.cut_other_home()?;
            }
        }
    }
    Ok(())
}

/// What became of the other region's settlements while it was there. What was due in the last second before the cut may
/// have been on its way when that came.
fn before_the_cut(seconds: &[Second], long: LongRun) -> Fates {
    let whole = if long.region_cut_at < long.measured {
        second_of(long.region_cut_at).saturating_sub(1)
    } else {
        seconds.len()
    };
    let mut fates = Fates::default();
    seconds.iter().take(whole).for_each(|second| fates.add(second.fates()));
    fates
}

fn tell(hub: &str, long: LongRun, (ours, theirs): (&Timeline, &Timeline), report: &mut Report) {
    report.say(&format!(
        "Long run, {hub}: settlements of the first region by the second in which they were due; {} failed, {} of the other's.",
        ours.failed, theirs.failed
    ));
    let mut table =
        output::table(["second", "due", "failed", "other's failed", "p50 ms", "p99 ms", "longest ms", "p99", ""]);
    let highest = ours.seconds.iter().map(|second| second.latencies.value_at_quantile(0.99)).max().unwrap_or(1).max(1);
    for (number, second) in ours.seconds.iter().enumerate() {
        table.add_row([
            number.to_string(),
            second.latencies.len().to_string(),
            second.failed.to_string(),
            theirs.seconds.get(number).map_or(0, |theirs| theirs.failed).to_string(),
            format!("{:.2}", second.millis_at(0.5)),
            format!("{:.2}", second.millis_at(0.99)),
            format!("{:.2}", second.millis_at(1.0)),
            bar(second.latencies.value_at_quantile(0.99), highest),
            happened(long, number),
        ]);
    }
    output::numbers_from(&mut table, 1);
    report.table(&table);
    let seconds: Vec<Value> = ours.seconds.iter().map(to_json).collect();
    report.detail(
        &format!("long_run_{hub}"),
        json!({ "seconds": seconds, "failed": ours.failed, "failed_of_the_other_region": theirs.failed,
            "cut_off_at": long.cut_off_at.as_secs(), "region_cut_at": long.region_cut_at.as_secs(),
            "p99_ms": tenth(ours.measured.millis_at(0.99)) }),
    );
    let p99: Vec<f64> = ours.seconds.iter().map(|second| second.millis_at(0.99)).collect();
    for (event, name) in [(Event::CutOff, "cut_off"), (Event::RegionCut, "region_cut")] {
        let ratio = long.phase(event).and_then(|phase| worst_ratio(&p99, long.quiet(), phase));
        report.figure(&format!("{name}_worst_second_ratio_{hub}"), ratio.map_or(json!(null), thousandth));
    }
}

/// The worst second of a phase over the worst of as many quiet ones right before anything happened: of more seconds the
/// worst would be worse. None where there was no quiet second.
fn worst_ratio(p99: &[f64], quiet: usize, (from, to): (usize, usize)) -> Option<f64> {
    let as_many = quiet.min(to.saturating_sub(from));
    let worst = |from: usize| p99.get(from..from + as_many)?.iter().copied().reduce(f64::max);
    Some(worst(from)? / worst(quiet - as_many)?)
}

fn to_json(second: &Second) -> Value {
    json!({ "due": second.latencies.len(), "failed": second.failed, "p50_ms": second.millis_at(0.5),
        "p99_ms": second.millis_at(0.99), "longest_ms": second.millis_at(1.0) })
}

fn second_of(at: Duration) -> usize {
    usize::try_from(at.as_secs()).unwrap_or(usize::MAX)
}

/// A bar of up to 24 blocks.
fn bar(value: u64, highest: u64) -> String {
    "▇".repeat(usize::try_from(value * 24 / highest).unwrap_or_default())
}

fn happened(long: LongRun, second: usize) -> String {
    let at = |event: Duration| second_of(event) == second;
    let mut said = Vec::new();
    if at(long.cut_off_at) {
        said.push("period cut off");
    }
    if at(long.region_cut_at) {
        said.push("region cut off");
    }
    said.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn long(measured: u64, cut_off_at: u64, region_cut_at: u64) -> LongRun {
        let [measured, cut_off_at, region_cut_at] = [measured, cut_off_at, region_cut_at].map(Duration::from_secs);
        LongRun { measured, cut_off_at, region_cut_at }
    }

    #[test]
    fn one_stalled_second_shows_in_the_ratio() {
        let p99 = [2.0, 2.0, 3.0, 2.0, 2.0, 2.0, 60.0, 2.0, 2.0, 2.0, 3.0, 3.0, 2.0, 2.0, 2.0];
        let long = long(15, 5, 10);
        let ratio = |event| worst_ratio(&p99, long.quiet(), long.phase(event).expect("it happens"));
        assert_eq!(ratio(Event::CutOff), Some(20.0));
        assert_eq!(ratio(Event::RegionCut), Some(1.0));
    }

    #[test]
    fn only_as_many_seconds_are_compared_as_were_quiet_before() {
        let p99 = [9.0, 2.0, 2.0, 4.0, 4.0, 8.0];
        // Two seconds after the event: the worst of the two before it is no 9.
        assert_eq!(worst_ratio(&p99, 3, (3, 5)), Some(2.0));
        assert_eq!(worst_ratio(&p99, 0, (0, 3)), None);
    }

    #[test]
    fn what_never_happens_has_no_phase_and_a_phase_ends_with_the_next_event() {
        assert_eq!(long(15, 20, 10).phase(Event::CutOff), None);
        assert_eq!(long(15, 20, 10).phase(Event::RegionCut), Some((10, 15)));
        assert_eq!(long(15, 9, 4).phase(Event::RegionCut), Some((4, 9)));
        assert_eq!(long(15, 9, 4).quiet(), 4);
    }
}
