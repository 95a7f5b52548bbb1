//! Ratios that grow, segments measured on what the fund paid, levels that count as another, days of retirement.

use settlement::rulebook::RuleBook;

use crate::invented::{check, text};

#[test]
fn a_ratio_grows_with_age_to_its_bound() {
    let rows = "inpatient.ratio = [{ id = 'all', ratio = '0.75', per_year_of_age = '0.002', at_most = '0.90', § }]";
    let aged = |age: i64| format!("age = {age}\nbill = {{ in_policy = 10500 }}");
    check(
        &[("inpatient.ratio", rows)],
        &[
            (&aged(0), "expect = { basic = 7500 }"),
            // 0.75 + 60 * 0.002 = 0.87
            (&aged(60), "expect = { basic = 8700 }"),
            (&aged(75), "expect = { basic = 9000 }"),
            (&aged(76), "expect = { basic = 9000 }"),
            // 533.33 - 500 = 33.33; * (0.75 + 41 * 0.002) = 33.33 * 0.832 = 27.73056
            ("age = 41\nbill = { in_policy = 533.33 }", "expect = { basic = 27.73, cash = 505.60 }"),
        ],
    );
    // Off-site points come after: 0.87 - 0.10
    check(
        &[("inpatient.ratio", rows), ("off_site", "off_site = [{ id = 'all', points = '0.10', § }]")],
        &[(&aged(60), "expect = { basic = 7700 }")],
    );
    let unset = rows.replace("'0.002'", "'unset'");
    check(&[("inpatient.ratio", &unset)], &[(&aged(60), "refused = 511")]);
}

#[test]
fn a_ratio_may_hang_on_how_long_somebody_is_insured() {
    let rows = "inpatient.ratio = [{ id = 'new', enrolled_months_to = 11, ratio = '0.60', § }, \
                { id = 'settled', enrolled_months_from = 12, enrolled_months_to = 35, ratio = '0.70', § }, \
                { id = 'long', enrolled_months_from = 36, ratio = '0.90', § }]";
    let months = |months: i64| format!("enrolled_months = {months}\nbill = {{ in_policy = 1500 }}");
    check(
        &[("inpatient.ratio", rows)],
        &[
            (&months(11), "expect = { basic = 600 }"),
            (&months(12), "expect = { basic = 700 }"),
            (&months(35), "expect = { basic = 700 }"),
            (&months(36), "expect = { basic = 900 }"),
        ],
    );
}

#[test]
fn segments_may_be_measured_on_what_the_fund_paid() {
    let rows = "inpatient.ratio = [{ id = 'low', to = 8000, ratio = '0.80', § }, \
                { id = 'middle', from = 8000, to = 9800, ratio = '0.90', § }, \
                { id = 'high', from = 9800, ratio = '0.95', § }]\n\
                inpatient.segments = { base = 'fund_paid', § }";
    let used = |basic: i64, in_policy: i64| {
        format!("used = [{{ care = 'inpatient', basic = {basic} }}]\nbill = {{ in_policy = {in_policy} }}")
    };
    check(
        &[("inpatient.ratio", rows)],
        &[
            // 10000 * 0.80 = 8000 just fills the first
            ("bill = { in_policy = 10500 }", "expect = { basic = 8000 }"),
            // 8000 buys 10000; 1800 buys 2000; the other 1000 * 0.95 = 950
            ("bill = { in_policy = 13500 }", "expect = { basic = 10750 }"),
            (&used(8000, 1500), "expect = { basic = 900 }"),
            // 1000 left in the first buys 1250; the other 750 * 0.90 = 675
            (&used(7000, 2500), "expect = { basic = 1675 }"),
            (&used(20000, 1500), "expect = { basic = 950 }"),
            // Other care does not count.
            ("used = [{ care = 'outpatient', basic = 9000 }]\nbill = { in_policy = 1500 }", "expect = { basic = 800 }"),
        ],
    );
    // 1000 / 0.70 = 1428.571428…, the rest of 2000 is 571.428571… * 0.80 = 457.142857…
    let thirds = "inpatient.ratio = [{ id = 'low', to = 1000, ratio = '0.70', § }, { id = 'high', from = 1000, ratio = '0.80', § }]\n\
                  inpatient.segments = { base = 'fund_paid', § }";
    check(&[("inpatient.ratio", thirds)], &[("bill = { in_policy = 2500 }", "expect = { basic = 1457.14 }")]);
    // A segment that pays nothing is never left, and above the last one nothing is paid.
    let nothing = "inpatient.ratio = [{ id = 'low', to = 1000, ratio = '0', § }, { id = 'high', from = 1000, ratio = '0.80', § }]\n\
                   inpatient.segments = { base = 'fund_paid', § }";
    check(&[("inpatient.ratio", nothing)], &[("bill = { in_policy = 9500 }", "expect = { basic = 0, cash = 9500 }")]);
    let ends = "inpatient.ratio = [{ id = 'only', to = 4000, ratio = '0.80', § }]\ninpatient.segments = { base = 'fund_paid', § }";
    check(&[("inpatient.ratio", ends)], &[("bill = { in_policy = 9500 }", "expect = { basic = 4000 }")]);
    // A cap cuts what the segments pay: 2000 left.
    let cap = "cap = [{ id = 'year', counts = ['inpatient'], measure = 'fund_paid', amount = 10000, § }]";
    check(&[("inpatient.ratio", rows), ("cap", cap)], &[(&used(8000, 5500), "expect = { basic = 2000 }")]);
}

