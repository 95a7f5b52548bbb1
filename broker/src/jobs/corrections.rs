//! Having home regions take the batches of corrections that are approved, again and again until each has its answer.
//! Started by [`crate::start()`].

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use clearing::corrections::Standing;
use ledger::store::StoreError;
use tokio_util::sync::CancellationToken;

use crate::directory::Home;
use crate::hub::Hub;
use crate::jobs::lease;

/// Carries a home region's batches until the process stops. Of several hubs one does.
pub async fn run(hub: Arc<Hub>, home: Arc<Home>, every: Duration, stop: CancellationToken) {
    let job = format!("correct {}", home.name());
    while stop.run_until_cancelled(tokio::time::sleep(every)).await.is_some() {
        if let Some(Err(fault)) = stop.run_until_cancelled(round(&hub, &home, &job, every)).await {
            tracing::error!(error = &fault as &dyn Error, "approved corrections could not be carried out");
        }
    }
}

/// One round. It ends at the first batch that the region does not answer: those after it may build on it.
async fn round(hub: &Hub, home: &Home, job: &str, every: Duration) -> Result<(), StoreError> {
    if !hub.store.lease_take(job, lease(every)).await? {
        return Ok(());
    }
    for batch in hub.store.correction_approved(home.pools().iter().copied().collect()).await? {
        let carried = hub.correction_carry(&batch).await?;
        if carried.is_some_and(|held| held.standing == Standing::Approved) {
            break;
        }
    }
    Ok(())
}
