//! Payments of a month on a real hub: each insurance's money by itself.

use broker::clearing::Clearing;
use clearing::month::Month;
use clearing::payment::{Payment, Records};
use clearing::period::{Side, Stage};
use jiff::civil::date;
use ledger::hub::PrefundKey;
use proto::v1;
use settlement::money::Money;
use settlement::operation::{Operation, Request, Settle};
use settlement::person::Insurance;

use crate::clearing::{JUNE, advance, clearing, field, henan_shanghai, member, noon, payment_of, stage};
use crate::requests::*;
use crate::world::World;

/// The same of residents' money.
fn of_resident(operation: Operation) -> Operation {
    let Request::Settle(settle) = operation.request else { panic!("a settle") };
    let settle = Settle { insurance: Insurance::Resident, ..*settle };
    Operation { key: operation.key, request: Request::Settle(Box::new(settle)) }
}

/// June with a stay of an employee and one of a resident, and its notices out.
async fn noticed() -> (World, Clearing) {
    let world = World::new().await;
    let clearing = clearing(&world);
    advance(&clearing, noon(6, 15)).await;
    for settle in [settle("1"), of_resident(settle_of("2", 40))] {
        world.operate(&settle).await.expect("an answer");
    }
    for now in [noon(7, 1), noon(7, 21), noon(7, 28)] {
        advance(&clearing, now).await;
    }
    (world, clearing)
}

#[tokio::test]
async fn employees_and_residents_money_is_noticed_and_paid_each_by_itself() {
    let (world, clearing) = noticed().await;
    world.hub().hub().clock.set(noon(8, 9));
    let (mut henan, mut shanghai) = (member(&world, "410000"), member(&world, "310000"));
    let asked = v1::PeriodsRequest { month: "2025-06".into() };
    let seen = henan.periods(asked).await.expect("a period").into_inner().periods.remove(0);
    let dues: Vec<(&str, i64)> = seen.pairs[0].payables.iter().map(|due| (due.insurance.as_str(), due.due)).collect();
    let [("employee", employee), ("resident", resident)] = dues[..] else { panic!("{dues:?}") };
    assert!(employee > 0 && resident > 0 && employee + resident == seen.pairs[0].due, "{dues:?}");
    assert_eq!(field(&henan.pay(payment_of("home", employee)).await.expect_err("whose money?")), "insurance");
    let of = |side: &str, insurance: &str, fen: i64| {
        let mut request = v1::PayRequest { insurance: insurance.into(), ..payment_of(side, fen) };
        request.payment.as_mut().expect("a payment").serial = format!("of {insurance}");
        request
    };
    let both = henan.pay(of("home", "employee", employee + resident)).await.expect_err("not in one payment");
    assert_eq!(field(&both), "payment.amount");
    henan.pay(of("home", "employee", employee)).await.expect("it is recorded");
    let mut padded = of("treatment", "employee", employee);
    padded.payment.as_mut().expect("a payment").serial = " of employee\u{3000}".into();
    let recorded = shanghai.pay(padded).await.expect("it is recorded").into_inner();
    assert_eq!(
        (recorded.payables[0].apart.as_str(), recorded.payables[0].settled),
        ("", true),
        "blanks set nothing apart"
    );
    advance(&clearing, noon(8, 9)).await;
    assert_eq!(stage(&clearing, JUNE).await, Stage::Noticed, "residents' money is not paid");
    let watched = clearing.prefunds_watched(noon(8, 9)).await.expect("the store works");
    let in_use =
        |insurance| watched.get(&PrefundKey { pair: henan_shanghai(), insurance }).map(|held| held.usage.outstanding);
    assert_eq!(in_use(Insurance::Employee), None, "paid");
    assert_eq!(in_use(Insurance::Resident), Some(Money::from_fen(resident)));
    let rests = clearing.year_end(2025).await.expect("the store works").rests;
    let owed: Vec<Money> = rests.iter().map(|rest| rest.owed).collect();
    assert_eq!(owed, [Money::from_fen(resident)], "what is paid keeps no year open");
    for (side, client) in [("home", &mut henan), ("treatment", &mut shanghai)] {
        // Only one is left, so that a payment need not say which.
        let request = v1::PayRequest { insurance: String::new(), ..of(side, "resident", resident) };
        client.pay(request).await.expect("it is recorded");
    }
    advance(&clearing, noon(8, 9)).await;
    assert_eq!(stage(&clearing, JUNE).await, Stage::Closed);
}

