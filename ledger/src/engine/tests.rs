//! What every store may rely on, whichever database carries it. Each test runs on a SQLite file and on PostgreSQL.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::testing::append_only::all_is_append_only_but;
use crate::testing::{Database, PrivatePostgres};
use crate::values;

static SCHEMA: Schema = Schema {
    name: "entries",
    versions: &[Version {
        tables: "CREATE TABLE entries (id INTEGER PRIMARY KEY, text TEXT NOT NULL, bytes BLOB) STRICT;
                 CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT) STRICT;
                 CREATE TABLE committers (number INTEGER PRIMARY KEY) STRICT;",
        append_only: &["entries"],
        postgres: "",
    }],
    fence: Fence::OneWriter,
};

static NEWER: Schema = Schema {
    name: "entries",
    versions: &[
        Version { tables: SCHEMA.versions[0].tables, append_only: SCHEMA.versions[0].append_only, postgres: "" },
        Version { tables: "CREATE TABLE more (id INTEGER PRIMARY KEY) STRICT", append_only: &["more"], postgres: "" },
    ],
    fence: Fence::OneWriter,
};

/// A commit takes long enough for writes to share one.
const SLOW: Duration = Duration::from_millis(20);

/// An empty store on one of the databases.
struct Ground {
    location: Location,
    /// Where the tables' owner connects; the same as the store itself for a file.
    owner: Location,
    database: Option<Database>,
    _folder: tempfile::TempDir,
}

impl Ground {
    fn both() -> [Ground; 2] {
        let folder = || tempfile::tempdir().expect("a folder");
        let (file, other) = (folder(), folder());
        let path: PathBuf = file.path().join("store.db");
        let database = PrivatePostgres::shared().database().expect("a database");
        let at = |url: &str| url.parse::<Location>().expect("a location");
        let (location, owner) = (at(&database.app_url), at(&database.owner_url));
        migrate(&owner, &SCHEMA, Some(&database.app_role)).expect("a migration");
        [
            Ground { location: path.clone().into(), owner: path.into(), database: None, _folder: file },
            Ground { location, owner, database: Some(database), _folder: other },
        ]
    }

    fn open(&self) -> Engine {
        self.try_open(&SCHEMA).expect("a store")
    }

    fn try_open(&self, schema: &'static Schema) -> Result<Engine, StoreError> {
        Engine::open(&self.location, schema, &StoreOptions { commit_delay: SLOW, ..StoreOptions::default() })
    }
}

fn insert(id: i64) -> impl FnMut(&Sql<'_>) -> Result<u64, StoreError> + Send + 'static {
    move |sql| sql.execute("INSERT INTO entries VALUES (?1, 'x', NULL)", values![id])
}

async fn count(engine: &Engine) -> i64 {
    let counted = engine.read(|sql| sql.get("SELECT COUNT(*) FROM entries", &[], |row| row.number(0)));
    counted.await.expect("a count")
}

async fn close(engine: Engine) {
    let closed = engine.closed();
    drop(engine);
    closed.wait().await;
}

#[tokio::test]
async fn values_come_back_as_they_went_in() {
    for ground in Ground::both() {
        let engine = ground.open();
        let id = engine.write(|sql| {
            let text = "INSERT INTO entries (text, bytes) VALUES (?1, ?2) RETURNING id";
            let ids = sql.execute_returning(text, values!["一?$1", &b"\0\xff"[..]], |row| row.number(0))?;
            ids.into_iter().next().ok_or(StoreError::Closed)
        });
        let id = id.await.expect("an id");
        let read = engine.read(move |sql| {
            sql.get("SELECT text, bytes, id > 0, NULL FROM entries WHERE id = ?1", values![id], |row| {
                Ok((row.text(0)?.to_owned(), row.bytes(1)?.to_vec(), row.flag(2)?, row.optional_text(3)?.is_none()))
            })
        });
        assert_eq!(read.await.expect("a row"), ("一?$1".to_owned(), vec![0, 255], true, true));
        let wrong = engine.read(|sql| sql.get("SELECT text FROM entries", &[], |row| row.number(0)));
        assert!(matches!(wrong.await, Err(StoreError::Column { column, .. }) if column == "text"));
    }
}

#[tokio::test]
async fn a_poisoned_write_fails_alone() {
    for ground in Ground::both() {
        let engine = ground.open();
        let (first, second, again, third) = tokio::join!(
            engine.write(insert(1)),
            engine.write(insert(2)),
            engine.write(insert(1)),
            engine.write(insert(3))
        );
        assert!(first.is_ok() && second.is_ok() && third.is_ok());
        assert!(again.is_err(), "only the second 1 fails");
        assert_eq!(count(&engine).await, 3);
    }
}

#[tokio::test]
async fn a_panicking_write_fails_alone_and_the_writer_lives_on() {
    for ground in Ground::both() {
        let engine = ground.open();
        let poisoned = |sql: &Sql<'_>| -> Result<(), StoreError> {
            sql.execute("INSERT INTO entries VALUES (9, 'x', NULL)", &[])?;
            panic!("a fault of ours")
        };
        let (first, panicked, second) =
            tokio::join!(engine.write(insert(1)), engine.write(poisoned), engine.write(insert(2)));
        assert!(matches!(panicked, Err(StoreError::Panicked)));
        assert_eq!((first.expect("a neighbour"), second.expect("a neighbour")), (1, 1));
        engine.write(insert(3)).await.expect("a later write");
        assert_eq!(count(&engine).await, 3, "nothing of the panicking write stays");
        let read = engine.read(|_| -> Result<(), StoreError> { panic!("a fault of ours") });
        assert!(matches!(read.await, Err(StoreError::Panicked)));
        assert_eq!(count(&engine).await, 3, "and reads go on");
    }
}

