//! What people at an insurance desk do with rule books and past settlements, as they type it: evaluate, explain, diff, new,
//! and show, explain and replay at a region's own store, also after the files on disk were changed.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use world::hospital::Hospital;
use yidi::desk::Desk;

use crate::crash::deployment::{Deployment, Storage};
use crate::process::{Ports, demo, repository};

pub const BOOK: &str = "deploy/rulebooks/410700-xinxiang/employee-2024-01-01.toml";
pub const CASE: &str = "docs/case-example.toml";

#[path = "../../settlement/tests/planted/mod.rs"]
mod planted;

pub fn yidi(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_yidi")).current_dir(repository()).args(arguments).output().expect("it runs")
}

/// What a command prints that ends with a code.
pub fn text(code: i32, arguments: &[&str]) -> String {
    let ran = yidi(arguments);
    let (told, problem) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert_eq!(ran.status.code(), Some(code), "{arguments:?}: {told}{problem}");
    told.into_owned()
}

pub fn json_of(code: i32, arguments: &[&str]) -> Value {
    let told = text(code, &[arguments, &["--json"]].concat());
    serde_json::from_str(&told).unwrap_or_else(|fault| panic!("{arguments:?}: {fault}: {told}"))
}

#[test]
fn a_bill_is_worked_by_hand_from_two_files() {
    let evaluate = ["rulebook", "evaluate", "--rulebook", BOOK, "--case", CASE];
    let told = text(0, &evaluate);
    for part in ["统筹基金", "15300.00", "个人现金", "3600.00", "inpatient.deductible.off-site", "转载资料"]
    {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(text(0, &[&evaluate[..], &["--lang", "en"]].concat()).contains("Deductible 2000.00"), "in English");
    let told = json_of(0, &evaluate);
    assert_eq!((&told["amounts"]["basic"], &told["amounts"]["cash"]), (&json!("15300.00"), &json!("3600.00")));
    assert_eq!((&told["refused"], &told["differs"]), (&Value::Null, &json!([])));
    let segment = told["steps"].as_array().expect("steps").iter().find(|step| step["step"] == "segment");
    let segment = segment.expect("a segment");
    assert_eq!(segment["clauses"][0]["path"], "inpatient.ratio.working-third");
    assert_eq!(segment["inputs"]["cost"], "18000.00");
    assert_eq!(segment["result"]["ratio"], "0.85");
}

/// What `evaluate` is asked of the case in the documentation.
fn evaluate<'a>(asked: &[&'a str]) -> Vec<&'a str> {
    [&["rulebook", "evaluate", "--rulebook", BOOK, "--case", CASE][..], asked].concat()
}

#[test]
fn scenarios_stand_side_by_side_and_one_that_is_refused_says_why() {
    let both = evaluate(&["--what-if", "filing=other-temporary;age=70", "--what-if", "filing=none"]);
    let told = json_of(0, &both);
    assert_eq!((&told["amounts"]["basic"], &told["differs"]), (&json!("15300.00"), &json!([])));
    let [changed, unfiled] = &told["scenarios"].as_array().expect("a list")[..] else { panic!("{told}") };
    assert_eq!(changed["changes"], json!({ "filing": "other-temporary", "age": "70" }));
    assert_eq!(
        (&changed["amounts"]["basic"], &changed["difference"]["basic"]),
        (&json!("11700.00"), &json!("-3600.00"))
    );
    // 自付 = 21900 − 11700 − 600 自费 − 300 超限价
    assert_eq!(
        (&changed["amounts"]["own_share"], &changed["amounts"]["over_limit"]),
        (&json!("9300.00"), &json!("300.00"))
    );
    assert_eq!((&unfiled["refused"]["code"], &unfiled["difference"]), (&json!(505), &Value::Null));
    let words = "[505]未办理异地就医备案,参保地不予直接结算:其他统筹区。可补办备案";
    assert!(unfiled["refused"]["text"].as_str().expect("a text").starts_with(words), "{unfiled}");
    assert_eq!(unfiled["refused"]["detail"], "elsewhere");
    let table = text(0, &both);
    for part in ["15300.00", "11700.00", "-3600.00", "+3600.00", "拒付 505", &format!("filing=none: {words}")] {
        assert!(table.contains(part), "{part}: {table}");
    }
    assert!(text(0, &[&both[..], &["--lang", "en"]].concat()).contains("refused (505, NotFiled): elsewhere"));

    let one = text(0, &evaluate(&["--what-if", "bill.in_policy=30000"]));
    assert!(one.contains("23800.00") && one.contains("改后的计算过程"), "the example of the help works: {one}");
}

