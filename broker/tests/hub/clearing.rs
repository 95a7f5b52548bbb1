//! Months of a real hub, cut off, stated, disputed, paid and closed by the calendar.

use std::sync::Arc;

use broker::clearing::Clearing;
use clearing::calendar::Calendar;
use clearing::cleared::sum;
use clearing::month::Month;
use clearing::period::{Pair, Payment, Side, Stage, Step};
use identity::name::Role;
use jiff::Timestamp;
use jiff::civil::date;
use ledger::clock::Clock;
use ledger::hub::{PeriodNumber, Reply};
use proto::v1;
use proto::v1::clearing_client::ClearingClient;
use proto::v1::deductions_client::DeductionsClient;
use settlement::beijing;
use settlement::ids::MemberCode;
use settlement::money::Money;
use settlement::person::Insurance;
use settlement::region::RegionTable;
use tonic::Status;
use tonic::transport::Channel;

use crate::requests::*;
use crate::world::{World, refusal};

pub const JUNE: PeriodNumber = PeriodNumber(1);
pub const JULY: PeriodNumber = PeriodNumber(2);
const EMPLOYEE: Insurance = Insurance::Employee;

/// Noon of a day of 2025, Beijing time.
pub fn noon(month: i8, day: i8) -> Timestamp {
    beijing::instant_of(date(2025, month, day).at(12, 0, 0, 0)).expect("an instant")
}

pub fn henan_shanghai() -> Pair {
    Pair { home: MemberCode(region("410000")), treatment: MemberCode(region("310000")) }
}

pub fn clearing(world: &World) -> Clearing {
    let calendar =
        Calendar::parse(include_str!("../../../deploy/calendar.toml")).expect("no faults").without_comparing();
    let regions = std::fs::read_to_string(&world.config.regions).expect("a table");
    let regions = RegionTable::from_csv(&regions).expect("a table");
    Clearing::new(world.hub().store().clone(), Arc::new(regions), Arc::new(calendar))
}

pub async fn advance(clearing: &Clearing, now: Timestamp) -> Vec<(PeriodNumber, Step)> {
    clearing.advance(now).await.expect("the store works")
}

pub async fn due(clearing: &Clearing, period: PeriodNumber) -> Money {
    let standing = clearing.standing(period).await.expect("the store works").expect("a month");
    standing.pairs.get(&henan_shanghai()).map(|lots| sum(lots).owed()).unwrap_or_default()
}

pub async fn stage(clearing: &Clearing, period: PeriodNumber) -> Stage {
    clearing.standing(period).await.expect("the store works").expect("a month").record.stage()
}

async fn pay(world: &World, side: Side) {
    let payment = Payment {
        serial: "2025073000017".into(),
        bank: "中国银行 郑州分行".into(),
        on: date(2025, 8, 8),
        amount: Money::from_yuan(50),
    };
    let recorded = world.hub().store().payment_record(
        (JUNE, henan_shanghai(), EMPLOYEE),
        side,
        payment,
        ("us".into(), noon(8, 8)),
    );
    recorded.await.expect("the store works").expect("it is recorded");
}

