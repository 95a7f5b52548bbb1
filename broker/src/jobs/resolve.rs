//! Clearing up what is in doubt: for each home region, oldest first, again and again until everything has its answer.
//! No timer decides about money here; it only decides when to ask. Started by [`crate::start()`].

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use ledger::hub::{Position, Waiting};
use ledger::store::StoreError;
use tokio_util::sync::CancellationToken;

use crate::directory::Home;
use crate::doubt::Cleared;
use crate::health::Health;
use crate::hub::Hub;
use crate::jobs::lease;
use crate::measures;

/// How many operations one round asks about. More would only wait longer for the first answer.
const A_ROUND: u32 = 256;

/// Clears up a home region's operations until the process stops. What is on the list is in doubt: nobody is carrying it
/// out any more. Of several hubs one asks; one that cannot reach the region lets another try.
pub async fn run(hub: Arc<Hub>, home: Arc<Home>, every: Duration, stop: CancellationToken) {
    let mut reached = Position(0);
    let job = format!("resolve {}", home.name());
    while stop.run_until_cancelled(tokio::time::sleep(every)).await.is_some() {
        match due(&hub, &home, &job, every, reached).await {
            Ok(due) => {
                let end = end_of(&due);
                let broke_off = round(&hub, &home, due, &stop).await;
                if broke_off.is_some() {
                    let_another_try(&hub, &job).await;
                }
                reached = broke_off.unwrap_or(end);
            }
            Err(fault) => tracing::error!(error = &fault as &dyn Error, "what is in doubt could not be read"),
        }
    }
}

/// The way from here may be cut while another hub's is not.
async fn let_another_try(hub: &Hub, job: &str) {
    if let Err(fault) = hub.store.lease_give_up(job).await {
        tracing::warn!(job, error = &fault as &dyn Error, "the lease of {job} is kept until it ends");
    }
}

/// Keeps the measures of doubt up to date until the process stops.
pub async fn measure(hub: Arc<Hub>, every: Duration, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(every)).await.is_some() {
        match hub.health().await {
            Ok(health) => tell(&health, hub.clock.now()),
            Err(fault) => tracing::error!(error = &fault as &dyn Error, "what is in doubt could not be counted"),
        }
    }
}

/// Moves the measures of doubt to where they are.
pub fn tell(health: &Health, now: Timestamp) {
    measures::doubt(health.unanswered, health.oldest_unanswered, now);
    for home in &health.homes {
        measures::home(&home.name, home.in_flight, home.unanswered);
    }
}

/// What this round asks about: what lies behind the position that the last one reached, then from the oldest on. So
/// neither a silent region nor many operations that cannot get an answer ever hide the others.
async fn due(
    hub: &Hub,
    home: &Home,
    job: &str,
    every: Duration,
    reached: Position,
) -> Result<Vec<Waiting>, StoreError> {
    if !hub.store.lease_take(job, lease(every)).await? {
        return Ok(Vec::new());
    }
    let mut due = unanswered(hub, home, reached).await?;
    if !is_full(&due) && reached > Position(0) {
        let oldest = unanswered(hub, home, Position(0)).await?;
        due.extend(oldest.into_iter().filter(|waiting| waiting.position <= reached));
        due.truncate(A_ROUND as usize);
    }
    Ok(due)
}

/// The oldest operations of all the home's pools after a position, one round of them.
async fn unanswered(hub: &Hub, home: &Home, after: Position) -> Result<Vec<Waiting>, StoreError> {
    let mut unanswered = Vec::new();
    for pool in home.pools() {
        unanswered.extend(hub.store.operation_unanswered(*pool, after, A_ROUND).await?);
    }
    unanswered.sort_by_key(|waiting| waiting.position);
    unanswered.truncate(A_ROUND as usize);
    Ok(unanswered)
}

/// Where the next round goes on after one that went through: behind the last, or from the oldest where that was all.
fn end_of(due: &[Waiting]) -> Position {
    match due.last() {
        Some(last) if is_full(due) => last.position,
        Some(_) | None => Position(0),
    }
}

fn is_full(due: &[Waiting]) -> bool {
    due.len() >= A_ROUND as usize
}

/// One round. It ends early when the region is silent or not to be asked, and tells at which operation: a region that is
/// ill is asked no more often than its breaker lets through.
async fn round(hub: &Hub, home: &Home, due: Vec<Waiting>, stop: &CancellationToken) -> Option<Position> {
    for waiting in due {
        let (position, name) = (waiting.position, home.name());
        match stop.run_until_cancelled(hub.clear_up(waiting)).await? {
            Cleared::Answered(_) => {
                tracing::info!(position = position.0, home = name, "operation {position} has its answer now");
            }
            Cleared::Waits => {}
            Cleared::Unreachable => return Some(position),
        }
    }
    None
}
