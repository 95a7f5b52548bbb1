//! What a long-term filing was lodged with: the proof, or a commitment in its place that may not have been made good yet
//! (policy.md A.2, A.3, D.5).

use jiff::civil::date;
use settlement::benefits::explanation::{self, Language};
use settlement::benefits::{Case, adjudicate};
use settlement::filing::{Filing, FilingClass, Proof};
use settlement::ids::FilingId;
use settlement::money::Money;
use settlement::rulebook::{Example, RuleBook};

use crate::invented::{STAY, book, check, example, faults};

/// 80 % at home and long-term, 70 % referred or in an emergency, 60 % otherwise; of 1500 − 500 = 1000.
const OFF_SITE: (&str, &str) = (
    "off_site",
    "off_site = [{ id = 'long', filing = 'long-term', none = true, § }, \
     { id = 'other', filing = ['referral', 'emergency'], points = '0.10', § }, \
     { id = 'temporary', filing = 'other-temporary', points = '0.20', § }]",
);
const AS_TEMPORARY: (&str, &str) =
    ("commitment", "commitment = [{ id = 'not-made-good', class = 'other-temporary', § }]");
const BILL: &str = "bill = { in_policy = 1500 }";

#[test]
fn whoever_filed_by_commitment_has_the_benefits_of_temporary_absence_until_the_proof_is_handed_in() {
    let committed = format!("proof = 'commitment'\n{BILL}");
    check(&[OFF_SITE], &[(&committed, "expect = { basic = 800 }")]);
    check(
        &[OFF_SITE, AS_TEMPORARY],
        &[
            (&committed, "expect = { basic = 600 }"),
            (&format!("proof = 'handed-in'\n{BILL}"), "expect = { basic = 800 }"),
            (BILL, "expect = { basic = 800 }"),
            // The hospital's mark counts as it does without a filing.
            (&format!("emergency = true\n{committed}"), "expect = { basic = 700 }"),
            (&format!("emergency = true\n{BILL}"), "expect = { basic = 800 }"),
        ],
    );
    let only_inpatients = "commitment = [{ id = 'stays', care = 'inpatient', class = 'other-temporary', § }]";
    check(
        &[OFF_SITE, ("commitment", only_inpatients)],
        &[
            (&committed, "expect = { basic = 600 }"),
            // (1500 − 100) × 50 %
            (&format!("care = 'outpatient'\n{committed}"), "expect = { basic = 700 }"),
        ],
    );
}

#[test]
fn both_ends_benefits_take_the_proof() {
    let back_home = ("back_home", "back_home = [{ id = 'all', rule = 'referral', § }]");
    let at_home = |proof: &str| format!("filing = 'local'\nfiled_elsewhere = true\nproof = '{proof}'\n{BILL}");
    check(
        &[OFF_SITE, AS_TEMPORARY, back_home],
        &[
            (&at_home("handed-in"), "expect = { basic = 700 }"),
            // Whoever is away for a time only keeps local care at home.
            (&at_home("commitment"), "expect = { basic = 800 }"),
        ],
    );
    check(&[OFF_SITE, back_home], &[(&at_home("commitment"), "expect = { basic = 700 }")]);
}

#[test]
fn what_the_book_deems_filed_needs_no_proof() {
    let place = ("place", "place = [{ id = 'near', areas = '310000', § }]");
    let deemed = ("deemed_filing", "deemed_filing = [{ id = 'near', place = 'near', class = 'referral', § }]");
    check(
        &[OFF_SITE, AS_TEMPORARY, place, deemed],
        &[
            (&format!("proof = 'commitment'\ntreated_in = ['310101', '310000']\n{BILL}"), "expect = { basic = 700 }"),
            (&format!("proof = 'commitment'\ntreated_in = '110101'\n{BILL}"), "expect = { basic = 600 }"),
        ],
    );
}

/// Shenyang: ten points less in some places without the proof.
const BY_PROOF: (&str, &str) = (
    "off_site",
    "off_site = [{ id = 'elsewhere', filing = 'long-term', place = 'elsewhere', none = true, § }, \
     { id = 'proof', filing = 'long-term', place = 'capital', proof = 'handed-in', none = true, § }, \
     { id = 'commitment', filing = 'long-term', place = 'capital', proof = 'commitment', points = '0.10', § }, \
     { id = 'temporary', filing = ['referral', 'emergency', 'other-temporary'], points = '0.20', § }]",
);
const CAPITAL: (&str, &str) = ("place", "place = [{ id = 'capital', areas = '110000', § }]");

