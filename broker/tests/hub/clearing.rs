//! Months of a real hub, cut off, stated, disputed, paid and closed by the calendar.

use std::sync::Arc;

use broker::clearing::Clearing;
use clearing::calendar::Calendar;
use clearing::cleared::sum;
use clearing::month::Month;
use clearing::period::{Pair, Payment, Side, Stage, Step};
use clearing::year::Why;
use identity::name::Role;
use jiff::Timestamp;
use jiff::civil::date;
use ledger::clock::Clock;
use ledger::hub::{PeriodNumber, Reply};
use proto::v1;
use proto::v1::clearing_client::ClearingClient;
use proto::v1::deductions_client::DeductionsClient;
use proto::v1::leftovers_client::LeftoversClient;
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
const JULY: PeriodNumber = PeriodNumber(2);
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

/// All that is told of what is moved, page by page.
async fn all_moved(world: &World, mut asked: v1::MovedRequest) -> Vec<v1::MovedEntry> {
    let (mut henan, mut entries) = (member(world, "410000"), Vec::new());
    loop {
        let page = henan.moved(asked.clone()).await.expect("a page").into_inner();
        assert!(asked.limit == 0 || page.entries.len() <= asked.limit as usize);
        entries.extend(page.entries);
        if page.next.is_empty() {
            return entries;
        }
        asked.after = page.next;
    }
}

fn leftovers(world: &World, code: &str) -> LeftoversClient<Channel> {
    LeftoversClient::new(world.peer(code, Role::Operator))
}

fn act(seat: &str, verdict: &str) -> v1::LeftoverAct {
    v1::LeftoverAct {
        settlement: "1".into(),
        part: 0,
        verdict: verdict.into(),
        seat: seat.into(),
        reason: "对方已出具病历".into(),
        check_only: false,
    }
}

/// 50.00 元 are booked in June.
async fn booked_in_june() -> (World, Clearing) {
    let world = World::new().await;
    let clearing = clearing(&world);
    advance(&clearing, noon(6, 15)).await;
    world.operate(&settle("1")).await.expect("an answer");
    (world, clearing)
}

/// The home member objects to the settlement in three months, one after the other; nothing is left to pay in any.
async fn objected_to_three_times(clearing: &Clearing, first: PeriodNumber) {
    for (period, month) in (first.0..).map(PeriodNumber).zip(6 + i8::try_from(first.0).expect("a month")..).take(3) {
        advance(clearing, noon(month, 21)).await;
        let objection = Reply::Objected { settlements: vec![settlement_id("1")], reason: "患者否认就医".into() };
        let by = ("henan".into(), noon(month, 22));
        let objected = clearing.reply((period, henan_shanghai(), Side::Home), 1, objection, by).await;
        objected.expect("the store works").expect("it is heard");
        advance(clearing, noon(month, 22)).await;
        advance(clearing, noon(month, 30)).await;
        assert_eq!(stage(clearing, period).await, Stage::Closed, "nothing is left to pay");
    }
}

/// Some fen of it are deducted, under an id.
pub async fn deducted(world: &World, id: &str, basic: i64) {
    let mut agency = DeductionsClient::new(world.peer("310000", Role::Operator));
    let deducted = Some(v1::FundSums { basic, ..v1::FundSums::default() });
    let (settlement, reason) = ("1".to_owned(), "超限定支付".to_owned());
    agency
        .lodge(v1::LodgeDeductionRequest { id: id.to_owned(), settlement, deducted, reason })
        .await
        .expect("it is lodged");
    let agreed = v1::ChangeDeductionRequest { id: id.to_owned(), agreed: deducted, reason: String::new() };
    agency.agree(agreed).await.expect("it is agreed on");
}

/// What is booked, deducted and corrected of something on the list, and what is cleared of it then.
fn sums(held: &v1::Leftover) -> (i64, i64, i64, i64) {
    let basic = |sums: &Option<v1::FundSums>| sums.as_ref().map_or(0, |sums| sums.basic);
    let booked = held.sums.as_ref().map_or(0, |sums| sums.basic);
    (booked, basic(&held.deducted), basic(&held.corrected), held.net)
}

