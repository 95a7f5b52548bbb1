//! Waiting periods after joining late or after a lapse, as the country and two provinces have them (policy.md A.12).
//! Every row is about a stay of 30 June 2025 with 1500 in policy: (1500 − 500) × 80 % = 800, or a refusal.

use crate::invented::{check, example, faults};

const PAID: &str = "expect = { basic = 800 }";
const WAITS: &str = "refused = 503";

fn check_rows(rules: &str, rows: &[(&str, &str)]) {
    let rows: Vec<(String, &str)> =
        rows.iter().map(|(case, expected)| (format!("{case}\nbill = {{ in_policy = 1500 }}"), *expected)).collect();
    let rows: Vec<(&str, &str)> = rows.iter().map(|(case, expected)| (case.as_str(), *expected)).collect();
    check(&[("waiting", rules)], &rows);
}

/// 国办发〔2024〕38号: three months, one more for each lapsed year, one less for each that was paid for, six at least
/// from four lapsed years on.
const NATIONAL: &str = "waiting = [\
    { id = 'late', paid_from = '01-01', paid_to = '08-31', months = 3, plus_months_per_lapsed_year = 1, \
      minus_months_per_repaired_year = 1, at_least_months = 6, lapsed_years_from = 4, waived = 'newborn', § }, \
    { id = 'lapsed', paid_from = '09-01', paid_to = '12-31', lapsed_months_from = 1, begins = 'insured', months = 3, \
      plus_months_per_lapsed_year = 1, minus_months_per_repaired_year = 1, at_least_months = 6, \
      lapsed_years_from = 4, waived = 'newborn', § }]";

#[test]
fn the_national_rule_of_2025() {
    check_rows(
        NATIONAL,
        &[
            ("", PAID),
            ("paid_on = 2025-03-30", PAID),
            // Three months from 31 March are over on 30 June.
            ("paid_on = 2025-03-31", PAID),
            ("paid_on = 2025-04-01", WAITS),
            ("paid_on = 2025-04-01\nsettled = 2025-07-01", PAID),
            ("paid_on = 2025-06-01\njoined_as = 'newborn'", PAID),
            ("paid_on = 2025-06-01\njoined_as = 'student'", WAITS),
            // 3 + 1 months from 1 March: 1 July; repaired: 1 June.
            ("paid_on = 2025-03-01\nlapsed_years = 1", WAITS),
            ("paid_on = 2025-03-01\nlapsed_years = 1\nrepaired_years = 1", PAID),
            ("paid_on = 2025-03-31\nlapsed_years = 1\nrepaired_years = 3", PAID),
            // 3 + 3 months from 1 January: 1 July.
            ("paid_on = 2025-01-01\nlapsed_years = 3", WAITS),
            ("paid_on = 2025-01-01\nlapsed_years = 3\nrepaired_years = 1", PAID),
            // Four years, all repaired: six months all the same.
            ("paid_on = 2025-01-01\nlapsed_years = 4\nrepaired_years = 4", WAITS),
            ("paid_on = 2025-01-01\nlapsed_years = 4\nrepaired_years = 4\nsettled = 2025-07-01", PAID),
            // Five years, none repaired: eight months.
            ("paid_on = 2025-01-01\nlapsed_years = 5\nsettled = 2025-08-31", WAITS),
            ("paid_on = 2025-01-01\nlapsed_years = 5\nsettled = 2025-09-01", PAID),
            // Paid in the window: nobody waits who was insured before; who was not waits from the first day of cover.
            ("paid_on = 2024-10-01\ninsured_from = 2025-01-01", PAID),
            ("paid_on = 2024-10-01\ninsured_from = 2025-01-01\nlapsed_years = 2", PAID),
            ("paid_on = 2024-10-01\ninsured_from = 2025-01-01\nlapsed_years = 2\nsettled = 2025-05-31", WAITS),
            ("paid_on = 2024-10-01\ninsured_from = 2025-01-01\nlapsed_years = 2\nsettled = 2025-06-01", PAID),
            ("paid_on = 2024-10-01\ninsured_from = 2025-06-01\nlapsed_months = 5", WAITS),
        ],
    );
}

