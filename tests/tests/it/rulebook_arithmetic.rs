//! Works the examples of the rule books out again from the working beside them, and finds every figure where it may
//! come from: in the example, in a parameter of the book that the step names, or in a step above. It shares nothing with
//! the engine: a decimal library and a TOML library, none of ours. `settlement` works the same examples by the rules;
//! where both come to what the book expects, the rules do what the book says.
//! Run by `cargo xtask test`; it starts nothing.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use rust_decimal::Decimal;
use toml::{Table, Value};
use world::arithmetic::{evaluate, half_up, numbers};
use world::plain_toml::{at_path, decimal, tables, text};

/// Where the books stand: those of regions, and those that show what no region has.
const SHIPPED: &str = "deploy/rulebooks";
const INVENTED: &str = "settlement/tests/books";

/// How many examples of regions, and of how many, have a working at least.
const LEAST: (usize, usize) = (40, 15);

/// Figures that need no origin: nothing, the whole, and the months of a year.
const PLAIN: [u32; 3] = [0, 1, 12];

#[test]
fn every_arithmetic_gives_the_figure_beside_it() {
    check(|example, faults| {
        for step in &example.working {
            let (result, arithmetic) = (text(step, "result"), text(step, "arithmetic"));
            // What the example expects is money; what a step leaves to the next is exact.
            let precisely = |value| if example.expected(result).is_some() { half_up(value) } else { value };
            match evaluate(arithmetic).map(precisely) {
                Ok(value) if Some(value) == equals(step) => {}
                Ok(value) => faults.push(format!("{result}: {arithmetic} is {value}, not {:?}", equals(step))),
                Err(problem) => faults.push(format!("{result}: {arithmetic}: {problem}")),
            }
        }
    });
}

#[test]
fn every_figure_that_is_expected_and_not_zero_is_worked_out() {
    check(|example, faults| {
        for (name, expected) in &example.expect {
            let expected = decimal(expected).expect("an amount");
            match example.working.iter().find(|step| text(step, "result") == name).map(equals) {
                Some(worked_out) if worked_out == Some(expected) => {}
                None if expected.is_zero() => {}
                Some(worked_out) => faults.push(format!("{name} is {expected}, its working says {worked_out:?}")),
                None => faults.push(format!("{name} has no working")),
            }
        }
    });
}

#[test]
fn every_figure_stands_in_the_example_a_named_parameter_or_a_step_above() {
    check(|example, faults| {
        let mut known = example.figures.clone();
        known.extend(PLAIN.map(Decimal::from));
        for step in &example.working {
            let (result, arithmetic) = (text(step, "result"), text(step, "arithmetic"));
            let named: BTreeSet<Decimal> = parameters(step).flat_map(|path| example.parameter(path)).collect();
            for number in numbers(arithmetic) {
                let figure: Decimal = number.parse().expect("a decimal");
                if !known.contains(&figure) && !named.contains(&figure) {
                    faults.push(format!("{result}: where does {number} come from?"));
                }
            }
            known.extend(equals(step));
        }
    });
}

#[test]
fn every_parameter_that_is_named_is_in_the_book_and_in_the_arithmetic() {
    check(|example, faults| {
        for step in &example.working {
            let written: Vec<Decimal> =
                numbers(text(step, "arithmetic")).filter_map(|number| number.parse().ok()).collect();
            for path in parameters(step) {
                if !example.parameter(path).iter().any(|figure| written.contains(figure)) {
                    faults.push(format!("{}: no figure is one of {path}", text(step, "result")));
                }
            }
        }
    });
}

#[test]
fn enough_examples_of_every_kind_have_a_working() {
    let worked = worked_examples();
    let shipped = || worked.iter().filter(|example| example.file.starts_with(root().join(SHIPPED)));
    let regions: BTreeSet<_> = shipped().map(|example| example.file.parent()).collect();
    let (examples, of_regions) = LEAST;
    assert!(shipped().count() >= examples, "only {} examples have a working", shipped().count());
    assert!(regions.len() >= of_regions, "only {regions:?} have a working");
    for payer in ["basic", "large_sum", "catastrophic", "civil_servant", "assistance", "account", "cash"] {
        let pays = |example: &&Example| example.expected(payer).is_some_and(|amount| !amount.is_zero());
        assert!(worked.iter().filter(pays).count() >= 2, "{payer} is hardly ever worked out");
    }
    for section in SECTIONS {
        let names = |step: &Table| parameters(step).any(|path| path.starts_with(section));
        let named = worked.iter().any(|example| example.working.iter().any(names));
        assert!(named, "no working names a parameter of {section}");
    }
}

