//! What is recorded of corrections, and what is refused to be.

use ::clearing::corrections::{Correction, CorrectionFault, DecisionFault, Event, Found, GIVEN_BACK, Standing};
use ::clearing::listed::{Act, Seat, Verdict};
use ::clearing::obligation::Lot;
use ::clearing::period::Side;

use super::course::{carry_out, owed, settled, settlement, who};
use super::folding::{FIRST, cut_off, fold, lot, receive};
use super::listed::{lodge_and_agree, person};
use super::told::letters_about;
use super::*;
use crate::mailbox::{Letter, Mailbox, Notice, Part};
use crate::values;

const NEXT: PeriodNumber = PeriodNumber(2);
const HOME: Seat = Seat::Member(Side::Home);

/// A bill of 200 fen, of which the fund pays so much.
fn payers(fen: i64) -> Payers {
    let mut funds = FundShares::default();
    funds.set(Fund::Basic, Money::from_fen(fen));
    Payers { funds, cash: Money::from_fen(200 - fen), ..Payers::default() }
}

pub(super) fn found(id: &str, told: i64, now: i64) -> Found {
    Found { settlement: settlement(id), told: payers(told), worked_out: payers(now) }
}

fn proposal(id: &str, changes: Changes) -> Proposal {
    Proposal { id: id.into(), home: lot().home, changes, reason: "前次住院撤销".into() }
}

pub(super) async fn propose(world: &World, id: &str, changes: Changes) -> Result<CorrectionBatch, BatchFault> {
    let by = (person("a certificate", HOME), at(9));
    world.store.correction_propose(proposal(id, changes), by).await.expect("the store works")
}

pub(super) async fn decide(world: &World, id: &str, event: Event, by: &str) -> Result<CorrectionBatch, BatchFault> {
    let held = world.store.correction_find(id.into()).await.expect("it is read").expect("it is there");
    let (seen, by) = (held.batch.digest().to_string(), (person(by, HOME), at(10)));
    world.store.correction_decide((id.into(), seen), event, String::new(), by).await.expect("the store works")
}

pub(super) fn letter(held: &CorrectionBatch, (correction, _): (&Correction, &Lot), version: u64) -> Notice {
    let subject = format!("correction {} {}", held.batch.id, correction.settlement);
    let paid = |payers: &Payers| payers.funds.total().fen();
    let body = format!("{} to {}", paid(&correction.told), paid(&correction.now)).into();
    let letter = Letter { id: format!("{subject} {version}"), subject, version, kind: "correction".into(), body };
    Notice { mailbox: Mailbox { pool: lot().treatment, part: Part::Treatment }, letter }
}

/// Batches are numbered by their ids.
fn place(id: &str) -> BatchPlace {
    BatchPlace { after: 7, number: id.parse().expect("a number") }
}

pub(super) async fn take(world: &World, id: &str) -> CorrectionBatch {
    world
        .store
        .correction_take((id.into(), place(id), "as taken".into()), vec![lot().home], letter, at(11))
        .await
        .expect("the store works")
        .expect("the number is its own")
        .expect("it is there")
}

pub(super) async fn in_force(world: &World, id: &str, changes: Changes) {
    propose(world, id, changes).await.expect("it is put forward");
    decide(world, id, Event::Approve, "another certificate").await.expect("it is approved");
    let recorded = async || world.store.correction_record(id.into()).await.expect("the store works");
    assert!(recorded().await.is_empty());
    assert_eq!(take(world, id).await.standing, Standing::InForce);
    assert_eq!(&recorded().await[..], b"as taken");
}

async fn waiting_letters(world: &World) -> u64 {
    world.store.mailboxes().letter_counts().await.expect("they are counted").0
}

pub(super) async fn turn(world: &World, message: &str, of: &str, (turn, fen): (Turn, i64)) {
    let position = receive(world, &cancel(message)).await;
    world.answer(position, booking(of, turn, fen)).await;
    fold(world).await;
}

