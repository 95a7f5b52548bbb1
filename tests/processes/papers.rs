//! A month's documents as an operator has them written: every row leads to its settlements, and they come to the row.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use calamine::{DataType as _, Reader as _, Xlsx, open_workbook};
use rust_decimal::Decimal;
use settlement::spreadsheet::of_words;
use world::hospital::Hospital;
use world::{EMPLOYEE, World, clear_uncompared, instant};

use crate::operator::Operator;

const HENAN: &str = "410000";
const SHANGHAI: &str = "310000";

/// The rows of a table, each by the names of its columns.
fn table(file: &Path) -> Vec<BTreeMap<String, String>> {
    let text = fs::read_to_string(file).unwrap_or_else(|fault| panic!("{}: {fault}", file.display()));
    let mut reader = csv::Reader::from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    let rows = reader.deserialize().map(|row: csv::Result<BTreeMap<String, String>>| row.expect("a row"));
    rows.map(|row| row.into_iter().map(|(column, cell)| (column, of_words(&cell).to_owned())).collect()).collect()
}

fn total(file: &Path, column: &str) -> Decimal {
    table(file).iter().map(|row| row[column].parse::<Decimal>().expect("an amount")).sum()
}

/// The lists to which the rows of a page lead, in order.
fn ways(page: &Path) -> Vec<PathBuf> {
    let text = fs::read_to_string(page).expect("a page");
    let folder = page.parent().expect("a folder");
    text.split("<a href=\"").skip(1).map(|rest| folder.join(&rest[..rest.find('"').expect("its end")])).collect()
}

