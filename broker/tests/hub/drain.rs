//! Stopping: whoever looks is told first, what is on its way ends, and what does not end in time is found out later.

use settlement::outcome::Outcome;
use std::sync::Arc;
use tokio::sync::Notify;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::fake_home::Script;
use crate::requests::*;
use crate::world::{Answered, World, told};

async fn status(world: &World) -> ServingStatus {
    let channel = world.peer("310000", identity::name::Role::Treatment);
    let asked = HealthCheckRequest { service: "yidi.v1.Hub".into() };
    HealthClient::new(channel).check(asked).await.expect("a status").into_inner().status()
}

#[tokio::test]
async fn whoever_looks_is_told_first_and_what_comes_before_the_end_is_still_served() {
    let world = World::new().await;
    assert_eq!(status(&world).await, ServingStatus::Serving);
    world.hub().retire().await;
    assert_eq!(status(&world).await, ServingStatus::NotServing);
    assert!(matches!(world.operate(&settle("1")).await, Ok(Answered::Outcome(..))));
}

#[tokio::test]
async fn what_is_on_its_way_ends_with_its_answer() {
    let mut world = World::new().await;
    let go_on = Arc::new(Notify::new());
    world.home.will(Script::AnswerWhen(go_on.clone()));
    let (mut hub, envelope) = (world.treatment(), envelope(&settle("1")));
    let sent = tokio::spawn(async move { told(hub.operate(envelope).await) });
    world.home.has_been_sent(1).await;
    let home = world.home.clone();
    let answering = async {
        // The hub has stopped listening by the time it is stopping; only then does the region answer.
        tokio::task::yield_now().await;
        go_on.notify_one();
        home.answered()
    };
    tokio::join!(world.stop_hub(), answering);
    let answer = sent.await.expect("no panic");
    assert!(matches!(answer, Ok(Answered::Outcome(Outcome::Accepted { .. }, _))), "{answer:?}");
}

#[tokio::test]
async fn what_does_not_end_in_time_is_found_out_by_the_next_hub() {
    let mut world = World::with(|config| config.deadline_ms = 200).await;
    world.home.will(Script::DecideAndHang);
    let (mut hub, envelope) = (world.treatment(), envelope(&settle("1")));
    let sent = tokio::spawn(async move { told(hub.operate(envelope).await) });
    world.home.has_been_sent(1).await;
    world.stop_hub().await;
    assert_eq!(sent.await.expect("no panic"), Ok(Answered::InDoubt));
    world.start_hub().await;
    assert!(matches!(world.answer(&settle("1")).await.0, Outcome::Accepted { .. }));
    world.check().await;
}
