//! Layers by segments, care elsewhere in the catastrophic layer, assistance by kind of care and tilted.

use crate::invented::{check, faults};

fn stay(used: &str, in_policy: &str) -> String {
    format!("used = [{used}]\nbill = {{ in_policy = {in_policy} }}")
}

#[test]
fn the_large_sum_layer_pays_by_segments_of_the_year_s_cost_above_the_cap() {
    let segments = "large_sum.ratio = [{ id = 'low', to = 1000, ratio = '0.90', § }, \
                    { id = 'high', from = 1000, ratio = '0.80', § }]\n\
                    large_sum.cap = [{ id = 'year', none = true, § }]";
    check(
        &[("large_sum", segments)],
        &[
            // 2000 above the cap: 1000 * 0.90 + 1000 * 0.80
            (&stay("{ care = 'inpatient', basic = 100000 }", "2500"), "expect = { basic = 0, large_sum = 1700 }"),
            // The year stands at 600: 400 * 0.90 + 1600 * 0.80 = 360 + 1280
            (
                &stay("{ care = 'outpatient', basic = 100000, above_cap = 600 }", "2500"),
                "expect = { large_sum = 1640, cash = 860 }",
            ),
            (
                &stay("{ care = 'inpatient', basic = 100000, above_cap = 1000 }", "2500"),
                "expect = { large_sum = 1600 }",
            ),
            // Nothing is above the cap, or nothing above the deductible.
            (&stay("", "2500"), "expect = { basic = 1600, large_sum = 0 }"),
            (&stay("{ care = 'inpatient', basic = 100000 }", "500"), "expect = { large_sum = 0, cash = 500 }"),
        ],
    );
}

#[test]
fn what_a_cap_bought_is_an_exact_fraction() {
    let ratio = "inpatient.ratio = [{ id = 'all', ratio = '0.85', § }]";
    let large =
        "large_sum.ratio = [{ id = 'all', ratio = '0.85', § }]\nlarge_sum.cap = [{ id = 'year', none = true, § }]";
    check(
        &[("inpatient.ratio", ratio), ("large_sum", large)],
        // 0.28 is left and buys 0.28 / 0.85; (1.50 - 0.28 / 0.85) * 0.85 = 1.275 - 0.28 = 0.995 -> 1.00
        &[(
            &stay("{ care = 'inpatient', basic = 99999.72 }", "501.50"),
            "expect = { basic = 0.28, large_sum = 1.00, cash = 500.22 }",
        )],
    );
}

#[test]
fn a_cap_buys_cost_segment_by_segment_or_at_the_bill_s_ratio() {
    let ratios = "inpatient.ratio = [{ id = 'low', to = 1000, ratio = '0.80', § }, \
                  { id = 'high', from = 1000, ratio = '0.90', § }]\n\
                  inpatient.segments = { base = 'bill', § }";
    let large = |base: &str| {
        format!(
            "large_sum.base = '{base}'\nlarge_sum.ratio = [{{ id = 'all', ratio = '0.80', § }}]\n\
             large_sum.cap = [{{ id = 'year', none = true, § }}]"
        )
    };
    // 500 * 0.80 + 2000 * 0.90 = 2200 of 2500; 1100 of the cap is left
    let case = stay("{ care = 'inpatient', basic = 98900 }", "3000");
    // 400 buys 500, 700 buys 700 / 0.90; (2000 - 700 / 0.90) * 0.80 = 977.777…
    check(
        &[("inpatient.ratio", ratios), ("large_sum", &large("above_cap"))],
        &[(&case, "expect = { basic = 1100, large_sum = 977.78, cash = 922.22 }")],
    );
    // 1100 / (2200 / 2500) = 1250; (2500 - 1250) * 0.80 = 1000
    check(
        &[("inpatient.ratio", ratios), ("large_sum", &large("cap_bought"))],
        &[(&case, "expect = { basic = 1100, large_sum = 1000, cash = 900 }")],
    );
}

