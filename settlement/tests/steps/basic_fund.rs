//! From the bill to what the basic fund pays: first self-pay, off-site changes, deductible, segments, caps.

use crate::invented::check;

#[test]
fn a_deductible_is_due_for_each_stay_and_never_above_the_base() {
    check(
        &[],
        &[
            // (1000 - 500) * 0.80 = 400
            ("bill = { in_policy = 1000 }", "expect = { deductible = 500, basic = 400, cash = 600 }"),
            ("bill = { in_policy = 500 }", "expect = { deductible = 500, basic = 0, cash = 500 }"),
            ("bill = { in_policy = 499.99 }", "expect = { deductible = 499.99, basic = 0, cash = 499.99 }"),
            ("bill = { self_paid = 80 }", "expect = { deductible = 0, basic = 0, cash = 80 }"),
            // The second stay bears it again: nothing in the book lowers it.
            (
                "used = [{ care = 'inpatient', stays = 1, deductible = 500 }]\nbill = { in_policy = 1000 }",
                "expect = { deductible = 500 }",
            ),
        ],
    );
}

#[test]
fn later_stays_bear_what_the_book_says_of_them_and_off_site_stays_count() {
    let rows = "inpatient.deductible = [{ id = 'first-stay', stay_to = 1, amount = 800, per = 'stay', § }, \
                { id = 'later', stay_from = 2, amount = 270, per = 'stay', § }]\n\
                inpatient.deductible_factor = [{ id = 'old', age_from = 70, factor = '0.5', § }]";
    check(
        &[("inpatient.deductible", rows)],
        &[
            ("bill = { in_policy = 1000 }", "expect = { deductible = 800 }"),
            (
                "used = [{ care = 'inpatient', stays = 1 }]\nbill = { in_policy = 1000 }",
                "expect = { deductible = 270 }",
            ),
            (
                "used = [{ care = 'inpatient', stays = 4 }]\nbill = { in_policy = 1000 }",
                "expect = { deductible = 270 }",
            ),
            // Outpatient visits are no stays.
            ("used = [{ care = 'outpatient' }]\nbill = { in_policy = 1000 }", "expect = { deductible = 800 }"),
            // 270 * 0.5
            (
                "age = 70\nused = [{ care = 'inpatient', stays = 1 }]\nbill = { in_policy = 1000 }",
                "expect = { deductible = 135 }",
            ),
            ("age = 69\nbill = { in_policy = 1000 }", "expect = { deductible = 800 }"),
        ],
    );
}

#[test]
fn a_yearly_deductible_is_borne_once_and_may_be_shared_by_kinds_of_care() {
    let shared =
        "inpatient.deductible = [{ id = 'all', amount = 500, per = 'year', shared_by = ['inpatient', 'chronic'], § }]";
    check(
        &[("inpatient.deductible", shared)],
        &[
            ("bill = { in_policy = 300 }", "expect = { deductible = 300, basic = 0 }"),
            // 500 - 300 = 200; (1000 - 200) * 0.80 = 640
            (
                "used = [{ care = 'chronic', disease = 'M03900', deductible = 300 }]\nbill = { in_policy = 1000 }",
                "expect = { deductible = 200, basic = 640 }",
            ),
            (
                "used = [{ care = 'outpatient', deductible = 100 }]\nbill = { in_policy = 1000 }",
                "expect = { deductible = 500 }",
            ),
            // More was borne before than is due now.
            (
                "used = [{ care = 'inpatient', stays = 1, deductible = 900 }]\nbill = { in_policy = 1000 }",
                "expect = { deductible = 0, basic = 800 }",
            ),
            // Outpatients have a yearly deductible of their own: 100 - 60 = 40; (140 - 40) * 0.50 = 50
            (
                "care = 'outpatient'\nused = [{ care = 'outpatient', deductible = 60 }]\nbill = { in_policy = 140 }",
                "expect = { deductible = 40, basic = 50, cash = 90 }",
            ),
        ],
    );
}

#[test]
fn a_stay_settled_in_parts_bears_its_deductible_once_or_in_each_part() {
    let later = "deductible_before = 500\nused = [{ care = 'inpatient', stays = 1, deductible = 500 }]\nbill = { in_policy = 1000 }";
    let open = "deductible_before = 300\nused = [{ care = 'inpatient', stays = 1, deductible = 300 }]\nbill = { in_policy = 1000 }";
    let free = "deductible_before = 0\nused = [{ care = 'inpatient', stays = 1 }]\nbill = { in_policy = 1000 }";
    check(
        &[],
        &[
            (later, "expect = { deductible = 0, basic = 800 }"),
            // The earlier part was smaller than the deductible: 500 - 300 = 200; (1000 - 200) * 0.80 = 640
            (open, "expect = { deductible = 200, basic = 640 }"),
            // The earlier part had nothing that the fund could pay.
            (free, "expect = { deductible = 500, basic = 400 }"),
        ],
    );
    let each = "interim_stay = { deductible = 'each', § }";
    check(&[("interim_stay", each)], &[(later, "expect = { deductible = 500, basic = 400 }")]);
}

