//! The third book in clearing, from a hospital's day-end accounts to the month that clears what it lacked: found by 3202,
//! a break at the hub, and no part of the month until the hospital agrees, whatever its treatment side's operator decides.

use std::sync::Arc;

use broker::clearing::Clearing;
use clearing::calendar::Calendar;
use clearing::cleared::sum;
use jiff::civil::{Date, date};
use ledger::hub::PeriodNumber;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use settlement::money::Money;
use world::hospital::Hospital;
use world::{EMPLOYEE, RESIDENT, World, instant, pool};
use yidi::desk::Reply;
use yidi::verify::clearing::{Rules, findings};

use crate::hospital_books::Sums;
use crate::operator::Operator;

const DAYS: (Date, Date) = (date(2025, 6, 1), date(2025, 6, 30));
const JUNE: PeriodNumber = PeriodNumber(1);
const JULY: PeriodNumber = PeriodNumber(2);

/// A world with two settlements of June 20, of which the hospital has the employee's alone.
struct Begun {
    world: World,
    hospital: Hospital,
    /// What the hospital would list of the resident.
    residents: Sums,
    settlement: String,
    /// What is owed for each, in fen.
    known: Money,
    lacked: Money,
}

async fn begin() -> Begun {
    let world = World::start_with_filings().await;
    clear(&world, "2025-06-20").await;
    let hospital = Hospital::new(world.desk());
    let mut replies = Vec::new();
    for (patient, price) in [(&EMPLOYEE, "8000.00"), (&RESIDENT, "5000.00")] {
        let stay = hospital.stay(patient, price).await;
        replies.push(hospital.send(&hospital.settle_message(patient, &stay, price)).await);
    }
    Sums::itemized(&hospital, &RESIDENT, "").await;
    let mut residents = Sums::default();
    residents.add(&replies[1]);
    let settlement = replies[1].text("/output/setlinfo/setl_id");
    Begun { hospital, residents, settlement, known: owed_by(&replies[0]), lacked: owed_by(&replies[1]), world }
}

fn owed_by(reply: &Reply) -> Money {
    let amount =
        |name: &str| -> Decimal { reply.text(&format!("/output/setlinfo/{name}")).parse().expect("an amount") };
    let fen = (amount("fund_pay_sumamt") + amount("acct_pay")) * Decimal::ONE_HUNDRED;
    Money::from_fen(i64::try_from(fen).expect("whole fen"))
}

/// What both jobs do each day, which by themselves wait for the day to end.
async fn compare(world: &World) {
    let (hub, home) = (world.line().hub.hub(), pool(EMPLOYEE.home));
    let region = hub.directory.home(home).expect("a region");
    hub.compare_and_mend(region, home, DAYS).await.expect("both can be read");
    world.line().treatment.comparing().compare(DAYS).await.expect("both can be read");
}

/// Has everything cleared that is due on a day.
async fn clear(world: &World, day: &str) {
    world.clock().set(instant(&format!("{day}T10:00:00")));
    Operator::of_all(world).run(&["clearing", "run"]).await;
}

/// What a month owes, once nothing is found in the book that should not be.
async fn owed(world: &World, period: PeriodNumber) -> Money {
    let regions = Arc::new(yidi::line::read_regions(&world.deploy()).expect("a table"));
    let text = std::fs::read_to_string(world.deploy().join("calendar.toml")).expect("a calendar");
    let calendar = Arc::new(Calendar::parse(&text).expect("no faults"));
    let store = world.line().hub.store().clone();
    let rules = Rules { regions: Some(&regions), calendar: Some(&calendar) };
    let wrong = findings(&store, rules).await.expect("it is read");
    assert!(wrong.is_empty(), "{:?}", wrong.iter().map(ToString::to_string).collect::<Vec<_>>());
    let standing = Clearing::new(store, regions, calendar).standing(period).await.expect("the store works");
    standing.expect("a month").pairs.values().map(|lots| sum(lots).owed()).sum()
}

