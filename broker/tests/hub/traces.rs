//! From a settlement to its statements and payments, and from a proof that failed to one that holds.

use clearing::period::{Pair, Proof, Side, Stage, Step};
use ledger::engine::Location;
use ledger::hub::{PeriodNumber, Reply, StatementFault};
use ledger::testing::damage;
use proto::v1;
use proto::v1::deductions_client::DeductionsClient;
use proto::v1::leftovers_client::LeftoversClient;
use settlement::refusal::Reason;

use crate::clearing::{advance, answer_of, clearing, field, henan_shanghai, member, noon, payment_of};
use crate::requests::*;
use crate::world::{World, refusal};

const JUNE: PeriodNumber = PeriodNumber(1);

/// Damages the folded sums of June by so many fen, while the hub is down.
async fn damage(world: &mut World, fen: i64) {
    world.crash_hub().await;
    let Location::File(book) = &world.config.store else { panic!("a file") };
    assert_eq!(damage::add_to_sums(book, JUNE.0, fen).expect("it is damaged"), 1);
    world.start_hub().await;
}

async fn proof(world: &World) -> Option<Proof> {
    clearing(world).standing(JUNE).await.expect("the store works").expect("a month").record.proof
}

fn prove(month: &str) -> v1::RunRequest {
    v1::RunRequest { prove: month.into() }
}

/// The steps of June as a certificate sees them: which, whether it held, and its report.
async fn steps(world: &World, code: &str) -> Vec<(String, bool, String)> {
    let asked = v1::PeriodsRequest { month: "2025-06".into() };
    let seen = member(world, code).periods(asked).await.expect("a period").into_inner().periods.remove(0);
    seen.steps.into_iter().map(|step| (step.step, step.held, step.report)).collect()
}

#[tokio::test]
async fn a_month_whose_proof_failed_goes_on_once_it_is_mended_and_proved_again() {
    let mut world = World::new().await;
    advance(&clearing(&world), noon(6, 15)).await;
    world.operate(&settle("1")).await.expect("an answer");
    advance(&clearing(&world), noon(6, 16)).await;
    damage(&mut world, 7).await;
    let done: Vec<Step> = advance(&clearing(&world), noon(7, 21)).await.into_iter().map(|(_, step)| step).collect();
    assert_eq!((done, proof(&world).await), (vec![Step::CutOff, Step::Fold, Step::Prove], Some(Proof::Fails)));
    assert_eq!(advance(&clearing(&world), noon(7, 28)).await, [], "nothing is stated, whatever the day");

    world.hub().hub().clock.set(noon(7, 28));
    let mut henan = member(&world, "410000");
    assert!(henan.run(prove("2025-06")).await.is_err(), "it is for the hub's operators");
    for month in ["June", "2019-06", "2025-07"] {
        assert_eq!(field(&member(&world, "000000").run(prove(month)).await.expect_err(month)), "prove");
    }
    let ran = member(&world, "000000").run(prove("2025-06")).await.expect("it is proved").into_inner().done;
    assert_eq!(ran.iter().map(|done| done.step.as_str()).collect::<Vec<_>>(), ["prove"]);
    assert_eq!(proof(&world).await, Some(Proof::Fails), "it is damaged still");

    damage(&mut world, -7).await;
    world.hub().hub().clock.set(noon(7, 29));
    let ran = member(&world, "000000").run(prove("2025-06")).await.expect("it is proved").into_inner().done;
    let told: Vec<_> = ran.iter().map(|done| done.step.as_str()).collect();
    assert_eq!((told, proof(&world).await), (vec!["prove", "carry-out", "state"], Some(Proof::Holds)));
    let ran = member(&world, "000000").run(prove("2025-06")).await.expect("it holds").into_inner().done;
    assert!(ran.is_empty(), "what holds is not proved again: {ran:?}");

    let apart = "410700 → 310000: 50.07 folded, 50.00 in the journal";
    let all = [
        ("cut-off", true, "later entries are the next period's"),
        ("folded", true, "1 visits in 1 lots, 50.07 owed"),
        ("proved", false, apart),
        ("proved", false, apart),
        ("proved", true, "1 lots agree with the journal, 50.00 owed"),
        ("carried", true, "0 entries carried out"),
        ("stated", true, "1 of 1 pairs: 50.00 due from home members, 0.00 to be given back"),
    ];
    let all = all.map(|(step, held, report)| (step.to_owned(), held, report.to_owned()));
    assert_eq!(steps(&world, "000000").await, all);
    let theirs = steps(&world, "440000").await;
    assert_eq!(theirs.len(), 6, "no statement is theirs");
    assert!(theirs[1..].iter().all(|(_, _, report)| report.is_empty()), "others' sums are not for them: {theirs:?}");
}

