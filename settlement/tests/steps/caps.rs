//! Caps: by month and by year, of one disease and of several kinds of care, and those that grow.

use crate::invented::{check, faults};

const YEAR: &str =
    "{ id = 'year', counts = ['inpatient', 'chronic', 'outpatient'], measure = 'fund_paid', amount = 100000, § }";

fn caps(rows: &str) -> String {
    format!("cap = [{YEAR}, {rows}]")
}

/// A chronic visit, paid 70 % without a deductible.
fn visit(in_policy: i64, used: &str) -> String {
    format!("care = 'chronic'\ndisease = 'M03900'\nused = [{used}]\nbill = {{ in_policy = {in_policy} }}")
}

fn used(month: &str, basic: i64) -> String {
    format!("{{ care = 'chronic', disease = 'M03900', month = '{month}', basic = {basic} }}")
}

#[test]
fn a_month_has_its_own_cap_within_the_year() {
    let rows = caps(
        "{ id = 'month', disease = 'M03900', counts = ['chronic'], measure = 'fund_paid', per = 'month', amount = 200, § }, \
         { id = 'disease', disease = 'M03900', counts = ['chronic'], measure = 'fund_paid', amount = 500, § }",
    );
    let other = "{ care = 'chronic', disease = 'M01600', month = '2025-06', basic = 500 }";
    let earlier = [used("2025-04", 200), used("2025-05", 200)].join(", ");
    check(
        &[("cap", &rows)],
        &[
            // 200 * 0.70
            (&visit(200, ""), "expect = { basic = 140, cash = 60 }"),
            // 1000 * 0.70 = 700, cut at 200
            (&visit(1000, ""), "expect = { basic = 200, cash = 800 }"),
            // 200 - 150 = 50
            (&visit(1000, &used("2025-06", 150)), "expect = { basic = 50, cash = 950 }"),
            // Exactly used up, and more than used up.
            (&visit(1000, &used("2025-06", 200)), "expect = { basic = 0, cash = 1000 }"),
            (&visit(1000, &used("2025-06", 250)), "expect = { basic = 0, cash = 1000 }"),
            // Another month and another disease leave it alone.
            (&visit(1000, &used("2025-05", 200)), "expect = { basic = 200 }"),
            (&visit(1000, other), "expect = { basic = 200 }"),
            // The year's cap of the disease: 500 - 400 = 100
            (&visit(1000, &earlier), "expect = { basic = 100, cash = 900 }"),
        ],
    );
}

#[test]
fn what_a_month_leaves_carries_on_within_the_benefit_year() {
    let rows = caps(
        "{ id = 'month', disease = 'M03900', counts = ['chronic'], measure = 'fund_paid', per = 'month', amount = 200, carried = true, § }",
    );
    let two = [used("2025-02", 400), used("2025-06", 300)].join(", ");
    let july = format!("settled = 2025-07-15\n{}", visit(3000, &used("2025-06", 1200)));
    let january = format!("settled = 2025-01-15\n{}", visit(3000, ""));
    let qualified = format!("qualified_from = 2025-05-10\n{}", visit(3000, ""));
    check(
        &[("cap", &rows)],
        &[
            // January to June: 6 * 200 = 1200
            (&visit(1000, ""), "expect = { basic = 700 }"),
            (&visit(3000, ""), "expect = { basic = 1200, cash = 1800 }"),
            // 1200 - 500 = 700
            (&visit(3000, &used("2025-03", 500)), "expect = { basic = 700 }"),
            // 1200 - 400 - 300 = 500
            (&visit(3000, &two), "expect = { basic = 500 }"),
            // July was settled before June and used 1300 of the 1400 that there are until July.
            (&visit(3000, &used("2025-07", 1300)), "expect = { basic = 100 }"),
            // 7 * 200 - 1200 = 200
            (&july, "expect = { basic = 200 }"),
            // The first month has nothing carried to it.
            (&january, "expect = { basic = 200 }"),
            // Qualified since May: 2 * 200
            (&qualified, "expect = { basic = 400 }"),
        ],
    );
    let benefit_year = ("benefit_year", "benefit_year = { starts = '07-01', § }");
    // July 2024 to June 2025: 12 * 200 = 2400; 5000 * 0.70 = 3500
    check(&[("cap", &rows), benefit_year], &[(&visit(5000, ""), "expect = { basic = 2400 }")]);
}

