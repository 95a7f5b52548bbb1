//! Where a store is, as an operator writes it: a file, or a PostgreSQL database.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;

use super::simulated::Disk;

/// Where a store is.
#[derive(Clone)]
pub enum Location {
    /// A SQLite file, made where there is none.
    File(PathBuf),
    /// A PostgreSQL database that `yidi store migrate` has prepared; one database a store.
    Postgres(Box<PgConnectOptions>),
    /// A store in memory, for the simulator.
    Simulated(Disk),
}

/// Why a text is no location.
#[derive(Debug, thiserror::Error)]
pub enum LocationFault {
    /// It begins like a PostgreSQL database, and does not go on like one.
    #[error("it is not of the form postgres://user@host:port/database")]
    NoDatabase,
    /// It is empty.
    #[error("it is empty")]
    Empty,
}

impl FromStr for Location {
    type Err = LocationFault;

    fn from_str(text: &str) -> Result<Location, LocationFault> {
        if text.is_empty() {
            return Err(LocationFault::Empty);
        }
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            return Ok(Location::File(text.into()));
        }
        // What the fault says of the text is left out: it may hold the password.
        let options = text.parse::<PgConnectOptions>().map_err(|_| LocationFault::NoDatabase)?;
        Ok(Location::Postgres(Box::new(options.statement_cache_capacity(512).disable_statement_logging())))
    }
}

impl From<&Path> for Location {
    fn from(path: &Path) -> Location {
        Location::File(path.to_owned())
    }
}

impl From<PathBuf> for Location {
    fn from(path: PathBuf) -> Location {
        Location::File(path)
    }
}

/// Without the password.
impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Location::File(path) => write!(f, "{}", path.display()),
            Location::Postgres(options) => f.write_str(&name(options)),
            Location::Simulated(_) => f.write_str("memory"),
        }
    }
}

/// Without the password, too.
impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A database as errors call it.
pub(super) fn name(options: &PgConnectOptions) -> String {
    let database = options.get_database().unwrap_or_else(|| options.get_username());
    format!("{}:{}/{database}", options.get_host(), options.get_port())
}