async fn traced(world: &World, code: &str, id: &str) -> v1::TraceReply {
    let asked = v1::TraceRequest { settlement: id.into() };
    member(world, code).trace(asked).await.expect("its way").into_inner()
}

/// The month of each line, and what the settlement counts there.
fn counts(traced: &v1::TraceReply) -> Vec<(&str, i64)> {
    let line = |line: &'_ v1::TracedLine| line.counts.as_ref().map_or(0, |sums| sums.basic);
    traced.lines.iter().map(|each| (each.month.as_str(), line(each))).collect()
}

async fn object(world: &World, period: i64, month: i8) {
    let objection = Reply::Objected { settlements: vec![settlement_id("1")], reason: "患者否认就医".into() };
    let (clearing, by) = (clearing(world), ("henan".into(), noon(month, 22)));
    let place = (PeriodNumber(period), henan_shanghai(), Side::Home);
    let objected = clearing.reply(place, 1, objection, by);
    objected.await.expect("the store works").expect("it is heard");
}

#[tokio::test]
async fn a_settlement_is_followed_to_its_statement_notice_and_payment_by_whom_it_concerns_alone() {
    let world = World::new().await;
    let clearing = clearing(&world);
    advance(&clearing, noon(6, 15)).await;
    for message in ["1", "2"] {
        world.operate(&settle(message)).await.expect("an answer");
    }
    advance(&clearing, noon(6, 16)).await;
    let mut shanghai = DeductionsClient::new(world.peer("310000", identity::name::Role::Operator));
    let deducted = Some(v1::FundSums { basic: 1_500, ..v1::FundSums::default() });
    let (settlement, reason) = ("1".into(), "超限定支付".into());
    let lodging = v1::LodgeDeductionRequest { id: "a".into(), settlement, deducted, reason };
    shanghai.lodge(lodging).await.expect("it is lodged");
    let agreed = v1::ChangeDeductionRequest { id: "a".into(), agreed: deducted, reason: String::new() };
    shanghai.agree(agreed).await.expect("it is agreed on");
    advance(&clearing, noon(7, 1)).await;
    world.operate(&cancel("3", "2")).await.expect("an answer");
    advance(&clearing, noon(7, 21)).await;
    object(&world, 1, 7).await;
    advance(&clearing, noon(7, 22)).await;
    advance(&clearing, noon(7, 30)).await;
    world.hub().hub().clock.set(noon(8, 9));
    for (code, side) in [("410000", "home"), ("310000", "treatment")] {
        member(&world, code).pay(payment_of(side, 5_000)).await.expect("it is recorded");
    }
    advance(&clearing, noon(8, 9)).await;

    let first = traced(&world, "410000", "1").await;
    let entry = &first.entries[0];
    assert_eq!((first.entries.len(), entry.turn.as_str(), entry.month.as_str()), (1, "enter", "2025-06"));
    let carried = &first.carried[0];
    assert_eq!((first.carried.len(), carried.way.as_str(), carried.reason.as_str()), (1, "carried", "患者否认就医"));
    assert_eq!((carried.from.as_str(), carried.into.as_str()), ("2025-06", "2025-07"));
    let taken = &first.deductions[0].taken[0];
    assert_eq!((taken.month.as_str(), taken.sums.map(|sums| sums.basic)), ("2025-07", Some(1_500)), "it goes with it");
    assert_eq!(counts(&first), [("2025-06", 0), ("2025-07", 5_000 - 1_500)]);
    assert!(first.listed.is_empty());
    assert_eq!(first.lines[1].pair.as_ref().map(|pair| pair.version), Some(0), "July is not stated yet");

    let second = traced(&world, "410000", "2").await;
    let told = second.entries.iter().map(|entry| (entry.turn.as_str(), entry.month.as_str(), entry.corrects.as_str()));
    assert_eq!(told.collect::<Vec<_>>(), [("enter", "2025-06", ""), ("counter", "2025-07", "2025-06")]);
    assert_eq!(counts(&second), [("2025-06", 5_000), ("2025-07", -5_000)]);
    let line = &second.lines[0];
    let lot = "410700-310000-employee-inpatient";
    assert_eq!(line.rows, ["410000-310000", "410700-employee", lot, &format!("lot-{lot}")]);
    let pair = line.pair.clone().expect("its statement");
    assert_eq!((pair.version, pair.due, pair.home_confirmed, pair.treatment_confirmed), (2, 5_000, true, true));
    assert!(!pair.noticed_on.is_empty());
    for payment in [pair.payables[0].paid.clone(), pair.payables[0].received.clone()] {
        assert_eq!(payment, payment_of("home", 5_000).payment, "serial, bank and day as each side has them");
    }
    // And back: the list behind its lot names it.
    let lot = v1::LotRequest { month: "2025-06".into(), lot: line.lot.clone(), after: 0, limit: 0 };
    let behind = member(&world, "310000").settlements(lot).await.expect("settlements").into_inner().settlements;
    assert_eq!(behind.iter().filter(|row| row.settlement == "2").count(), 1);

    for code in ["310000", "000000"] {
        assert_eq!(traced(&world, code, "1").await, first, "each of whom it concerns sees the same");
    }
    // What its province owes and has paid, by which bank, is not for a pool: it sees its own, and how far that is.
    for (id, mut whole) in [("1", first), ("2", second)] {
        whole.lines.iter_mut().for_each(|line| line.pair = None);
        assert_eq!(traced(&world, "410700", id).await, whole);
    }
    let course = traced(&world, "410700", "2").await.lines.remove(0).course.expect("how far it is");
    assert_eq!((course.home.as_str(), course.treatment.as_str(), course.version), ("410000", "310000", 2));
    let paid_on = payment_of("home", 5_000).payment.expect("a payment").on;
    assert_eq!([&course.issued_on, &course.noticed_on, &course.paid_on], ["2025-07-22", &pair.noticed_on, &paid_on]);
    for (code, id, refused) in [
        ("440000", "1", Reason::InstitutionNotYours),
        ("440300", "2", Reason::InstitutionNotYours),
        ("410000", "9", Reason::UnknownSettlement),
        ("410000", "", Reason::InvalidField),
    ] {
        let asked = v1::TraceRequest { settlement: id.into() };
        let told = member(&world, code).trace(asked).await.expect_err("nothing to see");
        assert_eq!((refusal(&told).reason, field(&told).as_str()), (refused, "settlement"), "{code} {id}");
    }
}