#[test]
fn qinghai_2022() {
    let rules = "waiting = [{ id = 'spring', paid_from = '01-01', paid_to = '03-31', days = 0, § }, \
                 { id = 'late', paid_from = '04-01', paid_to = '08-31', days = 60, \
                   waived = ['employee-lapse', 'newborn', 'assisted', 'ex-poor'], § }]";
    check_rows(
        rules,
        &[
            // Paid in autumn: from 1 January.
            ("paid_on = 2024-12-31\ninsured_from = 2025-01-01", PAID),
            // In spring: from the day of payment.
            ("paid_on = 2025-03-10\nsettled = 2025-03-09", WAITS),
            ("paid_on = 2025-03-10\nsettled = 2025-03-10", PAID),
            // Later: sixty days.
            ("paid_on = 2025-05-01", PAID),
            ("paid_on = 2025-05-02", WAITS),
            ("paid_on = 2025-07-01\nsettled = 2025-08-29", WAITS),
            ("paid_on = 2025-07-01\nsettled = 2025-08-30", PAID),
            ("paid_on = 2025-06-20\njoined_as = 'employee-lapse'", PAID),
            ("paid_on = 2025-06-20\njoined_as = 'newborn'", PAID),
            ("paid_on = 2025-06-20\njoined_as = 'assisted'", PAID),
            ("paid_on = 2025-06-20\njoined_as = 'ex-poor'", PAID),
        ],
    );
}

#[test]
fn jiangxi_2023() {
    let next_day =
        "['veteran', 'employee-lapse', 'new-to-province', 'returned', 'released', 'graduate', 'clergy', 'assisted']";
    let rules = format!(
        "waiting = [{{ id = 'late', paid_from = '04-01', paid_to = '08-31', days = 90, joined_as = ['late', 'newborn-late'], § }}, \
         {{ id = 'exempt', paid_from = '04-01', paid_to = '08-31', days = 1, joined_as = {next_day}, § }}]"
    );
    let by_default =
        rules.replace("joined_as = ['late', 'newborn-late']", &format!("waived = ['newborn', {}", &next_day[1..]));
    for rules in [rules, by_default] {
        check_rows(
            &rules,
            &[
                ("paid_on = 2022-11-01\ninsured_from = 2023-01-01", PAID),
                // Ninety days from the day of payment, 1 April: 30 June.
                ("paid_on = 2025-04-01\njoined_as = 'late'", PAID),
                ("paid_on = 2025-04-02\njoined_as = 'late'", WAITS),
                // A newborn registered in time is covered from birth, whenever it was paid; later it waits.
                ("paid_on = 2025-06-20\ninsured_from = 2025-04-10\njoined_as = 'newborn'", PAID),
                ("paid_on = 2025-06-20\ninsured_from = 2025-04-10\njoined_as = 'newborn'\nadmitted = 2025-04-10", PAID),
                ("paid_on = 2025-06-20\njoined_as = 'newborn-late'", WAITS),
                // From the day after payment.
                ("paid_on = 2025-06-29\njoined_as = 'veteran'", PAID),
                ("paid_on = 2025-06-30\njoined_as = 'veteran'", WAITS),
                ("paid_on = 2025-06-30\njoined_as = 'employee-lapse'", WAITS),
                ("paid_on = 2025-06-29\njoined_as = 'clergy'", PAID),
            ],
        );
    }
}

