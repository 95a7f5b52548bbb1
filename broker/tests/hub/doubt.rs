//! What got no answer: nobody guesses, it is asked about until its answer comes, and no process has to live for that.

use settlement::ids::InstitutionCode;
use settlement::money::Money;
use settlement::operation::Operation;
use settlement::outcome::{Done, Outcome, Undone};
use settlement::postings::Account;
use settlement::refusal::{Reason, Refusal};
use tokio::task::JoinHandle;

use crate::fake_home::Script;
use crate::requests::*;
use crate::world::{Answered, World, told};

/// Sends an operation that the home region will not answer, and stops the region in the middle of it.
pub async fn lose_the_answer(world: &mut World, operation: &Operation, script: Script) {
    let sent = send(world, operation, script).await;
    world.stop_home().await;
    assert_eq!(sent.await.expect("no panic"), Ok(Answered::InDoubt));
}

/// Sends an operation, and returns once the home region has it.
pub async fn send(world: &World, operation: &Operation, script: Script) -> JoinHandle<Result<Answered, Refusal>> {
    let before = world.home.operated().len();
    world.home.will(script);
    let (mut hub, envelope) = (world.treatment(), envelope(operation));
    let sent = tokio::spawn(async move { told(hub.operate(envelope).await) });
    world.home.has_been_sent(before + 1).await;
    sent
}

pub async fn hospital_has(world: &World) -> Money {
    world.received(Account::Hospital { institution: InstitutionCode::new(HOSPITAL).expect("a code") }).await
}

pub fn is_voided(outcome: &Outcome) -> bool {
    outcome.refusal().is_some_and(|refusal| refusal.reason == Reason::Voided)
}

fn undid(outcome: &Outcome) -> &Undone {
    let Outcome::Accepted { done: Done::Reversed(undone), .. } = outcome else { panic!("not a reversal: {outcome:?}") };
    undone
}

#[tokio::test]
async fn a_lost_answer_is_fetched_when_the_region_is_back() {
    let mut world = World::new().await;
    lose_the_answer(&mut world, &settle("1"), Script::DecideAndHang).await;
    assert_eq!(world.operate(&settle("1")).await, Ok(Answered::InDoubt), "a repeat is told the same");
    assert_eq!(world.resolve(&settle("1")).await, Ok(Answered::InDoubt));
    world.start_home().await;
    let (outcome, _) = world.answer(&settle("1")).await;
    assert!(matches!(outcome, Outcome::Accepted { .. }));
    assert_eq!(world.home.operated().len(), 1, "it is never sent twice");
    assert_eq!(hospital_has(&world).await, Money::from_yuan(100));
    world.check().await;
}

#[tokio::test]
async fn a_region_that_will_not_say_what_became_of_it_has_not_answered() {
    let mut world = World::with(|config| config.resolve_every_ms = 3_600_000).await;
    lose_the_answer(&mut world, &settle("1"), Script::DecideAndHang).await;
    // As after a restart with the wrong pools: its book holds the acceptance all the same.
    world.home.refuse_to_resolve(Some(Reason::RegionNotServed.into()));
    world.start_home().await;
    while world.home.refused_to_resolve() == 0 {
        assert_eq!(world.resolve(&settle("1")).await, Ok(Answered::InDoubt));
    }
    world.home.refuse_to_resolve(None);
    let told = world.resolve(&settle("1")).await;
    assert!(matches!(told, Ok(Answered::Outcome(Outcome::Accepted { .. }, _))), "{told:?}");
    world.check().await;
}

#[tokio::test]
async fn a_refusal_in_a_status_is_no_answer_to_a_reversal_that_was_sent_before() {
    let mut world = World::new().await;
    world.operate(&settle("1")).await.expect("an answer");
    let reversal = reverse("2", "1", "2304");
    lose_the_answer(&mut world, &reversal, Script::DecideAndHang).await;
    world.home.will(Script::Refuse(Reason::RegionNotServed.into()));
    world.start_home().await;
    let (outcome, _) = world.answer(&reversal).await;
    assert!(matches!(undid(&outcome), Undone::Settlement { .. }), "{outcome:?}");
    assert_eq!(world.home.operated().len(), 4, "lost, refused, answered");
    assert_eq!(hospital_has(&world).await, Money::ZERO);
    world.check().await;
}

