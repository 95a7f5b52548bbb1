//! What the rule tools say where something is wrong around a book: other books of its region, the file itself, a case of
//! another time, a settlement that a book refuses; and of a region that serves while it is asked.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use world::hospital::Hospital;
use yidi::desk::Desk;

use crate::crash::deployment::{Deployment, Storage};
use crate::process::repository;
use crate::rule_tools::{BOOK, CASE, json_of, text, yidi};

fn shipped() -> String {
    fs::read_to_string(repository().join(BOOK)).expect("the book")
}

/// Writes books of Xinxiang's employees into a folder, each with its days and without examples.
fn write_books(folder: &Path, books: &[(&str, &str)]) {
    let rules = shipped().split("[[example]]").next().expect("the rules").to_owned();
    for (name, days) in books {
        fs::write(folder.join(name), rules.replacen("from = 2024-01-01", days, 1)).expect("it is written");
    }
}

/// What is found in each of the books that anything is found in, by the name of its file.
fn findings(told: &Value) -> Vec<(String, Vec<&str>)> {
    let rows = told.as_array().expect("a list").iter().map(|row| {
        let name = Path::new(row["book"].as_str().expect("a path")).file_name().expect("a name");
        let found = row["findings"].as_array().expect("a list").iter().map(|found| found.as_str().expect("a text"));
        (name.to_string_lossy().into_owned(), found.collect::<Vec<_>>())
    });
    rows.filter(|(_, found)| !found.is_empty()).collect()
}

#[test]
fn books_that_do_not_follow_one_another_are_told_with_both_files_and_lines() {
    let line = 1 + shipped().lines().position(|line| line == "from = 2024-01-01").expect("it begins");
    // (the days of two books, what is found in the second, whose `from` is the later or the same)
    for (earlier, later, parts) in [
        ("from = 2023-01-01\nto = 2023-12-31", "from = 2024-01-01", None),
        ("from = 2023-01-01", "from = 2024-01-01", None),
        ("from = 2024-01-01\nto = 2024-12-31", "from = 2024-01-01", Some((0, "is also the first day of"))),
        ("from = 2023-01-01\nto = 2024-06-30", "from = 2024-01-01", Some((1, "2024-01-01 to 2024-06-30"))),
        ("from = 2023-01-01\nto = 2023-11-30", "from = 2024-01-01", Some((1, "from 2023-12-01 to 2023-12-31"))),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        write_books(folder.path(), &[("a.toml", earlier), ("b.toml", later)]);
        let path = folder.path().display().to_string();
        let told = json_of(i32::from(parts.is_some()), &["rulebook", "check", &path]);
        let found = findings(&told);
        let Some((lines_after, part)) = parts else {
            assert_eq!(found, [], "{earlier}, {later}");
            continue;
        };
        let [(file, problems)] = &found[..] else { panic!("{found:?}") };
        let [problem] = problems[..] else { panic!("{found:?}") };
        assert_eq!(file, "b.toml");
        assert!(problem.starts_with(&format!("line {line}: from: ")) && problem.contains(part), "{problem}");
        let other = format!("{} (line {})", folder.path().join("a.toml").display(), line + lines_after);
        assert!(problem.contains(&other), "{other} is not in {problem}");
    }
    let good = json_of(0, &["rulebook", "check", "deploy/rulebooks"]);
    assert_eq!(findings(&good), []);
}

#[test]
fn a_file_that_cannot_be_read_ends_no_check() {
    let folder = tempfile::tempdir().expect("a folder");
    write_books(folder.path(), &[("good.toml", "from = 2024-01-01")]);
    // 新乡 as GBK.
    let gbk = [b"pool = \"410700\"\n# ", &b"\xd0\xc2\xcf\xe7"[..], b"\n"].concat();
    fs::write(folder.path().join("a-gbk.toml"), gbk).expect("it is written");
    let (path, missing) = (folder.path().display().to_string(), folder.path().join("missing.toml"));
    let told = json_of(1, &["rulebook", "check", &path, &missing.display().to_string()]);
    let found = findings(&told);
    let [(gbk, in_gbk), (absent, in_absent)] = &found[..] else { panic!("{told}") };
    assert_eq!((gbk.as_str(), absent.as_str()), ("a-gbk.toml", "missing.toml"));
    assert!(in_gbk[0].starts_with("line 2: encoding: ") && in_gbk[0].contains("save it as UTF-8"), "{in_gbk:?}");
    assert!(in_absent[0].starts_with("cannot read "), "{in_absent:?}");
    assert_eq!(told.as_array().map(Vec::len), Some(3), "the good one is told too");
}

#[test]
fn a_case_of_a_day_before_its_book_is_not_worked() {
    let folder = tempfile::tempdir().expect("a folder");
    let (file, path) = (folder.path().join("case.toml"), folder.path().join("case.toml").display().to_string());
    let case = fs::read_to_string(repository().join(CASE)).expect("the case");
    let old = case.replace("= 2025-06-20", "= 2023-06-20").replace("= 2025-06-30", "= 2023-06-30");
    fs::write(&file, old).expect("it is written");
    let problem = "settled: 2023-06-30 decides, and the book is in force from 2024-01-01 on";
    for command in ["evaluate", "explain"] {
        let asked = ["rulebook", command, "--rulebook", BOOK, "--case", &path];
        let ran = yidi(&asked);
        assert_eq!((ran.status.code(), ran.stdout.is_empty()), (Some(2), true), "{command}");
        assert!(String::from_utf8_lossy(&ran.stderr).contains(problem), "{command}");
        assert_eq!(json_of(2, &asked)["faults"][0]["path"], "settled");
    }
    // What another book would make of it is a question of its own.
    let new = folder.path().join("new.toml");
    fs::write(&new, shipped().replace("ratio = \"0.85\"", "ratio = \"0.75\"")).expect("it is written");
    let told = json_of(1, &["rulebook", "diff", BOOK, &new.display().to_string(), "--case", &path]);
    assert_eq!(told["difference"]["basic"], "-1800.00");
}

