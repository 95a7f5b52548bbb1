//! What the store promises by itself, on both databases: what it refuses, what its checks find. What it decides with real
//! rules is tested through `adapters/region`.

use jiff::civil::date;
use settlement::decide::resolve;
use settlement::ids::{InstitutionCode, MessageId, PersonNumber, PoolCode, RegionCode, TransactionNumber};
use settlement::person::Insurance;
use settlement::rulebook::RuleBookHash;
use sqlx::Connection as _;
use tempfile::TempDir;

use super::*;
use crate::engine::migrate;
use crate::testing::append_only::all_is_append_only_but;
use crate::testing::{Database, PrivatePostgres};
use crate::values;

/// Runs every promise on both databases.
macro_rules! on_both {
    ($($promise:ident,)+) => {
        mod on_sqlite {
            $(#[tokio::test]
            async fn $promise() {
                super::$promise(super::Place::on_sqlite()).await;
            })+
        }

        mod on_postgres {
            $(#[tokio::test]
            async fn $promise() {
                super::$promise(super::Place::on_postgres()).await;
            })+
        }
    };
}

on_both! {
    evidence_is_never_changed_or_removed,
    each_check_finds_what_it_is_for,
    a_set_of_rule_books_is_known_by_its_content,
    a_batch_is_answered_again_from_the_book,
    a_second_writer_is_kept_out_until_the_first_is_gone,
    a_write_that_fails_leaves_its_neighbours_alone,
    a_person_is_found_by_number_and_by_digest,
    what_was_known_of_a_person_is_never_out_of_date,
}

mod corrections;

/// Where the store is.
enum Place {
    Sqlite(TempDir),
    Postgres(Database),
}

impl Place {
    fn on_sqlite() -> Place {
        Place::Sqlite(tempfile::tempdir().expect("a folder"))
    }

    /// As in production: migrated by its owner, served by a role that owns nothing.
    fn on_postgres() -> Place {
        let database = PrivatePostgres::shared().database().expect("a database");
        let owner = database.owner_url.parse().expect("a location");
        migrate(&owner, &SCHEMA, Some(&database.app_role)).expect("it is migrated");
        Place::Postgres(database)
    }

    fn location(&self) -> Location {
        match self {
            Place::Sqlite(folder) => folder.path().join("home.db").into(),
            Place::Postgres(database) => database.app_url.parse().expect("a location"),
        }
    }

    fn try_open(&self) -> Result<HomeStore, StoreError> {
        let wire = Wire {
            read_operation: |_| Err("no operation is read here".into()),
            read_outcome: |_| Err("no answer is read here".into()),
            write_decision: |_| Bytes::from_static(b"an answer"),
        };
        HomeStore::open(&self.location(), wire, &StoreOptions::default())
    }

    fn open(&self) -> HomeStore {
        self.try_open().expect("a store")
    }
}

async fn run(store: &HomeStore, statement: &'static str) -> Result<(), StoreError> {
    store.engine.write(move |sql| sql.execute(statement, &[]).map(drop)).await
}

async fn operation(store: &HomeStore, seq: i64, journal: Option<&'static str>) {
    let key = format!("key {seq}");
    let insert = move |sql: &Sql<'_>| {
        let (nothing, none): (&[u8], Option<i64>) = (&[], None);
        let values = values![seq, &key, "void", "P", nothing, None::<&[u8]>, none, 1, false, nothing, journal, 0];
        sql.execute(rows::OPERATION, values).map(drop)
    };
    store.engine.write(insert).await.expect("an operation");
}

async fn settlement(store: &HomeStore, seq: i64) {
    let insert = move |sql: &Sql<'_>| {
        let nothing: &[u8] = &[];
        let day = "2025-06-01";
        let values =
            values![seq, "S", "410700", "P", "V", "H", "120000", "inpatient", day, "", "", false, "third", "", nothing];
        sql.execute(rows::SETTLEMENT, values).map(drop)
    };
    store.engine.write(insert).await.expect("a settlement");
}

/// What is known of a person now: who somebody is, and which version of the dated facts holds;
/// and the digests, which can be made again from the leaves.
const CHANGING: [&str; 7] = ["enrollees", "buckets", "folds", "roots", "new_leaves", "stale_roots", "unfolded"];

async fn evidence_is_never_changed_or_removed(place: Place) {
    let store = place.open();
    let database = match &place {
        Place::Sqlite(_) => None,
        Place::Postgres(database) => Some(database),
    };
    all_is_append_only_but(&CHANGING, &store.engine, database).await;
}

