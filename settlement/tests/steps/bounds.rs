//! Caps of layers of which only so much is known: up to there a layer pays, and what goes beyond is refused.

use crate::invented::{check, example, faults};

const UNSET: &str = ", above = 'unset'";

/// The layers by name, each with the cap that it is given.
fn large_sum(cap: &str) -> String {
    format!("large_sum.ratio = [{{ id = 'all', ratio = '0.85', § }}]\nlarge_sum.cap = [{{ id = 'year', {cap}, § }}]")
}

fn catastrophic(cap: &str) -> String {
    format!(
        "catastrophic.base = {{ includes = ['deductible', 'ratio_share'], care = ['inpatient'], § }}\n\
         catastrophic.tiers = {{ base = 'excess', § }}\n\
         catastrophic.deductible = [{{ id = 'all', amount = 500, § }}]\n\
         catastrophic.ratio = [{{ id = 'all', ratio = '0.60', § }}]\n\
         catastrophic.cap = [{{ id = 'year', {cap}, § }}]"
    )
}

fn civil_servant(cap: &str) -> String {
    format!(
        "civil_servant.base = {{ includes = ['ratio_share'], § }}\n\
         civil_servant.ratio = [{{ id = 'all', ratio = '0.50', § }}]\n\
         civil_servant.cap = [{{ id = 'year', {cap}, § }}]"
    )
}

fn assistance(caps: &str, tilt_cap: &str) -> String {
    format!(
        "assistance.base = {{ includes = ['deductible', 'ratio_share'], § }}\n\
         assistance.start = [{{ id = 'none', amount = 0, § }}]\n\
         assistance.ratio = [{{ id = 'all', ratio = '0.70', § }}]\n\
         assistance.cap = [{caps}]\n\
         assistance.tilt = {{ includes = ['deductible', 'ratio_share'], care = ['inpatient'], § }}\n\
         assistance.tilt_start = [{{ id = 'all', amount = 200, § }}]\n\
         assistance.tilt_ratio = [{{ id = 'all', ratio = '0.50', § }}]\n\
         assistance.tilt_cap = [{{ id = 'year', {tilt_cap}, § }}]"
    )
}

#[test]
fn a_layer_pays_up_to_what_is_known_of_its_cap() {
    let row = |cap: &str| format!("{{ id = 'year', {cap}, § }}");
    let stay = "bill = { in_policy = 2500 }";
    let above_the_basic_cap = format!("used = [{{ care = 'inpatient', basic = 99600 }}]\n{stay}");
    let civil = format!("civil_servant = true\n{stay}");
    let poor = format!("identity = 'low-income'\n{stay}");
    for (section, rules, case, (exactly, below, cut), expected) in [
        // 400 is left and buys 500; (2500 - 500 - 500) * 0.85
        (
            "large_sum",
            &(|cap: &str| large_sum(cap)) as &dyn Fn(&str) -> String,
            &above_the_basic_cap,
            ("1275", "1274.99", "1274.99"),
            "expect = { basic = 400, large_sum = 1275, cash = 825 }",
        ),
        // (500 + 400 - 500) * 0.60
        (
            "catastrophic",
            &catastrophic,
            &stay.to_owned(),
            ("240", "239.99", "239.99"),
            "expect = { basic = 1600, catastrophic = 240, cash = 660 }",
        ),
        // 400 * 0.50
        (
            "civil_servant",
            &civil_servant,
            &civil,
            ("200", "199.99", "199.99"),
            "expect = { civil_servant = 200, cash = 700 }",
        ),
        // 900 * 0.70 = 630; 270 is left: (270 - 200) * 0.50 = 35. Where 629.99 is paid, 70.01 * 0.50 = 35.01
        (
            "assistance",
            &|cap| assistance(&row(cap), "none = true"),
            &poor,
            ("630", "629.99", "665"),
            "expect = { assistance = 665, cash = 235 }",
        ),
        (
            "assistance",
            &|cap| assistance("{ id = 'year', none = true, § }", cap),
            &poor,
            ("35", "34.99", "664.99"),
            "expect = { assistance = 665, cash = 235 }",
        ),
    ] {
        let known = |amount: &str, above: &str| rules(&format!("amount = {amount}{above}"));
        check(&[(section, &known(exactly, UNSET))], &[(case, expected)]);
        check(&[(section, &known(below, UNSET))], &[(case, "refused = 511")]);
        // Where it is known, it cuts.
        check(
            &[(section, &known(below, ", above = 'person'"))],
            &[(case, &format!("expect = {{ {section} = {cut} }}"))],
        );
    }
}