#[test]
fn what_filing_is_worth_fits_a_terminal_with_one_scenario_more() {
    let asked = evaluate(&["--filings", "--what-if", "filing=emergency;age=70;bill.in_policy=1234567.89"]);
    let told = json_of(0, &asked);
    let scenarios = told["scenarios"].as_array().expect("a list");
    let basic = |at: usize| (scenarios[at]["what_if"].clone(), scenarios[at]["amounts"]["basic"].clone());
    // Long-term as at home: (20000 − 1200) × 85 %.
    assert_eq!(basic(0), (json!("long-term"), json!("15980.00")));
    assert_eq!(basic(1), (json!("referral"), json!("15300.00")));
    assert_eq!(basic(2), (json!("other-temporary"), json!("11700.00")));
    assert_eq!(basic(3), (json!("none"), Value::Null));
    assert_eq!(scenarios.len(), 5);
    let table = text(0, &asked);
    for name in ["长期居住备案", "转诊备案", "未备案", "15980.00", "+680.00"] {
        assert!(table.contains(name), "{name}: {table}");
    }
    let wide = |line: &str| line.chars().map(|c| if c >= '\u{2e80}' { 2 } else { 1 }).sum::<usize>();
    let in_the_table = table.lines().filter(|line| line.starts_with(['┌', '│', '└', '╞']));
    assert!(in_the_table.clone().count() > 10 && in_the_table.clone().all(|line| wide(line) <= 100), "{table}");
}

#[test]
fn a_case_that_expects_nothing_and_one_with_faults_are_told_as_they_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("case.toml");
    let whole = fs::read_to_string(repository().join(CASE)).expect("the case");
    let bare = whole.split("[expect]").next().expect("what stands before it").replace("\"referral\"", "\"none\"");
    fs::write(&file, &bare).expect("it is written");
    let path = file.display().to_string();
    let asked = ["rulebook", "evaluate", "--rulebook", BOOK, "--case", path.as_str()];
    let told = json_of(1, &asked);
    assert_eq!((&told["refused"]["code"], &told["differs"]), (&json!(505), &json!([])));
    assert!(!text(1, &asked).contains('✗'));

    fs::write(&file, bare.replace("\"third\"", "\"fourth\"")).expect("it is written");
    let told = json_of(2, &asked);
    let paths: Vec<_> = told["faults"].as_array().expect("faults").iter().map(|fault| fault["path"].clone()).collect();
    assert_eq!((&told["file"], paths), (&json!(path), vec![json!("level")]));
    let told = json_of(2, &evaluate(&["--what-if", "person=nobody;level=first"]));
    assert_eq!((&told["what_if"], &told["faults"][0]["path"]), (&json!("person=nobody;level=first"), &json!("person")));
    let ran = yidi(&evaluate(&["--what-if", "person=nobody"]));
    assert_eq!(ran.status.code(), Some(2));
    let problem = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert!(problem.contains("--what-if \"person=nobody\":\n  person: is not one of working"), "{problem}");
}