#[test]
fn a_cap_on_cost_hands_what_lies_above_it_to_the_large_sum_layer() {
    // Beijing: the mutual-aid layer pays 85 % of what lies above 100,000 of the year's in-policy amount.
    let caps = "cap = [{ id = 'year', counts = ['inpatient'], measure = 'in_policy', amount = 100000, above = 'large-sum', § }, \
                { id = 'outpatient', counts = ['outpatient'], measure = 'fund_paid', amount = 20000, above = 'large-sum', § }]";
    let large = "large_sum.ratio = [{ id = 'stay', care = 'inpatient', to = 400000, ratio = '0.85', § }, \
                 { id = 'visit', care = ['outpatient', 'chronic'], ratio = '0.60', § }]\n\
                 large_sum.cap = [{ id = 'stay', counts = ['inpatient'], amount = 340000, § }, \
                 { id = 'visit', counts = ['outpatient', 'chronic'], none = true, § }]";
    check(
        &[("cap", caps), ("large_sum", large)],
        &[
            // (1000 - 500) * 0.80 = 400; 2000 * 0.85 = 1700
            (
                &stay("{ care = 'inpatient', in_policy = 99000 }", "3000"),
                "expect = { deductible = 500, basic = 400, large_sum = 1700, cash = 900 }",
            ),
            // What outpatients used of the layer is no stay's: 340000 - 339000 = 1000
            (
                &stay(
                    "{ care = 'outpatient', large_sum = 900000 }, { care = 'inpatient', in_policy = 200000, large_sum = 339000 }",
                    "3000",
                ),
                "expect = { basic = 0, large_sum = 1000 }",
            ),
            // No cap for outpatients: 1000 * 0.60
            (
                "care = 'outpatient'\nused = [{ care = 'outpatient', deductible = 100, basic = 20000, large_sum = 900000 }]\nbill = { in_policy = 1000 }",
                "expect = { basic = 0, large_sum = 600, cash = 400 }",
            ),
        ],
    );
}

fn catastrophic(tiers: &str, off_site: &str) -> String {
    format!(
        "catastrophic.base = {{ includes = ['deductible', 'ratio_share', 'above_cap'], care = ['inpatient', 'chronic'], § }}\n\
         catastrophic.tiers = {{ base = '{tiers}', § }}\n\
         catastrophic.deductible = [{{ id = 'all', amount = 1000, § }}]\n\
         catastrophic.ratio = [{{ id = 'high', from = 2000, ratio = '0.70', § }}, {{ id = 'low', to = 2000, ratio = '0.60', § }}]\n\
         catastrophic.off_site = [{{ id = 'filed', filing = ['long-term', 'referral', 'emergency'], none = true, § }}, \
         {{ id = 'other', filing = 'other-temporary', {off_site}, § }}]\n\
         catastrophic.cap = [{{ id = 'year', amount = 2000, plus_per_claim_free_year = 100, § }}]"
    )
}

#[test]
fn the_catastrophic_layer_pays_care_elsewhere_by_the_bill_s_own_part() {
    let other = |case: &str| format!("filing = 'other-temporary'\n{case}");
    let points = catastrophic("compliant", "points = '0.05'");
    let half = "{ care = 'inpatient', catastrophic_base = 2000, catastrophic = 550 }";
    check(
        &[("catastrophic", &points)],
        &[
            // burden 500 + 2000 = 2500: 1000 * 0.60 + 500 * 0.70
            (&stay("", "10500"), "expect = { basic = 8000, catastrophic = 950 }"),
            // 1000 * 0.55 + 500 * 0.65 = 550 + 325
            (&other(&stay("", "10500")), "expect = { basic = 8000, catastrophic = 875, cash = 1625 }"),
            // Not above the deductible, and exactly at it.
            (&other(&stay("", "1000")), "expect = { catastrophic = 0 }"),
            (&other(&stay("", "3000")), "expect = { basic = 2000, catastrophic = 0, cash = 1000 }"),
            // 2000 to 3500: 1500 * 0.70; the 50 that the earlier bill lost to its change stay lost
            (&stay(half, "5500"), "expect = { catastrophic = 1050 }"),
            (&other(&stay(half, "5500")), "expect = { catastrophic = 975 }"),
            // 800 before: 1000 to 2300: 1000 * 0.55 + 300 * 0.65 = 550 + 195
            (
                &other(&stay("{ care = 'inpatient', catastrophic_base = 800 }", "5500")),
                "expect = { catastrophic = 745 }",
            ),
            // An earlier bill was cancelled: 950 were paid for 1000 to 2500, where 800 are counted now. The year up to 2300
            // is owed 1000 * 0.60 + 300 * 0.70 = 810.
            (
                &stay("{ care = 'inpatient', catastrophic_base = 800, catastrophic = 950 }", "5500"),
                "expect = { catastrophic = 0, cash = 1500 }",
            ),
            // 950 were paid where 1500 are counted. Up to 3000: 600 + 1000 * 0.70 = 1300; 1300 - 950
            (
                &stay("{ care = 'inpatient', catastrophic_base = 1500, catastrophic = 950 }", "5500"),
                "expect = { catastrophic = 350 }",
            ),
            // The cap: 2000 - 1900, and 100 more for a year without a claim
            (
                &stay("{ care = 'inpatient', catastrophic_base = 3857, catastrophic = 1900 }", "5500"),
                "expect = { catastrophic = 100 }",
            ),
            (
                "claim_free_years = 1\nused = [{ care = 'inpatient', catastrophic_base = 3857, catastrophic = 1900 }]\nbill = { in_policy = 5500 }",
                "expect = { catastrophic = 200 }",
            ),
        ],
    );
    check(
        &[("catastrophic", &catastrophic("excess", "factor = '0.90'"))],
        // burden 3500, excess 2500: 2000 * 0.54 + 500 * 0.63 = 1080 + 315
        &[(&other(&stay("", "15500")), "expect = { basic = 12000, catastrophic = 1395 }")],
    );
    let gap = catastrophic("compliant", "points = '0.05'").replace("'referral', ", "");
    let faults = faults(&[("catastrophic", &gap)]);
    assert!(faults.iter().any(|fault| fault.problem.contains("no row for referral")), "{faults:#?}");
}

