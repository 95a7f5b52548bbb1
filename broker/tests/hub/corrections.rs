//! Affected settlements are put forward, approved by another person, taken by the home region and cleared; and what
//! becomes of a batch that the region does not answer, or cannot take.

use broker::Config;
use broker::lie::Lie;
use clearing::cleared::sum;
use clearing::corrections::GIVEN_BACK;
use identity::name::Role;
use ledger::hub::PeriodNumber;
use prost::Message;
use proto::v1;
use proto::v1::corrections_client::CorrectionsClient;
use proto::v1::mailboxes_client::MailboxesClient;
use tonic::transport::Channel;

use crate::clearing::{advance, answer_of, clearing, field, henan_shanghai, member, noon};
use crate::fake_home::Correcting;
use crate::requests::*;
use crate::world::World;

const JUNE: PeriodNumber = PeriodNumber(1);

/// Xinxiang's own operator, or whoever operates for every region.
fn operator(world: &World, code: &str) -> CorrectionsClient<Channel> {
    CorrectionsClient::new(world.peer(code, Role::Operator))
}

/// A bill of 100 yuan, of which the basic fund pays so many fen.
fn shares(basic: i64) -> Option<v1::Shares> {
    Some(v1::Shares { basic, cash: 10_000 - basic, ..v1::Shares::default() })
}

pub fn affected(settlement: &str, now: Option<i64>) -> v1::AffectedSettlement {
    let refused = v1::Refused { code: 512, ..v1::Refused::default() };
    v1::AffectedSettlement {
        settlement: settlement.into(),
        person: PERSON.into(),
        book_seq: settlement.parse().expect("a number"),
        told: shares(5_000),
        now: now.and_then(shares),
        refused: if now.is_none() { Some(refused) } else { None },
        ..v1::AffectedSettlement::default()
    }
}

pub fn proposal(batch: &str, settlements: &[&str]) -> v1::ProposeCorrectionsRequest {
    v1::ProposeCorrectionsRequest {
        home: "410700".into(),
        batch: batch.into(),
        settlements: settlements.iter().map(ToString::to_string).collect(),
        undoes: String::new(),
        reason: "前次住院撤销".into(),
    }
}

pub fn decision(held: &v1::CorrectionBatch) -> v1::DecideCorrectionsRequest {
    v1::DecideCorrectionsRequest { batch: held.batch.clone(), digest: held.digest.clone(), reason: "属实".into() }
}

/// Three settlements of 100 yuan, half of each by the fund; two are affected, and one of these would be refused.
async fn world() -> World {
    world_with(|_| ()).await
}

async fn world_with(set: impl FnOnce(&mut Config)) -> World {
    let world = World::with(set).await;
    advance(&clearing(&world), noon(6, 15)).await;
    for message in ["1", "2", "3"] {
        world.operate(&settle(message)).await.expect("an answer");
    }
    world.home.affect(vec![affected("1", Some(6_000)), affected("2", None), affected("3", Some(4_500))]);
    world
}

async fn due(world: &World) -> i64 {
    due_in(world, JUNE).await
}

async fn due_in(world: &World, period: PeriodNumber) -> i64 {
    let standing = clearing(world).standing(period).await.expect("the store works").expect("a month");
    standing.pairs.get(&henan_shanghai()).map(|lots| sum(lots).owed().fen()).unwrap_or_default()
}

async fn listed(world: &World, settlement: &str) -> Vec<v1::CorrectionBatch> {
    let asked = v1::ListCorrectionsRequest { settlement: settlement.into(), ..v1::ListCorrectionsRequest::default() };
    operator(world, "410700").list(asked).await.expect("a list").into_inner().batches
}

