//! How long a filing holds that was lodged without an end: held at the gate, and told to whoever lodges one.

use jiff::civil::date;
use settlement::benefits::filing_term::{self, Wanted};
use settlement::filing::FilingClass;
use settlement::ids::{DiagnosisCode, DiseaseCode};

use crate::invented::{STAY, check, example, faults};

const VALIDITY: (&str, &str) = (
    "filing_validity",
    "filing_validity = [{ id = 'long', filing = 'long-term', permanent = true, lock_months = 6, § }, \
     { id = 'temporary', filing = ['referral', 'other-temporary'], months = 6, § }, \
     { id = 'dialysis', filing = 'referral', disease = 'M07801', months = 12, § }, \
     { id = 'cancer', filing = 'referral', diagnosis = 'C', months = 12, § }]",
);

#[test]
fn a_filing_without_an_end_is_held_to_the_term_that_the_book_gives() {
    let dialysis = (
        "chronic.disease",
        "chronic.disease = [{ id = 'dialysis', code = 'M07801', name = '透析', § }, \
         { id = 'pressure', code = 'M03900', name = '高血压', § }]",
    );
    let bill = "bill = { in_policy = 1500 }";
    check(
        &[VALIDITY, dialysis],
        &[
            // Six months from 1 January end on 30 June; the day of admission counts.
            (&format!("filing = 'referral'\nfiled_from = 2025-01-01\n{bill}"), "expect = { basic = 800 }"),
            (&format!("filing = 'referral'\nfiled_from = 2024-12-31\n{bill}"), "refused = 505"),
            (
                &format!("filing = 'referral'\nfiled_from = 2024-12-31\nadmitted = 2025-06-29\n{bill}"),
                "expect = { basic = 800 }",
            ),
            (&format!("filing = 'long-term'\nfiled_from = 2001-01-01\n{bill}"), "expect = { basic = 800 }"),
            // The mark stands in for a filing that has ended.
            (
                &format!("filing = 'referral'\nfiled_from = 2024-01-01\nemergency = true\n{bill}"),
                "expect = { basic = 800 }",
            ),
            // A row for the disease goes before the one for all: twelve months, 1500 × 70 %.
            (
                &format!("care = 'chronic'\ndisease = 'M07801'\nfiling = 'referral'\nfiled_from = 2024-07-01\n{bill}"),
                "expect = { basic = 1050 }",
            ),
            (
                &format!("care = 'chronic'\ndisease = 'M07801'\nfiling = 'referral'\nfiled_from = 2024-06-30\n{bill}"),
                "refused = 505",
            ),
            (
                &format!("care = 'chronic'\ndisease = 'M03900'\nfiling = 'referral'\nfiled_from = 2024-07-01\n{bill}"),
                "refused = 505",
            ),
        ],
    );
    let unset = ("filing_validity", "filing_validity = [{ id = 'all', months = 'unset', § }]");
    check(&[unset], &[(bill, "refused = 511")]);
}

#[test]
fn a_filing_that_has_ended_makes_no_referral_chain() {
    let unfiled = "unfiled = [{ id = 'all', rule = 'other-temporary', § }]";
    let ratio = "inpatient.ratio = [{ id = 'chain', referred = true, ratio = '0.80', § }, \
                 { id = 'other', referred = false, ratio = '0.60', § }]";
    let bill = "bill = { in_policy = 1500 }";
    check(
        &[VALIDITY, ("unfiled", unfiled), ("inpatient.ratio", ratio)],
        &[
            (&format!("filing = 'referral'\nfiled_from = 2025-01-01\n{bill}"), "expect = { basic = 800 }"),
            (&format!("filing = 'referral'\nfiled_from = 2024-12-31\n{bill}"), "expect = { basic = 600 }"),
            (
                &format!("filing = 'referral'\nfiled_from = 2024-12-31\nreferred = true\n{bill}"),
                "expect = { basic = 800 }",
            ),
        ],
    );
}

#[test]
fn a_filing_with_an_end_of_its_own_is_left_alone() {
    let (book, mut example) = example(&[VALIDITY], STAY);
    let filing = example.filing.as_mut().expect("a filing");
    filing.class = FilingClass::OtherTemporary;
    filing.validity.from = date(2020, 1, 1);
    assert!(example.adjudicate(&book).is_err(), "it has no end, and six months are over");
    example.filing.as_mut().expect("a filing").validity.to = Some(date(2025, 12, 31));
    assert!(example.adjudicate(&book).is_ok(), "somebody set its end");
}

#[test]
fn whoever_lodges_a_filing_is_told_its_last_day_and_its_lock() {
    let (book, example) = example(&[VALIDITY], STAY);
    let dialysis = DiseaseCode::new("M07801").expect("a code");
    let lungs = DiagnosisCode::new("C34.900").expect("a code");
    let from = date(2025, 3, 1);
    let wanted = |class| Wanted { class, from, disease: None, diagnosis: None };
    let of = FilingClass::Referral;
    for (wanted, last_day, free_from) in [
        (wanted(FilingClass::LongTerm), None, date(2025, 9, 1)),
        (wanted(of), Some(date(2025, 8, 31)), from),
        (Wanted { disease: Some(&dialysis), ..wanted(of) }, Some(date(2026, 2, 28)), from),
        (Wanted { diagnosis: Some(&lungs), ..wanted(of) }, Some(date(2026, 2, 28)), from),
    ] {
        let term = filing_term::of(&book, &example.person, wanted).expect("known").expect("a rule");
        assert_eq!((term.last_day, term.free_from), (last_day, free_from), "{wanted:?}");
    }
    let none = filing_term::of(&book, &example.person, wanted(FilingClass::Emergency));
    assert_eq!(none, Ok(None), "the book says nothing of it");
}

#[test]
fn a_term_that_is_not_written_well_is_a_fault() {
    let rows = "filing_validity = [{ id = 'neither', filing = 'referral', § }, \
                { id = 'both', filing = 'long-term', months = 6, permanent = true, § }, \
                { id = 'visit', filing = 'other-temporary', level = 'third', months = 6, § }, \
                { id = 'again', filing = 'other-temporary', months = 7, § }]";
    let found = faults(&[("filing_validity", rows)]);
    for (path, problem) in [
        ("filing_validity.neither", "needs either months or permanent"),
        ("filing_validity.both", "needs either months or permanent"),
        ("filing_validity", "it is asked before any visit"),
        ("filing_validity", "overlaps the row on line"),
    ] {
        assert!(
            found.iter().any(|fault| fault.path == path && fault.problem.contains(problem)),
            "{path}: {problem} is not among {found:#?}"
        );
    }
}
