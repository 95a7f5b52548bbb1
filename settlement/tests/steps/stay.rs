//! Deductibles that hang on what was settled before: falling, yearly, by cycle, of a disease, of stays that go on.

use crate::invented::{book, check};

#[test]
fn a_deductible_falls_with_each_further_stay_to_its_lowest() {
    let falling =
        "inpatient.deductible = [{ id = 'all', amount = 400, per = 'stay', falls_by = 100, down_to = 100, § }]";
    let nth = |stays: i64| format!("used = [{{ care = 'inpatient', stays = {stays} }}]\nbill = {{ in_policy = 1000 }}");
    check(
        &[("inpatient.deductible", falling)],
        &[
            (&nth(0), "expect = { deductible = 400, basic = 480 }"),
            // 400 - 100 = 300; (1000 - 300) * 0.80 = 560
            (&nth(1), "expect = { deductible = 300, basic = 560 }"),
            (&nth(3), "expect = { deductible = 100 }"),
            (&nth(4), "expect = { deductible = 100 }"),
            (&nth(300), "expect = { deductible = 100 }"),
            // A later part of the third stay still owes what that stay does: 200 - 50
            (
                "deductible_before = 50\nused = [{ care = 'inpatient', stays = 3 }]\nbill = { in_policy = 1000 }",
                "expect = { deductible = 150 }",
            ),
        ],
    );
    let unset = falling.replace("down_to = 100", "down_to = 'unset'");
    check(
        &[("inpatient.deductible", &unset)],
        &[(&nth(0), "expect = { deductible = 400 }"), (&nth(1), "refused = 511")],
    );
}

#[test]
fn a_share_of_the_bill_has_bounds() {
    let share = "inpatient.deductible = [{ id = 'all', share_of_bill = '0.20', at_least = 2000, at_most = 10000, per = 'stay', § }]";
    check(
        &[("inpatient.deductible", share)],
        &[
            // 20000 * 0.20 = 4000; (20000 - 4000) * 0.80 = 12800
            ("bill = { in_policy = 20000 }", "expect = { deductible = 4000, basic = 12800 }"),
            // The bill's total counts, not the in-policy amount alone: 20000 * 0.20 = 4000
            ("bill = { self_paid = 5000, in_policy = 15000 }", "expect = { deductible = 4000, basic = 8800 }"),
            ("bill = { in_policy = 10000 }", "expect = { deductible = 2000 }"),
            ("bill = { in_policy = 50000 }", "expect = { deductible = 10000 }"),
            ("bill = { in_policy = 60000 }", "expect = { deductible = 10000, basic = 40000 }"),
            // Never above the base.
            ("bill = { in_policy = 1500 }", "expect = { deductible = 1500, basic = 0, cash = 1500 }"),
            // 10000.03 * 0.20 = 2000.006
            ("bill = { in_policy = 10000.03 }", "expect = { deductible = 2000.01 }"),
            // The parts of a stay are one bill: (12000 + 20000) * 0.20 = 6400; 6400 - 2400
            (
                "earlier = [{ same_stay = true, total = 12000, deductible = 2400 }]\nbill = { in_policy = 20000 }",
                "expect = { deductible = 4000 }",
            ),
        ],
    );
    let half = (
        "inpatient.deductible_factor",
        "inpatient.deductible_factor = [{ id = 'half', stay_from = 2, factor = '0.5', § }]",
    );
    check(
        &[("inpatient.deductible", share), half],
        &[(
            "used = [{ care = 'inpatient', stays = 1 }]\nbill = { in_policy = 20000 }",
            "expect = { deductible = 2000, basic = 14400 }",
        )],
    );
}

