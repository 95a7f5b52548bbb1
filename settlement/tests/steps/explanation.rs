//! How a result is explained, and what is kept of the explanation.

use settlement::benefits::explanation::{self, Language};

use crate::invented::{STAY, example};

#[test]
fn an_explanation_is_said_in_two_languages_with_clauses_and_the_running_remainder() {
    let (book, example) = example(&[], &format!("account_balance = 100\n{STAY}"));
    let adjudication = example.adjudicate(&book).expect("a result");
    let lines = |language| explanation::render(&adjudication, &book, language);
    let chinese: Vec<String> = lines(Language::Chinese).iter().map(ToString::to_string).collect();
    let english: Vec<String> = lines(Language::English).iter().map(ToString::to_string).collect();
    assert_eq!(chinese.len(), adjudication.steps.len());
    for (said, wanted) in [
        (&chinese, "统筹基金支付1600.00（年度累计0.00 → 1600.00），其余900.00。"),
        (
            &chinese,
            "起付线500.00，本次承担500.00，其余2000.00按比例支付。 [inpatient.deductible.all · invented · 演示假设]",
        ),
        (&chinese, "个人现金支付800.00。"),
        (
            &english,
            "Of 2000.00 from 500.00 on, the basic fund pays 80% (as at home). [inpatient.ratio.all · invented · assumed] [off_site.all · invented · assumed]",
        ),
        (
            &english,
            "The personal account may pay 900.00, holds 100.00, pays 100.00; 800.00 is left. [account.all · invented · assumed]",
        ),
    ] {
        assert!(said.iter().any(|line| line == wanted), "{wanted}\nis not in\n{}", said.join("\n"));
    }
}

#[test]
fn what_an_earlier_part_of_the_stay_bore_is_said() {
    let (book, example) = example(&[], &format!("deductible_before = 300\n{STAY}"));
    let adjudication = example.adjudicate(&book).expect("a result");
    for (language, wanted) in [
        (Language::Chinese, "起付线500.00，本次住院此前已承担300.00，本次承担200.00，其余2300.00按比例支付。"),
        (
            Language::English,
            "Deductible 500.00, borne earlier in this stay 300.00; borne now 200.00; 2300.00 is paid by ratio.",
        ),
    ] {
        let lines: Vec<String> =
            explanation::render(&adjudication, &book, language).iter().map(ToString::to_string).collect();
        assert!(lines.iter().any(|line| line.starts_with(wanted)), "{wanted}\nis not in\n{}", lines.join("\n"));
    }
}

/// A stored settlement keeps this digest: when the test fails, old explanations no longer match theirs.
#[test]
fn the_digest_of_an_explanation_never_changes() {
    let (book, example) = example(&[], STAY);
    let adjudication = example.adjudicate(&book).expect("a result");
    let hex = explanation::digest(&adjudication.steps).map(|byte| format!("{byte:02x}")).concat();
    assert_eq!(hex, "499953d3e253125930ef1a9e750b3a569d67a4db8ed1a5db77402d5c343f17dd");
    let mut other = adjudication.steps.clone();
    other.pop();
    assert_ne!(explanation::digest(&other), explanation::digest(&adjudication.steps));
}
