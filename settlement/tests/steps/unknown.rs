//! What nobody knows is asked for only where it can make a difference to what a layer pays.

use crate::invented::check;

/// A stay of 2500 leaves 500 + 400 = 900 on the person.
fn stay(used: &str) -> String {
    format!("identity = 'low-income'\nused = [{used}]\nbill = {{ in_policy = 2500 }}")
}

fn assistance(start: &str, ratio: &str, caps: &str) -> String {
    format!(
        "assistance.base = {{ includes = ['deductible', 'ratio_share'], § }}\n\
         assistance.start = [{{ id = 'all', amount = {start}, § }}]\n\
         assistance.ratio = [{{ id = 'all', ratio = '{ratio}', § }}]\n\
         assistance.cap = [{caps}]"
    )
}

#[test]
fn assistance_that_comes_to_nothing_asks_for_no_cap_ratio_or_start() {
    let unset = "{ id = 'all', amount = 'unset', § }";
    let outside = "identity = 'low-income'\nbill = { self_paid = 300 }";
    let nobody = "bill = { in_policy = 2500 }";
    check(
        &[("assistance", &assistance("0", "0.70", unset))],
        &[
            (&stay(""), "refused = 511"),
            (outside, "expect = { assistance = 0, cash = 300 }"),
            (nobody, "expect = { basic = 1600, assistance = 0, cash = 900 }"),
        ],
    );
    // Below the start nothing is left to pay a share of; 900 + 200 is above it.
    check(
        &[("assistance", &assistance("1000", "unset", unset))],
        &[
            (&stay(""), "expect = { basic = 1600, assistance = 0, cash = 900 }"),
            (&stay("{ care = 'inpatient', assistance_base = 200 }"), "refused = 511"),
        ],
    );
    check(
        &[("assistance", &assistance("'unset'", "unset", unset))],
        &[
            (outside, "expect = { assistance = 0 }"),
            (nobody, "expect = { assistance = 0 }"),
            (&stay(""), "refused = 511"),
        ],
    );
}

#[test]
fn a_cap_that_leaves_nothing_makes_whatever_else_is_unknown_no_matter() {
    let visits = "{ id = 'all', amount = 'unset', § }, { id = 'visits', counts = 'outpatient', amount = 200, § }";
    let visit = |used: &str| format!("care = 'outpatient'\n{}", stay(used));
    check(
        &[("assistance", &assistance("0", "0.70", visits))],
        &[
            (&visit("{ care = 'outpatient', assistance = 200 }"), "expect = { basic = 1200, assistance = 0 }"),
            // 200 − 199 = 1 would be left: whether the other cap leaves it, nobody knows.
            (&visit("{ care = 'outpatient', assistance = 199 }"), "refused = 511"),
            (&stay("{ care = 'outpatient', assistance = 200 }"), "refused = 511"),
        ],
    );
    let cap = "{ id = 'all', amount = 1000, § }";
    for (start, ratio) in [("'unset'", "0.70"), ("0", "unset")] {
        check(
            &[("assistance", &assistance(start, ratio, cap))],
            &[
                (&stay("{ care = 'inpatient', assistance = 1000 }"), "expect = { assistance = 0, cash = 900 }"),
                (&stay("{ care = 'inpatient', assistance = 999 }"), "refused = 511"),
            ],
        );
    }
}

#[test]
fn tilted_assistance_above_its_cap_asks_for_no_start_or_ratio() {
    for (start, ratio) in [("'unset'", "0.50"), ("100", "unset")] {
        let tilt = format!(
            "\nassistance.tilt = {{ includes = ['deductible', 'ratio_share'], § }}\n\
             assistance.tilt_start = [{{ id = 'all', amount = {start}, § }}]\n\
             assistance.tilt_ratio = [{{ id = 'all', ratio = '{ratio}', § }}]\n\
             assistance.tilt_cap = [{{ id = 'year', amount = 300, § }}]"
        );
        let rules = assistance("0", "0.70", "{ id = 'all', none = true, § }") + &tilt;
        check(
            &[("assistance", &rules)],
            &[
                // 900 × 70 %
                (
                    &stay("{ care = 'inpatient', assistance = 300, tilt = 300 }"),
                    "expect = { assistance = 630, cash = 270 }",
                ),
                (&stay(""), "refused = 511"),
            ],
        );
    }
}

