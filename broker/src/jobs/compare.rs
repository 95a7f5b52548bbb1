//! Comparing the book with home regions', mending what a rule may, and certifying days on which all three books agree.
//! Started by [`crate::start()`].

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;
use ledger::store::StoreError;
use reconciliation::asking::CompareError;
use reconciliation::days::days_compared;
use settlement::ids::PoolCode;
use tokio_util::sync::CancellationToken;

use crate::directory::Home;
use crate::hub::Hub;
use crate::jobs::lease;
use crate::reconcile::notary::OwnNotary;

/// Compares and certifies until the process stops.
pub async fn run(hub: Arc<Hub>, notary: OwnNotary, every: Duration, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(every)).await.is_some() {
        if let Err(fault) = round(&hub, &notary, every).await {
            tracing::error!(error = &fault as &dyn Error, "what was compared could not be kept");
        }
    }
}

async fn round(hub: &Arc<Hub>, notary: &OwnNotary, every: Duration) -> Result<(), StoreError> {
    if !hub.store.lease_take("compare", lease(every)).await? {
        return Ok(());
    }
    let days: Vec<(Date, Date)> = days_compared(hub.clock.today()).collect();
    for (home, pools) in hub.compared_homes() {
        for pool in pools {
            // A region that is down is compared with the next time; the others are not to wait for it.
            if let Err(fault) = compare(hub, home, pool, &days).await {
                tracing::warn!(%pool, error = &fault as &dyn Error, "the book of {pool} could not be compared");
            }
        }
    }
    let notary = notary.now();
    // In one run, so that who is silent is waited for once.
    let (newest, oldest) = (days.first(), days.last());
    if let (Some((_, last)), Some((first, _))) = (newest, oldest) {
        hub.certify(&notary, (*first, *last), None).await?;
    }
    Ok(())
}

async fn compare(hub: &Arc<Hub>, home: &Home, pool: PoolCode, days: &[(Date, Date)]) -> Result<(), CompareError> {
    for days in days {
        hub.compare_and_mend(home, pool, *days).await?;
    }
    Ok(())
}
