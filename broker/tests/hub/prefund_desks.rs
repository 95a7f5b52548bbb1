//! Prefunds over the wire, as members and the centre work with them: set, watched, asked for, paid on both sides, and what
//! follows where months stay unpaid.

use broker::clearing::prefunds::QuarterSums;
use clearing::payment::Payment;
use clearing::period::Side;
use clearing::prefund::Watch;
use clearing::prefund::account::RequestFault;
use clearing::prefund::change::{AnswerFault, Standing};
use clearing::prefund::quarter::Quarter;
use identity::name::Role;
use jiff::Timestamp;
use jiff::civil::date;
use ledger::hub::{PeriodNumber, PrefundKey};
use proto::v1;
use proto::v1::prefunds_client::PrefundsClient;
use settlement::beijing;
use settlement::money::Money;
use settlement::outcome::Outcome;
use settlement::person::Insurance;
use settlement::refusal::Reason;
use tonic::Status;
use tonic::transport::Channel;

use crate::clearing::{advance, clearing, field, henan_shanghai, noon, payment_of};
use crate::requests::*;
use crate::world::{World, reason, refusal};

#[tokio::test]
async fn a_prefund_is_set_from_the_last_quarter_watched_and_topped_up_from_red() {
    let world = World::new().await;
    let clearing = clearing(&world);
    let january = noon(12, 31) + jiff::SignedDuration::from_hours(48);
    let by = || ("an operator".to_owned(), january);
    let key = PrefundKey { pair: henan_shanghai(), insurance: Insurance::Employee };
    // 100, 200 and 300 yuan of bills, half of each owed: 50 + 100 + 150, so two thirds of 300 are 200.
    for (month, yuan) in [(10, 100), (11, 200), (12, 300)] {
        advance(&clearing, noon(month, 2)).await;
        world.operate(&settle_of(&month.to_string(), yuan)).await.expect("an answer");
    }
    clearing.advance(january).await.expect("the store works");
    let nothing = QuarterSums::new();
    let table = clearing.prefund_table(2026, &nothing).await.expect("a table");
    let row = table[0];
    assert_eq!((table.len(), row.key, row.basis.sum()), (1, key, Money::from_yuan(300)));
    assert_eq!((row.reset.previous, row.reset.new), (Money::ZERO, Money::from_yuan(200)));
    for changed in [1, 0] {
        let reset = clearing.prefund_reset(2026, &nothing, by()).await.expect("the store works");
        assert_eq!(reset.map(|set| set.changed), Ok(changed));
    }
    let held = async || clearing.prefunds_watched(january).await.expect("the store works")[&key];
    let watched = held().await;
    assert_eq!((watched.usage.prefund, watched.usage.outstanding), (Money::ZERO, Money::from_yuan(300)));
    assert_eq!((watched.asked, watched.due), (Money::ZERO, Money::from_yuan(200)), "it is set, and not paid yet");
    pay_change(&world, (key, "reset 2026"), 200, january).await;
    let watched = held().await;
    assert_eq!((watched.usage.prefund, watched.due, watched.watch), (Money::from_yuan(200), Money::ZERO, Watch::Red));

    let top_up =
        |id: &str, yuan| clearing.prefund_top_up(key, (id.to_owned(), Money::from_yuan(yuan), "集中结算".into()), by());
    assert_eq!(top_up("1", 0).await.expect("the store works"), Err(RequestFault::NotPositive));
    // 300 ÷ 0.7 = 428.58, of which 200 are held.
    let most = Money::from_fen(22_858);
    assert_eq!(top_up("1", 99_000_000_000).await.expect("the store works"), Err(RequestFault::TooMuch(most)));
    for _ in 0..2 {
        assert_eq!(top_up("1", 200).await.expect("the store works"), Ok(()), "the same again changes nothing");
    }
    let left = Money::from_fen(2_858);
    assert_eq!(top_up("2", 29).await.expect("the store works"), Err(RequestFault::TooMuch(left)), "beside the first");
    let watched = held().await;
    assert_eq!((watched.asked, watched.watch), (Money::from_yuan(200), Watch::Red), "a request advances nothing");
    let store = world.hub().store();
    let answer = |side, accepts: bool| {
        clearing.prefund_answer((key, "top-up 1".to_owned(), side), (accepts, String::new()), by())
    };
    let own = answer(Side::Treatment, true).await.expect("the store works");
    assert_eq!(own, Err(AnswerFault::OwnRequest));
    for _ in 0..2 {
        assert_eq!(answer(Side::Home, true).await.expect("the store works"), Ok(()));
    }
    let otherwise = answer(Side::Home, false).await.expect("the store works");
    assert_eq!(otherwise, Err(AnswerFault::NotNow(Standing::Due)));
    let watched = held().await;
    assert_eq!((watched.due, watched.watch), (Money::from_yuan(200), Watch::Red), "nor does accepting one");
    let unpaid = clearing.prefund_table(2026, &nothing).await.expect("a table")[0].reset;
    assert_eq!((unpaid.previous, unpaid.new), (Money::from_yuan(200), Money::from_yuan(200)), "what is paid counts");
    pay_change(&world, (key, "top-up 1"), 200, january).await;
    assert_eq!(held().await.watch, Watch::Yellow);
    assert_eq!(top_up("3", 1).await.expect("the store works"), Err(RequestFault::NotRed(Watch::Yellow)));
    let balances = store.prefund_balances().await.expect("balances");
    assert_eq!(balances[&key], Money::from_yuan(400));
    // Clearing takes nothing off it.
    let nothing_changes = clearing.prefund_table(2026, &nothing).await.expect("a table")[0].reset;
    assert_eq!((nothing_changes.previous, nothing_changes.new), (Money::from_yuan(400), Money::from_yuan(200)));
}

