//! What is recorded of prefunds: changes of several together, and each once.

use ::clearing::payment::{AcceptFault, Payment, PaymentFault, Records};
use ::clearing::period::{Pair, Side};
use ::clearing::prefund::change::{AnswerFault, Standing};
use ::clearing::prefund::quarter::{Quarter, Settled, Source};
use settlement::ids::MemberCode;

use super::*;

/// A quarter of which the first month was given, and a third was settled in each.
fn settled(fen: i64) -> Quarter {
    let month = |source| Settled { amount: Money::from_fen(fen), source };
    Quarter { months: [Source::Given, Source::Cleared, Source::Unknown].map(month) }
}

fn change(insurance: Insurance, id: &str, fen: i64) -> PrefundChange {
    PrefundChange {
        key: PrefundKey {
            pair: Pair { home: MemberCode(pool("410000").0), treatment: MemberCode(pool("310000").0) },
            insurance,
        },
        id: id.into(),
        kind: PrefundKind::Reset,
        amount: Money::from_fen(fen),
        basis: settled(fen),
        held: Money::ZERO,
        reason: "2026年度额度调整".into(),
        asked_by: None,
        at: Timestamp::UNIX_EPOCH,
    }
}

pub async fn changes_of_several_prefunds_are_recorded_together_and_each_once(world: World) {
    let (employee, resident) =
        (change(Insurance::Employee, "reset 2026", 500), change(Insurance::Resident, "reset 2026", 300));
    let record = async |changes: &[&PrefundChange]| {
        let changes: Vec<PrefundChange> = changes.iter().map(|change| (*change).clone()).collect();
        let all = move |_: &[PrefundEntry]| Ok::<_, &str>(changes.clone());
        let made = world.store.prefund_change_by(all, "calendar".into()).await.expect("the store works");
        made.expect("nobody refuses").into_iter().filter(|(_, is_new)| *is_new).count()
    };
    assert_eq!(record(&[]).await, 0);
    assert_eq!(record(&[&employee]).await, 1);
    let otherwise = change(Insurance::Employee, "reset 2026", 501);
    assert_eq!(record(&[&otherwise, &resident]).await, 1, "what is there stays as it is");
    assert_eq!(world.store.prefund_changes().await.expect("changes"), [employee.clone(), resident.clone()]);
    let seen = |entries: &[PrefundEntry]| Err::<Vec<PrefundChange>, _>(entries.len());
    let refused = world.store.prefund_change_by(seen, "calendar".into()).await.expect("the store works");
    assert_eq!(refused, Err(2), "who decides sees what is recorded");
    let next = change(Insurance::Employee, "reset 2027", -200);
    assert!(world.store.prefund_change(next, "calendar".into()).await.expect("the store works"));
    let balances = async || {
        let balances = world.store.prefund_balances().await.expect("balances");
        balances.into_values().map(Money::fen).collect::<Vec<_>>()
    };
    assert_eq!(balances().await, [0, 0], "nothing is paid");
    for side in Side::ALL {
        let on = settlement::beijing::day_of(Timestamp::UNIX_EPOCH);
        let payment = Payment { serial: "1".into(), bank: "中国银行".into(), on, amount: Money::from_fen(300) };
        let place = (resident.key, resident.id.clone(), side);
        assert_eq!(balances().await, [0, 0], "and one side's word pays nothing");
        let paid = world.store.prefund_pay(place, payment, ("us".into(), at(5))).await.expect("the store works");
        assert_eq!(paid, Ok(()));
    }
    assert_eq!(balances().await, [0, 300]);
}

