//! A rule book with many faults planted in it: all are reported in one run, each with its line and path.

mod planted;

use std::collections::HashSet;
use std::fs;
use std::ops::Range;

use planted::PLANTED;
use settlement::rulebook::{Fault, RuleBook};

/// Takes a good book, plants faults by replacing text, and gives the faults found.
fn plant(faults: &[(&str, &str)]) -> (String, Vec<Fault>) {
    let mut text = planted::GOOD.to_owned();
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

#[test]
fn each_of_twelve_faults_is_reported_once_with_its_line_and_nothing_else_is() {
    let text = planted::faulty_book();
    let faults = RuleBook::parse(&text).expect_err("a book with faults");
    let reported: Vec<String> = faults.iter().map(ToString::to_string).collect();
    for (planted, fault) in PLANTED.iter().zip(&faults) {
        assert_eq!((fault.line, fault.path.as_str()), (planted.line(&text), planted.path), "in {reported:#?}");
        assert!(fault.problem.contains(planted.problem), "{}: {} is not {fault}", planted.path, planted.problem);
    }
    assert_eq!(faults.len(), PLANTED.len(), "{reported:#?}");
}

/// The faults differ: no two in one section, no two of one kind.
#[test]
fn what_is_planted_differs() {
    let section = |path: &'static str| path.rsplit_once('.').map_or(path, |(section, _)| section);
    let sections: HashSet<_> = PLANTED.iter().map(|planted| section(planted.path)).collect();
    let problems: HashSet<_> = PLANTED.iter().map(|planted| planted.problem).collect();
    assert_eq!((sections.len(), problems.len()), (PLANTED.len(), PLANTED.len()));
}

/// One fault at a time, so that nothing else hides or causes it.
#[test]
fn one_fault_alone_is_one_fault() {
    for (good, bad, path, problem) in [
        ("trust = \"assumed\"\nclause = \"自然年度\"\n", "clause = \"自然年度\"\n", "benefit_year.trust", "is missing"),
        ("amount = 300\n", "amount = -300\n", "inpatient.deductible.first.amount", "at least 0"),
        (
            "filing = \"referral\"",
            "filing = \"referral\"\nproof = \"commitment\"",
            "example.referral.proof",
            "of a long-term filing only",
        ),
        (
            "filing = \"referral\"",
            "filing = \"referral\"\nfiled_elsewhere = true",
            "example.referral.filed_elsewhere",
            "is for care at home",
        ),
        (
            "account_balance = 3000",
            "suspended_to = 2025-01-01",
            "example.referral.suspended_to",
            "needs suspended_from",
        ),
        (
            "settled = 2025-06-30",
            "settled = 2023-12-31",
            "example.referral.settled",
            "2023-12-31 decides, and the book is in force from 2024-01-01 on",
        ),
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
        ("age = 45", "age = 99999999999", "example.referral.age", "is not between 0 and 150"),
        ("age = 45", "age = -3", "example.referral.age", "is not between 0 and 150"),
        ("age = 45", "age = 45\nbirth = 1980-01-01", "example.referral.birth", "stands beside age"),
    ] {
        let (_, faults) = plant(&[(good, bad)]);
        let first = faults.iter().find(|fault| fault.path == path && fault.problem.contains(problem));
        assert!(first.is_some(), "{path}: {problem} is not among {faults:#?}");
    }
}

#[test]
fn a_working_whose_figures_come_from_nowhere_is_found_and_the_book_still_reads() {
    let from = "from = [\"inpatient.ratio.working-third\"]";
    for (good, bad, found) in [
        (from, "from = [\"inpatient.ratio.working-third\", \"off_site.other-temporary\"]", "is named for nothing"),
        ("(20000 - 2000) * 0.85", "(20000 - 2000) * 0.86", "0.86 in the working of basic is from nowhere"),
        // A clerk changes a ratio: what was worked from the old one shows.
        ("ratio = \"0.85\"", "ratio = \"0.86\"", "0.85 in the working of basic is from nowhere"),
    ] {
        assert!(planted::GOOD.contains(good), "{good} is not in the book");
        let book = RuleBook::parse(&planted::GOOD.replacen(good, bad, 1)).expect("a book without faults");
        let told: Vec<String> =
            book.examples().iter().flat_map(|example| example.run(&book)).map(|one| one.to_string()).collect();
        assert!(told.iter().any(|line| line.contains(found)), "{found} is not in {told:#?}");
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

/// A row for a disease that nobody has never applies, and nobody would notice.
#[test]
fn a_code_of_a_disease_that_looks_mistyped_is_to_be_looked_at() {
    for (good, bad, warning) in [
        ("disease = [\"M03900\"]", "disease = [\"M3900\"]", "cap.disease: M3900 is not the letter M and five digits"),
        ("disease = [\"M03900\"]", "disease = [\"M0390O\"]", "cap.disease: M0390O is not the letter M and five digits"),
        ("code = \"M03900\"", "code = \"m03900\"", "chronic.disease.code: m03900 is not the letter M and five digits"),
        ("disease = [\"M00500\"]", "disease = [\"M00800\"]", "cap.disease: M00800 is named nowhere else"),
    ] {
        let text = planted::GOOD.replacen(good, bad, 1);
        let line = text[..text.find(bad).expect("it is planted")].matches('\n').count() + 1;
        let warnings = RuleBook::parse(&text).expect("a book without faults").warnings();
        assert_eq!(warnings.len(), 1, "{bad}: {warnings:?}");
        assert!(warnings[0].starts_with(&format!("line {line}: {warning}")), "{bad}: {warnings:?}");
    }
    // A sub-kind of a region's own is the same disease, and one that only an example knows beside the row is known.
    let known = planted::GOOD.replacen("disease = [\"M03900\"]", "disease = [\"M03907\"]", 1);
    let local = planted::GOOD.replacen("disease = [\"M00500\"]", "disease = [\"M00800\"]", 1);
    let local = local.replacen("disease = \"M03900\"", "disease = \"M00800\"", 1);
    for text in [planted::GOOD, &known, &local] {
        assert_eq!(RuleBook::parse(text).expect("a book without faults").warnings(), Vec::<String>::new());
    }
}

/// A reader that gives up early would report the keys behind as unknown, correct as they are.
#[test]
fn a_value_that_is_wrong_makes_no_other_key_unknown() {
    let folder = |folder: &str| fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let files = folder("../deploy/rulebooks")
        .filter(|path| path.is_dir())
        .flat_map(|path| folder(path.to_str().expect("a path")).collect::<Vec<_>>());
    let (mut seen, mut unknown) = (HashSet::new(), Vec::new());
    for file in files.chain(folder("tests/books")) {
        let text = fs::read_to_string(&file).expect("a text");
        let (book, lines) = (RuleBook::parse(&text).expect("a good book"), text.lines().collect::<Vec<_>>());
        for table in tables(&lines) {
            let is_case = lines[table.start] == "[[example]]";
            let keys: Vec<&str> = lines[table.clone()].iter().filter_map(|line| key(line)).collect();
            for number in table.clone() {
                let Some(name) = key(lines[number]) else { continue };
                // Once for each key of each table, and of each kind of case.
                let kind = (lines[table.start].to_owned(), is_case.then(|| keys.join(" ")), name.to_owned());
                if !seen.insert(kind) {
                    continue;
                }
                let wrong = format!("{name} = \"?\"");
                let mut faulty = lines.clone();
                faulty[number] = &wrong;
                let faults = if is_case {
                    book.read_case(&faulty[table.clone()].join("\n"), &[]).err()
                } else {
                    RuleBook::parse(&faulty.join("\n")).err()
                };
                let found = faults.unwrap_or_default().into_iter().filter(|fault| fault.problem.contains("not a key"));
                unknown.extend(found.map(|fault| format!("{} {wrong}: {fault}", file.display())));
            }
        }
    }
    assert!(unknown.is_empty(), "{unknown:#?}");
    assert!(seen.len() > 500, "only {} keys were looked at", seen.len());
}

/// The lines of each table, the top of the text first.
fn tables(lines: &[&str]) -> Vec<Range<usize>> {
    let headers = (0..lines.len()).filter(|number| lines[*number].starts_with('['));
    let starts: Vec<usize> = std::iter::once(0).chain(headers).chain([lines.len()]).collect();
    starts.windows(2).map(|pair| pair[0]..pair[1]).collect()
}

/// The key of a line that holds a whole value.
fn key(line: &str) -> Option<&str> {
    let key = line.split_once(" = ").map(|(key, _)| key)?;
    (key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') && !line.ends_with('[')).then_some(key)
}

/// Whoever reads the trust alone would take the assumption for a rule.
#[test]
fn an_assumption_that_is_not_marked_so_is_to_be_looked_at() {
    let with = |trust: &str, clause: &str| {
        let plain = "trust = \"assumed\"\nclause = \"自然年度\"";
        assert!(planted::GOOD.contains(plain));
        let text = planted::GOOD.replacen(plain, &format!("trust = \"{trust}\"\nclause = \"{clause}\""), 1);
        RuleBook::parse(&text).expect("a book without faults").warnings()
    };
    for trust in ["official", "reported"] {
        let warnings = with(trust, "三类合计是假设");
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].ends_with(&format!("its clause speaks of an assumption 假设 and its trust is {trust}")));
        assert_eq!(with(trust, "三类合计"), Vec::<String>::new());
    }
    assert_eq!(with("assumed", "三类合计是假设"), Vec::<String>::new());
}
