//! Operations: one effect each, however often they come, in whatever company, whenever the region dies.

use std::collections::BTreeSet;

use ledger::home::{Asked, Reply};
use proto::convert;
use region::rules::Rules;
use settlement::decide::{decide, judge_by};
use settlement::money::Money;
use settlement::operation::{Operation, Request};
use settlement::outcome::{Done, Outcome, Undone};
use settlement::refusal::Reason;
use settlement::rulebook::RuleBooks;

use crate::world::*;

on_both! {
    settling_twice_gives_the_first_answer,
    a_key_that_was_voided_never_settles,
    what_waits_longer_than_the_hub_does_is_not_decided,
    a_reversal_before_its_original_lays_a_tombstone,
    undoing_gives_back_what_settling_took,
    many_operations_in_one_batch_equal_the_same_one_by_one,
    a_crowd_is_decided_once_each_and_nobody_fails_for_a_neighbour,
    a_restart_keeps_everything,
    an_abrupt_end_loses_no_answer,
    a_settlement_id_is_taken_once,
    another_regions_people_are_not_served,
    rule_books_are_replaced_while_it_runs,
}

async fn settling_twice_gives_the_first_answer(on: On) {
    let world = World::new(on).await;
    let operation = settle(WORKING, "m1", "E1");
    let first = world.answer(&operation).await;
    assert_eq!(world.answer(&operation).await, first);
    assert_eq!(first.book_seq, 1);
    let other = world.try_answer(&settle_yuan(WORKING, "m1", "E1", 301)).await.expect_err("a refusal");
    assert_eq!((other.reason, other.field.as_deref()), (Reason::ContentDiffers, Some("medfee_sumamt")));
    assert_eq!(world.answer(&operation).await, first);
    world.prove().await;
}

async fn a_key_that_was_voided_never_settles(on: On) {
    let world = World::new(on).await;
    let operation = settle(WORKING, "m1", "E1");
    let voided = world.resolve(&operation).await;
    assert_eq!(read(&voided).refusal().map(|refusal| refusal.reason), Some(Reason::Voided));
    assert_eq!(world.answer(&operation).await, voided, "the original arrives late");
    let known = settle(WORKING, "m2", "E2");
    let answer = world.answer(&known).await;
    assert_eq!(world.resolve(&known).await, answer, "a known key keeps its answer");
    world.prove().await;
}

async fn what_waits_longer_than_the_hub_does_is_not_decided(on: On) {
    let world = World::new(on).await;
    let operation = settle(WORKING, "m1", "E1");
    let late = operate_within(world.client(), &operation, 1).await.expect_err("a refusal");
    assert_eq!((late.reason, late.detail.as_deref()), (Reason::Busy, Some("剩余时间不足")));
    assert_eq!(world.answer(&operation).await.book_seq, 1, "nothing was kept");
    world.prove().await;
}

async fn a_reversal_before_its_original_lays_a_tombstone(on: On) {
    let world = World::new(on).await;
    let Outcome::Accepted { done: Done::Reversed(undone), .. } =
        world.outcome(&reverse(WORKING, "m2", "m1", "2207")).await
    else {
        panic!("not reversed")
    };
    assert_eq!(*undone, Undone::Nothing);
    assert_eq!(world.refused(&settle(WORKING, "m1", "E1")).await, Reason::Voided);
    assert_eq!(world.refused(&settle(WORKING, "m1", "E9")).await, Reason::Voided, "whatever the encounter");
    world.prove().await;
}

async fn undoing_gives_back_what_settling_took(on: On) {
    let world = World::new(on).await;
    let balance = |outcome: &Outcome| match outcome {
        Outcome::Accepted { done, .. } => match done {
            Done::Settled(settled) => settled.account_balance,
            Done::Cancelled { account_balance, .. } => *account_balance,
            Done::Reversed(undone) => match &**undone {
                Undone::Settlement { account_balance, .. } | Undone::Cancellation { account_balance, .. } => {
                    *account_balance
                }
                Undone::Nothing => panic!("nothing undone"),
            },
        },
        Outcome::Refused(refusal) => panic!("{refusal}"),
    };
    let settled = world.outcome(&settle(WORKING, "m1", "E1")).await;
    let after = balance(&settled);
    assert!(after < Money::from_yuan(1000));
    for (operation, expected) in [
        (cancel(WORKING, "m2", "s-m1"), Money::from_yuan(1000)),
        (reverse(WORKING, "m3", "m2", "2208"), after),
        (reverse(WORKING, "m4", "m1", "2207"), Money::from_yuan(1000)),
    ] {
        assert_eq!(balance(&world.outcome(&operation).await), expected, "{:?}", operation.key.message);
        world.prove().await;
    }
    assert_eq!(world.refused(&cancel(WORKING, "m5", "s-m1")).await, Reason::AlreadyReversed);
    let again = world.outcome(&settle(WORKING, "m6", "E1")).await;
    assert_eq!(balance(&again), after, "the batch may be settled again, and as if nothing had been");
    world.prove().await;
}

