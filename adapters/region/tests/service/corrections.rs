//! Approved batches of corrections: what they change of a book, what they leave alone, and what speaks against them.

use std::fs;

use bytes::Bytes;
use ledger::clock::Clock;
use ledger::home::MonthTotal;
use prost::Message as _;
use proto::status;
use proto::v1;
use settlement::ids::PersonNumber;
use settlement::operation::Operation;
use settlement::refusal::{BOOK_BATCHES, BOOK_SEQ, Reason, Refusal};

use crate::files::{row, stay_before};
use crate::late::affected;
use crate::older_copy::{kept, post, reinstate};
use crate::world::*;

on_both! {
    a_batch_posts_the_difference_once_and_leaves_nothing_affected,
    a_settlement_is_corrected_again_when_something_changes_again,
    undoing_a_batch_leaves_everything_as_it_was_before_it,
    cancelling_what_was_corrected_takes_both_back_and_reversing_that_brings_both_back,
    what_is_decided_after_a_batch_has_seen_it,
    a_settlement_that_built_on_a_corrected_one_is_affected_in_turn,
    the_account_stays_as_it_was_debited,
    what_speaks_against_a_batch_is_told_and_changes_nothing,
    a_lost_batch_goes_back_where_it_stood,
    what_is_posted_in_a_copy_keeps_no_batch_out_and_affects_what_it_corrects,
    what_a_batch_had_seen_and_is_posted_after_it_affects_nothing_anew,
    a_batch_that_goes_back_too_early_was_not_seen_by_what_came_before_it,
    a_book_that_lacks_only_a_batch_decides_nothing_until_it_has_it_again,
}

/// Asks the region as the hub.
async fn try_correct(world: &World, asked: v1::CorrectRequest) -> Result<v1::CorrectReply, Refusal> {
    let reply = world.corrections_client().correct(asked).await;
    reply.map(tonic::Response::into_inner).map_err(|status| status::to_refusal(&status))
}

async fn correct(world: &World, asked: v1::CorrectRequest) -> v1::CorrectReply {
    try_correct(world, asked).await.unwrap_or_else(|refusal| panic!("{refusal}"))
}

/// A batch that is taken now, and where it stands.
async fn taken(world: &World, asked: &v1::CorrectRequest) -> u64 {
    let reply = correct(world, asked.clone()).await;
    assert_eq!((reply.known, reply.faults.as_slice()), (false, &[][..]), "{}", asked.batch);
    reply.after
}

/// The faults of a batch that is not taken.
async fn faults(world: &World, asked: v1::CorrectRequest) -> Vec<(String, String)> {
    let reply = correct(world, asked).await;
    assert!(!reply.known);
    reply.faults.into_iter().map(|fault| (fault.settlement, fault.problem)).collect()
}

fn batch(id: &str, corrections: Vec<v1::Correction>) -> v1::CorrectRequest {
    v1::CorrectRequest {
        home: "410700".into(),
        batch: id.into(),
        undoes: String::new(),
        corrections,
        approved_at: 1_750_392_000_000_000,
        ..v1::CorrectRequest::default()
    }
}

/// Everything that is affected, as one batch.
async fn all_affected(world: &World, id: &str) -> v1::CorrectRequest {
    let listed = affected(world, "").await;
    let correction =
        |one: v1::AffectedSettlement| v1::Correction { settlement: one.settlement, told: one.told, now: one.now };
    batch(id, listed.into_iter().map(correction).collect())
}

/// What takes a batch back.
fn undone(id: &str, earlier: &v1::CorrectRequest) -> v1::CorrectRequest {
    let turned =
        |one: &v1::Correction| v1::Correction { settlement: one.settlement.clone(), told: one.now, now: one.told };
    let corrections = earlier.corrections.iter().map(turned).collect();
    v1::CorrectRequest { undoes: earlier.batch.clone(), ..batch(id, corrections) }
}

async fn used(world: &World, person: &str) -> Vec<MonthTotal> {
    let person = PersonNumber::new(person).expect("a number");
    world.running().store().month_total_list(person).await.expect("totals").0
}

fn names(listed: &[v1::AffectedSettlement]) -> Vec<&str> {
    listed.iter().map(|one| one.settlement.as_str()).collect()
}

