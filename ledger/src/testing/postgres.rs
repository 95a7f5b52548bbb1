//! A PostgreSQL server of one's own on a port of its own, gone with its owner. Debian's default server, where one
//! runs, is somebody else's and is left alone.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crate::engine::{self, Schema};

use super::installation::{Installation, PostgresError};
use super::keeper::Keeper;
use super::ports::own_port;

/// How long a server may take to get ready, recovery included. Not a measure of speed.
const PATIENCE: Duration = Duration::from_secs(120);
/// Another process may take a port between our finding it free and the server's binding it.
const PORTS_TRIED: u32 = 8;
/// How much of the server's log an error shows, in bytes.
const LOG_SHOWN: usize = 2_000;

/// What the server keeps when the machine, or it, falls down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Everything committed, as in production.
    Durable,
    /// Nothing; for tests that only ask what the SQL does.
    Fast,
}

/// How a server is set up.
#[derive(Clone, Debug)]
pub struct PostgresOptions {
    /// See [`Durability`].
    pub durability: Durability,
    /// `max_connections`.
    pub max_connections: u32,
    /// Further settings, each `name=value`.
    pub settings: Vec<String>,
}

impl Default for PostgresOptions {
    fn default() -> PostgresOptions {
        PostgresOptions { durability: Durability::Fast, max_connections: 200, settings: Vec::new() }
    }
}

/// A running server. Dropping it ends it and removes its files; so does the death of this process.
#[derive(Debug)]
pub struct PrivatePostgres {
    installation: Installation,
    options: PostgresOptions,
    folder: PathBuf,
    port: u16,
    keeper: Mutex<Option<Keeper>>,
    databases: AtomicU32,
}

/// A database with two roles: one that owns what is in it and may change its shape, one for the application, which
/// owns nothing and may do only what was granted to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Database {
    /// Its name.
    pub name: String,
    /// Where its owner connects.
    pub owner_url: String,
    /// Where the application connects.
    pub app_url: String,
    /// The application's role.
    pub app_role: String,
}

impl PrivatePostgres {
    /// Starts a server in a new folder.
    ///
    /// # Errors
    /// When PostgreSQL is not installed, or does not start.
    pub fn start(options: PostgresOptions) -> Result<PrivatePostgres, PostgresError> {
        let installation = Installation::find()?;
        let folder = tempfile::Builder::new().prefix("yidi-postgres-").tempdir();
        let folder = folder.map_err(|source| PostgresError::Folder { path: std::env::temp_dir(), source })?;
        installation.hand_over(folder.path())?;
        installation.run("initdb", &initdb_arguments(folder.path()))?;
        // From here on the keeper removes the folder, which it does even when this process is killed.
        let folder = folder.keep();
        let mut server = PrivatePostgres {
            installation,
            options,
            folder,
            port: 0,
            keeper: Mutex::new(None),
            databases: AtomicU32::new(0),
        };
        for _ in 1..PORTS_TRIED {
            server.port = free_port()?;
            if server.launch().is_ok() {
                return Ok(server);
            }
        }
        server.port = free_port()?;
        server.launch()?;
        Ok(server)
    }

