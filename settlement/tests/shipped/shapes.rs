//! Every form in which regions write a rule is shown by some book: a shipped one, or one of an invented pool in
//! `tests/books`, whose examples come out as they say too. `docs/rulebooks.md` lists which.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use settlement::benefits::explanation::{self, Language};
use settlement::rulebook::{Example, RuleBook};

use crate::{BOOKS, books};

const MANUAL: &str = include_str!("../../../docs/rulebooks.md");

/// How many forms the manual lists of each section of the policy notes: none is lost unnoticed.
const FORMS: [(&str, usize); 13] = [
    ("A.10", 2),
    ("A.12", 9),
    ("A.3", 3),
    ("A.4", 1),
    ("C.1", 11),
    ("C.2", 3),
    ("C.3", 22),
    ("C.4", 10),
    ("C.5", 8),
    ("C.6", 20),
    ("C.7", 3),
    ("C.8", 6),
    ("C.9", 7),
];

#[test]
fn every_form_is_shown_by_a_book_and_an_example_in_which_it_decides() {
    let (forms, books) = (listed("6. Forms, and where to see them"), by_name());
    let mut counted: BTreeMap<&str, usize> = BTreeMap::new();
    for row in &forms {
        let (Shown { book, rules }, example) = example(&books, row);
        let words = quoted(row["words"]);
        assert!(!words.is_empty(), "{row:?}: says no word");
        for word in words {
            assert!(rules.contains(word), "{row:?}: {word} is not in the book");
        }
        for path in quoted(row["rule"]) {
            let reasons = reasons(example, book);
            let decides = |reason: &String| reason == path || reason.starts_with(&format!("{path}."));
            assert!(reasons.iter().any(decides), "{row:?}: {path} does not decide: {reasons:?}");
        }
        *counted.entry(row["policy"]).or_default() += 1;
    }
    assert_eq!(counted, BTreeMap::from(FORMS));
}

#[test]
fn what_was_published_is_worked_by_an_example() {
    let (published, books) = (listed("7. Published calculations"), by_name());
    assert!(published.len() >= 8, "{published:?}");
    for row in &published {
        let (Shown { book, .. }, example) = example(&books, row);
        assert!(example.run(book).is_empty(), "{row:?}");
    }
}

/// A row of a table of the manual, by the heads of its columns.
pub(crate) type Listed = BTreeMap<&'static str, &'static str>;

/// The rows of the first table under a heading of the manual.
pub(crate) fn listed(heading: &str) -> Vec<Listed> {
    let (_, under) = MANUAL.split_once(&format!("\n## {heading}\n")).expect("a heading of the manual");
    let table = under.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    let mut rows = table.map(|line| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>());
    let heads = rows.next().expect("the heads of its columns");
    rows.skip(1).map(|cells| heads.iter().copied().zip(cells).collect()).collect()
}

/// What stands in backticks in a cell.
pub(crate) fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// A book that the manual may list, and its rules on one line.
struct Shown {
    book: RuleBook,
    rules: String,
}

/// The books by the names under which the manual lists them.
fn by_name() -> BTreeMap<String, Shown> {
    let shown = |(path, book): (PathBuf, RuleBook)| {
        let text = fs::read_to_string(&path).expect("a text");
        let rules = text.lines().take_while(|line| *line != "[[example]]").filter(|line| !line.starts_with('#'));
        let rules = rules.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ");
        (name(&path), Shown { book, rules })
    };
    BOOKS.iter().cloned().chain(books("tests/books")).map(shown).collect()
}

/// `330300-wenzhou/employee-2023-01-01` for a shipped book, the file's name alone for one of an invented pool.
fn name(path: &Path) -> String {
    let file = path.file_stem().expect("a name").to_string_lossy();
    let folder = path.parent().and_then(Path::file_name).expect("a folder").to_string_lossy();
    if folder == "books" { file.into_owned() } else { format!("{folder}/{file}") }
}

/// The book and the example that a row lists.
fn example<'b>(books: &'b BTreeMap<String, Shown>, row: &Listed) -> (&'b Shown, &'b Example) {
    let shown = books.get(row["book"]).unwrap_or_else(|| panic!("there is no book {}", row["book"]));
    let example = shown.book.examples().iter().find(|example| example.id == row["example"]);
    (shown, example.unwrap_or_else(|| panic!("{} has no example {}", row["book"], row["example"])))
}

/// The paths of the rules by which an example comes out or is refused; of a refusal, all that it says.
fn reasons(example: &Example, book: &RuleBook) -> Vec<String> {
    let adjudication = match example.adjudicate(book) {
        Ok(adjudication) => adjudication,
        Err(refusal) => return refusal.detail.unwrap_or_default().split(": ").map(str::to_owned).collect(),
    };
    let lines = explanation::render(&adjudication, book, Language::English);
    let clauses = lines.iter().flat_map(|line| &line.clauses);
    clauses.filter_map(|clause| clause.split(" · ").next()).map(str::to_owned).collect()
}

#[test]
fn the_examples_of_invented_pools_come_out() {
    let books = books("tests/books");
    let mismatches: Vec<String> = books
        .iter()
        .flat_map(|(path, book)| {
            book.run_examples().into_iter().map(|mismatch| format!("{}: {mismatch}", path.display()))
        })
        .collect();
    assert!(mismatches.is_empty(), "\n{}", mismatches.join("\n"));
    let examples: usize = books.iter().map(|(_, book)| book.examples().len()).sum();
    assert!(examples >= 3 * books.len(), "only {examples} examples in {} books", books.len());
}

/// Nobody takes an invented pool for a region: none of them has a shipped book.
#[test]
fn invented_pools_are_nobodys() {
    let shipped = |book: &RuleBook| BOOKS.iter().any(|(_, other)| other.pool() == book.pool());
    for (path, book) in books("tests/books") {
        assert!(book.pool().to_string().starts_with("99"), "{} is of {}", path.display(), book.pool());
        assert!(!shipped(&book), "{} is shipped", path.display());
    }
}