#[test]
fn the_civil_servant_supplement_has_segments_of_the_bill_or_of_the_year() {
    let supplement = |base: &str| {
        format!(
            "civil_servant.base = {{ includes = ['ratio_share'], § }}\n\
             civil_servant.segments = {{ base = '{base}', § }}\n\
             civil_servant.ratio = [{{ id = 'low', to = 500, ratio = '0.50', § }}, {{ id = 'high', from = 500, ratio = '0.90', § }}]\n\
             civil_servant.cap = [{{ id = 'year', none = true, § }}]"
        )
    };
    let case = |used: &str| format!("civil_servant = true\n{}", stay(used, "2500"));
    let before = "{ care = 'inpatient', civil_servant_base = 300 }";
    check(
        &[("civil_servant", &supplement("year"))],
        &[
            // 400 * 0.50
            (&case(""), "expect = { basic = 1600, civil_servant = 200, cash = 700 }"),
            // 200 * 0.50 + 200 * 0.90
            (&case(before), "expect = { civil_servant = 280 }"),
        ],
    );
    check(&[("civil_servant", &supplement("bill"))], &[(&case(before), "expect = { civil_servant = 200 }")]);
}

fn assistance(caps: &str, more: &str) -> String {
    format!(
        "assistance.base = {{ includes = ['deductible', 'ratio_share'], § }}\n\
         assistance.start = [{{ id = 'none', amount = 0, § }}]\n\
         assistance.ratio = [{{ id = 'all', ratio = '0.70', § }}]\n\
         assistance.cap = [{caps}]\n{more}"
    )
}

#[test]
fn assistance_has_caps_for_some_care_inside_one_for_all() {
    let caps = "{ id = 'all', amount = 1000, § }, { id = 'visits', counts = ['outpatient'], amount = 200, § }";
    let visit = |used: &str| {
        format!("identity = 'low-income'\ncare = 'outpatient'\nused = [{used}]\nbill = {{ in_policy = 1100 }}")
    };
    check(
        &[("assistance", &assistance(caps, ""))],
        &[
            // 100 + 500 = 600; 600 * 0.70 = 420, cut at 200
            (&visit(""), "expect = { basic = 500, assistance = 200, cash = 400 }"),
            // The deductible is borne: 550 * 0.70 = 385; 200 - 150 = 50
            (&visit("{ care = 'outpatient', deductible = 100, assistance = 150 }"), "expect = { assistance = 50 }"),
            // 1000 - 900 = 100 for all care
            (&visit("{ care = 'inpatient', assistance = 900 }"), "expect = { assistance = 100 }"),
            // A stay has no cap but that of all care: 900 * 0.70
            (
                "identity = 'low-income'\nused = [{ care = 'outpatient', assistance = 200 }]\nbill = { in_policy = 2500 }",
                "expect = { assistance = 630 }",
            ),
        ],
    );
    let only = "{ id = 'visits', counts = ['outpatient'], amount = 200, § }";
    let faults = faults(&[("assistance", &assistance(only, ""))]);
    assert!(faults.iter().any(|fault| fault.problem.contains("no row for inpatient")), "{faults:#?}");
}

