//! The end of a year as operators read it, in words and as JSON: what was carried over it is not cleared yet, and from a
//! settlement one comes to where it counts by now.

use serde_json::{Value, json};
use world::hospital::Hospital;
use world::{World, clear_uncompared};

use crate::operator::Operator;
use crate::statements::{HENAN, SHANGHAI, json as told, object, on, settle};

const YEAR: [&str; 3] = ["clearing", "year", "2025"];

/// December with two stays, of which one is objected to and goes into January, and something is deducted from the other.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_carried_over_the_end_of_a_year_is_told_and_traced() {
    let world = World::start_with(clear_uncompared).await;
    world.lodge_filings().await;
    let hospital = Hospital::new(world.desk());
    let (centre, henan, shanghai) =
        (Operator::of_all(&world), Operator::of(&world, HENAN), Operator::of(&world, SHANGHAI));
    on(&world, &centre, "2025-12-20T10:00:00").await;
    let (_, kept) = settle(&hospital, ("2025-12-01", "2025-12-02"), "8000.00").await;
    let (_, carried) = settle(&hospital, ("2025-12-03", "2025-12-04"), "9000.00").await;
    on(&world, &centre, "2026-01-10T10:00:00").await;
    let lodged = ["--id", "K1", "--settlement", &kept, "--reason", "超限定支付", "--basic", "12.34"];
    shanghai.run(&[&["clearing", "deduction", "lodge"], &lodged[..]].concat()).await;
    shanghai.run(&["clearing", "deduction", "agree", "K1", "--basic", "12.34"]).await;
    on(&world, &centre, "2026-01-21T10:00:00").await;
    object(&henan, "2025-12", &carried).await;
    on(&world, &centre, "2026-01-22T10:00:00").await;

    let traced = told(&henan, &["clearing", "trace", &carried]).await;
    let [way] = &traced["carried"].as_array().expect("ways")[..] else { panic!("one way: {traced}") };
    assert_eq!(way["way"], "carried", "{way}");
    assert_eq!((&way["from"], &way["into"]), (&json!("2025-12"), &json!("2026-01")), "{way}");
    let line = traced["lines"].as_array().expect("lines").iter().find(|line| line["month"] == "2026-01");
    let owed = line.expect("it counts in January")["counts"]["owed"].as_str().expect("an amount").to_owned();
    let words = henan.run(&["clearing", "trace", &carried]).await;
    for text in ["结算由 2025-12 转入 2026-01：", &format!("2026-01 {HENAN} → {SHANGHAI}：计 {owed} 元")] {
        assert!(words.contains(text), "{text}: {words}");
    }

    let traced = told(&henan, &["clearing", "trace", &kept]).await;
    let deduction = &traced["deductions"][0];
    assert_eq!((&deduction["id"], &deduction["standing"]), (&json!("K1"), &json!("agreed")), "{traced}");
    assert_eq!(
        (&deduction["taken"][0]["month"], &deduction["taken"][0]["amount"]),
        (&json!("2025-12"), &json!("12.34"))
    );
    let words = henan.run(&["clearing", "trace", &kept]).await;
    for text in [
        "审核扣款 K1，已认定：超限定支付",
        "认定 12.34 元，在 2025-12 扣除",
        "清算表第2版，2026-01-22 出具，参保省应付",
        "待确认",
    ] {
        assert!(words.contains(text), "{text}: {words}");
    }

    let year = told(&henan, &YEAR).await;
    let rests = year["rests"].as_array().expect("rests");
    let of_carried: Vec<&Value> = rests.iter().filter(|rest| rest["why"] == "carried").collect();
    let expected = json!({ "home": HENAN, "treatment": SHANGHAI, "month": "2026-01", "why": "carried",
        "entries": 1, "owed": owed });
    assert_eq!((&year["whole"], of_carried), (&json!(false), vec![&expected]), "{year}");
    let words = henan.run(&YEAR).await;
    let row = words.lines().find(|line| line.contains("转入未清")).unwrap_or_else(|| panic!("a row: {words}"));
    assert!(row.contains("2026-01") && row.contains(&owed) && row.contains(HENAN), "{row}");
    assert!(words.contains("未确认或未拨付") && words.contains("2025 年：应于 2026-03-31 前全部清算"), "{words}");
    world.assert_sound().await;
}
