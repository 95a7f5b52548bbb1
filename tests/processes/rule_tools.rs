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

const BOOK: &str = "deploy/rulebooks/410700-xinxiang/employee-2024-01-01.toml";
const CASE: &str = "docs/case-example.toml";

fn yidi(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_yidi")).current_dir(repository()).args(arguments).output().expect("it runs")
}

/// What a command prints that ends with a code.
fn text(code: i32, arguments: &[&str]) -> String {
    let ran = yidi(arguments);
    let (told, problem) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert_eq!(ran.status.code(), Some(code), "{arguments:?}: {told}{problem}");
    told.into_owned()
}

fn json_of(code: i32, arguments: &[&str]) -> Value {
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

    let what_if = [&evaluate[..], &["--what-if", "filing=other-temporary", "age=70"]].concat();
    let told = json_of(0, &what_if);
    assert_eq!(told["before"]["amounts"]["basic"], "15300.00");
    assert_eq!(told["amounts"]["basic"], "11700.00");
    assert!(text(0, &what_if).contains("-3600.00"), "the difference is shown");

    let refused = json_of(1, &[&evaluate[..], &["--what-if", "filing=none"]].concat());
    assert_eq!(refused["refused"]["code"], 505);
    assert!(refused["refused"]["text"].as_str().expect("a text").starts_with("[505]"), "{refused}");
    let ran = yidi(&[&evaluate[..], &["--what-if", "person=nobody", "level=first"]].concat());
    assert_eq!(ran.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&ran.stderr).contains("person: is not one of working"), "the fault is named");
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
    hold_against(&store, &changed, (6, 11));
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
