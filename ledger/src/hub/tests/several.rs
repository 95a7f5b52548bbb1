//! What holds when several hubs write one database, and when a connection goes away under one.

use settlement::filing;
use sqlx::{Connection as _, Executor as _, Row as _};

use super::*;

/// How often two hubs race. Each time has another order.
const RACES: usize = 40;

/// Another hub on the same database.
pub(super) fn beside(world: &World) -> World {
    let Place::Postgres(database) = &world.place else { panic!("several hubs need PostgreSQL") };
    World::at(Place::Postgres(database.clone()))
}

fn both() -> (World, World) {
    let world = World::on_postgres();
    let other = beside(&world);
    (world, other)
}

#[tokio::test]
async fn a_key_that_comes_to_two_hubs_at_once_is_received_once() {
    let (one, other) = both();
    for race in 0..RACES {
        let operation = settle(&format!("m{race}"));
        match tokio::join!(one.receive(&operation), other.receive(&operation)) {
            (Received::Fresh(fresh), Received::Earlier(earlier))
            | (Received::Earlier(earlier), Received::Fresh(fresh)) => assert_eq!(fresh.position, earlier.position),
            received => panic!("{received:?}"),
        }
    }
    assert_eq!(one.store.counts().await.expect("counts").operations, RACES as u64);
}

#[tokio::test]
async fn many_keys_in_opposite_order_at_two_hubs_are_each_received_once() {
    let (one, other) = both();
    let forth: Vec<Operation> = (0..RACES).map(|race| settle(&format!("m{race}"))).collect();
    let back: Vec<Operation> = forth.iter().rev().cloned().collect();
    let all_at = |world: &World, operations: Vec<Operation>| {
        let tasks: Vec<_> = operations
            .into_iter()
            .map(|operation| {
                let (store, regions) = (world.store.clone(), world.regions.clone());
                tokio::spawn(async move {
                    let bytes = Bytes::from_static(b"the bytes");
                    let receipt = Receipt { operation: Arc::new(operation), bytes, received_at: at(1), regions };
                    matches!(store.operation_receive(receipt).await.expect("received"), Received::Fresh(_))
                })
            })
            .collect();
        async move {
            let mut fresh = 0;
            for task in tasks {
                fresh += usize::from(task.await.expect("no panic"));
            }
            fresh
        }
    };
    let (here, there) = tokio::join!(all_at(&one, forth), all_at(&other, back));
    assert_eq!(here + there, RACES);
}

#[tokio::test]
async fn a_reversal_at_one_hub_and_its_original_at_another_never_pass_each_other() {
    let (one, other) = both();
    for race in 0..RACES {
        let original = settle(&format!("m{race}"));
        let reversal = reverse(&format!("r{race}"), &format!("m{race}"));
        match tokio::join!(one.receive(&original), other.receive(&reversal)) {
            (Received::Voided, Received::Fresh(Fresh { target: Some(Target::Unknown), .. })) => {}
            (Received::Fresh(fresh), Received::Fresh(Fresh { target: Some(Target::Known { unanswered }), .. })) => {
                assert_eq!(unanswered.iter().map(|waiting| waiting.position).collect::<Vec<_>>(), [fresh.position]);
            }
            received => panic!("{received:?}"),
        }
    }
}

#[tokio::test]
async fn a_settlement_that_two_hubs_enter_at_once_is_entered_once() {
    let (one, other) = both();
    for race in 0..RACES {
        let first = one.receive_fresh(&settle(&format!("a{race}"))).await.position;
        let second = other.receive_fresh(&settle(&format!("b{race}"))).await.position;
        let entry = || booking(&format!("S{race}"), Turn::Enter, 100);
        match tokio::join!(one.answer(first, entry()), other.answer(second, entry())) {
            (Answering::Kept, Answering::Contradicts) | (Answering::Contradicts, Answering::Kept) => {}
            answered => panic!("{answered:?}"),
        }
    }
    assert_eq!(one.hospital().await, 100 * i64::try_from(RACES).expect("few"));
    one.check().await;
}

