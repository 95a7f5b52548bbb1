//! What pays after the basic fund, and what a settlement leaves behind for the next one.

use settlement::benefits::{Case, adjudicate};
use settlement::operation::AccountUse;
use settlement::year_to_date::UsagePosting;

use crate::invented::{STAY, check, example};

const LARGE_SUM: &str = "large_sum.ratio = [{ id = 'all', ratio = '0.85', § }]\n\
                         large_sum.cap = [{ id = 'year', amount = 3000, § }]";

#[test]
fn the_large_sum_layer_pays_a_share_of_the_cost_that_the_cap_did_not_buy() {
    let large = &[("large_sum", LARGE_SUM)];
    check(
        large,
        &[
            ("bill = { in_policy = 2500 }", "expect = { basic = 1600, large_sum = 0 }"),
            // 400 is left and buys 400 / 0.80 = 500 of cost; (2500 - 500 - 500) * 0.85 = 1275
            (
                "used = [{ care = 'inpatient', basic = 99600 }]\nbill = { in_policy = 2500 }",
                "expect = { basic = 400, large_sum = 1275, cash = 825 }",
            ),
            // 100.01 / 0.80 = 125.0125; (2000 - 125.0125) * 0.85 = 1593.739375 -> 1593.74
            (
                "used = [{ care = 'inpatient', basic = 99899.99 }]\nbill = { in_policy = 2500 }",
                "expect = { basic = 100.01, large_sum = 1593.74, cash = 806.25 }",
            ),
            // Its own cap: 3000 - 2500 = 500
            (
                "used = [{ care = 'inpatient', basic = 100000, large_sum = 2500 }]\nbill = { in_policy = 2500 }",
                "expect = { basic = 0, large_sum = 500, cash = 2000 }",
            ),
        ],
    );
    let unset =
        "large_sum.ratio = [{ id = 'all', ratio = 'unset', § }]\nlarge_sum.cap = [{ id = 'year', none = true, § }]";
    check(
        &[("large_sum", unset)],
        &[
            ("bill = { in_policy = 2500 }", "expect = { basic = 1600 }"),
            ("used = [{ care = 'inpatient', basic = 99600 }]\nbill = { in_policy = 2500 }", "refused = 511"),
        ],
    );
}

fn catastrophic(tiers: &str) -> String {
    format!(
        "catastrophic.base = {{ includes = ['deductible', 'ratio_share', 'above_cap'], care = ['inpatient', 'chronic'], § }}\n\
         catastrophic.tiers = {{ base = '{tiers}', § }}\n\
         catastrophic.deductible = [{{ id = 'general', identity = ['none', 'low-income-margin'], amount = 1000, § }}, \
         {{ id = 'assisted', identity = ['destitute', 'low-income'], amount = 500, § }}]\n\
         catastrophic.ratio = [{{ id = 'low', to = 2000, ratio = '0.60', § }}, {{ id = 'high', from = 2000, ratio = '0.70', § }}]\n\
         catastrophic.cap = [{{ id = 'year', amount = 2000, § }}]"
    )
}

#[test]
fn the_catastrophic_layer_pays_by_tiers_over_the_year_less_what_it_paid_before() {
    check(
        &[("catastrophic", &catastrophic("compliant"))],
        &[
            // burden 500 + 500 = 1000 is not above 1000
            ("bill = { in_policy = 3000 }", "expect = { basic = 2000, catastrophic = 0, cash = 1000 }"),
            // burden 500 + 1000 = 1500; (1500 - 1000) * 0.60
            ("bill = { in_policy = 5500 }", "expect = { basic = 4000, catastrophic = 300, cash = 1200 }"),
            // burden 500 + 2000 = 2500; (2000 - 1000) * 0.60 + (2500 - 2000) * 0.70 = 600 + 350
            ("bill = { in_policy = 10500 }", "expect = { basic = 8000, catastrophic = 950, cash = 1550 }"),
            // The year's base 800 + 1500 = 2300: 1000 * 0.60 + 300 * 0.70 = 810
            (
                "used = [{ care = 'inpatient', catastrophic_base = 800 }]\nbill = { in_policy = 5500 }",
                "expect = { catastrophic = 810 }",
            ),
            // Paid 600 before: the year's base 2000 + 1500 = 3500: 600 + 1500 * 0.70 = 1650; 1650 - 600 = 1050
            (
                "used = [{ care = 'chronic', disease = 'M03900', catastrophic_base = 2000, catastrophic = 600 }]\nbill = { in_policy = 5500 }",
                "expect = { catastrophic = 1050 }",
            ),
            // The cap: 2000 - 1900 = 100
            (
                "used = [{ care = 'inpatient', catastrophic_base = 3857, catastrophic = 1900 }]\nbill = { in_policy = 5500 }",
                "expect = { catastrophic = 100 }",
            ),
            // low-income: (1500 - 500) * 0.60
            ("identity = 'low-income'\nbill = { in_policy = 5500 }", "expect = { catastrophic = 600 }"),
            // Never more than this bill's burden, whatever was missed before: 500 + 125 = 625
            (
                "used = [{ care = 'inpatient', catastrophic_base = 3000 }]\nbill = { in_policy = 1125 }",
                "expect = { basic = 500, catastrophic = 625, cash = 0 }",
            ),
            // Outpatient care is outside its base.
            (
                "care = 'outpatient'\nused = [{ care = 'inpatient', catastrophic_base = 9000 }]\nbill = { in_policy = 1100 }",
                "expect = { basic = 500, catastrophic = 0, cash = 600 }",
            ),
        ],
    );
    check(
        &[("catastrophic", &catastrophic("excess"))],
        // burden 3500, excess 2500: 2000 * 0.60 + 500 * 0.70 = 1550
        &[("bill = { in_policy = 15500 }", "expect = { basic = 12000, catastrophic = 1550 }")],
    );
}