/// The ids of a list as its workbook has them, words and no numbers.
fn ids(workbook: &Path) -> Vec<String> {
    let mut workbook: Xlsx<_> =
        open_workbook(workbook).unwrap_or_else(|fault| panic!("{}: {fault}", workbook.display()));
    let list = workbook.worksheet_range("结算明细").expect("a sheet");
    let cells = list.rows().skip_while(|row| row[0].get_string() != Some("结算编号")).skip(1);
    let ids = cells.map_while(|row| row[0].get_string().filter(|id| *id != "合计").map(ToOwned::to_owned));
    ids.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_of_a_statement_leads_to_settlements_that_come_to_it() {
    let world = World::start_with(clear_uncompared).await;
    world.lodge_filings().await;
    let (hospital, operator) = (Hospital::new(world.desk()), Operator::of_all(&world));
    operator.run(&["clearing", "run"]).await;
    let mut settled = Vec::new();
    for days in [("2025-05-02", "2025-05-05"), ("2025-06-02", "2025-06-05")] {
        settled.push(hospital.settle(&EMPLOYEE, "8000.00", days).await.1);
    }
    // Who treats deducts, not the centre.
    let shanghai = Operator::of(&world, SHANGHAI);
    for command in ["lodge", "agree"] {
        let of: &[&str] = if command == "lodge" {
            &["--id", "K1", "--settlement", &settled[0], "--reason", "超限定支付"]
        } else {
            &["K1"]
        };
        shanghai.run(&[&["clearing", "deduction", command, "--basic", "12.34"], of].concat()).await;
    }
    for day in ["2025-07-01T10:00:00", "2025-07-21T10:00:00", "2025-07-26T10:00:00"] {
        world.clock().set(instant(day));
        operator.run(&["clearing", "run"]).await;
    }
    let out = world.deploy().join("papers");
    let folder = out.display().to_string();
    operator.run(&["clearing", "documents", "--month", "2025-06", "--out", &folder]).await;
    let out = out.join("2025-06");

    let statements = [
        out.join("全国跨省异地就医费用清算表"),
        out.join(HENAN).join("应付医疗费用清算表"),
        out.join(HENAN).join("职工医保基金应付明细表"),
        out.join(HENAN).join("统筹区分担表"),
        out.join(SHANGHAI).join("应收医疗费用清算表"),
    ];
    for statement in statements {
        let (rows, lists) = (table(&statement.with_extension("csv")), ways(&statement.with_extension("html")));
        assert_eq!((rows.len(), lists.len()), (1, 1), "{}", statement.display());
        for (row, list) in rows.iter().zip(lists) {
            assert_eq!(ids(&list).len(), 3, "each settlement has an id that is words: {}", list.display());
            let list = list.with_extension("csv");
            let figure = |column: &str| row[column].parse::<Decimal>().expect("an amount");
            assert!(figure("清算金额") > Decimal::ZERO && row["审核扣款"] == "12.34", "{row:?}");
            let gross = figure("基金应付") + figure("个人账户");
            assert_eq!(gross - figure("审核扣款"), figure("清算金额"), "{row:?}");
            for column in ["统筹基金", "大额补助", "个人账户", "审核扣款", "清算金额"] {
                let behind = format!("{column}: {} behind {}", list.display(), statement.display());
                assert_eq!(total(&list, column), figure(column), "{behind}");
            }
            let named: Vec<String> = table(&list).iter().map(|entry| entry["动作"].clone()).collect();
            assert_eq!(named, ["审核扣款", "结算", "结算"]);
        }
    }
    for member in [HENAN, SHANGHAI] {
        let taken = table(&out.join(member).join("审核扣款明细.csv"));
        assert_eq!((taken[0]["结算编号"].as_str(), taken[0]["扣款金额"].as_str()), (settled[0].as_str(), "12.34"));
        assert_eq!(taken[0]["清算所属期"], "2025-06");
    }
    let notice = out.join(HENAN).join(format!("{HENAN}-{SHANGHAI}/职工医保付款通知书.html"));
    let text = fs::read_to_string(&notice).expect("a notice");
    for told in ["金额（大写）", "上海市异地就医清算专户", "示例银行上海市分行", "000031000000000001"]
    {
        assert!(text.contains(told), "{told} in {}", notice.display());
    }
    let rows = table(&notice.with_extension("csv"));
    for (column, told) in [
        ("户名", "上海市异地就医清算专户"),
        ("账号", "000031000000000001"),
        ("清算表版本", "1"),
        ("状态", "待付"),
        ("提交财政期限", "2025-"),
        ("拨付期限", "2025-"),
    ] {
        assert!(rows[0][column].starts_with(told), "{column}: {rows:?}");
    }
    nobody_receives_without_an_account(&world, &operator).await;
    accounts_are_taken_as_notices_have_them(&world, &operator, &notice).await;
    world.assert_sound().await;
}

async fn nobody_receives_without_an_account(world: &World, operator: &Operator) {
    let [accounts, out] = ["accounts.csv", "no-papers"].map(|name| world.deploy().join(name));
    let folders = [&accounts, &out].map(|path| path.display().to_string());
    let command = ["clearing", "documents", "--month", "2025-06", "--accounts", &folders[0], "--out", &folders[1]];
    for (rows, wrong) in
        [("410000,甲,乙,1\n", "no bank account of 310000"), ("310000,甲,,1\n", "accounts.csv:2 bank: is empty")]
    {
        fs::write(&accounts, format!("member,name,bank,number\n{rows}")).expect("it is written");
        let ran = operator.output(&command).await;
        let told = String::from_utf8_lossy(&ran.stderr);
        assert!(!ran.status.success() && told.contains(wrong) && !out.exists(), "{told}");
    }
}

/// A notice's table marks the account's number as words, and so marked it is read.
async fn accounts_are_taken_as_notices_have_them(world: &World, operator: &Operator, notice: &Path) {
    let marked = "'000031000000000001";
    let table = fs::read_to_string(notice.with_extension("csv")).expect("a table");
    assert!(table.contains(&format!(",{marked},")), "{table}");
    let [accounts, out] = ["accounts.csv", "papers"].map(|name| world.deploy().join(name));
    fs::write(&accounts, format!("member,name,bank,number\n310000,甲,乙,{marked}\n")).expect("it is written");
    let [accounts, out] = [accounts, out].map(|path| path.display().to_string());
    operator.run(&["clearing", "documents", "--month", "2025-06", "--accounts", &accounts, "--out", &out]).await;
    let again = fs::read_to_string(notice.with_extension("csv")).expect("a table");
    assert!(again.contains(&format!(",甲,乙,{marked},")), "{again}");
}