#[test]
fn nothing_is_due_from_the_second_stay_or_for_some_diagnoses() {
    let rows = "inpatient.deductible = [{ id = 'spared', diagnosis = ['F', 'B18', 'a15'], none = true, per = 'stay', § }, \
                { id = 'cancer', diagnosis = ['C'], amount = 600, per = 'year', per_disease = true, § }, \
                { id = 'first', diagnosis = 'other', stay_to = 1, amount = 600, per = 'stay', § }, \
                { id = 'later', diagnosis = 'other', stay_from = 2, none = true, per = 'stay', § }]";
    let bill = "bill = { in_policy = 1000 }";
    let with = |diagnosis: &str| format!("diagnosis = '{diagnosis}'\n{bill}");
    let second = |diagnosis: &str, earlier: &str, borne: i64| {
        format!(
            "diagnosis = '{diagnosis}'\nused = [{{ care = 'inpatient', stays = 1, deductible = {borne} }}]\n\
             earlier = [{{ admitted = 2025-03-01, discharged = 2025-03-09, diagnosis = '{earlier}', deductible = {borne} }}]\n{bill}"
        )
    };
    check(
        &[("inpatient.deductible", rows)],
        &[
            (bill, "expect = { deductible = 600 }"),
            (&with("I10.x00"), "expect = { deductible = 600 }"),
            (&with("F20.900"), "expect = { deductible = 0, basic = 800 }"),
            (&with("B18.100"), "expect = { deductible = 0 }"),
            (&with("B19.900"), "expect = { deductible = 600 }"),
            (&with("A15.000"), "expect = { deductible = 0 }"),
            // A second stay of somebody who was in hospital for something else before.
            (&second("I10", "I10", 600), "expect = { deductible = 0 }"),
            // Cancer bears it once a year, whatever the tumour.
            (&with("C34.900"), "expect = { deductible = 600 }"),
            (&second("C34.900", "C50.900", 600), "expect = { deductible = 0 }"),
            (&second("C34.900", "C50.900", 400), "expect = { deductible = 200 }"),
            (&second("C34.900", "I10", 600), "expect = { deductible = 600 }"),
        ],
    );
}

#[test]
fn a_chronic_disease_bears_a_deductible_of_its_own_where_the_book_says_so() {
    let per_disease = "chronic.deductible = [{ id = 'all', amount = 300, per = 'year', per_disease = true, § }]";
    let visit = |disease: &str| {
        format!(
            "care = 'chronic'\ndisease = '{disease}'\nbill = {{ in_policy = 1000 }}\n\
             used = [{{ care = 'chronic', disease = 'M03900', deductible = 250 }}, {{ care = 'chronic', disease = 'M01600', deductible = 300 }}]"
        )
    };
    check(
        &[("chronic.deductible", per_disease)],
        &[
            (&visit("M03901"), "expect = { deductible = 50, basic = 665 }"),
            (&visit("M01600"), "expect = { deductible = 0, basic = 700 }"),
        ],
    );
}

#[test]
fn the_higher_level_pays_the_difference_once_a_year() {
    let rows = "inpatient.deductible = [{ id = 'third', level = 'third', amount = 600, per = 'year', § }, \
                { id = 'second', level = 'second', amount = 300, per = 'year', § }, \
                { id = 'lower', level = ['first', 'primary'], amount = 200, per = 'year', § }]";
    let at = |level: &str, borne: i64| {
        format!(
            "level = '{level}'\nused = [{{ care = 'inpatient', stays = 1, deductible = {borne} }}]\nbill = {{ in_policy = 1000 }}"
        )
    };
    check(
        &[("inpatient.deductible", rows)],
        &[
            (&at("third", 200), "expect = { deductible = 400 }"),
            (&at("third", 600), "expect = { deductible = 0 }"),
            (&at("second", 600), "expect = { deductible = 0 }"),
            (&at("second", 200), "expect = { deductible = 100 }"),
            // A book that does not name them means 三级特等 by third and 未定级 by primary.
            (&at("top", 0), "expect = { deductible = 600 }"),
            (&at("unrated", 0), "expect = { deductible = 200 }"),
        ],
    );
}

