//! The open loop at shares of the top that was measured just before: the hub and the bare forward at the same rate. And
//! the long run, within which a period closes and a region is cut off, second by second.
#![allow(clippy::float_arithmetic)]

use std::time::Duration;

use anyhow::{Context, Result};
use hdrhistogram::Histogram;
use serde_json::{Value, json};

use super::crew::Crew;
use super::hub_stage::{HubStage, Tops};
use super::measured::{median, tenth, thousandth};
use super::open_loop::{Schedule, Timeline, open_loop};
use super::report::Report;
use super::rig::Rig;
use super::settle::Scale;
use super::subject::To;
use crate::output;

/// Shares of the top, in percent.
const SHARES: [u32; 4] = [30, 50, 70, 90];
/// The share at which hub and forward are compared, and which is measured in every round.
const COMPARED: u32 = 30;
/// The share at which the long run goes.
const LONG_SHARE: f64 = 0.5;
/// One settlement in so many is for the other home region while the long run goes.
const OTHER_EVERY: u64 = 4;

/// Measures every hub at every share of its own top, beside the forward at the same rate.
///
/// # Errors
/// When a part has ended.
pub async fn compare(stage: &HubStage, tops: &Tops, scale: &Scale, report: &mut Report) -> Result<()> {
    let mut table = output::table([
        "hub",
        "% of top",
        "due/s",
        "",
        "p50 ms",
        "p99 ms",
        "p99.9 ms",
        "failed",
        "foreign %",
        "p99 ratio",
    ]);
    let mut details = Vec::new();
    let mut worst: Option<f64> = None;
    for hub in &stage.hubs {
        let top = tops.of(&hub.name);
        stage.rest()?;
        for share in SHARES {
            report.note(&format!("open loop, {}, {share} % of {top:.0}/s …", hub.name));
            let pairs = pairs(stage, hub, top * f64::from(share) / 100.0, share, scale).await?;
            let ratio = pairs.ratio();
            pairs.show(&mut table, &hub.name, share);
            details.push(pairs.to_json(&hub.name, share));
            if share == COMPARED {
                report.figure(&format!("p99_ratio_30_{}", hub.name), thousandth(ratio));
                worst = Some(worst.map_or(ratio, |worst| worst.max(ratio)));
            }
        }
    }
    output::numbers_from(&mut table, 1);
    report.say("Open loop: latency counts from when a settlement was due.");
    report.table(&table);
    report.detail("open_loop", Value::Array(details));
    report.figure("p99_ratio_30", worst.map_or(json!(null), thousandth));
    Ok(())
}

/// The forward and a hub at one rate, in turn, ending with the forward.
struct Pairs {
    per_second: f64,
    forward: Vec<Timeline>,
    hub: Vec<Timeline>,
}

async fn pairs(stage: &HubStage, hub: &Rig, per_second: f64, share: u32, scale: &Scale) -> Result<Pairs> {
    let schedule = Schedule { per_second, warm_up: scale.warm_up, measured: scale.measured };
    let mut pairs = Pairs { per_second, forward: vec![stage.forward.open_loop(schedule).await?], hub: Vec::new() };
    for _ in 0..if share == COMPARED { scale.rounds } else { 1 } {
        pairs.hub.push(hub.open_loop(schedule).await?);
        if share == COMPARED {
            pairs.forward.push(stage.forward.open_loop(schedule).await?);
        }
    }
    Ok(pairs)
}

impl Pairs {
    fn ratio(&self) -> f64 {
        millis(&self.hub, 0.99) / millis(&self.forward, 0.99)
    }

    fn show(&self, table: &mut comfy_table::Table, hub: &str, share: u32) {
        for (name, timelines, ratio) in
            [("bare forward", &self.forward, String::new()), (hub, &self.hub, format!("{:.2}", self.ratio()))]
        {
            table.add_row([
                hub.to_owned(),
                share.to_string(),
                format!("{:.0}", self.per_second),
                name.to_owned(),
                format!("{:.2}", millis(timelines, 0.5)),
                format!("{:.2}", millis(timelines, 0.99)),
                format!("{:.2}", millis(timelines, 0.999)),
                failed(timelines).to_string(),
                format!(
                    "{:.0}",
                    median(timelines.iter().map(|timeline| timeline.measured.foreign_percent()).collect())
                ),
                ratio,
            ]);
        }
    }

    fn to_json(&self, hub: &str, share: u32) -> Value {
        let figures = |timelines: &[Timeline]| -> Value {
            timelines
                .iter()
                .map(|timeline| {
                    let mut figures = timeline.measured.to_json();
                    figures["failed"] = timeline.failed.into();
                    figures
                })
                .collect()
        };
        json!({ "hub": hub, "percent_of_top": share, "due_per_second": self.per_second.round(),
            "p99_ratio": thousandth(self.ratio()), "forward": figures(&self.forward), "measured": figures(&self.hub) })
    }
}

fn millis(timelines: &[Timeline], quantile: f64) -> f64 {
    median(timelines.iter().map(|timeline| timeline.measured.millis_at(quantile)).collect())
}

