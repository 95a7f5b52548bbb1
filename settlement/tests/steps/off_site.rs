//! The forms in which care elsewhere is paid differently, in combination, and the guaranteed share (policy.md C.6, D.11).

use settlement::money::Money;

use crate::invented::{book, check, example, faults};

/// Anhui 2024 as far as it is written here: in the province twice the deductible and −5 points, unfiled a further −10;
/// out of it −10 and −20, and never less than 40 % of the in-policy amount.
const ANHUI: &[(&str, &str)] = &[
    ("place", "place = [{ id = 'in-province', areas = '340000', § }]"),
    (
        "off_site",
        "off_site = [{ id = 'long', filing = 'long-term', none = true, § }, \
         { id = 'in-referred', place = 'in-province', filing = ['referral', 'emergency'], points = '0.05', § }, \
         { id = 'in-other', place = 'in-province', filing = 'other-temporary', points = '0.15', § }, \
         { id = 'out-referred', place = 'elsewhere', filing = ['referral', 'emergency'], points = '0.10', § }, \
         { id = 'out-other', place = 'elsewhere', filing = 'other-temporary', points = '0.20', floor = '0.40', \
           floor_of = 'in_policy', § }]",
    ),
    (
        "factor",
        "inpatient.deductible_factor = [{ id = 'in-province', place = 'in-province', \
         filing = ['referral', 'emergency', 'other-temporary'], factor = '2', § }]",
    ),
];

#[test]
fn a_place_decides_deductible_points_and_floor_together() {
    let province = "treated_in = ['340301', '340300', '340000']";
    check(
        ANHUI,
        &[
            // (5000 − 1000) × 75 %
            (
                &format!("filing = 'referral'\n{province}\nbill = {{ in_policy = 5000 }}"),
                "expect = { deductible = 1000, basic = 3000 }",
            ),
            // (5000 − 1000) × 65 %
            (
                &format!("filing = 'other-temporary'\n{province}\nbill = {{ in_policy = 5000 }}"),
                "expect = { basic = 2600 }",
            ),
            (
                &format!("filing = 'long-term'\n{province}\nbill = {{ in_policy = 5000 }}"),
                "expect = { deductible = 500, basic = 3600 }",
            ),
            // (5000 − 500) × 70 %
            ("filing = 'referral'\nbill = { in_policy = 5000 }", "expect = { basic = 3150 }"),
            // (5000 − 500) × 60 %, more than 40 % of 5000
            ("filing = 'other-temporary'\nbill = { in_policy = 5000 }", "expect = { basic = 2700 }"),
            // (800 − 500) × 60 % = 180, less than 40 % of 800: the 140 more pay what the ratio left, and 20 of the deductible
            (
                "filing = 'other-temporary'\nbill = { in_policy = 800 }",
                "expect = { deductible = 480, basic = 320, cash = 480 }",
            ),
            // Exactly at the floor: (1500 − 500) × 60 % = 40 % of 1500
            ("filing = 'other-temporary'\nbill = { in_policy = 1500 }", "expect = { basic = 600 }"),
            // Nothing is left after the deductible.
            (
                "filing = 'other-temporary'\nbill = { in_policy = 500 }",
                "expect = { deductible = 300, basic = 200, cash = 300 }",
            ),
            (
                "filing = 'other-temporary'\nbill = { in_policy = 0, self_paid = 100 }",
                "expect = { basic = 0, cash = 100 }",
            ),
        ],
    );
}

#[test]
fn every_form_together_goes_in_one_order() {
    let off_site = |floor: &str| {
        format!(
            "off_site = [{{ id = 'all', pre_deduct = '0.10', points = '0.10', factor = '0.9', floor = '{floor}', \
             floor_of = 'in_policy', § }}]"
        )
    };
    let bill = "bill = { in_policy = 10000 }";
    // (10000 − 1000 − 500) × (80 % − 10 points) × 0.9 = 5355
    for (floor, expected) in [
        ("0.50", "expect = { deductible = 500, basic = 5355, cash = 4645 }"),
        ("0.6", "expect = { deductible = 500, basic = 6000, cash = 4000 }"),
        ("1", "expect = { basic = 10000, cash = 0 }"),
        ("unset", "refused = 511"),
    ] {
        check(&[("off_site", &off_site(floor))], &[(bill, expected)]);
    }
}

