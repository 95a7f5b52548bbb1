//! Several special identities at once: the one by which the person pays least counts.

use settlement::benefits::explanation::{self, Language};
use settlement::refusal::Reason;

use crate::invented::{check, example, faults};

/// Assistance of the 900 that are left of 2500: low-income 30 %, destitute and low-income-margin 50 %, veterans 70 %.
const ASSISTANCE: &str = "assistance.base = { includes = ['deductible', 'ratio_share'], § }\n\
    assistance.start = [{ id = 'all', amount = 0, § }]\n\
    assistance.ratio = [{ id = 'low', identity = 'low-income', ratio = '0.30', § }, \
    { id = 'other', identity = ['destitute', 'low-income-margin'], ratio = '0.50', § }, \
    { id = 'veteran', identity = 'veteran', ratio = '0.70', § }]\n\
    assistance.cap = [{ id = 'year', amount = 1000, § }]";

#[test]
fn the_identity_that_leaves_least_to_pay_counts() {
    let bill = "bill = { in_policy = 2500 }";
    let several = ("identities", "identities = { several = 'best', § }");
    for changed in [vec![("assistance", ASSISTANCE)], vec![("assistance", ASSISTANCE), several]] {
        check(
            &changed,
            &[
                (bill, "expect = { assistance = 0, cash = 900 }"),
                (&format!("identity = 'low-income'\n{bill}"), "expect = { assistance = 270, cash = 630 }"),
                (&format!("identities = ['low-income']\n{bill}"), "expect = { assistance = 270, cash = 630 }"),
                // Neither the first in the list nor the one that is thought of as poorest.
                (&format!("identities = ['low-income', 'low-income-margin']\n{bill}"), "expect = { assistance = 450 }"),
                (&format!("identities = ['low-income-margin', 'veteran']\n{bill}"), "expect = { assistance = 630 }"),
                // The account could pay all of it; the better one spares it.
                (
                    &format!("account_balance = 5000\nidentities = ['low-income', 'veteran']\n{bill}"),
                    "expect = { assistance = 630, account = 270, cash = 0 }",
                ),
                // The book does not know this one: it is as if the person had none, and never worse than the other.
                (&format!("identity = 'high-cost'\n{bill}"), "expect = { assistance = 0, cash = 900 }"),
                (&format!("identities = ['low-income', 'high-cost']\n{bill}"), "expect = { assistance = 270 }"),
            ],
        );
    }
}

#[test]
fn the_choice_is_explained_where_the_book_speaks_of_it() {
    let several = ("identities", "identities = { several = 'best', § }");
    let case =
        "care = 'inpatient'\nfiling = 'long-term'\nidentities = ['low-income', 'veteran']\nbill = { in_policy = 2500 }";
    let (book, example) = example(&[("assistance", ASSISTANCE), several], case);
    let adjudication = example.adjudicate(&book).expect("a result");
    let lines = explanation::render(&adjudication, &book, Language::Chinese);
    let said: Vec<String> = lines.iter().map(ToString::to_string).collect();
    let wanted = "同时具有2种身份，就高按优抚对象计算。 [identities · invented · 演示假设]";
    assert!(said.iter().any(|line| line == wanted), "{said:#?}");
}

#[test]
fn where_a_rule_for_one_of_them_is_unknown_nobody_knows_which_is_best() {
    let unset = ASSISTANCE.replace("ratio = '0.70'", "ratio = 'unset'");
    let case =
        "care = 'inpatient'\nfiling = 'long-term'\nidentities = ['low-income', 'veteran']\nbill = { in_policy = 2500 }";
    let (book, example) = example(&[("assistance", &unset)], case);
    assert_eq!(example.adjudicate(&book).expect_err("unknown").reason, Reason::RuleUnset);
}

#[test]
fn an_identity_that_one_table_names_is_asked_of_every_table() {
    let start = "assistance.start = [{ id = 'all', identity = ['destitute', 'low-income', 'low-income-margin'], amount = 0, § }]";
    let gap = ASSISTANCE.replace("assistance.start = [{ id = 'all', amount = 0, § }]", start);
    let found = faults(&[("assistance", &gap)]);
    let problem = "leaves a gap: no row for identity veteran";
    assert!(
        found.iter().any(|fault| fault.path == "assistance.start" && fault.problem.contains(problem)),
        "{found:#?}"
    );
}