#[tokio::test]
async fn what_never_reached_the_region_is_voided_for_good() {
    let mut world = World::new().await;
    lose_the_answer(&mut world, &settle("1"), Script::Hang).await;
    world.start_home().await;
    let (outcome, _) = world.answer(&settle("1")).await;
    assert!(is_voided(&outcome), "{outcome:?}");
    assert_eq!(world.home.operated().len(), 1);
    assert_eq!(hospital_has(&world).await, Money::ZERO);
    world.check().await;
}

#[tokio::test]
async fn a_region_that_is_too_slow_is_asked_what_became_of_it() {
    let world = World::with(|config| config.deadline_ms = 200).await;
    let sent = send(&world, &settle("1"), Script::DecideAndHang).await;
    assert_eq!(sent.await.expect("no panic"), Ok(Answered::InDoubt));
    let (outcome, _) = world.answer(&settle("1")).await;
    assert!(matches!(outcome, Outcome::Accepted { .. }));
    world.check().await;
}

#[tokio::test]
async fn what_is_on_its_way_is_not_asked_about() {
    let world = World::new().await;
    let sent = send(&world, &settle("1"), Script::Hang).await;
    assert_eq!(world.resolve(&settle("1")).await, Ok(Answered::InDoubt));
    assert_eq!(world.home.answered(), 0, "asking would have voided it");
    sent.abort();
}

#[tokio::test]
async fn a_reversal_waits_for_its_target_and_both_end_in_order() {
    let mut world = World::new().await;
    lose_the_answer(&mut world, &settle("1"), Script::DecideAndHang).await;
    assert_eq!(world.operate(&reverse("2", "1", "2304")).await, Ok(Answered::InDoubt));
    world.start_home().await;
    let (outcome, _) = world.answer(&reverse("2", "1", "2304")).await;
    assert!(matches!(undid(&outcome), Undone::Settlement { .. }), "{outcome:?}");
    let (original, _) = world.answer(&settle("1")).await;
    assert!(matches!(original, Outcome::Accepted { .. }));
    assert_eq!(hospital_has(&world).await, Money::ZERO);
    assert_eq!(world.hub().store().counts().await.expect("counts").entries, 2);
    world.check().await;
}

#[tokio::test]
async fn a_reversal_has_its_target_answered_first_where_the_region_can_be_asked() {
    // The job does not come in between.
    let mut world = World::with(|config| config.resolve_every_ms = 3_600_000).await;
    lose_the_answer(&mut world, &settle("1"), Script::Hang).await;
    world.start_home().await;
    let (outcome, _) = world.answer(&reverse("2", "1", "2304")).await;
    assert_eq!(undid(&outcome), &Undone::Nothing);
    let (original, _) = world.answer(&settle("1")).await;
    assert!(is_voided(&original));
    assert_eq!(hospital_has(&world).await, Money::ZERO);
}

#[tokio::test]
async fn a_lost_reversal_is_sent_again() {
    let mut world = World::new().await;
    world.operate(&settle("1")).await.expect("an answer");
    let reversal = reverse("2", "1", "2304");
    lose_the_answer(&mut world, &reversal, Script::Hang).await;
    world.start_home().await;
    let (outcome, _) = world.answer(&reversal).await;
    assert!(matches!(undid(&outcome), Undone::Settlement { .. }));
    let sent = world.home.operated();
    assert_eq!(sent[1].operation, sent.last().expect("it came again").operation, "the same bytes");
    assert_eq!(hospital_has(&world).await, Money::ZERO);
    world.check().await;
}

#[tokio::test]
async fn a_cancellation_whose_settlement_has_no_answer_yet_waits_for_it() {
    let world = World::with(|config| config.resolve_every_ms = 3_600_000).await;
    let sent = send(&world, &settle("1"), Script::DecideAndHang).await;
    assert_eq!(world.operate(&cancel("2", "1")).await, Ok(Answered::InDoubt), "the journal has no original yet");
    sent.abort();
    let counts = world.hub().store().counts().await.expect("counts");
    assert_eq!((counts.unanswered, counts.entries), (2, 0));
}

#[tokio::test]
async fn an_operation_that_stays_in_doubt_does_not_hold_up_the_next() {
    let mut world = World::new().await;
    let lie =
        Outcome::Accepted { decided_at: jiff::Timestamp::UNIX_EPOCH, done: Done::Reversed(Box::new(Undone::Nothing)) };
    world.home.will(Script::Say(lie));
    assert_eq!(world.operate(&settle("1")).await, Ok(Answered::InDoubt));
    lose_the_answer(&mut world, &settle("2"), Script::DecideAndHang).await;
    world.start_home().await;
    assert!(matches!(world.answer(&settle("2")).await.0, Outcome::Accepted { .. }));
    assert_eq!(world.operate(&settle("1")).await, Ok(Answered::InDoubt), "it is seen, and not believed");
    assert_eq!(world.operate(&reverse("3", "1", "2304")).await, Ok(Answered::InDoubt));
    world.check().await;
}

