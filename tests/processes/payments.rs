//! A notice whose last day lies in a year that the calendar does not list, as operators see it: a warning while nothing is
//! due, then a finding that a script stops at, until both members have accepted their records of the payment as of one.

use std::path::Path;

use serde_json::{Value, json};
use world::hospital::Hospital;
use world::{World, clear_uncompared};

use crate::operator::Operator;
use crate::statements::{HENAN, SHANGHAI, json as told, on, settle};

const NOVEMBER: [&str; 6] = ["--month", "2025-11", "--home", HENAN, "--treatment", SHANGHAI];
const WARNING: &str = "warning: the hub's calendar lacks the working days of 2026";
const UNDATED: &str = "2025-11: notices are out, day unknown";

/// A calendar that ends with 2025.
fn without_2026(deploy: &Path) {
    clear_uncompared(deploy);
    let file = deploy.join("calendar.toml");
    let calendar = std::fs::read_to_string(&file).expect("a calendar");
    let (listed, _) = calendar.split_once("[[year]]\nyear = 2026").expect("2026 is the last year");
    std::fs::write(file, listed).expect("it is written");
}

/// What `clearing open` ends with, whether it warns, and whether it tells of a notice without a last day.
async fn open(operator: &Operator) -> (Option<i32>, bool, bool) {
    let ran = operator.output(&["clearing", "open"]).await;
    let table = String::from_utf8_lossy(&ran.stdout);
    assert!(!table.chars().any(|letter| letter.is_ascii_alphabetic()), "it is for Chinese clerks: {table}");
    let told = String::from_utf8_lossy(&ran.stderr).into_owned();
    (ran.status.code(), told.contains(WARNING), told.contains(UNDATED))
}

/// What of November is to be paid, as its notice says.
async fn noticed(operator: &Operator) -> Value {
    let rows = told(operator, &["clearing", "notice", "--month", "2025-11"]).await;
    let [row] = &rows.as_array().expect("rows")[..] else { panic!("one payment: {rows}") };
    row.clone()
}

fn accepting<'a>(side: &'a str, received: &'a str) -> Vec<&'a str> {
    let records = ["--side", side, "--insurance", "employee", "--paid", "1", "--received", received];
    [&["clearing", "accept-payment"], &NOVEMBER[..], &records, &["--reason", "各行流水号"]].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_without_a_last_day_is_a_finding_until_both_members_accept_the_payment() {
    let world = World::start_with(without_2026).await;
    world.lodge_filings().await;
    let (centre, henan, shanghai) =
        (Operator::of_all(&world), Operator::of(&world, HENAN), Operator::of(&world, SHANGHAI));
    on(&world, &centre, "2025-10-20T10:00:00").await;
    assert_eq!(open(&henan).await, (Some(0), false, false), "nobody can list next year's days yet");
    on(&world, &centre, "2025-11-10T10:00:00").await;
    settle(&Hospital::new(world.desk()), ("2025-11-01", "2025-11-02"), "8000.00").await;
    assert_eq!(open(&henan).await, (Some(0), true, false), "the list is due, and nothing needs it");
    for day in ["2025-12-01", "2025-12-21"] {
        on(&world, &centre, &format!("{day}T10:00:00")).await;
    }
    assert_eq!(open(&henan).await, (Some(0), true, false), "no notice is out");
    on(&world, &centre, "2025-12-31T10:00:00").await;
    for operator in [&centre, &henan, &shanghai] {
        assert_eq!(open(operator).await, (Some(1), true, true));
    }

    let amount = noticed(&henan).await["amount"].as_str().expect("an amount").to_owned();
    for (operator, side, serial) in [(&henan, "home", "BOC-1"), (&shanghai, "treatment", "ICBC-77")] {
        let record = ["--side", side, "--serial", serial, "--bank", "银行", "--on", "2025-12-31", "--amount", &amount];
        operator.run(&[&["clearing", "pay"], &NOVEMBER[..], &record].concat()).await;
    }
    let apart = noticed(&shanghai).await;
    assert_eq!((&apart["apart"], &apart["settled"]), (&json!("serial"), &json!(false)));
    assert_eq!((&apart["paid_record"], &apart["received_record"]), (&json!(1), &json!(1)));
    for (operator, accepting, named) in [
        (&shanghai, accepting("home", "1"), "home"),
        (&henan, accepting("home", "2"), "records"),
        (&henan, accepting("neither", "1"), "side"),
    ] {
        let ran = operator.output(&accepting).await;
        let problem = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert!(ran.status.code() == Some(2) && problem.contains(named), "{named}: {:?} {problem}", ran.status);
    }
    for (operator, side, is_settled) in [(&henan, "home", false), (&shanghai, "treatment", true)] {
        assert_eq!(open(operator).await.0, Some(1), "not both have accepted it");
        let pair = &told(operator, &accepting(side, "1")).await[0]["payables"][0];
        assert_eq!((&pair["settled"], &pair["apart"]), (&json!(is_settled), &json!("serial")), "{pair}");
    }
    assert_eq!(open(&henan).await, (Some(0), true, false), "it is paid");
    let words = henan.run(&["clearing", "notice", "--month", "2025-11"]).await;
    assert!(words.contains("不一致，双方认可为同一笔") && words.contains("ICBC-77"), "{words}");
    centre.run(&["clearing", "run"]).await;
    let closed = told(&henan, &["clearing", "show", "--month", "2025-11"]).await;
    assert_eq!(closed["stage"], "closed", "{closed}");
    world.assert_sound().await;
}
