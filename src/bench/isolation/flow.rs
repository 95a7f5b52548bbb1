//! An even flow of settlements to each region: one is due every so often, whether or not those before have ended, and
//! its time counts from when it was due.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use conversation::{Caller, Spoken};
use identity::client::{Expected, channel};
use prost::Message;
use proto::status::NoReply;
use proto::v1;
use proto::v1::operate_reply::Result as Told;
use settlement::refusal::{Reason, Refusal};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep_until};

use super::super::ground::{FOUR_HOMES, Ground, pool};
use super::super::operations::Operations;
use super::super::subject::{LARGEST_MESSAGE, PATIENCE};
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

/// Starts the flows, all in one conversation: what one region does to it, all would feel.
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
    let caller = Arc::new(Caller::new(channel, LARGEST_MESSAGE));
    let begun = Instant::now();
    let flow = |(index, home): (usize, &&str)| {
        let source = Arc::new(Source {
            caller: caller.clone(),
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
    caller: Arc<Caller>,
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
        let request = v1::OperateRequest::decode(self.operations.envelope(number))?;
        match self.caller.say(request, PATIENCE).await {
            Spoken::Ended(Ok(reply)) if self.operations.accepts_told(&reply, number) => Ok(Fate::Settled),
            Spoken::Ended(Ok(reply)) => unsettled(&reply),
            Spoken::Ended(Err(NoReply::Refused(refusal))) => refused(&refusal),
            Spoken::Ended(Err(why)) => bail!("the hub gave no reply: {why:?}"),
            Spoken::Unspeakable(_) => bail!("the hub speaks no conversation"),
        }
    }
}

fn unsettled(reply: &v1::OperateReply) -> Result<Fate> {
    match &reply.result {
        Some(Told::InDoubt(_)) => Ok(Fate::InDoubt),
        Some(Told::Answer(_)) | None => bail!("a settlement was answered with something else than a yes"),
    }
}

fn refused(refusal: &Refusal) -> Result<Fate> {
    let reason = refusal.reason;
    ensure!(matches!(reason, Reason::Busy | Reason::RegionUnavailable), "refused for {reason:?}");
    Ok(Fate::Refused)
}
