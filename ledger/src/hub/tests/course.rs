//! What is recorded of periods, and what is refused to be.

use std::collections::BTreeMap;

use ::clearing::cleared::{Cleared, by_pair, sum};
use ::clearing::month::Month;
use ::clearing::obligation::{Lot, Sums};
use ::clearing::payment::{AcceptFault, Apart, ByInsurance, Payment, PaymentFault, Records};
use ::clearing::period::{Pair, Proof, Side, Stage};
use settlement::ids::MemberCode;

use super::deductions::undo;
use super::folding::{FIRST, cut_off, fold, lot, receive};
use super::*;

pub(super) fn pair() -> Pair {
    Pair { home: MemberCode(lot().home.0), treatment: MemberCode(lot().treatment.0) }
}

fn month() -> Month {
    Month::from_text("2025-06").expect("a month")
}

pub(super) fn who() -> (String, Timestamp) {
    ("a certificate".into(), at(9))
}

pub(super) fn settlement(id: &str) -> SettlementId {
    SettlementId::new(id).expect("an id")
}

fn disputed(id: &str) -> Disputed {
    Disputed { settlement: settlement(id), reason: "hub and home are apart".into(), owner: Side::Home }
}

/// Settles, in fen.
pub(super) async fn settled(world: &World, id: &str, fen: i64) {
    let position = receive(world, &settle(id)).await;
    world.answer(position, booking(id, Turn::Enter, fen)).await;
}

pub(super) async fn carry_out(world: &World, from: PeriodNumber, ids: &[&str], into: Option<PeriodNumber>) -> u64 {
    let carrying = Carrying::from([(FIRST, into)]);
    let disputed = ids.iter().map(|id| disputed(id)).collect();
    world
        .store
        .entry_carry_out(from, (disputed, vec![]), carrying, at(7))
        .await
        .expect("the store works")
        .expect("they are carried")
}

async fn cleared(world: &World, period: PeriodNumber) -> Cleared {
    let movements = world.store.clearing_movements(period).await.expect("movements");
    by_pair(&movements, &world.regions).get(&pair()).map(sum).unwrap_or_default()
}

pub(super) async fn owed(world: &World, period: PeriodNumber) -> i64 {
    cleared(world, period).await.owed().fen()
}

async fn issue(world: &World, version: u32) {
    let movements = world.store.clearing_movements(FIRST).await.expect("movements");
    let lots = by_pair(&movements, &world.regions).remove(&pair()).unwrap_or_default();
    let as_of = world.store.clearing_as_of(FIRST).await.expect("it is read");
    issue_to(world, (pair(), version), (lots, as_of)).await;
}

async fn issue_to(world: &World, (pair, version): (Pair, u32), read: (BTreeMap<Lot, Cleared>, AsOf)) {
    world.store.statement_issue((FIRST, pair), version, read, date(2025, 7, 21)).await.expect("it is issued");
}

async fn reply(world: &World, side: Side, version: u32, reply: Reply) -> Result<(), StatementFault> {
    let to = (Carrying::from([(FIRST, Some(PeriodNumber(2)))]), world.regions.clone());
    world.store.statement_reply((FIRST, pair(), side), version, reply, to, who()).await.expect("no fault")
}

/// A payment of a day of August.
fn payment(serial: &str, day: i8, fen: i64) -> Payment {
    let (bank, on, amount) = ("中国银行".into(), date(2025, 8, day), Money::from_fen(fen));
    Payment { serial: serial.into(), bank, on, amount }
}

async fn record(world: &World, (insurance, side): (Insurance, Side), payment: Payment) -> Result<(), StatementFault> {
    let by = ("a certificate".into(), "2025-08-09T04:00:00Z".parse().expect("an instant"));
    world.store.payment_record((FIRST, pair(), insurance), side, payment, by).await.expect("no fault")
}

async fn pay(world: &World, side: Side, serial: &str, fen: i64) -> Result<(), StatementFault> {
    record(world, (lot().insurance, side), payment(serial, 8, fen)).await
}

async fn notify(world: &World, version: u32, fen: i64, day: i8) {
    let mut dues = ByInsurance::default();
    *dues.of_mut(lot().insurance) = Money::from_fen(fen);
    let issued = world.store.notice_issue((FIRST, pair()), version, dues, date(2025, 7, day)).await;
    issued.expect("they are issued");
}

async fn stage(world: &World) -> Stage {
    let record = world.store.clearing_record(FIRST, Default::default()).await.expect("no fault");
    record.expect("it has its month").stage()
}

