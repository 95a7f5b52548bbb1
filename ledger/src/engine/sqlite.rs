//! SQLite: one file, one writer thread, a few read-only connections. What the writer promises is durable when the
//! write-ahead log is on the disk (`synchronous = FULL`).

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::types::{ToSqlOutput, Value as Owned, ValueRef};
use rusqlite::{CachedStatement, Connection, OpenFlags, ToSql};
use tokio::sync::{Semaphore, mpsc, watch};

use super::job::{Job, Ran};
use super::lane::{self, Database, Teller};
use super::numbers::Numbers;
use super::row::{Cells, Row};
use super::schema::{self, Schema};
use super::sql::Sql;
use super::value::Value;
use crate::store::{StoreError, StoreOptions, lock};

/// How often the log is checkpointed, on a connection of its own, so that no commit waits for it. Often, so that little
/// goes to the disk at a time: what a second of full load left was a flood behind which commits waited for 70 to 95 ms.
const CHECKPOINT_EVERY: Duration = Duration::from_millis(100);
/// A log of so many pages of 4 KiB is begun again from its start. Under steady load the checkpointer never quite catches
/// up with the writer, so the writer folds the rest in itself, between two commits, once there is little left. Those
/// commits wait for the rest to be on the disk: seldom enough that one settlement in a hundred at most meets it (256 MiB
/// of log are 5 seconds of 8,000 settlements).
const LONGEST_LOG: i64 = 65_536;
/// Folding what came in while the one before was under way takes ever less time, down to this; then little is left.
const SHORTEST_FOLD: Duration = Duration::from_millis(20);
/// At most so many folds in a row.
const FOLDS: usize = 8;
/// How many reads run at once: enough to keep two cores busy, few enough to keep the page caches small.
const READERS: usize = 4;

/// Opens a file for writing, brings it to the newest version and starts its writer thread. The handle is for
/// [`Readers::open`].
pub(super) fn start(
    path: &Path,
    schema: &'static Schema,
    options: &StoreOptions,
    waiting: mpsc::Receiver<Box<dyn Job>>,
    ending: watch::Sender<()>,
) -> Result<Handle, StoreError> {
    let lock = lock(path)?;
    let connection = open_for_writing(path, schema, options)?;
    let handle = Handle::open(path)?;
    let log_is_long = Arc::new(AtomicBool::new(false));
    let checkpointer = start_checkpointer(path.to_owned(), handle.clone(), log_is_long.clone());
    let numbers = Numbers::default();
    schema::number_sqlite(&connection, schema, &numbers)?;
    let mut writer = Writer { connection, numbers, log_is_long, commit_delay: options.commit_delay };
    let teller = Teller::here();
    let own_handle = handle.clone();
    let thread = move || {
        lane::run(&mut writer, waiting, &teller);
        // In this order: whoever closes last folds the log into the file, and whoever waits for the end opens it again.
        drop(checkpointer);
        drop(writer);
        drop(own_handle);
        drop(lock);
        drop(ending);
    };
    let spawned = thread::Builder::new().name("ledger-writer".into()).spawn(thread);
    spawned.map_err(|source| StoreError::Folder { path: path.to_owned(), source })?;
    Ok(handle)
}

/// The readers of a file that is there and has the newest version; it is neither made nor changed.
pub(super) fn open_to_look(path: &Path, schema: &Schema) -> Result<Readers, StoreError> {
    let readers = Readers::open(path, Handle::open(path)?)?;
    let found = readers.version().map_err(|source| StoreError::Open { path: path.to_owned(), source })?;
    readers.ensure_own(schema, found)?;
    let needed = schema.versions.len();
    if found < needed {
        return Err(StoreError::Older { database: path.display().to_string(), found, needed });
    }
    Ok(readers)
}

/// A handle on the file itself, to have what was folded in written to the disk. Whoever has a connection to the file keeps
/// this for longer: closing any handle of a file gives up the locks that a process holds on it.
#[derive(Clone)]
pub(super) struct Handle(Arc<File>);

impl Handle {
    fn open(path: &Path) -> Result<Handle, StoreError> {
        let file = File::open(path).map_err(|source| StoreError::Folder { path: path.to_owned(), source })?;
        Ok(Handle(Arc::new(file)))
    }

    fn write_back(&self) {
        if let Err(fault) = self.0.sync_data() {
            tracing::warn!(error = %fault, "what was checkpointed could not be written back");
        }
    }
}