#[test]
fn a_cycle_begins_with_the_first_deductible_and_runs_over_the_year() {
    let cycle = "chronic.deductible = [{ id = 'all', amount = 1800, per = 'cycle', cycle_days = 360, § }]";
    let used = |days: &str| {
        format!(
            "care = 'chronic'\ndisease = 'M03900'\nsettled = 2025-06-30\nused = [{days}]\nbill = {{ in_policy = 2000 }}"
        )
    };
    let borne =
        |day: &str, yuan: i64| format!("{{ care = 'chronic', disease = 'M03900', day = {day}, deductible = {yuan} }}");
    check(
        &[("chronic.deductible", cycle)],
        &[
            (&used(""), "expect = { deductible = 1800, basic = 140 }"),
            // From 2024-07-10 on, 355 days ago: still the same cycle, in another benefit year.
            (&used(&borne("2024-07-10", 1800)), "expect = { deductible = 0, basic = 1400 }"),
            (&used(&borne("2024-07-10", 1000)), "expect = { deductible = 800 }"),
            // The 360th day is the cycle's last, the day after begins another.
            (&used(&borne("2024-07-06", 1800)), "expect = { deductible = 0 }"),
            (&used(&borne("2024-07-05", 1800)), "expect = { deductible = 1800 }"),
            // 2023-08-01 began a cycle that ended on 2024-07-25; what came then began the next.
            (
                &used(&format!("{}, {}", borne("2023-08-01", 1800), borne("2024-07-26", 700))),
                "expect = { deductible = 1100 }",
            ),
            // A bill that bore nothing begins none.
            (&used(&borne("2025-01-01", 0)), "expect = { deductible = 1800 }"),
            // Other care does not count.
            (&used("{ care = 'outpatient', day = 2025-05-01, deductible = 500 }"), "expect = { deductible = 1800 }"),
        ],
    );
    let each = cycle.replace("cycle_days = 360", "cycle_days = 360, per_disease = true");
    let other = used("{ care = 'chronic', disease = 'M01600', day = 2025-05-01, deductible = 1800 }");
    check(&[("chronic.deductible", &each)], &[(&other, "expect = { deductible = 1800 }")]);
    check(&[("chronic.deductible", cycle)], &[(&other, "expect = { deductible = 0 }")]);
}

#[test]
fn a_long_stay_bears_it_again_for_every_so_many_days() {
    let again = "inpatient.deductible = [{ id = 'all', amount = 500, per = 'stay', again_after_days = 90, § }]";
    let since = |admitted: &str, before: &str| {
        format!("admitted = {admitted}\nsettled = 2025-06-30\n{before}\nbill = {{ in_policy = 10000 }}")
    };
    let part = "earlier = [{ same_stay = true, settled = 2025-03-31, deductible = 500 }]";
    check(
        &[("inpatient.deductible", again)],
        &[
            (&since("2025-06-01", ""), "expect = { deductible = 500, basic = 7600 }"),
            // 90 days, then 91
            (&since("2025-04-01", ""), "expect = { deductible = 500 }"),
            (&since("2025-03-31", ""), "expect = { deductible = 1000, basic = 7200 }"),
            // 180 days, then 181
            (&since("2025-01-01", ""), "expect = { deductible = 1000 }"),
            (&since("2024-12-31", ""), "expect = { deductible = 1500 }"),
            // What was borne at the mid-way settlement counts: 2 * 500 - 500
            (&since("2025-01-01", part), "expect = { deductible = 500 }"),
        ],
    );
    // Where each part bears its own, the days count from the part before: 91 days since 2025-03-31
    let each = ("interim_stay", "interim_stay = { deductible = 'each', § }");
    check(&[("inpatient.deductible", again), each], &[(&since("2025-01-01", part), "expect = { deductible = 1000 }")]);
}