pub(super) async fn release(world: &World) -> usize {
    assert_eq!(world.store.correction_misposted().await.expect("a check"), []);
    let released = world.store.correction_release(letter, at(12)).await.expect("the store works");
    let apart = world.store.posting_apart().await.expect("a check");
    assert!(apart.iter().all(|one| one.of == Afterwards::Deduction), "{apart:?}");
    let moves = world.store.posting_moves().await.expect("a check");
    assert!(moves.iter().all(|moved| moved.posted.is_some()), "{moves:?}");
    released
}

pub(super) async fn a_batch_is_decided_by_two_people_and_its_money_is_booked_once_the_region_has_taken_it(
    world: World,
) {
    for (id, fen) in [("A", 100), ("B", 50)] {
        settled(&world, id, fen).await;
    }
    fold(&world).await;
    let both = || Changes::Named(vec![found("B", 50, 20), found("A", 100, 130)]);
    let batch = propose(&world, "1", both()).await.expect("it is put forward");
    assert_eq!(batch.batch.corrections.iter().map(|one| one.settlement.as_str()).collect::<Vec<_>>(), ["A", "B"]);
    assert_eq!(propose(&world, "1", both()).await, Ok(batch.clone()), "the same again changes nothing");
    let other = propose(&world, "1", Changes::Named(vec![found("A", 100, 130)])).await;
    assert_eq!(other, Err(BatchFault::ProposedOtherwise));
    let in_another = BatchFault::InAnother(settlement("A"), "1".into());
    assert_eq!(propose(&world, "2", Changes::Named(vec![found("A", 100, 90)])).await, Err(in_another));
    let unknown = Err(BatchFault::NoSettlement(settlement("X")));
    assert_eq!(propose(&world, "2", Changes::Named(vec![found("X", 100, 90)])).await, unknown);
    assert_eq!(propose(&world, "2", Changes::All(vec![found("X", 100, 90)])).await, Err(BatchFault::Nothing));
    assert_eq!(decide(&world, "1", Event::Approve, "a certificate").await, Err(DecisionFault::SamePerson.into()));
    let seen = batch.batch.digest().to_string();
    let of_treatment = (person("b", Seat::Member(Side::Treatment)), at(10));
    let refused = world.store.correction_decide(("1".into(), seen), Event::Approve, String::new(), of_treatment).await;
    assert_eq!(refused.expect("the store works"), Err(DecisionFault::NobodyOfHome.into()));
    let unseen = ("1".to_owned(), "another digest".to_owned());
    let unseen = world.store.correction_decide(unseen, Event::Approve, String::new(), (person("b", HOME), at(10)));
    let otherwise = DecisionFault::SeenOtherwise(batch.batch.digest());
    assert_eq!(unseen.await.expect("the store works"), Err(otherwise.into()));

    assert_eq!(take(&world, "1").await.standing, Standing::Proposed, "what is not approved takes no effect");
    for _ in 0..2 {
        let approved = decide(&world, "1", Event::Approve, "another certificate").await.expect("it is approved");
        assert_eq!((approved.standing, owed(&world, FIRST).await), (Standing::Approved, 150));
    }
    let waiting = world.store.correction_approved(vec![lot().home]).await;
    assert_eq!(waiting.expect("a list"), ["1"]);
    for _ in 0..2 {
        let taken = take(&world, "1").await;
        assert_eq!((taken.standing, taken.period, owed(&world, FIRST).await), (Standing::InForce, Some(FIRST), 150));
        assert_eq!(waiting_letters(&world).await, 2);
    }
    world.store.correction_fail("1".into(), "late".into(), at(12)).await.expect("it changes nothing");
    let held = world.store.correction_in_force(vec![lot().home]).await.expect("a list");
    assert_eq!(held, [("1".to_owned(), place("1"))], "it stands after that place of the region's book");
    let of_a = world.store.correction_list(None, Some(settlement("A"))).await.expect("a list");
    assert_eq!(
        of_a.iter().map(|held| (held.batch.id.as_str(), held.standing)).collect::<Vec<_>>(),
        [("1", Standing::InForce)]
    );
    let of = async |pool| world.store.correction_list(Some(vec![pool]), None).await.expect("a list");
    assert_eq!((of(lot().home).await, of(lot().treatment).await), (of_a.clone(), of_a), "whom it concerns");
    assert_eq!(of(pool("440300")).await, []);
    // What is stated is not changed any more: another correction is for the open period.
    cut_off(&world).await;
    world.store.clearing_step(FIRST, StepTaken::Carried, String::new(), at(6)).await.expect("it is recorded");
    propose(&world, "2", Changes::Named(vec![found("A", 100, 90)])).await.expect("it is put forward");
    decide(&world, "2", Event::Approve, "another certificate").await.expect("it is approved");
    for (book, taken) in [(vec![lot().home], true), (vec![pool("440300"), lot().home], true)] {
        let under_another =
            world.store.correction_take(("2".into(), place("1"), Default::default()), book, letter, at(11)).await;
        let other = NumberTaken { number: 1, other: "1".into() };
        assert_eq!(under_another.expect("the store works").is_err_and(|fault| fault == other), taken);
    }
    assert_eq!((owed(&world, NEXT).await, waiting_letters(&world).await), (0, 2), "nothing is kept of it");
    assert_eq!(take(&world, "2").await.standing, Standing::InForce);
    assert_eq!((owed(&world, FIRST).await, owed(&world, NEXT).await), (150, -40), "from 130 to 90");
    let posted =
        world.store.correction_postings_page(NEXT, Between::default(), (String::new(), 0), 10).await.expect("postings");
    let [one] = &posted[..] else { panic!("one: {posted:?}") };
    assert_eq!((one.batch.as_str(), one.booked_in, one.moves.of(Fund::Basic).fen()), ("2", FIRST, -40));
    assert_eq!((one.correction.told, one.correction.now), (payers(130), payers(90)));
}