async fn each_check_finds_what_it_is_for(place: Place) {
    let store = place.open();
    assert_eq!(store.proof_run().await.expect("a proof"), [], "an empty book");
    let found = async || {
        let findings = store.proof_run().await.expect("a proof");
        let mut found: Vec<_> = findings.into_iter().map(|finding| finding.invariant).collect();
        found.sort_unstable();
        found
    };
    operation(&store, 1, None).await;
    operation(&store, 3, None).await;
    assert_eq!(found().await, ["the book has no gaps"]);
    operation(&store, 2, Some("cash\u{1f}\u{1f}P\u{1f}\u{1f}\u{1f}5")).await;
    run(&store, "INSERT INTO undoings VALUES (2, 's', 'reversed', '')").await.expect("a row");
    assert_eq!(found().await, ["every journal entry balances"]);
    run(&store, "INSERT INTO undoings VALUES (1, 's', 'reversed', '')").await.expect("a row");
    let change = "every change has its journal entry, and no other entry is there";
    assert_eq!(found().await, [change, "every journal entry balances"]);
    run(
        &store,
        "INSERT INTO usages VALUES ('P', 1, '', '', '2025-06-01', 2025, 'employee', 'inpatient', '', '202506', 1, 0, 0, 0, 0, 0, 0, 0,
            0, 0, 0, 0, 0, 0)",
    )
    .await
    .expect("a row");
    let used = "year-to-date is the fold of what is in force";
    assert_eq!(found().await, [change, "every journal entry balances", used]);
    run(&store, "INSERT INTO account_entries VALUES ('P', 1, '', 100)").await.expect("a row");
    let account = "an account is the fold of what is in force";
    assert_eq!(found().await, [account, change, "every journal entry balances", used]);
    settlement(&store, 3).await;
    let lost = "a settlement is found by its person and its visit";
    assert_eq!(found().await, [lost, account, change, change, "every journal entry balances", used]);
}

async fn a_set_of_rule_books_is_known_by_its_content(place: Place) {
    let store = place.open();
    let book = |byte| RuleBookText {
        hash: RuleBookHash([byte; 32]),
        home: pool(),
        insurance: Insurance::Employee,
        content: byte.to_string(),
    };
    let at = Timestamp::UNIX_EPOCH;
    let one = store.rule_set_load(vec![book(1), book(2)], at).await.expect("a set");
    assert_eq!(store.rule_set_load(vec![book(2), book(1)], at).await.expect("the same set"), one);
    assert_ne!(store.rule_set_load(vec![book(2)], at).await.expect("another set"), one);
    let texts = store.engine.read(move |sql| rule_books::texts(sql, one.0)).await.expect("a read");
    assert_eq!(texts, ["1", "2"]);
}

async fn a_batch_is_answered_again_from_the_book(place: Place) {
    let store = place.open();
    let asked = [voided("m1"), voided("m2"), voided("m1")];
    let replies = decide(&store, &asked).await;
    let seqs: Vec<_> = replies.iter().map(seq_of).collect();
    assert_eq!(seqs, [1, 2, 1]);
    assert_eq!(decide(&store, &asked[..2]).await, replies[..2], "the same answers at the same places");
    assert_eq!(seq_of(&decide(&store, &[voided("m3")]).await[0]), 3);
    assert_eq!(store.last_seq().await.expect("a place"), BookSeq(3));
    assert_eq!(store.answer_list().await.expect("answers").len(), 3);
    assert_eq!(store.proof_run().await.expect("a proof"), []);
}

async fn a_second_writer_is_kept_out_until_the_first_is_gone(place: Place) {
    let first = place.open();
    decide(&first, &[voided("m1")]).await;
    assert!(matches!(place.try_open().err(), Some(StoreError::InUse(_))));
    let closed = first.closed();
    drop(first);
    closed.wait().await;
    let second = place.open();
    assert_eq!(second.last_seq().await.expect("a place"), BookSeq(1));
}

async fn a_write_that_fails_leaves_its_neighbours_alone(place: Place) {
    let store = place.open();
    let (good, poisoned, other) = tokio::join!(
        run(&store, "INSERT INTO tombstones VALUES ('a', 1)"),
        run(&store, "INSERT INTO tombstones VALUES (NULL, 1)"),
        run(&store, "INSERT INTO tombstones VALUES ('b', 1)"),
    );
    assert!(good.is_ok() && poisoned.is_err() && other.is_ok());
    let kept = store
        .engine
        .read(|sql| sql.query("SELECT target FROM tombstones ORDER BY 1", &[], |row| Ok(row.text(0)?.to_owned())));
    assert_eq!(kept.await.expect("a read"), ["a", "b"]);
}

async fn a_person_is_found_by_number_and_by_digest(place: Place) {
    let store = place.open();
    let person = enrollee("1980-01-01", 1);
    store.enrollee_load(vec![person.clone()]).await.expect("taken in");
    for by in [
        Credential::Number(person.facts.number.clone()),
        Credential::Document(person.sealed.document_digest.clone()),
        Credential::Card(person.sealed.card_digest.clone()),
    ] {
        assert_eq!(store.enrollee_find(pool(), by).await.expect("a read"), Some(person.clone()));
    }
    let nobody = Credential::Document(b"other".to_vec());
    assert_eq!(store.enrollee_find(pool(), nobody).await.expect("a read"), None);
}

