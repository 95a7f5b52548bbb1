//! Who is let in, on what footing and by which day, and every refusal.

use jiff::civil::date;
use settlement::person::Validity;
use settlement::refusal::{Reason, Refusal};
use settlement::rulebook::Example;

use crate::invented::{STAY, check, example, faults};

#[test]
fn every_refusal_of_the_gate_has_a_case() {
    type Change = fn(&mut Example);
    type Row<'a> = (&'a [(&'a str, &'a str)], &'a str, Change, Reason);
    let unset = ("inpatient.ratio", "inpatient.ratio = [{ id = 'all', ratio = 'unset', § }]");
    let closed = ("inpatient.ratio", "inpatient.none = true\ninpatient.source = 's'\ninpatient.trust = 'assumed'");
    let not_payable = ("off_site", "off_site = [{ id = 'all', not_payable = true, § }]");
    let chronic = "care = 'chronic'\ndisease = 'M03900'\nfiling = 'long-term'\nbill = { in_policy = 2500 }";
    let unopened = chronic.replace("M03900", "M07200");
    let nothing: Change = |_| {};
    let rows: &[Row<'_>] = &[
        (&[], STAY, |case| case.person.entitlements.clear(), Reason::NotInsured),
        (&[], STAY, |case| case.person.entitlements[0].validity.to = Some(date(2025, 6, 29)), Reason::NotInsured),
        (
            &[],
            STAY,
            |case| {
                let from = date(2025, 6, 30);
                case.person.entitlements[0].suspended = Some(Validity { from, to: None });
            },
            Reason::BenefitsSuspended,
        ),
        (&[], STAY, |case| case.settle.encounter.marks.third_party = true, Reason::ThirdPartyLiable),
        (&[], STAY, |case| case.filing = None, Reason::NotFiled),
        (&[], chronic, |case| case.settle.encounter.disease = None, Reason::DiseaseMissing),
        (&[], chronic, |case| case.person.qualifications.clear(), Reason::NotQualified),
        (&[], &unopened, nothing, Reason::DiseaseNotSettled),
        (&[not_payable], STAY, nothing, Reason::NotPayable),
        (&[unset], STAY, nothing, Reason::RuleUnset),
        (&[("inpatient.deductible", ""), closed], STAY, nothing, Reason::NotPayable),
    ];
    for (number, (changed, case, change, reason)) in rows.iter().enumerate() {
        let (book, mut example) = example(changed, case);
        change(&mut example);
        let refusal = example.adjudicate(&book).expect_err("a refusal");
        assert_eq!(refusal.reason, *reason, "row {number}: {refusal}");
    }
}

#[test]
fn a_refusal_for_an_unset_rule_names_it() {
    let words = "急诊抢救的降幅没有找到";
    let own = format!("clause = '{words}', ");
    for (clause, words) in [("", "异地就医的待遇调整不明"), (own.as_str(), words)] {
        let unset = format!(
            "off_site = [{{ id = 'filed', filing = ['long-term', 'referral', 'other-temporary'], none = true, § }}, \
             {{ id = 'emergency', filing = 'emergency', points = 'unset', {clause}§ }}]"
        );
        let (book, mut example) = example(&[("off_site", &unset)], STAY);
        assert!(example.adjudicate(&book).is_ok());
        example.filing = None;
        example.settle.encounter.marks.emergency = true;
        let expected = Refusal::new(Reason::RuleUnset).because(format!("{words}(off_site.emergency)"));
        assert_eq!(example.adjudicate(&book), Err(expected));
    }
}

#[test]
fn a_person_whose_cap_the_book_does_not_name_is_refused_and_not_paid_without_one() {
    let caps = "cap = [{ id = 'high', tier = 'high', counts = 'inpatient', measure = 'fund_paid', amount = 900, § }, \
                { id = 'low', tier = 'low', counts = 'inpatient', measure = 'fund_paid', amount = 300, § }]";
    check(
        &[("cap", caps)],
        &[
            ("tier = 'high'\nbill = { in_policy = 2500 }", "expect = { basic = 900 }"),
            ("tier = 'low'\nbill = { in_policy = 2500 }", "expect = { basic = 300 }"),
            ("bill = { in_policy = 2500 }", "refused = 511"),
            ("tier = 'other'\nbill = { in_policy = 2500 }", "refused = 511"),
            ("care = 'outpatient'\nbill = { in_policy = 2500 }", "expect = { basic = 1200 }"),
        ],
    );
}