#[tokio::test]
async fn what_is_left_over_is_decided_and_counted_with_what_goes_along() {
    let (world, clearing) = booked_in_june().await;
    deducted(&world, "D", 800).await;
    objected_to_three_times(&clearing, JUNE).await;
    let asked = v1::MovedRequest {
        month: "2025-07".into(),
        home: "410000".into(),
        treatment: "310000".into(),
        ..v1::MovedRequest::default()
    };
    let moved = all_moved(&world, asked.clone()).await;
    assert_eq!(all_moved(&world, v1::MovedRequest { limit: 1, ..asked.clone() }).await, moved, "one by one");
    let lot = moved[0].lot.clone();
    let of_lot = v1::MovedRequest { month: asked.month.clone(), lot, ..v1::MovedRequest::default() };
    assert_eq!(all_moved(&world, of_lot).await, moved, "they are of one lot");
    let nowhere = member(&world, "410000").moved(v1::MovedRequest { after: "nowhere".into(), ..asked }).await;
    assert_eq!(field(&nowhere.expect_err("no page says that")), "after");
    let ways = moved.iter().map(|entry| (entry.movement.as_str(), entry.along));
    assert_eq!(
        ways.collect::<Vec<_>>(),
        [("carried-in", -800), ("carried-out", 800)],
        "what goes along goes out again"
    );
    let owed = async || {
        let year = clearing.year_end(2025).await.expect("the store works");
        year.rests.iter().map(|rest| (rest.why, rest.owed)).collect::<Vec<_>>()
    };
    assert_eq!(owed().await, [(Why::Listed, Money::from_yuan(42))]);
    let (mut henan, mut shanghai) = (leftovers(&world, "410000"), leftovers(&world, "310000"));
    let all = v1::LeftoversRequest::default();
    let held = shanghai.list(all).await.expect("a list").into_inner().leftovers.remove(0);
    assert_eq!(sums(&held), (5_000, 800, 0, 4_200));
    let proposed = shanghai.propose(act("treatment", "clear")).await.expect("it is proposed").into_inner();
    assert_eq!(sums(&proposed), (5_000, 800, 0, 4_200));
    // The agency agrees on more before Henan decides.
    deducted(&world, "E", 200).await;
    let changed = refusal(&henan.approve(act("home", "clear")).await.expect_err("it is another sum"));
    let told = "its sum has changed since its end was proposed: it was 42.00, and is 40.00 now; propose it anew";
    assert_eq!((changed.field.as_deref(), changed.detail.as_deref()), (Some("net"), Some(told)));
    let proposed = shanghai.propose(act("treatment", "clear")).await.expect("it is proposed").into_inner();
    let ended = henan.approve(act("home", "clear")).await.expect("it is decided").into_inner();
    assert_eq!([sums(&proposed), sums(&ended)], [(5_000, 1_000, 0, 4_000); 2], "both decide on what is cleared then");
    assert_eq!(due(&clearing, PeriodNumber(4)).await, Money::from_yuan(40));
}

/// The deduction comes after June was stated with the settlement: it goes by itself.
#[tokio::test]
async fn what_is_deducted_after_its_settlement_was_cleared_stands_on_the_list_too() {
    let (world, clearing) = booked_in_june().await;
    advance(&clearing, noon(7, 21)).await;
    deducted(&world, "D", 800).await;
    objected_to_three_times(&clearing, JULY).await;
    assert_eq!(due(&clearing, JUNE).await, Money::from_yuan(50), "what was cleared stays");
    let year = clearing.year_end(2025).await.expect("the store works");
    let rests =
        year.rests.iter().filter(|rest| rest.why == Why::Listed).map(|rest| (rest.month.to_string(), rest.owed));
    assert_eq!(rests.collect::<Vec<_>>(), [("2025-07".to_owned(), Money::from_yuan(-8))]);

    let (mut henan, mut shanghai) = (leftovers(&world, "410000"), leftovers(&world, "310000"));
    let all = || v1::LeftoversRequest::default();
    let held = shanghai.list(all()).await.expect("a list").into_inner().leftovers.remove(0);
    assert_eq!((held.settlement.as_str(), held.part, held.owner.as_str()), ("1", -1, "310000"));
    assert_eq!((held.booked_in.as_str(), held.listed_from.as_str()), ("2025-07", "2025-09"));
    assert_eq!(sums(&held), (0, 800, 0, -800));
    let whole = shanghai.propose(act("treatment", "clear")).await.expect_err("the settlement itself is not there");
    assert_eq!(field(&whole), "settlement");
    let alone = |seat| v1::LeftoverAct { part: -1, ..act(seat, "clear") };
    shanghai.propose(alone("treatment")).await.expect("it is proposed");
    assert_eq!(field(&shanghai.approve(alone("treatment")).await.expect_err("one person alone")), "seat");
    let ended = henan.approve(alone("home")).await.expect("it is decided").into_inner();
    assert_eq!((ended.standing.as_str(), ended.verdict.as_str()), ("ended", "clear"));
    assert!(shanghai.list(all()).await.expect("a list").into_inner().leftovers.is_empty());
    assert_eq!(due(&clearing, PeriodNumber(5)).await, Money::from_yuan(-8), "it is taken off the open period");

    let traced = member(&world, "410000").trace(v1::TraceRequest { settlement: "1".into() }).await.expect("its way");
    let traced = traced.into_inner();
    let ways = traced.carried.iter().map(|way| (way.way.as_str(), way.turn.as_str(), way.part, way.into.as_str()));
    let alone = |way, into| (way, "deduction D", -1, into);
    let [on, again, off] = [alone("carried", "2025-08"), alone("carried", "2025-09"), alone("cleared", "2025-10")];
    assert_eq!(ways.collect::<Vec<_>>(), [on, again, alone("listed", ""), off]);
    assert_eq!(traced.listed.iter().map(|held| held.net).collect::<Vec<_>>(), [-800]);
    assert_eq!(traced.deductions[0].taken[0].month, "2025-10");
}

