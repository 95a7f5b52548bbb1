//! `yidi bench settle`: a bare forward, the whole line, a bare forward, at 1, 16 and 64 in flight, in one run.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use clap::Args;
use jiff::civil::date;
use ledger::clock::Clock;
use serde_json::json;
use settlement::beijing;
use settlement::ids::{PoolCode, RegionCode};

use super::forward::Forward;
use super::load::{self, Measured};
use super::prepare;
use crate::desk::Desk;
use crate::line::{Line, Plan, straight};
use crate::output;

/// How many requests are in flight, and how many are sent at each.
const LOADS: [(usize, usize); 3] = [(1, 1_000), (16, 8_000), (64, 12_000)];
/// The size of a settle operation of a stay as it travels, about one kilobyte.
const PAYLOAD: usize = 1024;

/// How to measure.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Settle this share of the usual number of stays, in percent.
    #[arg(long, default_value_t = 100)]
    share: usize,
    /// The folder of rule books and the demo's data.
    #[arg(long, default_value = "deploy", env = "YIDI_DEPLOY")]
    deploy: PathBuf,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

struct Row {
    in_flight: usize,
    settle: Measured,
    before: Measured,
    after: Measured,
}

/// Measures and prints.
///
/// # Errors
/// When the line cannot be started, or a settlement is refused.
pub async fn run(arguments: Arguments) -> Result<()> {
    let scratch = tempfile::tempdir().context("cannot make a folder for the benchmark")?;
    let loads = LOADS.map(|(in_flight, count)| (in_flight, (count * arguments.share / 100).max(1)));
    let total = loads.iter().map(|(_, count)| count).sum();
    let deploy = scratch.path().join("deploy");
    prepare::deploy_with_people(&arguments.deploy, &deploy, total)?;
    let now = beijing::instant_of(date(2025, 5, 1).at(8, 0, 0, 0)).context("an instant")?;
    let plan = Plan {
        folder: scratch.path().join("line"),
        deploy,
        desk_port: 0,
        hub_port: 0,
        patience_ms: 20_000,
        clock: Clock::starting_at(now),
        detour: straight(),
    };
    let line = Line::start(plan).await?;
    let home = PoolCode(RegionCode::new(prepare::HOME)?);
    let forward = Forward::start(&scratch.path().join("line/pki"), home).await?;

    let desk = Desk::new(line.desk());
    let mut rows = Vec::new();
    let mut first = 0;
    for (in_flight, count) in loads {
        output::note(&format!("preparing {count} stays of 50 charges …"));
        let stays = Arc::new(prepare::stays(&desk, first, count).await?);
        first += count;
        output::note(&format!("{in_flight} in flight …"));
        let before = bare(&forward, count, in_flight).await?;
        let sender = desk.clone();
        let settle = load::closed_loop(count, in_flight, move |number| {
            let (desk, stays) = (sender.clone(), stays.clone());
            async move {
                let reply = desk.send(&stays[number].settle).await?;
                ensure!(reply.succeeded(), "stay {number}: {}", reply.text("/err_msg"));
                Ok(())
            }
        });
        let settle = settle.await?;
        let after = bare(&forward, count, in_flight).await?;
        rows.push(Row { in_flight, settle, before, after });
    }
    print(&rows, arguments.json)?;
    line.stop().await;
    Ok(())
}

async fn bare(forward: &Forward, count: usize, in_flight: usize) -> Result<Measured> {
    let forward = forward.clone();
    load::closed_loop(count, in_flight, move |_| {
        let forward = forward.clone();
        async move { forward.send(Bytes::from_static(&[7; PAYLOAD])).await }
    })
    .await
}

impl Row {
    /// The line's rate over the mean of the two bare forwards around it.
    #[allow(clippy::float_arithmetic)]
    fn ratio(&self) -> f64 {
        2.0 * self.settle.per_second() / (self.before.per_second() + self.after.per_second())
    }
}

fn print(rows: &[Row], as_json: bool) -> Result<()> {
    if as_json {
        let rows: Vec<_> = rows
            .iter()
            .map(|row| {
                json!({ "in_flight": row.in_flight, "settlements_per_second": row.settle.per_second().round(),
                    "p50_ms": row.settle.millis_at(0.5), "p99_ms": row.settle.millis_at(0.99),
                    "cpu_us": row.settle.cpu_micros() as u64, "forwards_per_second": row.before.per_second().round(),
                    "forward_cpu_us": row.before.cpu_micros() as u64, "ratio": row.ratio() })
            })
            .collect();
        output::line(&serde_json::to_string_pretty(&rows)?);
        return Ok(());
    }
    let mut table = output::table([
        "in flight",
        "settlements/s",
        "p50 ms",
        "p99 ms",
        "CPU µs each",
        "bare forwards/s",
        "their CPU µs",
        "ratio",
    ]);
    for row in rows {
        table.add_row([
            row.in_flight.to_string(),
            format!("{:.0}", row.settle.per_second()),
            format!("{:.2}", row.settle.millis_at(0.5)),
            format!("{:.2}", row.settle.millis_at(0.99)),
            row.settle.cpu_micros().to_string(),
            format!("{:.0}", row.before.per_second()),
            row.before.cpu_micros().to_string(),
            format!("{:.3}", row.ratio()),
        ]);
    }
    output::numbers_from(&mut table, 0);
    output::line(&table.to_string());
    output::line(
        "A settlement: HIS JSON in, treatment side, hub and home region, durable on all three, 50 charge lines.",
    );
    output::line("A bare forward: the same two mutually authenticated hops with 1 KiB each way and nothing else.");
    output::line("CPU is the whole process's, load tool included, on the machine's every core.");
    Ok(())
}
