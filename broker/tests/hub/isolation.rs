//! A region that is stalled, slow, down, flapping or lying hurts nobody else, and everybody sees that it is.

use std::time::Duration;

use broker::Config;
use broker::breaker::Standing;
use broker::directory::Fallen;
use broker::door::Door;
use broker::health::HomeHealth;
use broker::lie::Lie;
use settlement::ids::InstitutionCode;
use settlement::money::Money;
use settlement::operation::Request;
use settlement::outcome::{Done, Outcome, Undone};
use settlement::postings::Account;
use settlement::refusal::{Reason, Refusal};
use tokio::task::JoinHandle;
use tonic::Status;

use crate::fake_home::{Script, pay_half};
use crate::requests::*;
use crate::world::{Answered, NEIGHBOUR, World, reason, refusal, told};

const HOUR_MS: u64 = 3_600_000;

/// A hub that gives a region up quickly, and does not try it again while the test runs.
fn strict(config: &mut Config) {
    config.deadline_ms = 200;
    config.breaker.slow_ms = Some(50);
    config.breaker.failures_in_a_row = 3;
    config.breaker.open_ms = HOUR_MS;
    config.breaker.open_at_most_ms = HOUR_MS;
    config.resolve_every_ms = HOUR_MS;
}

/// Sends operations to the first home, and returns once they are there.
async fn send(world: &World, messages: std::ops::Range<usize>) -> Vec<JoinHandle<Result<Answered, Refusal>>> {
    let before = world.home.operated().len();
    let count = messages.len();
    let sent = messages.map(|message| {
        let (mut hub, envelope) = (world.treatment(), envelope(&settle(&message.to_string())));
        tokio::spawn(async move { told(hub.operate(envelope).await) })
    });
    let sent = sent.collect();
    world.home.has_been_sent(before + count).await;
    sent
}

async fn all(sent: Vec<JoinHandle<Result<Answered, Refusal>>>) -> Vec<Result<Answered, Refusal>> {
    let mut answers = Vec::new();
    for task in sent {
        answers.push(task.await.expect("no panic"));
    }
    answers
}

async fn neighbour_is_answered(world: &World, messages: std::ops::Range<usize>) {
    for message in messages {
        let (outcome, _) = world.answer(&settle_at(NEIGHBOUR, &format!("n{message}"))).await;
        assert!(matches!(outcome, Outcome::Accepted { .. }), "{outcome:?}");
    }
}

async fn health(world: &World) -> HomeHealth {
    world.hub().hub().health().await.expect("health").homes.remove(0)
}

async fn operations(world: &World) -> i64 {
    i64::try_from(world.hub().store().counts().await.expect("counts").operations).expect("a small number")
}

fn accepted(done: Done) -> Outcome {
    Outcome::Accepted { decided_at: jiff::Timestamp::UNIX_EPOCH, done }
}

#[tokio::test]
async fn a_stalled_region_takes_its_own_part_and_no_more() {
    let world = World::with_neighbour(|config| {
        config.in_flight = 8;
        config.in_flight_per_home = None;
    })
    .await;
    world.home.stall(true);
    let sent = send(&world, 1..5).await;
    let shed = world.operate(&settle("5")).await.expect_err("a refusal");
    assert_eq!((shed.reason, shed.detail.as_deref()), (Reason::Busy, Some("参保地待办已满")));
    assert_eq!(operations(&world).await, 4, "what is shed is not written");
    neighbour_is_answered(&world, 1..20).await;
    assert_eq!(health(&world).await.in_flight, 4);
    world.home.stall(false);
    for answer in all(sent).await {
        assert!(matches!(answer, Ok(Answered::Outcome(Outcome::Accepted { .. }, _))), "{answer:?}");
    }
    world.check().await;
}