#[test]
fn a_known_cap_that_leaves_no_more_decides() {
    let caps = format!(
        "{{ id = 'all', amount = 1000{UNSET}, § }}, {{ id = 'visits', counts = ['outpatient'], amount = 200, § }}"
    );
    let visit = |of_stays: i64, of_visits: i64| {
        format!(
            "identity = 'low-income'\ncare = 'outpatient'\nused = [{{ care = 'inpatient', assistance = {of_stays} }}, \
             {{ care = 'outpatient', assistance = {of_visits} }}]\nbill = {{ in_policy = 1100 }}"
        )
    };
    check(
        &[("assistance", &assistance(&caps, "none = true"))],
        &[
            // (100 + 500) * 0.70 = 420, cut at 200 of visits, which leaves 1000 alone
            (&visit(0, 0), "expect = { basic = 500, assistance = 200, cash = 400 }"),
            // Both leave nothing, both 100.
            (&visit(800, 200), "expect = { assistance = 0, cash = 600 }"),
            (&visit(800, 100), "expect = { assistance = 100, cash = 500 }"),
            // Of all care 50 are known to be left, of visits 100.
            (&visit(850, 100), "refused = 511"),
        ],
    );
}

#[test]
fn what_is_known_of_a_cap_grows() {
    let grows = catastrophic(&format!("amount = 100, plus_per_claim_free_year = 70{UNSET}"));
    check(
        &[("catastrophic", &grows)],
        &[
            // 240 of 100 + 2 * 70
            ("claim_free_years = 2\nbill = { in_policy = 2500 }", "expect = { catastrophic = 240 }"),
            ("claim_free_years = 1\nbill = { in_policy = 2500 }", "refused = 511"),
        ],
    );
}

#[test]
fn the_refusal_names_the_cap_in_words_and_by_its_path() {
    for (clause, words) in [("", "大病保险封顶线不明"), (", clause = '至少100元'", "至少100元")] {
        let rules = catastrophic(&format!("amount = 100{UNSET}{clause}"));
        let (book, example) = example(&[("catastrophic", &rules)], crate::invented::STAY);
        let refusal = example.adjudicate(&book).expect_err("a refusal");
        assert_eq!(refusal.detail, Some(format!("{words}(catastrophic.cap.year.above)")));
    }
}

#[test]
fn no_other_layer_takes_what_is_above_the_cap_of_one() {
    for (cap, problem) in [
        ("amount = 100, above = 'large-sum'", "not one of person, unset"),
        ("amount = 100, above = 'person-apart'", "not one of person, unset"),
        ("none = true, above = 'unset'", "none = true says that there is none"),
    ] {
        for (section, rules, path) in [
            ("large_sum", large_sum(cap), "large_sum.cap.year.above"),
            ("civil_servant", civil_servant(cap), "civil_servant.cap.year.above"),
            ("assistance", assistance("{ id = 'all', none = true, § }", cap), "assistance.tilt_cap.year.above"),
        ] {
            let faults = faults(&[(section, &rules)]);
            let found = faults.iter().any(|fault| fault.path == path && fault.problem.contains(problem));
            assert!(found, "{path}: {problem} is not among {faults:#?}");
        }
    }
}