#[test]
fn a_stay_that_goes_on_from_another_is_the_same_stay() {
    const CHAIN: &str = "used = [{ care = 'inpatient', stays = 1, deductible = 500 }]";
    let stay = |discharged: &str, more: &str| {
        format!(
            "{CHAIN}\nadmitted = 2025-06-20\nearlier = [{{ admitted = 2025-06-01, discharged = {discharged}, deductible = 500{more} }}]\n\
             bill = {{ in_policy = 1000 }}"
        )
    };
    let rule = |more: &str| {
        format!("inpatient.continues = [{{ id = 'readmitted', within_days = 15, deductible = 'none'{more}, § }}]")
    };
    let (any, same) = (rule(""), rule(", same_institution = true"));
    check(
        &[("inpatient.continues", &any)],
        &[
            (&stay("2025-06-20", ""), "expect = { deductible = 0, basic = 800 }"),
            (&stay("2025-06-05", ""), "expect = { deductible = 0 }"),
            (&stay("2025-06-04", ""), "expect = { deductible = 500 }"),
        ],
    );
    check(
        &[("inpatient.continues", &same)],
        &[
            (&stay("2025-06-10", ", same_institution = true"), "expect = { deductible = 0 }"),
            (&stay("2025-06-10", ""), "expect = { deductible = 500 }"),
        ],
    );
    check(
        &[("inpatient.continues", &rule(", same_diagnosis = true"))],
        &[
            (
                &format!("diagnosis = 'I21.000'\n{}", stay("2025-06-10", ", diagnosis = 'I21.900'")),
                "expect = { deductible = 0 }",
            ),
            (
                &format!("diagnosis = 'I21.000'\n{}", stay("2025-06-10", ", diagnosis = 'J18.900'")),
                "expect = { deductible = 500 }",
            ),
            // Nobody knows that they are the same.
            (&stay("2025-06-10", ""), "expect = { deductible = 500 }"),
        ],
    );
    check(
        &[("inpatient.continues", &rule(", from_level = ['third']"))],
        &[
            (&stay("2025-06-10", ", level = 'third'"), "expect = { deductible = 0 }"),
            (&stay("2025-06-10", ", level = 'second'"), "expect = { deductible = 500 }"),
        ],
    );
}

#[test]
fn a_transfer_up_pays_the_difference_and_a_transfer_down_nothing() {
    let deductible = "inpatient.deductible = [{ id = 'third', level = 'third', amount = 1200, per = 'stay', § }, \
                      { id = 'other', level = ['primary', 'first', 'second'], amount = 450, per = 'stay', § }]";
    let transfer = "inpatient.continues = [{ id = 'transfer', within_days = 1, deductible = 'difference', § }]";
    let from = |level: &str, to: &str, borne: i64| {
        format!(
            "level = '{to}'\nadmitted = 2025-06-20\nused = [{{ care = 'inpatient', stays = 1, deductible = {borne} }}]\n\
             earlier = [{{ level = '{level}', admitted = 2025-06-01, discharged = 2025-06-19, deductible = {borne} }}]\nbill = {{ in_policy = 5000 }}"
        )
    };
    let chain = "level = 'third'\nadmitted = 2025-06-20\nused = [{ care = 'inpatient', stays = 1, deductible = 750 }]\n\
                 earlier = [{ level = 'first', admitted = 2025-05-01, discharged = 2025-06-01, deductible = 450 }, \
                 { level = 'second', admitted = 2025-06-02, discharged = 2025-06-19, deductible = 300 }, \
                 { level = 'second', admitted = 2025-03-02, discharged = 2025-04-29, deductible = 450 }]\n\
                 bill = { in_policy = 5000 }";
    check(
        &[("inpatient.deductible", deductible), ("inpatient.continues", transfer)],
        &[
            (&from("second", "third", 450), "expect = { deductible = 750 }"),
            (&from("third", "second", 1200), "expect = { deductible = 0, basic = 4000 }"),
            // What the small first bill left open is still due.
            (&from("third", "third", 200), "expect = { deductible = 1000 }"),
            // From first to second to third, each within a day: 1200 - 450 - 300; the one of April ended too early.
            (chain, "expect = { deductible = 450 }"),
        ],
    );
}