/// Returns once the newest batch stands so.
async fn stands(world: &World, standing: &str) -> v1::CorrectionBatch {
    let waiting = async {
        loop {
            if let Some(held) = listed(world, "").await.into_iter().find(|held| held.standing == standing) {
                return held;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), waiting).await.expect("it stands so in the end")
}

#[tokio::test]
async fn what_is_affected_is_put_forward_approved_by_another_taken_at_home_and_cleared() {
    let world = world().await;
    let (mut xinxiang, mut centre) = (operator(&world, "410700"), operator(&world, "*"));
    for (spoilt, named) in [
        (v1::ProposeCorrectionsRequest { home: "440300".into(), ..proposal("a", &[]) }, "home"),
        (v1::ProposeCorrectionsRequest { reason: String::new(), ..proposal("a", &[]) }, "reason"),
        (v1::ProposeCorrectionsRequest { undoes: "b".into(), ..proposal("a", &[]) }, "undoes"),
        (v1::ProposeCorrectionsRequest { undoes: "b".into(), ..proposal("a", &["1"]) }, "settlements"),
        (proposal("", &[]), "batch"),
        (proposal("a", &["9"]), "settlements"),
        (proposal("a", &["2"]), "settlements"),
    ] {
        assert_eq!(field(&xinxiang.propose(spoilt.clone()).await.expect_err(named)), named, "{spoilt:?}");
    }
    let held = xinxiang.propose(proposal("a", &[])).await.expect("it is put forward").into_inner();
    assert_eq!(held.corrections.iter().map(|one| one.settlement.as_str()).collect::<Vec<_>>(), ["1", "3"]);
    assert_eq!((held.standing.as_str(), held.month.as_str(), due(&world).await), ("proposed", "", 15_000));
    let again = xinxiang.propose(proposal("a", &["3", "1"])).await.expect("the same again").into_inner();
    assert_eq!(again, held);
    assert_eq!(field(&xinxiang.propose(proposal("b", &["1"])).await.expect_err("it is in a batch")), "settlements");

    assert_eq!(field(&xinxiang.approve(decision(&held)).await.expect_err("the same person")), "batch");
    let unseen = v1::DecideCorrectionsRequest { digest: "0".repeat(64), ..decision(&held) };
    assert_eq!(field(&centre.approve(unseen).await.expect_err("another was seen")), "digest");
    let mut shanghai = operator(&world, "310000");
    let theirs = shanghai.list(v1::ListCorrectionsRequest::default()).await.expect("a list").into_inner();
    assert!(theirs.batches.is_empty(), "who treats sees what is in force");
    assert_eq!(field(&shanghai.approve(decision(&held)).await.expect_err("not theirs to decide")), "batch");
    let mut shenzhen = operator(&world, "440300");
    assert_eq!(field(&shenzhen.approve(decision(&held)).await.expect_err("not theirs")), "batch");
    assert!(world.home.corrected().is_empty());
    let taken = centre.approve(decision(&held)).await.expect("it is approved").into_inner();
    assert_eq!((taken.standing.as_str(), taken.month.as_str()), ("in-force", "2025-06"));
    assert_eq!((taken.decided_by == taken.proposed_by, due(&world).await), (false, 15_500));
    assert_eq!(centre.approve(decision(&held)).await.expect("the same again").into_inner(), taken);
    let asked = world.home.corrected();
    assert!(asked.iter().all(|asked| asked.corrections == held.corrections), "whoever asked: {asked:?}");
    assert_eq!((listed(&world, "1").await, listed(&world, "2").await), (vec![taken], vec![]));
    let none = shenzhen.list(v1::ListCorrectionsRequest::default()).await.expect("a list").into_inner();
    assert!(none.batches.is_empty(), "it is not theirs");
    let theirs = shanghai.list(v1::ListCorrectionsRequest::default()).await.expect("a list").into_inner().batches;
    let [theirs] = &theirs[..] else { panic!("one: {theirs:?}") };
    assert_eq!((&theirs.corrections, theirs.digest.as_str()), (&held.corrections, ""), "all are of its lots");

    // The treatment side is told of each.
    let mut mailboxes = MailboxesClient::new(world.peer("310000", Role::Treatment));
    let mut open = mailboxes.open(v1::OpenMailboxesRequest {}).await.expect("they open").into_inner();
    let mut told = Vec::new();
    for _ in 0..2 {
        let letter = open.message().await.expect("no fault").expect("a letter");
        assert_eq!(letter.kind, "correction");
        let body = v1::CorrectionLetter::decode(letter.body).expect("a correction");
        let difference = body.difference.expect("shares");
        told.push((body.settlement, difference.basic, difference.cash, body.patient_gets));
        mailboxes.acknowledge(v1::AcknowledgeLetterRequest { number: letter.number }).await.expect("it is heard");
    }
    told.sort();
    assert_eq!(told, [("1".to_owned(), 1_000, -1_000, 1_000), ("3".to_owned(), -500, 500, -500)]);
}

#[tokio::test]
async fn a_region_is_told_how_many_batches_its_book_is_known_to_hold() {
    let mut world = world().await;
    let held = operator(&world, "410700").propose(proposal("a", &["1"])).await.expect("it is put forward").into_inner();
    operator(&world, "*").approve(decision(&held)).await.expect("it is approved");
    let told = async |world: &World, message: &str| {
        world.operate(&settle(message)).await.expect("an answer");
        let asked = world.home.operated().pop().and_then(|request| request.hub).expect("the hub's part");
        (asked.known_book_seq, asked.known_batches)
    };
    assert_eq!(told(&world, "4").await, (3, 1), "a book that lacks the batch is an older copy");
    world.stop_hub().await;
    world.start_hub().await;
    assert_eq!(told(&world, "5").await, (4, 1), "it is learnt from the store");
}

#[tokio::test]
async fn a_batch_under_a_number_that_cannot_be_its_own_waits_and_nothing_is_kept_of_it() {
    // Nobody asks but who approves.
    let world = world_with(|config| config.resolve_every_ms = 3_600_000).await;
    let (mut xinxiang, mut centre) = (operator(&world, "410700"), operator(&world, "*"));
    let last_lie = async || {
        let health = world.hub().hub().health().await.expect("health");
        health.homes[0].last_lie.map(|last| last.lie)
    };
    for (batch, settlement, number, lie, before, after) in [
        ("a", "1", u64::MAX, Lie::NumberLeapt, 15_000, 16_000),
        ("b", "3", 1, Lie::BatchNumberRepeated, 16_000, 15_500),
    ] {
        let held = xinxiang.propose(proposal(batch, &[settlement])).await.expect("it is put forward").into_inner();
        world.home.will_correct(Correcting::Number(number));
        let approved = centre.approve(decision(&held)).await.expect("it is approved").into_inner();
        assert_eq!((approved.standing.as_str(), approved.month.as_str()), ("approved", ""));
        assert_eq!((last_lie().await, due(&world).await), (Some(lie), before));
        let taken = centre.approve(decision(&held)).await.expect("the region is asked again").into_inner();
        assert_eq!((taken.standing.as_str(), due(&world).await), ("in-force", after));
    }
    world.operate(&settle("4")).await.expect("an answer");
    let asked = world.home.operated().pop().and_then(|request| request.hub).expect("the hub's part");
    assert_eq!(asked.known_batches, 2);
}

#[tokio::test]
async fn a_correction_stands_in_the_statement_its_details_and_the_trace_until_its_settlement_is_cancelled() {
    let world = world().await;
    world.hub().hub().clock.set(noon(6, 16));
    let held = operator(&world, "410700").propose(proposal("a", &["1"])).await.expect("it is put forward").into_inner();
    operator(&world, "*").approve(decision(&held)).await.expect("it is approved");
    advance(&clearing(&world), noon(7, 1)).await;
    advance(&clearing(&world), noon(7, 21)).await;
    let mut henan = member(&world, "410000");
    let pair =
        v1::StatementRequest { month: "2025-06".into(), home: "410000".into(), treatment: "310000".into(), version: 0 };
    let stated = henan.statement(pair).await.expect("a statement").into_inner();
    let recomputed = stated.lots[0].recomputed.as_ref().map(|sums| (sums.visits, sums.basic));
    assert_eq!((stated.due, recomputed), (16_000, Some((0, 1_000))));
    let moved = v1::MovedRequest {
        month: "2025-06".into(),
        home: "410000".into(),
        treatment: "310000".into(),
        ..v1::MovedRequest::default()
    };
    let moved = henan.moved(moved).await.expect("entries").into_inner().entries;
    let [entry] = &moved[..] else { panic!("one: {moved:?}") };
    let funds = |sums: &Option<v1::FundSums>| sums.as_ref().map(|sums| sums.basic);
    assert_eq!((entry.movement.as_str(), entry.batch.as_str(), entry.other.as_str()), ("recomputed", "a", "2025-06"));
    assert_eq!((funds(&entry.told), funds(&entry.now)), (Some(5_000), Some(6_000)));

    // After the cut-off the correction is given back in the month in which the cancellation is.
    world.operate(&cancel("4", "1")).await.expect("an answer");
    advance(&clearing(&world), noon(7, 22)).await;
    let traced = henan.trace(v1::TraceRequest { settlement: "1".into() }).await.expect("its way").into_inner();
    let corrections: Vec<_> = traced
        .corrections
        .iter()
        .map(|each| (each.month.as_str(), funds(&each.told).unwrap_or_default(), funds(&each.now).unwrap_or_default()))
        .collect();
    assert_eq!(corrections, [("2025-06", 5_000, 6_000), ("2025-07", 6_000, 5_000)]);
    let counts: Vec<_> = traced
        .lines
        .iter()
        .map(|line| (line.month.as_str(), line.counts.as_ref().map_or(0, |sums| sums.basic)))
        .collect();
    assert_eq!(counts, [("2025-06", 6_000), ("2025-07", -6_000)]);
    assert_eq!(traced.corrections[1].reason, GIVEN_BACK);

    // The treatment side is told of both, in order.
    world.hub().hub().clock.set(noon(7, 22));
    let mut mailboxes = MailboxesClient::new(world.peer("310000", Role::Treatment));
    let mut open = mailboxes.open(v1::OpenMailboxesRequest {}).await.expect("they open").into_inner();
    let mut told = Vec::new();
    while told.len() < 2 {
        let letter = open.message().await.expect("no fault").expect("a letter");
        mailboxes.acknowledge(v1::AcknowledgeLetterRequest { number: letter.number }).await.expect("it is heard");
        let body = v1::CorrectionLetter::decode(letter.body).expect("a correction");
        told.push((letter.version, body.difference.map(|shares| shares.basic), body.patient_gets, body.reason));
    }
    let expected = [(1, Some(1_000), 1_000, "前次住院撤销"), (2, Some(-1_000), -1_000, GIVEN_BACK)];
    assert_eq!(told, expected.map(|(version, funds, patient, why)| (version, funds, patient, why.to_owned())));
}

#[tokio::test]
async fn what_is_approved_waits_for_a_region_that_is_silent_and_takes_effect_once_though_an_answer_is_lost() {
    let mut world = world().await;
    let held = operator(&world, "410700").propose(proposal("a", &[])).await.expect("it is put forward").into_inner();
    world.stop_home().await;
    let approved = operator(&world, "*").approve(decision(&held)).await.expect("it is approved").into_inner();
    assert_eq!((approved.standing.as_str(), due(&world).await), ("approved", 15_000));
    world.crash_hub().await;
    world.home.will_correct(Correcting::TakeAndHang);
    world.start_home().await;
    world.start_hub().await;
    let asked = async {
        while world.home.corrected().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), asked).await.expect("the region is asked");
    // It has taken the batch, and nobody heard of it.
    world.stop_home().await;
    assert_eq!(listed(&world, "").await[0].standing, "approved");
    world.start_home().await;
    let taken = stands(&world, "in-force").await;
    assert_eq!((taken.digest, due(&world).await), (held.digest, 15_500));
    let waiting = world.hub().store().mailboxes().letter_counts().await.expect("counts").0;
    assert_eq!((world.home.corrected().len() > 1, waiting), (true, 2), "each is told once");
}