/// Three stays, and the first cancelled: the second bears the deductible of the first by now.
async fn first_of_three_cancelled(on: On) -> World {
    let world = World::new(on).await;
    for (number, day) in [(1, 1), (2, 6), (3, 11)] {
        let stay = stay(RETIRED, &format!("m{number}"), &format!("E{number}"), (day, day + 3), 20_000);
        world.settled(&stay).await;
    }
    world.outcome(&cancel(RETIRED, "m4", "s-m1")).await;
    world
}

fn second() -> Operation {
    stay(RETIRED, "m2", "E2", (6, 9), 20_000)
}

/// Two stays, of which the first is cancelled after the second was settled, and a third.
fn a_stay_after_a_cancellation() -> impl Iterator<Item = Operation> {
    [
        stay(RETIRED, "m1", "E1", (1, 4), 20_000),
        second(),
        cancel(RETIRED, "m3", "s-m1"),
        stay(RETIRED, "m4", "E4", (11, 14), 20_000),
    ]
    .into_iter()
}

async fn a_batch_posts_the_difference_once_and_leaves_nothing_affected(on: On) {
    let world = first_of_three_cancelled(on).await;
    let told = world.settled(&second()).await;
    let listed = affected(&world, "").await;
    assert_eq!(names(&listed), ["s-m2", "s-m3"]);
    let before = used(&world, RETIRED).await;

    let asked = all_affected(&world, "B1").await;
    assert_eq!(taken(&world, &asked).await, 4, "after the cancellation");
    assert_eq!(names(&affected(&world, "").await), [""; 0]);
    assert_eq!(world.settled(&second()).await, told, "what the hospital was told stays");
    let more: i64 =
        listed.iter().map(|one| one.now.expect("it comes out").basic - one.told.expect("it counts").basic).sum();
    let after = used(&world, RETIRED).await;
    assert_eq!(after[0].sums.basic.fen() - before[0].sums.basic.fen(), more);
    assert!(more < 0 && after[0].sums.deductible > before[0].sums.deductible, "it bears the first deductible");
    world.prove().await;

    let again = v1::CorrectRequest {
        approved_at: 1,
        corrections: asked.corrections.iter().rev().cloned().collect(),
        ..asked.clone()
    };
    let known = correct(&world, again).await;
    assert_eq!((known.known, known.faults, known.after, known.number), (true, Vec::new(), 4, 1));
    assert!(!known.record.is_empty(), "how it was taken is told again");
    assert_eq!(used(&world, RETIRED).await, after, "the same batch again changes nothing");
    for (other, field) in [
        (v1::CorrectRequest { corrections: asked.corrections[..1].to_vec(), ..asked.clone() }, "corrections"),
        (v1::CorrectRequest { undoes: "B0".into(), ..asked.clone() }, "undoes"),
    ] {
        let refused = try_correct(&world, other).await.expect_err("other content");
        assert_eq!((refused.reason, refused.field.as_deref()), (Reason::ContentDiffers, Some(field)));
    }
    world.prove().await;
}

async fn a_settlement_is_corrected_again_when_something_changes_again(on: On) {
    let world = first_of_three_cancelled(on).await;
    let first = all_affected(&world, "B1").await;
    taken(&world, &first).await;
    world.outcome(&reverse(RETIRED, "m5", "m4", "2208")).await;
    let listed = affected(&world, "").await;
    assert_eq!(names(&listed), ["s-m2", "s-m3"]);
    assert_eq!(listed[0].causes, ["结算s-m1恢复有效(第5笔)"], "only what came after the batch");
    assert_eq!((listed[0].told, listed[0].now), (first.corrections[0].now, first.corrections[0].told));
    let second = all_affected(&world, "B2").await;
    taken(&world, &second).await;
    assert_eq!(names(&affected(&world, "").await), [""; 0]);
    world.prove().await;
    assert_eq!(
        faults(&world, undone("U1", &first)).await.concat_problems(),
        "s-m2: it was corrected again since, by batch B2: undo that first; \
         s-m3: it was corrected again since, by batch B2: undo that first"
    );
    taken(&world, &undone("U2", &second)).await;
    taken(&world, &undone("U1", &first)).await;
    // As if there had never been a batch: the first stay was cancelled and counts again.
    assert_eq!(names(&affected(&world, "").await), [""; 0]);
    world.prove().await;
}