#[tokio::test]
async fn questions_never_take_the_place_of_a_settlement() {
    let world = World::with(|config| config.in_flight = 4).await;
    let mut asking = Vec::new();
    world.home.stall(true);
    for message in 1..=16 {
        let mut hub = world.treatment();
        let operation = proto::convert::write_operation(&settle(&message.to_string()));
        let asked =
            proto::v1::EstimateRequest { operation, hub: None, request_id: "test".into(), ..Default::default() };
        asking.push(tokio::spawn(async move { hub.estimate(asked).await }));
    }
    // One place for questions: the others are told so at once.
    let mut told_busy = 0;
    while asking.len() > 1 {
        let (index, ended) = first_of(&mut asking).await;
        assert_eq!(refusal(&ended.expect_err("a refusal")).reason, Reason::Busy);
        asking.remove(index);
        told_busy += 1;
    }
    assert_eq!(told_busy, 15);
    let sent = send(&world, 1..5).await;
    world.home.stall(false);
    for answer in all(sent).await {
        assert!(matches!(answer, Ok(Answered::Outcome(..))), "{answer:?}");
    }
}

/// The first of some tasks to end.
async fn first_of<T>(tasks: &mut [JoinHandle<Result<T, Status>>]) -> (usize, Result<T, Status>) {
    std::future::poll_fn(|context| {
        for (index, task) in tasks.iter_mut().enumerate() {
            if let std::task::Poll::Ready(ended) = std::pin::Pin::new(task).poll(context) {
                return std::task::Poll::Ready((index, ended.expect("no panic")));
            }
        }
        std::task::Poll::Pending
    })
    .await
}

#[tokio::test]
async fn a_region_that_stays_silent_is_asked_no_more_and_nothing_is_written_for_it() {
    let world = World::with_neighbour(strict).await;
    world.home.stall(true);
    for message in 1..=3 {
        assert_eq!(world.operate(&settle(&message.to_string())).await, Ok(Answered::InDoubt));
    }
    assert_eq!(reason(world.operate(&settle("4")).await), Reason::RegionUnavailable);
    assert_eq!(world.operate(&settle("1")).await, Ok(Answered::InDoubt), "what came before is not denied");
    assert_eq!(world.resolve(&settle("2")).await, Ok(Answered::InDoubt));
    assert_eq!((world.home.operated().len(), operations(&world).await), (3, 3));
    let seen = health(&world).await;
    assert_eq!((seen.operations, seen.unanswered, seen.answers), (Standing::Open, 3, false));
    neighbour_is_answered(&world, 1..10).await;
    world.check().await;
}

#[tokio::test]
async fn a_region_that_is_down_is_asked_no_more_and_nothing_stays_in_doubt() {
    let mut world = World::with_neighbour(strict).await;
    world.stop_home().await;
    for message in 1..=8 {
        assert_eq!(reason(world.operate(&settle(&message.to_string())).await), Reason::RegionUnavailable);
    }
    let counts = world.hub().store().counts().await.expect("counts");
    assert_eq!((counts.operations, counts.unanswered), (3, 0), "three were released, five never written");
    neighbour_is_answered(&world, 1..10).await;
    world.check().await;
}

#[tokio::test]
async fn what_is_in_doubt_is_found_out_when_the_region_is_back_and_it_is_asked_as_before() {
    let world = World::with_neighbour(|config| {
        strict(config);
        (config.breaker.open_ms, config.breaker.open_at_most_ms, config.resolve_every_ms) = (20, 100, 20);
    })
    .await;
    world.home.stall(true);
    for message in 1..=3 {
        assert_eq!(world.operate(&settle(&message.to_string())).await, Ok(Answered::InDoubt));
    }
    world.home.stall(false);
    for message in 1..=3 {
        world.answer(&settle(&message.to_string())).await;
    }
    let mut next = 10..;
    while health(&world).await.operations != Standing::Closed {
        let message = next.next().expect("numbers do not end").to_string();
        match world.operate(&settle(&message)).await {
            Ok(_) => {}
            Err(refusal) => assert_eq!(refusal.reason, Reason::RegionUnavailable),
        }
    }
    assert_eq!(health(&world).await.unanswered, 0);
    world.check().await;
}

