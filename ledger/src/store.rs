//! What can go wrong with a store, and how its file is opened. Called by the writer, the readers and the stores.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;

/// An operating error of a store. Whoever meets one does not know whether anything was changed, unless it says so.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file could not be opened or prepared.
    #[error("cannot open the store {path}")]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// The folder or the lock of the file could not be made.
    #[error("cannot prepare the folder of the store {path}")]
    Folder {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Another process writes to it.
    #[error("another process has the store {0} open")]
    InUse(PathBuf),
    /// The database cannot be reached.
    #[error("cannot reach the database {database}")]
    Unreachable {
        /// The database, without user and password.
        database: String,
        /// Why.
        source: sqlx::Error,
    },
    /// The database was not brought to the version that this program needs.
    #[error("the database {database} has version {found}, {needed} is needed: run `yidi store migrate`")]
    Older {
        /// The database, without user and password.
        database: String,
        /// Its version; 0 where it has no tables yet.
        found: usize,
        /// The version that this program needs.
        needed: usize,
    },
    /// The writer could not be started.
    #[error("cannot start the store's writer")]
    Thread {
        /// Why.
        source: std::io::Error,
    },
    /// A statement failed on PostgreSQL. The transaction was rolled back.
    #[error("a statement failed")]
    Postgres(#[from] sqlx::Error),
    /// A column does not hold what it was written with.
    #[error("the column {column} cannot be read: {problem}")]
    Column {
        /// The column.
        column: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The simulator has a commit fail.
    #[error("the commit failed")]
    Simulated,
    /// A statement failed. The transaction was rolled back.
    #[error("a statement failed")]
    Sql(#[from] rusqlite::Error),
    /// A row does not read as what it was written as.
    #[error("{table} {id} cannot be read back: {problem}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The row.
        id: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The work of a read or write ran into a fault of ours. A write's transaction was rolled back. What the panic
    /// said is left out: it may hold what must not be logged.
    #[error("the work on the store panicked")]
    Panicked,
    /// A transaction could not begin, as another write in the same batch was told in full.
    #[error("no transaction could be begun")]
    NotBegun,
    /// A read asked for what only a write can have.
    #[error("nothing can be written here")]
    ReadOnly,
    /// The writer has stopped.
    #[error("the store is closed")]
    Closed,
}

/// How a store is opened.
#[derive(Clone, Debug, Default)]
pub struct StoreOptions {
    /// Waits this long inside every commit. For tests: this machine's disk flatters.
    pub commit_delay: Duration,
    /// A file never grows beyond so many pages of 4 KiB; no bound where it is not set. What does not fit is refused.
    pub max_pages: Option<u32>,
}

/// Statements that bring a store from one version to the next, oldest first.
pub type Migrations = &'static [&'static str];

/// Opens the file for writing and brings it to the newest version.
pub(crate) fn open_for_writing(path: &Path, migrations: Migrations) -> Result<Connection, StoreError> {
    let opened = |source| StoreError::Open { path: path.to_owned(), source };
    let connection = Connection::open(path).map_err(opened)?;
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
             PRAGMA recursive_triggers = ON; PRAGMA wal_autocheckpoint = 0; PRAGMA busy_timeout = 5000;
             PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY;",
        )
        .map_err(opened)?;
    connection.set_prepared_statement_cache_capacity(256);
    migrate(&connection, migrations).map_err(opened)?;
    Ok(connection)
}

fn migrate(connection: &Connection, migrations: Migrations) -> rusqlite::Result<()> {
    let version: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    for (index, statements) in migrations.iter().enumerate().skip(version as usize) {
        connection
            .execute_batch(&format!("BEGIN IMMEDIATE; {statements}; PRAGMA user_version = {}; COMMIT", index + 1))?;
    }
    Ok(())
}

/// Takes the exclusive lock beside the file, which its holder keeps as long as it lives: one writer a store.
pub(crate) fn lock(path: &Path) -> Result<File, StoreError> {
    let prepared = |source| StoreError::Folder { path: path.to_owned(), source };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(prepared)?;
    }
    let lock = File::create(path.with_extension("lock")).map_err(prepared)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(std::fs::TryLockError::WouldBlock) => Err(StoreError::InUse(path.to_owned())),
        Err(std::fs::TryLockError::Error(source)) => Err(prepared(source)),
    }
}

/// The statements that make tables append-only: the database itself refuses to change or remove a row. REPLACE is
/// refused too, since it deletes first and recursive triggers are on.
#[macro_export]
macro_rules! append_only {
    ($($table:literal),+ $(,)?) => {
        concat!($(
            "CREATE TRIGGER ", $table, "_is_never_changed BEFORE UPDATE ON ", $table,
            " BEGIN SELECT RAISE(ABORT, '", $table, " is append-only'); END;",
            "CREATE TRIGGER ", $table, "_is_never_removed BEFORE DELETE ON ", $table,
            " BEGIN SELECT RAISE(ABORT, '", $table, " is append-only'); END;",
        )+)
    };
}
