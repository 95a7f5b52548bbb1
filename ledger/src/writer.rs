//! Every write to a store goes through its one writer thread, which commits whatever waits in one transaction and
//! only then wakes the waiters. No timer: the commit before is the window in which the next batch gathers.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::{mpsc, oneshot, watch};

use crate::store::{self, Migrations, StoreError, StoreOptions};

/// At most this many writes share a transaction; beyond it a batch costs latency and saves nothing.
const LARGEST_BATCH: usize = 256;
/// At most this many writes wait. Callers bound what is in flight well below it.
const LONGEST_QUEUE: usize = 4096;
/// How often the log is checkpointed, on a connection of its own, so that no commit waits for it.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(1);

/// The handle of a writer thread. Clones share it; the thread ends when the last one is gone.
#[derive(Clone)]
pub struct Writer {
    queue: mpsc::Sender<Box<dyn Job>>,
    ended: watch::Receiver<()>,
}

/// The end of a writer thread, to be waited for by whoever wants to open the store again.
pub struct Closed(watch::Receiver<()>);

impl Closed {
    /// Returns once the thread has ended and given up the store's lock. The caller's own handle must be gone before.
    pub async fn wait(mut self) {
        // Nothing is ever sent: the sender goes away with the thread.
        while self.0.changed().await.is_ok() {}
    }
}

/// One write that waits: run inside a transaction, maybe more than once, then told how the commit went.
trait Job: Send {
    fn run(&mut self, transaction: &Transaction<'_>) -> Result<(), StoreError>;
    fn finish(self: Box<Self>, committed: Result<(), StoreError>);
}

struct Write<F, T> {
    work: F,
    result: Option<T>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<F, T> Job for Write<F, T>
where
    F: FnMut(&Transaction<'_>) -> Result<T, StoreError> + Send,
    T: Send,
{
    fn run(&mut self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        self.result = Some((self.work)(transaction)?);
        Ok(())
    }

    fn finish(self: Box<Self>, committed: Result<(), StoreError>) {
        let Write { work: _, result, reply } = *self;
        let result = committed.and_then(|()| result.ok_or(StoreError::Closed));
        // A caller that has gone away loses its answer, not its write: it will ask again by key.
        let _ = reply.send(result);
    }
}

impl Writer {
    /// Opens the store's file, brings it to the newest version and starts the thread.
    ///
    /// # Errors
    /// When the file cannot be opened, or another process writes to it.
    pub fn open(path: &Path, migrations: Migrations, options: StoreOptions) -> Result<Writer, StoreError> {
        let lock = store::lock(path)?;
        let connection = store::open_for_writing(path, migrations)?;
        let (queue, waiting) = mpsc::channel(LONGEST_QUEUE);
        let checkpointer = start_checkpointer(path.to_owned());
        let (ending, ended) = watch::channel(());
        let thread = Thread { connection, waiting, options, _checkpointer: checkpointer, _lock: lock, _ending: ending };
        thread::Builder::new()
            .name("ledger-writer".into())
            .spawn(move || thread.run())
            .map_err(|source| StoreError::Folder { path: path.to_owned(), source })?;
        Ok(Writer { queue, ended })
    }

    /// The end of the thread, which comes when the last handle is gone.
    pub fn closed(&self) -> Closed {
        Closed(self.ended.clone())
    }

    /// Carries out a write, and returns once it is durable. The work must not depend on having run only once: when
    /// a neighbour in its batch fails, the batch is rolled back and each write is tried alone.
    ///
    /// # Errors
    /// When a statement fails or the work panics (nothing was changed), or the writer has stopped.
    pub async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        F: FnMut(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Write { work, result: None, reply });
        self.queue.send(job).await.map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }
}

struct Thread {
    connection: Connection,
    waiting: mpsc::Receiver<Box<dyn Job>>,
    options: StoreOptions,
    _checkpointer: SyncSender<()>,
    _lock: File,
    /// Dropped after the lock, which is the order of the fields.
    _ending: watch::Sender<()>,
}

impl Thread {
    fn run(mut self) {
        let mut batch = Vec::with_capacity(LARGEST_BATCH);
        while self.waiting.blocking_recv_many(&mut batch, LARGEST_BATCH) > 0 {
            self.commit(std::mem::take(&mut batch));
        }
    }

    fn commit(&mut self, mut batch: Vec<Box<dyn Job>>) {
        let Err(fault) = self.try_commit(&mut batch) else {
            return batch.into_iter().for_each(|job| job.finish(Ok(())));
        };
        match batch.len() {
            1 => batch.remove(0).finish(Err(fault)),
            _ => batch.into_iter().for_each(|job| self.commit(vec![job])),
        }
    }

