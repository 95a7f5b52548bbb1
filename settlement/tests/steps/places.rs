//! Named places, referral chains, deemed filings and care back home: on what footing somebody is treated.

use crate::invented::{check, example, faults};
use settlement::benefits::explanation::{self, Language};

const PLACES: (&str, &str) = (
    "place",
    "place = [{ id = 'capital-circle', areas = ['110000', '120000', '130000'], § }, \
     { id = 'in-province', areas = '990000', § }, { id = 'next-city', pools = ['990300'], § }]",
);

/// 80 % at home, 75 % in the province, 70 % in the next city, 60 % elsewhere; of 1500 − 500 = 1000.
const OFF_SITE: (&str, &str) = (
    "off_site",
    "off_site = [{ id = 'long', filing = 'long-term', none = true, § }, \
     { id = 'province', filing = ['referral', 'emergency', 'other-temporary'], place = 'in-province', points = '0.05', § }, \
     { id = 'next', filing = ['referral', 'emergency', 'other-temporary'], place = 'next-city', points = '0.10', § }, \
     { id = 'out', filing = ['referral', 'emergency', 'other-temporary'], place = ['capital-circle', 'elsewhere'], \
       points = '0.20', § }]",
);

#[test]
fn a_row_may_depend_on_the_place_that_names_the_area_most_closely() {
    check(
        &[PLACES, OFF_SITE],
        &[
            (
                "filing = 'referral'\ntreated_in = ['990200', '990000']\nbill = { in_policy = 1500 }",
                "expect = { basic = 750 }",
            ),
            (
                "filing = 'referral'\ntreated_in = ['990301', '990300', '990000']\nbill = { in_policy = 1500 }",
                "expect = { basic = 700 }",
            ),
            (
                "filing = 'other-temporary'\ntreated_in = ['310101', '310000', '310000']\nbill = { in_policy = 1500 }",
                "expect = { basic = 600 }",
            ),
            // Who wrote down no more than the area is nowhere that a place names.
            (
                "filing = 'other-temporary'\ntreated_in = '990200'\nbill = { in_policy = 1500 }",
                "expect = { basic = 600 }",
            ),
            (
                "filing = 'other-temporary'\ntreated_in = '120000'\nbill = { in_policy = 1500 }",
                "expect = { basic = 600 }",
            ),
            ("filing = 'other-temporary'\nbill = { in_policy = 1500 }", "expect = { basic = 600 }"),
            (
                "filing = 'long-term'\ntreated_in = ['990200', '990000']\nbill = { in_policy = 1500 }",
                "expect = { basic = 800 }",
            ),
            ("filing = 'local'\nbill = { in_policy = 1500 }", "expect = { basic = 800 }"),
        ],
    );
}

#[test]
fn a_place_that_is_not_named_well_is_a_fault() {
    let twice = "place = [{ id = 'one', areas = '110000', § }, { id = 'two', pools = ['110000'], § }]";
    let elsewhere =
        "place = [{ id = 'elsewhere', areas = '110000', § }, { id = 'empty', § }, { id = 'bad', areas = '11', § }]";
    let gap = "off_site = [{ id = 'province', place = 'in-province', none = true, § }]";
    let unknown = "off_site = [{ id = 'province', place = 'in-provinz', none = true, § }]";
    for (changed, path, problem) in [
        (vec![("place", twice)], "place.two", "names 110000, which another place names already"),
        (vec![("place", elsewhere)], "place.elsewhere.id", "is the word for what no place names"),
        (vec![("place", elsewhere)], "place.empty", "names no areas"),
        (vec![("place", elsewhere)], "place.bad.areas", "a code of six digits"),
        (vec![PLACES, ("off_site", gap)], "off_site", "leaves a gap: no row for place elsewhere"),
        (
            vec![PLACES, ("off_site", unknown)],
            "off_site.province.place",
            "one of elsewhere, capital-circle, in-province",
        ),
    ] {
        let found = faults(&changed);
        assert!(
            found.iter().any(|fault| fault.path == path && fault.problem.contains(problem)),
            "{path}: {problem} is not among {found:#?}"
        );
    }
}

#[test]
fn a_referral_mark_or_a_filing_as_referred_makes_a_referral_chain() {
    let unfiled = "unfiled = [{ id = 'sent', referred = true, rule = 'referral', § }, \
                   { id = 'other', referred = false, rule = 'refuse', § }]";
    let ratio = "inpatient.ratio = [{ id = 'chain', referred = true, ratio = '0.80', § }, \
                 { id = 'other', referred = false, ratio = '0.60', § }]";
    check(
        &[("unfiled", unfiled), ("inpatient.ratio", ratio)],
        &[
            ("filing = 'none'\nreferred = true\nbill = { in_policy = 1500 }", "expect = { basic = 800 }"),
            ("filing = 'none'\nbill = { in_policy = 1500 }", "refused = 505"),
            ("filing = 'referral'\nbill = { in_policy = 1500 }", "expect = { basic = 800 }"),
            ("filing = 'long-term'\nbill = { in_policy = 1500 }", "expect = { basic = 600 }"),
            ("filing = 'local'\nreferred = true\nbill = { in_policy = 1500 }", "expect = { basic = 800 }"),
        ],
    );
}