#[test]
fn a_floor_of_the_total_stays_within_what_is_in_policy_and_under_the_cap() {
    let off_site = ("off_site", "off_site = [{ id = 'all', floor = '0.45', floor_of = 'total', § }]");
    check(
        &[off_site],
        &[
            // 45 % of 1000 = 450, of which 400 are in policy.
            ("bill = { self_paid = 600, in_policy = 400 }", "expect = { basic = 400, cash = 600 }"),
            // (1500 − 500) × 80 % = 800; 45 % of 2000 = 900
            ("bill = { self_paid = 500, in_policy = 1500 }", "expect = { basic = 900, cash = 1100 }"),
            // 45 % of 2000.01 = 900.0045
            ("bill = { self_paid = 500.01, in_policy = 1500 }", "expect = { basic = 900 }"),
            // The cap leaves 50, and the floor does not lift it.
            (
                "used = [{ care = 'inpatient', basic = 99950 }]\nbill = { self_paid = 500, in_policy = 1500 }",
                "expect = { basic = 50 }",
            ),
            // At home there is nothing to guarantee.
            ("filing = 'local'\nbill = { self_paid = 600, in_policy = 400 }", "expect = { basic = 0 }"),
        ],
    );
}

#[test]
fn what_is_above_a_cap_on_cost_is_guaranteed_nothing_and_left_to_the_layer_above() {
    let off_site = ("off_site", "off_site = [{ id = 'all', floor = '0.90', floor_of = 'in_policy', § }]");
    let cap = (
        "cap",
        "cap = [{ id = 'cost', counts = ['inpatient', 'chronic', 'outpatient'], measure = 'in_policy', amount = 100000, \
         above = 'large-sum', § }]",
    );
    let layer = (
        "large_sum",
        "large_sum.ratio = [{ id = 'all', ratio = '0.50', § }]\n\
         large_sum.cap = [{ id = 'year', none = true, § }]",
    );
    let used = |in_policy: &str| format!("used = [{{ care = 'inpatient', in_policy = {in_policy} }}]");
    check(
        &[off_site, cap, layer],
        &[
            // The cap is used up: nothing is guaranteed; half of (10500 − 500) above it.
            (
                &format!("{}\nbill = {{ in_policy = 10500 }}", used("100000")),
                "expect = { basic = 0, large_sum = 5000, cash = 5500 }",
            ),
            // 2500 still count: 90 % of them; half of the 8000 above.
            (
                &format!("{}\nbill = {{ in_policy = 10500 }}", used("97500")),
                "expect = { basic = 2250, large_sum = 4000, cash = 4250 }",
            ),
        ],
    );
}

#[test]
fn what_the_floor_pays_is_no_burden_of_later_layers() {
    let off_site = ("off_site", "off_site = [{ id = 'all', floor = '0.40', floor_of = 'in_policy', § }]");
    let civil_servant = (
        "civil_servant",
        "civil_servant.base = { includes = ['deductible', 'ratio_share'], § }\n\
         civil_servant.ratio = [{ id = 'all', ratio = '0.50', § }]\n\
         civil_servant.cap = [{ id = 'all', none = true, § }]",
    );
    // 240 of the 800 are paid by ratio, 320 by the floor; half of the 480 that are left.
    check(
        &[off_site, civil_servant],
        &[(
            "civil_servant = true\nbill = { in_policy = 800 }",
            "expect = { basic = 320, civil_servant = 240, cash = 240 }",
        )],
    );
}

#[test]
fn half_a_floor_is_a_fault() {
    let found = faults(&[("off_site", "off_site = [{ id = 'all', floor = '0.40', § }]")]);
    assert!(
        found.iter().any(|fault| fault.path == "off_site.all" && fault.problem.contains("needs both floor")),
        "{found:#?}"
    );
}