#[tokio::test]
async fn a_region_that_lies_again_and_again_is_asked_no_more() {
    let Request::Settle(asked) = settle("1").request else { panic!("a settle") };
    let mut wrong_sums = pay_half(&asked);
    wrong_sums.payers.cash += Money::from_yuan(1);
    let mut others = pay_half(&asked);
    others.settlement = settlement_id("another");
    for (lie, outcome) in [
        (Lie::WrongSums, accepted(Done::Settled(Box::new(wrong_sums)))),
        (Lie::OtherSettlement, accepted(Done::Settled(Box::new(others)))),
        (Lie::OtherRequest, accepted(Done::Reversed(Box::new(Undone::Nothing)))),
        (Lie::Passing, Outcome::Refused(Reason::Busy.into())),
    ] {
        let world = World::with_neighbour(strict).await;
        for message in ["1", "2", "3"] {
            world.home.will(Script::Say(outcome.clone()));
            assert_eq!(world.operate(&settle(message)).await, Ok(Answered::InDoubt), "{lie:?}");
        }
        assert_eq!(reason(world.operate(&settle("4")).await), Reason::RegionUnavailable, "{lie:?}");
        let seen = health(&world).await;
        assert_eq!((seen.operations, seen.last_lie.map(|last| last.lie)), (Standing::Open, Some(lie)));
        neighbour_is_answered(&world, 1..5).await;
        world.check().await;
    }
}

#[tokio::test]
async fn one_stuck_lie_that_is_asked_about_for_ever_closes_nobody_out() {
    let world = World::with(|config| config.resolve_every_ms = 5).await;
    world.home.will(Script::Say(accepted(Done::Reversed(Box::new(Undone::Nothing)))));
    assert_eq!(world.operate(&settle("1")).await, Ok(Answered::InDoubt));
    for _ in 0..10 {
        assert_eq!(world.resolve(&settle("1")).await, Ok(Answered::InDoubt));
    }
    assert_eq!(health(&world).await.operations, Standing::Closed);
    assert!(matches!(world.answer(&settle("2")).await.0, Outcome::Accepted { .. }));
}

#[tokio::test]
async fn a_reversal_cannot_be_answered_with_what_is_anothers() {
    let world = World::with(strict).await;
    world.answer(&other_person(&settle("1"))).await;
    world.answer(&settle("2")).await;
    let Request::Settle(first) = settle("1").request else { panic!("a settle") };
    let undone = Undone::Settlement { original: pay_half(&first), account_balance: Money::ZERO };
    world.home.will(Script::Say(accepted(Done::Reversed(Box::new(undone)))));
    assert_eq!(world.operate(&reverse("3", "2", "2304")).await, Ok(Answered::InDoubt));
    assert_eq!(health(&world).await.last_lie.map(|last| last.lie), Some(Lie::OtherSettlement));
    let hospital = Account::Hospital { institution: InstitutionCode::new(HOSPITAL).expect("a code") };
    assert_eq!(world.received(hospital).await, Money::from_yuan(200), "both settlements stand");
    world.check().await;
}

#[tokio::test]
async fn a_number_that_comes_twice_is_seen_and_the_answers_are_kept() {
    let world = World::new().await;
    for number in [7, 8, 8] {
        world.home.will(Script::Number(number));
    }
    world.answer(&settle("1")).await;
    assert_eq!(health(&world).await.last_lie, None);
    // They leave together, so that neither falls behind the other.
    world.home.stall(true);
    let sent = send(&world, 2..4).await;
    world.home.stall(false);
    for answer in all(sent).await {
        assert!(matches!(answer, Ok(Answered::Outcome(Outcome::Accepted { .. }, _))), "{answer:?}");
    }
    let seen = health(&world).await;
    assert_eq!((seen.last_lie.map(|last| last.lie), seen.operations), (Some(Lie::NumberRepeated), Standing::Closed));
}

/// An older copy that lacks nothing but the last answer gives its number again.
#[tokio::test]
async fn a_book_that_is_one_answer_behind_fell() {
    let world = World::with(strict).await;
    for (message, number) in [("1", 7), ("2", 8)] {
        world.home.will(Script::Number(number));
        world.answer(&settle(message)).await;
    }
    world.home.will(Script::Number(8));
    assert_eq!(world.operate(&settle("3")).await, Ok(Answered::InDoubt));
    let seen = health(&world).await;
    assert_eq!(seen.last_lie.map(|last| last.lie), Some(Lie::NumberFell));
    assert_eq!(reason(world.operate(&settle("4")).await), Reason::RegionUnavailable);
}

