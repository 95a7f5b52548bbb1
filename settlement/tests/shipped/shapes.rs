//! Every form in which regions write a rule is shown by some book: a shipped one, or one of an invented pool in
//! `tests/books`, whose examples come out as they say too.

use std::fs;

use settlement::rulebook::RuleBook;

use crate::{BOOKS, books};

/// The forms of policy.md A.10, A.12, C.3 to C.9, by the words with which a book writes them.
const FORMS: [(&str, &[&str]); 31] = [
    ("C.3 annual deductible", &["per = \"year\""]),
    ("C.3 nth stay", &["[[inpatient.deductible]]", "stay_from = 2"]),
    ("C.3 half", &["factor = \"0.5\""]),
    ("C.3 minus 100 each", &["falls_by", "down_to"]),
    ("C.3 shared", &["shared_by"]),
    ("C.3 none for diseases", &["diagnosis = [", "none = true"]),
    ("C.3 cycle", &["cycle_days"]),
    ("C.3 recharge", &["again_after_days"]),
    ("C.3 transfer", &["[[inpatient.continues]]", "deductible = \"difference\""]),
    ("C.4 accumulated segments", &["[inpatient.segments]\nbase = \"year\""]),
    ("C.4 age", &["per_year_of_age"]),
    ("C.5 measured on cost", &["measure = \"in_policy\""]),
    ("C.5 bought by ratio", &["base = \"cap_bought\""]),
    ("C.6 points", &["\npoints = \"0.20\""]),
    ("C.6 factor", &["[[off_site]]", "\nfactor = \"0.80\""]),
    ("C.6 first self-pay 10/40", &["pre_deduct = \"0.10\"", "pre_deduct = \"0.40\""]),
    ("C.6 first self-pay 5/15/25", &["pre_deduct = \"0.05\"", "pre_deduct = \"0.15\"", "pre_deduct = \"0.25\""]),
    ("C.6 deductible of the bill", &["share_of_bill = \"0.20\"", "at_least = 2000", "at_most = 10000"]),
    ("C.6 deductible times two", &["[[inpatient.deductible_factor]]", "factor = \"2\""]),
    ("C.6 own table and catastrophic layer", &["[[catastrophic.off_site]]", "ratio = \"0.63\""]),
    ("C.6 guaranteed share", &["floor = \"0.45\"", "floor = \"0.40\""]),
    ("C.8 highest month", &["cap = \"highest\"", "per = \"month\""]),
    ("C.8 top two", &["cap = \"top_two_add\"", "ratio = \"highest\"", "carried = true"]),
    ("C.8 at most two", &["diseases_at_most = 2", "deductible = \"one\""]),
    ("C.8 shared with inpatient", &["counts_diseases"]),
    ("C.9 absolute tiers", &["[catastrophic.tiers]\nbase = \"compliant\""]),
    ("C.9 relative tiers", &["[catastrophic.tiers]\nbase = \"excess\""]),
    ("A.10 model 1", &["[cross_year]\ndeductible = \"once\""]),
    ("A.10 model 2", &["[decision_date]\ndate = \"discharge\""]),
    ("A.12 waiting", &["plus_months_per_lapsed_year", "minus_months_per_repaired_year", "at_least_months = 6"]),
    ("A.12 claim-free years", &["plus_per_claim_free_year", "plus_at_most"]),
];

#[test]
fn every_form_is_shown_by_a_book() {
    let paths =
        BOOKS.iter().map(|(path, _)| path.clone()).chain(books("tests/books").into_iter().map(|(path, _)| path));
    let texts: Vec<String> = paths.map(|path| fs::read_to_string(path).expect("a text")).collect();
    let shown = |words: &[&str]| texts.iter().any(|text| words.iter().all(|word| text.contains(word)));
    let missing: Vec<&str> = FORMS.iter().filter(|(_, words)| !shown(words)).map(|(form, _)| *form).collect();
    assert!(missing.is_empty(), "no book shows {missing:?}");
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
