//! That a database itself refuses to change or remove what a store keeps as evidence, whoever asks. Which tables there
//! are is read from the database, so that none is forgotten. Called by the tests of every store.

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

use super::Database;
use crate::engine::{Engine, Sql, Value};
use crate::store::StoreError;
use crate::values;

/// Kept by migrations: its owner changes it, and nobody else.
const VERSIONS: &str = "versions";

struct Table {
    name: String,
    /// Names and types.
    columns: Vec<(String, String)>,
}

/// Tries to change every table of a store but those that may change: through the store's own connection, and on
/// PostgreSQL as the owner of the tables too.
pub(crate) async fn all_is_append_only_but(changing: &[&str], engine: &Engine, database: Option<&Database>) {
    let tables = tables(engine).await;
    for name in changing {
        assert!(tables.iter().any(|table| table.name == *name), "{name} may change, and is not there");
    }
    for table in tables.iter().filter(|table| !changing.contains(&table.name.as_str())) {
        fill(engine, table).await;
        match database {
            None => refused_in_a_file(engine, table).await,
            Some(database) => refused_on_postgres(database, table).await,
        }
    }
}

async fn tables(engine: &Engine) -> Vec<Table> {
    const SQLITE: &str = "SELECT kept.name, columns.name, columns.type
           FROM sqlite_schema AS kept JOIN pragma_table_info(kept.name) AS columns
          WHERE kept.type = 'table' AND kept.name NOT LIKE 'sqlite%' ORDER BY kept.name, columns.cid";
    const POSTGRES: &str = "SELECT kept.relname::text, columns.attname::text, format_type(columns.atttypid, NULL)
           FROM pg_class AS kept JOIN pg_attribute AS columns ON columns.attrelid = kept.oid
          WHERE kept.relnamespace = 'public'::regnamespace AND kept.relkind IN ('r', 'p') AND columns.attnum > 0
          ORDER BY kept.relname, columns.attnum";
    let read = |sql: &Sql<'_>| {
        let text = if sql.is_postgres() { POSTGRES } else { SQLITE };
        sql.query(text, &[], |row| {
            Ok((row.text(0)?.to_owned(), (row.text(1)?.to_owned(), row.text(2)?.to_uppercase())))
        })
    };
    let mut tables: Vec<Table> = Vec::new();
    for (name, column) in engine.read(read).await.expect("the database's own list") {
        match tables.last_mut().filter(|table| table.name == name) {
            Some(table) => table.columns.push(column),
            None => tables.push(Table { name, columns: vec![column] }),
        }
    }
    tables
}

/// Makes a row up where there is none: SQLite asks a trigger row by row.
async fn fill(engine: &Engine, table: &Table) {
    let (name, places) = (&table.name, 1..=table.columns.len());
    let places: Vec<String> = places.map(|place| format!("?{place}")).collect();
    let any = statement(format!("SELECT 1 FROM {name}"));
    let insert = statement(format!("INSERT INTO {name} VALUES ({})", places.join(", ")));
    let kinds: Vec<String> = table.columns.iter().map(|(_, kind)| kind.clone()).collect();
    let filled = engine.write(move |sql| {
        let values: Vec<Value<'_>> = kinds.iter().map(|kind| made_up(kind)).collect();
        if sql.exists(any, values![])? { Ok(0) } else { sql.execute(insert, &values) }
    });
    filled.await.unwrap_or_else(|fault| panic!("a row of {name}: {}", told(&fault)));
}

fn made_up(kind: &str) -> Value<'static> {
    match kind {
        "INTEGER" | "BIGINT" => 1.into(),
        "BLOB" | "BYTEA" => (&[0_u8][..]).into(),
        _ => "x".into(),
    }
}

fn changes(table: &Table) -> [String; 2] {
    let (name, (column, _)) = (&table.name, &table.columns[0]);
    [format!("UPDATE {name} SET {column} = {column}"), format!("DELETE FROM {name}")]
}

async fn refused_in_a_file(engine: &Engine, table: &Table) {
    let name = &table.name;
    let replace = format!("REPLACE INTO {name} SELECT * FROM {name}");
    for change in changes(table).into_iter().chain([replace]) {
        let text = statement(change);
        let refused = engine.write(move |sql| sql.execute(text, &[])).await.expect_err(text);
        assert!(told(&refused).contains(&format!("{name} is append-only")), "{text}: {}", told(&refused));
    }
}

async fn refused_on_postgres(database: &Database, table: &Table) {
    let name = &table.name;
    let [update, delete] = changes(table);
    // What refers to the table would be emptied with it; so that the refusal is for what is kept, and not for that.
    let changes = [update, delete, format!("TRUNCATE {name} CASCADE")];
    for change in changes.iter().chain([&format!("DROP TABLE {name}")]) {
        let said = refusal(&database.app_url, change).await;
        assert!(said.contains("permission denied") || said.contains("must be owner"), "{change}: {said}");
    }
    if name != VERSIONS {
        for change in &changes {
            let said = refusal(&database.owner_url, change).await;
            assert!(said.contains("is append-only"), "{change}: {said}");
        }
    }
}

async fn refusal(url: &str, statement: &str) -> String {
    let mut connection = PgConnection::connect(url).await.expect("a connection");
    connection.execute(AssertSqlSafe(statement.to_owned())).await.expect_err(statement).to_string()
}

/// The engine takes constants only.
fn statement(text: String) -> &'static str {
    text.leak()
}

fn told(fault: &StoreError) -> String {
    let why = std::error::Error::source(fault).map(ToString::to_string);
    format!("{fault}: {}", why.unwrap_or_default())
}
