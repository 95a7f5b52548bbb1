//! Periods that go their way, and periods whose members do what they like.

use jiff::civil::date;
use proptest::prelude::*;
use settlement::ids::RegionCode;

use super::*;
use crate::payment::Apart;

fn calendar() -> Calendar {
    Calendar::parse(include_str!("../../../deploy/calendar.toml")).expect("no faults")
}

fn month() -> Month {
    Month::from_text("2025-06").expect("a month")
}

fn pair(home: &str, treatment: &str) -> Pair {
    let member = |code| MemberCode(RegionCode::new(code).expect("a code"));
    Pair { home: member(home), treatment: member(treatment) }
}

fn henan_shanghai() -> Pair {
    pair("410000", "310000")
}

/// Noon of a day, Beijing time.
fn noon(year: i16, month: i8, day: i8) -> Timestamp {
    beijing::instant_of(date(year, month, day).at(12, 0, 0, 0)).expect("an instant")
}

/// Does what a step asks for, as a job would record it.
fn carry_out(record: &mut Record, step: Step, today: Date, dues: &BTreeMap<Pair, Money>) {
    match step {
        Step::CutOff => record.is_cut_off = true,
        Step::Fold => record.is_folded = true,
        Step::Prove => {
            record.proof = Some(Proof::Holds);
            record.pairs = dues
                .iter()
                .map(|(pair, due)| (*pair, PairRecord::of(ByInsurance { employee: *due, resident: Money::ZERO })))
                .collect();
        }
        Step::CarryOut => record.is_carried = true,
        Step::State(pair) => {
            let held = record.pairs.get_mut(&pair).expect("a pair");
            let version = held.statement.map_or(1, |statement| statement.version + 1);
            let (home_confirmed, treatment_confirmed, is_objected) = (false, false, false);
            held.statement =
                Some(Statement { version, issued_on: today, home_confirmed, treatment_confirmed, is_objected });
        }
        Step::TakeSilence(pair, side) => confirm(record, pair, side),
        Step::Notify(pair) => record.pairs.get_mut(&pair).expect("a pair").noticed_on = Some(today),
        Step::Close => record.is_closed = true,
    }
}

fn confirm(record: &mut Record, pair: Pair, side: Side) {
    let statement = record.pairs.get_mut(&pair).and_then(|held| held.statement.as_mut()).expect("a statement");
    match side {
        Side::Home => statement.home_confirmed = true,
        Side::Treatment => statement.treatment_confirmed = true,
    }
}

fn pay(record: &mut Record, pair: Pair, on: Date) {
    let held = record.pairs.get_mut(&pair).expect("a pair");
    for insurance in Insurance::ALL {
        pay_one(held.payables.of_mut(insurance), on);
    }
}

fn pay_one(payable: &mut Payable, on: Date) {
    let payment = Payment { serial: "1".into(), bank: "中国银行".into(), on, amount: payable.amount() };
    (payable.paid, payable.received) = (Some(payment.clone()), Some(payment));
}

/// Carries out what is due at an instant until nothing is.
fn run(record: &mut Record, now: Timestamp, dues: &BTreeMap<Pair, Money>) -> Vec<Step> {
    let mut done = Vec::new();
    loop {
        let due = plan(record, now, &calendar()).due;
        if due.is_empty() {
            return done;
        }
        for step in due {
            carry_out(record, step, beijing::day_of(now), dues);
            done.push(step);
        }
    }
}