/// Has both sides record that a change of a prefund is paid, on the day on which they do.
pub async fn pay_change(world: &World, (key, id): (PrefundKey, &str), yuan: i64, now: Timestamp) {
    for side in Side::ALL {
        let payment = Payment {
            serial: format!("{id} paid"),
            bank: "中国银行".into(),
            on: beijing::day_of(now),
            amount: Money::from_yuan(yuan),
        };
        let place = (key, id.to_owned(), side);
        let recorded = world.hub().store().prefund_pay(place, payment, ("us".into(), now)).await;
        recorded.expect("the store works").expect("it is recorded");
    }
}

fn prefunds(world: &World, code: &str) -> PrefundsClient<Channel> {
    PrefundsClient::new(world.peer(code, Role::Operator))
}

#[tokio::test]
async fn a_change_of_a_prefund_is_paid_on_both_sides() {
    let world = World::new().await;
    let key = PrefundKey { pair: henan_shanghai(), insurance: Insurance::Employee };
    let change = ledger::hub::PrefundChange {
        key,
        id: "reset 2025".into(),
        kind: ledger::hub::PrefundKind::Reset,
        amount: Money::from_yuan(-200),
        basis: Quarter::default(),
        held: Money::from_yuan(500),
        reason: "2025年度额度调整".into(),
        asked_by: None,
        at: noon(1, 20),
    };
    assert!(world.hub().store().prefund_change(change, "centre".into()).await.expect("the store works"));
    world.hub().hub().clock.set(noon(8, 9));
    let (mut henan, mut shanghai) = (prefunds(&world, "410000"), prefunds(&world, "310000"));
    let pay = |side: &str, fen| v1::PrefundPayRequest {
        home: "410000".into(),
        treatment: "310000".into(),
        insurance: "employee".into(),
        id: "reset 2025".into(),
        side: side.into(),
        payment: payment_of(side, fen).payment,
    };
    assert_eq!(field(&henan.pay(pay("treatment", 20_000)).await.expect_err("not their side")), "treatment");
    assert_eq!(field(&henan.pay(pay("home", 19_999)).await.expect_err("not what is due")), "payment.amount");
    let unknown = v1::PrefundPayRequest { id: "reset 2024".into(), ..pay("home", 20_000) };
    assert_eq!(field(&henan.pay(unknown).await.expect_err("no such change")), "id");
    for day in ["2001-01-01", "2025-01-19", "2025-08-10"] {
        let mut odd = pay("home", 20_000);
        odd.payment.as_mut().expect("a payment").on = day.into();
        assert_eq!(field(&henan.pay(odd).await.expect_err("before it was set, or to come")), "payment.on", "{day}");
    }
    let received = henan.pay(pay("home", 20_000)).await.expect("it is recorded").into_inner();
    assert!(received.paid.is_none() && received.received.is_some(), "what is returned, the home member receives");
    let mut otherwise = pay("treatment", 20_000);
    let record = otherwise.payment.as_mut().expect("a payment");
    record.on = "2025-08-07".into();
    record.serial.push(' ');
    let apart = shanghai.pay(otherwise).await.expect("it is recorded").into_inner();
    assert_eq!((apart.standing.as_str(), apart.apart.as_str()), ("due", "day"));
    let accepting = |side: &str| v1::PrefundAcceptPaymentRequest {
        home: "410000".into(),
        treatment: "310000".into(),
        insurance: "employee".into(),
        id: "reset 2025".into(),
        side: side.into(),
        paid_record: 1,
        received_record: 1,
        reason: "隔日到账".into(),
    };
    assert_eq!(field(&henan.accept_payment(accepting("treatment")).await.expect_err("not their side")), "treatment");
    for (spoilt, named) in [
        (v1::PrefundAcceptPaymentRequest { received_record: 2, ..accepting("home") }, "records"),
        (v1::PrefundAcceptPaymentRequest { id: "reset 2024".into(), ..accepting("home") }, "id"),
        (v1::PrefundAcceptPaymentRequest { reason: " ".into(), ..accepting("home") }, "reason"),
    ] {
        assert_eq!(field(&henan.accept_payment(spoilt.clone()).await.expect_err(named)), named, "{spoilt:?}");
    }
    let accepted = henan.accept_payment(accepting("home")).await.expect("it is accepted").into_inner();
    assert_eq!((accepted.standing.as_str(), accepted.accepted.len()), ("due", 1), "one alone ends nothing");
    let paid = shanghai.accept_payment(accepting("treatment")).await.expect("it is accepted").into_inner();
    assert_eq!((paid.standing.as_str(), paid.apart.as_str(), paid.accepted.len()), ("held", "day", 2));
    assert_eq!(field(&shanghai.pay(pay("treatment", 20_000)).await.expect_err("both have accepted")), "payment");
    let listed = shanghai.changes(v1::PrefundsRequest {}).await.expect("changes").into_inner().changes;
    assert!(listed[0].paid.is_some() && listed[0].received.is_some());
    // January 21 to 24 and the worked Sunday 26; then 27, and after Spring Festival February 5 to 8, a worked Saturday,
    // and 10 to 14.
    assert_eq!((listed[0].submit_by.as_str(), listed[0].pay_by.as_str()), ("2025-01-26", "2025-02-14"));
    let theirs = prefunds(&world, "440000").changes(v1::PrefundsRequest {}).await.expect("changes");
    assert!(theirs.into_inner().changes.is_empty());
}

