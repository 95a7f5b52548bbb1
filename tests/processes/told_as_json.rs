//! What commands print as JSON is JSON, and says what was done.

use std::process::Command;

use serde_json::{Value, json};
use world::World;

/// Runs a command with `--json`, and gives what it printed.
async fn told(command: &[&str]) -> Value {
    told_with(0, command).await
}

/// The same of a command that ends with a code.
async fn told_with(code: i32, command: &[&str]) -> Value {
    let mut yidi = Command::new(env!("CARGO_BIN_EXE_yidi"));
    yidi.args(command).arg("--json");
    let ran = tokio::task::spawn_blocking(move || yidi.output().expect("it runs")).await.expect("it ends");
    let (told, problem) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert_eq!(ran.status.code(), Some(code), "{command:?}: {problem}");
    serde_json::from_str(&told).unwrap_or_else(|fault| panic!("{command:?}: {fault}: {told}"))
}

#[tokio::test]
async fn certificates_are_told_of_as_json() {
    let folder = tempfile::tempdir().expect("a folder");
    let [ca, out] = ["ca", "out"].map(|name| folder.path().join(name).display().to_string());
    assert_eq!(told(&["pki", "init", "--ca", &ca]).await["ca"], ca.as_str());
    let issued = told(&["pki", "issue", "--ca", &ca, "--out", &out, "--as", "yidi://310000/treatment"]).await;
    let kinds: Vec<_> = issued.as_array().expect("two").iter().map(|one| one["names"].clone()).collect();
    assert_eq!(kinds, [json!("yidi://310000/treatment"), json!("yidi://310000/treatment")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_operators_do_at_the_hub_is_told_of_as_json() {
    let world = World::start().await;
    let (hub, operator) = (world.line().hub.address().to_string(), world.line().operator().display().to_string());
    let access = ["--hub", hub.as_str(), "--credentials", operator.as_str()];
    let at_the_hub = async |command: &[&str]| told(&[command, &access[..]].concat()).await;

    let filing = ["--id", "json-1", "--person", "41070000990002", "--home", "410700", "--destination", "310000"];
    let lodge = [&["filing", "lodge", "--class", "other-temporary", "--from", "2025-06-21"], &filing[..]].concat();
    assert_eq!(at_the_hub(&lodge).await["id"], "json-1");
    let cancelled = at_the_hub(&["filing", "cancel", "--id", "json-1", "--last-day", "2025-06-30"]).await;
    assert_eq!((&cancelled["id"], &cancelled["to"]), (&json!("json-1"), &json!("2025-06-30")));

    let ran = at_the_hub(&["clearing", "run"]).await;
    assert!(ran["done"].is_array() && ran["proof"].is_null(), "{ran}");
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().display().to_string();
    let days = ["--from", "2025-06-01", "--to", "2025-06-30", "--out", &out];
    // That there is none is something to stop at.
    let none = told_with(1, &[&["reconcile", "certificates"], &days[..], &access[..]].concat()).await;
    assert_eq!(none, json!([]));
}
