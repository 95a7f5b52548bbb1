//! Several hubs on one PostgreSQL: what one of them leaves behind, another finishes.

use std::time::Duration;

use broker::jobs::books::watch;
use ledger::engine::migrate;
use ledger::hub::SCHEMA;
use ledger::testing::PrivatePostgres;
use settlement::money::Money;
use settlement::outcome::Outcome;

use crate::doubt::{hospital_has, is_voided, send};
use crate::fake_home::Script;
use crate::requests::settle;
use crate::world::{Answered, World};

/// A hub on a database that is ready for it.
async fn on_postgres(deadline_ms: u64) -> World {
    let database = PrivatePostgres::shared().database().expect("a database");
    let owner = database.owner_url.parse().expect("a location");
    migrate(&owner, &SCHEMA, Some(&database.app_role)).expect("it is migrated");
    World::with(|config| {
        config.store = database.app_url.parse().expect("a location");
        config.deadline_ms = deadline_ms;
        // A region that keeps silent twice is not ill yet.
        config.breaker.failures_in_a_row = 1_000;
    })
    .await
}

#[tokio::test]
async fn what_one_hub_answered_the_other_answers_the_same() {
    let mut world = on_postgres(10_000).await;
    let other = world.another_hub().await;
    let first = world.answer(&settle("1")).await;
    let one = world.take_hub();
    world.go_on_with(other);
    assert_eq!(world.answer(&settle("1")).await, first);
    assert!(matches!(world.answer(&settle("2")).await.0, Outcome::Accepted { .. }));
    assert_eq!(world.home.operated().len(), 2);
    assert_eq!(hospital_has(&world).await, Money::from_yuan(200));
    one.stop().await;
    world.check().await;
}

#[tokio::test]
async fn when_one_of_two_hubs_dies_the_other_finds_out_what_became_of_its_operations() {
    let mut world = on_postgres(500).await;
    let other = world.another_hub().await;
    let known = send(&world, &settle("1"), Script::DecideAndHang).await;
    let never = send(&world, &settle("2"), Script::Hang).await;
    world.crash_hub().await;
    for sent in [known, never] {
        sent.abort();
    }
    world.go_on_with(other);
    assert_eq!(world.operate(&settle("1")).await, Ok(Answered::InDoubt), "nobody guesses");
    assert!(matches!(world.answer(&settle("1")).await.0, Outcome::Accepted { .. }));
    assert!(is_voided(&world.answer(&settle("2")).await.0));
    assert_eq!(hospital_has(&world).await, Money::from_yuan(100));
    world.check().await;
}

#[tokio::test]
async fn a_hub_knows_how_far_a_book_had_come_for_another() {
    let mut world = on_postgres(10_000).await;
    let other = world.another_hub().await;
    world.home.will(Script::Number(70));
    world.answer(&settle("1")).await;
    let one = world.take_hub();
    world.go_on_with(other);
    watch(world.hub().hub()).await.expect("the store answers");
    world.home.will(Script::Number(71));
    world.answer(&settle("2")).await;
    let asked = world.home.operated().pop().and_then(|request| request.hub).expect("the hub's part");
    assert_eq!(asked.known_book_seq, 70, "else an older copy that ends before 70 would not be noticed");
    one.stop().await;
}

#[tokio::test]
async fn a_hub_that_is_cut_off_from_a_region_lets_another_ask() {
    let mut world = on_postgres(500).await;
    let sent = send(&world, &settle("1"), Script::DecideAndHang).await;
    world.crash_hub().await;
    sent.abort();
    let way = std::mem::replace(&mut world.config.homes[0].address, "127.0.0.1:1".into());
    let cut_off = world.another_hub().await;
    // Time enough for it to take the lease; where it does not, there is nothing to give up.
    tokio::time::sleep(Duration::from_millis(300)).await;
    world.config.homes[0].address = way;
    world.start_hub().await;
    assert!(matches!(world.answer(&settle("1")).await.0, Outcome::Accepted { .. }));
    cut_off.stop().await;
    world.check().await;
}
