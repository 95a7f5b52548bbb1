//! A simulated month of the whole country, run by the executable as an operator would run it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn yidi(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_yidi"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(arguments).stdin(Stdio::null());
    command.output().expect("it runs")
}

fn simulate(data: &Path, seed: &str) -> Output {
    let data = data.to_str().expect("a path of text");
    let month = ["clearing", "simulate", "--members", "5", "--settlements", "2000", "--json"];
    yidi(&[&month[..], &["--seed", seed, "--data", data]].concat())
}

fn json(output: &Output) -> Value {
    let said = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&said).unwrap_or_else(|fault| panic!("{fault}: {said}{output:?}"))
}

/// Every file below a folder, by its path from there.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).expect("below the folder").display().to_string();
                found.insert(name, fs::read(&path).expect("a file"));
            }
        }
    }
    found
}

#[test]
fn a_simulated_month_closes_and_the_same_seed_gives_the_same_documents() {
    let folder = tempfile::tempdir().expect("a folder");
    let [once, again, other] = ["once", "again", "other"].map(|name| folder.path().join(name));
    let told = simulate(&once, "7");
    let report = json(&told);
    assert!(told.status.success(), "{report:#}");
    let holds = report["holds"].as_object().expect("checks");
    assert!(holds.len() >= 9 && holds.values().all(|held| *held == Value::Bool(true)), "{report:#}");
    assert_eq!(report["payable"], report["receivable"]);
    assert_eq!((&report["settlements"], &report["members"], &report["pairs"]), (&2_000.into(), &5.into(), &20.into()));
    for some in ["undone", "refused", "confirmed", "objected", "silent", "paid", "documents"] {
        assert!(report[some].as_u64().is_some_and(|count| count > 0), "{some}: {report:#}");
    }
    for step in ["fill", "cut-off", "fold", "prove", "carry-out", "state", "take-silence-home", "notify", "close"] {
        assert!(report["milliseconds"].get(step).is_some(), "{step}: {report:#}");
    }

    let twice = simulate(&again, "7");
    assert!(twice.status.success());
    assert_eq!(json(&twice)["payable"], report["payable"]);
    let (first, second) = (files(&once.join("documents")), files(&again.join("documents")));
    assert_eq!(first.len() as u64, report["documents"].as_u64().expect("a number"));
    assert_eq!(first.keys().collect::<Vec<_>>(), second.keys().collect::<Vec<_>>());
    for (name, bytes) in &first {
        assert!(second[name] == *bytes, "{name} is another");
    }

    assert_ne!(json(&simulate(&other, "8"))["payable"], report["payable"]);
}

#[test]
fn a_folder_that_holds_a_month_already_is_not_filled_again() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("hub.db"), "").expect("a file");
    let refused = simulate(folder.path(), "1");
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("give an empty folder"), "{refused:?}");
}

#[test]
fn the_benchmark_of_clearing_tells_every_figure() {
    let ended =
        yidi(&["bench", "clearing", "--settlements", "5000", "--rounds", "1", "--quiet-seconds", "2", "--json"]);
    let report = measured(&ended);
    for figure in ["live_lowest_second_ratio", "live_noise_ratio", "live_per_second", "live_dip", "live_failed"] {
        assert!(report.get(figure).is_some_and(|told| !told.is_null()), "{figure}: {report:#}");
    }
}

#[test]
fn the_benchmark_of_clearing_runs_on_postgresql() {
    let scale = ["--settlements", "2000", "--rounds", "1", "--quiet-seconds", "0"];
    measured(&yidi(&[&["bench", "clearing", "--store", "postgres", "--json"][..], &scale[..]].concat()));
}

/// What a benchmark told, with every figure of the books themselves.
fn measured(ended: &Output) -> Value {
    let report = json(ended);
    assert!(matches!(ended.status.code(), Some(0 | 1)), "{ended:?}");
    for figure in [
        "reconcile_bytes",
        "reconcile_ratio",
        "reconcile_ms",
        "outer_join_ms",
        "closing_ratio",
        "closing_ms",
        "closing_small_ms",
        "proof_ratio",
        "proof_ms",
        "group_by_ms",
        "clearing_peak_memory_mb",
        "keep_fold_us_each",
        "keep_digests_us_each",
        "required_met",
    ] {
        assert!(report.get(figure).is_some_and(|told| !told.is_null()), "{figure}: {report:#}");
    }
    assert_eq!(report["reconcile_found"], 100, "as many as were planted");
    assert_eq!(report["required_met"], ended.status.success() && report["void"] == false);
    report
}
