//! The hub's book as the hub stage finds it: in which database, and filled with filings and settlements before the hub
//! starts, through the store's own calls.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use ledger::engine::{Location, migrate};
use ledger::hub::{Answer, Answering, HubStore, Lodging, Receipt, Received, SCHEMA, Verdict};
use ledger::store::StoreOptions;
use ledger::testing::PrivatePostgres;
use proto::convert;
use settlement::postings::Booking;
use settlement::region::RegionTable;

use super::crew::{Crew, DATABASE, Member};
use super::ground::{Ground, HOME, pool};
use super::operations::Operations;
use super::settle::{Scale, Store};

/// How many writes wait at once while a book is filled: as many as share a transaction, and as many again.
const AT_ONCE: usize = 512;
/// How many filings go into one transaction.
const FILINGS_AT_ONCE: u64 = 10_000;
const SQLITE: &str = "sqlite";
/// The name of a hub whose book is in PostgreSQL.
pub const POSTGRES: &str = "postgres";
/// What the name of a hub ends with whose book holds settlements beforehand.
pub const STORED: &str = "_stored";

/// A book.
#[derive(Clone)]
pub struct Book {
    name: String,
    location: String,
    server: Option<u32>,
    stored: u64,
}

impl Book {
    /// The books to be measured: in each database an empty one, and one that is not where settlements are to be stored.
    ///
    /// # Errors
    /// When a database cannot be made.
    pub fn all(ground: &Ground, postgres: Option<&Arc<PrivatePostgres>>, scale: &Scale) -> Result<Vec<Book>> {
        let mut books = Vec::new();
        for store in scale.stores() {
            books.push(Book::new(ground, postgres, store, 0)?);
            if scale.stored > 0 {
                books.push(Book::new(ground, postgres, store, scale.stored)?);
            }
        }
        Ok(books)
    }

    fn new(ground: &Ground, postgres: Option<&Arc<PrivatePostgres>>, store: Store, stored: u64) -> Result<Book> {
        let suffix = if stored > 0 { STORED } else { "" };
        match store {
            Store::Sqlite => {
                let name = format!("{SQLITE}{suffix}");
                let location = ground.path("books").join(format!("{name}.db")).display().to_string();
                Ok(Book { name, location, server: None, stored })
            }
            Store::Postgres => {
                let server = postgres.context("no PostgreSQL was started")?;
                let name = format!("{POSTGRES}{suffix}");
                Ok(Book { name, location: migrated(server)?, server: server.pid(), stored })
            }
        }
    }

    /// A book that somebody else has filled, with entries of other home regions than those that are measured.
    pub fn filled(name: &str, location: String, server: Option<u32>) -> Book {
        Book { name: name.to_owned(), location, server, stored: 0 }
    }

    /// Its name in reports.
    pub fn name(&self) -> String {
        self.name.clone()
    }

    /// How many settlements it is filled with.
    pub fn stored(&self) -> u64 {
        self.stored
    }

    /// Where it is, as the hub's configuration says it.
    pub fn location(&self) -> String {
        self.location.clone()
    }

    /// The load tool, and the database where it is a process of its own.
    pub fn crew(&self) -> Crew {
        let crew = Crew::new();
        self.server.iter().fold(crew, |crew, server| crew.with(DATABASE, Member::Family(*server)))
    }

    /// How many hubs may have it open.
    pub fn hubs(&self, wanted: usize) -> usize {
        if self.server.is_some() { wanted } else { 1 }
    }

    /// Fills it, and leaves it to whoever opens it next.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn fill(self, regions: Arc<RegionTable>, operations: Arc<Operations>, filings: u64) -> Result<()> {
        let location: Location = self.location.parse()?;
        let store = HubStore::open(&location, &StoreOptions::default()).context("cannot open the hub's store")?;
        let closed = store.closed();
        lodge(&store, &operations, filings).await?;
        settle(&store, regions, &operations, self.stored).await?;
        drop(store);
        closed.wait().await;
        Ok(())
    }
}

/// A database with the hub's tables, and where the role connects that owns nothing in it.
fn migrated(server: &PrivatePostgres) -> Result<String> {
    let database = server.database()?;
    migrate(&database.owner_url.parse()?, &SCHEMA, Some(&database.app_role)).context("cannot make the hub's tables")?;
    Ok(database.app_url)
}

async fn lodge(store: &HubStore, operations: &Operations, filings: u64) -> Result<()> {
    let lodging = Lodging { by: "benchmark".to_owned(), at: Timestamp::now() };
    let mut from = 0;
    while from < filings {
        let to = filings.min(from + FILINGS_AT_ONCE);
        let page = (from..to).map(|number| operations.filing(number)).collect::<Result<Vec<_>>>()?;
        store.filing_load(page, lodging.clone()).await.context("filings could not be lodged")?;
        from = to;
    }
    Ok(())
}

/// What the hub itself does with an operation and its answer, but for the wire.
async fn settle(store: &HubStore, regions: Arc<RegionTable>, operations: &Arc<Operations>, stored: u64) -> Result<()> {
    let (store, operations) = (store.clone(), operations.clone());
    each(stored, move |number| {
        let (store, operations, regions) = (store.clone(), operations.clone(), regions.clone());
        async move { store_settlement(&store, &operations, regions, number).await }
    })
    .await
}

async fn store_settlement(
    store: &HubStore,
    operations: &Operations,
    regions: Arc<RegionTable>,
    number: u64,
) -> Result<()> {
    let (bytes, given) = operations.stored(number)?;
    let operation = Arc::new(convert::read_operation(&bytes)?);
    let outcome = convert::read_outcome(&given)?;
    let received_at = Timestamp::now();
    let receipt = Receipt { operation: operation.clone(), bytes, received_at, regions };
    let Received::Fresh(fresh) = store.operation_receive(receipt).await? else {
        anyhow::bail!("settlement {number} is in the book already")
    };
    let booking = Booking::of(&operation, &outcome);
    let answer =
        Answer { outcome: given, verdict: Verdict::of(&outcome), book_seq: number + 1, answered_at: received_at };
    let kept = store.operation_answer(fresh.position, pool(HOME)?, answer, booking).await?;
    ensure!(kept == Answering::Kept, "the answer to settlement {number} is not kept");
    Ok(())
}

/// Does something for each of so many numbers, many at once.
async fn each<F>(count: u64, work: impl Fn(u64) -> F + Send + Sync + 'static) -> Result<()>
where
    F: Future<Output = Result<()>> + Send,
{
    let (next, work) = (Arc::new(AtomicU64::new(0)), Arc::new(work));
    let lanes: Vec<_> = (0..AT_ONCE)
        .map(|_| {
            let (next, work) = (next.clone(), work.clone());
            tokio::spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        return anyhow::Ok(());
                    }
                    work(number).await?;
                }
            })
        })
        .collect();
    for lane in lanes {
        lane.await.context("a task that fills the book died")??;
    }
    Ok(())
}
