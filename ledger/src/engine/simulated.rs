//! A store in memory whose commits somebody else decides about: the simulator. The same statements on the same SQLite,
//! run inline on the simulator's own runtime, so that a seed gives the same run every time.

use std::fmt;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;
use tokio::sync::{mpsc, watch};

use super::job::{Job, Ran};
use super::lane::{self, Database};
use super::numbers::Numbers;
use super::schema::{self, Migrated, Schema};
use super::sql::Sql;
use super::sqlite::{roll_back, run_word};
use crate::store::StoreError;

/// Work that the simulator runs as part of a node, and ends when it kills the node.
pub type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What goes wrong with a simulated store. Every method may wait as long as it likes; a node that is killed meanwhile
/// keeps or loses its commit accordingly.
pub trait Faults: Send + Sync {
    /// Starts the store's writer as part of its node.
    fn spawn(&self, task: Task);
    /// Before so many writes are committed together.
    fn before_commit(&self, writes: usize) -> Pin<Box<dyn Future<Output = Commit> + Send + '_>>;
    /// After a commit, before anybody is told.
    fn after_commit(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
    /// Before a read.
    fn before_read(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// How a commit goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commit {
    /// Well.
    Counts,
    /// It fails, and nothing is kept.
    Fails,
    /// It is kept, and said to have failed.
    CountsAndSaysNo,
}

/// The disk of a simulated node: what was committed on it outlives the node. Clones share it.
#[derive(Clone)]
pub struct Disk {
    connection: Arc<Mutex<Connection>>,
    faults: Arc<dyn Faults>,
}

impl Disk {
    /// An empty disk.
    ///
    /// # Errors
    /// When SQLite has no memory.
    pub fn new(faults: Arc<dyn Faults>) -> Result<Disk, StoreError> {
        let connection = Connection::open_in_memory()?;
        Disk::with(connection, faults)
    }

    /// A disk that holds what a file does, as [`Disk::copy`] left it there.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn of_copy(file: &Path, faults: Arc<dyn Faults>) -> Result<Disk, StoreError> {
        Disk::with(Connection::open(file)?, faults)
    }

    /// Copies what is committed into a file that is not there yet, as a backup does.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn copy(&self, file: &Path) -> Result<(), StoreError> {
        self.lock().execute("VACUUM INTO ?1", [file.to_string_lossy()])?;
        Ok(())
    }

    /// Does to the disk what no node would: for tests of what is found then.
    ///
    /// # Errors
    /// When a statement fails.
    #[cfg(feature = "testing")]
    pub(crate) fn damage(&self, statements: &str) -> Result<(), StoreError> {
        self.lock().execute_batch(statements)?;
        Ok(())
    }

    fn with(connection: Connection, faults: Arc<dyn Faults>) -> Result<Disk, StoreError> {
        connection
            .execute_batch("PRAGMA foreign_keys = ON; PRAGMA recursive_triggers = ON; PRAGMA synchronous = OFF;")?;
        connection.set_prepared_statement_cache_capacity(256);
        Ok(Disk { connection: Arc::new(Mutex::new(connection)), faults })
    }

    pub(super) fn migrate(&self, schema: &Schema) -> Result<Migrated, StoreError> {
        schema::migrate_sqlite(&self.lock(), schema)
    }

    pub(super) async fn read<T>(&self, query: impl FnOnce(&Sql<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.faults.before_read().await;
        query(&Sql::sqlite(&self.lock()))
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        // Every holder ends its transaction before it lets go, also when it panics.
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Disk")
    }
}

pub(super) fn start(
    disk: &Disk,
    schema: &'static Schema,
    mut waiting: mpsc::Receiver<Box<dyn Job>>,
    ending: watch::Sender<()>,
) -> Result<(), StoreError> {
    disk.migrate(schema)?;
    let numbers = Numbers::default();
    schema::number_sqlite(&disk.lock(), schema, &numbers)?;
    let disk = disk.clone();
    let faults = disk.faults.clone();
    faults.spawn(Box::pin(async move {
        while let Some(batch) = lane::next(&mut waiting).await {
            let outcome = disk.faults.before_commit(batch.len()).await;
            let told = {
                let connection = &disk.lock();
                lane::commit_untold(&mut Writer { connection, numbers: &numbers, outcome }, batch)
            };
            disk.faults.after_commit().await;
            told.into_iter().for_each(|(job, committed)| job.finish(committed));
        }
        drop(ending);
    }));
    Ok(())
}

struct Writer<'a> {
    connection: &'a Connection,
    numbers: &'a Numbers,
    outcome: Commit,
}

impl Database for Writer<'_> {
    fn begin(&mut self) -> Result<(), StoreError> {
        run_word(self.connection, "BEGIN IMMEDIATE")
    }

    fn run(&mut self, work: &mut dyn FnMut(&Sql<'_>) -> Result<Ran, StoreError>) -> Result<Ran, StoreError> {
        work(&Sql::sqlite(self.connection).numbered(self.numbers))
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        match self.outcome {
            Commit::Counts => run_word(self.connection, "COMMIT"),
            Commit::Fails => Err(StoreError::Simulated),
            Commit::CountsAndSaysNo => {
                run_word(self.connection, "COMMIT")?;
                Err(StoreError::Simulated)
            }
        }
    }

    fn roll_back(&mut self) {
        roll_back(self.connection);
    }
}
