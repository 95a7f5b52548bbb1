//! That the database itself refuses to change or remove evidence, whoever asks.

use sqlx::{Connection as _, Executor as _};

use super::*;

pub(super) async fn nobody_changes_or_removes_evidence(world: World) {
    let position = world.receive_fresh(&settle("1")).await.position;
    world.answer(position, booking("1", Turn::Enter, 100)).await;
    let released = world.receive_fresh(&settle("2")).await.position;
    world.store.operation_release(released, pool("410700"), at(2)).await.expect("released");
    world.receive_fresh(&reverse("9", "8")).await;
    world.lodge("F", FilingClass::LongTerm, date(2025, 1, 1)).await;
    let id = FilingId::new("F").expect("an id");
    world.store.filing_cancel(id, None, lodging()).await.expect("cancelled");

    for table in ["committers", "operations", "answers", "tombstones", "periods", "filings", "filing_cancellations"] {
        let column = match table {
            "committers" | "periods" => "number",
            "operations" | "answers" => "home",
            "tombstones" => "mark",
            _ => "id",
        };
        let changes = [format!("UPDATE {table} SET {column} = {column}"), format!("DELETE FROM {table}")];
        for change in changes {
            world.place.refuses(&change, &format!("{table} is append-only")).await;
        }
        world.place.refuses_by_hand(table, column).await;
    }
}

impl Place {
    /// Whoever owns the tables may not do it either.
    async fn refuses(&self, change: &str, why: &str) {
        let said = match self {
            Place::Sqlite(_) => self.by_hand(change),
            Place::Postgres(database) => by_hand(&database.owner_url, change).await,
        };
        assert!(said.contains(why), "{change}: {said}");
    }

    /// What each database has besides: REPLACE, which deletes; TRUNCATE; and rights that were never given.
    async fn refuses_by_hand(&self, table: &str, column: &str) {
        match self {
            Place::Sqlite(_) => {
                let replaced = self.by_hand(&format!("INSERT OR REPLACE INTO {table} SELECT * FROM {table}"));
                assert!(replaced.contains("is append-only"), "{table}: {replaced}");
            }
            Place::Postgres(database) => {
                let (truncate, update) =
                    (format!("TRUNCATE {table}"), format!("UPDATE {table} SET {column} = {column}"));
                assert!(by_hand(&database.owner_url, &truncate).await.contains("is append-only"), "{table}");
                for change in [truncate, update, format!("DELETE FROM {table}"), format!("DROP TABLE {table}")] {
                    let said = by_hand(&database.app_url, &change).await;
                    assert!(said.contains("permission denied") || said.contains("must be owner"), "{change}: {said}");
                }
            }
        }
    }

    fn by_hand(&self, statement: &str) -> String {
        let Place::Sqlite(folder) = self else { panic!("a file") };
        let connection = rusqlite::Connection::open(folder.path().join("hub.db")).expect("the file");
        connection.execute_batch("PRAGMA recursive_triggers = ON").expect("as every writer has it");
        connection.execute(statement, []).expect_err("a refusal").to_string()
    }
}

async fn by_hand(url: &str, statement: &str) -> String {
    let mut connection = sqlx::PgConnection::connect(url).await.expect("a connection");
    connection.execute(sqlx::AssertSqlSafe(statement.to_owned())).await.expect_err("a refusal").to_string()
}