#[tokio::test]
async fn what_a_refused_change_wrote_is_undone_and_its_neighbours_stay() {
    for ground in Ground::both() {
        let engine = ground.open();
        let refused = engine.change(|sql| {
            sql.execute("INSERT INTO entries VALUES (9, 'x', NULL)", &[])?;
            Ok(Err::<(), _>("no"))
        });
        let (first, refused, second) = tokio::join!(engine.write(insert(1)), refused, engine.write(insert(2)));
        assert_eq!(refused.expect("no fault"), Err("no"));
        assert!(first.is_ok() && second.is_ok());
        assert_eq!(count(&engine).await, 2);
    }
}

#[tokio::test]
async fn nobody_changes_or_removes_what_is_append_only() {
    for ground in Ground::both() {
        let engine = ground.open();
        engine.write(insert(1)).await.expect("a first entry");
        let sqlite = "REPLACE INTO entries VALUES (1, 'y', NULL)";
        let postgres = "TRUNCATE entries";
        let own = if ground.database.is_some() { postgres } else { sqlite };
        for statement in ["UPDATE entries SET text = 'y'", "DELETE FROM entries", own] {
            let refused = engine.write(move |sql| sql.execute(statement, &[])).await;
            assert!(refused.is_err(), "{statement}");
        }
        close(engine).await;
        // Nor does the owner of the tables, unless it takes the triggers away first.
        let owner = Engine::open(&ground.owner, &SCHEMA, &StoreOptions::default()).expect("a store");
        for statement in ["UPDATE entries SET text = 'y'", "DELETE FROM entries", own] {
            let refused = owner.write(move |sql| sql.execute(statement, &[])).await.expect_err(statement);
            let said = std::error::Error::source(&refused).map(ToString::to_string).unwrap_or_default();
            assert!(said.contains("entries is append-only"), "{statement}: {said}");
        }
        assert_eq!(count(&owner).await, 1);
    }
}

/// A simulator in which nothing goes wrong.
struct Calm;

impl Faults for Calm {
    fn spawn(&self, task: Task) {
        tokio::spawn(task);
    }

    fn before_commit(&self, _: usize) -> Pin<Box<dyn Future<Output = Commit> + Send + '_>> {
        Box::pin(async { Commit::Counts })
    }

    fn after_commit(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {})
    }

    fn before_read(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {})
    }
}

#[tokio::test]
async fn a_simulated_disk_refuses_what_a_file_refuses() {
    let disk = Location::Simulated(Disk::new(Arc::new(Calm)).expect("a disk"));
    let engine = Engine::open(&disk, &SCHEMA, &StoreOptions::default()).expect("a store");
    all_is_append_only_but(&["committers", "notes"], &engine, None).await;
}

#[tokio::test]
async fn a_server_soon_notices_that_a_machine_of_ours_is_gone() {
    const SETTINGS: &str = "SELECT setting::bigint FROM pg_settings WHERE name = ?1";
    let [_, ground] = Ground::both();
    let settings = |sql: &Sql<'_>| {
        let setting = |name: &str| sql.get(SETTINGS, values![name], |row| row.number(0));
        let (idle, interval) = (setting("tcp_keepalives_idle")?, setting("tcp_keepalives_interval")?);
        Ok((idle + interval * setting("tcp_keepalives_count")?, setting("tcp_user_timeout")?))
    };
    let engine = ground.open();
    for (noticed_s, unheard_ms) in
        [engine.write(settings).await.expect("the writer's"), engine.read(settings).await.expect("a reader's")]
    {
        assert!((1..=30).contains(&noticed_s), "what is silent is noticed after {noticed_s} s");
        assert!((1..=30_000).contains(&unheard_ms), "what does not hear is noticed after {unheard_ms} ms");
    }
}