#[tokio::test]
async fn many_operations_that_stay_in_doubt_do_not_hide_the_next() {
    // A region that lied so often would not be asked any more.
    let mut world = World::with(|config| config.breaker.lies = 0).await;
    let lie =
        Outcome::Accepted { decided_at: jiff::Timestamp::UNIX_EPOCH, done: Done::Reversed(Box::new(Undone::Nothing)) };
    // More than the job asks about in one round.
    for message in 1..=300 {
        world.home.will(Script::Say(lie.clone()));
        assert_eq!(world.operate(&settle(&message.to_string())).await, Ok(Answered::InDoubt));
    }
    lose_the_answer(&mut world, &settle("next"), Script::DecideAndHang).await;
    world.start_home().await;
    assert!(matches!(world.answer(&settle("next")).await.0, Outcome::Accepted { .. }));
}

#[tokio::test]
async fn asking_about_a_key_that_never_came_voids_it() {
    let world = World::new().await;
    let Ok(Answered::Outcome(outcome, _)) = world.resolve(&settle("1")).await else { panic!("no answer") };
    assert!(is_voided(&outcome));
    let (late, _) = world.answer(&settle("1")).await;
    assert!(is_voided(&late));
    assert_eq!(world.home.operated().len(), 0);
    let (undone, _) = world.answer(&reverse("2", "1", "2304")).await;
    assert_eq!(undid(&undone), &Undone::Nothing);
}

#[tokio::test]
async fn asking_about_a_key_in_doubt_asks_the_region() {
    let mut world = World::with(|config| config.resolve_every_ms = 3_600_000).await;
    lose_the_answer(&mut world, &settle("1"), Script::DecideAndHang).await;
    world.start_home().await;
    let mut told = world.resolve(&settle("1")).await;
    while told == Ok(Answered::InDoubt) {
        told = world.resolve(&settle("1")).await;
    }
    assert!(matches!(told, Ok(Answered::Outcome(Outcome::Accepted { .. }, _))), "{told:?}");
}

#[tokio::test]
async fn a_new_hub_on_the_same_store_has_everything() {
    let mut world = World::new().await;
    let first = world.answer(&settle("1")).await;
    world.answer(&reverse("9", "8", "2304")).await;
    lose_the_answer(&mut world, &settle("2"), Script::DecideAndHang).await;
    world.stop_hub().await;
    world.start_home().await;
    world.start_hub().await;
    assert_eq!(world.answer(&settle("1")).await, first);
    assert!(is_voided(&world.answer(&settle("8")).await.0));
    assert!(matches!(world.answer(&settle("2")).await.0, Outcome::Accepted { .. }));
    assert_eq!(hospital_has(&world).await, Money::from_yuan(200));
    assert_eq!(world.home.operated().len(), 2);
    world.check().await;
}

#[tokio::test]
async fn a_hub_that_dies_in_the_middle_finds_out_what_became_of_it() {
    let mut world = World::new().await;
    let known = send(&world, &settle("1"), Script::DecideAndHang).await;
    let never = send(&world, &settle("2"), Script::Hang).await;
    world.crash_hub().await;
    for sent in [known, never] {
        sent.abort();
    }
    world.start_hub().await;
    assert!(matches!(world.answer(&settle("1")).await.0, Outcome::Accepted { .. }));
    assert!(is_voided(&world.answer(&settle("2")).await.0));
    assert_eq!(hospital_has(&world).await, Money::from_yuan(100));
    world.check().await;
}

#[tokio::test]
async fn health_shows_what_is_in_doubt_and_who_does_not_answer() {
    let mut world = World::new().await;
    let health = world.hub().hub().health().await.expect("health");
    assert_eq!((health.unanswered, health.oldest_unanswered, health.homes[0].answers), (0, None, true));
    lose_the_answer(&mut world, &settle("1"), Script::Hang).await;
    let health = world.hub().hub().health().await.expect("health");
    assert_eq!((health.unanswered, health.homes[0].answers), (1, false));
    assert!(health.oldest_unanswered.is_some());
}
