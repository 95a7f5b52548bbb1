//! A book that was restored from an older copy: it decides nothing until it is whole again, and becomes whole from the
//! answers that it gave.

use std::fs;
use std::path::PathBuf;

use ledger::clock::Clock;
use ledger::testing::PrivatePostgres;
use proto::{convert, v1};
use settlement::operation::Operation;
use settlement::refusal::{BOOK_SEQ, Reason};

use crate::files::{row, stay_before};
use crate::world::*;

on_both! {
    a_book_that_lost_everything_becomes_whole_too,
    what_is_posted_before_the_answers_are_back_counts_for_those_that_had_seen_it,
}

fn store_of(world: &World) -> PathBuf {
    world.path("region/store.db")
}

/// What the hub has of an answer.
pub fn kept(operation: &Operation, answer: &v1::Answer, after: u64) -> v1::ReinstateRequest {
    v1::ReinstateRequest {
        home: "410700".into(),
        operation: convert::write_operation(operation),
        outcome: answer.outcome.clone(),
        book_seq: answer.book_seq,
        after,
        filing: prost::Message::encode_to_vec(&convert::write_filing(&filing_of(operation))).into(),
        answered_at: 1_750_000_000_000_000,
        request_id: String::new(),
    }
}

pub async fn reinstate(world: &World, request: v1::ReinstateRequest) -> v1::ReinstateReply {
    world.book_client().reinstate(request).await.expect("an answer").into_inner()
}

fn history() -> Vec<Operation> {
    vec![
        stay(WORKING, "m1", "E1", (1, 4), 20_000),
        settle(RETIRED, "m2", "E2"),
        stay(WORKING, "m3", "E3", (6, 9), 9_000),
        cancel(WORKING, "m4", "s-m1"),
        reverse(WORKING, "m5", "m4", "2208"),
        reverse(WORKING, "m6", "never-seen", "2207"),
        settle(WORKING, "never-seen", "E4"),
        stay(WORKING, "m7", "E1", (1, 4), 20_000),
        reverse(WORKING, "m8", "m3", "2304"),
    ]
}

async fn last(world: &World) -> u64 {
    let asked = v1::BookRequest { home: "410700".into(), request_id: String::new() };
    world.book_client().book(asked).await.expect("an answer").into_inner().last
}

