//! The whole chain: HIS JSON in, treatment side, hub, and home region with its rules, a process each and durable on all
//! three, against the same three processes handing bytes through.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use ledger::testing::PrivatePostgres;
use serde_json::json;

use super::chain::Chain;
use super::chain_stores::ChainStores;
use super::comparison::Comparison;
use super::ground::Ground;
use super::measured::thousandth;
use super::prepare;
use super::report::Report;
use super::rest::{rest, season};
use super::settle::Scale;
use super::spare::Spare;

/// How many settlements are in flight in what is reported, and measured in every round.
const REPORTED: usize = 256;
/// How many are in flight in what is measured once beside it, as details.
const BESIDE: [usize; 2] = [64, 128];
/// A measurement of what is reported that is shorter holds no checkpoint.
const LONG_ENOUGH: Duration = Duration::from_millis(2_900);
const CHAIN: &str = "chain";
/// Stays for a measurement where nothing else is asked for: somewhat more than are settled in its time.
const STAYS_ON_FILES: usize = 40_000;
/// The same on a server, where preparing them takes four times as long and settling them as well.
const STAYS_ON_POSTGRES: usize = 10_000;
/// One stay in so many more is settled before anything is measured: the books of roles in service are not empty, and a
/// database plans by what it has seen of them.
const EARLIER_EVERY: usize = 20;

/// The stays that were prepared, and what they are settled through.
struct ChainStage<'a> {
    ground: &'a Ground,
    scale: &'a Scale,
    server: Option<Arc<PrivatePostgres>>,
    deploy: PathBuf,
    bytes: Chain,
    prepared: ChainStores,
    stays: Arc<[Bytes]>,
    copies: usize,
}

/// Measures and tells, on files, or on a server where there is one.
///
/// # Errors
/// When a part does not start, or a settlement is refused.
pub async fn run(
    ground: &Ground,
    server: Option<Arc<PrivatePostgres>>,
    scale: &Scale,
    spare: &mut Spare,
    report: &mut Report,
) -> Result<()> {
    let name = if server.is_some() { "chain_postgres" } else { "chain" };
    let mut stage = ChainStage::prepare(ground, server, scale, report).await?;
    for in_flight in BESIDE {
        let mut comparison = Comparison::with("bytes through");
        report.note(&format!("whole chain, {in_flight} in flight …"));
        stage.measure(in_flight, &mut comparison).await?;
        tell(&comparison, in_flight, name, report);
    }
    let mut comparison = Comparison::with("bytes through");
    for round in 1..=scale.rounds {
        report.note(&format!("whole chain, {REPORTED} in flight, round {round} …"));
        stage.measure(REPORTED, &mut comparison).await?;
    }
    // Beside the three measurements, copying the books takes about as long as one.
    while comparison.counted(CHAIN) < scale.rounds && spare.take(4 * scale.one_measurement()) {
        report.note(&format!("whole chain, {REPORTED} in flight, once more for a round that does not count …"));
        stage.measure(REPORTED, &mut comparison).await?;
    }
    tell(&comparison, REPORTED, name, report);
    let ratio = comparison.ratio(CHAIN).context("the chain was not measured")?;
    report.figure(&format!("{name}_ratio"), thousandth(ratio));
    report.figure(&format!("{name}_per_second"), json!(comparison.per_second(CHAIN).map(f64::round)));
    comparison.judge(CHAIN, scale.rounds, &format!("whole {}", name.replace('_', ", ")), report);
    judge_length(&comparison, scale, report);
    stage.prepared.remove()
}

fn tell(comparison: &Comparison, in_flight: usize, name: &str, report: &mut Report) {
    report.say(&format!(
        "Whole {}, {in_flight} in flight: 2304 of stays with 50 charge lines, five commits in a row.",
        name.replace('_', ", ")
    ));
    comparison.show(report, &format!("{name}_{in_flight}"));
}

/// Stays that run out leave a shorter measurement than was asked for; it counts if it was long enough all the same.
fn judge_length(comparison: &Comparison, scale: &Scale, report: &mut Report) {
    let shortest = comparison.shortest(CHAIN).unwrap_or_default();
    if shortest < LONG_ENOUGH.min(scale.measured * 9 / 10) {
        report.void(&format!("whole chain: the stays ran out after {:.1} s", shortest.as_secs_f64()));
    }
}

impl<'a> ChainStage<'a> {
    /// Prepares the stays, once for all measurements.
    async fn prepare(
        ground: &'a Ground,
        server: Option<Arc<PrivatePostgres>>,
        scale: &'a Scale,
        report: &Report,
    ) -> Result<ChainStage<'a>> {
        let measured = scale.stays.unwrap_or(if server.is_some() { STAYS_ON_POSTGRES } else { STAYS_ON_FILES });
        let count = measured + measured / EARLIER_EVERY;
        report.note(&format!("whole chain: preparing {count} stays …"));
        let deploy = ground.path("chain-deploy");
        prepare::deploy_for(count, ground.deploy(), &deploy)?;
        let prepared = ChainStores::new(ground.path("chain"), server.as_ref())?;
        let chain = Chain::real(ground, &deploy, &prepared)?;
        let mut stays = prepare::settling(&prepare::stays(&chain.desk, count).await?)?;
        let earlier = stays.split_off(measured).into();
        chain.settle_all(&earlier, REPORTED).await?;
        chain.stop()?;
        server.as_deref().map(season).transpose()?;
        let (bytes, stays) = (Chain::of_bytes(ground)?, stays.into());
        Ok(ChainStage { ground, scale, server, deploy, bytes, prepared, stays, copies: 0 })
    }

    /// Measures the chain between two baselines, on books of its own.
    async fn measure(&mut self, in_flight: usize, comparison: &mut Comparison) -> Result<()> {
        self.copies += 1;
        let stores = self.prepared.copy(self.ground.path(&format!("chain-{}", self.copies)))?;
        let chain = Chain::real(self.ground, &self.deploy, &stores)?;
        rest(self.server.as_deref())?;
        comparison.baseline(self.bytes.pass(&self.stays, in_flight, self.scale).await?);
        comparison.system(CHAIN, chain.settle(&self.stays, in_flight, self.scale).await?);
        comparison.baseline(self.bytes.pass(&self.stays, in_flight, self.scale).await?);
        chain.stop()?;
        stores.remove()
    }
}