#[test]
fn segments_of_a_bill_begin_at_its_first_yuan_and_the_deductible_eats_the_lowest() {
    let ratios = "inpatient.ratio = [{ id = 'low', to = 1000, ratio = '0.80', § }, \
                  { id = 'middle', from = 1000, to = 5000, ratio = '0.90', § }]\n\
                  inpatient.segments = { base = 'bill', § }";
    check(
        &[("inpatient.ratio", ratios)],
        &[
            // (1000 - 500) * 0.80 + (3000 - 1000) * 0.90 = 400 + 1800
            ("bill = { in_policy = 3000 }", "expect = { basic = 2200, cash = 800 }"),
            ("bill = { in_policy = 1000 }", "expect = { basic = 400 }"),
            // Nothing is paid above the last segment: 400 + 4000 * 0.90 = 4000
            ("bill = { in_policy = 6000 }", "expect = { basic = 4000, cash = 2000 }"),
            // What was used before does not move them.
            (
                "used = [{ care = 'inpatient', in_policy = 90000 }]\nbill = { in_policy = 1000 }",
                "expect = { basic = 400 }",
            ),
        ],
    );
}

#[test]
fn segments_of_the_year_begin_where_the_year_stands() {
    let ratios = "inpatient.ratio = [{ id = 'low', to = 30000, ratio = '0.85', § }, \
                  { id = 'high', from = 30000, ratio = '0.95', § }]\n\
                  inpatient.segments = { base = 'year', § }";
    check(
        &[("inpatient.ratio", ratios)],
        &[
            // (10000 - 500) * 0.85
            ("bill = { in_policy = 10000 }", "expect = { basic = 8075 }"),
            // The year stands at 25000: 500 deductible, 4500 * 0.85 + 5000 * 0.95 = 3825 + 4750
            (
                "used = [{ care = 'inpatient', in_policy = 25000 }]\nbill = { in_policy = 10000 }",
                "expect = { basic = 8575 }",
            ),
            // The deductible reaches over the bound: 29800 + 500 = 30300; (30800 - 30300) * 0.95 = 475
            (
                "used = [{ care = 'inpatient', in_policy = 29800 }]\nbill = { in_policy = 1000 }",
                "expect = { basic = 475 }",
            ),
            // Other care does not count.
            (
                "used = [{ care = 'outpatient', in_policy = 90000 }]\nbill = { in_policy = 10000 }",
                "expect = { basic = 8075 }",
            ),
        ],
    );
}

#[test]
fn a_fund_rounds_once_half_up_or_by_segment_where_the_book_says_so() {
    let ratios = "inpatient.ratio = [{ id = 'low', to = 600.01, ratio = '0.50', § }, \
                  { id = 'high', from = 600.01, ratio = '0.50', § }]\n\
                  inpatient.segments = { base = 'bill', § }";
    // 100.01 * 0.50 = 50.005 and 100.01 * 0.50 = 50.005: together 100.01, each rounded 50.01 + 50.01 = 100.02
    let bill = "bill = { in_policy = 700.02 }";
    check(&[("inpatient.ratio", ratios)], &[(bill, "expect = { basic = 100.01, cash = 600.01 }")]);
    let segment = &[("inpatient.ratio", ratios), ("rounding", "rounding = 'segment'")];
    check(segment, &[(bill, "expect = { basic = 100.02, cash = 600 }")]);
}

#[test]
fn care_elsewhere_is_paid_less_in_the_form_that_the_book_chooses() {
    let rows = "off_site = [{ id = 'long-term', filing = 'long-term', none = true, § }, \
                { id = 'referral', filing = 'referral', points = '0.10', § }, \
                { id = 'emergency', filing = 'emergency', factor = '0.90', § }, \
                { id = 'other', filing = 'other-temporary', pre_deduct = '0.10', points = '0.05', factor = '0.80', § }]";
    let bill = "bill = { in_policy = 10500 }";
    let filed = |class: &str| format!("filing = '{class}'\n{bill}");
    check(
        &[("off_site", rows)],
        &[
            (&filed("local"), "expect = { basic = 8000 }"),
            (&filed("long-term"), "expect = { basic = 8000 }"),
            // 10000 * (0.80 - 0.10)
            (&filed("referral"), "expect = { basic = 7000 }"),
            // 10000 * 0.80 * 0.90
            (&filed("emergency"), "expect = { basic = 7200 }"),
            // 10500 * 0.10 = 1050 first; (10500 - 1050 - 500) * (0.80 - 0.05) * 0.80 = 8950 * 0.60 = 5370
            (&filed("other-temporary"), "expect = { deductible = 500, basic = 5370, cash = 5130 }"),
        ],
    );
    let steep = "off_site = [{ id = 'all', points = '0.90', § }]";
    check(&[("off_site", steep)], &[(bill, "expect = { basic = 0, cash = 10500 }")]);
}

