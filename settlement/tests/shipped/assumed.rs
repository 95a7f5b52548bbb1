//! What no text says is unset in a shipped book, or stands in the manual's list of what the books assume.

use settlement::rulebook::RuleBook;
use settlement::rulebook::clause::{ClauseText, Trust};

use crate::BOOKS;
use crate::shapes::{listed, quoted};

/// Words of a source that stands for no text.
const NO_TEXT: [&str; 2] = ["演示假设", "没有找到"];

/// The rows of the shipped books that have a value and no text behind it. A cap of which only so much is known has one.
fn without_text() -> impl Iterator<Item = (&'static RuleBook, &'static ClauseText)> {
    let rows = BOOKS.iter().flat_map(|(_, book)| book.clauses().iter().map(move |clause| (book, clause)));
    rows.filter(|(book, clause)| {
        let document = &book.sources()[clause.source].document;
        let has_value = clause.unset.iter().all(|field| field == "above");
        has_value && NO_TEXT.iter().any(|words| document.contains(words))
    })
}

/// Whether a pattern of the manual names a path; `*` stands for any text.
fn names(pattern: &str, path: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == path,
        Some((before, after)) => path.strip_prefix(before).is_some_and(|rest| rest.ends_with(after)),
    }
}

#[test]
fn what_no_text_says_is_unset_or_listed_in_the_manual() {
    let rows = listed("8. What the shipped books assume");
    let patterns: Vec<&str> = rows.iter().flat_map(|row| quoted(row["rows"])).collect();
    let unlisted: Vec<String> = without_text()
        .filter(|(_, clause)| !patterns.iter().any(|pattern| names(pattern, &clause.path)))
        .map(|(book, clause)| format!("{} {}, line {}: {}", book.pool(), book.title(), clause.line, clause.path))
        .collect();
    assert!(unlisted.is_empty(), "neither unset nor listed:\n{}", unlisted.join("\n"));
    let idle: Vec<_> =
        patterns.iter().filter(|pattern| !without_text().any(|(_, clause)| names(pattern, &clause.path))).collect();
    assert!(idle.is_empty(), "the manual lists what no book assumes: {idle:?}");
}

#[test]
fn what_no_text_says_is_marked_as_assumed() {
    let wrong: Vec<String> = without_text()
        .filter(|(_, clause)| clause.trust != Trust::Assumed)
        .map(|(book, clause)| format!("{} {}: {}", book.pool(), book.title(), clause.path))
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