    /// The one server that all tests of this process share; each has a database of its own in it.
    ///
    /// # Panics
    /// When it cannot be started; the tests that need it then fail and say why.
    pub fn shared() -> &'static PrivatePostgres {
        static SHARED: OnceLock<PrivatePostgres> = OnceLock::new();
        SHARED.get_or_init(|| {
            PrivatePostgres::start(PostgresOptions::default())
                .unwrap_or_else(|fault| panic!("no private PostgreSQL: {fault}"))
        })
    }

    /// Makes an empty database and its two roles.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn database(&self) -> Result<Database, PostgresError> {
        self.database_like("template0")
    }

    /// Makes a database with a store's tables in it, as `yidi store migrate` does: they are the owner's, and the
    /// application may do with them what serving needs.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn migrated(&self, schema: &Schema) -> Result<Database, PostgresError> {
        let database = self.database()?;
        let owner = database.owner_url.parse().expect("it is a location");
        let migrated = engine::migrate(&owner, schema, Some(&database.app_role));
        migrated.map_err(|source| PostgresError::Migration { source: Box::new(source) })?;
        Ok(database)
    }

    /// Makes a copy of a database that nobody is connected to, with two roles of its own; they get no rights in what
    /// was copied beyond those of its roles, whose members they become.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn database_copy(&self, of: &Database) -> Result<Database, PostgresError> {
        let copy = self.database_like(&of.name)?;
        self.superuser(&format!(r#"GRANT "{0}_owner" TO "{1}_owner""#, of.name, copy.name))?;
        self.superuser(&format!(r#"GRANT "{}" TO "{}""#, of.app_role, copy.app_role))?;
        Ok(copy)
    }

    /// Removes a database that nobody is connected to.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn remove(&self, database: &Database) -> Result<(), PostgresError> {
        self.superuser(&format!("DROP DATABASE {}", database.name)).map(drop)
    }

    fn database_like(&self, template: &str) -> Result<Database, PostgresError> {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let (owner, app) = (format!("{name}_owner"), format!("{name}_app"));
        self.superuser(&format!("CREATE ROLE {owner} LOGIN"))?;
        self.superuser(&format!("CREATE ROLE {app} LOGIN"))?;
        self.superuser(&format!("CREATE DATABASE {name} OWNER {owner} TEMPLATE {template}"))?;
        self.superuser(&format!("REVOKE ALL ON DATABASE {name} FROM PUBLIC"))?;
        self.superuser(&format!("GRANT CONNECT ON DATABASE {name} TO {app}"))?;
        Ok(Database { owner_url: self.url(&owner, &name), app_url: self.url(&app, &name), app_role: app, name })
    }

    /// Cuts off every connection of a database's application but the one writer's, and lets no other in.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn forbid_reading(&self, database: &Database) -> Result<(), PostgresError> {
        let role = &database.app_role;
        self.superuser(&format!("ALTER ROLE {role} CONNECTION LIMIT 1"))?;
        self.superuser(&format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{role}' \
             AND pid NOT IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory')"
        ))?;
        Ok(())
    }

    /// Lets as many in as come, again.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn allow_reading(&self, database: &Database) -> Result<(), PostgresError> {
        self.superuser(&format!("ALTER ROLE {} CONNECTION LIMIT -1", database.app_role)).map(drop)
    }

    /// Leaves the server as one that has been in service for a while: so many segments of its log, of 16 MiB, are there
    /// to be written again, and it is [at rest](PrivatePostgres::rest). A young server makes each new segment while a
    /// commit waits for it.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn season(&self, segments: usize) -> Result<(), PostgresError> {
        self.superuser(&format!(
            "DO $$ BEGIN FOR segment IN 1..{segments} LOOP \
             PERFORM pg_logical_emit_message(false, '', ''); PERFORM pg_switch_wal(); END LOOP; END $$"
        ))?;
        self.rest()
    }

    /// Has the server do what it would otherwise do in the background: vacuum and analyze, and write everything to its
    /// tables.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn rest(&self) -> Result<(), PostgresError> {
        let vacuum = ["--all", "--analyze", "--quiet", "--maintenance-db"].map(str::to_owned);
        self.installation.run("vacuumdb", &[&vacuum[..], &[self.superuser_url()]].concat())?;
        self.superuser("CHECKPOINT").map(drop)
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where the superuser connects, for measuring tools.
    pub fn superuser_url(&self) -> String {
        self.url("postgres", "postgres")
    }

    /// The path of one of PostgreSQL's programs, such as `pgbench`.
    pub fn program(&self, name: &str) -> PathBuf {
        self.installation.program(name)
    }

    /// The process id of the server, whose children are its sessions.
    pub fn pid(&self) -> Option<u32> {
        self.keeper.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|keeper| keeper.pid)
    }

    /// Kills the server as a fault would (kill -9 of the postmaster). Its sessions end as soon as they notice.
    pub fn kill(&self) {
        if let Some(keeper) = self.keeper.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            keeper.signal("KILL");
        }
    }

    /// Ends the server without letting it tidy up, as `pg_ctl stop -m immediate` does, and starts it again; a killed
    /// one is only started. Returns once it has recovered.
    ///
    /// # Errors
    /// When it does not get ready again.
    pub fn restart(&self) -> Result<(), PostgresError> {
        if let Some(keeper) = self.keeper.lock().unwrap_or_else(PoisonError::into_inner).take() {
            keeper.end_and_keep_folder();
        }
        // The port is ours still, but sessions of a killed server may live for a moment and keep its memory.
        let begun = Instant::now();
        loop {
            match self.launch() {
                Err(_) if begun.elapsed() < PATIENCE => std::thread::sleep(Duration::from_millis(100)),
                launched => return launched,
            }
        }
    }

    fn superuser(&self, statement: &str) -> Result<String, PostgresError> {
        self.installation.psql(&self.superuser_url(), statement)
    }

    fn url(&self, role: &str, database: &str) -> String {
        format!("postgres://{role}@127.0.0.1:{}/{database}?sslmode=disable", self.port)
    }

    fn launch(&self) -> Result<(), PostgresError> {
        let line = self.installation.command_line("postgres", &self.server_arguments());
        let keeper = Keeper::start(&self.folder, &line)?;
        let begun = Instant::now();
        while !is_ready(&data(&self.folder), keeper.pid) {
            if keeper.has_ended() || begun.elapsed() > PATIENCE {
                let log = log_end(&self.folder);
                keeper.end_and_keep_folder();
                return Err(PostgresError::NotReady { port: self.port, log });
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        *self.keeper.lock().unwrap_or_else(PoisonError::into_inner) = Some(keeper);
        Ok(())
    }

    fn server_arguments(&self) -> Vec<String> {
        let mut settings = vec![
            "listen_addresses=127.0.0.1".to_owned(),
            "unix_socket_directories=".to_owned(),
            format!("port={}", self.port),
            format!("max_connections={}", self.options.max_connections),
        ];
        if self.options.durability == Durability::Fast {
            settings.extend(["fsync=off", "synchronous_commit=off", "full_page_writes=off"].map(str::to_owned));
        }
        settings.extend(self.options.settings.iter().cloned());
        let mut arguments = vec!["-D".to_owned(), data(&self.folder).display().to_string()];
        arguments.extend(settings.into_iter().flat_map(|setting| ["-c".to_owned(), setting]));
        arguments
    }
}

impl Drop for PrivatePostgres {
    fn drop(&mut self) {
        if self.keeper.get_mut().unwrap_or_else(PoisonError::into_inner).take().is_none() {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

fn initdb_arguments(folder: &Path) -> Vec<String> {
    let fixed = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "-D"];
    let mut arguments = fixed.map(str::to_owned).to_vec();
    arguments.push(data(folder).display().to_string());
    arguments
}

fn data(folder: &Path) -> PathBuf {
    folder.join("data")
}

fn free_port() -> Result<u16, PostgresError> {
    own_port().map_err(|source| PostgresError::Run { program: "a listener".to_owned(), source })
}

/// As `pg_ctl` asks it: the file of the server's process says so on its eighth line.
fn is_ready(data: &Path, pid: u32) -> bool {
    let Ok(told) = fs::read_to_string(data.join("postmaster.pid")) else { return false };
    let mut lines = told.lines().map(str::trim);
    lines.next() == Some(pid.to_string().as_str()) && lines.nth(6) == Some("ready")
}

fn log_end(folder: &Path) -> String {
    let log = fs::read(folder.join("log")).unwrap_or_default();
    String::from_utf8_lossy(&log[log.len().saturating_sub(LOG_SHOWN)..]).into_owned()
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};

    use sqlx::{Connection, Executor, PgConnection};

    use super::*;

    async fn connect(url: &str) -> PgConnection {
        PgConnection::connect(url).await.expect("a connection")
    }

    #[tokio::test]
    async fn the_application_role_owns_nothing_and_may_do_only_what_was_granted() {
        let database = PrivatePostgres::shared().database().expect("a database");
        let mut owner = connect(&database.owner_url).await;
        let mut app = connect(&database.app_url).await;
        owner.execute("CREATE TABLE entries (id BIGINT)").await.expect("the owner may");
        assert!(app.execute("INSERT INTO entries VALUES (1)").await.is_err(), "nothing was granted yet");
        let grant = format!("GRANT SELECT, INSERT ON entries TO {}", database.app_role);
        owner.execute(sqlx::AssertSqlSafe(grant)).await.expect("the owner grants");
        app.execute("INSERT INTO entries VALUES (1)").await.expect("now it may");
        for statement in ["TRUNCATE entries", "DROP TABLE entries", "CREATE TABLE mine (id BIGINT)"] {
            assert!(app.execute(statement).await.is_err(), "{statement}");
        }
    }

    #[tokio::test]
    async fn a_killed_server_keeps_what_was_committed() {
        let options = PostgresOptions { durability: Durability::Durable, ..PostgresOptions::default() };
        let server = PrivatePostgres::start(options).expect("a server");
        let database = server.database().expect("a database");
        let mut owner = connect(&database.owner_url).await;
        owner.execute("CREATE TABLE entries (id BIGINT); INSERT INTO entries VALUES (7)").await.expect("a row");
        server.kill();
        server.restart().expect("it recovers");
        assert!(owner.execute("SELECT 1").await.is_err(), "the old session is gone");
        let mut again = connect(&database.owner_url).await;
        let count = again.execute("DELETE FROM entries WHERE id = 7").await.expect("the table is there");
        assert_eq!(count.rows_affected(), 1);
    }

    #[test]
    fn a_server_is_gone_with_its_owner() {
        let server = PrivatePostgres::start(PostgresOptions::default()).expect("a server");
        let (folder, port) = (server.folder.clone(), server.port());
        assert!(folder.exists());
        drop(server);
        assert!(!folder.exists());
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("its port is free again");
    }
}