#[test]
fn a_level_of_its_own_is_named_or_counts_as_another() {
    let rows = "inpatient.deductible = [{ id = 'top', level = 'top', amount = 1200, per = 'stay', § }, \
                { id = 'third', level = 'third', amount = 600, per = 'stay', § }, \
                { id = 'second', level = 'second', amount = 300, per = 'stay', § }, \
                { id = 'first', level = ['first', 'primary'], amount = 200, per = 'stay', § }]";
    let at = |level: &str| format!("level = '{level}'\nbill = {{ in_policy = 2000 }}");
    let amounts: &[(&str, &str)] = &[
        (&at("top"), "expect = { deductible = 1200 }"),
        (&at("third"), "expect = { deductible = 600 }"),
        (&at("primary"), "expect = { deductible = 200 }"),
    ];
    check(&[("inpatient.deductible", rows)], amounts);
    let counts_as = "level_as = [{ id = 'unrated', level = 'unrated', as = 'second', § }]";
    check(&[("inpatient.deductible", rows), ("level_as", counts_as)], amounts);
    check(
        &[("inpatient.deductible", rows), ("level_as", counts_as)],
        &[(&at("unrated"), "expect = { deductible = 300 }")],
    );
    let top = "level_as = [{ id = 'top', level = ['top', 'unrated'], care = 'inpatient', as = 'third', § }]";
    check(&[("level_as", top)], &[(&at("top"), "expect = { deductible = 500 }")]);
}

#[test]
fn the_day_of_retirement_decides_where_rows_name_it() {
    let rows = "inpatient.deductible = [{ id = 'working', person = 'working', amount = 1500, per = 'stay', § }, \
                { id = 'retired', person = 'retired', retired_from = 2001-01-01, amount = 1200, per = 'stay', § }, \
                { id = 'long-ago', person = 'retired', retired_to = 2000-12-31, amount = 700, per = 'stay', § }]";
    let retired = |on: &str| format!("person = 'retired'\nage = 80\n{on}\nbill = {{ in_policy = 5000 }}");
    check(
        &[("inpatient.deductible", rows)],
        &[
            ("bill = { in_policy = 5000 }", "expect = { deductible = 1500 }"),
            (&retired("retired_on = 2001-01-01"), "expect = { deductible = 1200 }"),
            (&retired("retired_on = 2000-12-31"), "expect = { deductible = 700 }"),
            // Nobody knows when.
            (&retired(""), "refused = 511"),
        ],
    );
}

/// The first fault of the invented book with a section replaced.
fn fault(section: &str, body: &str) -> String {
    match RuleBook::parse(&text(&[(section, body)], "")) {
        Ok(_) => "no fault".to_owned(),
        Err(faults) => faults.first().map(|fault| format!("{}: {}", fault.path, fault.problem)).unwrap_or_default(),
    }
}