#[test]
fn neighbours_are_deemed_filed_and_the_better_of_two_footings_counts() {
    let changes = "off_site = [{ id = 'long', filing = 'long-term', none = true, § }, \
                   { id = 'emergency', filing = ['referral', 'emergency'], points = '0.10', § }, \
                   { id = 'other', filing = 'other-temporary', points = '0.20', § }]";
    let deemed =
        |class: &str| format!("deemed_filing = [{{ id = 'circle', place = 'capital-circle', class = '{class}', § }}]");
    let there = "treated_in = ['110101', '110000', '110000']\nbill = { in_policy = 1500 }";
    let elsewhere = "treated_in = ['310101', '310000', '310000']\nbill = { in_policy = 1500 }";
    check(
        &[PLACES, ("off_site", changes), ("deemed_filing", &deemed("long-term"))],
        &[
            (&format!("filing = 'none'\n{there}"), "expect = { basic = 800 }"),
            (&format!("filing = 'none'\n{elsewhere}"), "refused = 505"),
            (&format!("filing = 'none'\nemergency = true\n{elsewhere}"), "expect = { basic = 700 }"),
            (&format!("filing = 'none'\nemergency = true\n{there}"), "expect = { basic = 800 }"),
            (&format!("filing = 'other-temporary'\n{there}"), "expect = { basic = 800 }"),
        ],
    );
    check(
        &[PLACES, ("off_site", changes), ("deemed_filing", &deemed("other-temporary"))],
        &[
            (&format!("filing = 'none'\n{there}"), "expect = { basic = 600 }"),
            // The mark is better than what is deemed, and so is a filing.
            (&format!("filing = 'none'\nemergency = true\n{there}"), "expect = { basic = 700 }"),
            (&format!("filing = 'long-term'\n{there}"), "expect = { basic = 800 }"),
        ],
    );
}

#[test]
fn what_is_deemed_filed_as_nobody_knows_what_is_refused_unless_something_better_was_filed() {
    let changes = "off_site = [{ id = 'long', filing = 'long-term', none = true, § }, \
                   { id = 'emergency', filing = ['referral', 'emergency'], points = '0.10', § }, \
                   { id = 'other', filing = 'other-temporary', points = '0.20', § }]";
    let deemed = |class: &str| {
        format!(
            "deemed_filing = [{{ id = 'circle', place = 'capital-circle', class = '{class}', clause = '视同哪一类没有找到', § }}]"
        )
    };
    let unset = deemed("unset");
    let there =
        |filing: &str| format!("{filing}\ntreated_in = ['110101', '110000', '110000']\nbill = {{ in_policy = 1500 }}");
    let elsewhere =
        "filing = 'other-temporary'\ntreated_in = ['310101', '310000', '310000']\nbill = { in_policy = 1500 }";
    check(
        &[PLACES, ("off_site", changes), ("deemed_filing", &unset)],
        &[
            (&there("filing = 'none'"), "refused = 511"),
            (&there("filing = 'other-temporary'"), "refused = 511"),
            (&there("filing = 'none'\nemergency = true"), "expect = { basic = 700 }"),
            (&there("filing = 'referral'"), "expect = { basic = 700 }"),
            (&there("filing = 'long-term'"), "expect = { basic = 800 }"),
            (elsewhere, "expect = { basic = 600 }"),
        ],
    );
    let case = format!("care = 'inpatient'\n{}", there("filing = 'none'"));
    let (book, example) = example(&[PLACES, ("off_site", changes), ("deemed_filing", &unset)], &case);
    let refusal = example.adjudicate(&book).expect_err("nobody knows the class");
    let said = "视同哪一类没有找到；办理转诊或长期居住备案后按备案结算(deemed_filing.circle.class)";
    assert_eq!(refusal.detail.as_deref(), Some(said));
    let found = faults(&[PLACES, ("deemed_filing", &deemed("unknown"))]);
    let fault =
        |path: &str, problem: &str| found.iter().any(|fault| fault.path == path && fault.problem.contains(problem));
    assert!(fault("deemed_filing.circle.class", "other-temporary, unset"), "{found:#?}");
}

#[test]
fn who_lives_elsewhere_may_be_treated_at_home_on_another_footing() {
    let changes = (
        "off_site",
        "off_site = [{ id = 'long', filing = 'long-term', none = true, § }, \
                   { id = 'other', filing = ['referral', 'emergency', 'other-temporary'], points = '0.10', § }]",
    );
    let bill = "bill = { in_policy = 1500 }";
    let at_home = format!("filing = 'local'\nfiled_elsewhere = true\n{bill}");
    check(&[changes], &[(&at_home, "expect = { basic = 800 }")]);
    let back_home = ("back_home", "back_home = [{ id = 'stays', care = 'inpatient', rule = 'referral', § }]");
    check(
        &[changes, back_home],
        &[
            (&at_home, "expect = { basic = 700 }"),
            (&format!("filing = 'local'\n{bill}"), "expect = { basic = 800 }"),
            // (1500 − 100) × 50 %
            (&format!("care = 'outpatient'\n{at_home}"), "expect = { basic = 700 }"),
        ],
    );
    let same = ("back_home", "back_home = [{ id = 'all', rule = 'local', § }]");
    check(&[changes, same], &[(&at_home, "expect = { basic = 800 }")]);
}

#[test]
fn the_footing_is_explained_with_its_clause() {
    let deemed =
        ("deemed_filing", "deemed_filing = [{ id = 'circle', place = 'capital-circle', class = 'long-term', § }]");
    let case = "care = 'inpatient'\nfiling = 'none'\ntreated_in = ['110101', '110000']\nbill = { in_policy = 1500 }";
    let (book, example) = example(&[PLACES, deemed], case);
    let adjudication = example.adjudicate(&book).expect("a result");
    let said = |language| {
        let lines = explanation::render(&adjudication, &book, language);
        lines.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    let chinese = said(Language::Chinese);
    assert!(chinese.contains("该就医地无需备案，视同“长期居住”。 [deemed_filing.circle · invented"), "{chinese}");
    let english = said(Language::English);
    assert!(english.contains("one that the region's rules name. [place.capital-circle · invented"), "{english}");
}