#[test]
fn a_filing_prevails_over_the_emergency_mark_and_at_home_neither_matters() {
    let rows = "off_site = [{ id = 'emergency', filing = 'emergency', points = '0.10', § }, \
                { id = 'other', filing = ['long-term', 'referral', 'other-temporary'], points = '0.20', § }]";
    check(
        &[("off_site", rows)],
        &[
            ("filing = 'none'\nemergency = true\nbill = { in_policy = 1500 }", "expect = { basic = 700 }"),
            ("filing = 'other-temporary'\nemergency = true\nbill = { in_policy = 1500 }", "expect = { basic = 600 }"),
            ("filing = 'local'\nemergency = true\nbill = { in_policy = 1500 }", "expect = { basic = 800 }"),
            ("filing = 'none'\nbill = { in_policy = 1500 }", "refused = 505"),
        ],
    );
    let treated = ("unfiled", "unfiled = [{ id = 'all', rule = 'other-temporary', § }]");
    check(
        &[("off_site", rows), treated],
        &[("filing = 'none'\nbill = { in_policy = 1500 }", "expect = { basic = 600 }")],
    );
}

#[test]
fn the_day_that_the_book_names_decides_age_year_and_entitlement() {
    let old = "inpatient.deductible_factor = [{ id = 'old', age_from = 70, factor = '0.5', § }]";
    let born = "birth = 1955-06-15\nadmitted = 2025-06-10\nsettled = 2025-06-30\ncare = 'inpatient'\n\
                filing = 'long-term'\nperson = 'retired'\nlevel = 'third'\nbill = { in_policy = 1000 }";
    let on = |day: &str| format!("decision_date = {{ date = '{day}', § }}");
    for (day, deductible) in [("admission", 500), ("discharge", 250), ("settlement", 250)] {
        let expected = format!("expect = {{ deductible = {deductible} }}");
        check(&[("old", old), ("decision_date", &on(day))], &[(born, &expected)]);
    }
}

#[test]
fn usages_of_another_benefit_year_do_not_count() {
    let summer = ("benefit_year", "benefit_year = { starts = '07-01', § }");
    let (book, mut example) = example(
        &[summer],
        "care = 'outpatient'\nfiling = 'long-term'\nused = [{ care = 'outpatient', deductible = 100 }]\nbill = { in_policy = 300 }",
    );
    assert_eq!(example.adjudicate(&book).expect("a result").usage.year.0, 2024);
    assert_eq!(example.adjudicate(&book).expect("a result").deductible.fen(), 0);
    example.settled_on = date(2025, 7, 1);
    let next_year = example.adjudicate(&book).expect("a result");
    assert_eq!((next_year.usage.year.0, next_year.deductible.fen()), (2025, 10_000));
}

#[test]
fn a_disease_is_open_from_a_day_to_a_day() {
    let open =
        |days: &str| format!("chronic.disease = [{{ id = 'copd', code = 'M05300', name = '慢阻肺', {days}, § }}]");
    let visit = |settled: &str, filing: &str| {
        format!(
            "care = 'chronic'\ndisease = 'M05300'\nfiling = '{filing}'\nsettled = {settled}\nbill = {{ in_policy = 1500 }}"
        )
    };
    let away = |day| visit(day, "long-term");
    let paid = "expect = { basic = 1050 }";
    check(
        &[("chronic.disease", &open("from = 2024-12-01, to = 2025-06-30"))],
        &[
            (&away("2024-11-30"), "refused = 508"),
            (&away("2024-12-01"), paid),
            (&away("2025-06-30"), paid),
            (&away("2025-07-01"), "refused = 508"),
            // At home it does not matter.
            (&visit("2024-11-30", "local"), paid),
        ],
    );
    check(
        &[("chronic.disease", &open("to = 2025-06-30"))],
        &[(&away("2021-01-01"), paid), (&away("2025-07-01"), "refused = 508")],
    );
    for (days, at, problem) in [
        ("from = 2025-01-01, to = 2024-12-31", "chronic.disease.copd.to", "lies before from"),
        ("from = 2024", "chronic.disease.copd.from", "a day such as"),
    ] {
        let found = faults(&[("chronic.disease", &open(days))]);
        assert!(found.iter().any(|fault| fault.path == at && fault.problem.contains(problem)), "{days}: {found:#?}");
    }
}
