//! People with several chronic diseases.

use crate::invented::{check, faults};

const RATIOS: &str = "chronic.ratio = [{ id = 'pressure', disease = 'M03900', ratio = '0.60', § }, \
                      { id = 'diabetes', disease = 'M01600', ratio = '0.80', § }, \
                      { id = 'cancer', disease = 'M00500', ratio = '0.70', § }]";

fn caps(diabetes: &str) -> String {
    let row = |id: &str, code: &str, amount: i64, more: &str| {
        format!(
            "{{ id = '{id}', disease = '{code}', counts = ['chronic'], measure = 'fund_paid', per = 'month', \
             amount = {amount}{more}, § }}"
        )
    };
    let (pressure, cancer) = (row("pressure", "M03900", 200, ""), row("cancer", "M00500", 400, ""));
    format!("cap = [{pressure}, {}, {cancer}]", row("diabetes", "M01600", 300, diabetes))
}

/// A visit at home for high blood pressure.
fn visit(others: &str, in_policy: i64, used: &str) -> String {
    let others = if others.is_empty() { String::new() } else { format!("diseases_qualified = [{others}]\n") };
    format!(
        "care = 'chronic'\nfiling = 'local'\ndisease = 'M03900'\n{others}used = [{used}]\n\
         bill = {{ in_policy = {in_policy} }}"
    )
}

fn used(disease: &str, month: &str, basic: i64) -> String {
    format!("{{ care = 'chronic', disease = '{disease}', month = '{month}', basic = {basic} }}")
}

#[test]
fn without_a_rule_each_disease_stands_for_itself() {
    check(
        &[("chronic.ratio", RATIOS), ("cap", &caps(""))],
        &[
            // 1000 * 0.60 = 600, cut at 200
            (&visit("'M01600', 'M00500'", 1000, &used("M01600", "2025-06", 300)), "expect = { basic = 200 }"),
            (&visit("'M01600'", 300, ""), "expect = { basic = 180 }"),
        ],
    );
}

#[test]
fn several_diseases_share_the_highest_cap() {
    // Jieyang
    let several = "chronic.several = { cap = 'highest', § }";
    check(
        &[("chronic.ratio", RATIOS), ("cap", &caps("")), ("chronic.several", several)],
        &[
            (&visit("", 1000, ""), "expect = { basic = 200 }"),
            (&visit("'M01600'", 1000, ""), "expect = { basic = 300 }"),
            (&visit("'M01600', 'M00500'", 1000, ""), "expect = { basic = 400 }"),
            // 300 - 250 = 50, whichever disease used it
            (&visit("'M01600'", 1000, &used("M01600", "2025-06", 250)), "expect = { basic = 50 }"),
            (&visit("'M01600'", 1000, &used("M01600", "2025-05", 250)), "expect = { basic = 300 }"),
            // The ratio stays the disease's own: 300 * 0.60
            (&visit("'M01600'", 300, ""), "expect = { basic = 180 }"),
        ],
    );
}

#[test]
fn the_two_highest_caps_add_up_at_the_highest_ratio() {
    // Shantou: class I begins anew each month, class II carries on.
    let several = "chronic.several = { cap = 'top_two_add', ratio = 'highest', § }";
    check(
        &[("chronic.ratio", RATIOS), ("cap", &caps("")), ("chronic.several", several)],
        &[
            // 300 * 0.80
            (&visit("'M01600'", 300, ""), "expect = { basic = 240 }"),
            // 1000 * 0.80 = 800, cut at 200 + 300
            (&visit("'M01600'", 1000, ""), "expect = { basic = 500 }"),
            // 400 + 300
            (&visit("'M01600', 'M00500'", 1000, ""), "expect = { basic = 700 }"),
            // 500 - 120 - 80 = 300
            (
                &visit("'M01600'", 1000, &[used("M01600", "2025-06", 120), used("M03900", "2025-06", 80)].join(", ")),
                "expect = { basic = 300 }",
            ),
            // 1000 * 0.60 = 600, cut at its own 200
            (&visit("", 1000, ""), "expect = { basic = 200 }"),
        ],
    );
    check(
        &[("chronic.ratio", RATIOS), ("cap", &caps(", carried = true")), ("chronic.several", several)],
        &[
            // 200 of June and 6 * 300 carried on; 5000 * 0.80 = 4000
            (&visit("'M01600'", 5000, ""), "expect = { basic = 2000 }"),
            // March used 500: its 200 first, then 300 of what is carried; 200 + 1800 - 300 = 1700
            (&visit("'M01600'", 5000, &used("M03900", "2025-03", 500)), "expect = { basic = 1700 }"),
            // March used 150: its own 200 would have been lost
            (&visit("'M01600'", 5000, &used("M03900", "2025-03", 150)), "expect = { basic = 2000 }"),
            // 2000 - 100
            (&visit("'M01600'", 5000, &used("M01600", "2025-06", 100)), "expect = { basic = 1900 }"),
        ],
    );
}