pub(super) async fn a_period_is_recorded_step_by_step_and_each_step_once(world: World) {
    settled(&world, "A", 100).await;
    assert_eq!(world.store.clearing_record(FIRST, Default::default()).await.expect("no fault"), None);
    world.store.clearing_name(FIRST, month()).await.expect("it is named");
    world.store.clearing_name(FIRST, month().next()).await.expect("naming it again changes nothing");
    assert_eq!(world.store.clearing_unfinished().await.expect("a list"), [(FIRST, Some(month()))]);
    assert_eq!(stage(&world).await, Stage::Open);
    let next = cut_off(&world).await.number;
    assert_eq!(stage(&world).await, Stage::CutOff);
    fold(&world).await;
    for step in [
        StepTaken::Folded,
        StepTaken::Proved(Proof::Fails),
        StepTaken::Proved(Proof::Holds),
        StepTaken::Proved(Proof::Fails),
        StepTaken::Carried,
        StepTaken::Carried,
    ] {
        world.store.clearing_step(FIRST, step, "a report".into(), at(6)).await.expect("it is recorded");
    }
    let reports = world.store.clearing_reports(FIRST).await.expect("reports");
    let steps: Vec<_> = reports.into_iter().map(|report| report.step).collect();
    let [folded, fails, holds] = [StepTaken::Folded, StepTaken::Proved(Proof::Fails), StepTaken::Proved(Proof::Holds)];
    assert_eq!(steps, [folded, fails, holds, StepTaken::Carried], "what holds is not recorded again");
    for version in [1, 1] {
        issue(&world, version).await;
        assert_eq!(stage(&world).await, Stage::Stated);
    }
    for side in [Side::Home, Side::Treatment, Side::Home] {
        assert_eq!(reply(&world, side, 1, Reply::Confirmed).await, Ok(()));
    }
    assert_eq!(stage(&world).await, Stage::Confirmed);
    for day in [26, 27] {
        notify(&world, 1, 100, day).await;
    }
    assert_eq!(stage(&world).await, Stage::Noticed);
    assert_eq!(pay(&world, Side::Home, "1", 100).await, Ok(()));
    assert_eq!(pay(&world, Side::Treatment, "1", 100).await, Ok(()));
    assert_eq!(stage(&world).await, Stage::Paid);
    world.store.clearing_step(FIRST, StepTaken::Closed, String::new(), at(7)).await.expect("it is closed");
    assert_eq!(stage(&world).await, Stage::Closed);
    assert_eq!(world.store.clearing_unfinished().await.expect("a list"), [(next, None)]);
    assert_eq!(world.store.clearing_period_of(month()).await.expect("a period"), Some(FIRST));
}

pub(super) async fn what_is_carried_out_is_carried_in_and_cleared_once(world: World) {
    for (id, fen) in [("A", 100), ("B", 20), ("C", 3)] {
        settled(&world, id, fen).await;
    }
    let second = cut_off(&world).await.number;
    let third = cut_off(&world).await.number;
    fold(&world).await;
    assert_eq!(carry_out(&world, FIRST, &["B", "C", "X"], Some(second)).await, 2);
    assert_eq!(carry_out(&world, FIRST, &["B"], Some(third)).await, 0, "it is out already");
    assert_eq!((owed(&world, FIRST).await, owed(&world, second).await), (100, 23));
    assert_eq!(carry_out(&world, second, &["C"], Some(third)).await, 1);
    assert_eq!(carry_out(&world, second, &["A"], Some(third)).await, 0, "it is not in it");
    assert_eq!(carry_out(&world, third, &["C"], None).await, 1, "onto the list");
    let all = [owed(&world, FIRST).await, owed(&world, second).await, owed(&world, third).await];
    assert_eq!(all, [100, 20, 0]);
    let third = cleared(&world, third).await;
    assert_eq!(
        (third.carried_in, third.carried_out, third.net()),
        (third.carried_in, third.carried_in, Sums::default())
    );
}