/// A world whose book was restored to what it was after two operations; with every answer that it gave.
async fn restored() -> (World, Vec<(Operation, v1::Answer)>) {
    let mut world = World::new(On::Sqlite).await;
    let mut given = Vec::new();
    for operation in history() {
        if given.len() == 2 {
            world.stop().await;
            fs::copy(store_of(&world), world.path("copy.db")).expect("a copy");
            world.start().await;
        }
        let answer = world.answer(&operation).await;
        given.push((operation, answer));
    }
    world.stop().await;
    for end in ["db-wal", "db-shm"] {
        let _ = fs::remove_file(store_of(&world).with_extension(end));
    }
    fs::copy(world.path("copy.db"), store_of(&world)).expect("the older copy");
    world.start().await;
    (world, given)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_copy_becomes_whole_from_the_answers_it_gave() {
    let (world, given) = restored().await;
    let next = settle(RETIRED, "m9", "E9");
    let behind = operate_knowing(world.client(), &next, 9).await.expect_err("it knows less than the hub");
    assert_eq!((behind.reason, behind.field.as_deref()), (Reason::RegionUnavailable, Some(BOOK_SEQ)));
    assert_eq!(behind.detail.as_deref(), Some("2"));
    assert_eq!(last(&world).await, 2, "nothing was decided");

    for (index, (operation, answer)) in given.iter().enumerate() {
        let reply = reinstate(&world, kept(operation, answer, index as u64)).await;
        assert_eq!((reply.known, reply.clash.as_str()), (index < 2, ""), "{:?}", operation.key.message);
    }
    world.prove().await;
    for (operation, answer) in &given {
        assert_eq!(world.answer(operation).await, *answer, "the first answer again");
    }
    let after = operate_knowing(world.client(), &next, 9).await.expect("it is whole again");
    assert_eq!(after.book_seq, 10);
    world.prove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_book_whose_end_cannot_be_read_decides_nothing_for_whoever_knows_of_it() {
    let mut world = World::new(On::Postgres).await;
    world.answer(&settle(RETIRED, "m1", "E1")).await;
    world.stop().await;
    world.start().await;
    let (server, database) = (PrivatePostgres::shared(), world.database.clone().expect("a database"));
    server.forbid_reading(&database).expect("only the writer is let in");
    let next = settle(RETIRED, "m2", "E2");
    for known in [1, 9] {
        let refused = operate_knowing(world.client(), &next, known).await.expect_err("nobody knows how far it goes");
        assert_eq!((refused.reason, refused.field), (Reason::RegionUnavailable, None), "the hub knows of {known}");
    }
    server.allow_reading(&database).expect("readers are let in");
    assert_eq!(last(&world).await, 1, "nothing was decided");
    let answer = operate_knowing(world.client(), &next, 1).await.expect("it holds what the hub knows of");
    assert_eq!(answer.book_seq, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_cannot_be_read_is_refused_with_what_was_expected() {
    let world = World::new(On::Sqlite).await;
    let operation = settle(RETIRED, "m1", "E1");
    let whole = kept(&operation, &world.answer(&operation).await, 0);
    for (entry, field, expected) in [
        (v1::ReinstateRequest { after: 1, ..whole.clone() }, "book_seq", "after the place of the entry before it"),
        (v1::ReinstateRequest { filing: vec![0xff].into(), ..whole.clone() }, "filing", "yidi.v1.Filing"),
        (v1::ReinstateRequest { answered_at: i64::MAX, ..whole }, "answered_at", "UTC microseconds"),
    ] {
        let refused = world.book_client().reinstate(entry).await.expect_err(field);
        let refusal = proto::status::to_refusal(&refused);
        assert_eq!((refusal.reason, refusal.field.as_deref()), (Reason::InvalidField, Some(field)));
        assert!(refusal.detail.as_deref().unwrap_or_default().contains(expected), "{refusal}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_heard_of_leaves_a_place_that_is_lost() {
    let (world, given) = restored().await;
    // The reversal at place 6 was never answered as far as the hub knows.
    for (operation, answer) in given.iter().filter(|(_, answer)| answer.book_seq != 6) {
        let after = if answer.book_seq == 7 { 5 } else { answer.book_seq - 1 };
        let reply = reinstate(&world, kept(operation, answer, after)).await;
        assert_eq!(reply.clash, "", "{:?}", operation.key.message);
    }
    assert_eq!(last(&world).await, 9);
    let findings = world.running().store().proof_run().await.expect("a proof");
    assert_eq!(findings, [], "a lost place is noted, and no gap");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_decided_anew_is_a_clash_and_nothing_is_overwritten() {
    let (world, given) = restored().await;
    let anew = world.answer(&settle(RETIRED, "m9", "E9")).await;
    assert_eq!(anew.book_seq, 3, "a hub that does not say what it knows cannot be helped");
    let (operation, answer) = &given[2];
    let reply = reinstate(&world, kept(operation, answer, 2)).await;
    assert!(reply.clash.contains("something else stands at this place"), "{}", reply.clash);
    let (operation, answer) = &given[4];
    assert!(reinstate(&world, kept(operation, answer, 4)).await.clash.contains("ends at place 3"));
    assert_eq!(last(&world).await, 3);
    world.prove().await;
}

async fn a_book_that_lost_everything_becomes_whole_too(on: On) {
    let (whole, lost) = (World::new(On::Sqlite).await, World::new(on).await);
    for (index, operation) in history().iter().enumerate() {
        let answer = whole.answer(operation).await;
        let reply = reinstate(&lost, kept(operation, &answer, index as u64)).await;
        assert_eq!((reply.known, reply.clash.as_str()), (false, ""), "{:?}", operation.key.message);
        assert!(reinstate(&lost, kept(operation, &answer, index as u64)).await.known, "once more changes nothing");
        assert_eq!(lost.answer(operation).await, answer);
    }
    lost.prove().await;
}

/// What a late change affects, whatever it is called: a posting that was lost stands at another place than it did.
async fn affected(world: &World) -> Vec<v1::AffectedSettlement> {
    let asked = v1::AffectedRequest { home: "410700".into(), ..v1::AffectedRequest::default() };
    let listed = world.book_client().affected(asked).await.expect("a list").into_inner().settlements;
    listed.into_iter().map(|one| v1::AffectedSettlement { causes: Vec::new(), ..one }).collect()
}

pub async fn post(world: &mut World, rows: &[String]) {
    world.stop().await;
    world.write("postings.csv", &(POSTINGS_HEADER.to_owned() + &rows.concat()));
    world.start().await;
}

fn deposit<'a>(id: &'a str, person: &'a str) -> String {
    row(&[("id", id), ("psn_no", person), ("kind", "account-deposit"), ("date", "2025-01-02"), ("account", "250")])
}

fn counter<'a>(id: &'a str, person: &'a str, original: &'a str) -> String {
    let kind = ("kind", "local-settlement");
    row(&[("id", id), ("psn_no", person), kind, ("date", "2025-06-20"), ("cancels", original)])
}

/// The file of postings grew while settlements were decided; all of it is posted at once in a book that lost everything.
async fn what_is_posted_before_the_answers_are_back_counts_for_those_that_had_seen_it(on: On) {
    let mut after_them = stay_before("P3", WORKING);
    after_them.iter_mut().filter(|(column, _)| *column == "date").for_each(|cell| cell.1 = "2025-06-28");
    let steps = [
        (vec![deposit("D1", WORKING)], vec![stay(RETIRED, "m1", "E1", (1, 4), 20_000), settle(WORKING, "m2", "E2")]),
        (
            vec![row(&stay_before("P1", RETIRED)), deposit("D2", WORKING)],
            vec![stay(RETIRED, "m3", "E3", (6, 9), 20_000), settle(WORKING, "m4", "E4"), cancel(WORKING, "m5", "s-m2")],
        ),
        (
            vec![counter("C1", RETIRED, "P1"), row(&stay_before("P2", WORKING))],
            vec![stay(RETIRED, "m6", "E6", (11, 14), 20_000), stay(WORKING, "m7", "E7", (11, 14), 20_000)],
        ),
        // At the end: nobody has seen them, and one falls after all of them.
        (vec![row(&stay_before("P4", RETIRED)), row(&after_them), deposit("D3", WORKING)], Vec::new()),
    ];
    let (mut whole, mut rows, mut given) = (World::stopped(), Vec::new(), Vec::new());
    for (posted, operations) in steps {
        rows.extend(posted);
        post(&mut whole, &rows).await;
        for operation in operations {
            let answer = whole.answer(&operation).await;
            given.push((operation, answer));
        }
    }
    whole.prove().await;

    let mut lost = World::stopped_on(on);
    lost.clock = Clock::starting_at("2025-06-21T04:00:00Z".parse().expect("an instant"));
    post(&mut lost, &rows).await;
    for (index, (operation, answer)) in given.iter().enumerate() {
        let reply = reinstate(&lost, kept(operation, answer, index as u64)).await;
        assert_eq!((reply.known, reply.clash.as_str()), (false, ""), "{:?}", operation.key.message);
    }
    lost.prove().await;
    let expected = affected(&whole).await;
    assert!(!expected.is_empty());
    assert_eq!(affected(&lost).await, expected);

    // What takes one of them back concerns nobody who had not seen it, either.
    rows.push(counter("C3", WORKING, "P3"));
    post(&mut lost, &rows).await;
    assert_eq!(affected(&lost).await, expected);
    lost.answer(&stay(RETIRED, "m8", "E8", (16, 19), 20_000)).await;
    lost.prove().await;
}
