//! Evidence is never changed or removed, whoever asks.

use ::settlement::bill::ItemClass;
use ::settlement::ids::SettlementId;
use sqlx::{Connection as _, Executor as _, PgConnection};

use super::*;

/// A table, and a column of it.
const EVIDENCE: [(&str, &str); 12] = [
    ("messages", "reference"),
    ("reversals", "reversed_by"),
    ("tombstones", "laid_by"),
    ("sendings", "taken"),
    ("answers", "book_seq"),
    ("settlement_events", "message"),
    ("encounters", "message"),
    ("encounter_events", "message"),
    ("diagnoses", "message"),
    ("charges", "in_policy"),
    ("withdrawals", "message"),
    ("tallies", "sums"),
];

/// One row in every table of evidence.
async fn filled(place: &Place) -> TreatmentStore {
    let store = place.store();
    changed(&store, |session| {
        session.encounter_open(&new_stay(), Statement::default(), 1, at())?;
        let diagnosis =
            Diagnosis { kind: "1".into(), ordinal: "1".into(), code: "I10".into(), main: true, valid: true };
        session.diagnosis_note(&stay(), &diagnosis, 1)?;
        session.charge_insert(&stay(), &[charge("1", 9, ItemClass::A, 5)], 1)?;
        session.charge_withdraw(&stay(), &session.charge_list(&stay())?[0], 1, at())?;
        session.operation_insert(1, &message("m", stay().as_str(), 1), &settle("s", Vec::new()))?;
        session.operation_note_whereabouts(1, Whereabouts::NotTaken, at())?;
        session.answer_insert(1, &answer(), Some(&sums()), at())?;
        session.message_mark_reversed(1, 1, at())?;
        session.tombstone_lay("t", 1, at())?;
        session.settlement_note(&SettlementId::new("s").expect("an id"), &SettlementChange::Reversed, 1, at())
    })
    .await;
    store
}

#[test]
fn all_evidence_is_append_only() {
    let tables: Vec<&str> = EVIDENCE.iter().map(|(table, _)| *table).collect();
    assert_eq!(SCHEMA.versions[0].append_only, tables);
}

#[tokio::test]
async fn a_file_refuses_to_change_evidence() {
    let place = Place::file();
    let store = filled(&place).await;
    let Location::File(path) = &place.location else { panic!("it is a file") };
    let connection = rusqlite::Connection::open(path).expect("a connection");
    connection.execute_batch("PRAGMA recursive_triggers = ON").expect("as the writer has it");
    for (table, column) in EVIDENCE {
        for statement in [
            format!("UPDATE {table} SET {column} = {column}"),
            format!("DELETE FROM {table}"),
            format!("REPLACE INTO {table} SELECT * FROM {table}"),
        ] {
            let refused = connection.execute_batch(&statement).expect_err(&statement).to_string();
            assert!(refused.contains("append-only"), "{statement}: {refused}");
        }
    }
    drop(store);
}

#[tokio::test]
async fn postgres_refuses_to_change_evidence() {
    let place = Place::postgres();
    let _store = filled(&place).await;
    let database = place.database.as_ref().expect("a database");
    for url in [&database.app_url, &database.owner_url] {
        let mut connection = PgConnection::connect(url).await.expect("a connection");
        for (table, column) in EVIDENCE {
            for statement in [
                format!("UPDATE {table} SET {column} = {column}"),
                format!("DELETE FROM {table}"),
                format!("TRUNCATE {table}"),
            ] {
                let refused = connection.execute(sqlx::AssertSqlSafe(statement.clone())).await;
                assert!(refused.is_err(), "{statement} at {url}");
            }
        }
    }
}