/// Where the parameters stand that some working has to use.
const SECTIONS: [&str; 17] = [
    "first_self_pay",
    "inpatient.deductible.",
    "inpatient.deductible_factor.",
    "inpatient.ratio.",
    "chronic.deductible.",
    "chronic.ratio.",
    "outpatient.deductible.",
    "outpatient.ratio.",
    "off_site.",
    "cap.",
    "large_sum.ratio.",
    "large_sum.cap.",
    "catastrophic.deductible.",
    "catastrophic.ratio.",
    "civil_servant.ratio.",
    "assistance.ratio.",
    "assistance.cap.",
];

/// One example that has a working.
struct Example {
    /// Its `id`.
    id: String,
    /// The book's file; each region has a folder.
    file: PathBuf,
    book: Table,
    expect: Table,
    working: Vec<Table>,
    /// The figures of the case itself: person, bill, what was used before.
    figures: BTreeSet<Decimal>,
}

impl Example {
    fn of(file: &Path, book: &Table, example: &Table) -> Example {
        let own = |(key, _): &(&String, &Value)| !["id", "title", "expect", "working"].contains(&key.as_str());
        Example {
            id: text(example, "id").to_owned(),
            file: file.to_owned(),
            book: book.clone(),
            expect: example.get("expect").and_then(Value::as_table).cloned().unwrap_or_default(),
            working: tables(example, "working").cloned().collect(),
            figures: example.iter().filter(own).flat_map(|(_, value)| figures(value)).collect(),
        }
    }

    fn expected(&self, name: &str) -> Option<Decimal> {
        self.expect.get(name).and_then(decimal)
    }

    /// The figures of a parameter.
    fn parameter(&self, path: &str) -> Vec<Decimal> {
        let row = at_path(&self.book, path);
        row.into_iter().flat_map(Table::values).filter_map(decimal).collect()
    }
}

/// Looks at every example that has a working and fails with all that is wrong.
fn check(look: impl Fn(&Example, &mut Vec<String>)) {
    let mut all = Vec::new();
    for example in worked_examples() {
        let mut faults = Vec::new();
        look(&example, &mut faults);
        all.extend(faults.into_iter().map(|fault| format!("{}, {}: {fault}", example.file.display(), example.id)));
    }
    assert!(all.is_empty(), "{} faults\n{}", all.len(), all.join("\n"));
}

/// The examples with a working, of the shipped books and of those of invented pools.
fn worked_examples() -> Vec<Example> {
    let mut worked = Vec::new();
    for file in [SHIPPED, INVENTED].into_iter().flat_map(|folder| books(&root().join(folder))) {
        let content = fs::read_to_string(&file).expect("a readable book");
        let book: Table = content.parse().unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let examples = tables(&book, "example").filter(|example| example.contains_key("working"));
        worked.extend(examples.map(|example| Example::of(&file, &book, example)));
    }
    worked
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The books in a folder and in those below it.
fn books(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.map(|entry| entry.expect("a readable folder").path());
    let below = paths.flat_map(|path| if path.is_dir() { books(&path) } else { vec![path] });
    below.filter(|path| path.extension().is_some_and(|end| end == "toml")).collect()
}

/// Every figure in a value, however deep.
fn figures(value: &Value) -> Vec<Decimal> {
    match value {
        Value::Array(values) => values.iter().flat_map(figures).collect(),
        Value::Table(table) => table.values().flat_map(figures).collect(),
        // Codes are no figures.
        Value::String(text) if !text.contains('.') => Vec::new(),
        Value::String(_) | Value::Integer(_) | Value::Float(_) => decimal(value).into_iter().collect(),
        Value::Boolean(_) | Value::Datetime(_) => Vec::new(),
    }
}

fn equals(step: &Table) -> Option<Decimal> {
    step.get("equals").and_then(decimal)
}

fn parameters(step: &Table) -> impl Iterator<Item = &str> {
    step.get("from").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}
