//! The keys that the reader is known to ask for are all that it asks for.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use settlement::rulebook::keys::{asked_by, keys};

use crate::BOOKS;

#[test]
fn no_shipped_book_is_asked_for_a_key_that_is_not_known() {
    let known: BTreeSet<(String, &str)> = keys().into_iter().map(|asked| (asked.table, asked.key)).collect();
    for (path, _) in BOOKS.iter() {
        let text = fs::read_to_string(path).expect("a text");
        let unknown: Vec<_> =
            asked_by(&text).into_iter().filter(|asked| !known.contains(&(asked.table.clone(), asked.key))).collect();
        assert!(unknown.is_empty(), "{}: add to keys.toml what opens {unknown:#?}", path.display());
    }
}

/// A key that is read only beside another has to stand in keys.toml. What the readers' source names is held against it.
#[test]
fn every_key_that_the_readers_source_names_is_known() {
    let known: BTreeSet<&str> = keys().into_iter().map(|asked| asked.key).collect();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/rulebook/parse");
    let files = fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut named = BTreeSet::new();
    for file in files.chain([folder.with_extension("rs")]) {
        let source = fs::read_to_string(&file).expect("a source");
        for call in READS {
            let after = source.match_indices(call).map(|(at, call)| &source[at + call.len()..]);
            named.extend(after.filter_map(|rest| rest.split('"').next()).map(str::to_owned));
        }
    }
    assert!(named.len() > 40, "the source is read: {}", named.len());
    let unknown: Vec<_> = named.iter().filter(|key| !known.contains(key.as_str())).collect();
    assert!(unknown.is_empty(), "keys.toml does not open {unknown:?}");
}

/// How a reader asks for a key, up to the key.
const READS: &[&str] = &[
    ".text(\"",
    ".required_text(\"",
    ".flag(\"",
    ".number(\"",
    ".decimal(\"",
    ".required_decimal(\"",
    ".date(\"",
    ".required_date(\"",
    ".form(\"",
    ".required_form(\"",
    ".forms(\"",
    ".money(\"",
    ".money_setting(\"",
    ".ratio(\"",
    ".required_ratio(\"",
    ".table(\"",
    ".required_table(\"",
    ".tables(\"",
    ".word(\"",
    ".required_word(\"",
    ".word_setting(\"",
];
