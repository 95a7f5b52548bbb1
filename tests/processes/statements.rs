//! A month's statements as members' operators have them, with everything in it that a month may have: what was booked, what
//! corrects the month before, carried in and out, and deducted. Every lot drills down to what it is stated with, each
//! paper says which edition it is, and nobody has papers written of another's money.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;
use world::hospital::Hospital;
use world::{EMPLOYEE, World, clear_uncompared, eventually, instant};

use crate::operator::Operator;

pub const HENAN: &str = "410000";
pub const SHANGHAI: &str = "310000";
const PAIR: [&str; 4] = ["--home", HENAN, "--treatment", SHANGHAI];

/// Settles a stay of some days; tells the stay and the settlement.
pub async fn settle(hospital: &Hospital, days: (&str, &str), price: &str) -> (String, String) {
    hospital.settle(&EMPLOYEE, price, days).await
}

/// Has everything of clearing done that is due at a time.
pub async fn on(world: &World, centre: &Operator, at: &str) {
    world.clock().set(instant(at));
    centre.run(&["clearing", "run"]).await;
}

/// Henan objects to one settlement of a month.
pub async fn object(henan: &Operator, month: &str, settlement: &str) {
    let object = ["clearing", "object", "--month", month, "--side", "home", "--version", "1", "--reason", "金额有误"];
    henan.run(&[&object[..], &PAIR, &[settlement]].concat()).await;
}

fn documents<'a>(month: &'a str, out: &'a str) -> Vec<&'a str> {
    vec!["clearing", "documents", "--month", month, "--out", out]
}

fn text(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|fault| panic!("{}: {fault}", file.display()))
}

/// June with three stays, one of them objected to; July with a stay that is objected to, a cancellation of June's, and a
/// deduction from June's.
#[tokio::test(flavor = "multi_thread")]
async fn every_lot_of_a_month_drills_down_to_what_it_is_stated_with() {
    let world = World::start_with(clear_uncompared).await;
    world.lodge_filings().await;
    let hospital = Hospital::new(world.desk());
    let (centre, henan, shanghai) =
        (Operator::of_all(&world), Operator::of(&world, HENAN), Operator::of(&world, SHANGHAI));
    on(&world, &centre, "2025-06-20T10:00:00").await;
    let (stay, first) = settle(&hospital, ("2025-06-01", "2025-06-02"), "8000.00").await;
    let (_, second) = settle(&hospital, ("2025-06-03", "2025-06-04"), "9000.00").await;
    let (_, third) = settle(&hospital, ("2025-06-05", "2025-06-06"), "7000.00").await;
    what_is_not_stated_is_a_draft(&world, &henan).await;

    on(&world, &centre, "2025-07-10T10:00:00").await;
    let (_, fourth) = settle(&hospital, ("2025-07-01", "2025-07-02"), "6000.00").await;
    let cancelled = hospital.send(&hospital.cancel_message(&EMPLOYEE, &stay, &first)).await;
    assert!(cancelled.succeeded(), "{}", cancelled.text("/err_msg"));
    on(&world, &centre, "2025-07-21T10:00:00").await;
    object(&henan, "2025-06", &second).await;
    on(&world, &centre, "2025-07-22T10:00:00").await;
    let lodged = ["--id", "K1", "--settlement", &third, "--reason", "超限定支付", "--basic", "12.34"];
    shanghai.run(&[&["clearing", "deduction", "lodge"], &lodged[..]].concat()).await;
    shanghai.run(&["clearing", "deduction", "agree", "K1", "--basic", "12.34"]).await;
    for day in ["2025-08-01T10:00:00", "2025-08-21T10:00:00"] {
        on(&world, &centre, day).await;
    }
    object(&henan, "2025-07", &fourth).await;
    on(&world, &centre, "2025-08-22T10:00:00").await;

    every_lot_comes_to_its_sum(&henan, "2025-07").await;
    both_views_say_the_same(&world, &henan, "2025-07").await;
    papers_of_others_are_refused(&world, &henan).await;
    an_older_version_is_written_as_such(&world, &henan).await;
    world.assert_sound().await;
}

/// What a command tells as JSON.
pub async fn json(operator: &Operator, command: &[&str]) -> Value {
    serde_json::from_str(&operator.run(&[command, &["--json"]].concat()).await).expect("JSON")
}