async fn undoing_a_batch_leaves_everything_as_it_was_before_it(on: On) {
    let world = first_of_three_cancelled(on).await;
    let (listed, before) = (affected(&world, "").await, used(&world, RETIRED).await);
    let first = all_affected(&world, "B1").await;
    taken(&world, &first).await;
    let corrected = used(&world, RETIRED).await;
    let part =
        v1::CorrectRequest { corrections: undone("U1", &first).corrections[1..].to_vec(), ..undone("U1", &first) };
    assert_eq!(
        faults(&world, part).await.concat_problems(),
        "s-m2: the batch that is to be undone corrects it as well: it is undone as a whole"
    );
    taken(&world, &undone("U1", &first)).await;
    assert_eq!(used(&world, RETIRED).await, before);
    let again = affected(&world, "").await;
    let amounts =
        |listed: &[v1::AffectedSettlement]| -> Vec<_> { listed.iter().map(|one| (one.told, one.now)).collect() };
    assert_eq!((names(&again), amounts(&again)), (names(&listed), amounts(&listed)));
    world.prove().await;

    let by = "batch B1, which it undoes, was undone by batch U1";
    assert_eq!(faults(&world, undone("U3", &first)).await, [(String::new(), by.to_owned())]);
    taken(&world, &undone("U2", &undone("U1", &first))).await;
    assert_eq!((names(&affected(&world, "").await), used(&world, RETIRED).await), (vec![], corrected));
    world.prove().await;
}

async fn cancelling_what_was_corrected_takes_both_back_and_reversing_that_brings_both_back(on: On) {
    let world = first_of_three_cancelled(on).await;
    let told = world.settled(&second()).await;
    let first = all_affected(&world, "B1").await;
    taken(&world, &first).await;
    let corrected = used(&world, RETIRED).await;
    let outcome = world.outcome(&cancel(RETIRED, "m5", "s-m2")).await;
    assert!(format!("{outcome:?}").contains(&format!("{:?}", told.payers)), "the hospital takes back what it was told");
    world.prove().await;
    assert_eq!(faults(&world, undone("U1", &first)).await.concat_problems(), "s-m2: it is not in force any more");
    world.outcome(&reverse(RETIRED, "m6", "m5", "2208")).await;
    assert_eq!(used(&world, RETIRED).await, corrected);
    assert_eq!(names(&affected(&world, "").await), [""; 0], "nothing is left of it");
    world.outcome(&reverse(RETIRED, "m7", "m2", "2304")).await;
    world.outcome(&cancel(RETIRED, "m8", "s-m3")).await;
    assert!(used(&world, RETIRED).await.iter().all(|total| total.sums == Default::default()), "nothing is in force");
    world.prove().await;
}

async fn what_is_decided_after_a_batch_has_seen_it(on: On) {
    let world = first_of_three_cancelled(on).await;
    let before = stay(RETIRED, "m5", "E5", (16, 17), 9_000);
    world.settled(&before).await;
    let first = all_affected(&world, "B1").await;
    taken(&world, &first).await;
    world.settled(&stay(RETIRED, "m6", "E6", (18, 19), 9_000)).await;
    world.prove().await;
    let listed = affected(&world, "").await;
    assert_eq!(names(&listed), ["s-m5"], "what had not seen it is affected, and what came after is not");
    assert_eq!(listed[0].causes[0], "更正批次B1更正结算s-m2(第5笔之后)");
    taken(&world, &undone("U1", &first)).await;
    assert_eq!(names(&affected(&world, "").await), ["s-m2", "s-m3", "s-m6"]);
    world.prove().await;
}

