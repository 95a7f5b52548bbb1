//! What can go wrong with a store, how it is opened, and the lock of its file. Called by the engine and the stores.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

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
    /// The file is the store of another role, or of another program.
    #[error("this is no store of {}", owner(.0))]
    OtherStore(&'static str),
    /// The database was migrated without granting the role that serves what it needs.
    #[error(
        "the role {role} may not use the table {table} of the database {database}: \
         run `yidi store migrate … --application-role {role}`"
    )]
    NoRights {
        /// The database, without user and password.
        database: String,
        /// The role.
        role: String,
        /// The first table that it lacks.
        table: String,
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

/// Whose stores of a schema are.
fn owner(schema: &str) -> &str {
    match schema {
        "home" => "a home region",
        "treatment" => "a treatment side",
        "hub" => "a hub",
        other => other,
    }
}

impl StoreError {
    /// Whether the database is away, and may be back in a moment: it is down, going down, coming up, or the connection
    /// was cut. What is wrong with a statement, a password or a table does not pass.
    pub fn is_passing(&self) -> bool {
        matches!(self, StoreError::Unreachable { source, .. } | StoreError::Postgres(source) if is_broken(source))
    }
}

/// Whether an error says something of the connection, and not of a statement. A server that goes down or comes up says
/// so in SQLSTATE class 57.
pub(crate) fn is_broken(fault: &sqlx::Error) -> bool {
    let going_down = fault.as_database_error().and_then(|said| said.code()).is_some_and(|code| code.starts_with("57P"));
    let cut = matches!(
        fault,
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::Tls(_) | sqlx::Error::WorkerCrashed
    );
    going_down || cut
}

/// How a store is opened.
#[derive(Clone, Debug, Default)]
pub struct StoreOptions {
    /// Waits this long inside every commit. For tests: this machine's disk flatters.
    pub commit_delay: Duration,
    /// A file never grows beyond so many pages of 4 KiB; no bound where it is not set. What does not fit is refused.
    pub max_pages: Option<u32>,
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
