//! No name and no document in any log at any level, nor in any operation that leaves the treatment side.

use std::fs;
use std::path::Path;

use aho_corasick::AhoCorasick;

use crate::process::{Ports, demo, repository};

/// Names, documents and cards of everybody in the demo.
fn secrets() -> Vec<String> {
    let people = fs::read_to_string(repository().join("deploy/demo/people/people.csv")).expect("the demo has people");
    let rows = people.lines().skip(1).map(|row| row.split(',').map(str::to_owned).collect::<Vec<_>>());
    let secrets: Vec<String> = rows.flat_map(|row| [row[1].clone(), row[3].clone(), row[4].clone()]).collect();
    secrets.into_iter().filter(|secret| !secret.is_empty()).collect()
}

#[test]
fn nothing_private_is_logged_or_leaves_the_treatment_side() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = demo(&Ports::free(), folder.path(), &["--once"]).env("RUST_LOG", "trace").output().expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(output.stderr.len() > 100_000, "at level trace there is much to be read");
    let hub = read_store(&folder.path().join("hub.db"));
    let secrets = AhoCorasick::new(secrets()).expect("few words");
    assert!(secrets.is_match("张守田"), "who is in the demo is looked for");
    assert!(!secrets.is_match(&output.stderr), "a name, document or card number is in the log");
    assert!(!secrets.is_match(&hub), "a name, document or card number is at the hub");
}

/// A store with its write-ahead log, as bytes.
fn read_store(path: &Path) -> Vec<u8> {
    let mut bytes = fs::read(path).expect("the hub has a store");
    bytes.extend(fs::read(path.with_extension("db-wal")).unwrap_or_default());
    bytes
}