/// Both members have accepted two records of employees' money as of one payment; of residents' the home member alone says that
/// it is paid.
#[tokio::test]
async fn what_is_settled_of_a_month_is_no_word_against_the_rest_that_the_receiver_is_silent_about() {
    let (world, clearing) = noticed().await;
    let store = world.hub().store();
    let pay = async |side: Side, insurance, fen, serial: &str| {
        let (bank, on) = ("中国银行".into(), date(2025, 8, 8));
        let payment = Payment { serial: serial.into(), bank, on, amount: Money::from_fen(fen) };
        let paid = store.payment_record((JUNE, henan_shanghai(), insurance), side, payment, ("us".into(), noon(8, 8)));
        paid.await.expect("the store works").expect("it is recorded");
    };
    pay(Side::Home, Insurance::Employee, 5_000, "BOC-1").await;
    pay(Side::Treatment, Insurance::Employee, 5_000, "ICBC-1").await;
    let (december, june) = (noon(12, 20), Month::from_text("2025-06").expect("a month"));
    let unpaid = async || {
        let mut unpaid = clearing.unpaid(december).await.expect("the store works");
        let held = unpaid.remove(&henan_shanghai()).unwrap_or_default();
        (held.months, held.claimed, held.may_suspend)
    };
    pay(Side::Home, Insurance::Resident, 2_000, "BOC-2").await;
    assert_eq!(unpaid().await, (vec![june], vec![june], true), "another payment is recorded, and nobody accepts it");
    let seen = Records { paid: 1, received: 1 };
    for (side, may_suspend) in [(Side::Treatment, false), (Side::Home, false)] {
        let (place, by) = ((JUNE, henan_shanghai(), Insurance::Employee), (side.word().to_owned(), noon(8, 9)));
        let accepted = store.payment_accept(place, (side, seen), "各行流水号".into(), by).await;
        accepted.expect("the store works").expect("it is accepted");
        assert_eq!(unpaid().await, (vec![june], vec![june], may_suspend), "its silence suspends nobody");
    }
    let nothing_came = [june].into();
    let may = clearing.may_suspend_denying(henan_shanghai(), &nothing_came, december).await;
    assert!(may.expect("the store works"), "its word does");
    pay(Side::Treatment, Insurance::Resident, 2_000, "BOC-2").await;
    assert_eq!(unpaid().await, (vec![], vec![], false));
}

#[tokio::test]
async fn a_payment_that_each_bank_numbers_for_itself_is_accepted_by_both_members_and_closes() {
    let world = World::new().await;
    let clearing = clearing(&world);
    advance(&clearing, noon(6, 15)).await;
    world.operate(&settle("1")).await.expect("an answer");
    for now in [noon(7, 1), noon(7, 21), noon(7, 28)] {
        advance(&clearing, now).await;
    }
    world.hub().hub().clock.set(noon(8, 11));
    let (mut henan, mut shanghai) = (member(&world, "410000"), member(&world, "310000"));
    let mut received = payment_of("treatment", 5_000);
    let of_their_bank = received.payment.as_mut().expect("a payment");
    (of_their_bank.serial, of_their_bank.on) = ("ICBC-77".into(), "2025-08-11".into());
    henan.pay(payment_of("home", 5_000)).await.expect("it is recorded");
    let apart = shanghai.pay(received).await.expect("it is recorded").into_inner().payables.remove(0);
    assert_eq!((apart.apart.as_str(), apart.paid_record, apart.received_record), ("serial and day", 1, 1));
    let accepting = |side: &str| v1::AcceptPaymentRequest {
        month: "2025-06".into(),
        home: "410000".into(),
        treatment: "310000".into(),
        side: side.into(),
        insurance: "employee".into(),
        paid_record: 1,
        received_record: 1,
        reason: "各行流水号，隔周末到账".into(),
    };
    assert_eq!(field(&shanghai.accept_payment(accepting("home")).await.expect_err("it is Henan's side")), "home");
    for (spoilt, named) in [
        (v1::AcceptPaymentRequest { paid_record: 2, ..accepting("home") }, "records"),
        (v1::AcceptPaymentRequest { insurance: String::new(), ..accepting("home") }, "insurance"),
        (v1::AcceptPaymentRequest { insurance: "resident".into(), ..accepting("home") }, "insurance"),
        (v1::AcceptPaymentRequest { reason: " ".into(), ..accepting("home") }, "reason"),
    ] {
        assert_eq!(field(&henan.accept_payment(spoilt.clone()).await.expect_err(named)), named, "{spoilt:?}");
    }
    let accepted = henan.accept_payment(accepting("home")).await.expect("it is accepted").into_inner();
    assert!(!accepted.payables[0].settled, "one alone ends nothing");
    advance(&clearing, noon(8, 11)).await;
    assert_eq!(stage(&clearing, JUNE).await, Stage::Noticed);
    let asked = v1::PeriodsRequest { month: "2025-06".into() };
    let waits = shanghai.periods(asked).await.expect("a period").into_inner().periods.remove(0).waits;
    let told = waits.iter().map(|wait| (wait.wanted.as_str(), wait.side.as_str(), wait.insurance.as_str()));
    assert_eq!(told.collect::<Vec<_>>(), [("acceptance", "treatment", "employee")]);
    let accepted = shanghai.accept_payment(accepting("treatment")).await.expect("it is accepted").into_inner();
    let held = &accepted.payables[0];
    assert_eq!((held.settled, held.apart.as_str(), held.accepted.len()), (true, "serial and day", 2));
    advance(&clearing, noon(8, 11)).await;
    assert_eq!(stage(&clearing, JUNE).await, Stage::Closed);
    let traced = henan.trace(v1::TraceRequest { settlement: "1".into() }).await.expect("its way").into_inner();
    let pair = traced.lines[0].pair.as_ref().expect("a pair");
    let by: Vec<&str> = pair.payables[0].accepted.iter().map(|accepted| accepted.side.as_str()).collect();
    assert_eq!(by, ["home", "treatment"], "and the trace tells of it");
}