async fn a_settlement_that_built_on_a_corrected_one_is_affected_in_turn(on: On) {
    let world = first_of_three_cancelled(on).await;
    let mut asked = all_affected(&world, "B1").await;
    let third = asked.corrections.pop().expect("there are two");
    taken(&world, &asked).await;
    let listed = affected(&world, "").await;
    assert_eq!(names(&listed), ["s-m3"]);
    assert!(listed[0].causes.contains(&"更正批次B1更正结算s-m2(第4笔之后)".to_owned()), "{:?}", listed[0].causes);
    assert_eq!((listed[0].told, listed[0].now), (third.told, third.now), "as it was listed before");
    let rest = all_affected(&world, "B2").await;
    taken(&world, &rest).await;
    assert_eq!(names(&affected(&world, "").await), [""; 0]);
    world.prove().await;
}

async fn the_account_stays_as_it_was_debited(on: On) {
    let mut world = World::new(on).await;
    let told = world.settled(&stay(WORKING, "m1", "E1", (1, 9), 20_000)).await;
    assert!(!told.payers.account.is_zero());
    let deposit = fs::read_to_string(world.path("postings.csv")).expect("the account's money");
    world.stop().await;
    world.write("postings.csv", &(deposit + &row(&stay_before("P1", WORKING))));
    world.start().await;
    let asked = all_affected(&world, "B1").await;
    let (before, now) = (asked.corrections[0].told.expect("told"), asked.corrections[0].now.expect("now"));
    assert!(now.basic > before.basic);
    assert_eq!((now.account, now.cash), (before.account, before.cash - (now.basic - before.basic)));
    let moved = v1::Shares { account: now.account - 1, cash: now.cash + 1, ..now };
    let mut other = asked.clone();
    other.corrections[0].now = Some(moved);
    let problems = faults(&world, other).await.concat_problems();
    assert!(problems.starts_with("s-m1: the account was debited 1000.00 and stays so"), "{problems}");
    taken(&world, &asked).await;
    assert_eq!(names(&affected(&world, "").await), [""; 0]);
    world.prove().await;
}

async fn what_speaks_against_a_batch_is_told_and_changes_nothing(on: On) {
    let world = first_of_three_cancelled(on).await;
    let good = all_affected(&world, "B1").await;
    let before = used(&world, RETIRED).await;
    let one = |change: &dyn Fn(&mut v1::Correction)| {
        let mut asked = good.clone();
        change(&mut asked.corrections[0]);
        asked
    };
    let shares = |told: Option<v1::Shares>, change: &dyn Fn(&mut v1::Shares)| {
        let mut shares = told.expect("shares");
        change(&mut shares);
        Some(shares)
    };
    let (told, now) = (good.corrections[0].told, good.corrections[0].now);
    let rows = [
        (one(&|it| it.settlement = "s-m9".into()), "s-m9: there is no such settlement of this pool"),
        (one(&|it| it.settlement = "s-m1".into()), "s-m1: it is not in force any more"),
        (one(&|it| it.settlement = "s-m3".into()), "s-m3: it comes out otherwise by now than the batch says"),
        (
            one(&|it| it.told = now),
            "s-m2: it does not count by now as the batch says that it does: it was corrected since",
        ),
        (
            one(&|it| it.now = shares(now, &|now| now.cash += 1)),
            "s-m2: the payers make up 20000.00 as it counts, and 20000.01",
        ),
        (
            one(&|it| it.now = shares(now, &|now| (now.cash, now.hospital) = (now.cash - 1, 1))),
            "s-m2: the hospital bears 0.00 and goes on to; the batch has 0.01",
        ),
        (one(&|it| it.now = told), "s-m2: it comes out otherwise by now than the batch says"),
        (
            undone("B1", &v1::CorrectRequest { batch: "B0".into(), ..good.clone() }),
            ": batch B0, which it undoes, is not in the book",
        ),
    ];
    for (asked, problem) in rows {
        let told = faults(&world, asked).await.concat_problems();
        assert!(told.contains(problem), "{told} for {problem}");
    }
    let mut twice = good.clone();
    twice.corrections.push(good.corrections[0].clone());
    assert!(faults(&world, twice).await.concat_problems().contains("s-m2: the batch names it twice"));
    for (asked, reason, field) in [
        (v1::CorrectRequest { home: "440300".into(), ..good.clone() }, Reason::RegionNotServed, "insuplc_admdvs"),
        (v1::CorrectRequest { batch: String::new(), ..good.clone() }, Reason::MissingField, "batch"),
        (v1::CorrectRequest { batch: "a\u{1f}b".into(), ..good.clone() }, Reason::InvalidField, "batch"),
        (v1::CorrectRequest { undoes: "B1".into(), ..good.clone() }, Reason::InvalidField, "undoes"),
        (v1::CorrectRequest { corrections: Vec::new(), ..good.clone() }, Reason::MissingField, "corrections"),
        (v1::CorrectRequest { approved_at: i64::MAX, ..good.clone() }, Reason::InvalidField, "approved_at"),
        (one(&|it| it.settlement = String::new()), Reason::MissingField, "settlement"),
        (one(&|it| it.told = None), Reason::MissingField, "told"),
        (one(&|it| it.now = shares(now, &|now| now.basic = i64::MIN)), Reason::InvalidField, "now"),
    ] {
        let refused = try_correct(&world, asked).await.expect_err(field);
        assert_eq!((refused.reason, refused.field.as_deref()), (reason, Some(field)));
    }
    assert_eq!(used(&world, RETIRED).await, before);
    assert_eq!(names(&affected(&world, "").await), ["s-m2", "s-m3"]);
    world.prove().await;
    taken(&world, &good).await;
    let renamed = v1::CorrectRequest { batch: "B2".into(), ..good };
    assert_ne!(faults(&world, renamed).await, [], "a batch of another name does not do it again");
    world.prove().await;
}