#[test]
fn the_catastrophic_layer_looks_at_the_first_self_pay_where_the_book_says_so() {
    let bill = "bill = { self_paid = 30, over_limit = 20, first_self_pay = 400, in_policy = 2500 }";
    let without = catastrophic("compliant");
    let with = without.replace("'above_cap'", "'above_cap', 'first_self_pay'");
    // 500 + 400 = 900 stays below 1000; 500 + 400 + 400 = 1300: 300 * 0.60
    check(&[("catastrophic", &without)], &[(bill, "expect = { basic = 1600, catastrophic = 0, cash = 1350 }")]);
    check(&[("catastrophic", &with)], &[(bill, "expect = { basic = 1600, catastrophic = 180, cash = 1170 }")]);
}

#[test]
fn the_civil_servant_supplement_pays_its_share_to_those_whom_it_covers() {
    let supplement = "civil_servant.base = { includes = ['ratio_share'], § }\n\
                      civil_servant.ratio = [{ id = 'all', ratio = '0.65', § }]\n\
                      civil_servant.cap = [{ id = 'year', none = true, § }]";
    check(
        &[("civil_servant", supplement)],
        &[
            ("bill = { in_policy = 2500 }", "expect = { basic = 1600, civil_servant = 0 }"),
            // The deductible is left out: 400 * 0.65
            (
                "civil_servant = true\nbill = { in_policy = 2500 }",
                "expect = { basic = 1600, civil_servant = 260, cash = 640 }",
            ),
        ],
    );
}

#[test]
fn assistance_pays_above_its_start_and_under_a_cap_that_all_care_shares() {
    let assistance = "assistance.base = { includes = ['deductible', 'ratio_share'], § }\n\
                      assistance.start = [{ id = 'none', identity = ['destitute', 'low-income'], amount = 0, § }, \
                      { id = 'margin', identity = ['low-income-margin'], amount = 600, § }]\n\
                      assistance.ratio = [{ id = 'all', ratio = '0.70', § }]\n\
                      assistance.cap = [{ id = 'year', amount = 1000, § }]";
    check(
        &[("assistance", assistance)],
        &[
            ("bill = { in_policy = 2500 }", "expect = { basic = 1600, assistance = 0, cash = 900 }"),
            // 900 * 0.70
            ("identity = 'low-income'\nbill = { in_policy = 2500 }", "expect = { assistance = 630, cash = 270 }"),
            // (900 - 600) * 0.70
            ("identity = 'low-income-margin'\nbill = { in_policy = 2500 }", "expect = { assistance = 210 }"),
            // 400 of the start is borne already: (900 - 200) * 0.70
            (
                "identity = 'low-income-margin'\nused = [{ care = 'inpatient', catastrophic_base = 400 }]\nbill = { in_policy = 2500 }",
                "expect = { assistance = 490 }",
            ),
            // 1000 - 800 = 200 is left, whichever care used it
            (
                "identity = 'low-income'\nused = [{ care = 'outpatient', assistance = 800 }]\nbill = { in_policy = 2500 }",
                "expect = { assistance = 200, cash = 700 }",
            ),
        ],
    );
}

#[test]
fn the_account_pays_the_open_parts_as_far_as_it_reaches_and_changes_no_fund() {
    check(
        &[],
        &[
            // 900 in policy + 50 first self-pay; the self-paid 30 stays cash
            (
                "account_balance = 5000\nbill = { self_paid = 30, first_self_pay = 50, in_policy = 2500 }",
                "expect = { basic = 1600, account = 950, cash = 30 }",
            ),
            (
                "account_balance = 100.01\nbill = { in_policy = 2500 }",
                "expect = { basic = 1600, account = 100.01, cash = 799.99 }",
            ),
            (
                "care = 'purchase'\nfiling = 'local'\naccount_balance = 20\nbill = { self_paid = 5, in_policy = 30 }",
                "expect = { basic = 0, account = 20, cash = 15 }",
            ),
        ],
    );
}

#[test]
fn an_account_that_may_not_be_used_stays_untouched() {
    let (book, mut example) = example(&[], &format!("account_balance = 5000\n{STAY}"));
    example.settle.account = AccountUse::None;
    let adjudication = example.adjudicate(&book).expect("a result");
    assert_eq!(adjudication.payers().account.fen(), 0);
    assert_eq!(adjudication.account_balance.fen(), 500_000);
}

#[test]
fn the_usage_is_what_the_next_settlement_finds_used() {
    let (book, example) = example(
        &[("catastrophic", &catastrophic("compliant"))],
        "care = 'inpatient'\nfiling = 'referral'\nbill = { in_policy = 5500 }",
    );
    let first = example.adjudicate(&book).expect("a result");
    let sums = first.usage.sums;
    assert_eq!((sums.stays, sums.deductible.fen(), sums.in_policy.fen()), (1, 50_000, 550_000));
    assert_eq!((sums.basic.fen(), sums.catastrophic_base.fen(), sums.catastrophic.fen()), (400_000, 150_000, 30_000));
    let used = [UsagePosting { usage: first.usage.clone(), day: example.settled_on }];
    let second = adjudicate(&book, &Case { usages: &used, ..example.case() }).expect("a result");
    // The year's base 1500 + 1500 = 3000: 1000 * 0.60 + 1000 * 0.70 = 1300; 1300 - 300 = 1000
    assert_eq!(second.usage.sums.catastrophic.fen(), 100_000);
}