/// Who clears for a pool is a member, the pool is not; inside one member nothing is owed.
#[tokio::test]
async fn a_prefund_is_between_two_different_members_and_of_anything_else_nothing_is_taken() {
    let world = World::new().await;
    world.hub().hub().clock.set(noon(8, 9));
    let detail = |refused: &Status| refusal(refused).detail.unwrap_or_default();
    let open = |home: &str, treatment: &str| v1::OpenPrefundRequest {
        home: home.into(),
        treatment: treatment.into(),
        insurance: "employee".into(),
        side: "home".into(),
        id: "1".into(),
        amount: 100_000,
        reason: "期初余额".into(),
    };
    let top_up = |home: &str, treatment: &str| {
        let v1::OpenPrefundRequest { home, treatment, insurance, side: _, id, amount, reason } = open(home, treatment);
        v1::TopUpRequest { home, treatment, insurance, id, amount, reason }
    };
    let year = |home: &str, treatment: &str| {
        let v1::OpenPrefundRequest { home, treatment, insurance, amount, .. } = open(home, treatment);
        let sum = v1::QuarterSum { home, treatment, insurance, month: "2024-10".into(), owed: amount };
        v1::PrefundYear { year: 2025, sums: vec![sum] }
    };
    for (home, treatment, named, told) in [
        ("410000", "410000", "treatment", "two different members"),
        ("410000", "440300", "treatment", "440000 clears for it"),
        ("410000", "310101", "treatment", "310000 clears for it"),
        ("410000", "999999", "treatment", "not in the table of regions"),
        ("410700", "310000", "home", "410000 clears for it"),
        ("999999", "310000", "home", "not in the table of regions"),
    ] {
        let opened = prefunds(&world, home).open(open(home, treatment)).await.expect_err("it is no prefund");
        let topped_up = prefunds(&world, treatment).top_up(top_up(home, treatment)).await.expect_err("nor here");
        for refused in [opened, topped_up] {
            assert_eq!(field(&refused), named, "{home} {treatment}");
            assert!(detail(&refused).contains(told), "{home} {treatment}: {refused}");
        }
        let refused = prefunds(&world, "000000").table(year(home, treatment)).await.expect_err("nor there");
        assert_eq!(field(&refused), "sums", "{home} {treatment}");
        assert!(detail(&refused).contains(told), "{home} {treatment}: {refused}");
    }
    let changes = prefunds(&world, "000000").changes(v1::PrefundsRequest {}).await.expect("changes");
    assert_eq!(changes.into_inner().changes, []);
    let held = prefunds(&world, "440000").open(open("440000", "310000")).await.expect("two members").into_inner();
    assert_eq!((held.standing.as_str(), held.amount), ("asked", 100_000));
}