pub async fn a_change_that_is_asked_for_counts_once_it_is_accepted_and_paid_by_both(world: World) {
    let asked = PrefundChange {
        id: "top-up 1".into(),
        kind: PrefundKind::TopUp,
        asked_by: Some(Side::Treatment),
        ..change(Insurance::Employee, "", 500)
    };
    let key = asked.key;
    assert!(world.store.prefund_change(asked, "shanghai".into()).await.expect("the store works"));
    let entry = async || world.store.prefund_entries().await.expect("entries").remove(0);
    let today = date(1970, 1, 1);
    let pay = async |side, serial: &str| {
        let (bank, amount) = ("中国银行".into(), Money::from_fen(500));
        let payment = Payment { serial: serial.into(), bank, on: today, amount };
        let place = (key, "top-up 1".to_owned(), side);
        world.store.prefund_pay(place, payment, ("us".into(), at(5))).await.expect("the store works")
    };
    let answer = async |side, accepts| {
        let place = (key, "top-up 1".to_owned(), side);
        let said = world.store.prefund_answer(place, (accepts, "why".into()), Some(today), ("us".into(), at(4))).await;
        said.expect("the store works")
    };
    assert_eq!(pay(Side::Home, "1").await, Err(PrefundPaymentFault::NotDue(Standing::Asked)));
    assert_eq!(answer(Side::Treatment, true).await, Err(AnswerFault::OwnRequest));
    assert_eq!(answer(Side::Home, true).await, Ok(()));
    assert_eq!(answer(Side::Home, true).await, Ok(()), "the same again");
    assert_eq!(answer(Side::Home, false).await, Err(AnswerFault::NotNow(Standing::Due)));
    for (side, serial, held) in [(Side::Home, "1", false), (Side::Treatment, "2", false), (Side::Treatment, "1", true)]
    {
        assert_eq!(pay(side, serial).await, Ok(()));
        assert_eq!(entry().await.recorded().is_held(), held, "{side:?} {serial}");
    }
    assert_eq!(pay(Side::Home, "1").await, Ok(()), "the same again");
    let agreed = PaymentFault::AgreedOtherwise.into();
    assert_eq!(pay(Side::Home, "3").await, Err(agreed));
    let answered = entry().await.answer.expect("an answer");
    assert!(answered.is_accepted && entry().await.payment.apart().is_none());

    // A re-set overtakes what nobody has paid.
    let waiting = PrefundChange {
        id: "top-up 2".into(),
        kind: PrefundKind::TopUp,
        asked_by: Some(Side::Treatment),
        ..change(Insurance::Employee, "", 70)
    };
    assert!(world.store.prefund_change(waiting, "shanghai".into()).await.expect("the store works"));
    let reset = PrefundChange { at: at(6), ..change(Insurance::Employee, "reset 2026", 100) };
    assert!(world.store.prefund_change(reset, "centre".into()).await.expect("the store works"));
    let place = (key, "top-up 2".to_owned(), Side::Home);
    let said = world.store.prefund_answer(place, (true, String::new()), None, ("us".into(), at(7))).await;
    assert_eq!(said.expect("the store works"), Err(AnswerFault::NotNow(Standing::Overtaken)));
    let balances = world.store.prefund_balances().await.expect("balances");
    assert_eq!(balances.into_values().map(Money::fen).collect::<Vec<_>>(), [500]);
}

/// What the home member gets back, each bank numbers for itself.
pub async fn two_records_of_a_change_that_differ_are_paid_once_both_sides_accept_these_two(world: World) {
    let returned = change(Insurance::Employee, "reset 2026", -500);
    let key = returned.key;
    assert!(world.store.prefund_change(returned, "centre".into()).await.expect("the store works"));
    let pay = async |side, serial: &str| {
        let (on, amount) = (date(1970, 1, 1), Money::from_fen(500));
        let payment = Payment { serial: serial.into(), bank: "中国银行".into(), on, amount };
        let place = (key, "reset 2026".to_owned(), side);
        world.store.prefund_pay(place, payment, ("us".into(), at(5))).await.expect("the store works")
    };
    let accept_of = async |id: &str, side, (paid, received), by: &str| {
        let said = (side, Records { paid, received });
        let by = (by.to_owned(), at(6));
        world.store.prefund_accept_payment((key, id.to_owned()), said, "各行流水号".into(), by).await.expect("no fault")
    };
    let accept = async |side, records, by: &str| accept_of("reset 2026", side, records, by).await;
    let held = async || {
        let balances = world.store.prefund_balances().await.expect("balances");
        balances[&key].fen()
    };
    assert_eq!(accept_of("top-up 1", Side::Home, (1, 1), "a").await, Err(PrefundPaymentFault::Unknown));
    assert_eq!(accept(Side::Home, (0, 0), "a").await, Err(AcceptFault::NotApart.into()), "nothing is recorded");
    assert_eq!(pay(Side::Treatment, "SH-1").await, Ok(()));
    assert_eq!(accept(Side::Home, (1, 0), "a").await, Err(AcceptFault::NotApart.into()), "one word is no two");
    assert_eq!(pay(Side::Home, "HA-7").await, Ok(()));
    let newest = Records { paid: 1, received: 1 };
    assert_eq!(accept(Side::Home, (2, 1), "a").await, Err(AcceptFault::OtherRecords(newest).into()));
    for _ in 0..2 {
        assert_eq!(accept(Side::Home, (1, 1), "a").await, Ok(()), "again changes nothing");
    }
    assert_eq!((accept(Side::Treatment, (1, 1), "a").await, held().await), (Err(AcceptFault::SamePerson.into()), 0));

    // Who corrects its record begins anew.
    assert_eq!(pay(Side::Treatment, "SH-2").await, Ok(()));
    let newest = Records { paid: 2, received: 1 };
    assert_eq!(accept(Side::Treatment, (1, 1), "b").await, Err(AcceptFault::OtherRecords(newest).into()));
    assert_eq!((accept(Side::Treatment, (2, 1), "b").await, held().await), (Ok(()), 0), "one side alone pays nothing");
    assert_eq!((accept(Side::Home, (2, 1), "a").await, held().await), (Ok(()), -500));
    assert_eq!(accept(Side::Home, (2, 1), "a").await, Ok(()), "the same again");
    assert_eq!(pay(Side::Home, "HA-7").await, Ok(()), "the same again");
    assert_eq!(pay(Side::Home, "SH-2").await, Err(PaymentFault::AgreedOtherwise.into()), "what both accepted stands");
    let entry = world.store.prefund_entries().await.expect("entries").remove(0);
    assert_eq!(entry.payment.accepted.keys().copied().collect::<Vec<_>>(), Side::ALL);
    assert_eq!(world.store.prefund_mispaid().await.expect("a check"), []);
}
