//! An even flow of settlements to each region: one is due every so often, whether or not those before have ended, and
//! its time counts from when it was due.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use identity::client::{Expected, channel};
use prost::Message;
use proto::v1;
use proto::v1::operate_reply::Result as Told;
use settlement::refusal::Reason;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep_until};
use tonic::Status;

use super::super::ground::{FOUR_HOMES, Ground, pool};
use super::super::operations::{Operations, Wrapping};
use super::super::raw::{Caller, HUB_OPERATE};
use super::phases::{Fate, Phases, Sent};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// People of each region: enough that nobody is seen twice in a batch.
const PEOPLE: u64 = 100_000;
/// Each region's operations are numbered from a multiple of this, for a key is an institution's.
const NUMBERS_EACH: u64 = 1_000_000_000;

/// The flow to one region.
pub struct Flow {
    stalled: bool,
    sending: JoinHandle<Result<Vec<Sent>>>,
}

/// Starts the flows, each over a connection that all share: what one region does to it, all would feel.
///
/// # Errors
/// When a certificate cannot be read.
pub fn start(
    ground: &Ground,
    hub: SocketAddr,
    stalled: usize,
    per_second: u32,
    lasting: Duration,
) -> Result<Vec<Flow>> {
    let channel = channel(&hub.to_string(), ground.treatment()?, Expected::Hub, CONNECT_TIMEOUT)?;
    let begun = Instant::now();
    let flow = |(index, home): (usize, &&str)| {
        let source = Arc::new(Source {
            caller: Caller::new(channel.clone(), HUB_OPERATE),
            operations: Operations::new(pool(home)?, PEOPLE)?,
            first: NUMBERS_EACH * (index as u64 + 1),
        });
        let stalled = index == stalled;
        // Each begins a little later, so that they do not come in step.
        let begun = begun + Duration::from_millis(index as u64);
        let every = Duration::from_secs(1) / per_second;
        Ok(Flow { stalled, sending: tokio::spawn(send(source, Pace { begun, every, lasting }, stalled)) })
    };
    FOUR_HOMES.iter().enumerate().map(flow).collect()
}

/// Waits for the flows to end, and sorts what they saw into the phases.
///
/// # Errors
/// When a settlement of a region that is not stalled was not accepted.
pub async fn gather(flows: Vec<Flow>, mut phases: Phases) -> Result<Phases> {
    for flow in flows {
        for sent in flow.sending.await.context("a flow died")?? {
            if flow.stalled { phases.note_stalled(sent) } else { phases.note_other(sent) }
        }
    }
    Ok(phases)
}

struct Source {
    caller: Caller,
    operations: Operations,
    first: u64,
}

#[derive(Clone, Copy)]
struct Pace {
    begun: Instant,
    every: Duration,
    lasting: Duration,
}

async fn send(source: Arc<Source>, pace: Pace, may_fail: bool) -> Result<Vec<Sent>> {
    let mut out = JoinSet::new();
    let mut seen = Vec::new();
    for (number, turn) in (0_u32..).enumerate() {
        let due = pace.every * turn;
        if due >= pace.lasting {
            break;
        }
        sleep_until(pace.begun + due).await;
        let source = source.clone();
        out.spawn(async move {
            let fate = source.settle(number as u64).await?;
            anyhow::Ok(Sent { due, took: (pace.begun + due).elapsed(), fate })
        });
        while let Some(ended) = out.try_join_next() {
            seen.push(checked(ended.context("a sender died")??, may_fail)?);
        }
    }
    while let Some(ended) = out.join_next().await {
        seen.push(checked(ended.context("a sender died")??, may_fail)?);
    }
    Ok(seen)
}

fn checked(sent: Sent, may_fail: bool) -> Result<Sent> {
    match sent.fate {
        Fate::Settled => Ok(sent),
        Fate::InDoubt | Fate::Refused if may_fail => Ok(sent),
        Fate::InDoubt | Fate::Refused => bail!("a region that is not stalled was not served: {sent:?}"),
    }
}

impl Source {
    async fn settle(&self, number: u64) -> Result<Fate> {
        let number = self.first + number;
        match self.caller.call(self.operations.envelope(number)).await {
            Ok(reply) if self.operations.accepts(&reply, number, Wrapping::Reply) => Ok(Fate::Settled),
            Ok(reply) => unsettled(&reply),
            Err(status) => refused(&status),
        }
    }
}

fn unsettled(reply: &[u8]) -> Result<Fate> {
    match v1::OperateReply::decode(reply)?.result {
        Some(Told::InDoubt(_)) => Ok(Fate::InDoubt),
        Some(Told::Answer(_)) | None => bail!("a settlement was answered with something else than a yes"),
    }
}

fn refused(status: &Status) -> Result<Fate> {
    let refusal = proto::status::carried_refusal(status).with_context(|| format!("no refusal of ours: {status:?}"))?;
    let reason = refusal.reason;
    ensure!(matches!(reason, Reason::Busy | Reason::RegionUnavailable), "refused for {reason:?}");
    Ok(Fate::Refused)
}
