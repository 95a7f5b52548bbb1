//! Folding the journal and carrying out what is due of each period and of prefunds, so that nobody has to remember a day;
//! and how many inquiries are overdue, as a measure. Started by [`crate::start()`].

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use clearing::period::Step;
use jiff::civil::Date;
use ledger::hub::PeriodNumber;
use ledger::store::StoreError;
use tokio_util::sync::CancellationToken;

use crate::clearing::Clearing;
use crate::hub::Hub;
use crate::jobs::lease;
use crate::jobs::prefunds::PrefundWatch;
use crate::{inquiries, measures};

/// Clears until the process stops, telling of each step of a period as soon as it is done.
pub async fn run(
    hub: Arc<Hub>,
    clearing: Clearing,
    every: Duration,
    stop: CancellationToken,
    mut done: impl FnMut(PeriodNumber, Step) + Send,
) {
    let (mut prefunds, mut warned_on) = (PrefundWatch::default(), None);
    while stop.run_until_cancelled(tokio::time::sleep(every)).await.is_some() {
        warn_of_calendar(&hub, &clearing, &mut warned_on);
        if let Err(fault) = round(&hub, &clearing, every, &mut done).await {
            tracing::error!(error = &fault as &dyn Error, "what is due of a period could not be done");
        }
        if let Err(fault) = measure(&hub, &clearing).await {
            tracing::error!(error = &fault as &dyn Error, "overdue inquiries could not be counted");
        }
        if let Err(fault) = prefunds.look_if_due(&clearing, hub.clock.now()).await {
            tracing::error!(error = &fault as &dyn Error, "prefunds could not be watched");
        }
    }
}

/// Says once a day that the calendar lacks a year: until it is listed, nothing that is due in it is ever late.
fn warn_of_calendar(hub: &Hub, clearing: &Clearing, warned_on: &mut Option<Date>) {
    let today = hub.clock.today();
    if warned_on.replace(today) == Some(today) {
        return;
    }
    if let Some(year) = clearing.calendar().lacks(today) {
        tracing::warn!(year, "the calendar lacks the working days of {year}: what is due in it has no last day");
    }
}

/// Counts the inquiries that should have been answered by now. Every hub does, so that each shows the same.
///
/// # Errors
/// When the store fails.
pub async fn measure(hub: &Hub, clearing: &Clearing) -> Result<(), StoreError> {
    measures::inquiries_overdue(inquiries::count_overdue(hub, clearing.calendar()).await?);
    Ok(())
}

async fn round(
    hub: &Hub,
    clearing: &Clearing,
    every: Duration,
    done: impl FnMut(PeriodNumber, Step) + Send,
) -> Result<(), StoreError> {
    if hub.store.lease_take("clearing", lease(every)).await? {
        // Folding takes long after the hub was down. What is committed meanwhile is in the period that is open then, so
        // the time at which it is cut off is read after that.
        clearing.fold().await?;
        let now = hub.clock.now();
        clearing.advance_telling(now, done).await?;
        clearing.prefund_reset_due(now).await?;
    }
    Ok(())
}
