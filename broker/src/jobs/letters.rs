//! How many letters wait and how many are dead, as measures, until the process stops. Started by [`crate::start()`].

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::hub::Hub;
use crate::measures;

/// How often they are counted. Counting goes through the endings of every letter, and nobody acts within seconds.
const COUNT_EVERY: Duration = Duration::from_secs(30);

/// Counts until the process stops.
pub async fn measure(hub: Arc<Hub>, stop: CancellationToken) {
    loop {
        match hub.mailroom.mailboxes().letter_counts().await {
            Ok((waiting, delivered, dead)) => measures::letters(waiting, delivered, dead),
            Err(fault) => tracing::error!(error = &fault as &dyn Error, "letters could not be counted"),
        }
        if stop.run_until_cancelled(tokio::time::sleep(COUNT_EVERY)).await.is_none() {
            return;
        }
    }
}
