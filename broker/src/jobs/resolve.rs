//! Clearing up what is in doubt: for each home region, oldest first, again and again until everything has its answer.
//! No timer decides about money here; it only decides when to ask. Started by [`crate::start()`].

use std::collections::BTreeSet;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use ledger::hub::{Position, Waiting};
use ledger::store::StoreError;
use tokio_util::sync::CancellationToken;

use crate::directory::Home;
use crate::doubt::Cleared;
use crate::hub::Hub;
use crate::measures;

/// How many operations of a pool one round takes. More would only wait longer for the first answer.
const A_ROUND: u32 = 256;

/// Clears up a home region's operations until the process stops. Only what waited a round ago is asked about: most of
/// what waits has just come, and has its answer in a moment.
pub async fn run(hub: Arc<Hub>, home: Arc<Home>, every: Duration, stop: CancellationToken) {
    let mut before = BTreeSet::new();
    let mut stuck_at = None;
    while stop.run_until_cancelled(tokio::time::sleep(every)).await.is_some() {
        let unanswered = match unanswered(&hub, &home).await {
            Ok(unanswered) => unanswered,
            Err(fault) => {
                tracing::error!(error = &fault as &dyn Error, "what is in doubt could not be read");
                continue;
            }
        };
        let now = unanswered.iter().map(|waiting| waiting.position).collect();
        let before = std::mem::replace(&mut before, now);
        let due = unanswered.into_iter().filter(|waiting| before.contains(&waiting.position)).collect();
        stuck_at = round(&hub, &home, after(stuck_at, due), &stop).await;
    }
}

/// Keeps the measures of doubt up to date until the process stops.
pub async fn measure(hub: Arc<Hub>, every: Duration, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(every)).await.is_some() {
        match hub.store.operation_doubt().await {
            Ok((count, oldest)) => measures::doubt(count, oldest, hub.clock.now()),
            Err(fault) => tracing::error!(error = &fault as &dyn Error, "what is in doubt could not be counted"),
        }
    }
}

async fn unanswered(hub: &Hub, home: &Home) -> Result<Vec<Waiting>, StoreError> {
    let mut unanswered = Vec::new();
    for pool in home.pools() {
        unanswered.extend(hub.store.operation_unanswered(*pool, A_ROUND).await?);
    }
    unanswered.sort_by_key(|waiting| waiting.position);
    Ok(unanswered)
}

/// Begins behind the operation at which the last round ended early, so that one that is always met with silence does
/// not hold up the others.
fn after(stuck_at: Option<Position>, mut due: Vec<Waiting>) -> Vec<Waiting> {
    let begin = due.partition_point(|waiting| Some(waiting.position) <= stuck_at);
    due.rotate_left(begin);
    due
}

/// One round. It ends early when the region is silent, and tells at which operation.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_begins_behind_the_operation_that_the_last_one_was_stuck_at() {
        let waiting = |position| Waiting {
            position: Position(position),
            bytes: bytes::Bytes::new(),
            received_at: jiff::Timestamp::UNIX_EPOCH,
        };
        for (stuck_at, order) in [(None, [2, 5, 7]), (Some(2), [5, 7, 2]), (Some(6), [7, 2, 5]), (Some(7), [2, 5, 7])] {
            let due = after(stuck_at.map(Position), [2, 5, 7].map(waiting).into());
            assert_eq!(due.iter().map(|waiting| waiting.position.0).collect::<Vec<_>>(), order, "{stuck_at:?}");
        }
    }
}
