//! Where the books of a run are kept: files in a folder, or databases of one server, both gone with the run.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use ledger::hub::SCHEMA;
use ledger::testing::{Database, PrivatePostgres, plain};
use tempfile::TempDir;

use super::super::rest::{rest, season};
use super::super::settle::{Store, start_postgres};

/// Where books are put.
pub struct Shelf {
    folder: TempDir,
    server: Option<Arc<PrivatePostgres>>,
}

/// One book. It takes its room until it is [removed](Shelf::remove).
pub enum Volume {
    /// A file.
    File(PathBuf),
    /// A database.
    Database(Database),
}

impl Volume {
    /// Where it is, as a hub's configuration says it.
    pub fn location(&self) -> String {
        match self {
            Volume::File(path) => path.display().to_string(),
            Volume::Database(database) => database.app_url.clone(),
        }
    }
}

impl Shelf {
    /// An empty one; files are in a folder of their own within the one that is given.
    ///
    /// # Errors
    /// When the folder cannot be made, or the server does not start.
    pub fn new(store: Store, scratch: Option<&Path>) -> Result<Shelf> {
        let folder = scratch.map_or_else(tempfile::tempdir, tempfile::tempdir_in);
        let server = (store == Store::Postgres).then(start_postgres).transpose()?;
        server.as_deref().map(season).transpose()?;
        Ok(Shelf { folder: folder.context("cannot make a folder for the books")?, server })
    }

    /// An empty book.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn book(&self, name: &str) -> Result<Volume> {
        Ok(match &self.server {
            None => Volume::File(self.file(name)),
            Some(server) => Volume::Database(server.migrated(&SCHEMA)?),
        })
    }

    /// A copy of a book that nobody has open.
    ///
    /// # Errors
    /// When it cannot be copied.
    pub fn copy(&self, of: &Volume, name: &str) -> Result<Volume> {
        match (of, &self.server) {
            (Volume::File(path), _) => {
                std::fs::copy(path, self.file(name)).context("cannot copy the book")?;
                Ok(Volume::File(self.file(name)))
            }
            (Volume::Database(database), Some(server)) => Ok(Volume::Database(server.database_copy(database)?)),
            (Volume::Database(_), None) => bail!("a database without a server"),
        }
    }

    /// Has one statement reach what is compared of two books.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn bring_together(&self, ours: &Volume, theirs: &Volume) -> Result<()> {
        match (ours, theirs) {
            (Volume::Database(ours), Volume::Database(theirs)) => Ok(plain::bring(ours, theirs)?),
            (Volume::File(_) | Volume::Database(_), _) => Ok(()),
        }
    }

    /// Gives back the room that a book takes. Nobody may have it open.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove(&self, book: Volume) -> Result<()> {
        match (book, &self.server) {
            (Volume::File(path), _) => {
                std::fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))
            }
            (Volume::Database(database), Some(server)) => Ok(server.remove(&database)?),
            (Volume::Database(_), None) => Ok(()),
        }
    }

    /// Waits until server and disk are at rest.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn rest(&self) -> Result<()> {
        rest(self.server.as_deref())
    }

    /// The server's process.
    pub fn server(&self) -> Option<u32> {
        self.server.as_ref().and_then(|server| server.pid())
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("{name}.db"))
    }
}