#[test]
fn a_waiting_period_may_depend_on_identity_and_be_none_or_unknown() {
    check_rows(
        "waiting = [{ id = 'late', identity = 'none', days = 90, § }, \
         { id = 'assisted', identity = ['destitute', 'low-income', 'low-income-margin'], none = true, § }]",
        &[("paid_on = 2025-06-01", WAITS), ("paid_on = 2025-06-01\nidentity = 'low-income'", PAID)],
    );
    check_rows("waiting = [{ id = 'late', days = 'unset', § }]", &[("paid_on = 2025-06-01", "refused = 511")]);
}

/// Whoever's insurance had lapsed and whose day of payment nobody knows may be waiting still.
#[test]
fn a_wait_after_a_lapse_is_not_waived_because_nobody_knows_the_day_of_payment() {
    const UNKNOWN: &str = "refused = 511";
    check_rows(
        NATIONAL,
        &[
            ("insured_from = 2025-01-01", PAID),
            ("insured_from = 2025-01-01\nlapsed_months = 5", UNKNOWN),
            ("insured_from = 2025-01-01\nlapsed_years = 2", UNKNOWN),
            ("insured_from = 2025-01-01\nlapsed_months = 5\njoined_as = 'newborn'", PAID),
            // Paid on 31 August at the latest, and three months from there; or in autumn, and three from the first day.
            ("insured_from = 2025-01-01\nlapsed_months = 5\nsettled = 2025-11-29", UNKNOWN),
            ("insured_from = 2025-01-01\nlapsed_months = 5\nsettled = 2025-11-30", PAID),
            ("insured_from = 2025-10-01\nlapsed_months = 5\nsettled = 2025-12-30", UNKNOWN),
            // Insured since an earlier year, and paid in that year.
            ("insured_from = 2024-01-01\nlapsed_months = 5", PAID),
            ("insured_from = 2024-01-01\nlapsed_years = 5\nsettled = 2025-04-29", UNKNOWN),
            ("lapsed_months = 5", PAID),
        ],
    );
    check_rows(
        "waiting = [{ id = 'late', identity = 'none', days = 90, § }, \
         { id = 'assisted', identity = ['destitute', 'low-income', 'low-income-margin'], none = true, § }]",
        &[
            ("insured_from = 2025-01-01\nlapsed_months = 5", UNKNOWN),
            ("insured_from = 2025-01-01\nlapsed_months = 5\nidentity = 'low-income'", PAID),
        ],
    );
    // Counted from the day of payment, so that nobody waits who has paid.
    check_rows("waiting = [{ id = 'paid', days = 0, § }]", &[("insured_from = 2025-01-01\nlapsed_months = 5", PAID)]);
    let (book, example) = example(
        &[("waiting", NATIONAL)],
        "care = 'inpatient'\nfiling = 'long-term'\ninsured_from = 2025-01-01\nlapsed_months = 5\nbill = { in_policy = 1500 }",
    );
    let refusal = example.adjudicate(&book).expect_err("a refusal");
    assert_eq!(refusal.detail.as_deref(), Some("待遇等待期，参保人的缴费日期不明(waiting.late)"));
}

#[test]
fn rows_that_could_both_hold_somebody_back_are_a_fault() {
    let window = |from, to| format!("paid_from = '{from}', paid_to = '{to}'");
    for (one, two, overlap) in [
        (window("01-01", "03-31"), window("04-01", "12-31"), false),
        (window("01-01", "03-31"), window("03-31", "12-31"), true),
        (window("09-01", "02-29"), window("03-01", "08-31"), false),
        (window("09-01", "02-29"), window("02-01", "08-31"), true),
        ("lapsed_months_to = 3".into(), "lapsed_months_from = 4".into(), false),
        ("lapsed_months_to = 4".into(), "lapsed_months_from = 4".into(), true),
        ("joined_as = 'newborn'".into(), "waived = ['newborn', 'student']".into(), false),
        ("joined_as = ['newborn', 'clergy']".into(), "waived = 'newborn'".into(), true),
        ("joined_as = 'newborn'".into(), "joined_as = 'clergy'".into(), false),
        (String::new(), "waived = 'newborn'".into(), true),
    ] {
        let row = |id: &str, conditions: &str| {
            let comma = if conditions.is_empty() { "" } else { ", " };
            format!("{{ id = '{id}'{comma}{conditions}, days = 30, § }}")
        };
        // A fault of its own, so that there is something to look into.
        let rules = format!("waiting = [{}, {}, {{ id = 'fault', § }}]", row("one", &one), row("two", &two));
        let found = faults(&[("waiting", &rules)]);
        let overlaps = found.iter().any(|fault| fault.path == "waiting" && fault.problem.contains("overlaps"));
        assert_eq!(overlaps, overlap, "{one} and {two}: {found:#?}");
        assert!(found.iter().any(|fault| fault.path == "waiting.fault"), "{found:#?}");
    }
}

