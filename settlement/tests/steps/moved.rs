//! 参保地变更: what counts of a benefit year that began in another region. Every row is about a second stay of the year with
//! 2500 in policy, after one elsewhere that bore 500 and was paid 99,600.

use crate::invented::{check, faults};

fn check_rows(rule: &str, rows: &[(&str, &str)]) {
    let deductible = "inpatient.deductible = [{ id = 'first', stay_to = 1, amount = 500, per = 'year', § }, \
                      { id = 'later', stay_from = 2, amount = 300, per = 'year', § }]";
    let said = ("cross_year", "cross_year = { deductible = 'again', § }");
    let rows: Vec<(String, &str)> = rows
        .iter()
        .map(|(pool, expected)| {
            let used = "care = 'inpatient', stays = 1, deductible = 500, in_policy = 125000, basic = 99600";
            (format!("used = [{{ {used}{pool} }}]\nbill = {{ in_policy = 2500 }}"), *expected)
        })
        .collect();
    let rows: Vec<(&str, &str)> = rows.iter().map(|(case, expected)| (case.as_str(), *expected)).collect();
    let mut changed = vec![("inpatient.deductible", deductible), said];
    changed.extend((!rule.is_empty()).then_some(("year_to_date", rule)));
    check(&changed, &rows);
}

const HERE: &str = "";
const ELSEWHERE: &str = ", from_pool = '320100'";
const SAME: &str = ", from_pool = '990000'";

#[test]
fn a_year_begun_elsewhere_counts_as_far_as_the_book_carries_it() {
    // Used here, a later stay bears nothing more, and 400 of the cap are left.
    let goes_on = "expect = { deductible = 0, basic = 400 }";
    // As if nothing had been used: (2500 - 500) * 0.80
    let anew = "expect = { deductible = 500, basic = 1600 }";
    for rule in ["", "year_to_date = { after_move = 'new', § }", "year_to_date = { after_change = 'continue', § }"] {
        check_rows(rule, &[(HERE, goes_on), (SAME, goes_on), (ELSEWHERE, anew)]);
    }
    check_rows("year_to_date = { after_move = 'continue', § }", &[(HERE, goes_on), (ELSEWHERE, goes_on)]);
    let carries = |parts: &str| format!("year_to_date = {{ after_move = 'continue', carries = [{parts}], § }}");
    // The cap goes on and the deductible does not: 400 of 1600
    check_rows(&carries("'basic'"), &[(ELSEWHERE, "expect = { deductible = 500, basic = 400 }"), (HERE, goes_on)]);
    // (2500 - 0) * 0.80
    check_rows(&carries("'deductible'"), &[(ELSEWHERE, "expect = { deductible = 0, basic = 2000 }")]);
    // The second stay bears 300, none of which was borne: (2500 - 300) * 0.80
    check_rows(&carries("'stays'"), &[(ELSEWHERE, "expect = { deductible = 300, basic = 1760 }")]);
}

#[test]
fn a_rule_that_says_nothing_or_half_of_it_is_a_fault() {
    for (rule, problem) in [
        ("year_to_date = { § }", "needs after_change, after_move, or both"),
        ("year_to_date = { after_move = 'new', carries = ['basic'], § }", "after_move = \"continue\""),
        ("year_to_date = { after_change = 'new', carries = ['basic'], § }", "after_move = \"continue\""),
        ("year_to_date = { after_move = 'continue', carries = ['cash'], § }", "is not one of stays, deductible"),
    ] {
        let found = faults(&[("year_to_date", rule)]);
        assert!(found.iter().any(|fault| fault.problem.contains(problem)), "{rule}: {found:#?}");
    }
}