#[test]
fn an_example_is_explained_step_by_step() {
    let told = text(0, &["rulebook", "explain", "--rulebook", BOOK, "--example", "referral"]);
    assert!(told.contains("起付线2000.00") && told.contains("policy.md D.10"), "{told}");
    assert!(told.lines().count() < 60, "one page: {}", told.lines().count());
    let all = json_of(0, &["rulebook", "explain", "--rulebook", BOOK]);
    assert!(all.as_array().expect("cases").len() > 8);
    let refused = all.as_array().expect("cases").iter().find(|case| case["case"] == "above-cap").expect("one");
    assert_eq!(refused["refused"]["code"], 511);
    let case = json_of(0, &["rulebook", "explain", "--rulebook", BOOK, "--case", CASE]);
    assert_eq!(case[0]["amounts"]["basic"], "15300.00");
    let ran = yidi(&["rulebook", "explain", "--rulebook", BOOK, "--example", "nowhere"]);
    assert!(String::from_utf8_lossy(&ran.stderr).contains("it has referral, long-term"), "what there is, is named");
}

#[test]
fn twelve_faults_of_a_book_are_told_in_one_run_with_their_lines() {
    let folder = tempfile::tempdir().expect("a folder");
    let (file, faulty) = (folder.path().join("employee-2024-01-01.toml"), planted::faulty_book());
    fs::write(&file, &faulty).expect("it is written");
    let check = ["rulebook", "check", file.to_str().expect("a path")];
    let told = text(1, &check);
    let lines: Vec<&str> = told.lines().skip(1).map(str::trim).collect();
    assert_eq!(lines.len(), planted::PLANTED.len(), "{told}");
    for (planted, line) in planted::PLANTED.iter().zip(&lines) {
        let begins = format!("line {}: {}: ", planted.line(&faulty), planted.path);
        assert!(line.starts_with(&begins) && line.contains(planted.problem), "{begins}{}: {line}", planted.problem);
    }
    assert_eq!(json_of(1, &check)[0]["findings"], json!(lines));

    // What only looks odd is told, and the book is good.
    let odd = planted::GOOD.replacen("disease = [\"M03900\"]", "disease = [\"M3900\"]", 1);
    fs::write(&file, &odd).expect("it is written");
    let line = 1 + odd.lines().position(|line| line.contains("M3900")).expect("it stands there");
    let told = format!("look at: line {line}: cap.disease: M3900 is not the letter M and five digits");
    assert!(text(0, &check).contains(&told));
}

#[test]
fn a_scaffold_is_written_once_and_passes_its_check() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("resident-2026-01-01.toml").display().to_string();
    let new =
        ["rulebook", "new", "--pool", "330300", "--insurance", "resident", "--from", "2026-01-01", "--out", &file];
    let told = json_of(0, &new);
    let unset = told["unset"].as_array().expect("a list");
    assert!(unset.contains(&json!("inpatient.ratio.all.ratio")), "{told}");
    assert_eq!(json_of(0, &["rulebook", "test", &file])[0]["findings"], json!([]));
    assert_eq!(yidi(&new).status.code(), Some(2), "what is there is not written over");
}

/// The rule book as it would be if it paid ten points less.
fn lowered(text: &str) -> String {
    let lowered = text.replace("ratio = \"0.85\"", "ratio = \"0.75\"");
    assert_ne!(lowered, text);
    lowered
}

/// A region's store after the recorded days, and its rule book on disk, which pays ten points less since.
fn settled(folder: &Path) -> (String, String) {
    let copied = Command::new("cp").arg("-r").arg(repository().join("deploy")).arg(folder).status().expect("cp runs");
    assert!(copied.success());
    let deploy = folder.join("deploy").display().to_string();
    let ran = demo(&Ports::free(), folder, &["--once", "--deploy", &deploy]).output().expect("the executable starts");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stdout));
    let book = folder.join(BOOK);
    let text = fs::read_to_string(&book).expect("the book");
    fs::write(&book, lowered(&text)).expect("it is written");
    (folder.join("home-410700.db").display().to_string(), book.display().to_string())
}

fn yuan(value: &Value) -> i64 {
    let text = value.as_str().expect("an amount");
    text.replace('.', "").parse().expect("fen")
}