/// The days of stays that are one are counted together.
#[test]
fn a_long_stay_in_two_hospitals_bears_it_again_as_in_one() {
    let rows = "inpatient.deductible = [{ id = 'third', level = 'third', amount = 1000, per = 'stay', again_after_days = 90, § }, \
                { id = 'other', level = ['primary', 'first', 'second'], amount = 500, per = 'stay', again_after_days = 90, § }]";
    let goes_on =
        |rule: &str| format!("inpatient.continues = [{{ id = 'on', within_days = 1, deductible = '{rule}', § }}]");
    // 160 days from 21 January to 30 June: 80 until 11 April, and 80 from there.
    let whole = "level = 'third'\nadmitted = 2025-01-21\nbill = { in_policy = 10000 }";
    let second = |from: &str, to: &str, borne: i64| {
        format!(
            "level = '{to}'\nadmitted = 2025-04-11\nused = [{{ care = 'inpatient', stays = 1, deductible = {borne} }}]\n\
             earlier = [{{ level = '{from}', admitted = 2025-01-21, discharged = 2025-04-11, deductible = {borne} }}]\n\
             bill = {{ in_policy = 10000 }}"
        )
    };
    let difference = goes_on("difference");
    check(
        &[("inpatient.deductible", rows), ("inpatient.continues", &difference)],
        &[
            (whole, "expect = { deductible = 2000 }"),
            (&second("third", "third", 1000), "expect = { deductible = 1000 }"),
            // 2 * 1000 - 500
            (&second("second", "third", 500), "expect = { deductible = 1500 }"),
            // 2 * 500 - 1000
            (&second("third", "second", 1000), "expect = { deductible = 0 }"),
            // A part of the second stay bore the second one: 2 * 1000 - 1000 - 1000
            (
                &second("third", "third", 1000).replace(
                    "earlier = [",
                    "earlier = [{ same_stay = true, settled = 2025-05-31, deductible = 1000 }, ",
                ),
                "expect = { deductible = 0 }",
            ),
        ],
    );
    // 50 days and 26 are 76: the 25 at home in between are none of them.
    let again = difference.replace("within_days = 1", "within_days = 30");
    let after_some_days = second("third", "third", 1000)
        .replace("admitted = 2025-04-11\n", "admitted = 2025-06-04\n")
        .replace("admitted = 2025-01-21, discharged = 2025-04-11", "admitted = 2025-03-21, discharged = 2025-05-10");
    check(
        &[("inpatient.deductible", rows), ("inpatient.continues", &again)],
        &[(&after_some_days, "expect = { deductible = 0 }")],
    );
    let none = goes_on("none");
    check(
        &[("inpatient.deductible", rows), ("inpatient.continues", &none)],
        &[(&second("third", "third", 1000), "expect = { deductible = 0 }")],
    );
}

#[test]
fn a_stay_that_goes_on_is_not_counted_again() {
    let rows = "inpatient.deductible = [{ id = 'first', stay_to = 1, amount = 800, per = 'stay', § }, \
                { id = 'later', stay_from = 2, amount = 270, per = 'stay', § }]";
    let transfer = "inpatient.continues = [{ id = 'transfer', within_days = 1, deductible = 'difference', § }]";
    let gap = |discharged: &str| {
        format!(
            "admitted = 2025-06-20\nused = [{{ care = 'inpatient', stays = 1, deductible = 100 }}]\n\
             earlier = [{{ admitted = 2025-06-01, discharged = {discharged}, deductible = 100 }}]\nbill = {{ in_policy = 5000 }}"
        )
    };
    check(
        &[("inpatient.deductible", rows), ("inpatient.continues", transfer)],
        &[
            // Still the first stay: 800 - 100
            (&gap("2025-06-20"), "expect = { deductible = 700 }"),
            (&gap("2025-06-10"), "expect = { deductible = 270 }"),
        ],
    );
}