#[test]
fn a_month_goes_its_way_by_the_calendar() {
    let (pair, mut record) = (henan_shanghai(), Record::open(month()));
    let dues = BTreeMap::from([(pair, Money::from_yuan(100))]);
    for (now, done, stage) in [
        (noon(2025, 6, 30), vec![], Stage::Open),
        (noon(2025, 7, 1), vec![Step::CutOff, Step::Fold, Step::Prove], Stage::Proved),
        (noon(2025, 7, 20), vec![], Stage::Proved),
        (noon(2025, 7, 21), vec![Step::CarryOut, Step::State(pair)], Stage::Stated),
        (noon(2025, 7, 25), vec![], Stage::Stated),
        (
            noon(2025, 7, 26),
            vec![Step::TakeSilence(pair, Side::Home), Step::TakeSilence(pair, Side::Treatment), Step::Notify(pair)],
            Stage::Noticed,
        ),
    ] {
        assert_eq!((run(&mut record, now, &dues), record.stage()), (done, stage), "{now}");
    }
    let waits = plan(&record, noon(2025, 7, 26), &calendar()).waits;
    // Issued on a Saturday: five working days to 1 August, ten more to 15 August.
    let until = Some(date(2025, 8, 15));
    assert_eq!(
        waits,
        [
            Wait { wanted: Wanted::Payment(pair, Insurance::Employee, Side::Home), until },
            Wait { wanted: Wanted::Receipt(pair, Insurance::Employee, Side::Treatment), until }
        ]
    );
    pay(&mut record, pair, date(2025, 8, 8));
    assert_eq!(run(&mut record, noon(2025, 8, 9), &dues), [Step::Close]);
    assert_eq!((record.stage(), plan(&record, noon(2030, 1, 1), &calendar())), (Stage::Closed, Plan::default()));
}

#[test]
fn cut_off_is_at_midnight_in_beijing() {
    let record = Record::open(month());
    let at = |text: &str| plan(&record, text.parse().expect("an instant"), &calendar()).due;
    assert_eq!(at("2025-06-30T15:59:59Z"), []);
    assert_eq!(at("2025-06-30T16:00:00Z"), [Step::CutOff]);
}

#[test]
fn an_empty_period_closes_and_so_does_one_of_nothing_due() {
    for dues in [BTreeMap::new(), BTreeMap::from([(henan_shanghai(), Money::ZERO)])] {
        let mut record = Record::open(month());
        [noon(2025, 7, 21), noon(2025, 7, 26)].into_iter().for_each(|now| drop(run(&mut record, now, &dues)));
        assert_eq!(record.stage(), Stage::Closed);
        assert!(record.pairs.values().all(|held| held.noticed_on.is_none()));
    }
}

#[test]
fn what_the_treatment_member_gives_back_it_pays() {
    let (pair, mut record) = (henan_shanghai(), Record::open(month()));
    let dues = BTreeMap::from([(pair, Money::from_yuan(-100))]);
    [noon(2025, 7, 21), noon(2025, 7, 26)].into_iter().for_each(|now| drop(run(&mut record, now, &dues)));
    let waits = plan(&record, noon(2025, 7, 26), &calendar()).waits;
    assert_eq!(
        waits.iter().map(|wait| wait.wanted).collect::<Vec<_>>(),
        [
            Wanted::Payment(pair, Insurance::Employee, Side::Treatment),
            Wanted::Receipt(pair, Insurance::Employee, Side::Home)
        ]
    );
}

#[test]
fn employees_and_residents_money_are_paid_each_by_itself_and_close_together() {
    let (pair, mut record) = (henan_shanghai(), Record::open(month()));
    run(&mut record, noon(2025, 7, 21), &BTreeMap::from([(pair, Money::ZERO)]));
    let held = record.pairs.get_mut(&pair).expect("a pair");
    // Together they would come to nothing.
    let dues = ByInsurance { employee: Money::from_yuan(100), resident: Money::from_yuan(-100) };
    held.payables = dues.map(Payable::of);
    run(&mut record, noon(2025, 7, 26), &BTreeMap::new());
    assert_eq!(record.stage(), Stage::Noticed);
    let wanted = |record: &Record| {
        plan(record, noon(2025, 7, 26), &calendar()).waits.iter().map(|wait| wait.wanted).collect::<Vec<_>>()
    };
    let (employee, resident) = (Insurance::Employee, Insurance::Resident);
    let given_back = [Wanted::Payment(pair, resident, Side::Treatment), Wanted::Receipt(pair, resident, Side::Home)];
    let all = [Wanted::Payment(pair, employee, Side::Home), Wanted::Receipt(pair, employee, Side::Treatment)];
    assert_eq!(wanted(&record), [all, given_back].concat());
    let payables = |record: &mut Record| record.pairs.get_mut(&pair).expect("a pair").payables.clone();
    let mut paid = payables(&mut record);
    pay_one(&mut paid.employee, date(2025, 8, 8));
    record.pairs.get_mut(&pair).expect("a pair").payables = paid;
    assert_eq!((wanted(&record), record.stage()), (given_back.to_vec(), Stage::Noticed));
    assert_eq!(record.pairs[&pair].unpaid(), Money::from_yuan(-100), "what is paid is no longer owed");
    pay(&mut record, pair, date(2025, 8, 8));
    assert_eq!(run(&mut record, noon(2025, 8, 9), &BTreeMap::new()), [Step::Close]);
}