    fn try_commit(&mut self, batch: &mut [Box<dyn Job>]) -> Result<(), StoreError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for job in batch {
            // The thread is everybody's: a fault in one piece of work must not end it. Nothing half-done stays behind,
            // since the transaction is rolled back and a job starts afresh when it runs again.
            catch_unwind(AssertUnwindSafe(|| job.run(&transaction))).unwrap_or(Err(StoreError::Panicked))?;
        }
        if !self.options.commit_delay.is_zero() {
            thread::sleep(self.options.commit_delay);
        }
        Ok(transaction.commit()?)
    }
}

fn start_checkpointer(path: PathBuf) -> SyncSender<()> {
    let (stop, stopped) = sync_channel::<()>(0);
    thread::spawn(move || {
        let connection = Connection::open(&path).ok();
        while stopped.recv_timeout(CHECKPOINT_EVERY) == Err(RecvTimeoutError::Timeout) {
            if let Some(connection) = &connection
                && let Err(fault) = connection.execute_batch("PRAGMA wal_checkpoint(PASSIVE)")
            {
                tracing::warn!(error = %fault, "the write-ahead log could not be checkpointed");
            }
        }
    });
    stop
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::append_only;

    const SCHEMA: Migrations = &[concat!(
        "CREATE TABLE entries (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;",
        append_only!("entries")
    )];

    fn insert(id: i64) -> impl FnMut(&Transaction<'_>) -> Result<usize, StoreError> + Send + 'static {
        move |tx| Ok(tx.execute("INSERT INTO entries VALUES (?1, 'x')", [id])?)
    }

    fn count(path: &Path) -> i64 {
        let connection = Connection::open(path).expect("the file is there");
        connection.query_row("SELECT COUNT(*) FROM entries", [], |row| row.get(0)).expect("a count")
    }

    #[tokio::test]
    async fn a_poisoned_write_fails_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("store.db");
        let options = StoreOptions { commit_delay: Duration::from_millis(20), ..StoreOptions::default() };
        let writer = Writer::open(&path, SCHEMA, options).expect("a store");
        let writes: Vec<_> = [1, 2, 1, 3]
            .map(|id| {
                tokio::spawn({
                    let writer = writer.clone();
                    async move { writer.write(insert(id)).await.is_ok() }
                })
            })
            .into();
        let mut done = Vec::new();
        for write in writes {
            done.push(write.await.expect("no panic"));
        }
        assert_eq!(done.iter().filter(|ok| **ok).count(), 3, "only the second 1 fails");
        assert_eq!(count(&path), 3);
    }

    #[tokio::test]
    async fn a_panicking_write_fails_alone_and_the_writer_lives_on() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("store.db");
        let options = StoreOptions { commit_delay: Duration::from_millis(20), ..StoreOptions::default() };
        let writer = Writer::open(&path, SCHEMA, options).expect("a store");
        let poisoned = |tx: &Transaction<'_>| -> Result<(), StoreError> {
            tx.execute("INSERT INTO entries VALUES (9, 'x')", [])?;
            panic!("a fault of ours")
        };
        let (first, panicked, second) =
            tokio::join!(writer.write(insert(1)), writer.write(poisoned), writer.write(insert(2)));
        assert!(matches!(panicked, Err(StoreError::Panicked)));
        assert_eq!((first.expect("a neighbour"), second.expect("a neighbour")), (1, 1));
        writer.write(insert(3)).await.expect("a later write");
        assert_eq!(count(&path), 3, "nothing of the panicking write stays");
    }

    #[tokio::test]
    async fn the_database_refuses_to_change_the_journal() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("store.db");
        let writer = Writer::open(&path, SCHEMA, StoreOptions::default()).expect("a store");
        writer.write(insert(1)).await.expect("a first entry");
        for statement in
            ["UPDATE entries SET text = 'y'", "DELETE FROM entries", "REPLACE INTO entries VALUES (1, 'y')"]
        {
            let refused = writer.write(move |tx| Ok(tx.execute(statement, [])?)).await;
            assert!(matches!(refused, Err(StoreError::Sql(_))), "{statement}");
        }
    }

    #[tokio::test]
    async fn a_store_has_one_writer() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("store.db");
        let _writer = Writer::open(&path, SCHEMA, StoreOptions::default()).expect("a store");
        assert!(matches!(Writer::open(&path, SCHEMA, StoreOptions::default()), Err(StoreError::InUse(_))));
    }
}