#[tokio::test]
async fn a_member_that_leaves_three_months_unpaid_may_be_suspended_and_only_new_settlements_are_refused() {
    let world = World::new().await;
    let clearing = clearing(&world);
    let mut shanghai = prefunds(&world, "310000");
    let request = || v1::SuspendRequest {
        home: "410000".into(),
        treatment: "310000".into(),
        reason: "三个月未拨付".into(),
        nothing_came: vec![],
    };
    advance(&clearing, noon(6, 15)).await;
    for (message, month) in [("1", 7), ("2", 8), ("3", 9)] {
        world.operate(&settle(message)).await.expect("an answer");
        for day in [1, 21, 28] {
            advance(&clearing, noon(month, day)).await;
        }
    }
    world.hub().hub().clock.set(noon(9, 10));
    let unpaid = shanghai.unpaid(v1::PrefundsRequest {}).await.expect("a list").into_inner().members;
    assert_eq!((unpaid[0].months.clone(), unpaid[0].may_suspend), (vec!["2025-06".to_owned()], false));
    assert_eq!(field(&shanghai.suspend(request()).await.expect_err("it is too early")), "home");
    world.hub().hub().clock.set(noon(10, 20));
    let unpaid = shanghai.unpaid(v1::PrefundsRequest {}).await.expect("a list").into_inner().members;
    assert_eq!((unpaid[0].months.len(), unpaid[0].may_suspend), (2, false), "two months, and June's since 18 August");
    assert_eq!(field(&shanghai.resume(request()).await.expect_err("it is not suspended")), "home");
    world.hub().hub().clock.set(noon(11, 10));
    let unpaid = shanghai.unpaid(v1::PrefundsRequest {}).await.expect("a list").into_inner().members;
    assert_eq!((unpaid[0].months.len(), unpaid[0].may_suspend), (3, true), "three in a row");
    world.hub().hub().clock.set(noon(11, 20));
    let theirs = prefunds(&world, "410000").suspend(request()).await.expect_err("it is not theirs to say");
    assert_eq!(field(&theirs), "treatment");

    // Henan has recorded its payment of June on 10 November; July's row is full on 19 December.
    let (serial, bank, on) = ("2025111000017".into(), "中国银行 郑州分行".into(), date(2025, 11, 10));
    let payment = Payment { serial, bank, on, amount: Money::from_yuan(50) };
    let june = (PeriodNumber(1), henan_shanghai(), Insurance::Employee);
    let by = ("henan".to_owned(), noon(11, 10));
    let paid = world.hub().store().payment_record(june, Side::Home, payment, by).await;
    paid.expect("the store works").expect("it is recorded");
    let denying = |month: &str| v1::SuspendRequest { nothing_came: vec![month.to_owned()], ..request() };
    assert_eq!(field(&shanghai.suspend(denying("June")).await.expect_err("no month")), "nothing_came");
    assert_eq!(field(&shanghai.suspend(denying("2025-07")).await.expect_err("not claimed")), "nothing_came");
    assert_eq!(field(&shanghai.suspend(denying("2025-06")).await.expect_err("it is too early")), "home");
    assert_eq!(field(&shanghai.suspend(request()).await.expect_err("it says that it has paid")), "home");
    world.hub().hub().clock.set(noon(12, 10));
    assert_eq!(field(&shanghai.suspend(denying("2025-06")).await.expect_err("30 days")), "home");
    let unpaid = shanghai.unpaid(v1::PrefundsRequest {}).await.expect("a list").into_inner().members;
    assert_eq!((unpaid[0].claimed.clone(), unpaid[0].may_suspend), (vec!["2025-06".to_owned()], false));
    world.hub().hub().clock.set(noon(12, 11));
    assert_eq!(field(&shanghai.suspend(request()).await.expect_err("silence is no word")), "home");
    let suspended = shanghai.suspend(denying("2025-06")).await.expect("it is suspended").into_inner();
    assert!(suspended.suspended && suspended.reason.contains("未到账：2025-06"), "{}", suspended.reason);

    assert_eq!(reason(world.operate(&settle("4")).await), Reason::MemberSuspended);
    assert!(matches!(world.answer(&settle("3")).await.0, Outcome::Accepted { .. }), "what was settled has its answer");
    assert!(matches!(world.answer(&cancel("5", "3")).await.0, Outcome::Accepted { .. }), "undoing goes on");
    shanghai.resume(request()).await.expect("it is resumed");
    assert!(matches!(world.answer(&settle("6")).await.0, Outcome::Accepted { .. }));
}