async fn many_operations_in_one_batch_equal_the_same_one_by_one(on: On) {
    let mut batched = World::stopped_on(on);
    batched.write(
        "postings.csv",
        &format!("{POSTINGS_HEADER}D1,{WORKING},account-deposit,2025-01-02,,,,,,,,,,,,,1000.00,,,,\n"),
    );
    batched.start().await;
    let alone = World::new(on).await;
    let operations = history();
    let answers = decide_as_one_batch(&batched, &operations).await;
    for (operation, together) in operations.iter().zip(&answers) {
        let one = match alone.try_answer(operation).await {
            Ok(answer) => (answer.book_seq, without_time(read(&answer))),
            Err(refusal) => (0, Outcome::Refused(refusal)),
        };
        assert_eq!(&one, together, "{:?}", operation.key.message);
    }
    let places: BTreeSet<u64> = answers.iter().map(|(place, _)| *place).filter(|place| *place > 0).collect();
    assert_eq!(places, (1..=places.len() as u64).collect(), "the book has no gaps");
    batched.prove().await;
    alone.prove().await;
}

/// Two people's operations, among them repeats, other content, undoing, and what must be refused.
fn history() -> Vec<Operation> {
    vec![
        settle(WORKING, "m1", "E1"),
        stay(WORKING, "m2", "E2", (1, 5), 30_000),
        settle(WORKING, "m1", "E1"),
        stay(RETIRED, "m3", "E3", (1, 9), 50_000),
        stay(WORKING, "m4", "E4", (4, 9), 9_000),
        stay(WORKING, "m5", "E5", (5, 9), 9_000),
        cancel(WORKING, "m6", "s-m2"),
        stay(WORKING, "m7", "E6", (9, 12), 9_000),
        settle_yuan(WORKING, "m1", "E1", 999),
        reverse(WORKING, "m8", "m6", "2208"),
        reverse(WORKING, "m9", "m77", "2304"),
        stay(WORKING, "m77", "E7", (13, 14), 9_000),
        reverse(RETIRED, "m10", "m3", "2304"),
        stay(RETIRED, "m11", "E3", (1, 9), 50_000),
        cancel(RETIRED, "m11", "s-m11"),
        settle("41070000003", "m12", "E8"),
        settle("41070000009", "m13", "E9"),
    ]
}

/// Decides in one transaction, as the committer would if all had come while it was busy.
async fn decide_as_one_batch(world: &World, operations: &[Operation]) -> Vec<(u64, Outcome)> {
    let pools = [pool("410700")].into();
    let rules = region::rules::read(&world.config().rulebooks, &pools).expect("rule books");
    let store = world.running().store();
    let set = store.rule_set_load(rules.texts, world.clock.now()).await.expect("a set");
    let asked: Vec<Asked> = operations.iter().map(|operation| Asked::Operate(Box::new(arrival(operation)))).collect();
    let books = rules.books;
    let replies = store
        .batch_decide(asked.into(), world.clock.clone(), set, move |book, asked, at| match asked {
            Asked::Operate(arrival) => {
                decide(book, &arrival.operation, arrival.filings(), &|question| judge_by(&books, question), at)
            }
            Asked::Resolve(_) => unreachable!("none is asked"),
        })
        .await
        .expect("a batch");
    replies
        .into_iter()
        .map(|reply| match reply {
            Reply::Answer { seq, outcome } => {
                (seq.0, without_time(convert::read_outcome(&outcome).expect("an outcome")))
            }
            Reply::Undecided(fault) => panic!("{fault}"),
            Reply::ContentDiffers { field } => {
                let refusal = settlement::refusal::Refusal::new(Reason::ContentDiffers).of_field(field);
                (0, Outcome::Refused(refusal))
            }
        })
        .collect()
}