#[tokio::test]
async fn two_months_go_their_way_with_an_objection_and_a_cancellation_after_the_cut_off() {
    let (world, pair) = (World::new().await, henan_shanghai());
    let clearing = clearing(&world);
    assert_eq!(advance(&clearing, noon(6, 15)).await, [], "June is under way");
    for message in ["1", "2"] {
        world.operate(&settle(message)).await.expect("an answer");
    }
    let june = |steps: &[Step]| steps.iter().map(|step| (JUNE, *step)).collect::<Vec<_>>();
    assert_eq!(advance(&clearing, noon(7, 1)).await, june(&[Step::CutOff, Step::Fold, Step::Prove]));
    world.operate(&cancel("3", "2")).await.expect("an answer");
    assert_eq!(advance(&clearing, noon(7, 21)).await, june(&[Step::CarryOut, Step::State(pair)]));
    assert_eq!(
        (due(&clearing, JUNE).await, due(&clearing, JULY).await),
        (Money::from_yuan(100), Money::from_yuan(-50))
    );

    let objection = Reply::Objected { settlements: vec![settlement_id("1")], reason: "not our enrollee".into() };
    let objected = clearing.reply((JUNE, pair, Side::Home), 1, objection, ("henan".into(), noon(7, 22))).await;
    objected.expect("the store works").expect("it is heard");
    assert_eq!(advance(&clearing, noon(7, 22)).await, june(&[Step::State(pair)]));
    assert_eq!((due(&clearing, JUNE).await, due(&clearing, JULY).await), (Money::from_yuan(50), Money::ZERO));
    let silence = Side::ALL.map(|side| Step::TakeSilence(pair, side));
    assert_eq!(advance(&clearing, noon(7, 30)).await, june(&[silence[0], silence[1], Step::Notify(pair)]));
    pay(&world, Side::Home).await;
    assert_eq!(advance(&clearing, noon(7, 31)).await, []);
    pay(&world, Side::Treatment).await;
    let august = advance(&clearing, noon(8, 1)).await;
    assert_eq!(august[0], (JUNE, Step::Close));
    assert_eq!(august[1..], [Step::CutOff, Step::Fold, Step::Prove].map(|step| (JULY, step)));

    advance(&clearing, noon(8, 21)).await;
    let closed = advance(&clearing, noon(8, 26)).await;
    assert_eq!(closed.last(), Some(&(JULY, Step::Close)), "what was carried in and undone comes to nothing");
    assert!(!closed.contains(&(JULY, Step::Notify(pair))));
    assert_eq!((stage(&clearing, JUNE).await, stage(&clearing, JULY).await), (Stage::Closed, Stage::Closed));
    assert_eq!(advance(&clearing, noon(8, 31)).await, []);
    let months = [JUNE, JULY, PeriodNumber(3)].map(|period| world.hub().store().clearing_month_of(period));
    let [june, july, august] = futures_util::future::join_all(months).await.try_into().expect("three");
    let month = |text| Month::from_text(text);
    assert_eq!([june.unwrap(), july.unwrap(), august.unwrap()], ["2025-06", "2025-07", "2025-08"].map(month));
}

#[tokio::test]
async fn a_hub_that_was_down_for_months_makes_up_for_each() {
    let world = World::new().await;
    let clearing = clearing(&world);
    advance(&clearing, noon(6, 15)).await;
    world.operate(&settle("1")).await.expect("an answer");
    let done = advance(&clearing, noon(9, 5)).await;
    let cut_off: Vec<i64> = done.iter().filter(|(_, step)| *step == Step::CutOff).map(|(period, _)| period.0).collect();
    assert_eq!(cut_off, [1, 2, 3]);
    assert_eq!(due(&clearing, JUNE).await, Money::from_yuan(50));
    assert_eq!(stage(&clearing, JULY).await, Stage::Closed, "nothing happened in it");
}

#[tokio::test]
async fn two_who_clear_at_once_do_each_step_once() {
    let world = World::new().await;
    let clearing = clearing(&world);
    advance(&clearing, noon(6, 15)).await;
    for message in 1..=5 {
        world.operate(&settle(&message.to_string())).await.expect("an answer");
    }
    for now in [noon(7, 1), noon(7, 21), noon(7, 26)] {
        tokio::join!(advance(&clearing, now), advance(&clearing, now), advance(&clearing, now));
    }
    let standing = clearing.standing(JUNE).await.expect("the store works").expect("a month");
    let held = &standing.record.pairs[&henan_shanghai()];
    assert_eq!((held.owed(), held.statement.map(|statement| statement.version)), (Money::from_yuan(250), Some(1)));
    let reports = world.hub().store().clearing_reports(JUNE).await.expect("reports");
    assert_eq!(reports.len(), 3, "folded, proved and carried, each once");
    assert_eq!(world.hub().store().period_open().await.expect("a period").number, JULY);
}