fn fen(amount: &Value) -> i64 {
    amount.as_str().expect("an amount").replace('.', "").parse().expect("an amount")
}

async fn every_lot_comes_to_its_sum(henan: &Operator, month: &str) {
    let statement = json(henan, &[&["clearing", "statement", "--month", month], &PAIR[..]].concat()).await;
    let lots = statement["lots"].as_array().expect("lots");
    assert!(statement["version"] == 2 && !lots.is_empty(), "{statement}");
    let mut movements = BTreeSet::new();
    for lot in lots {
        let told = |name: &str| lot[name].as_str().expect("a word").to_owned();
        let [home, treatment, insurance, care] = ["home", "treatment", "insurance", "care"].map(told);
        let of_lot = ["--home", &home, "--treatment", &treatment, "--insurance", &insurance, "--care", &care];
        let entries = json(henan, &[&["clearing", "settlements", "--month", month], &of_lot[..]].concat()).await;
        let entries = entries.as_array().expect("entries");
        let sum = |of: &dyn Fn(&Value) -> &Value| entries.iter().map(|entry| fen(of(entry))).sum::<i64>();
        assert_eq!(sum(&|entry| &entry["owed"]), fen(&lot["owed"]), "{lot}");
        assert_eq!(sum(&|entry| &entry["total"]), fen(&lot["total"]), "{lot}");
        for payer in lot["payers"].as_object().expect("payers").keys() {
            let moved = |deducts: bool| -> i64 {
                let entries = entries.iter().filter(|entry| (entry["movement"] == "deducted") == deducts);
                entries.map(|entry| fen(&entry["payers"][payer])).sum()
            };
            let told = [&lot["payers"][payer], &lot["by_payer"]["deducted"][payer]].map(fen);
            assert_eq!([moved(false), -moved(true)], told, "{payer}: {lot}");
        }
        movements.extend(entries.iter().map(|entry| entry["movement"].as_str().expect("a word").to_owned()));
        movements.extend(entries.iter().filter(|entry| entry["corrects"] != "").map(|_| "corrected".to_owned()));
    }
    let every = ["booked", "carried-in", "carried-out", "corrected", "deducted"].map(str::to_owned);
    assert_eq!(movements, BTreeSet::from(every));
}

/// The rows of a table, each by the names of its columns.
fn table(file: &Path) -> Vec<BTreeMap<String, String>> {
    let text = text(file);
    let mut reader = csv::Reader::from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    reader.deserialize().map(|row| row.expect("a row")).collect()
}

/// The statement that is shown, lot by lot, and the one that is written come to the same, fund by fund.
async fn both_views_say_the_same(world: &World, henan: &Operator, month: &str) {
    let folder = world.deploy().join("papers");
    for each in ["2025-06", month] {
        henan.run(&documents(each, &folder.display().to_string())).await;
    }
    assert!(folder.join("2025-06").join(HENAN).exists(), "June's papers are beside July's");
    let out = folder.join(month);
    assert!(!out.join(SHANGHAI).exists() && !out.join("全国跨省异地就医费用清算表.csv").exists());
    let statement = json(henan, &[&["clearing", "statement", "--month", month], &PAIR[..]].concat()).await;
    let lots = statement["lots"].as_array().expect("lots");
    let payable = table(&out.join(HENAN).join("应付医疗费用清算表.csv"));
    let [row] = &payable[..] else { panic!("one row: {payable:?}") };
    let of_row = |column: &str| row[column].replace('.', "").parse::<i64>().expect("an amount");
    let made_of = table(&out.join(HENAN).join("应付清算金额构成表.csv"));
    for (word, name) in [("basic", "统筹基金"), ("large-sum", "大额补助"), ("account", "个人账户")] {
        let told: i64 = lots.iter().map(|lot| fen(lot["payers"].get(word).unwrap_or_else(|| panic!("{lot}")))).sum();
        assert_eq!(of_row(name), told, "{name}");
        let sources = made_of.iter().filter(|source| source["支付来源"] == name);
        let of = |source: &BTreeMap<String, String>, column: &str| {
            source[column].replace('.', "").parse::<i64>().expect("an amount")
        };
        let gross: i64 = sources.map(|source| of(source, "清算金额") + of(source, "审核扣款")).sum();
        assert_eq!(gross, told, "{name}");
    }
    for (word, name) in [("carried_in", "其中上期转入"), ("carried_out", "已减转出下期"), ("deducted", "审核扣款")]
    {
        let told: i64 = lots.iter().map(|lot| fen(&lot[word])).sum();
        assert!(told != 0 && of_row(name) == told, "{name}: {row:?}");
    }
    assert_eq!(
        [row["版次"].as_str(), row["状态"].as_str(), row["出具日期"].as_str()],
        ["第2版", "待确认", "2025-08-22"]
    );
    let page = text(&out.join(HENAN).join("应付医疗费用清算表.html"));
    assert!(page.contains("版次：第2版") && page.contains("负责人") && !page.contains("未定稿"), "{page}");
    // Without lists no row leads anywhere, and those of before are gone.
    assert!(page.contains("<a href") && out.join("details").exists());
    let mine = out.join(HENAN).join("mine.txt");
    fs::write(&mine, "").expect("it is written");
    henan.run(&[&documents(month, &folder.display().to_string())[..], &["--no-settlements"]].concat()).await;
    let page = text(&out.join(HENAN).join("应付医疗费用清算表.html"));
    assert!(!page.contains("<a href") && !out.join("details").exists() && mine.exists(), "{page}");
}