async fn what_was_known_of_a_person_is_never_out_of_date(place: Place) {
    let store = place.open();
    for (birth, content) in [("1980-01-01", 1), ("1981-01-01", 2), ("1980-01-01", 3)] {
        store.enrollee_load(vec![enrollee(birth, content)]).await.expect("taken in");
        for _ in 0..2 {
            let recent = store.recent.clone();
            let found = store.engine.read(move |sql| versions::current(sql, &recent, r#"["P"]"#)).await;
            let found = found.expect("a read");
            assert_eq!(found.iter().map(|(_, person)| person.birth.to_string()).collect::<Vec<_>>(), [birth]);
        }
    }
}

#[tokio::test]
async fn a_writer_whose_connection_is_killed_goes_on() {
    let place = Place::on_postgres();
    let Place::Postgres(database) = &place else { unreachable!("it was made there") };
    let store = place.open();
    decide(&store, &[voided("m1")]).await;
    let mut owner =
        sqlx::PgConnection::connect(&PrivatePostgres::shared().superuser_url()).await.expect("a connection");
    let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1";
    sqlx::query(kill).bind(&database.name).execute(&mut owner).await.expect("it is killed");
    // The first after the fault may be told that its fate is unknown; asking again by key tells.
    let _told_or_not = try_decide(&store, &[voided("m2")]).await;
    let replies = decide(&store, &[voided("m1"), voided("m2")]).await;
    assert_eq!(replies.iter().map(seq_of).collect::<Vec<_>>(), [1, 2]);
    assert!(matches!(place.try_open().err(), Some(StoreError::InUse(_))), "it holds its fence again");
}

fn pool() -> PoolCode {
    PoolCode(RegionCode::new("410700").expect("a code"))
}

fn voided(message: &str) -> Asked {
    Asked::Resolve(OperationKey {
        institution: InstitutionCode::new("H31010100001").expect("a code"),
        message: MessageId::new(message).expect("an id"),
        transaction: TransactionNumber::new("2207").expect("a number"),
        person: PersonNumber::new("P").expect("a number"),
        encounter: None,
        batch: None,
    })
}

async fn decide(store: &HomeStore, asked: &[Asked]) -> Vec<Reply> {
    try_decide(store, asked).await.expect("a batch")
}

async fn try_decide(store: &HomeStore, asked: &[Asked]) -> Result<Vec<Reply>, StoreError> {
    let decide = |book: &mut Book, asked: &Asked, _| resolve(book, asked.key());
    store.batch_decide(asked.to_vec().into(), Clock::real(), RuleSet(1), decide).await
}

fn seq_of(reply: &Reply) -> u64 {
    match reply {
        Reply::Answer { seq, outcome: _ } => seq.0,
        Reply::Undecided(_) | Reply::ContentDiffers { field: _ } => panic!("no answer: {reply:?}"),
    }
}

/// A stretch of insurance of which everything is known.
fn entitlement() -> EntitlementRow {
    use settlement::person::{Entitlement, Insurance, Joining, PersonClass, Validity};
    let validity = Validity { from: date(2025, 1, 1), to: Some(date(2025, 12, 31)) };
    EntitlementRow {
        entitlement: Entitlement {
            insurance: Insurance::Resident,
            class: PersonClass::Adult,
            validity,
            continuous_since: date(2025, 1, 1),
            tier: Some("high".into()),
            civil_servant: true,
            suspended: Some(Validity { from: date(2025, 2, 1), to: None }),
            joining: Joining {
                paid_on: Some(date(2025, 3, 1)),
                lapsed_months: 7,
                lapsed_years: 5,
                repaired_years: 2,
                joined_as: Some("graduate".into()),
            },
            retired_on: Some(date(2000, 12, 31)),
            claim_free_years: 3,
        },
        category: "1501".into(),
        employer: "works".into(),
    }
}

fn enrollee(birth: &str, content: u8) -> Enrollee {
    let facts = EnrolleeFacts {
        number: PersonNumber::new("P").expect("a number"),
        home: pool(),
        birth: birth.parse().expect("a date"),
        died: Some(date(2025, 6, 30)),
        entitlements: vec![entitlement()],
        identities: vec![settlement::person::DatedIdentity {
            class: settlement::person::AssistanceClass::Destitute,
            validity: settlement::person::Validity { from: date(2025, 1, 1), to: None },
        }],
        qualifications: Vec::new(),
        family: Vec::new(),
    };
    let sealed = Sealed {
        document_type: "01".into(),
        document_digest: b"document".to_vec(),
        card_digest: b"card".to_vec(),
        ..Sealed::default()
    };
    Enrollee { facts, sex: "1".into(), sealed, content: vec![content] }
}