#[tokio::test]
async fn what_is_objected_to_in_three_periods_stands_on_the_list_until_both_members_have_decided() {
    let (world, clearing) = booked_in_june().await;
    objected_to_three_times(&clearing, JUNE).await;
    let year = clearing.year_end(2025).await.expect("the store works");
    let rests: Vec<_> = year.rests.iter().map(|rest| (rest.why, rest.owed)).collect();
    assert_eq!(rests, [(Why::Listed, Money::from_yuan(50))]);
    assert!(year.is_late(date(2026, 4, 1)) && !year.is_late(date(2026, 3, 31)));
    let (mut henan, mut shanghai) = (leftovers(&world, "410000"), leftovers(&world, "310000"));
    let all = || v1::LeftoversRequest::default();
    let held = shanghai.list(all()).await.expect("a list").into_inner().leftovers.remove(0);
    assert_eq!((held.settlement.as_str(), held.owner.as_str(), held.standing.as_str()), ("1", "310000", "waiting"));
    assert_eq!((held.booked_in.as_str(), held.listed_from.as_str()), ("2025-06", "2025-08"));
    let theirs = leftovers(&world, "440000").list(all()).await.expect("a list").into_inner().leftovers;
    assert!(theirs.is_empty(), "it is not theirs");

    let page = v1::LeftoversRequest { after: "the first".into(), ..all() };
    assert_eq!(field(&shanghai.list(page).await.expect_err("no such place")), "after");
    let checked = v1::LeftoverAct { check_only: true, ..act("treatment", "clear") };
    shanghai.propose(checked.clone()).await.expect("it may be done");
    assert_eq!(field(&henan.approve(act("home", "clear")).await.expect_err("and was not")), "settlement");
    let checked = v1::LeftoverAct { seat: "home".into(), ..checked };
    assert_eq!(field(&shanghai.propose(checked).await.expect_err("asked about as done")), "seat");

    for (spoilt, named) in [
        (act("home", "clear"), "seat"),
        (act("centre", "clear"), "seat"),
        (act("both", "clear"), "seat"),
        (act("treatment", "pay"), "verdict"),
        (v1::LeftoverAct { settlement: "9".into(), ..act("treatment", "clear") }, "settlement"),
        (v1::LeftoverAct { reason: " ".into(), ..act("treatment", "clear") }, "reason"),
    ] {
        assert_eq!(field(&shanghai.propose(spoilt.clone()).await.expect_err(named)), named, "{spoilt:?}");
    }
    let nothing = shanghai.approve(act("treatment", "clear")).await.expect_err("nothing is proposed");
    assert_eq!(field(&nothing), "settlement");
    let proposed = shanghai.propose(act("treatment", "clear")).await.expect("it is proposed").into_inner();
    assert_eq!((proposed.standing.as_str(), proposed.seat.as_str()), ("proposed", "treatment"));
    assert_eq!(field(&shanghai.approve(act("treatment", "clear")).await.expect_err("one person alone")), "seat");
    assert_eq!(field(&henan.approve(act("home", "return")).await.expect_err("not what is proposed")), "verdict");
    let ended = henan.approve(act("home", "clear")).await.expect("it is decided").into_inner();
    assert_eq!((ended.standing.as_str(), ended.verdict.as_str()), ("ended", "clear"));
    assert!(shanghai.list(all()).await.expect("a list").into_inner().leftovers.is_empty());

    let september = PeriodNumber(4);
    assert_eq!(due(&clearing, september).await, Money::from_yuan(50), "it is cleared in the open period");
    advance(&clearing, noon(10, 21)).await;
    let standing = clearing.standing(september).await.expect("the store works").expect("a month");
    assert_eq!(standing.record.pairs[&henan_shanghai()].owed(), Money::from_yuan(50));
}