pub(super) async fn what_was_read_before_something_moved_is_not_stated(world: World) {
    for (id, fen) in [("A", 100), ("B", 20)] {
        settled(&world, id, fen).await;
    }
    world.store.clearing_name(FIRST, month()).await.expect("it is named");
    let second = cut_off(&world).await.number;
    fold(&world).await;
    let read = async || {
        let as_of = world.store.clearing_as_of(FIRST).await.expect("it is read");
        let movements = world.store.clearing_movements(FIRST).await.expect("movements");
        (by_pair(&movements, &world.regions).remove(&pair()).expect("the pair"), as_of)
    };
    let due = async || {
        let record = world.store.clearing_record(FIRST, BTreeMap::new()).await.expect("no fault").expect("a record");
        record.pairs.get(&pair()).map(|held| (held.statement.expect("a statement").version, held.owed().fen()))
    };
    let before = read().await;
    assert_eq!(carry_out(&world, FIRST, &["B"], Some(second)).await, 1);
    issue_to(&world, (pair(), 1), before).await;
    assert_eq!(due().await, None, "it would be stated with what is carried out");
    issue_to(&world, (pair(), 1), read().await).await;
    assert_eq!(due().await, Some((1, 100)));
    let before = read().await;
    let objection = Reply::Objected { settlements: vec![settlement("A")], reason: "not our enrollee".into() };
    assert_eq!(reply(&world, Side::Home, 1, objection).await, Ok(()));
    issue_to(&world, (pair(), 2), before).await;
    assert_eq!(due().await, Some((1, 100)), "it would be stated with what is objected to");
    issue_to(&world, (pair(), 2), read().await).await;
    assert_eq!(due().await, Some((2, 0)));
}

pub(super) async fn a_lot_stands_in_the_statements_of_one_pair(world: World) {
    settled(&world, "A", 100).await;
    world.store.clearing_name(FIRST, month()).await.expect("it is named");
    cut_off(&world).await;
    fold(&world).await;
    issue(&world, 1).await;
    let recorded = world.store.period_members(FIRST).await.expect("members");
    assert_eq!(
        recorded.into_iter().collect::<Vec<_>>(),
        [(lot().treatment, pair().treatment), (lot().home, pair().home)]
    );
    let lots = world.store.statement_lots((FIRST, pair()), 1).await.expect("lots");
    let another = Pair { home: MemberCode(RegionCode::new("419001").expect("a code")), ..pair() };
    let as_of = world.store.clearing_as_of(FIRST).await.expect("it is read");
    issue_to(&world, (another, 1), (lots, as_of)).await;
    let record = world.store.clearing_record(FIRST, BTreeMap::new()).await.expect("no fault").expect("a record");
    assert_eq!(record.pairs.into_keys().collect::<Vec<_>>(), [pair()], "the same money is not another pair's too");
    let other = [(lot().home, another.home)].into();
    world.store.period_members_record(FIRST, other).await.expect("what is recorded stays");
    assert_eq!(world.store.period_members(FIRST).await.expect("members")[&lot().home], pair().home);
}

pub(super) async fn an_objection_to_what_comes_to_nothing_in_its_lot_is_heard(world: World) {
    settled(&world, "A", 100).await;
    undo(&world, "C", "A", 100).await;
    let second = cut_off(&world).await.number;
    issue(&world, 1).await;
    assert_eq!(world.store.statement_lots((FIRST, pair()), 1).await.expect("lots").len(), 0, "its lot is not in it");
    let objection = |id| Reply::Objected { settlements: vec![settlement(id)], reason: "not our enrollee".into() };
    let not_in_it = Err(StatementFault::NotInIt(vec![settlement("X")]));
    let members = async || world.store.period_members(FIRST).await.expect("members").into_iter().collect::<Vec<_>>();
    assert_eq!(reply(&world, Side::Home, 1, objection("X")).await, not_in_it);
    assert_eq!(members().await, [], "what is refused changes nothing");
    assert_eq!(reply(&world, Side::Home, 1, objection("A")).await, Ok(()));
    let carried = world.store.carried_entries(second).await.expect("entries");
    let ways: Vec<_> = carried.iter().map(|carried| (carried.posting.step, carried.from, carried.into)).collect();
    assert_eq!(ways, [(1, Some(FIRST), Some(second)), (2, Some(FIRST), Some(second))]);
    let [home, treatment] = [(lot().home, pair().home), (lot().treatment, pair().treatment)];
    assert_eq!(members().await, [treatment, home], "the next version is of the same pair");
}