fn failed(timelines: &[Timeline]) -> u64 {
    timelines.iter().map(|timeline| timeline.failed).sum()
}

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

/// Runs a hub at half its top, with the other home region taking its share until it is cut off, and tells second by
/// second how long the first region's settlements took.
///
/// # Errors
/// When a part has ended that should not.
pub async fn long_run(hub: &mut Rig, top: f64, long: LongRun, scale: &Scale, report: &mut Report) -> Result<()> {
    report.note(&format!("long run, {}, {} s …", hub.name, long.measured.as_secs()));
    let schedule = Schedule { per_second: top * LONG_SHARE, warm_up: scale.warm_up, measured: long.measured };
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
    events(hub, long, scale, report).await?;
    let (ours, theirs) = (settling.await??, elsewhere.await??);
    tell(&hub.name, long, (&ours, &theirs), report);
    Ok(())
}

async fn events(hub: &mut Rig, long: LongRun, scale: &Scale, report: &Report) -> Result<()> {
    let begun = tokio::time::Instant::now() + scale.warm_up;
    let mut events = [(long.cut_off_at, Event::CutOff), (long.region_cut_at, Event::RegionCut)];
    events.sort_by_key(|(at, _)| *at);
    for (at, event) in events.into_iter().filter(|(at, _)| *at < long.measured) {
        tokio::time::sleep_until(begun + at).await;
        match event {
            Event::CutOff => {
                report.note("the period is cut off");
                hub.middle.first_mut().context("no hub")?.tell(super::part::CUT_OFF)?;
            }
            Event::RegionCut => {
                report.note("the other home region is cut off");
                hub.cut_other_home()?;
            }
        }
    }
    Ok(())
}

enum Event {
    CutOff,
    RegionCut,
}

fn tell(hub: &str, long: LongRun, (ours, theirs): (&Timeline, &Timeline), report: &mut Report) {
    report.say(&format!(
        "Long run, {hub}: settlements of the first region by the second in which they were due; {} failed, {} of the other's.",
        ours.failed, theirs.failed
    ));
    let mut table = output::table(["second", "settled", "p50 ms", "p99 ms", "longest ms", "p99", ""]);
    let highest = ours.seconds.iter().map(|second| second.value_at_quantile(0.99)).max().unwrap_or(1).max(1);
    for (number, second) in ours.seconds.iter().enumerate() {
        table.add_row([
            number.to_string(),
            second.len().to_string(),
            format!("{:.2}", at_quantile(second, 0.5)),
            format!("{:.2}", at_quantile(second, 0.99)),
            format!("{:.2}", at_quantile(second, 1.0)),
            bar(second.value_at_quantile(0.99), highest),
            happened(long, number),
        ]);
    }
    output::numbers_from(&mut table, 1);
    report.table(&table);
    let seconds: Vec<Value> = ours
        .seconds
        .iter()
        .map(|second| {
            json!({ "settled": second.len(), "p50_ms": at_quantile(second, 0.5), "p99_ms": at_quantile(second, 0.99),
                "longest_ms": at_quantile(second, 1.0) })
        })
        .collect();
    report.detail(
        &format!("long_run_{hub}"),
        json!({ "seconds": seconds, "failed": ours.failed, "failed_of_the_other_region": theirs.failed,
            "cut_off_at": long.cut_off_at.as_secs(), "region_cut_at": long.region_cut_at.as_secs(),
            "p99_ms": tenth(ours.measured.millis_at(0.99)) }),
    );
    report.figure(
        &format!("cut_off_p99_ratio_{hub}"),
        thousandth(phase_ratio(ours, long.cut_off_at, long.region_cut_at)),
    );
    report.figure(
        &format!("region_cut_p99_ratio_{hub}"),
        thousandth(phase_ratio(ours, long.region_cut_at, long.measured)),
    );
}

/// The median second's p99 from an event on, over the median second's before it.
fn phase_ratio(timeline: &Timeline, from: Duration, to: Duration) -> f64 {
    let second = |at: Duration| usize::try_from(at.as_secs()).unwrap_or(usize::MAX).min(timeline.seconds.len());
    let p99 = |from: usize, to: usize| {
        median(timeline.seconds[from..to.max(from)].iter().map(|second| at_quantile(second, 0.99)).collect())
    };
    p99(second(from), second(to)) / p99(0, second(from))
}

fn at_quantile(second: &Histogram<u64>, quantile: f64) -> f64 {
    second.value_at_quantile(quantile) as f64 / 1000.0
}

/// A bar of up to 24 blocks.
fn bar(value: u64, highest: u64) -> String {
    "▇".repeat(usize::try_from(value * 24 / highest).unwrap_or_default())
}

fn happened(long: LongRun, second: usize) -> String {
    let at = |event: Duration| event.as_secs() == second as u64;
    let mut said = Vec::new();
    if at(long.cut_off_at) {
        said.push("period cut off");
    }
    if at(long.region_cut_at) {
        said.push("region cut off");
    }
    said.join(", ")
}