async fn what_is_not_stated_is_a_draft(world: &World, henan: &Operator) {
    let folder = world.deploy().join("draft");
    let out = folder.join("2025-06");
    let statement = out.join(HENAN).join("应付医疗费用清算表.csv");
    // Its entries are summed up by a job.
    eventually("it is summed up", || async {
        // What is settled meanwhile may make a list differ from its row.
        henan.output(&documents("2025-06", &folder.display().to_string())).await;
        statement.exists() && !table(&statement).is_empty()
    })
    .await;
    let page = text(&out.join(HENAN).join("应付医疗费用清算表.html"));
    assert!(page.contains("应付医疗费用清算表（未定稿）") && !page.contains("负责人"), "{page}");
    let rows = table(&statement);
    assert_eq!((rows[0]["版次"].as_str(), rows[0]["出具日期"].as_str()), ("未定稿", "未出具"));
    let shown = [&["clearing", "statement", "--month", "2025-06"], &PAIR[..]].concat();
    let words = henan.run(&shown).await;
    assert!(words.contains("未定稿"), "{words}");
    let told = json(henan, &shown).await;
    assert!(told["version"] == 0 && told["lots"].as_array().is_some_and(|lots| !lots.is_empty()), "{told}");
}

async fn papers_of_others_are_refused(world: &World, henan: &Operator) {
    let out = world.deploy().join("refused");
    let folder = out.display().to_string();
    for (member, wrong) in [(SHANGHAI, "--member 310000 is not for this certificate"), ("999999", "--member 999999")] {
        for command in [documents("2025-07", &folder), vec!["prefund", "documents", "2025", "--out", &folder]] {
            let ran = henan.output(&[&command[..], &["--member", member]].concat()).await;
            let told = String::from_utf8_lossy(&ran.stderr).into_owned();
            assert!(!ran.status.success() && told.contains(wrong) && !out.exists(), "{command:?}: {told}");
        }
    }
}

async fn an_older_version_is_written_as_such(world: &World, henan: &Operator) {
    let out = world.deploy().join("older").join("2025-07");
    let folder = world.deploy().join("older").display().to_string();
    let version = |number: &'static str| [&documents("2025-07", &folder)[..], &["--version", number]].concat();
    for (number, standing) in [("1", "已由第2版替代"), ("2", "待确认")] {
        henan.run(&version(number)).await;
        let rows = table(&out.join(format!("{HENAN}-{SHANGHAI}/第{number}版/清算表.csv")));
        assert_eq!(rows[0]["版次"], format!("第{number}版"));
        assert_eq!(rows[0]["状态"], standing);
        let told: i64 =
            rows.iter().map(|row| row["清算金额"].replace('.', "").parse::<i64>().expect("an amount")).sum();
        let statement = [&["clearing", "statement", "--month", "2025-07", "--version", number], &PAIR[..]].concat();
        assert_eq!(told, fen(&json(henan, &statement).await["due"]), "version {number}");
    }
    let ran = henan.output(&version("3")).await;
    let told = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert!(
        !ran.status.success() && told.contains("--version 3") && told.contains("version 2 is the newest"),
        "{told}"
    );
}
