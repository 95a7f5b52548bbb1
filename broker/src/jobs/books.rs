//! Keeping in the store which home regions' books are not whole, so that a restart and every other hub on the store know
//! it too, and learning from it how far they had come for other hubs: an older copy must not look new to a hub that the
//! region answered less. No region is stopped, put back and started between two rounds. It decides nothing: a book falls where it is asked, and is whole again when an operator has made it so.
//! Started by [`crate::start()`].

use std::collections::BTreeSet;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use ledger::hub::{Fall, HubStore};
use ledger::store::StoreError;
use settlement::ids::PoolCode;
use tokio_util::sync::CancellationToken;

use crate::directory::{Book, Fallen};
use crate::hub::Hub;
use crate::measures;

/// Keeps what was seen here and takes over what is kept, until the process stops.
pub async fn run(hub: Arc<Hub>, every: Duration, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(every)).await.is_some() {
        if let Err(fault) = watch(&hub).await {
            tracing::error!(error = &fault as &dyn Error, "which books are whole could not be kept");
        }
    }
}

/// Once: first what was seen here, then what stands.
///
/// # Errors
/// When the store fails; it is tried again.
pub async fn watch(hub: &Hub) -> Result<(), StoreError> {
    for home in hub.directory.homes() {
        if let Some(seen) = home.book().seen() {
            let Fallen { from, to } = seen;
            let fall = Fall { home: home.name().to_owned(), from, to, seen_at: hub.clock.now() };
            hub.store.fall_note(fall).await?;
            home.book().kept(seen);
        }
    }
    let falls = hub.store.fall_list().await?;
    for home in hub.directory.homes() {
        learn(&hub.store, home.pools(), home.book()).await?;
        let fall = falls.iter().find(|fall| fall.home == home.name());
        home.book().stands(fall.map(|Fall { from, to, .. }| Fallen { from: *from, to: *to }));
        measures::book_fallen(home.name(), home.book().fallen().is_some());
    }
    Ok(())
}

/// Has a region's book be known as far as it had come with all that it answered, and with the batches of corrections that it
/// took. One region's system keeps one book for all its pools.
///
/// # Errors
/// When the store fails.
pub async fn learn(store: &HubStore, pools: &BTreeSet<PoolCode>, book: &Book) -> Result<(), StoreError> {
    for pool in pools {
        book.reached(store.answer_highest_book_seq(*pool).await?);
    }
    for (_, place) in store.correction_in_force(pools.iter().copied().collect()).await? {
        book.reached_batch(place.number);
    }
    Ok(())
}