#[test]
fn the_start_of_assistance_is_used_up_by_what_assistance_looks_at() {
    let start = "{ id = 'all', amount = 1000, § }, { id = 'visits', counts = ['outpatient'], amount = 200, § }";
    let rules = assistance(start, "").replace("id = 'none', amount = 0", "id = 'all', amount = 800");
    let case = |used: &str| format!("identity = 'low-income'\n{}", stay(used, "2500"));
    check(
        &[("assistance", &rules)],
        &[
            // 500 + 400 = 900; (900 − 800) × 70 %
            (&case(""), "expect = { basic = 1600, assistance = 70 }"),
            // The catastrophic layer counted 300 of what was borne before, assistance 700: (900 − 100) × 70 %
            (
                &case("{ care = 'inpatient', catastrophic_base = 300, assistance_base = 700 }"),
                "expect = { assistance = 560 }",
            ),
            // Not said: what the earlier layers counted and did not pay. (900 − (800 − 200)) × 70 %
            (
                &case("{ care = 'inpatient', catastrophic_base = 300, catastrophic = 100 }"),
                "expect = { assistance = 210 }",
            ),
        ],
    );
    // A start of stays alone: (900 − 800) × 70 %, and (900 − (800 − 700)) × 70 %. Visits have none: (100 + 500) × 70 %.
    let of_stays = "id = 'stays', care = 'inpatient', counts = 'inpatient', amount = 800, § }, \
                    { id = 'visits', care = ['chronic', 'outpatient'], amount = 0";
    let counting = rules.replace("id = 'all', amount = 800", of_stays).replace("amount = 200", "amount = 1000");
    let visit = "identity = 'low-income'\ncare = 'outpatient'\nbill = { in_policy = 1100 }";
    check(
        &[("assistance", &counting)],
        &[
            (&case("{ care = 'outpatient', assistance_base = 700 }"), "expect = { assistance = 70 }"),
            (&case("{ care = 'inpatient', assistance_base = 700 }"), "expect = { assistance = 560 }"),
            (visit, "expect = { basic = 500, assistance = 420 }"),
        ],
    );
    let faults = faults(&[("assistance", &counting.replace("care = 'inpatient', counts", "counts"))]);
    assert!(faults.iter().any(|fault| fault.problem.contains("leaves out care that the row is for")), "{faults:#?}");
}

#[test]
fn tilted_assistance_pays_above_a_second_start_under_a_cap_of_its_own() {
    let tilt = "assistance.tilt = { includes = ['deductible', 'ratio_share'], § }\n\
                assistance.tilt_start = [{ id = 'filed', filing = ['local', 'long-term', 'referral'], amount = 200, § }]\n\
                assistance.tilt_ratio = [{ id = 'all', ratio = '0.50', § }]\n\
                assistance.tilt_cap = [{ id = 'year', amount = 100, § }]";
    let rules = assistance("{ id = 'all', amount = 1000, § }", tilt);
    let case = |used: &str| format!("identity = 'low-income'\n{}", stay(used, "2500"));
    let emergency = format!("filing = 'emergency'\n{}", case(""));
    check(
        &[("assistance", &rules)],
        &[
            // 900 * 0.70 = 630; 270 is left: (270 - 200) * 0.50 = 35
            (&case(""), "expect = { basic = 1600, assistance = 665, cash = 235 }"),
            // 150 of the start is borne: (270 - 50) * 0.50 = 110, cut at 100
            (&case("{ care = 'inpatient', tilt_base = 150 }"), "expect = { assistance = 730, cash = 170 }"),
            // 100 - 80 = 20
            (
                &case("{ care = 'inpatient', tilt_base = 500, tilt = 80, assistance = 80 }"),
                "expect = { assistance = 650 }",
            ),
            // What was tilted is not under the cap of assistance: 1000 - (700 - 100) = 400; 100 - 100 = 0
            (
                &case("{ care = 'inpatient', tilt_base = 500, tilt = 100, assistance = 700 }"),
                "expect = { assistance = 400, cash = 500 }",
            ),
            // Not for emergencies, and for nobody without an identity.
            (&emergency, "expect = { assistance = 630, cash = 270 }"),
            (&stay("", "2500"), "expect = { assistance = 0, cash = 900 }"),
            // 600 * 0.30 = 180 is left and stays below the start
            (
                &format!("identity = 'low-income'\n{}", stay("", "1000")),
                "expect = { basic = 400, assistance = 420, cash = 180 }",
            ),
        ],
    );
}
