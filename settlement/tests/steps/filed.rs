//! Rows that depend on whether care elsewhere was filed at all, where the footing alone does not say it: a class of
//! filing may be lodged, and may be what unfiled care is treated as (Linyi 2023, Jiangmen).

use crate::invented::{check, faults};

/// Linyi, mid-2023: 5 % first for temporary absence, 10 % where it was not filed and out of the province.
const LINYI: &[(&str, &str)] = &[
    ("place", "place = [{ id = 'in-province', areas = '370000', § }, { id = 'neighbour', areas = '320000', § }]"),
    ("unfiled", "unfiled = [{ id = 'all', rule = 'other-temporary', § }]"),
    ("deemed", "deemed_filing = [{ id = 'neighbour', place = 'neighbour', class = 'other-temporary', § }]"),
    ("validity", "filing_validity = [{ id = 'temporary', filing = 'other-temporary', months = 6, § }]"),
    (
        "off_site",
        "off_site = [{ id = 'long', filing = 'long-term', none = true, § }, \
         { id = 'filed', filing = ['referral', 'emergency', 'other-temporary'], filed = true, pre_deduct = '0.05', § }, \
         { id = 'in', filing = ['referral', 'emergency', 'other-temporary'], filed = false, place = 'in-province', \
           pre_deduct = '0.05', § }, \
         { id = 'out', filing = ['referral', 'emergency', 'other-temporary'], filed = false, \
           place = ['neighbour', 'elsewhere'], pre_deduct = '0.10', § }]",
    ),
];

#[test]
fn one_class_is_paid_by_whether_it_was_filed() {
    let bill = "bill = { in_policy = 10000 }";
    let filed = "expect = { deductible = 500, basic = 7200, cash = 2800 }"; // (10000 − 500 − 500) × 80 %
    let unfiled = "expect = { deductible = 500, basic = 6800, cash = 3200 }"; // (10000 − 1000 − 500) × 80 %
    let as_at_home = "expect = { deductible = 500, basic = 7600, cash = 2400 }"; // (10000 − 500) × 80 %
    check(
        LINYI,
        &[
            (&format!("filing = 'other-temporary'\n{bill}"), filed),
            (&format!("filing = 'none'\n{bill}"), unfiled),
            (&format!("filing = 'none'\ntreated_in = ['370100', '370000']\n{bill}"), filed),
            (&format!("filing = 'referral'\n{bill}"), filed),
            // The emergency mark counts as a filing, the mark of a referral does not.
            (&format!("filing = 'none'\nemergency = true\n{bill}"), filed),
            (&format!("filing = 'none'\nreferred = true\n{bill}"), unfiled),
            // Deemed filed is filed; a filing that has ended is none.
            (&format!("filing = 'none'\ntreated_in = ['320100', '320000']\n{bill}"), filed),
            (&format!("filing = 'other-temporary'\nfiled_from = 2025-01-01\n{bill}"), filed),
            (&format!("filing = 'other-temporary'\nfiled_from = 2024-12-30\n{bill}"), unfiled),
            (&format!("filing = 'long-term'\n{bill}"), as_at_home),
            (&format!("filing = 'local'\n{bill}"), as_at_home),
        ],
    );
}

#[test]
fn what_is_paid_as_at_home_counts_as_filed() {
    let ratio = "outpatient.ratio = [{ id = 'filed', filed = true, ratio = '0.50', § }, \
                 { id = 'unfiled', filed = false, ratio = '0.30', § }]";
    let unfiled = |rule: &str| format!("unfiled = [{{ id = 'all', rule = '{rule}', § }}]");
    let visit = |filing: &str| format!("care = 'outpatient'\nfiling = '{filing}'\nbill = {{ in_policy = 1100 }}");
    for (rule, paid) in [("other-temporary", 300), ("referral", 300), ("local", 500)] {
        check(
            &[("outpatient.ratio", ratio), ("unfiled", &unfiled(rule))],
            &[
                (&visit("none"), &format!("expect = {{ basic = {paid} }}")),
                (&visit("other-temporary"), "expect = { basic = 500 }"),
                (&visit("local"), "expect = { basic = 500 }"),
            ],
        );
    }
}

#[test]
fn rows_by_filing_cover_everybody_once() {
    for (section, rows, path, problem) in [
        (
            "off_site",
            "{ id = 'one', filed = true, none = true, § }",
            "off_site",
            "leaves a gap: no row for filed false",
        ),
        (
            "inpatient.ratio",
            "{ id = 'one', filed = false, ratio = '0.60', § }",
            "inpatient.ratio",
            "leaves a gap: no row for filed true",
        ),
        (
            "inpatient.ratio",
            "{ id = 'one', filing = 'local', ratio = '0.80', § }, \
             { id = 'two', filing = ['long-term', 'referral', 'emergency', 'other-temporary'], filed = true, \
               ratio = '0.70', § }",
            "inpatient.ratio",
            "leaves a gap: no row for long-term, filed false",
        ),
        (
            "inpatient.ratio",
            "{ id = 'one', ratio = '0.80', § }, { id = 'two', filed = false, ratio = '0.60', § }",
            "inpatient.ratio",
            "overlaps the row on line",
        ),
        (
            "inpatient.ratio",
            "{ id = 'one', filed = 'no', ratio = '0.8', § }",
            "inpatient.ratio.one.filed",
            "true or false",
        ),
        ("unfiled", "{ id = 'one', filed = false, rule = 'refuse', § }", "unfiled", "cannot depend on filed"),
        ("back_home", "{ id = 'one', filed = true, rule = 'local', § }", "back_home", "cannot depend on filed"),
    ] {
        let found = faults(&[(section, &format!("{section} = [{rows}]"))]);
        assert!(
            found.iter().any(|fault| fault.path == path && fault.problem.contains(problem)),
            "{path}: {problem} is not among {found:#?}"
        );
    }
}

/// Jiangxi: students are not reduced in the year in which they enter (policy.md A.12).
#[test]
fn a_rule_may_depend_on_how_the_person_joined() {
    let off_site = "off_site = [{ id = 'other-filing', filing = ['long-term', 'emergency', 'other-temporary'], none = true, § }, \
                    { id = 'entering', filing = 'referral', joined_as = ['student-entry', 'newborn'], none = true, § }, \
                    { id = 'referral', filing = 'referral', joined_as = 'other', pre_deduct = '0.10', § }]";
    check(
        &[("off_site", off_site)],
        &[
            // (2500 - 500) * 0.80
            (
                "filing = 'referral'\njoined_as = 'student-entry'\nbill = { in_policy = 2500 }",
                "expect = { basic = 1600 }",
            ),
            // (2500 - 250 - 500) * 0.80, joined as something else or under no word
            ("filing = 'referral'\njoined_as = 'student'\nbill = { in_policy = 2500 }", "expect = { basic = 1400 }"),
            ("filing = 'referral'\nbill = { in_policy = 2500 }", "expect = { basic = 1400 }"),
        ],
    );
    for (entering, others, problem) in [
        ("'student-entry'", "'student'", "no row for referral, joined as other"),
        ("'student-entry'", "['student-entry', 'newborn']", "overlaps"),
        ("'student-entry'", "['other', 'newborn']", "has other beside words"),
    ] {
        let rows = off_site
            .replace("['student-entry', 'newborn']", entering)
            .replace("'other', pre", &format!("{others}, pre"));
        let found = faults(&[("off_site", &rows)]);
        assert!(found.iter().any(|fault| fault.problem.contains(problem)), "{rows}: {found:#?}");
    }
}