#[tokio::test]
async fn what_ended_on_the_list_is_followed_through_the_months_that_were_cleared_without_it() {
    let world = World::new().await;
    let clearing = clearing(&world);
    advance(&clearing, noon(6, 15)).await;
    world.operate(&settle("1")).await.expect("an answer");
    for (period, month) in [(1, 7), (2, 8), (3, 9)] {
        advance(&clearing, noon(month, 21)).await;
        object(&world, period, month).await;
        advance(&clearing, noon(month, 22)).await;
        advance(&clearing, noon(month, 30)).await;
        let standing = clearing.standing(PeriodNumber(period)).await.expect("the store works").expect("a month");
        assert_eq!(standing.record.stage(), Stage::Closed);
    }
    let waits = traced(&world, "310000", "1").await;
    assert_eq!((waits.listed[0].standing.as_str(), waits.listed[0].owner.as_str()), ("waiting", "310000"));
    assert_eq!(counts(&waits), [("2025-06", 0), ("2025-07", 0), ("2025-08", 0)]);
    let (verdict, part, reason) = ("clear".to_owned(), 0, "对方已出具病历".to_owned());
    let act =
        v1::LeftoverAct { settlement: "1".into(), part, verdict, seat: "treatment".into(), reason, check_only: false };
    let leftovers = |code: &str| LeftoversClient::new(world.peer(code, identity::name::Role::Operator));
    leftovers("310000").propose(act.clone()).await.expect("it is proposed");
    leftovers("410000").approve(v1::LeftoverAct { seat: "home".into(), ..act }).await.expect("it is decided");

    let ended = traced(&world, "310000", "1").await;
    let ways: Vec<_> = ended.carried.iter().map(|each| (each.way.as_str(), each.into.as_str())).collect();
    assert_eq!(ways, [("carried", "2025-07"), ("carried", "2025-08"), ("listed", ""), ("cleared", "2025-09")]);
    assert_eq!((ended.listed[0].standing.as_str(), ended.listed[0].verdict.as_str()), ("ended", "clear"));
    assert_eq!(counts(&ended), [("2025-06", 0), ("2025-07", 0), ("2025-08", 0), ("2025-09", 5_000)]);
    let confirmed = answer_of("home", 2);
    assert_eq!(ended.lines[0].pair.as_ref().map(|pair| pair.version), Some(confirmed.version), "June's second version");
}