/// Every form of a reduction is held against the national ceilings: 10 points for who is referred, 20 for others.
#[test]
fn a_reduction_beyond_the_national_ceilings_is_to_be_looked_at() {
    let off_site = |change: &str| {
        format!(
            "off_site = [{{ id = 'long', filing = ['long-term'], none = true, § }}, \
             {{ id = 'other', filing = ['referral', 'emergency', 'other-temporary'], {change}, § }}]"
        )
    };
    // At home 80 % at every level.
    for (change, beyond) in [
        ("none = true", &[][..]),
        ("points = '0.10'", &[]),
        ("points = '0.11'", &["referral", "emergency"]),
        // 80 - 80 * 0.875 = 10; 80 - 80 * 0.87 = 10.4
        ("factor = '0.875'", &[]),
        ("factor = '0.87'", &["referral", "emergency"]),
        // 80 * 0.125 = 10; 80 * 0.26 = 20.8
        ("pre_deduct = '0.125'", &[]),
        ("pre_deduct = '0.13'", &["referral", "emergency"]),
        ("pre_deduct = '0.26'", &["referral", "emergency", "other-temporary"]),
        // 80 - (80 - 5) * 0.9 * 0.8 = 26
        ("points = '0.05', factor = '0.9', pre_deduct = '0.20'", &["referral", "emergency", "other-temporary"]),
        ("not_payable = true", &[]),
        ("points = 'unset'", &[]),
    ] {
        let found = book(&[("off_site", &off_site(change))], "").warnings();
        assert_eq!(found.len(), beyond.len(), "{change}: {found:#?}");
        for class in beyond {
            assert!(
                found.iter().any(|said| said.contains(&format!("off_site.other: lowers {class} by"))),
                "{found:#?}"
            );
        }
    }
    // A table of its own, by level and segment: 90 % at the third level, 80 % below, at home.
    let own = "inpatient.segments = { base = 'bill', § }\n\
               inpatient.ratio = [{ id = 'third', level = ['third'], filing = ['local', 'long-term'], ratio = '0.90', § }, \
               { id = 'other', level = ['primary', 'first', 'second'], filing = ['local', 'long-term'], ratio = '0.80', § }, \
               { id = 'off-site-low', filing = ['referral', 'emergency', 'other-temporary'], to = 1000, ratio = '0.75', § }, \
               { id = 'off-site-high', filing = ['referral', 'emergency', 'other-temporary'], from = 1000, ratio = '0.65', § }]";
    let found = book(&[("inpatient.ratio", own)], "").warnings();
    let wanted = [
        "inpatient.ratio.off-site-low: lowers referral by more than 10 points: 90% at home, 75% elsewhere (inpatient care, level third)",
        "inpatient.ratio.off-site-low: lowers emergency",
        "inpatient.ratio.off-site-high: lowers referral",
        "inpatient.ratio.off-site-high: lowers emergency",
        "inpatient.ratio.off-site-high: lowers other-temporary by more than 20 points: 90% at home, 65% elsewhere",
    ];
    assert_eq!(found.len(), wanted.len(), "{found:#?}");
    assert!(wanted.iter().all(|wanted| found.iter().any(|said| said.contains(wanted))), "{found:#?}");
}

/// One stay of 20000, or the same in two parts: 10 % is taken off first, then 500 are borne, and the first 9000 of a year
/// are paid 80 %, the rest 90 %. (9000 - 500) × 80 % + 9000 × 90 % = 14900 either way.
#[test]
fn what_is_taken_off_first_does_not_move_the_segments_of_a_year() {
    let changed = [
        ("off_site", "off_site = [{ id = 'all', pre_deduct = '0.10', § }]"),
        ("inpatient.segments", "inpatient.segments = { base = 'year', § }"),
        (
            "inpatient.ratio",
            "inpatient.ratio = [{ id = 'low', to = 9000, ratio = '0.80', § }, { id = 'high', from = 9000, ratio = '0.90', § }]",
        ),
        ("inpatient.deductible", "inpatient.deductible = [{ id = 'all', amount = 500, per = 'year', § }]"),
    ];
    check(
        &changed,
        &[
            ("bill = { in_policy = 20000 }", "expect = { deductible = 500, basic = 14900 }"),
            // (9000 - 500) * 0.80 = 6800; what was looked at is 10000 - 1000
            ("bill = { in_policy = 10000 }", "expect = { deductible = 500, basic = 6800 }"),
            (
                "used = [{ care = 'inpatient', stays = 1, deductible = 500, in_policy = 9000, basic = 6800 }]\n\
                 bill = { in_policy = 10000 }",
                // 9000 * 0.90 = 8100, and 6800 + 8100 = 14900
                "expect = { deductible = 0, basic = 8100 }",
            ),
        ],
    );
}

#[test]
fn a_year_goes_on_from_what_the_fund_looked_at() {
    let changed = [("off_site", "off_site = [{ id = 'all', pre_deduct = '0.10', § }]")];
    let (book, example) = example(&changed, "care = 'inpatient'\nfiling = 'referral'\nbill = { in_policy = 10000 }");
    let worked_out = example.adjudicate(&book).expect("a result");
    assert_eq!(worked_out.usage.sums.in_policy, Money::from_yuan(9_000));
}