// The writer's page cache is 16 MiB. A larger one costs more than it saves: whenever a B-tree's page splits, SQLite looks
// through its whole table of cached pages at the commit (pages change numbers by way of the locking page, which lies
// far behind the file's end), and what is not cached is in the kernel's memory.
fn open_for_writing(path: &Path, schema: &Schema, options: &StoreOptions) -> Result<Connection, StoreError> {
    let opened = |source| StoreError::Open { path: path.to_owned(), source };
    let connection = Connection::open(path).map_err(opened)?;
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
             PRAGMA recursive_triggers = ON; PRAGMA wal_autocheckpoint = 0; PRAGMA busy_timeout = 5000;
             PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY;",
        )
        .map_err(opened)?;
    connection.set_prepared_statement_cache_capacity(256);
    schema::migrate_sqlite(&connection, schema)?;
    if let Some(pages) = options.max_pages {
        connection.pragma_update(None, "max_page_count", pages).map_err(opened)?;
    }
    Ok(connection)
}

struct Writer {
    connection: Connection,
    numbers: Numbers,
    log_is_long: Arc<AtomicBool>,
    commit_delay: Duration,
}

impl Database for Writer {
    fn begin(&mut self) -> Result<(), StoreError> {
        if self.log_is_long.swap(false, Ordering::Relaxed) {
            let _all = checkpoint(&self.connection);
        }
        run_word(&self.connection, "BEGIN IMMEDIATE")
    }

    fn run(&mut self, work: &mut dyn FnMut(&Sql<'_>) -> Result<Ran, StoreError>) -> Result<Ran, StoreError> {
        work(&Sql::sqlite(&self.connection).numbered(&self.numbers))
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        if !self.commit_delay.is_zero() {
            thread::sleep(self.commit_delay);
        }
        run_word(&self.connection, "COMMIT")
    }

    fn roll_back(&mut self) {
        roll_back(&self.connection);
    }
}

/// Ends a transaction that is to leave nothing behind. A full disk ends it by itself.
pub(super) fn roll_back(connection: &Connection) {
    if !connection.is_autocommit()
        && let Err(fault) = run_word(connection, "ROLLBACK")
    {
        tracing::error!(error = &fault as &dyn std::error::Error, "a transaction could not be rolled back");
    }
}

pub(super) fn run_word(connection: &Connection, word: &str) -> Result<(), StoreError> {
    connection.prepare_cached(word)?.execute([])?;
    Ok(())
}

/// The thread that folds the log into the file from time to time. Dropping this waits for its end.
struct Checkpointer {
    stop: Option<SyncSender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        drop(self.stop.take());
        // It has nothing to say but that it has ended.
        let _ = self.thread.take().map(thread::JoinHandle::join);
    }
}

fn start_checkpointer(path: PathBuf, handle: Handle, log_is_long: Arc<AtomicBool>) -> Checkpointer {
    let (stop, stopped) = sync_channel::<()>(0);
    let thread = thread::spawn(move || {
        let connection = Connection::open(&path).ok();
        let mut before = Fold::default();
        while stopped.recv_timeout(CHECKPOINT_EVERY) == Err(RecvTimeoutError::Timeout) {
            if let Some(connection) = &connection {
                log_is_long.store(is_long_and_nearly_folded(connection, &handle, &mut before), Ordering::Relaxed);
            }
        }
        drop(connection);
        drop(handle);
    });
    Checkpointer { stop: Some(stop), thread: Some(thread) }
}

/// Checkpoints until little is left to be folded. Tells whether that was reached, and the log is worth beginning again.
///
/// SQLite itself has what was folded written back only when nothing at all is left to be folded, which under load is when
/// the writer folds in the rest: everything since the log began, while all commits wait, for a tenth of a second and more.
fn is_long_and_nearly_folded(connection: &Connection, handle: &Handle, before: &mut Fold) -> bool {
    for _ in 0..FOLDS {
        let begun = Instant::now();
        let fold = checkpoint(connection);
        if std::mem::replace(before, fold) != fold {
            handle.write_back();
        }
        if fold.log <= LONGEST_LOG {
            return false;
        }
        if begun.elapsed() < SHORTEST_FOLD {
            return true;
        }
    }
    false
}

/// How far a checkpoint has come, in pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Fold {
    /// The length of the log.
    log: i64,
    /// How much of it is in the file.
    folded: i64,
}

/// Folds into the file what nobody needs in the log any more, waiting for nobody.
fn checkpoint(connection: &Connection) -> Fold {
    let read = |row: &rusqlite::Row<'_>| Ok(Fold { log: row.get(1)?, folded: row.get(2)? });
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], read).unwrap_or_else(|fault| {
        tracing::warn!(error = %fault, "the write-ahead log could not be checkpointed");
        Fold::default()
    })
}

