//! The hub stage: the load tool as treatment side, a real hub with its store, and a prepared home region, against a
//! bare forward over the same hops.
#![allow(clippy::float_arithmetic)]

use std::sync::Arc;

use anyhow::{Context, Result};
use ledger::testing::PrivatePostgres;
use serde_json::json;

use super::book::{Book, POSTGRES, STORED};
use super::comparison::Comparison;
use super::ground::{Ground, HOME, pool};
use super::measured::{median, tenth, thousandth};
use super::operations::Operations;
use super::pgbench::Pgbench;
use super::report::Report;
use super::rest::{rest, season};
use super::rig::Rig;
use super::settle::Scale;
use super::spare::Spare;
use super::usage;
use crate::line::read_regions;

/// A bare forward that costs the hub's place less or more than this, in CPU microseconds, is none of a healthy machine.
const FORWARD_MICROS: std::ops::RangeInclusive<f64> = 35.0..=65.0;

/// The bare forward and the hubs, all up, each hub on a book of its own.
pub struct HubStage {
    /// The bare forward.
    pub forward: Rig,
    /// Every hub that is measured.
    pub hubs: Vec<Rig>,
    pgbench: Option<Pgbench>,
    postgres: Option<Arc<PrivatePostgres>>,
}

/// What the hub stage came to at full load.
pub struct Tops {
    comparison: Comparison,
    transactions: Vec<f64>,
}

impl HubStage {
    /// Starts everything; the books are filled before.
    ///
    /// # Errors
    /// When a part does not start.
    pub async fn start(
        ground: &Ground,
        postgres: Option<&Arc<PrivatePostgres>>,
        scale: &Scale,
        report: &Report,
    ) -> Result<HubStage> {
        let operations = Arc::new(Operations::new(pool(HOME)?, scale.filings.max(1))?);
        report.note(&format!("an operation with its envelope is {} bytes", operations.size()));
        let forward = Rig::forward(ground, &operations)?;
        let books = Book::all(ground, postgres, scale)?;
        fill(&books, ground, &operations, scale, report).await?;
        let hubs = books.iter().map(|book| Rig::hub(ground, book, &operations, scale)).collect::<Result<Vec<_>>>()?;
        let pgbench = postgres.map(|server| Pgbench::prepare(server.clone())).transpose()?;
        postgres.map(|server| season(server)).transpose()?;
        Ok(HubStage { forward, hubs, pgbench, postgres: postgres.cloned() })
    }