pub(super) async fn an_objection_carries_out_what_it_names_and_nothing_else(world: World) {
    for (id, fen) in [("A", 100), ("B", 20)] {
        settled(&world, id, fen).await;
    }
    let second = cut_off(&world).await.number;
    fold(&world).await;
    let objection = |ids: &[&str]| Reply::Objected {
        settlements: ids.iter().map(|id| settlement(id)).collect(),
        reason: "not our enrollee".into(),
    };
    assert_eq!(reply(&world, Side::Home, 1, Reply::Confirmed).await, Err(StatementFault::Unknown));
    issue(&world, 1).await;
    assert_eq!(reply(&world, Side::Treatment, 1, Reply::Confirmed).await, Ok(()));
    let confirmed = reply(&world, Side::Treatment, 1, objection(&["B"])).await;
    assert_eq!(confirmed, Err(StatementFault::ConfirmedAlready), "no later version is promised to it");
    let not_in_it = Err(StatementFault::NotInIt(vec![settlement("X")]));
    assert_eq!(reply(&world, Side::Home, 1, objection(&["B", "X", "B"])).await, not_in_it);
    assert_eq!(owed(&world, FIRST).await, 120, "what is refused changes nothing");
    assert_eq!(reply(&world, Side::Home, 1, objection(&["B", "B"])).await, Ok(()), "naming it twice is naming it");
    assert_eq!(reply(&world, Side::Home, 1, objection(&["B"])).await, Ok(()), "the same again");
    let more = reply(&world, Side::Home, 1, objection(&["A", "B"])).await;
    assert_eq!(more, Err(StatementFault::RepliedOtherwise), "what is objected to besides is not lost in silence");
    assert_eq!(reply(&world, Side::Home, 1, Reply::Confirmed).await, Err(StatementFault::RepliedOtherwise));
    assert_eq!((owed(&world, FIRST).await, owed(&world, second).await), (100, 20));
    issue(&world, 2).await;
    let newest = Err(StatementFault::OtherVersion { newest: 2 });
    assert_eq!(reply(&world, Side::Treatment, 1, Reply::Confirmed).await, newest);
    let lots = async |version| {
        let lots = world.store.statement_lots((FIRST, pair()), version).await.expect("lots");
        sum(&lots).owed().fen()
    };
    assert_eq!((lots(1).await, lots(2).await), (120, 100), "what was issued stays as it was");
    for side in Side::ALL {
        assert_eq!(reply(&world, side, 2, Reply::Silent).await, Ok(()));
        assert_eq!(reply(&world, side, 2, Reply::Confirmed).await, Ok(()), "it is confirmed already");
        let late = reply(&world, side, 2, objection(&["A"])).await;
        assert!(matches!(late, Err(StatementFault::TakenAsConfirmed { on: _ })), "{late:?}");
    }
    assert_eq!(pay(&world, Side::Home, "1", 100).await, Err(StatementFault::NoNotice));
    notify(&world, 2, 100, 26).await;
    issue(&world, 3).await;
    assert_eq!(reply(&world, Side::Home, 3, objection(&["A"])).await, Err(StatementFault::NoticesOut));
    let (due, amount) = (Money::from_fen(100), Money::from_fen(99));
    let otherwise = PaymentFault::OtherAmount { due, amount };
    assert_eq!(pay(&world, Side::Home, "1", 99).await, Err(otherwise.into()));
    let other = match lot().insurance {
        Insurance::Employee => Insurance::Resident,
        Insurance::Resident => Insurance::Employee,
    };
    assert_eq!(record(&world, (other, Side::Home), payment("1", 8, 100)).await, Err(StatementFault::NoNotice));
}

/// A hundred fen are noticed.
async fn noticed(world: &World) {
    settled(world, "A", 100).await;
    world.store.clearing_name(FIRST, month()).await.expect("it is named");
    cut_off(world).await;
    fold(world).await;
    for step in [StepTaken::Folded, StepTaken::Proved(Proof::Holds), StepTaken::Carried] {
        world.store.clearing_step(FIRST, step, "a report".into(), at(6)).await.expect("it is recorded");
    }
    issue(world, 1).await;
    for side in Side::ALL {
        assert_eq!(reply(world, side, 1, Reply::Silent).await, Ok(()));
    }
    notify(world, 1, 100, 26).await;
}