/// A book, what it answered, and the batches that it took between, each with the place after which it stands.
struct Told {
    whole: World,
    given: Vec<(Operation, v1::Answer)>,
    batches: Vec<(u64, v1::CorrectRequest)>,
}

impl Told {
    /// Whatever is affected is corrected after so many answers, where anything is.
    async fn corrected_after(answers: &[usize], operations: Vec<Operation>) -> Told {
        let whole = World::new(On::Sqlite).await;
        let (mut given, mut batches) = (Vec::new(), Vec::new());
        for operation in operations {
            let answer = whole.answer(&operation).await;
            given.push((operation, answer));
            if answers.contains(&given.len()) {
                let mut asked = all_affected(&whole, &format!("B{}", given.len())).await;
                // Just now by the region's clock.
                asked.approved_at = whole.clock.now().as_microsecond();
                if !asked.corrections.is_empty() {
                    let v1::CorrectReply { after, record, .. } = correct(&whole, asked.clone()).await;
                    batches.push((after, v1::CorrectRequest { record, ..asked }));
                }
            }
        }
        assert!(!batches.is_empty());
        whole.prove().await;
        Told { whole, given, batches }
    }

    /// The hub gives answers and batches back in the order of the book: a batch before whatever was decided after it.
    async fn given_back(&self, on: On, batches: &[(u64, v1::CorrectRequest)]) -> World {
        let lost = World::new(on).await;
        for (place, (operation, answer)) in (0..).zip(&self.given) {
            for (_, asked) in batches.iter().filter(|(after, _)| *after == place) {
                assert_eq!(taken(&lost, asked).await, place);
                assert!(correct(&lost, asked.clone()).await.known, "once more changes nothing");
            }
            let reply = reinstate(&lost, kept(operation, answer, place)).await;
            assert_eq!((reply.known, reply.clash.as_str()), (false, ""), "{:?}", operation.key.message);
        }
        lost
    }
}

async fn a_lost_batch_goes_back_where_it_stood(on: On) {
    let later = [
        cancel(RETIRED, "m5", "s-m2"),
        reverse(RETIRED, "m6", "m5", "2208"),
        stay(RETIRED, "m7", "E7", (16, 19), 20_000),
    ];
    let told = Told::corrected_after(&[3, 6], a_stay_after_a_cancellation().chain(later).collect()).await;
    let whole = (affected(&told.whole, "").await, used(&told.whole, RETIRED).await);
    // Of a region that never said how it took a batch there is no record, and it is worked out again.
    let unrecorded = told
        .batches
        .iter()
        .map(|(after, asked)| (*after, v1::CorrectRequest { record: Bytes::new(), ..asked.clone() }));
    for batches in [told.batches.clone(), unrecorded.collect()] {
        let lost = told.given_back(on, &batches).await;
        assert_eq!((affected(&lost, "").await, used(&lost, RETIRED).await), whole);
        lost.prove().await;
    }
}