    /// Lets the databases and the disk finish what a full load left to them.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn rest(&self) -> Result<()> {
        rest(self.postgres.as_deref())
    }

    /// Measures at full load, the forward before and after each hub; what does not count again while there is time.
    ///
    /// # Errors
    /// When a settlement is not accepted.
    pub async fn measure(&self, scale: &Scale, spare: &mut Spare, report: &Report) -> Result<Tops> {
        let mut comparison = Comparison::with("bare forward").costing(FORWARD_MICROS);
        let mut transactions = Vec::new();
        comparison.baseline(self.forward.closed_loop(scale).await?);
        for round in 1..=scale.rounds {
            for hub in &self.hubs {
                report.note(&format!("hub stage, {}, round {round} …", hub.name));
                self.measure_once(hub, &mut comparison, scale).await?;
            }
            if let Some(pgbench) = &self.pgbench {
                transactions.push(pgbench.measure(scale.measured)?);
            }
        }
        for hub in &self.hubs {
            while comparison.counted(&hub.name) < scale.rounds && spare.take(2 * scale.one_measurement()) {
                report.note(&format!("hub stage, {}, once more for a round that does not count …", hub.name));
                self.measure_once(hub, &mut comparison, scale).await?;
            }
        }
        Ok(Tops { comparison, transactions })
    }

    async fn measure_once(&self, hub: &Rig, comparison: &mut Comparison, scale: &Scale) -> Result<()> {
        comparison.system(&hub.name, hub.closed_loop(scale).await?);
        comparison.baseline(self.forward.closed_loop(scale).await?);
        Ok(())
    }

    /// Says what it came to.
    ///
    /// # Errors
    /// When a hub has ended.
    pub fn tell(&self, tops: &Tops, scale: &Scale, report: &mut Report) -> Result<()> {
        report.say("Hub stage: treatment side (load tool) → hub → prepared home, mutual TLS on both hops.");
        tops.comparison.show(report, "hub");
        tops.tell_forward(report);
        let mut cpu_ratios = Vec::new();
        for hub in &self.hubs {
            cpu_ratios.push(tops.tell_hub(&hub.name, report)?);
            tops.comparison.judge(&hub.name, scale.rounds, &format!("hub stage, {}", hub.name), report);
        }
        // One figure for several hubs is that of the worst.
        report.figure("hub_cpu_ratio", cpu_ratios.into_iter().reduce(f64::max).map_or(json!(null), thousandth));
        tops.tell_database(report);
        self.tell_memory(report)
    }

    /// Says how much memory the hubs have taken at most. Asked again at the end of a run, which is longer.
    ///
    /// # Errors
    /// When a hub has ended.
    pub fn tell_memory(&self, report: &mut Report) -> Result<()> {
        let all = self.hubs.iter().flat_map(|hub| &hub.middle).map(|hub| usage::peak_memory_mb(hub.pid()));
        let all = all.collect::<Result<Vec<_>>>()?;
        report.figure("hub_rss_mb", json!(all.into_iter().max()));
        Ok(())
    }
}

impl Tops {
    /// The top of a hub, in settlements a second.
    pub fn of(&self, hub: &str) -> f64 {
        self.comparison.per_second(hub).unwrap_or_default()
    }

    fn tell_forward(&self, report: &mut Report) {
        report.figure("forward_per_second", json!(self.comparison.baseline_per_second().round()));
        report.figure("forward_hub_cpu_us", tenth(self.comparison.baseline_hub_micros()));
    }

    /// Says what a hub came to, and gives its CPU ratio.
    fn tell_hub(&self, name: &str, report: &mut Report) -> Result<f64> {
        let ratio = self.comparison.ratio(name).context("the hub was not measured")?;
        let cpu = self.comparison.hub_cpu_ratio(name).context("the hub was not measured")?;
        report.figure(&format!("hub_{name}_ratio"), thousandth(ratio));
        report.figure(&format!("hub_{name}_per_second"), json!(self.of(name).round()));
        report.figure(&format!("hub_{name}_cpu_ratio"), thousandth(cpu));
        if let Some(empty) = name.strip_suffix(STORED) {
            report.figure(&format!("stored_{empty}_ratio"), thousandth(self.of(name) / self.of(empty)));
        }
        Ok(cpu)
    }

    fn tell_database(&self, report: &mut Report) {
        if self.transactions.is_empty() {
            return;
        }
        let transactions = median(self.transactions.clone());
        report.figure("pgbench_per_second", json!(transactions.round()));
        if let Some(hub) = self.comparison.per_second(POSTGRES) {
            report.figure("pgbench_ratio", thousandth(hub / transactions));
        }
    }
}

/// Fills every book, all at once.
async fn fill(
    books: &[Book],
    ground: &Ground,
    operations: &Arc<Operations>,
    scale: &Scale,
    report: &Report,
) -> Result<()> {
    let regions = Arc::new(read_regions(ground.deploy())?);
    let filling: Vec<_> = books
        .iter()
        .map(|book| {
            report.note(&format!("{}: {} filings, {} settlements first …", book.name(), scale.filings, book.stored()));
            tokio::spawn(book.clone().fill(regions.clone(), operations.clone(), scale.filings))
        })
        .collect();
    for filled in filling {
        filled.await.context("a task that fills a book died")??;
    }
    Ok(())
}