pub(super) async fn what_was_refused_or_failed_moves_nothing_and_leaves_its_settlements_free(world: World) {
    settled(&world, "A", 100).await;
    fold(&world).await;
    let change = || Changes::Named(vec![found("A", 100, 40)]);
    propose(&world, "1", change()).await.expect("it is put forward");
    let refused = decide(&world, "1", Event::Refuse, "a certificate").await.expect("its own may take it back");
    assert_eq!(refused.standing, Standing::Refused);
    propose(&world, "2", change()).await.expect("it is free again");
    decide(&world, "2", Event::Approve, "b").await.expect("it is approved");
    // What may be in force at home already is not deducted from.
    let lodging = |id: &str, fen| DeductionLodging {
        id: id.into(),
        settlement: settlement("A"),
        deducted: payers(fen).funds,
        reason: "超限定支付".into(),
    };
    let lodge = async |id, fen| world.store.deduction_lodge(lodging(id, fen), who()).await.expect("the store works");
    assert!(matches!(lodge("d", 41).await, Err(DeductionFault::Sums(_))));
    world.store.correction_fail("2".into(), "A: not in force".into(), at(11)).await.expect("it is recorded");
    let failed = take(&world, "2").await;
    assert_eq!((failed.standing, failed.remark.as_str()), (Standing::Failed, "A: not in force"));
    assert_eq!((owed(&world, FIRST).await, waiting_letters(&world).await), (100, 0));
    propose(&world, "3", change()).await.expect("it is free again");
    assert_eq!(lodge("d", 41).await, Ok(()));
    let below = decide(&world, "3", Event::Approve, "b").await;
    assert!(
        matches!(below, Err(BatchFault::Impossible(_, CorrectionFault::BelowNothing { .. }))),
        "40 is less than the 41 that are deducted: {below:?}"
    );
    decide(&world, "3", Event::Refuse, "b").await.expect("it is refused");
    propose(&world, "4", Changes::Named(vec![found("A", 100, 41)])).await.expect("as much as is deducted is left");
}