#[test]
fn caps_of_the_same_care_for_a_month_and_a_year_hold_together() {
    let rows = "cap = [{ id = 'month', counts = ['outpatient'], measure = 'fund_paid', per = 'month', amount = 100, § }, \
                { id = 'year', counts = ['outpatient'], measure = 'fund_paid', amount = 1000, § }]";
    let visit = |used: &str| format!("care = 'outpatient'\nused = [{used}]\nbill = {{ in_policy = 500 }}");
    let used = "{ care = 'outpatient', month = '2025-05', deductible = 100, basic = 950 }";
    check(
        &[("cap", rows)],
        &[
            // (500 - 100) * 0.50 = 200, cut at 100
            (&visit(""), "expect = { basic = 100 }"),
            // 500 * 0.50 = 250, cut at 1000 - 950 = 50
            (&visit(used), "expect = { basic = 50 }"),
        ],
    );
}

#[test]
fn a_month_of_at_most_three_twelfths_of_the_year_is_a_month_and_a_year() {
    // 3 * 4000 / 12 = 1000 (Changchun)
    let rows = caps(
        "{ id = 'month', disease = 'M03900', counts = ['chronic'], measure = 'fund_paid', per = 'month', amount = 1000, § }, \
         { id = 'disease', disease = 'M03900', counts = ['chronic'], measure = 'fund_paid', amount = 4000, § }",
    );
    let three = ["2025-01", "2025-02", "2025-03"].map(|month| used(month, 1000)).join(", ");
    let more = format!("{three}, {}", used("2025-05", 500));
    check(
        &[("cap", &rows)],
        &[
            // 2000 * 0.70 = 1400
            (&visit(2000, ""), "expect = { basic = 1000 }"),
            (&visit(2000, &three), "expect = { basic = 1000 }"),
            // 4000 - 3500 = 500
            (&visit(2000, &more), "expect = { basic = 500 }"),
        ],
    );
}

#[test]
fn diseases_share_a_cap_by_name_alone_or_with_inpatient_care() {
    let classes = caps(
        "{ id = 'class-one', counts = ['chronic'], counts_diseases = ['M03900', 'M01600'], measure = 'fund_paid', amount = 4000, § }, \
         { id = 'class-two', counts = ['chronic'], counts_diseases = ['M00500'], measure = 'fund_paid', amount = 90000, § }",
    );
    let cancer = "care = 'chronic'\nfiling = 'local'\ndisease = 'M00500'\n\
                  used = [{ care = 'chronic', disease = 'M03900', basic = 4000 }]\nbill = { in_policy = 1000 }";
    check(
        &[("cap", &classes)],
        &[
            // 10000 * 0.70 = 7000
            (&visit(10000, ""), "expect = { basic = 4000 }"),
            (&visit(10000, "{ care = 'chronic', disease = 'M01600', basic = 3500 }"), "expect = { basic = 500 }"),
            // Inside the year's cap (Xinjiang): 100000 - 99800 = 200
            (&visit(10000, "{ care = 'inpatient', basic = 99800 }"), "expect = { basic = 200 }"),
            (cancer, "expect = { basic = 700 }"),
        ],
    );
    let shared = "cap = [{ id = 'shared', counts = ['inpatient', 'chronic'], counts_diseases = ['M00500'], measure = 'fund_paid', amount = 10000, § }]";
    let stay = |used: &str| format!("used = [{used}]\nbill = {{ in_policy = 2500 }}");
    check(
        &[("cap", shared)],
        &[
            // 10000 - 9000 = 1000; other diseases have no part in it
            (&stay("{ care = 'chronic', disease = 'M00500', basic = 9000 }"), "expect = { basic = 1000 }"),
            (&stay("{ care = 'chronic', disease = 'M03900', basic = 9000 }"), "expect = { basic = 1600 }"),
            (&visit(20000, "{ care = 'inpatient', basic = 9999 }"), "expect = { basic = 14000 }"),
        ],
    );
}

#[test]
fn a_month_s_cap_on_the_in_policy_amount_counts_cost() {
    let rows = caps(
        "{ id = 'month', disease = 'M03900', counts = ['chronic'], measure = 'in_policy', per = 'month', amount = 300, § }",
    );
    let used = "{ care = 'chronic', disease = 'M03900', month = '2025-06', in_policy = 200 }";
    check(
        &[("cap", &rows)],
        &[
            // 300 * 0.70
            (&visit(1000, ""), "expect = { basic = 210, cash = 790 }"),
            // 100 * 0.70
            (&visit(1000, used), "expect = { basic = 70 }"),
        ],
    );
}