#[tokio::test]
async fn a_job_is_done_by_one_hub_until_its_lease_ends() {
    let (one, other) = both();
    let takes = async |world: &World, held_for| world.store.lease_take("sweep", held_for).await.expect("no fault");
    let (long, short) = (Duration::from_secs(3_600), Duration::ZERO);
    assert!(takes(&one, long).await);
    assert!(takes(&one, long).await, "whoever has it keeps it");
    assert!(!takes(&other, long).await);
    assert!(takes(&one, short).await);
    while !takes(&other, long).await {}
    one.store.lease_give_up("sweep").await.expect("no fault");
    assert!(!takes(&one, long).await, "only one's own lease is given up");
    other.store.lease_give_up("sweep").await.expect("no fault");
    assert!(takes(&one, long).await);
}

#[tokio::test]
async fn a_hub_whose_connection_was_cut_goes_on_as_another_committer() {
    let world = World::on_postgres();
    let Place::Postgres(database) = &world.place else { panic!("PostgreSQL") };
    let mut superuser = sqlx::PgConnection::connect(&PrivatePostgres::shared().superuser_url()).await.expect("in");
    let cut = format!(
        "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = '{}' AND pid <> pg_backend_pid()",
        database.app_role
    );
    let before = world.receive_fresh(&settle("1")).await.position;
    let ended = superuser.fetch_one(sqlx::AssertSqlSafe(cut)).await.expect("cut");
    assert!(ended.get::<i64, _>(0) > 0);
    let after = world.receive_fresh(&settle("2")).await.position;
    assert_ne!(before.0 >> 40, after.0 >> 40, "{before} {after}");
    assert_eq!(world.answer(before, booking("1", Turn::Enter, 100)).await, Answering::Kept);
    world.check().await;
}

#[tokio::test]
async fn the_filings_fetched_in_a_batch_are_those_that_the_rule_chooses() {
    let world = World::on_postgres();
    let mut lodged = Vec::new();
    for (number, class) in FilingClass::ALL.into_iter().cycle().take(24).enumerate() {
        let day = i8::try_from(number % 7).expect("few") + 5;
        let mut filing = filing(&format!("F{number:02}"), class, date(2025, 6, day));
        filing.destination = RegionCode::new(["310000", "310101", "410700"][number % 3]).expect("six digits");
        filing.person = PersonNumber::new(&format!("P{}", number / 8)).expect("a number");
        filing.validity.to = [None, Some(date(2025, 6, 30)), Some(date(2025, 6, 9))][number / 3 % 3];
        // Every second long-term one by commitment, though it begins later; every second of them proven by now.
        if class == FilingClass::LongTerm && number % 8 == 4 {
            filing.proof = Proof::Commitment;
        }
        world.store.filing_lodge(filing.clone(), lodging(), vec![]).await.expect("lodged");
        if number % 16 == 12 {
            world.store.filing_prove(filing.id.clone(), lodging(), vec![]).await.expect("proven");
        }
        if number % 5 == 0 {
            let last_day = (number % 2 == 0).then_some(date(2025, 6, 11));
            world.store.filing_cancel(filing.id.clone(), last_day, lodging(), vec![]).await.expect("cancelled");
        }
        lodged.push(filing.person);
    }
    lodged.dedup();
    for person in lodged {
        let person_text = person.as_str().to_owned();
        let mut operation = settle(&person_text);
        operation.key.person = person.clone();
        let held = world.store.filing_of_person(pool("410700"), person).await.expect("filings");
        let area = RegionCode::new("310101").expect("six digits");
        let chosen = filing::covering(&held, &world.regions, area, date(2025, 6, 10));
        assert_eq!(world.receive_fresh(&operation).await.filings.iter().collect::<Vec<_>>(), chosen);
        let mut at_home = settle(&format!("{}-home", person_text));
        at_home.key.person = operation.key.person.clone();
        let home = pool("410700");
        if let Request::Settle(settle) = &mut at_home.request {
            (settle.encounter.area, settle.encounter.pool) = (home.0, home);
        }
        let chosen = filing::covering(&held, &world.regions, home.0, date(2025, 6, 10));
        assert_eq!(world.receive_fresh(&at_home).await.filings.iter().collect::<Vec<_>>(), chosen);
    }
}