/// Were it believed, the region would be asked about a book that it never had, for good.
#[tokio::test]
async fn a_number_out_of_sight_is_not_believed() {
    let world = World::with(strict).await;
    for (message, number, told) in [("1", 7, true), ("2", 1 << 62, false), ("3", 8, true)] {
        world.home.will(Script::Number(number));
        let answer = world.operate(&settle(message)).await;
        assert_eq!(matches!(answer, Ok(Answered::Outcome(Outcome::Accepted { .. }, _))), told, "{number}: {answer:?}");
    }
    assert_eq!(health(&world).await.last_lie.map(|last| last.lie), Some(Lie::NumberLeapt));
    let asked = world.home.operated().pop().and_then(|request| request.hub).expect("the hub's part");
    assert_eq!(asked.known_book_seq, 7);
}

/// Whoever reverses an operation has its home asked about it also while it waits to be sent. Where it is then released
/// instead, its home knows the key already, under a number of that time.
#[tokio::test]
async fn a_key_that_was_released_may_be_known_at_home_under_an_older_number() {
    let world = World::with(strict).await;
    for (message, number) in [("0", 7), ("1", 8)] {
        world.home.will(Script::Number(number));
        world.answer(&settle(message)).await;
    }
    world.home.will(Script::Refuse(Reason::Busy.into()));
    assert_eq!(reason(world.operate(&settle("2")).await), Reason::Busy);
    world.home.will(Script::Number(3));
    world.answer(&settle("2")).await;
    let seen = health(&world).await;
    assert_eq!((seen.last_lie, seen.book_fell), (None, None));
    world.check().await;
}

#[tokio::test]
async fn a_book_that_falls_is_not_believed_and_gets_nothing_new() {
    let world = World::with(strict).await;
    for (message, number) in [("0", 7), ("1", 8)] {
        world.home.will(Script::Number(number));
        world.answer(&settle(message)).await;
    }
    world.home.will(Script::Number(3));
    assert_eq!(world.operate(&settle("2")).await, Ok(Answered::InDoubt));
    let seen = health(&world).await;
    assert_eq!(seen.last_lie.map(|last| last.lie), Some(Lie::NumberFell));
    assert_eq!(seen.book_fell, Some(Fallen { from: 8, to: 2 }));
    let asked = world.home.operated().len();
    let refused = world.operate(&settle("3")).await.expect_err("a refusal");
    assert_eq!(refused.reason, Reason::RegionUnavailable);
    assert_eq!(world.home.operated().len(), asked, "nothing new is sent there");
}

#[tokio::test]
async fn whoever_says_how_long_he_waits_is_told_before_that_that_nothing_is_known_yet() {
    let world = World::new().await;
    world.home.stall(true);
    let mut request = tonic::Request::new(envelope(&settle("1")));
    request.set_timeout(Duration::from_millis(800));
    assert_eq!(told(world.treatment().operate(request).await), Ok(Answered::InDoubt));
    let sent = world.home.operated().remove(0).hub.expect("the hub's fields");
    assert!((1..=700).contains(&sent.deadline_ms), "the region is given less: {}", sent.deadline_ms);
    assert_eq!(health(&world).await.operations, Standing::Closed, "a hurried caller says nothing about a region");
}

#[tokio::test]
async fn whoever_waits_too_briefly_for_any_answer_is_refused_before_anything_is_written() {
    let world = World::new().await;
    let door = Door::new(world.hub().hub().clone(), Default::default(), Default::default());
    let permit = world.permit();
    let hurried = door.operate(&permit, envelope(&settle("1")), Some(Duration::from_millis(10))).await;
    let refused = hurried.expect_err("a refusal");
    assert_eq!((refused.reason, refused.detail.as_deref()), (Reason::Busy, Some("剩余时间不足")));
    assert_eq!(world.hub().store().counts().await.expect("counts"), Default::default());
}