pub(super) fn execute(connection: &Connection, text: &str, values: &[Value<'_>]) -> Result<u64, StoreError> {
    let mut statement = prepare(connection, text, values)?;
    let changed = statement.raw_execute()?;
    Ok(changed as u64)
}

pub(super) fn execute_each<const N: usize>(
    connection: &Connection,
    text: &str,
    rows: &[[Value<'_>; N]],
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(text)?;
    rows.iter().try_for_each(|row| {
        bind(&mut statement, row)?;
        statement.raw_execute()?;
        Ok(())
    })
}

pub(super) fn query<T>(
    connection: &Connection,
    text: &str,
    values: &[Value<'_>],
    mut read: impl FnMut(Row<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut statement = prepare(connection, text, values)?;
    let mut rows = statement.raw_query();
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.push(read(Row(Cells::Sqlite(row)))?);
    }
    Ok(all)
}

pub(super) fn find<T>(
    connection: &Connection,
    text: &str,
    values: &[Value<'_>],
    read: impl FnOnce(Row<'_>) -> Result<T, StoreError>,
) -> Result<Option<T>, StoreError> {
    let mut statement = prepare(connection, text, values)?;
    let mut rows = statement.raw_query();
    rows.next()?.map(|row| read(Row(Cells::Sqlite(row)))).transpose()
}

fn prepare<'c>(
    connection: &'c Connection,
    text: &str,
    values: &[Value<'_>],
) -> Result<CachedStatement<'c>, StoreError> {
    let mut statement = connection.prepare_cached(text)?;
    bind(&mut statement, values)?;
    Ok(statement)
}

fn bind(statement: &mut CachedStatement<'_>, values: &[Value<'_>]) -> Result<(), StoreError> {
    for (place, value) in (1..).zip(values) {
        statement.raw_bind_parameter(place, value)?;
    }
    Ok(())
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match *self {
            Value::Number(Some(number)) => ToSqlOutput::Owned(Owned::Integer(number)),
            Value::Text(Some(text)) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Value::Bytes(Some(bytes)) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
            Value::Number(None) | Value::Text(None) | Value::Bytes(None) => ToSqlOutput::Owned(Owned::Null),
        })
    }
}

/// The read-only connections of one file, each used by one caller at a time on a blocking thread.
#[derive(Clone)]
pub(super) struct Readers {
    pool: Arc<Pool>,
    turns: Arc<Semaphore>,
}

struct Pool {
    idle: Mutex<Vec<Connection>>,
    /// After the connections, since they are to be closed first.
    _handle: Handle,
}

impl Readers {
    /// Opens the connections; the writer has made the file before.
    pub(super) fn open(path: &Path, handle: Handle) -> Result<Readers, StoreError> {
        let open = || {
            let connection =
                Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
            connection.execute_batch("PRAGMA busy_timeout = 5000; PRAGMA temp_store = MEMORY;")?;
            connection.set_prepared_statement_cache_capacity(128);
            Ok(connection)
        };
        let idle = (0..READERS)
            .map(|_| open())
            .collect::<Result<Vec<_>, _>>()
            .map_err(|source| StoreError::Open { path: path.to_owned(), source })?;
        let pool = Pool { idle: Mutex::new(idle), _handle: handle };
        Ok(Readers { pool: Arc::new(pool), turns: Arc::new(Semaphore::new(READERS)) })
    }

    /// The version that the file has.
    fn version(&self) -> rusqlite::Result<usize> {
        let idle = self.pool.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let connection = idle.first().ok_or(rusqlite::Error::InvalidQuery)?;
        let version: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        Ok(version as usize)
    }

    /// Whether it is a store of this schema.
    fn ensure_own(&self, schema: &Schema, found: usize) -> Result<(), StoreError> {
        let idle = self.pool.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let connection = idle.first().ok_or(StoreError::Closed)?;
        schema::ensure_own(connection, schema, found)
    }

    pub(super) async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Sql<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let turn = self.turns.clone().acquire_owned().await.map_err(|_| StoreError::Closed)?;
        let pool = self.pool.clone();
        let ran = tokio::task::spawn_blocking(move || {
            let connection = pool.idle.lock().ok().and_then(|mut idle| idle.pop()).ok_or(StoreError::Closed)?;
            // A fault in one read must not cost a connection: there are few.
            let result = catch_unwind(AssertUnwindSafe(|| in_a_snapshot(&connection, query)));
            roll_back(&connection);
            if let Ok(mut idle) = pool.idle.lock() {
                idle.push(connection);
            }
            drop(turn);
            result.unwrap_or(Err(StoreError::Panicked))
        });
        ran.await.map_err(|_| StoreError::Closed)?
    }
}

fn in_a_snapshot<T>(
    connection: &Connection,
    query: impl FnOnce(&Sql<'_>) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    run_word(connection, "BEGIN")?;
    query(&Sql::sqlite(connection))
}
