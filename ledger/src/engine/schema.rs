//! The tables of a store, version by version, and what brings a database to the newest one. What is append-only is so
//! because the database refuses everything else, whoever asks.

use std::thread;

use rusqlite::Connection as Sqlite;
use sqlx::postgres::PgConnectOptions;

use super::dialect;
use super::location::{Location, name};
use super::numbers::Numbers;
use super::postgres::Connection as Postgres;
use super::value::list;
use crate::store::StoreError;

/// What a store keeps.
#[derive(Debug)]
pub struct Schema {
    /// Whose it is: one word.
    pub name: &'static str,
    /// Oldest first. What has once been served is never changed, only followed.
    pub versions: &'static [Version],
    /// Who may write to a PostgreSQL database of it.
    pub fence: Fence,
}

/// One step from one version to the next.
#[derive(Debug)]
pub struct Version {
    /// The statements, written for SQLite; see `engine::dialect`.
    pub tables: &'static str,
    /// The tables among them whose rows are never changed or removed.
    pub append_only: &'static [&'static str],
    /// Statements for PostgreSQL alone, as it reads them: functions of the hot path.
    pub postgres: &'static str,
}

/// Who may write to a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fence {
    /// One process at a time.
    OneWriter,
    /// Several at once; the store's statements are written for it. Each takes a number of its own from the table
    /// `committers`. What is carried out write by write takes turns; what is carried out together (see
    /// `engine::express`) holds the turn with others and keeps to statements that allow it. Files have one writer all
    /// the same.
    ManyWriters,
}

/// Takes the next number of a committer.
pub(super) const NEXT_COMMITTER: &str = "INSERT INTO committers DEFAULT VALUES RETURNING number";

/// Tells a writer on SQLite who commits from now on.
pub(super) fn number_sqlite(connection: &Sqlite, schema: &Schema, numbers: &Numbers) -> Result<(), StoreError> {
    match schema.fence {
        Fence::OneWriter => {}
        Fence::ManyWriters => numbers.begin_anew(connection.query_row(NEXT_COMMITTER, [], |row| row.get(0))?),
    }
    Ok(())
}

/// What a migration did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Migrated {
    /// The version before.
    pub from: usize,
    /// The version now.
    pub to: usize,
}

const VERSIONS: &str = "CREATE TABLE IF NOT EXISTS versions (store TEXT NOT NULL, version BIGINT NOT NULL,
    PRIMARY KEY (store, version))";
/// Migrations take turns.
const TURN: &str = "SELECT pg_advisory_xact_lock(hashtext('yidi versions'))";
const REFUSE: &str = "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$";
/// So that a list goes into a statement the same way on both databases. Lists are short beside tables, even where a plan
/// is made while the tables are empty: each value is looked up, and no table is read whole to be held against the list.
const LIST: &str = "CREATE OR REPLACE FUNCTION json_each(list text) RETURNS TABLE (value text)
    LANGUAGE sql IMMUTABLE STRICT ROWS 1 AS $$ SELECT json_array_elements_text(list::json) $$";

impl Schema {
    fn newest(&self) -> usize {
        self.versions.len()
    }
}

/// Brings a store to the newest version, as the owner of its tables. On PostgreSQL the application role that serving
/// processes use may read and add, change only what is not append-only, and owns nothing.
///
/// # Errors
/// When the database cannot be reached, or a statement fails: then nothing was changed.
pub fn migrate(location: &Location, schema: &Schema, application_role: Option<&str>) -> Result<Migrated, StoreError> {
    match location {
        Location::File(path) => {
            let _lock = crate::store::lock(path)?;
            let opened = |source| StoreError::Open { path: path.to_owned(), source };
            migrate_sqlite(&Sqlite::open(path).map_err(opened)?, schema)
        }
        // On a thread of its own, since the caller may be on one where waiting is forbidden.
        Location::Postgres(database) => thread::scope(|scope| {
            let migration = scope.spawn(|| migrate_database(database, schema, application_role));
            migration.join().unwrap_or(Err(StoreError::Panicked))
        }),
        Location::Simulated(disk) => disk.migrate(schema),
    }
}

pub(super) fn migrate_sqlite(connection: &Sqlite, schema: &Schema) -> Result<Migrated, StoreError> {
    let from: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    ensure_own(connection, schema, from as usize)?;
    for (index, version) in schema.versions.iter().enumerate().skip(from as usize) {
        let triggers: String = version.append_only.iter().map(|table| sqlite_triggers(table)).collect();
        let statements = version.tables;
        connection.execute_batch(&format!(
            "BEGIN IMMEDIATE; {statements}; {triggers} PRAGMA user_version = {}; COMMIT",
            index + 1
        ))?;
    }
    Ok(Migrated { from: from as usize, to: schema.newest().max(from as usize) })
}

/// A file that has a version has the tables of the first one, unless it is another role's.
pub(super) fn ensure_own(connection: &Sqlite, schema: &Schema, found: usize) -> Result<(), StoreError> {
    const THERE: &str = "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?1)";
    for table in schema.versions.iter().take(found.min(1)).flat_map(|version| table_names(version.tables)) {
        if !connection.query_row(THERE, [table], |row| row.get::<_, bool>(0))? {
            return Err(StoreError::OtherStore(schema.name));
        }
    }
    Ok(())
}