fn without_time(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Accepted { decided_at: _, done } => {
            Outcome::Accepted { decided_at: jiff::Timestamp::UNIX_EPOCH, done }
        }
        Outcome::Refused(refusal) => Outcome::Refused(refusal),
    }
}

async fn a_crowd_is_decided_once_each_and_nobody_fails_for_a_neighbour(on: On) {
    let world = World::new(on).await;
    let client = world.client();
    let mut asked = tokio::task::JoinSet::new();
    for n in 0..200 {
        let client = client.clone();
        // Every tenth comes twice; every seventh is of nobody.
        let person = if n % 7 == 0 { "41070000009" } else { WORKING };
        let message = format!("m{}", if n % 10 == 9 { n - 1 } else { n });
        let operation = settle_yuan(person, &message, &format!("E-{message}-{person}"), 5);
        asked.spawn(async move { (operation.key.clone(), operate(client, &operation).await) });
    }
    let answers = asked.join_all().await;
    let mut by_key = std::collections::HashMap::new();
    for (key, answer) in answers {
        let answer = answer.unwrap_or_else(|refusal| panic!("{refusal}"));
        assert_eq!(by_key.entry(key).or_insert_with(|| answer.clone()), &answer, "equal keys, equal answers");
    }
    let places: BTreeSet<u64> = by_key.values().map(|answer| answer.book_seq).collect();
    assert_eq!(places, (1..=by_key.len() as u64).collect());
    world.prove().await;
}

async fn a_restart_keeps_everything(on: On) {
    let mut world = World::new(on).await;
    let operations = history();
    let mut before = Vec::new();
    for operation in &operations {
        before.push(world.try_answer(operation).await);
    }
    world.stop().await;
    world.start().await;
    for (operation, first) in operations.iter().zip(&before) {
        assert_eq!(&world.try_answer(operation).await, first, "{:?}", operation.key.message);
    }
    world.prove().await;
}

async fn an_abrupt_end_loses_no_answer(on: On) {
    let mut world = World::new(on).await;
    let first = world.answer(&settle(WORKING, "m1", "E1")).await;
    let closed = world.running().store().closed();
    drop(world.region.take());
    closed.wait().await;
    world.start().await;
    assert_eq!(world.answer(&settle(WORKING, "m1", "E1")).await, first);
    world.prove().await;
}

async fn a_settlement_id_is_taken_once(on: On) {
    let world = World::new(on).await;
    world.settled(&settle(WORKING, "m1", "E1")).await;
    let mut other = settle(RETIRED, "m2", "E2");
    match &mut other.request {
        Request::Settle(settle) => settle.settlement = settlement::ids::SettlementId::new("s-m1").expect("an id"),
        Request::Cancel(_) | Request::Reverse(_) => unreachable!("it settles"),
    }
    let outcome = world.outcome(&other).await;
    let refusal = outcome.refusal().expect("a refusal");
    assert_eq!((refusal.reason, refusal.field.as_deref()), (Reason::InvalidField, Some("setl_id")));
    world.prove().await;
}

async fn another_regions_people_are_not_served(on: On) {
    let world = World::new(on).await;
    assert_eq!(world.refused(&settle("44030000001", "m1", "E1")).await, Reason::UnknownPerson);
    let mut elsewhere = settle(WORKING, "m2", "E2");
    match &mut elsewhere.request {
        Request::Settle(settle) => settle.home = pool("440300"),
        Request::Cancel(_) | Request::Reverse(_) => unreachable!("it settles"),
    }
    let refusal = world.try_answer(&elsewhere).await.expect_err("a refusal");
    assert_eq!(refusal.reason, Reason::RegionNotServed);
}

async fn rule_books_are_replaced_while_it_runs(on: On) {
    let world = World::new(on).await;
    let replace = async |rules| {
        world.running().rules_replace(rules, world.clock.now()).await.expect("they are replaced");
    };
    world.settled(&settle(WORKING, "m1", "E1")).await;
    replace(Rules { books: RuleBooks::default(), texts: Vec::new() }).await;
    assert_eq!(world.refused(&settle(RETIRED, "m2", "E2")).await, Reason::NoRuleBook);
    replace(region::rules::read(&world.config().rulebooks, &[pool("410700")].into()).expect("rule books")).await;
    world.settled(&settle(RETIRED, "m3", "E3")).await;
    world.prove().await;
}
