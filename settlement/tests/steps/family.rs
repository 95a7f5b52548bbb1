//! Personal accounts: the person's own, then relatives'.

use settlement::benefits::explanation::{self, Language};

use crate::invented::{STAY, check, example};

const FAMILY: &str = "account_balance = 100\n\
                      family = [{ owner = 'F1', balance = 200 }, { owner = 'F2', pool = '120000', balance = 1000 }]\n";

#[test]
fn the_own_account_pays_first_and_then_relatives_in_their_order() {
    let case = |bill: &str| format!("{FAMILY}bill = {bill}");
    check(
        &[],
        &[
            // 900 in policy: 100 own, 200 and 600 of relatives
            (&case("{ in_policy = 2500 }"), "expect = { basic = 1600, account = 900, family = 800, cash = 0 }"),
            // The self-paid part stays cash.
            (&case("{ self_paid = 30, in_policy = 2500 }"), "expect = { account = 900, family = 800, cash = 30 }"),
            (&case("{ in_policy = 100 }"), "expect = { account = 100, family = 0, cash = 0 }"),
            // 1300 is all there is; 500 + 5000 * 0.20 = 1500
            (&case("{ in_policy = 5500 }"), "expect = { basic = 4000, account = 1300, family = 1200, cash = 200 }"),
            (
                "family = [{ owner = 'F1', balance = 0 }, { owner = 'F2' }]\nbill = { in_policy = 2500 }",
                "expect = { account = 0, family = 0, cash = 900 }",
            ),
            // One that another node keeps is passed over.
            (
                "family = [{ owner = 'F1' }, { owner = 'F2', balance = 50 }]\nbill = { in_policy = 2500 }",
                "expect = { account = 50, family = 50, cash = 850 }",
            ),
        ],
    );
}

#[test]
fn a_book_may_close_relatives_accounts() {
    let own = "account = [{ id = 'all', covers = ['deductible', 'ratio_share'], family = false, § }]";
    check(
        &[("account", own)],
        &[(
            &format!("{FAMILY}bill = {{ in_policy = 2500 }}"),
            "expect = { basic = 1600, account = 100, family = 0, cash = 800 }",
        )],
    );
}

#[test]
fn each_use_says_whose_account_of_which_ledger() {
    let stay =
        STAY.replace("bill", "family = [{ owner = 'F0' }, { owner = 'F2', pool = '120000', balance = 1000 }]\nbill");
    let (book, example) = example(&[], &stay);
    let adjudication = example.adjudicate(&book).expect("a result");
    let said = |language| {
        let lines = explanation::render(&adjudication, &book, language);
        lines.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    for (language, wanted) in [
        (Language::Chinese, "家庭共济：F2的个人账户（120000 职工）可付900.00，余额1000.00，支付900.00，尚需支付0.00。"),
        (Language::Chinese, "家庭共济：有一个990000 职工的个人账户不在本节点，不能支付。"),
        (
            Language::English,
            "The account of relative F2 (120000, employee) may pay 900.00, holds 1000.00, pays 900.00; 0.00 is still to pay. [account.all",
        ),
    ] {
        assert!(said(language).contains(wanted), "{wanted}\nis not in\n{}", said(language));
    }
}