#[test]
fn what_both_sides_record_differently_stays_open_until_one_corrects_itself() {
    let (pair, mut record) = (henan_shanghai(), Record::open(month()));
    let dues = BTreeMap::from([(pair, Money::from_yuan(100))]);
    [noon(2025, 7, 21), noon(2025, 7, 26)].into_iter().for_each(|now| drop(run(&mut record, now, &dues)));
    pay(&mut record, pair, date(2025, 8, 8));
    let payable = record.pairs.get_mut(&pair).expect("a pair").payables.of_mut(Insurance::Employee);
    payable.received.as_mut().expect("a record").serial = "2".into();
    let planned = plan(&record, noon(2025, 8, 9), &calendar());
    let apart = Apart { serial: true, on: false, amount: false };
    assert_eq!((planned.due, planned.waits.len()), (vec![], 1));
    assert_eq!(planned.waits[0].wanted, Wanted::SameRecord(pair, Insurance::Employee, apart));
    assert_eq!(
        planned.waits[0].wanted.to_string(),
        "the same record of the employee payment by both (410000 → 310000): serial not the same"
    );
    pay(&mut record, pair, date(2025, 8, 8));
    assert_eq!(run(&mut record, noon(2025, 8, 9), &dues), [Step::Close]);
}

#[test]
fn a_proof_that_fails_stops_everything_until_a_person_has_looked() {
    let mut record = Record { is_cut_off: true, is_folded: true, ..Record::open(month()) };
    record.proof = Some(Proof::Fails);
    let planned = plan(&record, noon(2025, 8, 1), &calendar());
    assert_eq!((planned.due, planned.waits[0].wanted), (vec![], Wanted::Explanation));
    assert_eq!(record.stage(), Stage::CutOff);
}

#[test]
fn an_objection_has_its_statement_issued_again_and_holds_up_nobody_else() {
    let (objecting, other) = (henan_shanghai(), pair("650000", "310000"));
    let dues = BTreeMap::from([(objecting, Money::from_yuan(1)), (other, Money::from_yuan(2))]);
    let mut record = Record::open(month());
    run(&mut record, noon(2025, 7, 21), &dues);
    let held = record.pairs.get_mut(&objecting).expect("a pair");
    held.statement.as_mut().expect("a statement").is_objected = true;
    assert_eq!(run(&mut record, noon(2025, 7, 25), &dues), [Step::State(objecting)]);
    let silent = |pair| Side::ALL.map(|side| Step::TakeSilence(pair, side)).to_vec();
    let mut expected = silent(other);
    expected.push(Step::Notify(other));
    assert_eq!(run(&mut record, noon(2025, 7, 26), &dues), expected);
    assert_eq!(record.pairs[&objecting].statement.expect("a statement").version, 2);
    // Issued on the 25th, with the four days that every statement has.
    assert_eq!(run(&mut record, noon(2025, 7, 29), &dues), []);
    let mut expected = silent(objecting);
    expected.push(Step::Notify(objecting));
    assert_eq!(run(&mut record, noon(2025, 7, 30), &dues), expected);
}

