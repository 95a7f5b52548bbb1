//! Clearing up what is in doubt: for each home region, oldest first, again and again until everything has its answer.
//! No timer decides about money here; it only decides when to ask. Started by [`crate::start`].

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use ledger::hub::Waiting;
use ledger::store::StoreError;
use tokio_util::sync::CancellationToken;

use crate::directory::Home;
use crate::doubt::Cleared;
use crate::hub::Hub;
use crate::measures;

/// How many operations of a pool one round takes. More would only wait longer for the first answer.
const A_ROUND: u32 = 256;

/// Clears up a home region's operations until the process stops.
pub async fn run(hub: Arc<Hub>, home: Arc<Home>, every: Duration, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(every)).await.is_some() {
        match unanswered(&hub, &home).await {
            Ok(unanswered) => round(&hub, &home, unanswered, &stop).await,
            Err(fault) => tracing::error!(error = &fault as &dyn Error, "what is in doubt could not be read"),
        }
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

/// One round. It ends early when the region cannot be reached; one stuck operation does not hold up the others.
async fn round(hub: &Hub, home: &Home, unanswered: Vec<Waiting>, stop: &CancellationToken) {
    for waiting in unanswered {
        if stop.is_cancelled() {
            return;
        }
        let (position, name) = (waiting.position.0, home.name());
        match hub.clear_up(waiting).await {
            Cleared::Answered(_) => tracing::info!(position, home = name, "operation {position} has its answer now"),
            Cleared::Waits => {}
            Cleared::Unreachable => return,
        }
    }
}
