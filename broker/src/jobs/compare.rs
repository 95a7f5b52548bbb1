//! Comparing the book with home regions', mending what a rule may, and certifying days on which all three books agree.
//! Started by [`crate::start()`].

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use identity::signing::Signer;
use jiff::ToSpan as _;
use jiff::civil::Date;
use ledger::store::StoreError;
use tokio_util::sync::CancellationToken;

use crate::hub::Hub;
use crate::jobs::lease;

/// So many days back are compared: an entry that comes later than that is found by whoever asks for its day.
const DAYS_BACK: i64 = 62;

/// Compares until the process stops. Yesterday's books are whole once everything of it is answered.
pub async fn run(hub: Arc<Hub>, signer: Option<Signer>, every: Duration, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(every)).await.is_some() {
        let today = hub.clock.today();
        let days = (today.saturating_sub(DAYS_BACK.days()), today.yesterday().unwrap_or(today));
        if let Err(fault) = round(&hub, signer.as_ref(), days, every).await {
            tracing::error!(error = &fault as &dyn Error, "what was compared could not be kept");
        }
    }
}

async fn round(hub: &Arc<Hub>, signer: Option<&Signer>, days: (Date, Date), every: Duration) -> Result<(), StoreError> {
    if !hub.store.lease_take("compare", lease(every)).await? {
        return Ok(());
    }
    for (home, pools) in hub.compared_homes() {
        for pool in pools {
            // A region that is down is compared with the next time; the others are not to wait for it.
            if let Err(fault) = hub.compare_and_mend(home, pool, days).await {
                tracing::warn!(%pool, error = &fault as &dyn Error, "the book of {pool} could not be compared");
            }
        }
    }
    match signer {
        Some(signer) => hub.certify(signer, days, None).await.map(drop),
        None => Ok(()),
    }
}