/// A member at the hub's door.
pub fn member(world: &World, code: &str) -> ClearingClient<Channel> {
    ClearingClient::new(world.peer(code, Role::Operator))
}

pub fn answer_of(side: &str, version: u32) -> v1::StatementAnswer {
    v1::StatementAnswer {
        month: "2025-06".into(),
        home: "410000".into(),
        treatment: "310000".into(),
        side: side.into(),
        version,
        ..v1::StatementAnswer::default()
    }
}

pub fn payment_of(side: &str, fen: i64) -> v1::PayRequest {
    let (serial, bank, on) = ("2025073000017".into(), "中国银行 郑州分行".into(), "2025-08-08".into());
    v1::PayRequest {
        month: "2025-06".into(),
        home: "410000".into(),
        treatment: "310000".into(),
        side: side.into(),
        payment: Some(v1::PaymentView { serial, bank, on, amount: fen }),
        insurance: String::new(),
    }
}

pub fn field(status: &Status) -> String {
    refusal(status).field.map(|field| field.to_string()).unwrap_or_default()
}

#[tokio::test]
async fn members_fetch_confirm_object_and_pay_over_the_wire_each_for_their_own_side() {
    let world = World::new().await;
    let clearing = clearing(&world);
    advance(&clearing, noon(6, 15)).await;
    for message in ["1", "2"] {
        world.operate(&settle(message)).await.expect("an answer");
    }
    advance(&clearing, noon(7, 1)).await;
    advance(&clearing, noon(7, 21)).await;
    let (mut henan, mut shanghai, mut guangdong) =
        (member(&world, "410000"), member(&world, "310000"), member(&world, "440000"));

    let asked = v1::PeriodsRequest { month: "2025-06".into() };
    let mut seen = henan.periods(asked.clone()).await.expect("a period").into_inner().periods;
    let period = seen.pop().expect("a period");
    assert_eq!((period.stage.as_str(), period.pairs.len(), period.pairs[0].due), ("stated", 1, 10_000));
    let seen = guangdong.periods(asked).await.expect("a period").into_inner().periods;
    assert!(seen[0].pairs.is_empty() && seen[0].waits.is_empty(), "it is not theirs");

    let lots =
        v1::StatementRequest { month: "2025-06".into(), home: "410000".into(), treatment: "310000".into(), version: 0 };
    let statement = henan.statement(lots.clone()).await.expect("a statement").into_inner();
    assert_eq!((statement.version, statement.due, statement.lots.len()), (1, 10_000, 1));
    assert_eq!(field(&guangdong.statement(lots).await.expect_err("it is not theirs")), "home");
    let lot = v1::LotRequest { month: "2025-06".into(), lot: statement.lots[0].lot.clone(), after: 0, limit: 0 };
    let behind = shanghai.settlements(lot.clone()).await.expect("settlements").into_inner().settlements;
    assert_eq!(behind.iter().map(|row| row.settlement.as_str()).collect::<Vec<_>>(), ["1", "2"]);
    assert!(guangdong.settlements(lot).await.is_err());

    // Nobody speaks for another side, and nothing is taken that is not asked for.
    assert_eq!(field(&shanghai.answer(answer_of("home", 1)).await.expect_err("it is Henan's side")), "home");
    for (spoilt, named) in [
        (answer_of("both", 1), "side"),
        (answer_of("home", 2), "version"),
        (v1::StatementAnswer { month: "June".into(), ..answer_of("home", 1) }, "month"),
        (v1::StatementAnswer { month: "2019-06".into(), ..answer_of("home", 1) }, "month"),
        (
            v1::StatementAnswer { objected: vec!["9".into()], reason: "unknown".into(), ..answer_of("home", 1) },
            "objected",
        ),
        (v1::StatementAnswer { objected: vec!["1".into()], ..answer_of("home", 1) }, "reason"),
        (v1::StatementAnswer { reason: "why".into(), ..answer_of("home", 1) }, "objected"),
    ] {
        assert_eq!(field(&henan.answer(spoilt.clone()).await.expect_err(named)), named, "{spoilt:?}");
    }

    let objection =
        v1::StatementAnswer { objected: vec!["2".into()], reason: "not ours".into(), ..answer_of("home", 1) };
    assert!(henan.answer(objection).await.expect("it is heard").into_inner().objected);
    advance(&clearing, noon(7, 22)).await;
    for client in [(&mut henan, "home"), (&mut shanghai, "treatment")] {
        client.0.answer(answer_of(client.1, 2)).await.expect("it is confirmed");
    }
    assert_eq!(field(&henan.pay(payment_of("home", 5_000)).await.expect_err("no notice")), "insurance");
    advance(&clearing, noon(7, 23)).await;
    world.hub().hub().clock.set(noon(8, 9));
    for day in ["1990-01-01", "2025-07-22", "2025-08-10", "2099-01-01"] {
        let mut odd = payment_of("home", 5_000);
        odd.payment.as_mut().expect("a payment").on = day.into();
        assert_eq!(field(&henan.pay(odd).await.expect_err("before the notice, or to come")), "payment.on", "{day}");
    }
    let residents = v1::PayRequest { insurance: "resident".into(), ..payment_of("home", 5_000) };
    assert_eq!(field(&henan.pay(residents).await.expect_err("nothing of theirs is due")), "insurance");
    assert_eq!(field(&henan.pay(payment_of("home", 4_999)).await.expect_err("not what is due")), "payment.amount");
    assert_eq!(field(&henan.pay(payment_of("treatment", 5_000)).await.expect_err("not their side")), "home");
    henan.pay(payment_of("home", 5_000)).await.expect("it is recorded");
    let mut otherwise = payment_of("treatment", 5_000);
    otherwise.payment.as_mut().expect("a payment").serial = "another".into();
    let apart = shanghai.pay(otherwise).await.expect("it is recorded").into_inner().payables.remove(0);
    assert_eq!((apart.insurance.as_str(), apart.apart.as_str()), ("employee", "serial"));
    advance(&clearing, noon(8, 9)).await;
    assert_eq!(stage(&clearing, JUNE).await, Stage::Noticed, "it is not paid until both say the same");
    let asked = v1::PeriodsRequest { month: "2025-06".into() };
    for client in [&mut henan, &mut shanghai] {
        let seen = client.periods(asked.clone()).await.expect("a period").into_inner().periods.remove(0);
        let told: Vec<_> = seen.waits.iter().map(|wait| (wait.wanted.as_str(), wait.apart.as_str())).collect();
        assert_eq!(told, [("same-record", "serial")]);
        assert_eq!(seen.waits[0].overdue, None, "it is due on 13 August");
        let serials = [&seen.pairs[0].payables[0].paid, &seen.pairs[0].payables[0].received]
            .map(|side| side.as_ref().map(|payment| payment.serial.clone()));
        assert_eq!(serials, [Some("2025073000017".to_owned()), Some("another".to_owned())], "both versions");
    }
    world.hub().hub().clock.set(noon(8, 18));
    let late = henan.periods(asked).await.expect("a period").into_inner().periods.remove(0).waits.remove(0);
    let (milestone, by) = ("payment".to_owned(), "2025-08-13".to_owned());
    assert_eq!(late.overdue, Some(v1::OverdueView { milestone, by, working_days: Some(3) }));
    world.hub().hub().clock.set(noon(8, 9));
    let paid = shanghai.pay(payment_of("treatment", 5_000)).await.expect("it corrects itself").into_inner();
    assert_eq!(paid.payables[0].apart, "");
    assert_eq!(paid.payables[0].paid, paid.payables[0].received);
    let mut late = payment_of("home", 5_000);
    late.payment.as_mut().expect("a payment").serial = "another".into();
    assert_eq!(field(&henan.pay(late).await.expect_err("both have recorded it")), "payment");
    advance(&clearing, noon(8, 9)).await;
    assert_eq!(stage(&clearing, JUNE).await, Stage::Closed);
    assert_eq!(field(&henan.run(v1::RunRequest::default()).await.expect_err("it is for the hub's operators")), "");
    member(&world, "000000").run(v1::RunRequest::default()).await.expect("it is theirs");
}

