//! What the repository checks of itself: the purity of the core, the direction of the arrows, file headers, banned
//! calls, file sizes, and that every path in ARCHITECTURE.md exists.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The crates that decide and do nothing else.
const PURE: [&str; 2] = ["settlement", "clearing"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace is the parent folder").to_owned()
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()))
}

/// Every Rust file that people wrote, with its path from the root.
fn sources() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder can be listed") {
            let path = entry.expect("an entry can be read").path();
            let name = path.file_name().and_then(|name| name.to_str()).expect("names are UTF-8").to_owned();
            if path.is_dir() && name != "target" && !name.starts_with('.') {
                folders.push(path);
            } else if name.ends_with(".rs") {
                let text = fs::read_to_string(&path).expect("a source is text");
                let from_root = path.strip_prefix(root()).expect("below the root").display().to_string();
                found.push((from_root, text));
            }
        }
    }
    assert!(found.len() > 60, "only {} sources found", found.len());
    found
}

/// The names that a manifest lists under `[dependencies]`.
fn dependencies(manifest: &str) -> BTreeSet<String> {
    let table: toml::Table = read(manifest).parse().expect("a manifest is TOML");
    let listed = table.get("dependencies").and_then(toml::Value::as_table);
    listed.map(|table| table.keys().cloned().collect()).unwrap_or_default()
}

fn assert_none(what: &str, offences: Vec<String>) {
    assert!(offences.is_empty(), "{what}:\n  {}", offences.join("\n  "));
}

#[test]
fn the_core_lists_no_io_no_clock_and_no_chance() {
    let banned = ["tokio", "tonic", "prost", "axum", "sqlx", "rusqlite", "uuid", "rand", "getrandom", "hyper", "serde"];
    for pure in PURE {
        let listed = dependencies(&format!("{pure}/Cargo.toml"));
        let offences = banned.iter().filter(|name| listed.contains(**name)).map(|name| format!("{pure} → {name}"));
        assert_none("the core is pure", offences.collect());
    }
}

#[test]
fn only_the_ledger_lists_a_database_driver() {
    let manifests = [
        "Cargo.toml",
        "settlement/Cargo.toml",
        "clearing/Cargo.toml",
        "proto/Cargo.toml",
        "identity/Cargo.toml",
        "mailbox/Cargo.toml",
        "conversation/Cargo.toml",
        "broker/Cargo.toml",
        "adapters/his/Cargo.toml",
        "adapters/region/Cargo.toml",
        "tests/Cargo.toml",
    ];
    for manifest in manifests {
        let listed = dependencies(manifest);
        assert!(!listed.contains("rusqlite") && !listed.contains("sqlx"), "{manifest} lists a database driver");
    }
    assert!(dependencies("ledger/Cargo.toml").contains("rusqlite"));
}

#[test]
fn arrows_point_inward() {
    let allowed: [(&str, &[&str]); 10] = [
        ("settlement", &[]),
        ("clearing", &["settlement"]),
        ("proto", &["settlement", "clearing"]),
        ("identity", &["settlement"]),
        ("ledger", &["settlement", "clearing"]),
        ("broker", &["settlement", "clearing", "proto", "identity", "ledger", "conversation"]),
        ("mailbox", &["proto", "identity", "ledger"]),
        ("conversation", &["settlement", "proto", "identity"]),
        ("adapters/his", &["settlement", "clearing", "proto", "identity", "ledger", "mailbox", "conversation"]),
        ("adapters/region", &["settlement", "clearing", "proto", "identity", "ledger", "mailbox", "conversation"]),
    ];
    let ours = [
        "settlement",
        "clearing",
        "proto",
        "identity",
        "ledger",
        "mailbox",
        "conversation",
        "broker",
        "his",
        "region",
        "yidi",
        "world",
    ];
    for (folder, inward) in allowed {
        let listed = dependencies(&format!("{folder}/Cargo.toml"));
        let outward = listed.iter().filter(|name| ours.contains(&name.as_str()) && !inward.contains(&name.as_str()));
        assert_none("arrows point inward", outward.map(|name| format!("{folder} → {name}")).collect());
    }
}

#[test]
fn every_file_says_what_it_is() {
    let silent = sources().into_iter().filter(|(_, text)| !text.starts_with("//!")).map(|(path, _)| path);
    assert_none("a file opens with //!", silent.collect());
}

#[test]
fn no_file_holds_more_than_one_concept() {
    let long = sources().into_iter().map(|(path, text)| (path, text.lines().count())).filter(|(_, lines)| *lines > 600);
    assert_none("at most 600 lines", long.map(|(path, lines)| format!("{path}: {lines}")).collect());
}

#[test]
fn banned_calls_stay_out() {
    let everywhere = ["#[ignore", "todo!(", "unimplemented!(", "dbg!("];
    let in_the_core =
        ["Timestamp::now", "Zoned::now", "SystemTime", "Instant::now", "std::fs", "std::net", "std::env", "thread_rng"];
    let mut offences = Vec::new();
    for (path, text) in sources().into_iter().filter(|(path, _)| !path.ends_with("tidiness.rs")) {
        let own = text.split("#[cfg(test)]").next().unwrap_or_default();
        let pure = PURE.iter().any(|pure| path.starts_with(&format!("{pure}/src/")));
        let banned = everywhere.iter().chain(in_the_core.iter().filter(|_| pure));
        offences.extend(banned.filter(|call| own.contains(**call)).map(|call| format!("{path}: {call}")));
    }
    assert_none("banned calls", offences);
}

#[test]
fn money_never_meets_a_binary_float() {
    let floats = |text: &str| text.split(|c: char| !c.is_alphanumeric()).any(|word| word == "f32" || word == "f64");
    let offences = sources()
        .into_iter()
        .filter(|(path, text)| PURE.iter().any(|pure| path.starts_with(&format!("{pure}/src/"))) && floats(text));
    assert_none("floats in the core", offences.map(|(path, _)| path).collect());
}

#[test]
fn sql_is_in_the_ledger_alone() {
    let statements = ["SELECT ", "INSERT INTO ", "UPDATE ", "DELETE FROM "];
    let outside = sources().into_iter().filter(|(path, text)| {
        !path.starts_with("ledger/")
            && !path.ends_with("tidiness.rs")
            && statements.iter().any(|sql| text.contains(&format!("\"{sql}")))
    });
    assert_none("SQL outside the ledger", outside.map(|(path, _)| path).collect());
}

#[test]
fn every_path_in_the_map_exists() {
    let map = read("ARCHITECTURE.md");
    let quoted = map.split('`').skip(1).step_by(2);
    let paths: Vec<&str> = quoted
        .filter(|word| !word.contains([' ', '<', '*', ':', '{']) && !word.starts_with("http"))
        .filter(|word| {
            word.ends_with('/') || [".rs", ".md", ".toml", ".proto", ".csv"].iter().any(|end| word.ends_with(end))
        })
        .collect();
    assert!(paths.len() > 20, "the map names only {} paths", paths.len());
    let missing = paths.into_iter().filter(|path| !root().join(path).exists());
    assert_none("paths in ARCHITECTURE.md that do not exist", missing.map(str::to_owned).collect());
}