#[tokio::test]
async fn what_the_region_cannot_take_fails_as_a_whole_and_says_why() {
    let world = world().await;
    let (mut xinxiang, mut centre) = (operator(&world, "410700"), operator(&world, "*"));
    let held = xinxiang.propose(proposal("a", &[])).await.expect("it is put forward").into_inner();
    world.home.will_correct(Correcting::Fault("3"));
    let failed = centre.approve(decision(&held)).await.expect("it is approved").into_inner();
    assert_eq!((failed.standing.as_str(), failed.remark.as_str()), ("failed", "3: not in force any more"));
    assert_eq!((due(&world).await, failed.month.as_str()), (15_000, ""));
    let counts = world.hub().store().mailboxes().letter_counts().await.expect("counts");
    assert_eq!(counts.0, 0);

    // What is left is put forward anew, and taken back again as a whole.
    let held = xinxiang.propose(proposal("b", &["1"])).await.expect("it is free again").into_inner();
    centre.approve(decision(&held)).await.expect("it is approved");
    assert_eq!(due(&world).await, 16_000);
    let undoing = v1::ProposeCorrectionsRequest { undoes: "b".into(), ..proposal("c", &[]) };
    let held = xinxiang.propose(undoing).await.expect("it is put forward").into_inner();
    let back = centre.approve(decision(&held)).await.expect("it is approved").into_inner();
    assert_eq!((back.standing.as_str(), back.undoes.as_str(), due(&world).await), ("in-force", "b", 15_000));
    assert_eq!(world.home.corrected().last().map(|asked| asked.undoes.clone()).as_deref(), Some("b"));
    let refused = xinxiang.propose(proposal("d", &["3"])).await.expect("it is put forward").into_inner();
    let refused = xinxiang.refuse(decision(&refused)).await.expect("its own may take it back").into_inner();
    assert_eq!((refused.standing.as_str(), refused.remark.as_str()), ("refused", "属实"));
}