pub(super) async fn a_correction_is_given_back_when_its_settlement_is_undone_and_comes_again_with_it(world: World) {
    settled(&world, "A", 100).await;
    fold(&world).await;
    in_force(&world, "1", Changes::Named(vec![found("A", 100, 130)])).await;
    cut_off(&world).await;
    world.store.clearing_step(FIRST, StepTaken::Carried, String::new(), at(6)).await.expect("it is recorded");
    assert_eq!((owed(&world, FIRST).await, release(&world).await), (130, 0));
    turn(&world, "C", "A", (Turn::Counter, 100)).await;
    assert_eq!((owed(&world, NEXT).await, release(&world).await, release(&world).await), (-100, 1, 0));
    assert_eq!((owed(&world, FIRST).await, owed(&world, NEXT).await), (130, -130), "what is stated stays");
    turn(&world, "D", "A", (Turn::Reinstate, 100)).await;
    assert_eq!((release(&world).await, release(&world).await, owed(&world, NEXT).await), (1, 0, 0));
    let followed = world.store.settlement_follow(settlement("A")).await.expect("it is read");
    let told = followed.corrected.iter().map(|each| (each.posted.moves.total().fen(), each.stands.period()));
    assert_eq!(told.collect::<Vec<_>>(), [(30, Some(FIRST)), (-30, Some(NEXT)), (30, Some(NEXT))]);
    assert_eq!(followed.corrected[1].posted.correction.told, payers(130), "it is taken back");
    let reasons = followed.corrected.iter().map(|each| each.posted.reason.as_str());
    assert_eq!(reasons.collect::<Vec<_>>(), ["前次住院撤销", GIVEN_BACK, "前次住院撤销"]);
    let told = letters_about(&world, "correction 1 A").await;
    let told: Vec<_> = told.iter().map(|(version, body)| (*version, body.as_str())).collect();
    assert_eq!(told, [(1, "100 to 130"), (2, "130 to 100"), (3, "100 to 130")], "each once");
}

pub(super) async fn a_batch_is_taken_back_as_a_whole_and_once(world: World) {
    for (id, fen) in [("A", 100), ("B", 50)] {
        settled(&world, id, fen).await;
    }
    fold(&world).await;
    in_force(&world, "1", Changes::Named(vec![found("A", 100, 130), found("B", 50, 20)])).await;
    let undo = || Changes::Undo("1".into());
    let not_there = Err(BatchFault::NotToUndo("9".into()));
    assert_eq!(propose(&world, "2", Changes::Undo("9".into())).await, not_there);
    propose(&world, "2", undo()).await.expect("it is put forward");
    assert_eq!(propose(&world, "2", undo()).await.map(|held| held.standing), Ok(Standing::Proposed));
    assert_eq!(propose(&world, "3", undo()).await, Err(BatchFault::NotToUndo("1".into())));
    decide(&world, "2", Event::Refuse, "b").await.expect("it is refused");
    turn(&world, "C", "B", (Turn::Counter, 50)).await;
    assert_eq!((release(&world).await, owed(&world, FIRST).await), (1, 130));
    let undone = propose(&world, "3", undo()).await;
    assert_eq!(undone, Err(BatchFault::NoSettlement(settlement("B"))), "what was undone is given back already");
    turn(&world, "D", "B", (Turn::Reinstate, 50)).await;
    assert_eq!((release(&world).await, owed(&world, FIRST).await), (1, 150));
    in_force(&world, "3", undo()).await;
    assert_eq!(owed(&world, FIRST).await, 150, "100 and 50 as they were booked");
    assert_eq!(propose(&world, "4", undo()).await, Err(BatchFault::NotToUndo("1".into())));
    in_force(&world, "4", Changes::Undo("3".into())).await;
    let counts = world.store.changed_settlements().await.expect("they are read");
    let counts = ["A", "B"].map(|id| counts[&settlement(id)].funds.of(Fund::Basic).fen());
    assert_eq!((counts, owed(&world, FIRST).await), ([130, 20], 150), "what is taken back can be brought again");
    turn(&world, "E", "A", (Turn::Counter, 100)).await;
    assert_eq!((release(&world).await, owed(&world, FIRST).await), (3, 20));
}

