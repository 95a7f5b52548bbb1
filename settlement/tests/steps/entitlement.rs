//! Cover that ends, is held back or changes while somebody lies in a hospital or inside a year. Every row is about a stay
//! from 10 to 30 June 2025 with 1500 in policy: (1500 − 500) × 80 % = 800, or a refusal.

use jiff::civil::date;
use settlement::refusal::Reason;

use crate::invented::{STAY, check, example};

const PAID: &str = "expect = { basic = 800 }";

fn check_stays(rule: Option<&str>, rows: &[(&str, &str)]) {
    let rule = rule.map(|on| format!("stay_entitlement = {{ on = '{on}', § }}"));
    let changed: Vec<(&str, &str)> = rule.iter().map(|rule| ("stay_entitlement", rule.as_str())).collect();
    let rows: Vec<(String, &str)> = rows
        .iter()
        .map(|(case, expected)| (format!("admitted = 2025-06-10\n{case}\nbill = {{ in_policy = 1500 }}"), *expected))
        .collect();
    let rows: Vec<(&str, &str)> = rows.iter().map(|(case, expected)| (case.as_str(), *expected)).collect();
    check(&changed, &rows);
}

#[test]
fn the_deciding_day_alone_decides_unless_the_book_says_otherwise() {
    for rule in [None, Some("decision")] {
        check_stays(
            rule,
            &[
                ("insured_to = 2025-06-29", "refused = 502"),
                ("insured_to = 2025-06-30", PAID),
                ("insured_from = 2025-06-20", PAID),
                ("suspended_from = 2025-06-20", "refused = 503"),
                ("suspended_from = 2025-06-20\nsuspended_to = 2025-06-29", PAID),
            ],
        );
    }
}

#[test]
fn who_was_entitled_on_admission_is_to_the_end() {
    check_stays(
        Some("admission"),
        &[
            ("insured_to = 2025-06-10", PAID),
            ("insured_to = 2025-06-09", "refused = 502"),
            ("insured_from = 2025-06-11", "refused = 502"),
            ("suspended_from = 2025-06-11", PAID),
            ("suspended_from = 2025-06-10", "refused = 503"),
            ("suspended_from = 2025-06-01\nsuspended_to = 2025-06-09", PAID),
        ],
    );
}

#[test]
fn a_whole_stay_may_have_to_be_covered() {
    check_stays(
        Some("whole"),
        &[
            ("", PAID),
            ("insured_to = 2025-06-29", "refused = 502"),
            ("insured_from = 2025-06-11", "refused = 502"),
            ("suspended_from = 2025-06-20\nsuspended_to = 2025-06-20", "refused = 503"),
            ("suspended_from = 2025-06-30", "refused = 503"),
            ("suspended_from = 2025-06-01\nsuspended_to = 2025-06-09", PAID),
            ("suspended_from = 2025-07-01", PAID),
            // (1500 − 100) × 50 %: outpatient care has a day only.
            ("care = 'outpatient'\nsuspended_from = 2025-06-20\nsuspended_to = 2025-06-29", "expect = { basic = 700 }"),
        ],
    );
}

#[test]
fn after_a_death_the_day_of_death_decides() {
    for rule in [None, Some("admission"), Some("whole")] {
        check_stays(
            rule,
            &[
                ("died = 2025-06-25\ninsured_to = 2025-06-25", PAID),
                ("died = 2025-06-10\ninsured_to = 2025-06-10", PAID),
                ("died = 2025-07-20", PAID),
                ("died = 2025-06-09\ninsured_to = 2025-06-09", "refused = 502"),
                ("died = 2025-06-09", "refused = 502"),
            ],
        );
    }
}

#[test]
fn age_and_benefit_year_are_those_of_the_day_of_death() {
    let (book, mut example) = example(&[], STAY);
    example.settle.encounter.admitted = date(2025, 12, 20);
    example.settle.encounter.discharged = Some(date(2025, 12, 30));
    example.settled_on = date(2026, 1, 5);
    assert_eq!(example.adjudicate(&book).expect("a result").usage.year.0, 2026);
    example.person.died = Some(date(2025, 12, 30));
    assert_eq!(example.adjudicate(&book).expect("a result").usage.year.0, 2025);
}

#[test]
fn while_two_insurances_run_one_holds_the_other_back_and_gives_way_when_it_ends() {
    let prevails = |which: &str| format!("double_cover = {{ prevails = '{which}', § }}");
    let bill = "bill = { in_policy = 1500 }";
    let also = format!("also_insured = 'resident'\n{bill}");
    check(&[], &[(&also, PAID)]);
    check(&[("double_cover", &prevails("employee"))], &[(&also, PAID)]);
    check(&[("double_cover", &prevails("resident"))], &[(&also, "refused = 503"), (bill, PAID)]);

    let case = format!("also_insured = 'resident'\n{STAY}");
    let (book, mut example) = example(&[("double_cover", &prevails("resident"))], &case);
    assert_eq!(example.adjudicate(&book).expect_err("held back").reason, Reason::BenefitsSuspended);
    example.person.entitlements[1].validity.to = Some(date(2025, 6, 29));
    assert!(example.adjudicate(&book).is_ok(), "restored the day after the other one ended");
}

#[test]
fn a_change_of_insurance_inside_the_year_begins_anew_or_goes_on() {
    let deductible = (
        "inpatient.deductible",
        "inpatient.deductible = [{ id = 'first', stay_to = 1, amount = 500, per = 'stay', § }, \
         { id = 'later', stay_from = 2, amount = 200, per = 'stay', § }]",
    );
    let after = |what: &str| format!("year_to_date = {{ after_change = '{what}', § }}");
    let case = "used = [{ care = 'inpatient', insurance = 'resident', stays = 1, deductible = 500, basic = 99900 }]\n\
                bill = { in_policy = 1500 }";
    check(&[deductible], &[(case, "expect = { deductible = 500, basic = 800 }")]);
    check(&[deductible, ("year_to_date", &after("new"))], &[(case, "expect = { deductible = 500, basic = 800 }")]);
    // (1500 − 200) × 80 % = 1040, of which the cap leaves 100000 − 99900 = 100.
    check(&[deductible, ("year_to_date", &after("continue"))], &[(case, "expect = { deductible = 200, basic = 100 }")]);
}