#[test]
fn at_most_so_many_diseases_count_and_bear_one_deductible() {
    // Xianyang
    let deductible = "chronic.deductible = [{ id = 'all', amount = 100, per = 'year', § }]";
    let one = "chronic.several = { diseases_at_most = 2, deductible = 'one', § }";
    let each = "chronic.several = { deductible = 'each', § }";
    let borne = "{ care = 'chronic', disease = 'M01600', deductible = 100 }";
    check(
        &[("chronic.deductible", deductible), ("chronic.several", one)],
        &[
            (&visit("'M01600'", 300, ""), "expect = { deductible = 100, basic = 140 }"),
            (&visit("'M01600'", 300, borne), "expect = { deductible = 0, basic = 210 }"),
            // The person was qualified for two others first.
            (&visit("'M01600', 'M00500'", 300, ""), "refused = 507"),
        ],
    );
    check(
        &[("chronic.deductible", deductible), ("chronic.several", each)],
        &[
            (&visit("'M01600'", 300, borne), "expect = { deductible = 100, basic = 140 }"),
            (
                &visit("'M01600'", 300, "{ care = 'chronic', disease = 'M03901', deductible = 60 }"),
                "expect = { deductible = 40, basic = 182 }",
            ),
        ],
    );
}

#[test]
fn some_diseases_share_a_deductible_with_stays_and_others_have_their_own() {
    // Weihai: 100 for ordinary diseases; 300 for special ones and stays together.
    let chronic = "chronic.deductible = [{ id = 'ordinary', disease = ['M03900', 'M01600'], amount = 100, per = 'year', \
                   counts_diseases = ['M03900', 'M01600'], § }, { id = 'special', disease = 'M00500', amount = 300, \
                   per = 'year', shared_by = ['inpatient', 'chronic'], counts_diseases = 'M00500', § }]";
    let stays = "inpatient.deductible = [{ id = 'all', amount = 300, per = 'year', shared_by = ['inpatient', 'chronic'], \
                 counts_diseases = 'M00500', § }]";
    let (stay, special) =
        ("{ care = 'inpatient', deductible = 300 }", "{ care = 'chronic', disease = 'M00500', deductible = 200 }");
    let ordinary = "{ care = 'chronic', disease = 'M01600', deductible = 60 }";
    let cancer = |used: &str| visit("", 1000, used).replace("M03900", "M00500");
    let inpatient = |used: &str| format!("used = [{used}]\nbill = {{ in_policy = 1000 }}");
    check(
        &[("chronic.deductible", chronic), ("inpatient.deductible", stays)],
        &[
            (&visit("", 1000, stay), "expect = { deductible = 100, basic = 630 }"),
            (&visit("", 1000, &format!("{ordinary}, {special}")), "expect = { deductible = 40, basic = 672 }"),
            (&cancer(stay), "expect = { deductible = 0, basic = 700 }"),
            (&cancer(&format!("{ordinary}, {special}")), "expect = { deductible = 100, basic = 630 }"),
            (&inpatient(special), "expect = { deductible = 100, basic = 720 }"),
            (&inpatient(ordinary), "expect = { deductible = 300, basic = 560 }"),
        ],
    );
}

#[test]
fn a_disease_without_a_cap_is_not_limited_by_the_others() {
    let several = "chronic.several = { cap = 'highest', § }";
    let caps =
        "cap = [{ id = 'diabetes', disease = 'M01600', counts = ['chronic'], measure = 'fund_paid', amount = 300, § }]";
    check(
        &[("chronic.ratio", RATIOS), ("cap", caps), ("chronic.several", several)],
        &[(&visit("'M01600'", 1000, &used("M01600", "2025-06", 300)), "expect = { basic = 600 }")],
    );
}

/// Shantou: class I (cancer, 500) begins anew each month, class II (high blood pressure 100, diabetes 150) carries on.
const CLASSES: &str = "cap = [\
    { id = 'pressure', disease = 'M03900', counts = ['chronic'], measure = 'fund_paid', per = 'month', carried = true, amount = 100, § }, \
    { id = 'diabetes', disease = 'M01600', counts = ['chronic'], measure = 'fund_paid', per = 'month', carried = true, amount = 150, § }, \
    { id = 'cancer', disease = 'M00500', counts = ['chronic'], measure = 'fund_paid', per = 'month', amount = 500, § }]";

