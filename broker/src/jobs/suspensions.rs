//! Learning which home members are suspended, whichever hub on the store was told. Started by [`crate::start()`].

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::hub::Hub;

/// Reads them anew until the process stops.
pub async fn run(hub: Arc<Hub>, every: Duration, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(every)).await.is_some() {
        if let Err(fault) = hub.suspensions.refresh(&hub.store).await {
            tracing::error!(error = &fault as &dyn Error, "who is suspended could not be read");
        }
    }
}