pub(super) async fn a_payment_is_corrected_by_its_side_until_both_record_the_same(world: World) {
    noticed(&world).await;
    let insurance = lot().insurance;
    let say = async |side, payment| record(&world, (insurance, side), payment).await;
    let held = async || {
        let record = world.store.clearing_record(FIRST, Default::default()).await.expect("no fault");
        record.expect("its month").pairs[&pair()].payables.of(insurance).clone()
    };
    let early = Payment { on: date(2025, 7, 25), ..payment("1", 8, 100) };
    let (on, since) = (early.on, date(2025, 7, 26));
    assert_eq!(say(Side::Home, early).await, Err(PaymentFault::TooEarly { on, since }.into()));
    let (on, today) = (date(2025, 8, 10), date(2025, 8, 9));
    let late = say(Side::Home, payment("1", 10, 100)).await;
    assert_eq!(late, Err(PaymentFault::TooLate { on, today }.into()));
    assert_eq!(held().await.paid, None, "what is refused changes nothing");

    assert_eq!(say(Side::Home, payment("1", 7, 100)).await, Ok(()));
    assert_eq!(say(Side::Home, payment("1", 7, 100)).await, Ok(()), "the same again");
    assert_eq!(say(Side::Treatment, payment("2", 8, 100)).await, Ok(()));
    let apart = Some(Apart { serial: true, on: true, amount: false });
    assert_eq!((held().await.apart(), stage(&world).await), (apart, Stage::Noticed));
    assert_eq!(say(Side::Home, payment("2", 7, 100)).await, Ok(()), "it corrects itself");
    assert_eq!(held().await.paid, Some(payment("2", 7, 100)));
    let corrected = Payment { bank: "工商银行".into(), ..payment("2", 7, 100) };
    assert_eq!(say(Side::Treatment, corrected).await, Ok(()));
    assert_eq!((held().await.apart(), stage(&world).await), (None, Stage::Paid));
    for side in Side::ALL {
        let otherwise = say(side, payment("3", 7, 100)).await;
        assert_eq!(otherwise, Err(PaymentFault::AgreedOtherwise.into()));
    }
    assert_eq!(stage(&world).await, Stage::Paid);
}

pub(super) async fn two_records_that_differ_are_paid_once_both_sides_accept_these_two(world: World) {
    noticed(&world).await;
    let insurance = lot().insurance;
    let say = async |side, serial: &str, day| record(&world, (insurance, side), payment(serial, day, 100)).await;
    let accept = async |side, (paid, received), who: &str| {
        let (place, by) = ((FIRST, pair(), insurance), (who.to_owned(), at(9)));
        let said = world.store.payment_accept(place, (side, Records { paid, received }), "各行流水号".into(), by).await;
        said.expect("the store works")
    };
    let held = async || {
        let record = world.store.clearing_record(FIRST, Default::default()).await.expect("no fault");
        record.expect("its month").pairs[&pair()].payables.of(insurance).clone()
    };
    assert_eq!(accept(Side::Home, (0, 0), "a").await, Err(AcceptFault::NotApart.into()));
    assert_eq!(say(Side::Home, "1", 7).await, Ok(()));
    assert_eq!(accept(Side::Home, (1, 0), "a").await, Err(AcceptFault::NotApart.into()), "one word is no two");
    assert_eq!(say(Side::Treatment, "2", 8).await, Ok(()));
    assert_eq!(accept(Side::Home, (1, 1), "a").await, Ok(()));
    assert_eq!(accept(Side::Home, (1, 1), "a").await, Ok(()), "the same again");
    assert_eq!(accept(Side::Treatment, (1, 1), "a").await, Err(AcceptFault::SamePerson.into()));
    assert_eq!((held().await.accepted.len(), stage(&world).await), (1, Stage::Noticed), "one alone ends nothing");

    // A side that corrects itself begins anew: nobody has accepted what it says now.
    assert_eq!(say(Side::Home, "3", 7).await, Ok(()));
    let newest = Records { paid: 2, received: 1 };
    assert_eq!(accept(Side::Treatment, (1, 1), "b").await, Err(AcceptFault::OtherRecords(newest).into()));
    assert_eq!((held().await.records, held().await.accepted.len()), (newest, 0));
    for (side, who) in [(Side::Treatment, "b"), (Side::Home, "a")] {
        assert_eq!(stage(&world).await, Stage::Noticed);
        assert_eq!(accept(side, (2, 1), who).await, Ok(()));
    }
    assert_eq!((held().await.is_accepted(), stage(&world).await), (true, Stage::Paid));
    let stands = Err(PaymentFault::AgreedOtherwise.into());
    assert_eq!(say(Side::Home, "4", 7).await, stands, "what both have accepted stands");
    assert_eq!(say(Side::Home, "3", 7).await, Ok(()), "the same again");
    assert_eq!(stage(&world).await, Stage::Paid);
}