#[test]
fn each_disease_adds_to_a_carried_cap_from_its_own_qualification() {
    let since_june = |others: &str, used: &str| {
        format!(
            "care = 'chronic'\nfiling = 'local'\ndisease = 'M01600'\nqualified_from = 2025-06-01\n\
             diseases_qualified = [{others}]\nused = [{used}]\nbill = {{ in_policy = 3000 }}"
        )
    };
    let several = "chronic.several = { cap = 'top_two_add', ratio = 'highest', § }";
    check(
        &[("chronic.ratio", RATIOS), ("cap", CLASSES), ("chronic.several", several)],
        &[
            // 500 of June and 150 * 1; 3000 * 0.80 = 2400
            (&since_june("'M00500'", ""), "expect = { basic = 650 }"),
            // 100 * 6 + 150 * 1
            (&since_june("'M03900'", ""), "expect = { basic = 750 }"),
            // March used 80 of the 300 that were there: 750 - 80
            (&since_june("'M03900'", &used("M03900", "2025-03", 80)), "expect = { basic = 670 }"),
            // With both, the two highest until May: 500 anew and 5 * 100 carried; from June 500 and 150.
            (&since_june("'M03900', 'M00500'", ""), "expect = { basic = 1150 }"),
            // Long qualified for all: 150 of diabetes each month.
            (&visit("'M01600', 'M00500'", 3000, ""), "expect = { basic = 1400 }"),
        ],
    );
    let highest = "chronic.several = { cap = 'highest', § }";
    check(
        &[("chronic.ratio", RATIOS), ("cap", CLASSES), ("chronic.several", highest)],
        // 100 * 5 + 150
        &[(&since_june("'M03900'", ""), "expect = { basic = 650 }")],
    );
}

#[test]
fn a_cap_that_grows_does_so_where_several_diseases_share_it() {
    // 20 years, of which four add nothing: 300 + 16 * 10 = 460; two years without a claim: 100 more.
    let grows = caps(", plus_per_year = 10, from_years = 4, plus_per_claim_free_year = 50");
    let shared = |how: &str| format!("chronic.several = {{ cap = '{how}', ratio = 'highest', § }}");
    for (how, years, claim_free) in [("highest", 460, 560), ("top_two_add", 660, 760)] {
        check(
            &[("chronic.ratio", RATIOS), ("cap", &grows), ("chronic.several", &shared(how))],
            &[
                (&visit("'M01600'", 2000, ""), &format!("expect = {{ basic = {years} }}")),
                (
                    &format!("claim_free_years = 2\n{}", visit("'M01600'", 2000, "")),
                    &format!("expect = {{ basic = {claim_free} }}"),
                ),
            ],
        );
    }
    let unset = caps(", plus_per_year = 'unset'");
    check(
        &[("chronic.ratio", RATIOS), ("cap", &unset), ("chronic.several", &shared("highest"))],
        &[(&visit("'M01600'", 2000, ""), "refused = 511"), (&visit("", 2000, ""), "expect = { basic = 200 }")],
    );
}

#[test]
fn one_deductible_for_all_diseases_is_one_of_a_year_or_a_cycle() {
    let one = "chronic.several = { deductible = 'one', § }";
    let rows = |per: &str| format!("chronic.deductible = [{{ id = 'all', amount = 100, {per}, § }}]");
    let fault = |deductible: &str| {
        // A fault of its own, so that there is something to look into.
        let ratio = ("chronic.ratio", "chronic.ratio = [{ id = 'all', ratio = '2', § }]");
        let found = faults(&[("chronic.deductible", deductible), ("chronic.several", one), ratio]);
        assert!(found.iter().any(|fault| fault.path.starts_with("chronic.ratio")), "{found:#?}");
        found.iter().any(|fault| fault.path == "chronic.several.deductible" && fault.problem.contains("per = \"stay\""))
    };
    assert!(fault(&rows("per = 'stay'")));
    assert!(!fault(&rows("per = 'year'")));
    assert!(!fault(&rows("per = 'cycle', cycle_days = 360")));
    // Whom nothing is asked of bears nothing for any disease.
    assert!(!fault(
        "chronic.deductible = [{ id = 'spared', identity = 'low-income', none = true, per = 'stay', § }, \
         { id = 'all', identity = ['none', 'destitute', 'low-income-margin'], amount = 100, per = 'year', § }]"
    ));
}

#[test]
fn of_caps_that_leave_the_same_the_first_in_the_book_decides_shared_or_not() {
    let layer = "catastrophic.base = { includes = ['ratio_share', 'above_cap'], care = ['chronic'], § }\n\
                 catastrophic.tiers = { base = 'excess', § }\n\
                 catastrophic.deductible = [{ id = 'all', amount = 50, § }]\n\
                 catastrophic.ratio = [{ id = 'all', ratio = '0.60', § }]\n\
                 catastrophic.cap = [{ id = 'all', none = true, § }]";
    let own = "{ id = 'pressure', disease = 'M03900', counts = ['chronic'], measure = 'fund_paid', amount = 210, \
               above = 'person-apart', § }";
    let all = "{ id = 'all', counts = ['chronic'], measure = 'fund_paid', amount = 210, § }";
    for how in ["each", "highest"] {
        let several = format!("chronic.several = {{ cap = '{how}', § }}");
        // 210 buys 300 of 1000 at 70 %, and 90 are the ratio's: (90 - 50) * 0.60, or with the 700 above (790 - 50) * 0.60.
        for (first, second, paid) in [(own, all, 24), (all, own, 444)] {
            check(
                &[
                    ("cap", &format!("cap = [{first}, {second}]")),
                    ("catastrophic", layer),
                    ("chronic.several", &several),
                ],
                &[(&visit("", 1000, ""), &format!("expect = {{ basic = 210, catastrophic = {paid} }}"))],
            );
        }
    }
}