#[tokio::test]
async fn what_a_period_holds_of_a_pair_and_comes_to_nothing_is_said_not_to_be_stated() {
    let world = World::new().await;
    let clearing = clearing(&world);
    advance(&clearing, noon(6, 15)).await;
    world.operate(&settle("1")).await.expect("an answer");
    world.operate(&cancel("2", "1")).await.expect("an answer");
    advance(&clearing, noon(6, 16)).await;
    let pair = |home: &str| v1::StatementRequest {
        month: "2025-06".into(),
        home: home.into(),
        treatment: "310000".into(),
        version: 0,
    };
    let said = async |home: &str| {
        let stated = member(&world, home).statement(pair(home)).await.expect("a statement").into_inner();
        assert_eq!((stated.version, stated.lots.len()), (0, 0));
        stated.nothing
    };
    let line = async || {
        let line = traced(&world, "410000", "1").await.lines.remove(0);
        (line.rows.len(), line.course.is_some_and(|course| course.nothing))
    };
    assert!(!said("410000").await, "June is not stated yet");
    assert_eq!(line().await, (4, false));
    for day in [1, 21, 30] {
        advance(&clearing, noon(7, day)).await;
    }
    assert!(said("410000").await && !said("440000").await, "of Guangdong there is nothing in it");
    assert_eq!(line().await, (0, true), "it is in no paper");
    let left = async |home: &str| {
        let asked = v1::PeriodsRequest { month: "2025-06".into() };
        let june = member(&world, home).periods(asked).await.expect("a period").into_inner().periods.remove(0);
        assert_eq!(june.pairs.len(), 0);
        june.nothing_left.into_iter().map(|pair| (pair.home, pair.treatment)).collect::<Vec<_>>()
    };
    assert_eq!(
        left("410000").await,
        [("410000".to_owned(), "310000".to_owned())],
        "where papers find what came and went"
    );
    assert_eq!(left("440000").await, [], "it is not theirs");
    let objection = || Reply::Objected { settlements: vec![settlement_id("1")], reason: "患者否认就医".into() };
    for (pair, nothing) in
        [(henan_shanghai(), true), (Pair { home: henan_shanghai().treatment, ..henan_shanghai() }, false)]
    {
        let place = (JUNE, pair, Side::Home);
        let replied = clearing.reply(place, 1, objection(), ("henan".into(), noon(7, 30))).await;
        let expected = if nothing { StatementFault::Nothing } else { StatementFault::Unknown };
        assert_eq!(replied.expect("the store works"), Err(expected));
    }
}
