//! PostgreSQL: one writer connection on a thread of its own, and a few for reading. A connection that is lost is made
//! again at the next use; what was being committed then is read back by its key, never guessed.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use futures_util::TryStreamExt;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgConnection, PgRow};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Connection as _, Postgres as Driver};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Semaphore, mpsc, watch};

use super::express::{Express, List, Session};
use super::job::{Job, Ran};
use super::lane::{self, Database, Teller, Told};
use super::location::name;
use super::numbers::Numbers;
use super::schema::{self, Fence, Schema};
use super::sql::Sql;
use super::value::Value;
use crate::store::{StoreError, StoreOptions, is_broken};

/// What every read begins with.
const SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
/// How many reads run at once.
const READERS: usize = 4;
/// How long making a connection may take. A database that does not answer must not hold a desk longer than a refusal.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// The one writer of a store holds this lock for as long as its connection lasts.
const FENCE: &str = "SELECT pg_try_advisory_lock(hashtext('yidi writer'))";
/// A writer whose machine died in the middle of a transaction must not hold the others' turn until its connection is
/// found to be dead; and nobody waits for a turn longer than a desk waits for an answer.
const PATIENCE: [(&str, &str); 2] = [("idle_in_transaction_session_timeout", "10s"), ("lock_timeout", "5s")];
/// A machine that lost power closes no connection, and what its sessions hold (the one writer's lock, a turn, a snapshot)
/// is free only when the server finds them dead: by itself after two hours. So it asks after 10 s of silence and every
/// 5 s, and gives a session up after three questions, or when what it sent was not taken for 25 s. On a socket of the
/// machine's own these settings say nothing, and nothing is needed.
const NOTICE: [(&str, &str); 4] = [
    ("tcp_keepalives_idle", "10s"),
    ("tcp_keepalives_interval", "5s"),
    ("tcp_keepalives_count", "3"),
    ("tcp_user_timeout", "25s"),
];
/// Begins a transaction among many writers: alone, until it has ended.
const BEGIN_ALONE: &str = "BEGIN; SELECT pg_advisory_xact_lock(hashtext('yidi turn'))";

/// A server may take a moment to see that the writer before is gone.
const FENCE_TIMEOUT: Duration = Duration::from_secs(1);
const FENCE_PAUSE: Duration = Duration::from_millis(20);

/// A writer finds everything by key. Plans outlive the day on which its tables were empty, so none of them may be one
/// that reads a table whole; and none is worth compiling.
const BY_KEY: [(&str, &str); 5] = [
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("jit", "off"),
    ("plan_cache_mode", "force_generic_plan"),
];

/// A connection whose callers wait: the writer has a thread of its own, readers run on blocking threads.
pub(super) struct Connection {
    /// None only while it is dropped.
    runtime: Option<Runtime>,
    options: Box<PgConnectOptions>,
    connection: Option<PgConnection>,
}