#[test]
fn another_deductible_and_ratio_elsewhere_are_rows_with_a_condition_on_filing() {
    let deductible = "inpatient.deductible = [{ id = 'near', filing = ['local', 'long-term'], amount = 500, per = 'stay', § }, \
                      { id = 'far', filing = ['referral', 'emergency', 'other-temporary'], amount = 2000, per = 'stay', § }]";
    let ratio = "inpatient.ratio = [{ id = 'near', filing = ['local', 'long-term'], ratio = '0.80', § }, \
                 { id = 'far', filing = ['referral', 'emergency', 'other-temporary'], ratio = '0.60', § }]";
    check(
        &[("inpatient.deductible", deductible), ("inpatient.ratio", ratio)],
        &[
            ("bill = { in_policy = 3000 }", "expect = { deductible = 500, basic = 2000 }"),
            ("filing = 'referral'\nbill = { in_policy = 3000 }", "expect = { deductible = 2000, basic = 600 }"),
        ],
    );
}

#[test]
fn a_region_that_recomputes_the_first_self_pay_uses_the_gross_class_b_charges() {
    let own = "first_self_pay = { ratio = '0.01', § }";
    check(
        &[("first_self_pay", own)],
        &[
            // 4000 * 0.01 = 40 instead of 400; (10000 + 360 - 500) * 0.80 = 7888
            (
                "bill = { first_self_pay = 400, in_policy = 10000, class_b = 4000 }",
                "expect = { basic = 7888, cash = 2512 }",
            ),
            // No class-B charges, nothing to pay first. (1000 - 500) * 0.80
            ("bill = { in_policy = 1000 }", "expect = { basic = 400 }"),
            // 33.33 * 0.01 = 0.3333 -> 0.33; (533.33 - 0.33 - 500) * 0.80 = 26.40
            ("bill = { in_policy = 533.33, class_b = 33.33 }", "expect = { basic = 26.40 }"),
            // The self-paid and over-limit sums stay as they are sent.
            ("bill = { self_paid = 70, over_limit = 30, in_policy = 1000 }", "expect = { basic = 400, cash = 700 }"),
        ],
    );
}

#[test]
fn the_tightest_of_several_caps_binds() {
    let caps = "cap = [{ id = 'year', counts = ['inpatient', 'chronic'], measure = 'fund_paid', amount = 10000, § }, \
                { id = 'chronic', counts = ['chronic'], measure = 'fund_paid', amount = 4000, § }, \
                { id = 'pressure', disease = 'M03900', counts = ['chronic'], measure = 'fund_paid', amount = 1000, § }]";
    let chronic = |disease: &str, used: &str| {
        format!("care = 'chronic'\ndisease = '{disease}'\nused = [{used}]\nbill = {{ in_policy = 2000 }}")
    };
    check(
        &[("cap", caps)],
        &[
            // 2000 * 0.70 = 1400, cut at 1000 for this disease
            (&chronic("M03900", ""), "expect = { basic = 1000, cash = 1000 }"),
            (&chronic("M03901", "{ care = 'chronic', disease = 'M03900', basic = 900 }"), "expect = { basic = 100 }"),
            (&chronic("M01600", "{ care = 'chronic', disease = 'M03900', basic = 900 }"), "expect = { basic = 1400 }"),
            // 4000 - 3000 = 1000 left for chronic care
            (&chronic("M01600", "{ care = 'chronic', disease = 'M01600', basic = 3000 }"), "expect = { basic = 1000 }"),
            // 10000 - 9500 = 500 left for all care that counts together
            (&chronic("M01600", "{ care = 'inpatient', basic = 9500 }"), "expect = { basic = 500 }"),
            // More was paid than the cap allows: nothing, never less.
            (&chronic("M01600", "{ care = 'inpatient', basic = 12000 }"), "expect = { basic = 0, cash = 2000 }"),
            // Ordinary outpatients have no cap in this book: (2000 - 100) * 0.50
            (
                "care = 'outpatient'\nused = [{ care = 'inpatient', basic = 12000 }]\nbill = { in_policy = 2000 }",
                "expect = { basic = 950 }",
            ),
        ],
    );
}

#[test]
fn a_cap_on_the_in_policy_amount_leaves_what_lies_above_it_unpaid() {
    let caps = "cap = [{ id = 'year', counts = ['inpatient'], measure = 'in_policy', amount = 10000, § }]";
    check(
        &[("cap", caps)],
        &[
            // 10000 - 8000 = 2000 count: (2000 - 500) * 0.80 = 1200
            (
                "used = [{ care = 'inpatient', in_policy = 8000 }]\nbill = { in_policy = 5000 }",
                "expect = { deductible = 500, basic = 1200, cash = 3800 }",
            ),
            (
                "used = [{ care = 'inpatient', in_policy = 9900 }]\nbill = { in_policy = 5000 }",
                "expect = { deductible = 500, basic = 0 }",
            ),
        ],
    );
}
