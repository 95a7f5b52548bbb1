//! How a result is explained, and what is kept of the explanation.

use settlement::benefits::explanation::{self, Language, Left, YearSoFar, render};
use settlement::money::Money;

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
        (
            &chinese,
            "统筹基金支付1600.00（年度累计0.00 → 1600.00），其余自付900.00。 [inpatient.deductible.all] [inpatient.ratio.all]",
        ),
        (
            &chinese,
            "起付线500.00，本次承担500.00，其余2000.00按比例支付。 [inpatient.deductible.all · invented · 演示假设]",
        ),
        (
            &chinese,
            "总费用2500.00：全自费0.00，超限价0.00，先行自付0.00，政策范围内2500.00。 [first_self_pay · invented · 演示假设]",
        ),
        (
            &chinese,
            "个人负担900.00：自付900.00，超限价0.00，自费0.00；其中现金支付：总费用2500.00 − 基金1600.00 − 账户100.00 = 800.00。",
        ),
        (
            &english,
            "working, identity none, aged 40; inpatient care at level third, footing long-term; benefit year 2025, stay 1. [decision_date · invented · assumed] [benefit_year · invented · assumed]",
        ),
        (
            &english,
            "Of 2000.00 from 500.00 on, the basic fund pays 80% (as at home). [inpatient.ratio.all · invented · assumed] [off_site.all · invented · assumed]",
        ),
        (
            &english,
            "The personal account may pay 900.00, holds 100.00, pays 100.00; 800.00 is still to pay. [account.all · invented · assumed]",
        ),
    ] {
        assert!(said.iter().any(|line| line == wanted), "{wanted}\nis not in\n{}", said.join("\n"));
    }
}

#[test]
fn own_share_self_paid_and_over_limit_are_told_apart() {
    let bill = "bill = { self_paid = 70, over_limit = 30, first_self_pay = 200, in_policy = 2500 }";
    let (book, example) = example(&[], &STAY.replace("bill = { in_policy = 2500 }", bill));
    let adjudication = example.adjudicate(&book).expect("a result");
    // (2500 − 500) × 80 % = 1600; 200 + 900 = 1100 is the own share, 70 and 30 are beside it.
    for (language, wanted) in [
        (
            Language::Chinese,
            [
                "其余自付1100.00。",
                "个人负担1200.00：自付1100.00，超限价30.00，自费70.00；其中现金支付：总费用2800.00 − 基金1600.00 − 账户0.00 = 1200.00。",
            ],
        ),
        (
            Language::English,
            [
                "1100.00 of the own share is left.",
                "The person bears 1200.00: own share 1100.00, over limit 30.00, self-paid 70.00; in cash: total 2800.00 − funds 1600.00 − accounts 0.00 = 1200.00.",
            ],
        ),
    ] {
        let lines = explanation::render(&adjudication, &book, language);
        for wanted in wanted {
            assert!(lines.iter().any(|line| line.text.ends_with(wanted)), "{wanted} is not in {lines:#?}");
        }
        let left: Vec<_> =
            lines.iter().filter_map(|line| line.left).map(|left| (left.own_share.fen(), left.to_pay.fen())).collect();
        assert_eq!(left, [(110_000, 120_000)]);
    }
}