/// REPLACE is refused too, since it deletes first and recursive triggers are on.
fn sqlite_triggers(table: &str) -> String {
    ["UPDATE", "DELETE"]
        .map(|change| {
            format!(
                "CREATE TRIGGER {table}_refuses_{change} BEFORE {change} ON {table}
                 BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END;"
            )
        })
        .concat()
}

fn migrate_database(
    database: &PgConnectOptions,
    schema: &Schema,
    application_role: Option<&str>,
) -> Result<Migrated, StoreError> {
    let mut connection = Postgres::open(database)?;
    connection.batch("BEGIN")?;
    let migrated = migrate_postgres(&mut connection, schema, application_role)?;
    connection.batch("COMMIT")?;
    Ok(migrated)
}

fn migrate_postgres(
    connection: &mut Postgres,
    schema: &Schema,
    application_role: Option<&str>,
) -> Result<Migrated, StoreError> {
    connection.batch(TURN)?;
    connection.batch(VERSIONS)?;
    connection.batch(REFUSE)?;
    connection.batch(LIST)?;
    let from = version_of(connection, schema)?;
    for (index, version) in schema.versions.iter().enumerate().skip(from) {
        connection.batch(&dialect::tables(version.tables))?;
        connection.batch(version.postgres)?;
        for table in version.append_only {
            connection.batch(&format!(
                "CREATE TRIGGER {table}_refuses_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
                 FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
            ))?;
        }
        connection.batch(&format!("INSERT INTO versions VALUES ('{}', {})", schema.name, index + 1))?;
    }
    if let Some(role) = application_role {
        grant(connection, schema, role)?;
    }
    Ok(Migrated { from, to: schema.newest().max(from) })
}

/// What the role may do. It owns nothing, so it cannot take a trigger away either.
fn grant(connection: &mut Postgres, schema: &Schema, role: &str) -> Result<(), StoreError> {
    let role = format!("\"{}\"", role.replace('"', "\"\""));
    connection.batch(&format!(
        "GRANT USAGE ON SCHEMA public TO {role};
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role};
         GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role};
         REVOKE INSERT, UPDATE, DELETE ON versions FROM {role};"
    ))?;
    for table in schema.versions.iter().flat_map(|version| version.append_only) {
        connection.batch(&format!("REVOKE UPDATE, DELETE ON {table} FROM {role}"))?;
    }
    Ok(())
}

fn version_of(connection: &mut Postgres, schema: &Schema) -> Result<usize, StoreError> {
    let newest = "SELECT COALESCE(MAX(version), 0) FROM versions WHERE store = $1";
    let rows = connection.query(newest, crate::values![schema.name])?;
    let version = rows.first().map_or(Ok(0), |row| super::row::Row(super::row::Cells::Postgres(row)).number(0))?;
    Ok(usize::try_from(version).unwrap_or(0))
}

/// Refuses a database that is older than this program, or whose tables its role may not use; a newer one is welcome, for
/// tables only grow until every process is new.
pub(super) fn check_postgres(connection: &mut Postgres, schema: &Schema) -> Result<(), StoreError> {
    let database = name(connection.options());
    let prepared = connection.query("SELECT to_regclass('versions') IS NOT NULL", &[])?;
    let prepared =
        prepared.first().is_some_and(|row| super::row::Row(super::row::Cells::Postgres(row)).flag(0).unwrap_or(false));
    if prepared {
        check_rights(connection, "SELECT", &["versions"])?;
    }
    let found = if prepared { version_of(connection, schema)? } else { 0 };
    let needed = schema.newest();
    if found < needed {
        return Err(StoreError::Older { database, found, needed });
    }
    let tables: Vec<&str> = schema.versions.iter().flat_map(|version| table_names(version.tables)).collect();
    check_rights(connection, "SELECT", &tables)?;
    check_rights(connection, "INSERT", &tables)
}

/// Rights are given table by table to a role that a migration names. One that named nobody leaves its new tables to their
/// owner; better said at the start than by the first statement that fails.
fn check_rights(connection: &mut Postgres, right: &str, tables: &[&str]) -> Result<(), StoreError> {
    const LACKING: &str = "SELECT table_name FROM json_array_elements_text($1::json) AS table_name
          WHERE has_table_privilege(to_regclass(table_name), $2) IS FALSE";
    let listed = list(tables.iter().copied());
    let lacking = connection.query(LACKING, crate::values![&listed, right])?;
    match lacking.first() {
        None => Ok(()),
        Some(row) => Err(StoreError::NoRights {
            database: name(connection.options()),
            role: connection.options().get_username().to_owned(),
            table: super::row::Row(super::row::Cells::Postgres(row)).text(0)?.to_owned(),
        }),
    }
}

/// The tables that statements make.
fn table_names(statements: &str) -> impl Iterator<Item = &str> {
    statements.split("CREATE TABLE ").skip(1).filter_map(|made| made.split_whitespace().next())
}
