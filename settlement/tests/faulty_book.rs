//! A rule book with many faults planted in it: all are reported in one run, each with its line and path.

use settlement::rulebook::{Fault, RuleBook};

/// Takes a good book, plants faults by replacing text, and gives the faults found.
fn plant(faults: &[(&str, &str)]) -> (String, Vec<Fault>) {
    let mut text = include_str!("../../deploy/rulebooks/410700-xinxiang/employee-2024-01-01.toml").to_owned();
    for (good, bad) in faults {
        assert!(text.contains(good), "not in the book: {good}");
        text = text.replacen(good, bad, 1);
    }
    let faults = RuleBook::parse(&text).expect_err("a book with faults");
    (text, faults)
}

fn line_of(text: &str, needle: &str) -> usize {
    let at = text.find(needle).expect("a planted text");
    text[..at].matches('\n').count() + 1
}

/// What is planted where, the line it is looked for on, the path reported, and a part of the problem reported.
/// The last one of a pair of rows is where an overlap is reported.
type Planted = (&'static str, &'static str, &'static str, &'static str, &'static str);

const PLANTED: &[Planted] = &[
    ("from = 2024-01-01\n", "from = \"2024-02-30\"\n", "\"2024-02-30\"", "from", "is not a day"),
    (
        "date = \"settlement\"",
        "date = \"tomorrow\"",
        "\"tomorrow\"",
        "decision_date.date",
        "one of admission, discharge",
    ),
    ("starts = \"01-01\"", "starts = \"13-01\"", "\"13-01\"", "benefit_year.starts", "a month and day"),
    ("amount = 300\n", "amount = 300.005\n", "300.005", "inpatient.deductible.first.amount", "at most two decimals"),
    ("amount = 450\n", "amuont = 450\n", "amuont", "inpatient.deductible.second.amuont", "not a key"),
    ("id = \"later-stay\"\n", "", "stay_from = 2", "inpatient.deductible_factor.id", "is missing"),
    ("ratio = \"0.87\"", "ratio = \"1.87\"", "\"1.87\"", "inpatient.ratio.working-second.ratio", "above 100 %"),
    ("id = \"retired-third\"", "id = \"retired-second\"", "", "inpatient.ratio.retired-second.id", "stands twice"),
    (
        "code = \"M00500\"\nname = \"恶性肿瘤门诊治疗\"\nsource = \"national\"",
        "code = \"M00500\"\nname = \"恶性肿瘤门诊治疗\"\nsource = \"nowhere\"",
        "\"nowhere\"",
        "chronic.disease.cancer.source",
        "no [[source]] has the id nowhere",
    ),
    (
        "ratio = \"0.60\"\nsource = \"demo\"\ntrust = \"assumed\"",
        "ratio = \"0.60\"\nsource = \"demo\"\ntrust = \"hearsay\"",
        "\"hearsay\"",
        "outpatient.ratio.primary.trust",
        "one of official, reported, assumed",
    ),
    (
        "filing = [\"other-temporary\"]\ncare = [\"chronic\"]",
        "filing = [\"other-temporary\"]\ncare = [\"inpatient\"]",
        "",
        "off_site",
        "overlaps the row on line",
    ),
    (
        "counts = [\"outpatient\"]\nmeasure = \"fund_paid\"\n",
        "counts = [\"outpatient\"]\n",
        "",
        "cap.outpatient-year.measure",
        "is missing",
    ),
    (
        "covers = [",
        "covers = [\"everything\", ",
        "\"everything\"",
        "account.own-share.covers",
        "one of deductible, ratio_share",
    ),
    ("refused = 505", "refused = 999", "refused = 999", "example.unfiled.refused", "not the code of a refusal"),
];

#[test]
fn every_planted_fault_is_reported_in_one_run_with_its_line() {
    let planted: Vec<_> = PLANTED.iter().map(|(good, bad, ..)| (*good, *bad)).collect();
    let (text, faults) = plant(&planted);
    let reported = faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    for (_, _, needle, path, problem) in PLANTED {
        let fault = faults.iter().find(|fault| fault.path == *path && fault.problem.contains(problem));
        let fault = fault.unwrap_or_else(|| panic!("no fault {path}: {problem} in\n{reported}"));
        if !needle.is_empty() && *problem != "is missing" {
            assert_eq!(fault.line, line_of(&text, needle), "{fault}");
        }
    }
    assert!(faults.is_sorted_by_key(|fault| fault.line), "{reported}");
}

/// One fault at a time, so that nothing else hides or causes it.
#[test]
fn one_fault_alone_is_one_fault() {
    for (good, bad, path, problem) in [
        ("trust = \"assumed\"\nclause = \"自然年度\"\n", "clause = \"自然年度\"\n", "benefit_year.trust", "is missing"),
        ("amount = 300\n", "amount = -300\n", "inpatient.deductible.first.amount", "at least 0"),
        (
            "id = \"working-third\"\nperson = [\"working\"]\nlevel = [\"third\"]",
            "id = \"working-third\"\nperson = [\"working\"]\nlevel = [\"third\"]\nage_to = 40",
            "inpatient.ratio",
            "leaves a gap: no row for working, level third, age 41",
        ),
        (
            "id = \"working-third\"\n",
            "id = \"working-third\"\nfrom = 100\n",
            "inpatient.ratio",
            "leaves a gap from 0.00 to 100.00 for working, level third",
        ),
        (
            "none = true\nsource = \"page\"",
            "none = true\npoints = \"0.10\"\nsource = \"page\"",
            "off_site.filed",
            "needs one of",
        ),
        (
            "expect = { deductible = 2000, basic = 15300",
            "expect = { deductable = 2000, basic = 15300",
            "example.referral.expect.deductable",
            "not a key",
        ),
        (
            "arithmetic = \"(20000 - 2000) * 0.85\"",
            "arithmetic = \"(20000 - 2000 * 0.85\"",
            "example.referral.working.arithmetic",
            ") was expected",
        ),
        (
            "from = [\"inpatient.ratio.working-third\"]",
            "from = [\"inpatient.ratio.working-fourth\"]",
            "example.referral.working.from",
            "not a parameter of this book",
        ),
        (
            "from = [\"inpatient.ratio.working-third\"]",
            "from = [\"inpatient.ratio.working-third\", \"off_site.other-temporary\"]",
            "example.referral.working.from",
            "no figure of off_site.other-temporary",
        ),
        (
            "(20000 - 2000) * 0.85",
            "(20000 - 2000) * 0.86",
            "example.referral.working.arithmetic",
            "0.86 stands neither in the example",
        ),
        (
            "ratio = \"0.85\"",
            "ratio = \"0.86\"",
            "example.referral.working.arithmetic",
            "0.85 stands neither in the example",
        ),
        ("result = \"account\"", "result = \"basic\"", "example.referral.working.result", "stands twice"),
        ("result = \"account\"", "result = \"Account 1\"", "example.referral.working.result", "small letters and _"),
        ("equals = 15300", "eqals = 15300", "example.referral.working.equals", "is missing"),
        (
            "refused = 505",
            "refused = 505\nworking = [{ result = \"basic\", arithmetic = \"0\", equals = 0 }]",
            "example.unfiled.working",
            "a refusal has no sums",
        ),
        ("pool = \"410700\"", "pool = \"41070\"", "pool", "a code of six digits"),
        (
            "id = \"outpatient-year\"\ncounts = [\"outpatient\"]",
            "id = \"outpatient-year\"\ncounts = [\"inpatient\", \"chronic\", \"outpatient\"]",
            "cap",
            "overlaps the row on line",
        ),
        (
            "id = \"outpatient-year\"\n",
            "id = \"outpatient-year\"\nage_from = 18\n",
            "cap",
            "leaves a gap: no row for age 0",
        ),
        ("age = 45", "age = 99999999999", "example.referral", "needs an age or a birth"),
    ] {
        let (_, faults) = plant(&[(good, bad)]);
        let first = faults.iter().find(|fault| fault.path == path && fault.problem.contains(problem));
        assert!(first.is_some(), "{path}: {problem} is not among {faults:#?}");
    }
}

#[test]
fn a_text_that_is_not_toml_is_a_fault_and_not_the_end() {
    let (text, faults) = plant(&[("from = 2024-01-01\n", "from = 2024-02-31\n"), ("per = \"stay\"", "per = stay")]);
    assert!(faults.iter().any(|fault| fault.line == line_of(&text, "2024-02-31")), "{faults:#?}");
    assert!(faults.iter().any(|fault| fault.line == line_of(&text, "per = stay")), "{faults:#?}");
}

#[test]
fn nonsense_is_refused_and_never_panics() {
    for text in
        ["", "\u{0}", "[[", "pool = 1", "source = 3", "[cap]\nx = 1", "inpatient = []", "[inpatient]\nnone = \"yes\""]
    {
        assert!(!RuleBook::parse(text).expect_err("nonsense").is_empty(), "{text:?}");
    }
}