fn deductions(world: &World, code: &str) -> DeductionsClient<Channel> {
    DeductionsClient::new(world.peer(code, Role::Operator))
}

pub fn lodging(id: &str, settlement: &str, basic: i64) -> v1::LodgeDeductionRequest {
    let deducted = Some(v1::FundSums { basic, ..v1::FundSums::default() });
    v1::LodgeDeductionRequest {
        id: id.into(), settlement: settlement.into(), deducted, reason: "超限定支付".into()
    }
}

pub fn change(id: &str, basic: i64, reason: &str) -> v1::ChangeDeductionRequest {
    let agreed = Some(v1::FundSums { basic, ..v1::FundSums::default() });
    v1::ChangeDeductionRequest { id: id.into(), agreed, reason: reason.into() }
}

pub fn objection(id: &str, letter: &v1::HospitalObjection) -> v1::ObjectDeductionRequest {
    v1::ObjectDeductionRequest { id: id.into(), objection: Some(letter.clone()) }
}

#[tokio::test]
async fn the_treatment_side_reviews_and_the_home_side_sees_what_is_taken_off() {
    let world = World::new().await;
    let clearing = clearing(&world);
    advance(&clearing, noon(6, 15)).await;
    world.operate(&settle("1")).await.expect("an answer");
    let (mut shanghai, mut xinxiang, mut shenzhen) =
        (deductions(&world, "310000"), deductions(&world, "410700"), deductions(&world, "440300"));
    for (spoilt, named) in [
        (lodging("", "1", 100), "id"),
        (lodging("a", "9", 100), "settlement"),
        (lodging("a", "1", 5_001), "deducted"),
        (lodging("a", "1", 0), "deducted"),
        (v1::LodgeDeductionRequest { reason: String::new(), ..lodging("a", "1", 100) }, "reason"),
        (v1::LodgeDeductionRequest { deducted: None, ..lodging("a", "1", 100) }, "deducted"),
    ] {
        assert_eq!(field(&shanghai.lodge(spoilt.clone()).await.expect_err(named)), named, "{spoilt:?}");
    }
    assert_eq!(field(&xinxiang.lodge(lodging("a", "1", 100)).await.expect_err("not theirs to review")), "settlement");
    let lodged = shanghai.lodge(lodging("a", "1", 2_000)).await.expect("it is lodged").into_inner();
    assert_eq!((lodged.standing.as_str(), lodged.month.as_str()), ("lodged", ""));
    let letter = v1::HospitalObjection {
        hospital: HOSPITAL.into(),
        letter: "沪一院医保函〔2025〕17号".into(),
        written_on: Clock::real().today().to_string(),
        reason: "用药有指征".into(),
    };
    for (spoilt, named) in [
        (v1::HospitalObjection::default(), "hospital"),
        (v1::HospitalObjection { hospital: "H31010100002".into(), ..letter.clone() }, "hospital"),
        (v1::HospitalObjection { letter: " ".into(), ..letter.clone() }, "letter"),
        (v1::HospitalObjection { written_on: "6月20日".into(), ..letter.clone() }, "written_on"),
        (v1::HospitalObjection { written_on: "9999-01-01".into(), ..letter.clone() }, "written_on"),
        (v1::HospitalObjection { reason: String::new(), ..letter.clone() }, "reason"),
    ] {
        assert_eq!(field(&shanghai.object(objection("a", &spoilt)).await.expect_err(named)), named, "{spoilt:?}");
    }
    let others = xinxiang.object(objection("a", &letter)).await.expect_err("it is for the treatment agency to record");
    assert_eq!(field(&others), "settlement");
    let objected = shanghai.object(objection("a", &letter)).await.expect("it is heard").into_inner();
    assert_eq!((objected.standing.as_str(), objected.remark.as_str()), ("objected", "用药有指征"));
    assert_eq!(objected.objection.as_ref(), Some(&letter));
    assert_eq!(field(&xinxiang.agree(change("a", 1_500, "")).await.expect_err("not theirs")), "settlement");
    assert_eq!(field(&shanghai.agree(change("a", 0, "")).await.expect_err("that is withdrawing it")), "agreed");
    assert_eq!(field(&shanghai.agree(change("a", 1_500, "")).await.expect_err("how was it settled?")), "reason");
    let agreed = shanghai.agree(change("a", 1_500, "双方面谈认定")).await.expect("it is agreed on").into_inner();
    assert_eq!((agreed.standing.as_str(), agreed.month.as_str()), ("agreed", "2025-06"));
    assert_eq!(agreed.objection.as_ref(), Some(&letter), "who objected stays on record");
    let moved = clearing.moved(JUNE, henan_shanghai()).await.expect("the store works");
    assert_eq!(moved[0].objection.as_ref(), Some(&letter), "and stands in 审核扣款明细");
    assert_eq!(field(&shanghai.withdraw(change("a", 0, "重复")).await.expect_err("too late")), "id");
    assert_eq!(due(&clearing, JUNE).await, Money::from_fen(5_000 - 1_500));
    shanghai.lodge(lodging("b", "1", 70)).await.expect("it is lodged");
    let withdrawn = shanghai.withdraw(change("b", 0, "重复")).await.expect("it is withdrawn").into_inner();
    assert_eq!((withdrawn.standing.as_str(), withdrawn.agreed), ("withdrawn", None), "nothing is agreed on");
    shanghai.lodge(lodging("c", "1", 300)).await.expect("it is lodged");
    let as_lodged = v1::ChangeDeductionRequest { agreed: None, ..change("c", 0, "") };
    let agreed = shanghai.agree(as_lodged).await.expect("it is agreed on").into_inner();
    assert_eq!(agreed.agreed, agreed.deducted, "no sums are those that were lodged");
    assert_eq!(due(&clearing, JUNE).await, Money::from_fen(5_000 - 1_500 - 300));
    let all = v1::ListDeductionsRequest::default();
    let seen = async |client: &mut DeductionsClient<Channel>| {
        client.list(all.clone()).await.expect("a list").into_inner().deductions.len()
    };
    assert_eq!((seen(&mut xinxiang).await, seen(&mut shenzhen).await), (3, 0));
    let (mut paged, mut ids) = (v1::ListDeductionsRequest { limit: 2, ..all.clone() }, Vec::new());
    loop {
        let page = xinxiang.list(paged.clone()).await.expect("a page").into_inner();
        assert!(page.deductions.len() <= 2);
        ids.extend(page.deductions.into_iter().map(|held| (held.id, held.month)));
        if page.next.is_empty() {
            break;
        }
        paged.after = page.next;
    }
    assert_eq!(ids, [("a", "2025-06"), ("b", ""), ("c", "2025-06")].map(|(id, month)| (id.into(), month.into())));
    let nowhere = v1::ListDeductionsRequest { after: "c".into(), ..all.clone() };
    assert_eq!(field(&xinxiang.list(nowhere).await.expect_err("no page ends there")), "after");

    world.operate(&cancel("2", "1")).await.expect("an answer");
    advance(&clearing, noon(6, 16)).await;
    assert_eq!(due(&clearing, JUNE).await, Money::ZERO, "what is undone owes nothing, and nothing is taken off it");
}