#[test]
fn an_explanation_ends_with_the_benefit_year_before_and_after() {
    let used = "used = [{ care = 'inpatient', stays = 1, deductible = 500, in_policy = 3000, basic = 2000 }]";
    let (book, example) = example(&[], &format!("{used}\n{STAY}"));
    let adjudication = example.adjudicate(&book).expect("a result");
    let year = YearSoFar::of(&adjudication, &book, &example.used);
    assert_eq!(
        year.say(Language::Chinese),
        "2025年度累计：住院次数 1 → 2，待遇计算基数 3000.00 → 5500.00，计入起付线 500.00 → 1000.00，统筹基金 2000.00 → 3600.00。"
    );
    assert!(year.say(Language::English).starts_with("Benefit year 2025: stays 1 → 2, benefit base 3000.00 → 5500.00,"));
    let nothing = YearSoFar { before: Default::default(), after: Default::default(), ..year };
    assert_eq!(nothing.say(Language::Chinese), "2025年度累计：无。");
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

#[test]
fn what_a_deductible_was_derived_from_is_said() {
    let falling =
        "inpatient.deductible = [{ id = 'all', amount = 400, per = 'stay', falls_by = 100, down_to = 100, § }]";
    let goes_on = "inpatient.continues = [{ id = 'transfer', within_days = 1, deductible = 'difference', § }]";
    let case = format!(
        "admitted = 2025-06-20\nused = [{{ care = 'inpatient', stays = 2, deductible = 500 }}]\n\
         earlier = [{{ level = 'second', admitted = 2025-06-01, discharged = 2025-06-19, deductible = 200 }}]\n{STAY}"
    );
    let (book, example) = example(&[("inpatient.deductible", falling), ("inpatient.continues", goes_on)], &case);
    let adjudication = example.adjudicate(&book).expect("a result");
    for (language, wanted) in [
        (
            Language::Chinese,
            "本次住院接续2025-06-19从二级医疗机构出院的住院，视同一次住院，此前已承担起付线200.00，只补差额。 \
             [inpatient.continues.transfer · invented · 演示假设]",
        ),
        (Language::Chinese, "起付线逐次降低：首次400.00，第2次为300.00。"),
        (Language::Chinese, "起付线300.00，本次住院此前已承担200.00，本次承担100.00，其余2400.00按比例支付。"),
        (Language::English, "The deductible falls from 400.00 for the first stay to 300.00 for stay 2."),
        (
            Language::English,
            "The stay goes on from one at level second that ended on 2025-06-19: one stay, which bore 200.00 of a \
             deductible; only the difference is due.",
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

/// A catastrophic layer that looks at what is self-paid: (5500 − 500) × 80 % = 4000, so 500 + 1000 are the own share; and
/// (2000 − 500) × 50 % = 750 of the 2000 that are self-paid.
#[test]
fn what_a_fund_pays_of_what_lies_outside_the_policy_leaves_the_own_share_alone() {
    let layer = "catastrophic.base = { includes = ['self_paid'], care = ['inpatient'], § }\n\
        catastrophic.tiers = { base = 'excess', § }\n\
        catastrophic.deductible = [{ id = 'all', amount = 500, § }]\n\
        catastrophic.ratio = [{ id = 'all', ratio = '0.50', § }]\n\
        catastrophic.cap = [{ id = 'all', none = true, § }]";
    let bill = "bill = { self_paid = 2000, over_limit = 30, in_policy = 5500 }";
    let case = STAY.replace("bill = { in_policy = 2500 }", bill);
    let (book, example) = example(&[("catastrophic", layer)], &case);
    let adjudication = example.adjudicate(&book).expect("a result");
    let left = Left::at_the_end(&adjudication);
    assert_eq!(left.own_share, Money::from_yuan(1_500));
    assert_eq!([left.self_paid, left.over_limit], [1_250, 30].map(Money::from_yuan));
    let said: Vec<String> = render(&adjudication, &book, Language::Chinese).into_iter().map(|line| line.text).collect();
    for wanted in ["另付政策范围外费用：自费750.00，超限价0.00。", "自付1500.00，超限价30.00，自费1250.00"]
    {
        assert!(said.iter().any(|line| line.contains(wanted)), "{wanted}\nis not in\n{}", said.join("\n"));
    }
}

/// What each line of an explanation says of a case, in both languages.
fn said(changed: &[(&str, &str)], case: &str) -> [Vec<String>; 2] {
    let (book, example) = example(changed, case);
    let adjudication = example.adjudicate(&book).expect("a result");
    [Language::Chinese, Language::English]
        .map(|language| render(&adjudication, &book, language).iter().map(ToString::to_string).collect())
}

fn says(lines: &[String], wanted: &str) {
    assert!(lines.iter().any(|line| line.starts_with(wanted)), "{wanted}\nis not in\n{}", lines.join("\n"));
}

/// 154,000 × 45 % = 69,300, and the cap leaves 50,000; the ratios alone come to (100,000 − 500) × 36 % = 35,820.
#[test]
fn the_cap_that_cuts_a_guaranteed_share_is_told() {
    let changed = [
        ("off_site", "off_site = [{ id = 'all', factor = '0.45', floor = '0.45', floor_of = 'total', § }]"),
        ("cap", "cap = [{ id = 'year', counts = ['inpatient'], measure = 'fund_paid', amount = 50000, § }]"),
    ];
    let case = "care = 'inpatient'\nfiling = 'long-term'\nbill = { self_paid = 54000, in_policy = 100000 }";
    let [chinese, english] = said(&changed, case);
    says(&chinese, "封顶线50000.00，本年已用0.00，还可用50000.00。 [cap.year");
    says(&chinese, "保底支付：总费用154000.00 × 45% = 69300.00，至多支付50000.00，统筹支付由35820.00提高到50000.00。");
    says(&english, "Guaranteed share: 154000.00 (total) × 45% = 69300.00, of which 50000.00 at most;");
    assert!(
        chinese.iter().any(|line| line.contains("统筹基金支付50000.00") && line.contains("[cap.year]")),
        "{chinese:#?}"
    );
    // What nothing cuts is said without it.
    let [chinese, _] = said(&changed, &case.replace("54000", "0"));
    says(&chinese, "保底支付：总费用100000.00 × 45%，统筹支付由35820.00提高到45000.00。");
}

/// 2500 × 10 % is taken off before the fund looks at the rest, and the benefit year goes on from that.
#[test]
fn what_the_year_goes_on_from_is_not_called_as_what_is_in_policy() {
    let pre_deducted = ("off_site", "off_site = [{ id = 'all', pre_deduct = '0.10', § }]");
    let (book, case) = example(&[pre_deducted], STAY);
    let adjudication = case.adjudicate(&book).expect("a result");
    let [chinese, _] = said(&[pre_deducted], STAY);
    says(&chinese, "总费用2500.00：全自费0.00，超限价0.00，先行自付0.00，政策范围内2500.00。");
    says(&chinese, "异地就医先自付：2500.00 × 10% = 250.00，其余2250.00为待遇计算基数。");
    let year = YearSoFar::of(&adjudication, &book, &case.used).say(Language::Chinese);
    assert!(year.contains("待遇计算基数 0.00 → 2250.00") && !year.contains("政策范围内"), "{year}");
}

/// 5500 − 500 = 5000, of which 80 % is 4000; the layer pays (1500 − 500) × 60 % = 600, first off the ratio's 1000: 400 are left
/// to a supplement that does not look at the deductible.
#[test]
fn which_part_a_payment_was_taken_off_is_said_where_a_later_layer_looks_at_some() {
    let catastrophic = "catastrophic.base = { includes = ['deductible', 'ratio_share'], care = ['inpatient'], § }\n\
        catastrophic.tiers = { base = 'excess', § }\n\
        catastrophic.deductible = [{ id = 'all', amount = 500, § }]\n\
        catastrophic.ratio = [{ id = 'all', ratio = '0.60', § }]\n\
        catastrophic.cap = [{ id = 'all', none = true, § }]";
    let supplement = |includes: &str| {
        format!(
            "civil_servant.base = {{ includes = [{includes}], care = ['inpatient'], § }}\n\
             civil_servant.ratio = [{{ id = 'all', ratio = '0.50', § }}]\n\
             civil_servant.cap = [{{ id = 'all', none = true, § }}]"
        )
    };
    let case = format!("civil_servant = true\n{}", STAY.replace("2500", "5500"));
    let apart = supplement("'ratio_share'");
    let [chinese, english] = said(&[("catastrophic", catastrophic), ("civil_servant", &apart)], &case);
    says(&chinese, "公务员补助：400.00 × 50%。此前各层支付依次抵减按比例自付、起付线，本层按余下部分计。");
    says(
        &english,
        "Share of the civil-servant supplement: 400.00 × 50%. Earlier payments were taken off the ratio share, then the \
         deductible; this layer looks at what is left.",
    );
    let together = supplement("'ratio_share', 'deductible'");
    let [chinese, _] = said(&[("catastrophic", catastrophic), ("civil_servant", &together)], &case);
    says(&chinese, "公务员补助：900.00 × 50%。 [");
    let (book, example) = example(&[("catastrophic", catastrophic), ("civil_servant", &apart)], &case);
    let adjudication = example.adjudicate(&book).expect("a result");
    let year = YearSoFar::of(&adjudication, &book, &example.used);
    assert!(year.say(Language::Chinese).contains("大病合规费用 0.00 → 1500.00，大病保险 0.00 → 600.00"), "{year:?}");
    // What no layer of the book asks for is not told.
    assert!(year.sums().all(|(word, _)| word != "assistance_base"));
}

/// The first 20,000 that the fund pays buy 25,000 of cost at 80 %; the other 35,000 of 60,000 are paid at 90 %.
#[test]
fn segments_of_what_the_fund_has_paid_say_so() {
    let ratios = "inpatient.segments = { base = 'fund_paid', § }\n\
        inpatient.ratio = [{ id = 'low', to = 20000, ratio = '0.80', § }, { id = 'high', from = 20000, ratio = '0.90', § }]";
    let case = STAY.replace("2500", "60500");
    let [chinese, english] = said(&[("inpatient.ratio", ratios)], &case);
    says(&chinese, "统筹年度已付0.00起的一段：费用25000.00，统筹支付80%");
    says(&chinese, "统筹年度已付20000.00起的一段：费用35000.00，统筹支付90%");
    says(&english, "Where the fund has paid 20000.00 this year: of 35000.00 of cost it pays 90%");
}

/// (2500 − 500) × 80 % = 1600 leaves 900; assistance pays 60 % of it, 540, and the tilt half of the 360 above 100: 130.
#[test]
fn tilted_assistance_is_called_so() {
    let rules = "assistance.base = { includes = ['deductible', 'ratio_share'], care = ['inpatient'], § }\n\
        assistance.start = [{ id = 'all', amount = 0, § }]\n\
        assistance.ratio = [{ id = 'all', ratio = '0.60', § }]\n\
        assistance.cap = [{ id = 'all', none = true, § }]\n\
        assistance.tilt = { includes = ['deductible', 'ratio_share'], care = ['inpatient'], § }\n\
        assistance.tilt_start = [{ id = 'all', amount = 100, § }]\n\
        assistance.tilt_ratio = [{ id = 'all', ratio = '0.50', § }]\n\
        assistance.tilt_cap = [{ id = 'all', none = true, § }]";
    let case = format!("identity = 'low-income'\n{STAY}");
    let [chinese, english] = said(&[("assistance", rules)], &case);
    for wanted in [
        "医疗救助：900.00 × 60%。",
        "医疗救助支付540.00（年度累计0.00 → 540.00），",
        "倾斜救助：260.00 × 50%。",
        "倾斜救助支付130.00（医疗救助年度累计540.00 → 670.00），其余自付230.00。",
    ] {
        says(&chinese, wanted);
    }
    says(&english, "Share of the tilted assistance: 260.00 × 50%.");
    says(&english, "Tilted assistance pays 130.00 (assistance fund, year to date 540.00 → 670.00);");
    let (book, case) = example(&[("assistance", rules)], &case);
    let adjudication = case.adjudicate(&book).expect("a result");
    let year = YearSoFar::of(&adjudication, &book, &case.used).say(Language::Chinese);
    let wanted =
        "救助前负担 0.00 → 900.00，医疗救助 0.00 → 670.00，倾斜救助前负担 0.00 → 360.00，其中倾斜救助 0.00 → 130.00";
    assert!(year.contains(wanted), "{year}");
}

/// (2500 − 500) × 80 % = 1600, and at least 2500 × 90 % = 2250: the 650 more pay the 400 that the ratio left, then 250 of
/// the deductible. The benefit year has seen all of it.
#[test]
fn of_a_deductible_no_more_is_told_than_the_person_bears() {
    let floor = ("off_site", "off_site = [{ id = 'all', floor = '0.90', floor_of = 'in_policy', § }]");
    let (book, case) = example(&[floor], STAY);
    let adjudication = case.adjudicate(&book).expect("a result");
    assert_eq!(adjudication.payers().cash, Money::from_yuan(250));
    assert_eq!(adjudication.deductible, Money::from_yuan(250));
    assert_eq!(adjudication.usage.sums.deductible, Money::from_yuan(500));
    let [chinese, english] = said(&[floor], STAY);
    says(&chinese, "起付线500.00，本次计入500.00，之后基金抵减250.00，实际承担250.00，其余2000.00按比例支付。");
    says(
        &english,
        "Deductible 500.00; counted now 500.00, of which funds pay 250.00 later on and 250.00 is borne; 2000.00",
    );
    let year = YearSoFar::of(&adjudication, &book, &case.used).say(Language::Chinese);
    assert!(year.contains("计入起付线 0.00 → 500.00"), "{year}");
    // What an account pays, the person bears.
    let (book, case) = example(&[], &format!("account_balance = 900\n{STAY}"));
    let adjudication = case.adjudicate(&book).expect("a result");
    assert_eq!((adjudication.deductible, adjudication.payers().cash), (Money::from_yuan(500), Money::ZERO));
}

/// Somebody poor since today: what earlier bills of the year would have brought is made good as far as this bill goes.
/// (5,000 − 500) × 20 % + 500 = 1,400 of this bill; 50,000 × 60 % − 0 = 30,840 of the year.
#[test]
fn a_payment_held_to_the_burden_of_the_bill_says_so() {
    let layer = "catastrophic.base = { includes = ['deductible', 'ratio_share'], care = ['inpatient'], § }\n\
        catastrophic.tiers = { base = 'excess', § }\n\
        catastrophic.deductible = [{ id = 'all', amount = 0, § }]\n\
        catastrophic.ratio = [{ id = 'all', ratio = '0.60', § }]\n\
        catastrophic.cap = [{ id = 'all', none = true, § }]";
    let used = "used = [{ care = 'inpatient', stays = 1, catastrophic_base = 50000 }]";
    let case = format!("care = 'inpatient'\nfiling = 'long-term'\n{used}\nbill = {{ in_policy = 5000 }}");
    let [chinese, english] = said(&[("catastrophic", layer)], &case);
    says(&chinese, "按年度累计大病保险应付30840.00，本次个人负担1400.00，支付以此为限。 [catastrophic.base");
    says(&chinese, "大病保险支付1400.00");
    says(&english, "The catastrophic layer owes 30840.00 over the year; the person bears 1400.00 of this bill");
    let [chinese, _] = said(&[("catastrophic", layer)], STAY);
    assert!(!chinese.iter().any(|line| line.contains("支付以此为限")), "{chinese:#?}");
}

#[test]
fn nobody_is_said_to_have_filed_who_has_not() {
    let unfiled = ("unfiled", "unfiled = [{ id = 'all', rule = 'other-temporary', § }]");
    let deemed = ("deemed_filing", "deemed_filing = [{ id = 'all', class = 'referral', § }]");
    let back_home = ("back_home", "back_home = [{ id = 'all', rule = 'referral', § }]");
    let with = |filing: &str| format!("care = 'inpatient'\n{filing}\nbill = {{ in_policy = 2500 }}");
    for (changed, filing, wanted, english) in [
        (unfiled, "filing = 'none'", "三级医疗机构，其他临时外出，未备案。", "footing other-temporary, not filed;"),
        (unfiled, "filing = 'other-temporary'", "三级医疗机构，其他临时外出备案。", "footing other-temporary;"),
        (deemed, "filing = 'none'", "三级医疗机构，转诊。", "footing referral (deemed);"),
        (deemed, "filing = 'referral'", "三级医疗机构，转诊备案。", "footing referral;"),
        (back_home, "filing = 'local'\nfiled_elsewhere = true", "三级医疗机构，转诊。", "footing referral (deemed);"),
    ] {
        let [chinese, in_english] = said(&[changed], &with(filing));
        assert!(chinese[0].contains(wanted), "{wanted}\nis not in\n{}", chinese[0]);
        assert!(in_english[0].contains(english), "{english}\nis not in\n{}", in_english[0]);
    }
    let [chinese, _] = said(&[unfiled], &with("filing = 'none'"));
    says(&chinese, "没有有效备案，按参保地规定视同“其他临时外出”。");
}

/// A share of no class-B charges is nothing: what was sent is in policy, and the explanation says why.
#[test]
fn a_first_self_pay_that_falls_away_is_said() {
    let own = ("first_self_pay", "first_self_pay = { ratio = '0.01', § }");
    let bill = "bill = { first_self_pay = 200, in_policy = 2500, class_b = 0 }";
    let [chinese, _] = said(&[own], &STAY.replace("bill = { in_policy = 2500 }", bill));
    says(&chinese, "先行自付按参保地口径重算：乙类0.00 × 1% = 0.00（就医地为200.00）。");
    // 2700 − 500
    says(&chinese, "起付线500.00，本次承担500.00，其余2200.00按比例支付。");
}