#[test]
fn the_other_layers_above_their_caps_ask_for_nothing_either() {
    let catastrophic = |deductible: &str, ratio: &str, off_site: &str| {
        format!(
            "catastrophic.base = {{ includes = ['deductible', 'ratio_share'], § }}\n\
             catastrophic.tiers = {{ base = 'excess', § }}\n\
             catastrophic.deductible = [{{ id = 'all', amount = {deductible}, § }}]\n\
             catastrophic.ratio = [{{ id = 'all', ratio = '{ratio}', § }}]\n{off_site}\
             catastrophic.cap = [{{ id = 'year', amount = 2000, § }}]"
        )
    };
    let changed = "catastrophic.off_site = [{ id = 'all', none = true, § }]\n";
    let used_up = stay("{ care = 'inpatient', catastrophic_base = 5000, catastrophic = 2000 }");
    let left = stay("{ care = 'inpatient', catastrophic_base = 5000, catastrophic = 1999 }");
    for (deductible, ratio, off_site) in
        [("'unset'", "0.60", ""), ("500", "unset", ""), ("'unset'", "0.60", changed), ("500", "unset", changed)]
    {
        check(
            &[("catastrophic", &catastrophic(deductible, ratio, off_site))],
            &[(&used_up, "expect = { catastrophic = 0, cash = 900 }"), (&left, "refused = 511")],
        );
    }
    let large = "large_sum.ratio = [{ id = 'all', ratio = 'unset', § }]\n\
                 large_sum.cap = [{ id = 'year', amount = 1000, § }]";
    let above = |paid: i64| stay(&format!("{{ care = 'inpatient', basic = 100000, large_sum = {paid} }}"));
    check(
        &[("large_sum", large)],
        &[(&above(1000), "expect = { basic = 0, large_sum = 0, cash = 2500 }"), (&above(999), "refused = 511")],
    );
    let supplement = "civil_servant.base = { includes = ['ratio_share'], § }\n\
                      civil_servant.ratio = [{ id = 'all', ratio = 'unset', § }]\n\
                      civil_servant.cap = [{ id = 'year', amount = 1000, § }]";
    let served = |paid: i64| {
        format!("civil_servant = true\n{}", stay(&format!("{{ care = 'inpatient', civil_servant = {paid} }}")))
    };
    check(
        &[("civil_servant", supplement)],
        &[(&served(1000), "expect = { civil_servant = 0, cash = 900 }"), (&served(999), "refused = 511")],
    );
}

#[test]
fn a_cap_that_leaves_enough_is_not_asked_how_it_grows() {
    let grows = |sum: &str| {
        format!(
            "catastrophic.base = {{ includes = ['deductible', 'ratio_share'], § }}\n\
             catastrophic.tiers = {{ base = 'excess', § }}\n\
             catastrophic.deductible = [{{ id = 'all', amount = 400, § }}]\n\
             catastrophic.ratio = [{{ id = 'all', ratio = '0.60', § }}]\n\
             catastrophic.cap = [{{ id = 'year', amount = 1000, from_years = 4, plus_per_year = {sum}, § }}]"
        )
    };
    let new = |used: &str| format!("enrolled_months = 59\n{}", stay(used));
    // 400 of the base lie before: 900 × 60 % = 540, of which 1000 − 460 are left.
    let enough = "{ care = 'inpatient', catastrophic_base = 1166.67, catastrophic = 460 }";
    let short = "{ care = 'inpatient', catastrophic_base = 1168.34, catastrophic = 461 }";
    check(
        &[("catastrophic", &grows("'unset'"))],
        &[
            (&stay(enough), "expect = { catastrophic = 540 }"),
            (&stay(short), "refused = 511"),
            // No year beyond the fourth yet: 1000 − 461.
            (&new(short), "expect = { catastrophic = 539 }"),
        ],
    );
    check(&[("catastrophic", &grows("1"))], &[(&stay(short), "expect = { catastrophic = 540 }")]);
}
