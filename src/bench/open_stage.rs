//! The open loop at shares of the top that was measured just before: the hub and the bare forward at the same rate.
#![allow(clippy::float_arithmetic)]

use anyhow::Result;
use serde_json::{Value, json};

use super::hub_stage::{HubStage, Tops};
use super::measured::{median, thousandth};
use super::open_loop::{Fates, Schedule, Timeline};
use super::report::Report;
use super::rig::Rig;
use super::settle::Scale;
use crate::output;

/// Shares of the top, in percent.
const SHARES: [u32; 4] = [30, 50, 70, 90];
/// The share at which hub and forward are compared, and which is measured in every round.
const COMPARED: u32 = 30;

/// Measures every hub at every share of its own top, beside the forward at the same rate, and says what became of the
/// settlements sent through hubs.
///
/// # Errors
/// When a part has ended.
pub async fn compare(stage: &HubStage, tops: &Tops, scale: &Scale, report: &mut Report) -> Result<Fates> {
    let mut fates = Fates::default();
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
            let named = |name: &str| format!("open loop, {name} at {share} % of {}'s top", hub.name);
            fates_of(&pairs.forward).judge(&named("bare forward"), report);
            let of_hub = fates_of(&pairs.hub);
            of_hub.judge(&named(&hub.name), report);
            fates.add(of_hub);
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
    Ok(fates)
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
                fates_of(timelines).failed.to_string(),
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

fn fates_of(timelines: &[Timeline]) -> Fates {
    let mut fates = Fates::default();
    timelines.iter().for_each(|timeline| fates.add(timeline.fates()));
    fates
}