#[test]
fn a_new_book_is_held_against_a_regions_settlements_and_each_of_them_replays() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, changed) = settled(folder.path());
    hold_against(&store, &changed, (5, 11));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_new_book_is_held_against_a_regions_settlements_on_postgres_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let changed = folder.path().join("employee-2024-01-01.toml");
    let text = fs::read_to_string(repository().join(BOOK)).expect("the book");
    fs::write(&changed, lowered(&text)).expect("it is written");
    let mut deployment = Deployment::start(Storage::Postgres, 4).await;
    let hospital = Hospital::new(Desk::new(deployment.desk.clone()));
    for patient in deployment.people.iter().filter(|person| person.home == "410700") {
        for (from, to) in [("2025-06-02", "2025-06-05"), ("2025-06-10", "2025-06-12")] {
            let stay = hospital.stay_between(patient, "8000.00", (from, to)).await;
            let settled = hospital.send(&hospital.settle_message(patient, &stay, "8000.00")).await;
            assert!(settled.succeeded(), "{}", settled.text("/err_msg"));
            // The second person's last settlement is undone: it replays, and no new book is held against it.
            if (patient.number, from) == ("41070000000002", "2025-06-10") {
                let settled = settled.text("/output/setlinfo/setl_id");
                let cancelled = hospital.send(&hospital.cancel_message(patient, &stay, &settled)).await;
                assert!(cancelled.succeeded(), "{}", cancelled.text("/err_msg"));
            }
        }
    }
    deployment.stop();
    let (store, changed) = (deployment.store("home-410700").to_owned(), changed.display().to_string());
    hold_against(&store, &changed, (3, 5));
}

/// What the commands say of a region's store that holds at least so many settlements in force, and so many decisions.
fn hold_against(store: &str, changed: &str, (settled, decided): (u64, u64)) {
    let at_the_store = ["--store", store];

    let same = json_of(0, &[&["rulebook", "diff", BOOK, BOOK][..], &at_the_store].concat());
    assert!(same["compared"].as_u64().expect("a number") >= settled, "{same}");
    assert_eq!(same["people"], json!([]));
    let diff = [&["rulebook", "diff", BOOK, changed][..], &at_the_store].concat();
    let told = json_of(1, &diff);
    let (sum, people) = (&told["difference"], told["people"].as_array().expect("people"));
    assert!(yuan(&sum["basic"]) < 0, "it pays less: {told}");
    let payers = ["basic", "large-sum", "catastrophic", "civil-servant", "assistance", "account", "cash", "hospital"];
    assert_eq!(payers.iter().map(|payer| yuan(&sum[payer])).sum::<i64>(), 0, "what one pays less another pays more");
    let by_person: i64 = people.iter().map(|person| yuan(&person["difference"]["basic"])).sum();
    assert_eq!(by_person, yuan(&sum["basic"]));
    assert!(text(1, &diff).contains("would come out otherwise"));
    assert_eq!(json_of(1, &diff), told, "nothing was changed by asking");
    let by_case = json_of(1, &["rulebook", "diff", BOOK, changed, "--case", CASE]);
    assert_eq!(by_case["difference"]["basic"], "-1800.00");

    // The books on disk play no part: the store keeps what decided, by content.
    let id = people[0]["settlements"][0]["which"].as_str().expect("an id").to_owned();
    let all = json_of(0, &[&["settlement", "replay", "--all"][..], &at_the_store].concat());
    assert!(all["replayed"].as_u64().expect("a number") >= decided, "{all}");
    assert_eq!(all["findings"], json!([]));
    let one = json_of(0, &[&["settlement", "replay", &id][..], &at_the_store].concat());
    assert_eq!(one, json!({ "replayed": 1, "findings": [] }));
    let shown = json_of(0, &[&["settlement", "show", &id][..], &at_the_store].concat());
    assert_eq!(shown["settlement"], id.as_str());
    assert!(shown["psn_no"].as_str().expect("a number").contains("****"), "{shown}");
    let explained = json_of(0, &[&["settlement", "explain", &id][..], &at_the_store].concat());
    assert_eq!(explained["amounts"]["basic"], shown["basic"]);
    assert_eq!(explained["rule_book"]["hash"], shown["rule_book_hash"]);
    let unknown = yidi(&[&["settlement", "show", "0"][..], &at_the_store].concat());
    assert_eq!(unknown.status.code(), Some(2));
}