#[test]
fn silence_is_waited_for_where_it_does_not_confirm() {
    let text =
        include_str!("../../../deploy/calendar.toml").replace("silence_confirms = true", "silence_confirms = false");
    let strict = Calendar::parse(&text).expect("no faults");
    let (pair, mut record) = (henan_shanghai(), Record::open(month()));
    run(&mut record, noon(2025, 7, 21), &BTreeMap::from([(pair, Money::from_yuan(1))]));
    let planned = plan(&record, noon(2025, 9, 1), &strict);
    assert_eq!(planned.due, []);
    assert_eq!(planned.waits.len(), 2);
}

#[test]
fn a_payment_day_in_a_year_that_is_not_listed_is_not_guessed() {
    let pair = henan_shanghai();
    let mut record = Record::open(Month::from_text("2026-11").expect("a month"));
    let dues = BTreeMap::from([(pair, Money::from_yuan(1))]);
    [noon(2026, 12, 21), noon(2026, 12, 26)].into_iter().for_each(|now| drop(run(&mut record, now, &dues)));
    assert_eq!(record.stage(), Stage::Noticed);
    assert!(plan(&record, noon(2026, 12, 28), &calendar()).waits.iter().all(|wait| wait.until.is_none()));
}

/// What members do, in any order and at any time.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Wait(i8),
    Confirm(usize, Side),
    Object(usize),
    Pay(usize),
    /// The job dies after so many steps and is started again.
    Die(usize),
}

fn deed() -> impl Strategy<Value = Deed> {
    let side = || prop::sample::select(Side::ALL.to_vec());
    prop_oneof![
        (1_i8..10).prop_map(Deed::Wait),
        (0_usize..3, side()).prop_map(|(which, side)| Deed::Confirm(which, side)),
        (0_usize..3).prop_map(Deed::Object),
        (0_usize..3).prop_map(Deed::Pay),
        (0_usize..4).prop_map(Deed::Die),
    ]
}

proptest! {
    #[test]
    fn every_period_ends_whatever_its_members_do(
        deeds in prop::collection::vec(deed(), 0..40),
        fens in prop::array::uniform3(-100_i64..100),
    ) {
        let pairs = [henan_shanghai(), pair("650000", "310000"), pair("410000", "120000")];
        let dues: BTreeMap<Pair, Money> = pairs.into_iter().zip(fens.map(Money::from_fen)).collect();
        let mut record = Record::open(month());
        let (mut now, mut stages) = (noon(2025, 7, 1), vec![record.stage()]);
        for deed in deeds {
            let today = beijing::day_of(now);
            let stated = |record: &Record, which: usize| {
                let held = &record.pairs.get(&pairs[which])?;
                held.statement.filter(|statement| !statement.is_objected && held.noticed_on.is_none())
            };
            match deed {
                Deed::Wait(days) => now += jiff::SignedDuration::from_hours(24 * i64::from(days)),
                Deed::Confirm(which, side) => if stated(&record, which).is_some() {
                    confirm(&mut record, pairs[which], side);
                },
                Deed::Object(which) => if stated(&record, which).is_some_and(|statement| !statement.is_agreed()) {
                    let held = record.pairs.get_mut(&pairs[which]).expect("a pair");
                    held.statement.as_mut().expect("a statement").is_objected = true;
                },
                Deed::Pay(which) => if record.pairs.get(&pairs[which]).is_some_and(|held| held.noticed_on.is_some()) {
                    pay(&mut record, pairs[which], today);
                },
                Deed::Die(after) => {
                    for step in plan(&record, now, &calendar()).due.into_iter().take(after) {
                        carry_out(&mut record, step, today, &dues);
                    }
                }
            }
            stages.push(record.stage());
        }
        // Left alone, everybody pays in the end.
        for _ in 0..4 {
            run(&mut record, now, &dues);
            let noticed: Vec<Pair> = record.pairs.iter().filter(|(_, held)| held.noticed_on.is_some()).map(|(pair, _)| *pair).collect();
            noticed.into_iter().for_each(|pair| pay(&mut record, pair, beijing::day_of(now)));
            now += jiff::SignedDuration::from_hours(24 * 60);
        }
        prop_assert_eq!(record.stage(), Stage::Closed);
        let before = record.clone();
        prop_assert_eq!(run(&mut record, now, &dues), vec![]);
        prop_assert_eq!(record, before);
    }
}