#[test]
fn what_a_book_refuses_is_counted_and_stands_in_no_sum() {
    let folder = tempfile::tempdir().expect("a folder");
    let (new, case) = (folder.path().join("new.toml"), folder.path().join("long-term.toml"));
    // Referred care is refused from now on, and care at home costs more.
    let rules = shipped().split("[[example]]").next().expect("the rules").to_owned();
    let off_site = rules.find("id = \"off-site\"").expect("a deductible elsewhere");
    let (ahead, behind) = rules.split_at(off_site);
    let rules = ahead.replace("amount = 1200", "amount = 1300") + &behind.replacen("= 2000", "= \"unset\"", 1);
    fs::write(&new, rules).expect("it is written");
    let whole = fs::read_to_string(repository().join(CASE)).expect("the case");
    let bare = whole.split("[expect]").next().expect("what stands before it");
    fs::write(&case, bare.replace("\"referral\"", "\"long-term\"")).expect("it is written");
    let (new, case) = (new.display().to_string(), case.display().to_string());

    let alone = ["rulebook", "diff", BOOK, &new, "--case", CASE];
    let told = json_of(1, &alone);
    assert_eq!((&told["changed"], &told["refused"]), (&json!(1), &json!({ "old": 0, "new": 1 })));
    assert_eq!((&told["difference"]["cash"], &told["difference"]["basic"]), (&json!("0.00"), &json!("0.00")));
    assert_eq!(told["people"][0]["settlements"][0]["difference"], Value::Null);
    assert_eq!(told["people"][0]["settlements"][0]["new"]["refused"]["code"], 511);
    let table = text(1, &alone);
    assert!(table.contains("refused by new") && !table.contains("-15300"), "nobody saves anything: {table}");

    // (1300 − 1200) × 85 % less from the fund.
    let told = json_of(1, &["rulebook", "diff", BOOK, &new, "--case", CASE, &case]);
    assert_eq!((&told["changed"], &told["refused"]["new"]), (&json!(2), &json!(1)));
    assert_eq!((&told["difference"]["basic"], &told["difference"]["cash"]), (&json!("-85.00"), &json!("85.00")));
    let back = json_of(1, &["rulebook", "diff", &new, BOOK, "--case", CASE, &case]);
    assert_eq!((&back["refused"], &back["difference"]["cash"]), (&json!({ "old": 1, "new": 0 }), &json!("-85.00")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_region_that_serves_is_looked_at_and_what_was_undone_says_so_first() {
    let deployment = Deployment::start(Storage::Files, 2).await;
    let hospital = Hospital::new(Desk::new(deployment.desk.clone()));
    let patient = deployment.people.iter().find(|person| person.home == "410700").expect("a patient");
    let mut settled = Vec::new();
    for days in [("2025-06-02", "2025-06-05"), ("2025-06-10", "2025-06-12"), ("2025-06-14", "2025-06-16")] {
        let stay = hospital.stay_between(patient, "8000.00", days).await;
        let message = hospital.settle_message(patient, &stay, "8000.00");
        let answer = hospital.send(&message).await;
        assert!(answer.succeeded(), "{}", answer.text("/err_msg"));
        settled.push((answer.text("/output/setlinfo/setl_id"), stay, message));
    }
    let [(kept, ..), (cancelled, stay, _), (reversed, _, message)] = &settled[..] else { panic!("three") };
    let cancel = hospital.cancel_message(patient, stay, cancelled);
    let counter = hospital.send(&cancel).await;
    assert!(counter.succeeded(), "{}", counter.text("/err_msg"));
    let reverse = hospital.reverse_message(patient, message);
    let answer = hospital.send(&reverse).await;
    assert!(answer.succeeded(), "{}", answer.text("/err_msg"));

    let store = deployment.store("home-410700");
    let asked = |command: &[&str]| json_of(0, &[&["settlement"], command, &["--store", store]].concat());
    assert_eq!(asked(&["replay", "--all"])["findings"], json!([]));
    assert_eq!(asked(&["show", kept])["standing"], "in force");
    let told = asked(&["explain", cancelled]);
    assert_eq!((&told["admitted"], &told["discharged"]), (&json!("2025-06-10"), &json!("2025-06-12")));
    assert_eq!(told["undone"]["msgid"], cancel["msgid"]);
    let counter = told["undone"]["counter"].as_str().expect("an id").to_owned();
    let in_words = |id: &str, lang: &str| text(0, &["settlement", "explain", id, "--lang", lang, "--store", store]);
    let institution = told["institution"].as_str().expect("a code");
    let whole = in_words(cancelled, "zh");
    let [first, second, third] = whole.lines().take(3).collect::<Vec<_>>()[..] else { panic!("{whole}") };
    assert_eq!(first, cancelled);
    assert!(second.starts_with("已于") && second.contains(&format!("撤销，撤销结算号 {counter}")), "{second}");
    assert!(third.starts_with(&format!("医疗机构 {institution}，就诊 2025-06-10 至 2025-06-12")), "{third}");
    assert!(in_words(cancelled, "en").contains(&format!("by {counter}, message ")));
    let number = reverse["msgid"].as_str().expect("a number");
    assert!(in_words(reversed, "zh").contains(&format!("冲正，报文号 {number}")));
    let whole = in_words(kept, "zh");
    assert!(whole.lines().nth(1).is_some_and(|line| line.starts_with("医疗机构 ")), "{whole}");
    assert!(!whole.contains(patient.number), "nobody is named: {whole}");
}
