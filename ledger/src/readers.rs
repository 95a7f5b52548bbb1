//! Reads beside the writer: a few read-only connections, each used by one caller at a time on a blocking thread.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex};

use rusqlite::{Connection, OpenFlags};
use tokio::sync::Semaphore;

use crate::store::StoreError;

/// How many reads run at once: enough to keep two cores busy, few enough to keep the page caches small.
const READERS: usize = 4;

/// The read-only connections of one store.
#[derive(Clone)]
pub struct Readers {
    idle: Arc<Mutex<Vec<Connection>>>,
    turns: Arc<Semaphore>,
}

impl Readers {
    /// Opens the connections; the writer has made the file before.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn open(path: &Path) -> Result<Readers, StoreError> {
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
        Ok(Readers { idle: Arc::new(Mutex::new(idle)), turns: Arc::new(Semaphore::new(READERS)) })
    }

    /// Runs a read in one snapshot of the store.
    ///
    /// # Errors
    /// When a statement fails, the query panics, or the process is stopping.
    pub async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let turn = self.turns.clone().acquire_owned().await.map_err(|_| StoreError::Closed)?;
        let idle = self.idle.clone();
        let ran = tokio::task::spawn_blocking(move || {
            let connection = idle.lock().ok().and_then(|mut idle| idle.pop()).ok_or(StoreError::Closed)?;
            let run = || connection.unchecked_transaction().map_err(StoreError::from).and_then(|tx| query(&tx));
            // A fault in one read must not cost a connection: there are few. Unwinding has ended its transaction.
            let result = catch_unwind(AssertUnwindSafe(run)).unwrap_or(Err(StoreError::Panicked));
            if let Ok(mut idle) = idle.lock() {
                idle.push(connection);
            }
            drop(turn);
            result
        });
        ran.await.map_err(|_| StoreError::Closed)?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn panicking_reads_cost_no_connection() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("store.db");
        Connection::open(&path).expect("a file").execute_batch("CREATE TABLE entries (id INTEGER)").expect("a table");
        let readers = Readers::open(&path).expect("readers");
        for _ in 0..=READERS {
            let panicked = readers.read(|_| -> Result<(), StoreError> { panic!("a fault of ours") }).await;
            assert!(matches!(panicked, Err(StoreError::Panicked)));
        }
        let count = |tx: &Connection| Ok(tx.query_row("SELECT COUNT(*) FROM entries", [], |row| row.get::<_, i64>(0))?);
        assert_eq!(readers.read(count).await.expect("a read"), 0);
    }
}