/// 每多断保1年: every lapsed year, or each after the first.
#[test]
fn every_lapsed_year_adds_or_each_further_one() {
    let rule = |counts: &str| {
        format!(
            "waiting = [{{ id = 'late', months = 3, plus_months_per_lapsed_year = 1, {counts}\
             minus_months_per_repaired_year = 1, § }}]"
        )
    };
    for (case, every, further) in [
        // Three months from 15 March: 15 June.
        ("paid_on = 2025-03-15", PAID, PAID),
        // One more: 15 July.
        ("paid_on = 2025-03-15\nlapsed_years = 1", WAITS, PAID),
        ("paid_on = 2025-02-15\nlapsed_years = 1", PAID, PAID),
        // Two more from 15 February: 15 July; one more: 15 June.
        ("paid_on = 2025-02-15\nlapsed_years = 2", WAITS, PAID),
        ("paid_on = 2025-03-15\nlapsed_years = 2", WAITS, WAITS),
        ("paid_on = 2025-03-15\nlapsed_years = 2\nrepaired_years = 1", WAITS, PAID),
    ] {
        check_rows(&rule(""), &[(case, every)]);
        check_rows(&rule("plus_months_for = 'every', "), &[(case, every)]);
        check_rows(&rule("plus_months_for = 'further', "), &[(case, further)]);
    }
    let alone = faults(&[("waiting", "waiting = [{ id = 'late', months = 3, plus_months_for = 'further', § }]")]);
    assert!(alone.iter().any(|fault| fault.problem.contains("plus_months_per_lapsed_year")), "{alone:#?}");
}

/// A rule of 2025 is about whoever is insured from 2025 on.
#[test]
fn whoever_was_insured_before_a_rule_came_is_not_held_to_it() {
    let rule = "waiting = [{ id = 'lapsed', lapsed_months_from = 1, months = 12, begun_from = 2025-01-01, § }]";
    check_rows(
        rule,
        &[
            ("paid_on = 2025-01-01\nlapsed_years = 2\ninsured_from = 2024-12-31", PAID),
            ("paid_on = 2025-01-01\nlapsed_years = 2\ninsured_from = 2025-01-01", WAITS),
            // Nor does it matter that nobody knows when they paid.
            ("lapsed_years = 2\ninsured_from = 2024-12-31", PAID),
        ],
    );
}

/// Whoever stands insured on the file was not paid for on the very day of the visit.
#[test]
fn a_wait_of_one_day_is_over_whatever_the_day_of_payment_was() {
    let rule = "waiting = [{ id = 'next-day', joined_as = 'employee-lapse', lapsed_months_to = 3, days = 1, § }]";
    let lapsed = "joined_as = 'employee-lapse'\nlapsed_months = 2\ninsured_from = 2025-02-01";
    let unknown = format!("{lapsed}\nsettled = 2025-11-30");
    let paid_that_day = format!("{lapsed}\npaid_on = 2025-06-30");
    check_rows(rule, &[(lapsed, PAID), (&unknown, PAID), (&paid_that_day, WAITS)]);
}