/// The region posts something in the copy before the batch is back: worked out again, the batch would come out otherwise.
async fn what_is_posted_in_a_copy_keeps_no_batch_out_and_affects_what_it_corrects(on: On) {
    let operations = a_stay_after_a_cancellation().collect();
    let Told { whole: _, given, batches } = Told::corrected_after(&[3], operations).await;
    let (after, asked) = batches[0].clone();
    let mut lost = World::stopped_on(on);
    lost.clock = Clock::starting_at("2025-06-21T04:00:00Z".parse().expect("an instant"));
    post(&mut lost, &[row(&stay_before("P1", RETIRED))]).await;
    for (place, (operation, answer)) in (0..after).zip(&given) {
        assert_eq!(reinstate(&lost, kept(operation, answer, place)).await.clash, "");
    }
    let unrecorded = v1::CorrectRequest { record: Bytes::new(), ..asked.clone() };
    let problems = faults(&lost, unrecorded).await.concat_problems();
    assert!(problems.starts_with("s-m2: it comes out otherwise by now"), "{problems}");
    let broken = v1::CorrectRequest { record: Bytes::from_static(&[0xff]), ..asked.clone() };
    let refused = try_correct(&lost, broken).await.expect_err("it is no record");
    assert_eq!((refused.reason, refused.field.as_deref()), (Reason::InvalidField, Some("record")));
    let of_nothing = v1::TakenBatch {
        corrections: vec![v1::TakenCorrection {
            settlement: "s-m1".into(),
            posted: Some(v1::Used::default()),
            accounted: Vec::new(),
        }],
    };
    let silent = v1::CorrectRequest { record: of_nothing.encode_to_vec().into(), ..asked.clone() };
    let problems = faults(&lost, silent).await.concat_problems();
    assert_eq!(problems, "s-m2: the record of the batch does not say what was posted for it");

    assert_eq!(taken(&lost, &asked).await, after);
    let again = correct(&lost, asked.clone()).await;
    assert_eq!((again.known, again.record), (true, asked.record.clone()), "it was taken as it was");
    let (operation, answer) = &given[3];
    assert_eq!(reinstate(&lost, kept(operation, answer, after)).await.clash, "", "it had seen the batch");
    lost.prove().await;

    // Both are affected by what was posted, the corrected one beyond what the batch made of it, and a batch corrects them.
    let listed = affected(&lost, "").await;
    assert_eq!(names(&listed), ["s-m2", "s-m4"]);
    assert_eq!(listed[0].told, asked.corrections[0].now, "it counts as the batch left it");
    assert!(listed[0].causes.iter().all(|cause| cause.contains("P1")), "{:?}", listed[0].causes);
    taken(&lost, &all_affected(&lost, "B9").await).await;
    assert_eq!(names(&affected(&lost, "").await), [""; 0]);
    lost.prove().await;
}

/// What a batch had taken into account is posted again after it: at another place, and it affects nothing that was corrected.
async fn what_a_batch_had_seen_and_is_posted_after_it_affects_nothing_anew(on: On) {
    let rows = [row(&stay_before("P1", RETIRED))];
    let mut whole = World::new(On::Sqlite).await;
    let first = stay(RETIRED, "m1", "E1", (1, 4), 20_000);
    let answer = whole.answer(&first).await;
    post(&mut whole, &rows).await;
    let asked = all_affected(&whole, "B1").await;
    assert_eq!(asked.corrections.len(), 1);
    let record = correct(&whole, asked.clone()).await.record;

    let mut lost = World::new(on).await;
    assert_eq!(reinstate(&lost, kept(&first, &answer, 0)).await.clash, "");
    taken(&lost, &v1::CorrectRequest { record, ..asked }).await;
    lost.answer(&settle(WORKING, "m2", "E2")).await;
    post(&mut lost, &rows).await;
    assert_eq!(names(&affected(&lost, "").await), [""; 0]);
    assert_eq!(used(&lost, RETIRED).await, used(&whole, RETIRED).await);
    lost.prove().await;
}