#[test]
fn what_does_not_go_together_is_a_fault_with_its_path() {
    let deductible = |keys: &str| format!("inpatient.deductible = [{{ id = 'all', {keys}, § }}]");
    let row = "inpatient.deductible.all";
    for (keys, path, problem) in [
        ("per = 'stay'", row, "needs exactly one of amount"),
        ("amount = 1, none = true, per = 'stay'", row, "needs exactly one of amount"),
        ("amount = 1, at_most = 2, per = 'stay'", "inpatient.deductible.all.at_most", "goes with share_of_bill"),
        (
            "share_of_bill = '0.2', at_least = 9, at_most = 2, per = 'stay'",
            "inpatient.deductible.all.at_most",
            "is below",
        ),
        ("share_of_bill = '1.2', per = 'stay'", "inpatient.deductible.all.share_of_bill", "is not between"),
        ("amount = 400, per = 'stay', falls_by = 100", row, "needs falls_by and down_to together"),
        ("amount = 400, per = 'stay', falls_by = 100, down_to = 500", "inpatient.deductible.all.down_to", "is above"),
        (
            "amount = 400, per = 'year', falls_by = 100, down_to = 100",
            "inpatient.deductible.all.falls_by",
            "goes with per",
        ),
        ("amount = 400, per = 'cycle'", "inpatient.deductible.all.per", "needs cycle_days"),
        ("amount = 400, per = 'year', cycle_days = 360", "inpatient.deductible.all.cycle_days", "goes with per"),
        ("amount = 400, per = 'stay', per_disease = true", "inpatient.deductible.all.per_disease", "goes with per"),
        ("amount = 400, per = 'stay', again_after_days = 0", "inpatient.deductible.all.again_after_days", "at least 1"),
        ("amount = 400, per = 'stay', diagnosis = ['9']", "inpatient.deductible.all.diagnosis", "ICD-10"),
        (
            "amount = 400, per = 'stay', diagnosis = ['C']",
            "inpatient.deductible",
            "leaves a gap: no row for diagnosis other",
        ),
        ("amount = 400, per = 'stay', retired_to = 2000-12-31", "inpatient.deductible", "leaves a gap: no row for "),
        (
            "amount = 400, per = 'stay', retired_from = 2001-01-01, retired_to = 2000-12-31",
            "inpatient.deductible.all.retired_to",
            "lies before",
        ),
        (
            "amount = 400, per = 'stay', level = ['primary', 'first', 'second', 'third', 'top']",
            "inpatient.deductible",
            "level unrated",
        ),
    ] {
        let said = fault("inpatient.deductible", &deductible(keys));
        let wanted = keys.contains("'top'").then_some("no fault");
        let fits = said.starts_with(&format!("{path}: ")) && said.contains(problem);
        assert!(fits || wanted == Some(said.as_str()), "{keys}: {said}");
    }
    for (section, body, problem) in [
        (
            "inpatient.deductible",
            "inpatient.deductible = [{ id = 'a', diagnosis = 'C', none = true, per = 'stay', § }, \
             { id = 'b', diagnosis = 'C34', none = true, per = 'stay', § }, { id = 'c', diagnosis = 'other', none = true, per = 'stay', § }]",
            "overlaps the row",
        ),
        ("inpatient.ratio", "inpatient.ratio = [{ id = 'all', ratio = '0.8', at_most = '0.9', § }]", "together"),
        ("level_as", "level_as = [{ id = 'all', as = 'first', § }]", "name the levels"),
        ("inpatient.continues", "inpatient.continues = [{ id = 'all', deductible = 'none', § }]", "is missing"),
        (
            "chronic.continues",
            "chronic.continues = [{ id = 'all', within_days = 1, deductible = 'none', § }]",
            "not a key",
        ),
        ("cross_year", "cross_year = { deductible = 'never', § }", "one of once, again"),
    ] {
        let said = fault(section, body);
        assert!(said.contains(problem), "{section}: {said}");
    }
}