#[test]
fn a_cap_grows_with_enrolment_and_years_without_a_claim() {
    let growing = |per_year: &str| {
        format!(
            "cap = [{{ id = 'year', counts = ['inpatient'], measure = 'fund_paid', amount = 10000, plus_per_year = {per_year}, \
             from_years = 4, plus_per_claim_free_year = 500, plus_at_most = 2000, § }}]"
        )
    };
    let person = |words: &str| format!("{words}\nbill = {{ in_policy = 100000 }}");
    check(
        &[("cap", &growing("1000"))],
        &[
            (&person("enrolled_months = 48"), "expect = { basic = 10000 }"),
            (&person("enrolled_months = 59"), "expect = { basic = 10000 }"),
            // One year beyond four.
            (&person("enrolled_months = 60"), "expect = { basic = 11000 }"),
            // 1000 + 500
            (&person("enrolled_months = 60\nclaim_free_years = 1"), "expect = { basic = 11500 }"),
            (&person("enrolled_months = 48\nclaim_free_years = 3"), "expect = { basic = 11500 }"),
            // 16 years beyond four, but 2000 at most
            (&person("enrolled_months = 240"), "expect = { basic = 12000 }"),
        ],
    );
    check(
        &[("cap", &growing("'unset'"))],
        &[
            (&person("enrolled_months = 48"), "expect = { basic = 10000 }"),
            (&person("enrolled_months = 60"), "refused = 511"),
        ],
    );
}

#[test]
fn a_cap_may_hang_on_how_long_somebody_is_insured() {
    let row = |id: &str, months: &str, amount: i64| {
        format!("{{ id = '{id}', {months}, counts = ['inpatient'], measure = 'fund_paid', amount = {amount}, § }}")
    };
    let rows =
        [row("short", "enrolled_months_to = 35", 1000), row("long", "enrolled_months_from = 36", 1500)].join(", ");
    check(
        &[("cap", &format!("cap = [{rows}]"))],
        &[
            ("enrolled_months = 35\nbill = { in_policy = 2500 }", "expect = { basic = 1000, cash = 1500 }"),
            ("enrolled_months = 36\nbill = { in_policy = 2500 }", "expect = { basic = 1500, cash = 1000 }"),
        ],
    );
}

#[test]
fn where_only_so_much_is_known_of_a_cap_what_is_above_is_refused() {
    let stay = |in_policy: i64, used: i64| {
        format!("used = [{{ care = 'inpatient', basic = {used} }}]\nbill = {{ in_policy = {in_policy} }}")
    };
    for (used, expected) in [(0, "expect = { basic = 1600 }"), (89_000, "refused = 511")] {
        let rows =
            caps("{ id = 'known', counts = ['inpatient'], measure = 'fund_paid', amount = 90000, above = 'unset', § }");
        check(&[("cap", &rows)], &[(&stay(2500, used), expected)]);
    }
    let rows =
        caps("{ id = 'known', counts = ['inpatient'], measure = 'in_policy', amount = 2500, above = 'unset', § }");
    check(
        &[("cap", &rows)],
        &[
            ("bill = { in_policy = 2500 }", "expect = { basic = 1600 }"),
            ("bill = { in_policy = 2500.01 }", "refused = 511"),
        ],
    );
    let floor = ("off_site", "off_site = [{ id = 'all', floor = '0.90', floor_of = 'in_policy', § }]");
    let rows =
        caps("{ id = 'known', counts = ['inpatient'], measure = 'fund_paid', amount = 2000, above = 'unset', § }");
    // The ratios stay below 2000, the guaranteed 2250 do not.
    check(&[("cap", &rows), floor], &[("bill = { in_policy = 2500 }", "refused = 511")]);
}

