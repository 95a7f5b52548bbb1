//! Finding what nobody answered and nobody waits for any more: operations that a hub wrote down before it died, or lost
//! sight of. They go on the list that [`super::resolve`] asks about. Started by [`crate::start()`].

use std::collections::VecDeque;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use ledger::hub::Frontier;
use ledger::store::StoreError;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::hub::Hub;
use crate::jobs::lease;

/// How much longer than its sender waits an operation may be carried out: its answer is still being written.
const GRACE: Duration = Duration::from_secs(2);

/// Sweeps until the process stops. Age is told by this process's own timer, never by when a row says that it was written:
/// clocks jump. What an earlier process left behind in a file is nobody's any more, and is swept up at once.
pub async fn run(hub: Arc<Hub>, every: Duration, stop: CancellationToken) {
    if let Err(fault) = left_behind(&hub).await {
        tracing::error!(error = &fault as &dyn Error, "what an earlier process left behind could not be read");
    }
    let mut seen = VecDeque::new();
    while stop.run_until_cancelled(tokio::time::sleep(every)).await.is_some() {
        if let Err(fault) = round(&hub, every, &mut seen).await {
            tracing::error!(error = &fault as &dyn Error, "the book could not be swept over");
        }
    }
}

async fn left_behind(hub: &Hub) -> Result<(), StoreError> {
    let frontier = hub.store.operation_left_behind().await?;
    hub.store.operation_sweep(&frontier).await
}

/// Sweeps up to where the book had come long enough ago.
async fn round(hub: &Hub, every: Duration, seen: &mut VecDeque<(Instant, Vec<Frontier>)>) -> Result<(), StoreError> {
    seen.push_back((Instant::now() + hub.patience + GRACE, hub.store.operation_frontier().await?));
    let mut due = Vec::new();
    while seen.front().is_some_and(|(old_enough, _)| *old_enough <= Instant::now()) {
        due = seen.pop_front().map(|(_, frontier)| frontier).unwrap_or_default();
    }
    if hub.store.lease_take("sweep", lease(every)).await? {
        hub.store.operation_sweep(&due).await?;
    }
    Ok(())
}
