//! The store by itself: what it refuses, what its checks find. What it decides with real rules is tested through
//! `adapters/region`.

use rusqlite::Transaction;
use settlement::ids::RegionCode;
use settlement::person::Insurance;
use settlement::rulebook::RuleBookHash;

use super::*;

async fn store() -> (tempfile::TempDir, HomeStore) {
    let folder = tempfile::tempdir().expect("a folder");
    let wire = Wire {
        read_operation: |_| Err("no operation is read here".into()),
        read_outcome: |_| Err("no answer is read here".into()),
        write_decision: |_| Bytes::new(),
    };
    let store = HomeStore::open(&folder.path().join("store.db"), wire, StoreOptions::default()).expect("a store");
    (folder, store)
}

async fn run(store: &HomeStore, statements: &'static str) -> Result<(), StoreError> {
    store.writer.write(move |transaction: &Transaction<'_>| Ok(transaction.execute_batch(statements)?)).await
}

#[tokio::test]
async fn evidence_is_never_changed_or_removed() {
    let (_folder, store) = store().await;
    run(
        &store,
        "INSERT INTO operations VALUES (1, 'k', 'void', 'P', x'', NULL, NULL, 1, 0, x'', 0);
         INSERT INTO undoings VALUES (1, 's', 'reversed', '');
         INSERT INTO account_entries VALUES ('P', 0, 'D1', 100);
         INSERT INTO journal_lines VALUES (1, 0, 'cash', '', 'P', '', '', 5);
         INSERT INTO tombstones VALUES ('t', 1);",
    )
    .await
    .expect("rows");
    for statement in [
        "UPDATE operations SET kind = 'settle'",
        "DELETE FROM undoings",
        "UPDATE account_entries SET amount = 0",
        "DELETE FROM journal_lines",
        "DELETE FROM tombstones",
        "REPLACE INTO operations VALUES (1, 'k', 'void', 'P', x'', NULL, NULL, 1, 0, x'', 0)",
    ] {
        assert!(matches!(run(&store, statement).await, Err(StoreError::Sql(_))), "{statement}");
    }
}

#[tokio::test]
async fn each_check_finds_what_it_is_for() {
    for (broken, invariant) in [
        (
            "INSERT INTO operations VALUES (1, 'a', 'void', 'P', x'', NULL, NULL, 1, 0, x'', 0), \
          (3, 'b', 'void', 'P', x'', NULL, NULL, 1, 0, x'', 0)",
            "the book has no gaps",
        ),
        (
            "INSERT INTO undoings VALUES (1, 's', 'reversed', ''); \
          INSERT INTO journal_lines VALUES (1, 0, 'cash', '', 'P', '', '', 5)",
            "every journal entry balances",
        ),
        (
            "INSERT INTO undoings VALUES (1, 's', 'reversed', '')",
            "every change has its journal entry, and no other entry is there",
        ),
        (
            "INSERT INTO usages VALUES ('P', 1, '', '2025-06-01', 2025, 'employee', 'inpatient', '', 1, 0, 0, 0, 0, 0, 0, 0, 0)",
            "year-to-date is the fold of what is in force",
        ),
        ("INSERT INTO account_entries VALUES ('P', 1, '', 100)", "an account is the fold of what is in force"),
    ] {
        let (_folder, store) = store().await;
        assert_eq!(store.proof_run().await.expect("a proof"), [], "an empty book");
        run(&store, broken).await.expect("rows");
        let found: Vec<_> = store.proof_run().await.expect("a proof").into_iter().map(|one| one.invariant).collect();
        assert_eq!(found, [invariant]);
    }
}

#[tokio::test]
async fn a_set_of_rule_books_is_known_by_its_content() {
    let (_folder, store) = store().await;
    let book = |byte| RuleBookText {
        hash: RuleBookHash([byte; 32]),
        home: settlement::ids::PoolCode(RegionCode::new("410700").expect("a code")),
        insurance: Insurance::Employee,
        content: byte.to_string(),
    };
    let at = Timestamp::UNIX_EPOCH;
    let one = store.rule_set_load(vec![book(1), book(2)], at).await.expect("a set");
    assert_eq!(store.rule_set_load(vec![book(2), book(1)], at).await.expect("the same set"), one);
    assert_ne!(store.rule_set_load(vec![book(2)], at).await.expect("another set"), one);
    let mut texts: Vec<String> =
        store.readers.read(move |connection| rule_books::texts(connection, one.0)).await.expect("a read");
    texts.sort();
    assert_eq!(texts, ["1", "2"]);
}