#[test]
fn faults_of_a_cap_are_reported_where_they_stand() {
    for (row, path, problem) in [
        (
            "counts = ['chronic'], measure = 'fund_paid', amount = 1, carried = true",
            "cap.bad.carried",
            "per = \"month\"",
        ),
        ("counts = ['chronic'], measure = 'fund_paid', amount = 1, per = 'week'", "cap.bad.per", "one of year, month"),
        (
            "disease = 'M03900', counts_diseases = 'M03900', counts = ['chronic'], measure = 'fund_paid', amount = 1",
            "cap.bad.counts_diseases",
            "counts that one alone",
        ),
        (
            "counts = ['chronic'], measure = 'fund_paid', amount = 1, from_years = 4",
            "cap.bad.from_years",
            "there is none",
        ),
        (
            "counts = ['chronic'], measure = 'fund_paid', amount = 1, plus_at_most = 4",
            "cap.bad.plus_at_most",
            "there is neither",
        ),
        (
            "counts = ['inpatient', 'chronic', 'outpatient'], measure = 'fund_paid', amount = 1",
            "cap",
            "overlaps the row on line",
        ),
    ] {
        let faults = faults(&[("cap", &caps(&format!("{{ id = 'bad', {row}, § }}")))]);
        let found = faults.iter().any(|fault| fault.path == path && fault.problem.contains(problem));
        assert!(found, "{path}: {problem} is not among {faults:#?}");
    }
}

#[test]
fn cost_above_a_cap_may_be_no_compliant_cost() {
    let month = |above: &str| {
        caps(&format!(
            "{{ id = 'month', disease = 'M03900', counts = ['chronic'], measure = 'fund_paid', per = 'month', amount = 210, \
             above = '{above}', § }}"
        ))
    };
    let layer = |parts: &str| {
        format!(
            "catastrophic.base = {{ includes = ['ratio_share', 'above_cap'{parts}], care = ['chronic'], § }}\n\
             catastrophic.tiers = {{ base = 'excess', § }}\n\
             catastrophic.deductible = [{{ id = 'all', amount = 50, § }}]\n\
             catastrophic.ratio = [{{ id = 'all', ratio = '0.60', § }}]\n\
             catastrophic.cap = [{{ id = 'all', none = true, § }}]"
        )
    };
    let account =
        |parts: &str| format!("account = [{{ id = 'all', covers = ['ratio_share', 'above_cap'{parts}], § }}]");
    let apart = ", 'above_cap_apart'";
    // 1000 * 0.70 is cut at 210, which buys 300; 90 of them are the ratio's, 700 are above the cap.
    let bill = visit(1000, "");
    let with_account = format!("account_balance = 5000\n{bill}");
    for (above, of_layer, expected) in [
        // (90 + 700 - 50) * 0.60
        ("person", "", "expect = { basic = 210, catastrophic = 444, cash = 346 }"),
        // (90 - 50) * 0.60
        ("person-apart", "", "expect = { basic = 210, catastrophic = 24, cash = 766 }"),
        ("person-apart", apart, "expect = { basic = 210, catastrophic = 444, cash = 346 }"),
    ] {
        check(&[("cap", &month(above)), ("catastrophic", &layer(of_layer))], &[(&bill, expected)]);
    }
    // Accounts pay it only where the book names it.
    for (of_account, expected) in
        [("", "expect = { basic = 210, account = 90, cash = 700 }"), (apart, "expect = { account = 790, cash = 0 }")]
    {
        check(&[("cap", &month("person-apart")), ("account", &account(of_account))], &[(&with_account, expected)]);
    }
}

#[test]
fn what_each_of_two_caps_cuts_goes_where_that_cap_says() {
    let rows = "cap = [\
        { id = 'cost', counts = ['inpatient'], measure = 'in_policy', amount = 2000, above = 'person', § }, \
        { id = 'year', counts = ['inpatient', 'chronic', 'outpatient'], measure = 'fund_paid', amount = 100000, \
          above = 'large-sum', § }]";
    let large =
        "large_sum.ratio = [{ id = 'all', ratio = '0.85', § }]\nlarge_sum.cap = [{ id = 'year', none = true, § }]";
    check(
        &[("cap", rows), ("large_sum", large)],
        &[
            // 1000 are above the cap on cost; (2000 - 500) * 0.80 = 1200
            ("bill = { in_policy = 3000 }", "expect = { basic = 1200, large_sum = 0, cash = 1800 }"),
            // 400 are left and buy 500 of the 1500: 1000 * 0.85 = 850, and nothing of the other 1000
            (
                "used = [{ care = 'inpatient', basic = 99600 }]\nbill = { in_policy = 3000 }",
                "expect = { basic = 400, large_sum = 850, cash = 1750 }",
            ),
        ],
    );
}
