//! The invented book that the tests of the steps share, and how a row of a test becomes one of its examples.

use settlement::rulebook::{Example, Fault, RuleBook};

/// The sections of the invented book. `§` stands for a source and a trust mark.
const SECTIONS: &[(&str, &str)] = &[
    ("decision_date", "decision_date = { date = 'settlement', § }"),
    ("benefit_year", "benefit_year = { starts = '01-01', § }"),
    ("interim_stay", "interim_stay = { deductible = 'once', § }"),
    ("outpatient_during_stay", "outpatient_during_stay = { rule = 'pay', § }"),
    ("first_self_pay", "first_self_pay = { accept_sent = true, § }"),
    ("unfiled", "unfiled = [{ id = 'all', rule = 'refuse', § }]"),
    ("off_site", "off_site = [{ id = 'all', none = true, § }]"),
    ("inpatient.deductible", "inpatient.deductible = [{ id = 'all', amount = 500, per = 'stay', § }]"),
    ("inpatient.ratio", "inpatient.ratio = [{ id = 'all', ratio = '0.80', § }]"),
    ("chronic.deductible", "chronic.deductible = [{ id = 'all', amount = 0, per = 'stay', § }]"),
    ("chronic.ratio", "chronic.ratio = [{ id = 'all', ratio = '0.70', § }]"),
    (
        "chronic.disease",
        "chronic.disease = [{ id = 'hypertension', code = 'M03900', name = '高血压', § }, \
         { id = 'diabetes', code = 'M01600', name = '糖尿病', § }]",
    ),
    ("outpatient.deductible", "outpatient.deductible = [{ id = 'all', amount = 100, per = 'year', § }]"),
    ("outpatient.ratio", "outpatient.ratio = [{ id = 'all', ratio = '0.50', § }]"),
    ("purchase", "purchase = { § }"),
    (
        "cap",
        "cap = [{ id = 'year', counts = ['inpatient', 'chronic', 'outpatient'], measure = 'fund_paid', \
         amount = 100000, above = 'large-sum', § }]",
    ),
    ("large_sum", "large_sum = { none = true, § }"),
    ("catastrophic", "catastrophic = { none = true, § }"),
    ("civil_servant", "civil_servant = { none = true, § }"),
    ("assistance", "assistance = { none = true, § }"),
    (
        "account",
        "account = [{ id = 'all', covers = ['deductible', 'ratio_share', 'above_cap', 'pre_deduction', \
         'first_self_pay'], § }]",
    ),
];

/// The invented book with some sections replaced and some examples added.
pub fn text(changed: &[(&str, &str)], examples: &str) -> String {
    let header = "pool = '990000'\ninsurance = 'employee'\ntitle = 'invented'\nfrom = 2020-01-01\n\
                  source = [{ id = 's', document = 'invented' }]\n";
    let known = |name: &&str| SECTIONS.iter().any(|(section, _)| section == name);
    let added = changed.iter().filter(|(name, _)| !known(name)).map(|(_, body)| *body);
    let sections = SECTIONS.iter().map(|(name, body)| {
        changed.iter().find(|(section, _)| section == name).map_or(*body, |(_, replacement)| *replacement)
    });
    let body = sections.chain(added).collect::<Vec<_>>().join("\n");
    format!("{header}{}\n{examples}", body.replace('§', "source = 's', trust = 'assumed'"))
}

pub fn book(changed: &[(&str, &str)], examples: &str) -> RuleBook {
    let text = text(changed, examples);
    RuleBook::parse(&text).unwrap_or_else(|faults| panic!("{faults:#?} in\n{text}"))
}

/// The faults of the book with some sections replaced.
pub fn faults(changed: &[(&str, &str)]) -> Vec<Fault> {
    RuleBook::parse(&text(changed, "")).expect_err("a book with faults")
}

/// An ordinary case: a working person of 40 at a third-level hospital, filed as long-term, nothing used before.
/// A row names what is different, then what comes out.
pub fn check(changed: &[(&str, &str)], rows: &[(&str, &str)]) {
    const USUAL: &[(&str, &str)] = &[
        ("person", "person = 'working'"),
        ("age", "age = 40"),
        ("level", "level = 'third'"),
        ("care", "care = 'inpatient'"),
        ("filing", "filing = 'long-term'"),
        ("settled", "settled = 2025-06-30"),
    ];
    let mut examples = String::new();
    for (number, (case, expected)) in rows.iter().enumerate() {
        let says = |key: &str| case.lines().any(|line| line.trim_start().starts_with(&format!("{key} =")));
        let named = |key: &str| says(key) || key == "age" && says("birth");
        let usual = USUAL.iter().filter(|(key, _)| !named(key)).map(|(_, line)| *line).collect::<Vec<_>>().join("\n");
        examples += &format!("[[example]]\nid = '{number}'\ntitle = 'row'\n{usual}\n{case}\n{expected}\n");
    }
    let mismatches = book(changed, &examples).run_examples();
    let described: Vec<String> = mismatches
        .iter()
        .map(|mismatch| {
            format!("{mismatch}; row {}", rows[mismatch.id.parse::<usize>().expect("rows are named by their number")].0)
        })
        .collect();
    assert!(described.is_empty(), "\n{}", described.join("\n"));
}

/// The first example of a book, as a case to be changed.
pub fn example(changed: &[(&str, &str)], case: &str) -> (RuleBook, Example) {
    let usual = "person = 'working'\nage = 40\nlevel = 'third'\nsettled = 2025-06-30\nexpect = { cash = 0 }";
    let book = book(changed, &format!("[[example]]\nid = 'case'\ntitle = 'case'\n{usual}\n{case}\n"));
    let example = book.examples()[0].clone();
    (book, example)
}

/// An ordinary stay.
pub const STAY: &str = "care = 'inpatient'\nfiling = 'long-term'\nbill = { in_policy = 2500 }";