impl Connection {
    /// Connects. Not to be called where another runtime runs: its callers wait.
    pub(super) fn open(options: &PgConnectOptions) -> Result<Connection, StoreError> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|source| StoreError::Thread { source })?;
        let options = Box::new(options.clone().options(NOTICE));
        let mut connection = Connection { runtime: Some(runtime), options, connection: None };
        connection.connect()?;
        Ok(connection)
    }

    pub(super) fn options(&self) -> &PgConnectOptions {
        &self.options
    }

    fn is_connected(&self) -> bool {
        self.connection.is_some()
    }

    fn connect(&mut self) -> Result<(), StoreError> {
        let options = self.options.clone();
        let unreachable = |source| StoreError::Unreachable { database: name(&self.options), source };
        let connecting = async { tokio::time::timeout(CONNECT_TIMEOUT, PgConnection::connect_with(&options)).await };
        let connected = self.runtime()?.block_on(connecting);
        let timed_out = |_| Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()));
        self.connection = Some(connected.unwrap_or_else(timed_out).map_err(unreachable)?);
        Ok(())
    }

    fn runtime(&self) -> Result<&Runtime, StoreError> {
        self.runtime.as_ref().ok_or(StoreError::Closed)
    }

    /// Runs statements without values, all or none.
    pub(super) fn batch(&mut self, text: &str) -> Result<(), StoreError> {
        let text = AssertSqlSafe(text.to_owned());
        self.with(|runtime, connection| runtime.block_on(sqlx::raw_sql(text).execute(connection))).map(drop)
    }

    pub(super) fn execute(&mut self, text: &'static str, values: &[Value<'_>]) -> Result<u64, StoreError> {
        let done = self.with(|runtime, connection| runtime.block_on(bind(text, values).execute(connection)))?;
        Ok(done.rows_affected())
    }

    /// Runs a statement of [`super::dialect::statement_for_each`] on many rows, column by column.
    pub(super) fn execute_each<const N: usize>(
        &mut self,
        text: &'static str,
        rows: &[[Value<'_>; N]],
    ) -> Result<(), StoreError> {
        let query = (0..N).fold(sqlx::query(text), |query, column| {
            let values = rows.iter().map(|row| row[column]);
            match rows.first().map(|row| row[column]) {
                Some(Value::Number(_)) => query.bind(values.map(Value::number).collect::<Vec<_>>()),
                Some(Value::Text(_)) => query.bind(values.map(Value::text).collect::<Vec<_>>()),
                Some(Value::Bytes(_)) => query.bind(values.map(Value::bytes).collect::<Vec<_>>()),
                None => query,
            }
        });
        self.with(|runtime, connection| runtime.block_on(query.execute(connection))).map(drop)
    }

    pub(super) fn query(&mut self, text: &'static str, values: &[Value<'_>]) -> Result<Vec<PgRow>, StoreError> {
        self.with(|runtime, connection| runtime.block_on(bind(text, values).fetch_all(connection)))
    }

    /// Reads rows as they come; the first that does not read ends it.
    pub(super) fn each(
        &mut self,
        text: &'static str,
        values: &[Value<'_>],
        mut read: impl FnMut(&PgRow) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let read_all = |runtime: &Runtime, connection: &mut PgConnection| {
            runtime.block_on(async {
                let mut rows = bind(text, values).fetch(connection);
                while let Some(row) = rows.try_next().await? {
                    if let Err(fault) = read(&row) {
                        return Ok(Err(fault));
                    }
                }
                Ok(Ok(()))
            })
        };
        self.with(read_all)?
    }

    /// Runs a statement that takes columns of many rows.
    pub(super) fn query_lists(&mut self, text: &'static str, lists: Vec<List<'_>>) -> Result<Vec<PgRow>, StoreError> {
        let query = lists.into_iter().fold(sqlx::query(text), |query, list| match list {
            List::Numbers(numbers) => query.bind(numbers),
            List::Texts(texts) => query.bind(texts),
            List::Strings(texts) => query.bind(texts),
            List::Bytes(bytes) => query.bind(bytes),
        });
        self.with(|runtime, connection| runtime.block_on(query.fetch_all(connection)))
    }

    /// Uses the connection, and lets go of one that is broken.
    fn with<T>(
        &mut self,
        work: impl FnOnce(&Runtime, &mut PgConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, StoreError> {
        let runtime = self.runtime.as_ref().ok_or(StoreError::Closed)?;
        let connection = self.connection.as_mut().ok_or(StoreError::Closed)?;
        let done = work(runtime, connection);
        if done.as_ref().is_err_and(is_broken) {
            self.connection = None;
        }
        Ok(done?)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // Waiting for a runtime's end is forbidden where another one runs, and there is nothing to wait for.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn bind<'q>(text: &'static str, values: &[Value<'q>]) -> Query<'q, Driver, PgArguments> {
    values.iter().fold(sqlx::query(text), |query, value| match *value {
        Value::Number(number) => query.bind(number),
        Value::Text(text) => query.bind(text),
        Value::Bytes(bytes) => query.bind(bytes),
    })
}

/// Connects for writing on a thread of its own, and returns when it has.
pub(super) fn start(
    database: &PgConnectOptions,
    schema: &'static Schema,
    options: &StoreOptions,
    express: Option<Box<dyn Express>>,
    waiting: mpsc::Receiver<Box<dyn Job>>,
    ending: watch::Sender<()>,
) -> Result<(), StoreError> {
    let (database, commit_delay) = (database.clone(), options.commit_delay);
    let (opened, outcome) = sync_channel(1);
    let teller = Teller::here();
    let thread = move || {
        let mut writer = match Writer::open(&database, schema, express, commit_delay) {
            Ok(writer) => writer,
            Err(fault) => return drop(opened.send(Err(fault))),
        };
        let _ = opened.send(Ok(()));
        lane::run(&mut writer, waiting, &teller);
        drop(writer);
        drop(ending);
    };
    let spawned = thread::Builder::new().name("ledger-writer".into()).spawn(thread);
    spawned.map_err(|source| StoreError::Thread { source })?;
    outcome.recv().map_err(|_| StoreError::Closed)?
}

/// That a database has the version that this program needs, and lets its role read it.
pub(super) fn ensure_served(database: &PgConnectOptions, schema: &'static Schema) -> Result<(), StoreError> {
    // On a thread of its own, since the caller may be on one where waiting is forbidden.
    thread::scope(|scope| {
        let checked = scope.spawn(|| schema::check_postgres(&mut Connection::open(database)?, schema));
        checked.join().unwrap_or(Err(StoreError::Panicked))
    })
}

struct Writer {
    connection: Connection,
    schema: &'static Schema,
    express: Option<Box<dyn Express>>,
    numbers: Numbers,
    commit_delay: Duration,
}

impl Writer {
    fn open(
        database: &PgConnectOptions,
        schema: &'static Schema,
        express: Option<Box<dyn Express>>,
        commit_delay: Duration,
    ) -> Result<Writer, StoreError> {
        let options = database.clone().options(PATIENCE).options(BY_KEY);
        let mut connection = Connection::open(&options)?;
        schema::check_postgres(&mut connection, schema)?;
        let mut writer = Writer { connection, schema, express, numbers: Numbers::default(), commit_delay };
        writer.take_place()?;
        Ok(writer)
    }

    /// A writer that lost its connection lost its place with it, and takes one again before it writes.
    fn connect(&mut self) -> Result<(), StoreError> {
        if self.connection.is_connected() {
            return Ok(());
        }
        self.connection.connect()?;
        self.take_place()
    }

    /// A transaction that is half begun is let go of together with its connection.
    fn try_begin(&mut self, begin: &str) -> Result<(), StoreError> {
        self.connection.batch(begin).inspect_err(|_| self.connection.connection = None)
    }

    fn take_place(&mut self) -> Result<(), StoreError> {
        match self.schema.fence {
            Fence::OneWriter => self.take_fence(),
            Fence::ManyWriters => {
                let number = self.first_number(schema::NEXT_COMMITTER)?;
                self.numbers.begin_anew(number.ok_or(StoreError::Closed)?);
                Ok(())
            }
        }
    }

    fn take_fence(&mut self) -> Result<(), StoreError> {
        let since = Instant::now();
        while since.elapsed() < FENCE_TIMEOUT {
            if self.first_number(FENCE)? == Some(1) {
                return Ok(());
            }
            thread::sleep(FENCE_PAUSE);
        }
        self.connection.connection = None;
        Err(StoreError::InUse(name(self.connection.options()).into()))
    }

    fn first_number(&mut self, text: &'static str) -> Result<Option<i64>, StoreError> {
        let rows = self.connection.query(text, &[])?;
        rows.first().map(|row| super::row::Row(super::row::Cells::Postgres(row)).number(0)).transpose()
    }

    /// Runs the one statement, and tells what it carried out. What fails or is cut off in the middle is left to the
    /// ordinary way, which waits for the end of whatever is still running and reads back by key what came of it.
    fn try_express(&mut self, batch: &mut [Box<dyn Job>]) -> Option<Vec<bool>> {
        let express = self.express.as_ref()?;
        let mut session = Session { connection: &mut self.connection, numbers: &self.numbers };
        match catch_unwind(AssertUnwindSafe(|| express.commit(&mut session, batch))) {
            Ok(Ok(done)) => Some(done),
            Ok(Err(fault)) => {
                tracing::warn!(error = &fault as &dyn std::error::Error, "a batch is written one by one");
                None
            }
            Err(_) => {
                self.connection.connection = None;
                None
            }
        }
    }
}

impl Database for Writer {
    fn begin(&mut self) -> Result<(), StoreError> {
        let begin = match self.schema.fence {
            Fence::OneWriter => "BEGIN",
            Fence::ManyWriters => BEGIN_ALONE,
        };
        if self.connection.is_connected() {
            match self.try_begin(begin) {
                // It had been lost since it was last used. Nothing is under way yet, so a new one will do.
                Err(StoreError::Postgres(fault)) if is_broken(&fault) => {}
                begun => return begun,
            }
        }
        self.connect()?;
        self.try_begin(begin)
    }

    fn express(&mut self, batch: &mut Vec<Box<dyn Job>>) -> Vec<Told> {
        if self.express.is_none() || !batch.iter().any(|job| job.as_known().is_some()) || self.connect().is_err() {
            return Vec::new();
        }
        if !self.commit_delay.is_zero() {
            thread::sleep(self.commit_delay);
        }
        match self.try_express(batch) {
            None => Vec::new(),
            Some(done) => take(batch, done.into_iter()).map(|job| (job, Ok(()))).collect(),
        }
    }

    fn run(&mut self, work: &mut dyn FnMut(&Sql<'_>) -> Result<Ran, StoreError>) -> Result<Ran, StoreError> {
        let connection = RefCell::new(&mut self.connection);
        work(&Sql::postgres(&connection).numbered(&self.numbers))
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        if !self.commit_delay.is_zero() {
            thread::sleep(self.commit_delay);
        }
        self.connection.batch("COMMIT")
    }

    fn roll_back(&mut self) {
        if self.connection.is_connected()
            && let Err(fault) = self.connection.batch("ROLLBACK")
        {
            // Whatever state it is in, the next transaction begins on a new connection.
            self.connection.connection = None;
            tracing::warn!(error = &fault as &dyn std::error::Error, "a transaction could not be rolled back");
        }
    }
}

/// Takes out of a batch what is marked.
fn take(batch: &mut Vec<Box<dyn Job>>, mut marks: impl Iterator<Item = bool>) -> std::vec::IntoIter<Box<dyn Job>> {
    let (taken, left) = std::mem::take(batch).into_iter().partition(|_| marks.next().unwrap_or(false));
    *batch = left;
    Vec::into_iter(taken)
}

/// The connections for reading, each made when it is first needed.
#[derive(Clone)]
pub(super) struct Readers {
    options: Box<PgConnectOptions>,
    idle: Arc<Mutex<Vec<Connection>>>,
    turns: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn new(options: Box<PgConnectOptions>) -> Readers {
        Readers { options, idle: Arc::default(), turns: Arc::new(Semaphore::new(READERS)) }
    }

    pub(super) async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Sql<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let turn = self.turns.clone().acquire_owned().await.map_err(|_| StoreError::Closed)?;
        let readers = self.clone();
        let ran = tokio::task::spawn_blocking(move || {
            let result = readers.read_now(query);
            drop(turn);
            result
        });
        ran.await.map_err(|_| StoreError::Closed)?
    }

    fn read_now<T>(&self, query: impl FnOnce(&Sql<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let mut connection = self.begin()?;
        let result = catch_unwind(AssertUnwindSafe(|| in_a_snapshot(&mut connection, query)));
        let ended = connection.batch("ROLLBACK");
        if let (Ok(()), Ok(mut idle)) = (ended, self.idle.lock()) {
            idle.push(connection);
        }
        result.unwrap_or(Err(StoreError::Panicked))
    }

    /// A connection with a snapshot. An idle one may have been lost since it was last used; then another is made.
    fn begin(&self) -> Result<Connection, StoreError> {
        let idle = self.idle.lock().ok().and_then(|mut idle| idle.pop());
        if let Some(mut connection) = idle
            && connection.batch(SNAPSHOT).is_ok()
        {
            return Ok(connection);
        }
        let mut connection = Connection::open(&self.options)?;
        connection.batch(SNAPSHOT)?;
        Ok(connection)
    }
}

fn in_a_snapshot<T>(
    connection: &mut Connection,
    query: impl FnOnce(&Sql<'_>) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let connection = RefCell::new(connection);
    query(&Sql::postgres(&connection))
}
