//! Several hubs on one PostgreSQL: what one of them leaves behind, another finishes.

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