/// Runs a command that prints JSON; tells its exit code beside.
async fn told(operator: &Operator, command: &[&str]) -> (Option<i32>, Value) {
    let ran = operator.output(&[command, &["--json"]].concat()).await;
    let told = serde_json::from_slice(&ran.stdout);
    (ran.status.code(), told.unwrap_or_else(|_| panic!("{command:?}: {}", String::from_utf8_lossy(&ran.stderr))))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_hospital_lacks_is_cleared_in_the_month_after_it_agrees() {
    let Begun { world, hospital, residents, settlement, known, lacked } = begin().await;
    compare(&world).await;
    let shanghai = Operator::of(&world, "310000");
    let (code, breaks) = told(&shanghai, &["reconcile", "show"]).await;
    let found = &breaks[0];
    assert_eq!((code, breaks.as_array().map(Vec::len)), (Some(1), Some(1)), "{breaks}");
    assert_eq!((&found["books"], &found["kind"]), (&json!("hospital-treatment"), &json!("missing-outer")), "{breaks}");
    assert_eq!((&found["setl_id"], &found["proposed"]), (&json!(settlement), &json!("reverse-2601")), "{breaks}");
    assert_eq!((&found["outer_owed"], &found["inner_owed"]), (&json!("0.00"), &json!(lacked.to_string())), "{breaks}");
    let number = found["number"].to_string();
    let (code, done) = told(&shanghai, &["reconcile", "carry-out", &number]).await;
    assert_eq!((code, &done["action"], &done["stands"]), (Some(1), &json!("await-hospital"), &json!(true)));

    clear(&world, "2025-07-01").await;
    clear(&world, "2025-07-21").await;
    assert_eq!(owed(&world, JUNE).await, known);
    let carried = world.line().hub.store().carried_entries(JUNE).await.expect("entries");
    let reasons: Vec<_> =
        carried.iter().map(|one| (one.posting.settlement.to_string(), one.reason.as_str(), one.into)).collect();
    assert_eq!(reasons, [(settlement, "hospital-treatment missing-outer", Some(JULY))]);

    // The hospital has asked what became of its patient, and takes it in.
    let agreed = residents.compared(&hospital, &RESIDENT, "1").await;
    assert_eq!(agreed.text("/output/stmtinfo/stmt_rslt"), "0", "{}", agreed.text("/output/stmtinfo/stmt_rslt_dscr"));
    compare(&world).await;
    assert_eq!(told(&shanghai, &["reconcile", "show"]).await, (Some(0), json!([])));
    let (_, history) = told(&shanghai, &["reconcile", "history", &number]).await;
    assert_eq!(history["end"]["ending"], "vanished", "{history}");
    clear(&world, "2025-08-01").await;
    clear(&world, "2025-08-21").await;
    assert_eq!((owed(&world, JUNE).await, owed(&world, JULY).await), (known, lacked));
    world.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_treatment_sides_operator_decides_does_not_come_back_and_clears_nothing_until_the_hospital_agrees() {
    let Begun { world, hospital, residents, settlement, known, lacked } = begin().await;
    compare(&world).await;
    let (shanghai, xinxiang) = (Operator::of(&world, "310000"), Operator::of(&world, EMPLOYEE.home));
    let (_, breaks) = told(&xinxiang, &["reconcile", "show"]).await;
    let number = breaks[0]["number"].to_string();
    let resolve = ["reconcile", "resolve", &number, "--reason", "the hospital shows the patient's signature"];
    assert!(!xinxiang.output(&resolve).await.status.success(), "the treatment side answers for its hospitals");
    shanghai.run(&resolve).await;
    compare(&world).await;
    assert_eq!(told(&shanghai, &["reconcile", "show"]).await, (Some(0), json!([])), "the hospital said nothing new");
    clear(&world, "2025-07-01").await;
    clear(&world, "2025-07-21").await;
    assert_eq!(owed(&world, JUNE).await, known, "the creditor's word alone moves nothing");
    let carried = world.line().hub.store().carried_entries(JUNE).await.expect("entries");
    let reasons: Vec<_> = carried.iter().map(|one| (one.posting.settlement.to_string(), one.reason.as_str())).collect();
    assert_eq!(reasons, [(settlement, "hospital-treatment missing-outer")]);

    let agreed = residents.compared(&hospital, &RESIDENT, "1").await;
    assert_eq!(agreed.text("/output/stmtinfo/stmt_rslt"), "0", "{}", agreed.text("/output/stmtinfo/stmt_rslt_dscr"));
    compare(&world).await;
    clear(&world, "2025-08-01").await;
    clear(&world, "2025-08-21").await;
    assert_eq!((owed(&world, JUNE).await, owed(&world, JULY).await), (known, lacked));
}

/// A row as a hospital lists it: what it was answered, with so much more from the funds.
fn row(reply: &Reply, more: &str) -> String {
    let cell = |name: &str| reply.text(&format!("/output/setlinfo/{name}"));
    let amount = |text: &str| text.parse::<Decimal>().expect("an amount");
    let funds = amount(&cell("fund_pay_sumamt")) + amount(more);
    let (total, account) = (cell("medfee_sumamt"), cell("acct_pay"));
    format!("{}\t\t{}\t{total}\t{funds}\t{account}\t0\n", cell("setl_id"), RESIDENT.number)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_hospital_counts_otherwise_is_a_break_and_what_nobody_else_knows_stays_with_its_treatment_side() {
    let world = World::start_with_filings().await;
    let (hospital, shanghai) = (Hospital::new(world.desk()), Operator::of(&world, "310000"));
    let (mut replies, mut messages, mut stays) = (Vec::new(), Vec::new(), Vec::new());
    for (price, from, to) in [
        ("8000.00", "2025-06-02", "2025-06-05"),
        ("9000.00", "2025-06-06", "2025-06-09"),
        ("7000.00", "2025-06-10", "2025-06-12"),
    ] {
        let stay = hospital.stay_between(&RESIDENT, price, (from, to)).await;
        let message = hospital.settle_message(&RESIDENT, &stay, price);
        let reply = hospital.send(&message).await;
        assert!(reply.succeeded(), "{}", reply.text("/err_msg"));
        replies.push(reply);
        messages.push(message);
        stays.push(stay);
    }
    let ids: Vec<String> = replies.iter().map(|reply| reply.text("/output/setlinfo/setl_id")).collect();
    let cancelled = hospital.send(&hospital.cancel_message(&RESIDENT, &stays[1], &ids[1])).await;
    assert!(cancelled.succeeded(), "{}", cancelled.text("/err_msg"));
    assert!(hospital.send(&hospital.reverse_message(&RESIDENT, &messages[2])).await.succeeded());
    // One with a yuan more, one without its cancellation, one that was reversed, and one that nobody else knows.
    let nobodys = row(&replies[0], "0").replace(&ids[0], "310000000000000000000000000001");
    let rows = [row(&replies[0], "1.00"), row(&replies[1], "0"), row(&replies[2], "0"), nobodys].concat();
    Sums::itemized(&hospital, &RESIDENT, &rows).await;
    compare(&world).await;
    let (_, breaks) = told(&shanghai, &["reconcile", "show"]).await;
    let mut found: Vec<[String; 3]> = Vec::new();
    for one in breaks.as_array().expect("rows") {
        found.push(["setl_id", "kind", "proposed"].map(|of| one[of].as_str().unwrap_or_default().to_owned()));
    }
    let mut expected = [
        [ids[0].as_str(), "amount-differs", "investigate"],
        [&ids[1], "state-differs", "query-5203"],
        [&ids[2], "missing-inner", "query-5203"],
    ];
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected, "{breaks}");

    let rows = [row(&replies[0], "0"), row(&replies[1], "0"), row(&cancelled, "0")].concat();
    Sums::itemized(&hospital, &RESIDENT, &rows).await;
    compare(&world).await;
    assert_eq!(told(&shanghai, &["reconcile", "show"]).await, (Some(0), json!([])));
    world.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_calendar_may_have_cleared_what_hospitals_differ_in() {
    let Begun { mut world, known, lacked, .. } = begin().await;
    compare(&world).await;
    let file = world.deploy().join("calendar.toml");
    let calendar = std::fs::read_to_string(&file).expect("a calendar");
    let cleared = calendar.replace("hospital_differences = \"carried\"", "hospital_differences = \"cleared\"");
    assert_ne!(cleared, calendar, "the setting is there");
    std::fs::write(&file, cleared).expect("it is written");
    world.restart().await;
    assert_eq!(told(&Operator::of(&world, "310000"), &["reconcile", "show"]).await.0, Some(1), "it stands");
    clear(&world, "2025-07-01").await;
    clear(&world, "2025-07-21").await;
    assert_eq!(owed(&world, JUNE).await, known + lacked);
}