#[test]
fn a_row_may_depend_on_the_proof() {
    let there = |case: &str| format!("{case}\ntreated_in = ['110105', '110000']\n{BILL}");
    let rows = [
        (there("proof = 'commitment'"), "expect = { basic = 700 }"),
        (there("proof = 'handed-in'"), "expect = { basic = 800 }"),
        (there(""), "expect = { basic = 800 }"),
        (there("filing = 'referral'"), "expect = { basic = 600 }"),
        (format!("proof = 'commitment'\n{BILL}"), "expect = { basic = 800 }"),
        (format!("filing = 'local'\nfiled_elsewhere = true\nproof = 'commitment'\n{BILL}"), "expect = { basic = 800 }"),
    ];
    let rows = rows.each_ref().map(|(case, expected)| (case.as_str(), *expected));
    check(&[CAPITAL, BY_PROOF], &rows);
    // What counts as temporary asks for no proof.
    check(&[CAPITAL, BY_PROOF, AS_TEMPORARY], &[(&there("proof = 'commitment'"), "expect = { basic = 600 }")]);
}

/// What funds pay of the example with these filings.
fn paid(book: &RuleBook, example: &Example, filings: &[Filing]) -> Money {
    let case = Case { filings, ..example.case() };
    adjudicate(book, &case).expect("a result").payers().funds.total()
}

/// The example's filing as another one.
fn held(example: &Example, id: &str, class: FilingClass, proof: Proof) -> Filing {
    Filing { id: FilingId::new(id).expect("an id"), class, proof, ..example.filing.clone().expect("a filing") }
}

#[test]
fn of_several_filings_the_one_that_counts_for_most_decides() {
    let (book, example) = example(&[OFF_SITE, AS_TEMPORARY], STAY);
    let held = |id, class, proof| held(&example, id, class, proof);
    let committed = held("1", FilingClass::LongTerm, Proof::Commitment);
    let temporary = held("4", FilingClass::OtherTemporary, Proof::HandedIn);
    let paid = |filings: &[Filing]| paid(&book, &example, filings);
    // (2500 − 500) × 60, 70, 80 %
    for (others, basic) in [
        (vec![], 1_200),
        (vec![temporary.clone()], 1_200),
        (vec![held("2", FilingClass::Referral, Proof::HandedIn), temporary.clone()], 1_400),
        (vec![held("3", FilingClass::LongTerm, Proof::HandedIn), temporary], 1_600),
    ] {
        let filings: Vec<Filing> = std::iter::once(committed.clone()).chain(others).collect();
        assert_eq!(paid(&filings), Money::from_yuan(basic), "{filings:?}");
    }
}

#[test]
fn a_commitment_makes_the_filing_beside_it_worth_nothing_else() {
    let (book, example) = example(&[OFF_SITE, AS_TEMPORARY], &format!("emergency = true\n{STAY}"));
    let held = |id, class, proof| held(&example, id, class, proof);
    let committed = held("1", FilingClass::LongTerm, Proof::Commitment);
    let temporary = held("4", FilingClass::OtherTemporary, Proof::HandedIn);
    // (2500 − 500) × 60 %: the hospital's mark counts beside no filing that the book takes whole.
    for (filings, basic) in
        [(vec![temporary.clone()], 1_200), (vec![committed.clone(), temporary], 1_200), (vec![committed], 1_400)]
    {
        assert_eq!(paid(&book, &example, &filings), Money::from_yuan(basic), "{filings:?}");
    }
}

#[test]
fn a_filing_with_its_proof_goes_before_one_by_commitment() {
    let (_, example) = example(&[], STAY);
    let regions = settlement::region::RegionTable::from_csv(
        "code,name,level,pool,member\n000000,无,pool,000000,000000\n990000,某市,pool,990000,990000\n",
    )
    .expect("a good table");
    let one = example.filing.expect("a filing");
    let later = |id: &str, proof, from| {
        let validity = settlement::person::Validity { from, to: None };
        Filing { id: FilingId::new(id).expect("an id"), proof, validity, ..one.clone() }
    };
    let held = [
        later("committed", Proof::Commitment, date(2025, 3, 1)),
        later("proven", Proof::HandedIn, date(2025, 1, 1)),
        later("proven-later", Proof::HandedIn, date(2025, 2, 1)),
    ];
    let covering = settlement::filing::covering(&held, &regions, one.destination, date(2025, 6, 1));
    let ids: Vec<&str> = covering.iter().map(|filing| filing.id.as_str()).collect();
    assert_eq!(ids, ["proven-later", "proven", "committed"]);
}