/// A batch that is given back before an answer that had not seen it stands before it, and counts for what came after.
async fn a_batch_that_goes_back_too_early_was_not_seen_by_what_came_before_it(on: On) {
    let later = [stay(RETIRED, "m5", "E5", (16, 19), 20_000)];
    let told = Told::corrected_after(&[4], a_stay_after_a_cancellation().chain(later).collect()).await;
    let (after, asked) = &told.batches[0];
    assert_eq!((*after, asked.corrections.len()), (4, 1));
    let expected = (affected(&told.whole, "").await, used(&told.whole, RETIRED).await);
    assert_eq!(names(&expected.0), ["s-m4"], "it came before the batch");
    let lost = told.given_back(on, &[(3, asked.clone())]).await;
    let (listed, sums) = (affected(&lost, "").await, used(&lost, RETIRED).await);
    let amounts = |listed: &[v1::AffectedSettlement]| -> Vec<_> {
        listed.iter().map(|one| (one.settlement.clone(), one.told, one.now)).collect()
    };
    assert_eq!((amounts(&listed), sums), (amounts(&expected.0), expected.1));
    lost.prove().await;
}

/// An older copy that lacks nothing but a batch ends where the whole book ends.
async fn a_book_that_lacks_only_a_batch_decides_nothing_until_it_has_it_again(on: On) {
    let operations = a_stay_after_a_cancellation().take(3).collect();
    let told = Told::corrected_after(&[3], operations).await;
    let lost = told.given_back(on, &[]).await;
    let book = v1::BookRequest { home: "410700".into(), request_id: String::new() };
    let ends = async || lost.book_client().book(book.clone()).await.expect("an answer").into_inner();
    assert_eq!(ends().await, v1::BookReply { last: 3, batches: 0 });
    let next = stay(RETIRED, "m4", "E4", (11, 14), 20_000);
    let behind = operate_knowing_batches(lost.client(), &next, (3, 1)).await.expect_err("it knows less than the hub");
    let lacks = |field, ends: &str| Refusal::new(Reason::RegionUnavailable).of_field(field).because(ends);
    assert_eq!(behind, lacks(BOOK_BATCHES, "0"));
    let both = operate_knowing_batches(lost.client(), &next, (4, 1)).await.expect_err("it ends before that, too");
    assert_eq!(both, lacks(BOOK_SEQ, "3"));
    let (_, asked) = told.batches[0].clone();
    let another = v1::CorrectRequest { batch: "B9".into(), known_book_seq: 3, known_batches: 1, ..asked.clone() };
    assert_eq!(try_correct(&lost, another).await, Err(lacks(BOOK_BATCHES, "0")), "nor does it take another");
    assert_eq!(ends().await, v1::BookReply { last: 3, batches: 0 }, "nothing was decided");
    assert_eq!(taken(&lost, &asked).await, 3, "while it is made whole, the hub names nothing that it should hold");
    assert_eq!(ends().await, v1::BookReply { last: 3, batches: 1 });
    let answer = operate_knowing_batches(lost.client(), &next, (3, 1)).await.expect("it is whole again");
    assert_eq!(answer.book_seq, told.whole.answer(&next).await.book_seq);
    assert_eq!(used(&lost, RETIRED).await, used(&told.whole, RETIRED).await, "it has seen the batch");
    lost.prove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_hub_has_a_book_corrected() {
    let world = first_of_three_cancelled(On::Sqlite).await;
    let asked = all_affected(&world, "B1").await;
    for (name, names) in [("other-home", &[HOME][..]), ("treatment", &[TREATMENT])] {
        let credentials = world.credentials(name, names);
        let refused = world.corrections_client_as(credentials).correct(asked.clone()).await;
        assert!(refused.is_err(), "{name}");
    }
    assert_eq!(names_of(&world).await, ["s-m2", "s-m3"]);
}

async fn names_of(world: &World) -> Vec<String> {
    affected(world, "").await.into_iter().map(|one| one.settlement).collect()
}

/// Faults in one line.
trait Problems {
    fn concat_problems(&self) -> String;
}

impl Problems for Vec<(String, String)> {
    fn concat_problems(&self) -> String {
        let one = |(settlement, problem): &(String, String)| format!("{settlement}: {problem}");
        self.iter().map(one).collect::<Vec<_>>().join("; ")
    }
}