#[tokio::test]
async fn a_store_has_one_writer_and_the_next_gets_in_when_it_is_gone() {
    for ground in Ground::both() {
        let engine = ground.open();
        assert!(matches!(ground.try_open(&SCHEMA), Err(StoreError::InUse(_))));
        close(engine).await;
        ground.open().write(insert(1)).await.expect("the next writer writes");
    }
}

#[tokio::test]
async fn a_lost_connection_is_made_again_and_the_fence_with_it() {
    let [_, ground] = Ground::both();
    let engine = ground.open();
    engine.write(insert(1)).await.expect("a first entry");
    assert_eq!(count(&engine).await, 1, "from here on a connection for reading is idle");
    let others = "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity
                  WHERE usename = current_user AND pid <> pg_backend_pid()";
    let killer = Engine::open(&ground.location, &OPEN_TO_ALL, &StoreOptions::default()).expect("another one");
    killer.read(move |sql| sql.get(others, &[], |row| row.number(0))).await.expect("all others are cut off");
    engine.write(insert(2)).await.expect("the connection is made again");
    assert_eq!(count(&engine).await, 2);
    assert!(matches!(ground.try_open(&SCHEMA), Err(StoreError::InUse(_))), "and the fence is taken again");
}

/// The same tables for a process that may write beside another.
static OPEN_TO_ALL: Schema = Schema { name: "entries", versions: SCHEMA.versions, fence: Fence::ManyWriters };

#[tokio::test]
async fn a_database_is_migrated_by_its_owner_and_may_be_newer_than_the_program() {
    let [_, ground] = Ground::both();
    let needed = |found: Result<Engine, StoreError>| match found.map(drop) {
        Err(StoreError::Older { found, needed, .. }) => Some((found, needed)),
        Ok(()) | Err(_) => None,
    };
    assert_eq!(needed(ground.try_open(&NEWER)), Some((1, 2)));
    let role = ground.database.as_ref().map(|database| database.app_role.as_str());
    assert!(migrate(&ground.location, &NEWER, role).is_err(), "the application role owns nothing");
    assert_eq!(migrate(&ground.owner, &NEWER, role).expect("a migration"), Migrated { from: 1, to: 2 });
    assert_eq!(migrate(&ground.owner, &NEWER, role).expect("nothing to do"), Migrated { from: 2, to: 2 });
    close(ground.try_open(&NEWER).expect("the new program")).await;
    ground.open().write(insert(1)).await.expect("the old program goes on");
    assert_eq!(migrate(&ground.owner, &SCHEMA, role).expect("nothing to do"), Migrated { from: 2, to: 2 });
}

#[tokio::test]
async fn a_role_that_was_not_given_a_new_table_is_told_what_to_run() {
    let [_, ground] = Ground::both();
    let role = ground.database.as_ref().map(|database| database.app_role.as_str());
    migrate(&ground.owner, &NEWER, None).expect("a migration that names nobody");
    let refused = ground.try_open(&NEWER).map(drop).expect_err("it could not write to the table");
    assert!(matches!(&refused, StoreError::NoRights { table, .. } if table == "more"), "{refused}");
    let asked = format!("yidi store migrate … --application-role {}", role.unwrap_or_default());
    assert!(refused.to_string().contains(&asked), "{refused}");
    ground.open().write(insert(1)).await.expect("the old program goes on");
    migrate(&ground.owner, &NEWER, role).expect("a migration that names it");
    ground.try_open(&NEWER).expect("the new program");
}

#[tokio::test]
async fn a_role_that_was_given_nothing_is_told_what_to_run() {
    let database = PrivatePostgres::shared().database().expect("a database");
    let at = |url: &str| url.parse::<Location>().expect("a location");
    migrate(&at(&database.owner_url), &SCHEMA, None).expect("a migration that names nobody");
    let refused = Engine::open(&at(&database.app_url), &SCHEMA, &StoreOptions::default()).map(drop);
    let refused = refused.expect_err("it can read nothing");
    assert!(matches!(&refused, StoreError::NoRights { table, .. } if table == "versions"), "{refused}");
}

#[tokio::test]
async fn a_list_goes_in_as_one_value() {
    for ground in Ground::both() {
        let engine = ground.open();
        let wanted = list(["a", "b\"\\", "c\n"]);
        let read = engine.read(move |sql| {
            sql.query("SELECT value FROM json_each(?1)", values![&wanted], |row| Ok(row.text(0)?.to_owned()))
        });
        assert_eq!(read.await.expect("texts"), ["a", "b\"\\", "c\n"]);
    }
}
