//! Every figure of the yearly table of prefunds is one that its members can check: each month of it is summed up anew from
//! the workbooks of that month's statements, where money was carried, deducted and undone, so that what was cleared is
//! something else.

use std::path::Path;

use world::hospital::Hospital;
use world::{EMPLOYEE, World, clear_uncompared, eventually};

use crate::operator::Operator;
use crate::sheet::Sheet;
use crate::statements::{HENAN, SHANGHAI, json, object, on, settle};

const TABLE: &str = "全国跨省异地就医预付金额度调整明细表";
const SETTLED: &str = "本期结算金额";

/// October with two stays, one of them objected to and so carried into November; November with a stay, and a deduction from
/// October's; December with a stay, and an undoing of November's.
async fn quarter(world: &World, centre: &Operator, henan: &Operator, shanghai: &Operator) {
    world.lodge_filings().await;
    let hospital = Hospital::new(world.desk());
    on(world, centre, "2025-10-10T10:00:00").await;
    let (_, stands) = settle(&hospital, ("2025-10-01", "2025-10-02"), "8000.00").await;
    let (_, objected) = settle(&hospital, ("2025-10-03", "2025-10-04"), "9000.01").await;
    on(world, centre, "2025-11-10T10:00:00").await;
    let (stay, undone) = settle(&hospital, ("2025-11-01", "2025-11-02"), "6000.00").await;
    on(world, centre, "2025-11-21T10:00:00").await;
    object(henan, "2025-10", &objected).await;
    on(world, centre, "2025-11-22T10:00:00").await;
    let lodged = ["--id", "K1", "--settlement", &stands, "--reason", "超限定支付", "--basic", "12.34"];
    shanghai.run(&[&["clearing", "deduction", "lodge"], &lodged[..]].concat()).await;
    shanghai.run(&["clearing", "deduction", "agree", "K1", "--basic", "12.34"]).await;
    on(world, centre, "2025-12-10T10:00:00").await;
    settle(&hospital, ("2025-12-01", "2025-12-02"), "7000.00").await;
    let cancelled = hospital.send(&hospital.cancel_message(&EMPLOYEE, &stay, &undone)).await;
    assert!(cancelled.succeeded(), "{}", cancelled.text("/err_msg"));
    for day in ["2025-12-21", "2026-01-02", "2026-01-21", "2026-01-31"] {
        on(world, centre, &format!("{day}T10:00:00")).await;
    }
}

/// What the papers of a month say was settled of employees' money, as each member can read it, and what was cleared; in fen.
fn stated(month: &Path) -> [i64; 2] {
    let open = |member: &str, title: &str| Sheet::open(&month.join(member).join(format!("{title}.xlsx")));
    let detail = open(HENAN, "职工医保基金应付明细表");
    let settled = detail.total(SETTLED);
    for (member, title) in [(HENAN, "应付清算金额构成表"), (SHANGHAI, "应收清算金额构成表")] {
        let rows = open(member, title);
        let employees: i64 = rows.of("险种", "职工").map(|row| row.figure(SETTLED)).sum();
        assert_eq!(employees, settled, "{title} of {}", month.display());
    }
    [settled, detail.total("清算金额")]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_prefund_is_set_by_is_summed_up_from_the_papers_of_its_quarter() {
    let world = World::start_with(clear_uncompared).await;
    let (centre, henan, shanghai) =
        (Operator::of_all(&world), Operator::of(&world, HENAN), Operator::of(&world, SHANGHAI));
    quarter(&world, &centre, &henan, &shanghai).await;
    eventually("the calendar has set them", || async {
        !world.line().hub.store().prefund_changes().await.expect("changes").is_empty()
    })
    .await;

    let papers = world.deploy().join("papers");
    let out = papers.display().to_string();
    let months = [10, 11, 12];
    let stated = {
        let mut stated = Vec::new();
        for month in months.map(|month| format!("2025-{month}")) {
            centre.run(&["clearing", "documents", "--month", &month, "--out", &out]).await;
            stated.push(self::stated(&papers.join(month)));
        }
        stated
    };
    for (month, [settled, cleared]) in months.iter().zip(&stated).take(2) {
        assert!(settled != cleared, "what is carried and deducted in month {month} is cleared, and was not settled");
    }
    let settled: Vec<i64> = stated.iter().map(|[settled, _]| *settled).collect();
    let sum: i64 = settled.iter().sum();
    let third = (sum * 2 + 3) / 6;

    centre.run(&["prefund", "documents", "2026", "--out", &out]).await;
    for folder in [papers.join("2026"), papers.join("2026").join(HENAN), papers.join("2026").join(SHANGHAI)] {
        let table = Sheet::open(&folder.join(format!("{TABLE}.xlsx")));
        let [row] = table.rows() else { panic!("one row: {table:?}") };
        let by_month: Vec<i64> = months.iter().map(|month| row.figure(&format!("上年{month}月结算金额"))).collect();
        assert_eq!((by_month, row.word("结算金额来源")), (settled.clone(), "清算表"), "{}", folder.display());
        let figures = ["上年四季度结算金额", "上年四季度月均", "新预付金额度"].map(|column| row.figure(column));
        assert_eq!(figures, [sum, third, 2 * third]);
    }
    let changes = json(&henan, &["prefund", "changes"]).await;
    for (place, (month, settled)) in months.iter().zip(&settled).enumerate() {
        let told = &changes[0]["months"][place];
        let amount = told["settled"].as_str().expect("an amount").replace('.', "");
        assert_eq!((&told["month"], &told["source"]), (&serde_json::json!(month), &"cleared".into()), "{changes}");
        assert_eq!(amount.parse::<i64>().expect("an amount"), *settled, "{changes}");
    }
    world.assert_sound().await;
}