#[tokio::test]
async fn a_treatment_member_objects_to_a_correction_of_a_settlement_that_is_stated_already() {
    let world = world().await;
    let clearing = clearing(&world);
    for (month, day) in [(7, 1), (7, 21)] {
        advance(&clearing, noon(month, day)).await;
    }
    world.hub().hub().clock.set(noon(7, 22));
    let held = operator(&world, "410700").propose(proposal("a", &["3"])).await.expect("it is put forward").into_inner();
    operator(&world, "*").approve(decision(&held)).await.expect("it is approved");
    for (month, day) in [(8, 1), (8, 21)] {
        advance(&clearing, noon(month, day)).await;
    }
    let (july, august) = (PeriodNumber(2), PeriodNumber(3));
    assert_eq!((due(&world).await, due_in(&world, july).await), (15_000, -500), "it takes the hospital's money");
    let mut shanghai = member(&world, "310000");
    let objection = |settlement: &str| v1::StatementAnswer {
        month: "2025-07".into(),
        objected: vec![settlement.into()],
        reason: "the earlier stay was not cancelled".into(),
        ..answer_of("treatment", 1)
    };
    let refused = shanghai.answer(objection("1")).await.expect_err("nothing of it is in July");
    assert_eq!((field(&refused).as_str(), due_in(&world, july).await), ("objected", -500));
    assert!(shanghai.answer(objection("3")).await.expect("it is heard").into_inner().objected);
    advance(&clearing, noon(8, 22)).await;
    let asked =
        v1::StatementRequest { month: "2025-07".into(), home: "410000".into(), treatment: "310000".into(), version: 0 };
    let stated = shanghai.statement(asked).await.expect("a statement").into_inner();
    assert_eq!((stated.version, stated.due, stated.lots.len()), (2, 0, 0));
    assert_eq!((due(&world).await, due_in(&world, july).await, due_in(&world, august).await), (15_000, 0, -500));
    let traced = shanghai.trace(v1::TraceRequest { settlement: "3".into() }).await.expect("its way").into_inner();
    assert_eq!(traced.corrections.iter().map(|each| each.month.as_str()).collect::<Vec<_>>(), ["2025-08"]);
}