pub(super) async fn postings_that_are_not_what_their_batches_say_are_found(world: World) {
    settled(&world, "A", 100).await;
    fold(&world).await;
    in_force(&world, "1", Changes::Named(vec![found("A", 100, 130)])).await;
    let misposted = async || world.store.correction_misposted().await.expect("a check");
    assert_eq!(misposted().await, []);
    for (id, posted, wrong) in [("1 A", 31, Misposted::OtherSums), ("2 A", 30, Misposted::NotInForce)] {
        const PLANTED: &str = "INSERT INTO correction_postings
            (id, step, period, basic, large_sum, catastrophic, civil_servant, assistance, posted_at)
            VALUES (?1, 3, 1, ?2, 0, 0, 0, 0, 0)";
        let planted = world.store.engine.write(move |sql| sql.execute(PLANTED, values![id, posted]).map(drop)).await;
        planted.expect("it is planted");
        assert!(misposted().await.contains(&(id.to_owned(), wrong)), "{id}");
    }
    let done_alone = async || world.store.done_alone().await.expect("it is read");
    assert_eq!(done_alone().await, []);
    propose(&world, "3", Changes::Named(vec![found("A", 100, 120)])).await.expect("it is put forward");
    for (step, event) in [(1, "approved"), (2, "in-force")] {
        const PLANTED: &str = "INSERT INTO correction_events (batch, step, event, reason, done_by, seat, done_at)
            VALUES ('3', ?1, ?2, '', '', 'treatment', 0)";
        let planted = world.store.engine.write(move |sql| sql.execute(PLANTED, values![step, event]).map(drop)).await;
        planted.expect("it is planted");
    }
    assert!(misposted().await.contains(&("3 A".to_owned(), Misposted::NotPosted)));
    assert_eq!(done_alone().await, [DoneAlone::BatchOfOthers { id: "3".into() }]);
}

pub(super) async fn a_correction_goes_with_its_settlement_onto_the_list_and_off_it(world: World) {
    for (id, fen) in [("A", 100), ("B", 20)] {
        settled(&world, id, fen).await;
    }
    fold(&world).await;
    lodge_and_agree(&world, "A", 30).await;
    in_force(&world, "1", Changes::Named(vec![found("A", 100, 90), found("B", 20, 50)])).await;
    cut_off(&world).await;
    assert_eq!(owed(&world, FIRST).await, 110);
    assert_eq!(carry_out(&world, FIRST, &["A", "B"], None).await, 2);
    // Corrected while it waits: it waits with its settlement.
    in_force(&world, "2", Changes::Named(vec![found("B", 20, 60)])).await;
    assert_eq!(
        (owed(&world, FIRST).await, owed(&world, NEXT).await),
        (0, 0),
        "nothing is corrected that is not cleared"
    );
    let listed = world.store.listed().await.expect("a list");
    let each = listed.iter().map(|held| [held.sums.owed(), held.deducted.total(), held.corrected.total(), held.net()]);
    let each: Vec<_> = each.map(|sums| sums.map(Money::fen)).collect();
    assert_eq!(each, [[100, 30, -10, 60], [20, 0, 40, 60]], "people decide on what is cleared then");
    let act = async |id: &str, act, certificate: &str, seat| {
        let by = (person(certificate, seat), at(13));
        world.store.listed_act((settlement(id), 0), act, "查实".into(), by).await.expect("the store works")
    };
    for (id, verdict) in [("A", Verdict::Clear), ("B", Verdict::Return)] {
        assert_eq!(act(id, Act::Propose(verdict), "h", HOME).await, Ok(()));
        assert_eq!(act(id, Act::Approve(verdict), "c", Seat::Centre).await, Ok(()));
    }
    assert_eq!((owed(&world, FIRST).await, owed(&world, NEXT).await), (0, 60), "90 less the 30 deducted");
    let followed = world.store.settlement_follow(settlement("B")).await.expect("it is read");
    assert!(
        followed.corrected.iter().all(|each| each.stands == Stands::Returned),
        "what was returned is corrected nowhere"
    );
}