#[test]
fn a_stay_over_the_end_of_the_year_bears_its_deductible_once_or_again() {
    let part = |settled: &str, used: &str| {
        format!(
            "settled = 2025-01-10\nadmitted = 2024-12-20\nused = [{used}]\n\
             earlier = [{{ same_stay = true, settled = {settled}, deductible = 300 }}]\nbill = {{ in_policy = 1000 }}"
        )
    };
    let old = part("2024-12-31", "{ care = 'inpatient', day = 2024-12-31, stays = 1, deductible = 300 }");
    let both = part("2025-01-05", "{ care = 'inpatient', stays = 1, deductible = 300 }");
    // What a book does not say is as with any mid-way settlement: 500 - 300
    check(&[], &[(&old, "expect = { deductible = 200, basic = 640 }")]);
    let once = ("cross_year", "cross_year = { deductible = 'once', § }");
    let again = ("cross_year", "cross_year = { deductible = 'again', § }");
    let each = ("interim_stay", "interim_stay = { deductible = 'each', § }");
    check(&[once, each], &[(&old, "expect = { deductible = 200 }"), (&both, "expect = { deductible = 500 }")]);
    check(&[again], &[(&old, "expect = { deductible = 500, basic = 400 }"), (&both, "expect = { deductible = 200 }")]);
    // A yearly deductible counts by year unless the book says that the stay bore it.
    let yearly = ("inpatient.deductible", "inpatient.deductible = [{ id = 'all', amount = 500, per = 'year', § }]");
    check(&[yearly], &[(&old, "expect = { deductible = 500 }")]);
    check(&[yearly, once], &[(&old, "expect = { deductible = 200 }")]);
    check(&[yearly, again], &[(&old, "expect = { deductible = 500 }")]);
    // The part in the new year is that year's first stay where it bears its own, and the old year's where not.
    let nth = "inpatient.deductible = [{ id = 'first', stay_to = 1, amount = 800, per = 'stay', § }, \
               { id = 'later', stay_from = 2, amount = 400, per = 'stay', § }]";
    let second = part("2024-12-31", "{ care = 'inpatient', stays = 1, deductible = 800 }");
    check(&[("inpatient.deductible", nth), again], &[(&second, "expect = { deductible = 400 }")]);
    check(&[("inpatient.deductible", nth), once], &[(&second, "expect = { deductible = 500 }")]);
    // Settled whole by its discharge, it is of that year alone.
    let whole = ("decision_date", "decision_date = { date = 'discharge', § }");
    check(
        &[whole, yearly],
        &[(
            "settled = 2025-01-10\nadmitted = 2024-12-20\nused = [{ care = 'inpatient', day = 2024-11-01, stays = 1, deductible = 500 }]\nbill = { in_policy = 1000 }",
            "expect = { deductible = 500 }",
        )],
    );
}

/// What a stay in two years bears of a yearly deductible is a question that a book has to answer.
#[test]
fn a_yearly_deductible_without_a_word_on_stays_over_the_year_is_to_be_looked_at() {
    let yearly = ("inpatient.deductible", "inpatient.deductible = [{ id = 'all', amount = 500, per = 'year', § }]");
    let none = ("inpatient.deductible", "inpatient.deductible = [{ id = 'all', none = true, per = 'year', § }]");
    let said = ("cross_year", "cross_year = { deductible = 'again', § }");
    let each = ("interim_stay", "interim_stay = { deductible = 'each', § }");
    let warned = |changed: &[(&str, &str)]| {
        book(changed, "")
            .warnings()
            .iter()
            .any(|warning| warning.contains("interim_stay") && warning.contains("[cross_year]"))
    };
    assert!(warned(&[yearly]));
    for changed in [vec![], vec![none], vec![yearly, said], vec![yearly, each]] {
        assert!(!warned(&changed), "{changed:?}");
    }
}
