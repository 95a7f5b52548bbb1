//! The hub's book as the hub stage finds it: in which database, and filled with filings and settlements before the hub
//! starts, through the store's own calls.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};
use jiff::Timestamp;
use ledger::hub::{HubStore, Lodging};
use ledger::store::StoreOptions;

use super::crew::Crew;
use super::ground::Ground;
use super::operations::Operations;
use super::settle::{Scale, Store};

/// How many writes wait at once while a book is filled: as many as share a transaction, and as many again.
const AT_ONCE: usize = 512;

/// A book.
pub struct Book {
    path: PathBuf,
}

impl Book {
    /// An empty one.
    ///
    /// # Errors
    /// When the database cannot be started.
    pub fn new(ground: &Ground, store: Store) -> Result<Book> {
        match store {
            Store::Sqlite => Ok(Book { path: ground.path("books").join("hub.db") }),
        }
    }

    /// Its name in reports.
    pub fn name(&self) -> &'static str {
        "sqlite"
    }

    /// Where it is, as the hub's configuration says it.
    pub fn location(&self) -> String {
        self.path.display().to_string()
    }

    /// The load tool, and the database where it is a process of its own.
    pub fn crew(&self) -> Crew {
        Crew::new()
    }

    fn open(&self) -> Result<HubStore> {
        HubStore::open(&self.path, StoreOptions::default()).context("cannot open the hub's store")
    }
}

/// Fills a book, and leaves it to whoever opens it next.
///
/// # Errors
/// When the store fails.
pub async fn fill(book: &Book, operations: &Arc<Operations>, scale: &Scale) -> Result<()> {
    let store = book.open()?;
    let closed = store.closed();
    lodge(&store, operations, scale.filings).await?;
    drop(store);
    closed.wait().await;
    Ok(())
}

async fn lodge(store: &HubStore, operations: &Arc<Operations>, filings: u64) -> Result<()> {
    let next = Arc::new(AtomicU64::new(0));
    let lodging = Lodging { by: "benchmark".to_owned(), at: Timestamp::now() };
    let lanes: Vec<_> = (0..AT_ONCE)
        .map(|_| {
            let (store, operations, next, lodging) = (store.clone(), operations.clone(), next.clone(), lodging.clone());
            tokio::spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= filings {
                        return anyhow::Ok(());
                    }
                    store.filing_lodge(operations.filing(number)?, lodging.clone()).await?;
                }
            })
        })
        .collect();
    for lane in lanes {
        lane.await.context("a task that fills the book died")??;
    }
    Ok(())
}
