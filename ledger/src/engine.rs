//! What carries every store: the same statements on SQLite and on PostgreSQL. One writer commits whatever waits in one
//! transaction; reads run beside it. It knows nothing of what the tables mean. Used by the stores of this crate alone.
//!
//! | look in | for |
//! |---|---|
//! | [`Location`] | where a store is, as an operator writes it |
//! | [`Schema`] | its tables, version by version, and what brings a database to the newest |
//! | [`Sql`], [`Value`], [`Row`] | a statement, what goes into it and what comes back |
//! | `job` | one write that waits, whatever it writes |
//! | `express` | many writes of a known kind in one statement, on PostgreSQL |
//! | `aside` | long work beside whoever writes |
//! | `numbers` | the places in a book that several processes write |
//! | `lane` | what every writer does with a batch; `sqlite`, `postgres` and `simulated` are the three there are |
//!
//! One text serves both databases. It is written for SQLite: `?1` numbers what goes in, `INTEGER`, `TEXT` and `BLOB` are
//! the only types, and a list goes in as JSON, to be read with `json_each(?1)`. `dialect` says it to PostgreSQL.

mod aside;
mod dialect;
mod express;
mod job;
mod lane;
mod location;
mod numbers;
mod postgres;
mod row;
mod schema;
mod simulated;
mod sql;
mod sqlite;
#[cfg(all(test, feature = "testing"))]
mod tests;
mod value;

use std::convert::Infallible;

use tokio::sync::{mpsc, watch};

pub(crate) use aside::{Aside, Steps};
pub(crate) use express::{Express, List, Session};
pub(crate) use job::{Job, Known, Work};
pub use location::{Location, LocationFault};
pub(crate) use numbers::first_place;
pub use row::Row;
pub use schema::{Fence, Migrated, Schema, Version, migrate};
pub use simulated::{Commit, Disk, Faults, Task};
pub use sql::Sql;
pub use value::{Value, list};

use crate::store::{StoreError, StoreOptions};
use aside::Asked;
use job::Write;
use lane::LONGEST_QUEUE;

/// A store that is open. Clones share it; it closes when the last one is gone.
#[derive(Clone)]
pub struct Engine {
    /// Dropped before the queue, which is the order of the fields: the writer is to be the last to let go of the file.
    reads: Reads,
    queue: mpsc::Sender<Box<dyn Job>>,
    asked: Asked,
    ended: watch::Receiver<()>,
}

#[derive(Clone)]
enum Reads {
    Sqlite(sqlite::Readers),
    Postgres(postgres::Readers),
    Simulated(Disk),
}

/// The end of a store's writer, to be waited for by whoever wants to open the store again.
pub struct Closed(watch::Receiver<()>);

impl Closed {
    /// Returns once the writer has ended and given up the store. The caller's own handle must be gone before.
    pub async fn wait(mut self) {
        // Nothing is ever sent: the sender goes away with the writer.
        while self.0.changed().await.is_ok() {}
    }
}

impl Engine {
    /// Opens a store and starts its writer. A file is made and brought to the newest version; a PostgreSQL database is
    /// never migrated here, and may be newer than this program.
    ///
    /// # Errors
    /// When it cannot be opened, is older than this program, or somebody else writes to it.
    pub fn open(location: &Location, schema: &'static Schema, options: &StoreOptions) -> Result<Engine, StoreError> {
        Engine::open_with(location, schema, options, None)
    }

    /// The same for a store that knows writes to be carried out together.
    pub(crate) fn open_with(
        location: &Location,
        schema: &'static Schema,
        options: &StoreOptions,
        express: Option<Box<dyn Express>>,
    ) -> Result<Engine, StoreError> {
        let (queue, waiting) = mpsc::channel(LONGEST_QUEUE);
        let (ending, ended) = watch::channel(());
        let reads = match location {
            Location::File(path) => {
                let handle = sqlite::start(path, schema, options, waiting, ending)?;
                Reads::Sqlite(sqlite::Readers::open(path, handle)?)
            }
            Location::Postgres(database) => {
                postgres::start(database, schema, options, express, waiting, ending)?;
                Reads::Postgres(postgres::Readers::new(database.clone()))
            }
            Location::Simulated(disk) => {
                simulated::start(disk, schema, waiting, ending)?;
                Reads::Simulated(disk.clone())
            }
        };
        Ok(Engine { queue, asked: Asked::default(), reads, ended })
    }

    /// Opens a store to look at it, beside a process that may be writing to it: every write fails.
    ///
    /// # Errors
    /// When it is not there, cannot be opened, or is older than this program.
    pub fn open_to_look(location: &Location, schema: &'static Schema) -> Result<Engine, StoreError> {
        let reads = match location {
            Location::File(path) => Reads::Sqlite(sqlite::open_to_look(path, schema)?),
            Location::Postgres(database) => {
                postgres::ensure_served(database, schema)?;
                Reads::Postgres(postgres::Readers::new(database.clone()))
            }
            Location::Simulated(disk) => Reads::Simulated(disk.clone()),
        };
        let ((queue, _), (_, ended)) = (mpsc::channel(1), watch::channel(()));
        Ok(Engine { queue, asked: Asked::default(), reads, ended })
    }

    /// The end of the writer, which comes when the last handle is gone.
    pub fn closed(&self) -> Closed {
        Closed(self.ended.clone())
    }

    /// Carries out a write, and returns once it is durable. The work must not depend on having run only once: when a
    /// neighbour in its batch fails, the batch is rolled back and each write is tried alone.
    ///
    /// # Errors
    /// When a statement fails or the work panics (nothing was changed), the commit fails (whether it counts is then
    /// unknown, and to be read back by key), or the store is closing.
    pub async fn write<T, F>(&self, mut work: F) -> Result<T, StoreError>
    where
        F: FnMut(&Sql<'_>) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        let kept: Result<T, Infallible> = self.change(move |sql| work(sql).map(Ok)).await?;
        kept.map_err(|never| match never {})
    }

    /// Carries out a change that its own work may refuse. What it refuses leaves nothing behind, though its neighbours
    /// in the batch are kept. Refuse before the first statement that writes: anything later costs the batch.
    ///
    /// # Errors
    /// As [`Engine::write`].
    pub async fn change<T, R, F>(&self, work: F) -> Result<Result<T, R>, StoreError>
    where
        F: FnMut(&Sql<'_>) -> Result<Result<T, R>, StoreError> + Send + 'static,
        T: Send + 'static,
        R: Send + 'static,
    {
        let (job, answer) = Write::new(work);
        self.asked.one_more();
        self.queue.send(Box::new(job)).await.map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// Carries out a write of a known kind, and returns once it is durable.
    ///
    /// # Errors
    /// As [`Engine::write`].
    pub(crate) async fn carry_out<W: Work>(&self, work: W) -> Result<W::Done, StoreError> {
        let (job, answer) = Known::new(work);
        self.asked.one_more();
        self.queue.send(Box::new(job)).await.map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// Whether other processes may write to the store while this one does.
    pub fn is_shared(&self) -> bool {
        match &self.reads {
            Reads::Sqlite(_) | Reads::Simulated(_) => false,
            Reads::Postgres(_) => true,
        }
    }

    /// Reads in one snapshot of the store.
    ///
    /// # Errors
    /// When a statement fails, the query panics, or the process is stopping.
    pub async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Sql<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        match &self.reads {
            Reads::Sqlite(readers) => readers.read(query).await,
            Reads::Postgres(readers) => readers.read(query).await,
            Reads::Simulated(disk) => disk.read(query).await,
        }
    }
}
