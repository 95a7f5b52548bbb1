//! Rows that nothing meets which their table is asked about, and diseases that no row is for: each is a fault, and none is
//! silently never applied.

use settlement::person::PersonClass;
use settlement::refusal::Reason;

use crate::invented::{example, faults};

#[test]
fn a_row_that_can_never_apply_is_a_fault() {
    for (section, rows, problem) in [
        ("back_home", "[{ id = 'x', filing = ['long-term'], rule = 'other-temporary', § }]", "cannot depend on filing"),
        ("deemed_filing", "[{ id = 'x', filing = 'local', class = 'long-term', § }]", "cannot depend on filing"),
        ("unfiled", "[{ id = 'x', filing = 'local', rule = 'refuse', § }]", "cannot depend on filing"),
        ("waiting", "[{ id = 'x', filed = true, none = true, § }]", "cannot depend on filed"),
        (
            "inpatient.deductible",
            "[{ id = 'x', amount = 500, per = 'stay', care = 'chronic', § }]",
            "names no inpatient care",
        ),
        (
            "inpatient.deductible",
            "[{ id = 'x', amount = 500, per = 'stay', disease = 'M03900', § }]",
            "names a disease, which only chronic care is for",
        ),
        (
            "inpatient.deductible_factor",
            "[{ id = 'x', person = 'adult', factor = '0.5', § }]",
            "names nobody whom this book insures",
        ),
        ("off_site", "[{ id = 'x', filing = 'local', none = true, § }]", "is for care at home"),
        (
            "inpatient.deductible",
            "[{ id = 'x', amount = 500, per = 'stay', shared_by = ['inpatient', 'chronic'], § }]",
            "goes with per = \"year\"",
        ),
        (
            "inpatient.deductible",
            "[{ id = 'x', amount = 500, per = 'year', shared_by = ['chronic'], § }]",
            "leaves out the care of its own table",
        ),
        (
            "inpatient.deductible",
            "[{ id = 'x', amount = 500, per = 'year', counts_diseases = ['M03900'], § }]",
            "names diseases of chronic care",
        ),
        (
            "cap",
            "[{ id = 'x', counts = ['inpatient'], disease = 'M03900', measure = 'fund_paid', amount = 9, § }]",
            "leaves out chronic",
        ),
        (
            "cap",
            "[{ id = 'x', counts = ['inpatient'], counts_diseases = ['M03900'], measure = 'fund_paid', amount = 9, § }]",
            "names diseases of chronic care",
        ),
    ] {
        let found = faults(&[(section, &format!("{section} = {rows}"))]);
        assert!(found.iter().any(|fault| fault.problem.contains(problem)), "{section} {rows}: {found:#?}");
        assert!(found.iter().all(|fault| fault.path.starts_with(section)), "{section}: {found:#?}");
    }
}

/// The book opens two diseases; a table that names one of them leaves the other out, and one that asks of any care for a
/// disease leaves out care without one.
#[test]
fn a_disease_that_no_row_is_for_is_a_gap() {
    for (section, rows, left_out) in [
        ("chronic.ratio", "[{ id = 'x', disease = 'M03900', ratio = '0.70', § }]", "no row for disease M01600"),
        (
            "off_site",
            "[{ id = 'x', disease = ['M03900', 'M01600'], none = true, § }]",
            "no row for care without a chronic disease",
        ),
    ] {
        let found = faults(&[(section, &format!("{section} = {rows}"))]);
        assert!(found.iter().any(|fault| fault.problem.contains(left_out)), "{section}: {found:#?}");
    }
}

#[test]
fn what_is_not_known_of_the_person_is_named_beside_the_rule_that_asks_for_it() {
    let tiers = "inpatient.ratio = [{ id = 'one', tier = 'one', ratio = '0.80', § }]";
    let days = "inpatient.ratio = [{ id = 'late', person = 'retired', retired_from = 2001-01-01, ratio = '0.9', § }, \
                { id = 'early', person = 'retired', retired_to = 2000-12-31, ratio = '0.8', § }, \
                { id = 'working', person = 'working', ratio = '0.7', § }]";
    let case = "care = 'inpatient'\nfiling = 'local'\nbill = { in_policy = 1000 }";
    for (rows, person, missing) in [(tiers, PersonClass::Working, "缴费档次"), (days, PersonClass::Retired, "退休日期")]
    {
        let (book, mut case) = example(&[("inpatient.ratio", rows)], case);
        case.person.entitlements[0].class = person;
        let refused = case.adjudicate(&book).expect_err("nobody knows by which row");
        assert_eq!(refused.reason, Reason::RuleUnset);
        assert_eq!(refused.detail, Some(format!("住院支付比例，参保人的{missing}不明(inpatient.ratio)")));
    }
}