#[test]
fn the_proof_is_explained_where_it_decides() {
    let committed = format!("care = 'inpatient'\nfiling = 'long-term'\nproof = 'commitment'\n{BILL}");
    let said = |changed: &[(&str, &str)], language| {
        let (book, example) = example(changed, &committed);
        let adjudication = example.adjudicate(&book).expect("a result");
        let lines = explanation::render(&adjudication, &book, language);
        lines.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    let taken = [OFF_SITE, AS_TEMPORARY];
    for (changed, language, sentence) in [
        (
            &taken[..],
            Language::Chinese,
            "长期居住备案以承诺书办理，证明材料尚未补交，按“其他临时外出”待遇。 [commitment.not-made-good · invented",
        ),
        (
            &taken[..],
            Language::English,
            "The long-term filing is by commitment and its proof is not handed in; it counts as other-temporary. \
             [commitment.not-made-good · invented",
        ),
        (&taken[..], Language::Chinese, "其他临时外出备案。"),
        (&[OFF_SITE][..], Language::Chinese, "长期居住备案（承诺书，证明材料未补交）。"),
        (&[OFF_SITE][..], Language::English, "footing long-term, by commitment;"),
    ] {
        let text = said(changed, language);
        assert!(text.contains(sentence), "{sentence} is not in\n{text}");
    }
}

#[test]
fn rows_by_proof_cover_everybody_once_and_are_met_by_somebody() {
    for (section, rows, path, problem) in [
        (
            "off_site",
            "{ id = 'one', proof = 'handed-in', none = true, § }",
            "off_site",
            "leaves a gap: no row for proof commitment",
        ),
        (
            "inpatient.ratio",
            "{ id = 'one', proof = 'commitment', ratio = '0.60', § }",
            "inpatient.ratio",
            "leaves a gap: no row for proof handed-in",
        ),
        (
            "off_site",
            "{ id = 'one', none = true, § }, { id = 'two', filing = 'long-term', proof = 'commitment', points = '0.10', § }",
            "off_site",
            "overlaps the row on line",
        ),
        (
            "off_site",
            "{ id = 'one', proof = 'promised', none = true, § }",
            "off_site.one.proof",
            "one of handed-in, commitment",
        ),
        (
            "off_site",
            "{ id = 'one', filing = ['referral'], proof = 'commitment', none = true, § }",
            "off_site",
            "is for filings by commitment, and only long-term ones are",
        ),
        ("unfiled", "{ id = 'one', proof = 'commitment', rule = 'refuse', § }", "unfiled", "cannot depend on proof"),
        ("back_home", "{ id = 'one', proof = 'handed-in', rule = 'local', § }", "back_home", "cannot depend on proof"),
        (
            "commitment",
            "{ id = 'one', filing = 'long-term', class = 'referral', § }",
            "commitment",
            "cannot depend on filing",
        ),
        ("commitment", "{ id = 'one', class = 'local', § }", "commitment.one.class", "one of long-term, referral"),
    ] {
        let found = faults(&[(section, &format!("{section} = [{rows}]"))]);
        assert!(
            found.iter().any(|fault| fault.path == path && fault.problem.contains(problem)),
            "{path}: {problem} is not among {found:#?}"
        );
    }
}

/// Without the proof a long-term filing may be lowered as far as temporary absence, with it not at all.
#[test]
fn the_national_ceiling_of_a_filing_by_commitment_is_that_of_temporary_absence() {
    for (points, warned) in [("0.20", false), ("0.21", true)] {
        let (name, rows) = BY_PROOF;
        let rows = rows.replace("points = '0.10'", &format!("points = '{points}'"));
        let found: Vec<String> = book(&[CAPITAL, (name, &rows)], "").warnings();
        let about =
            found.iter().any(|said| said.contains("off_site.commitment: lowers long-term by more than 20 points"));
        assert_eq!(about, warned, "{points}: {found:#?}");
    }
}
