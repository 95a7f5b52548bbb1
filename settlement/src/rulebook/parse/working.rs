//! Reads `[[example.working]]`: how the sums of an example were worked by hand, each figure from the example, from a
//! parameter that the step names, or from a step above. Whether the arithmetic is right is asked when the example is run
//! (`rulebook/working.rs`).

use rust_decimal::Decimal;
use toml::de::{DeTable, DeValue};

use crate::rulebook::arithmetic::Arithmetic;
use crate::rulebook::working::Step;
use crate::spanned::{Node, decimal_of};

use super::Parser;

/// Figures that need no origin: nothing, the whole, and the months of a year.
const PLAIN: [u32; 3] = [0, 1, 12];

/// What of an example is no part of the case.
const NOT_THE_CASE: [&str; 4] = ["id", "title", "expect", "working"];

/// A parameter that a step names.
struct Named {
    path: String,
    figures: Vec<Decimal>,
}

impl Parser<'_> {
    /// The steps of an example, none where it has no working.
    pub(super) fn working(&self, example: &Node<'_>) -> Option<Vec<Step>> {
        let rows = example.tables("working");
        if !rows.is_empty() && example.has("refused") {
            example.fault_at("working", "stands beside refused: a refusal has no sums");
        }
        let own = example.table.iter().filter(|(key, _)| !NOT_THE_CASE.contains(&key.get_ref().as_ref()));
        let mut known: Vec<Decimal> =
            own.flat_map(|(_, value)| figures(value.get_ref())).chain(PLAIN.map(Decimal::from)).collect();
        let mut steps: Vec<Step> = Vec::new();
        let mut all_read = true;
        for row in rows {
            match self.step(&row, &known) {
                Some(step) => {
                    if steps.iter().any(|above| above.result == step.result) {
                        row.fault_at("result", "stands twice in this working");
                    }
                    // What it comes to as well: where it says otherwise, that alone is wrong, not what goes on from it.
                    known.extend([step.equals, step.arithmetic.value(), step.arithmetic.to_the_fen()]);
                    steps.push(step);
                }
                None => all_read = false,
            }
            row.finish();
        }
        all_read.then_some(steps)
    }

    fn step(&self, row: &Node<'_>, known: &[Decimal]) -> Option<Step> {
        let result = row.required_form("result", "a name such as basic: small letters and _", |name| {
            let fits = |character: char| character.is_ascii_lowercase() || character == '_';
            (!name.is_empty() && name.chars().all(fits)).then(|| name.to_owned())
        });
        let arithmetic = row.required_text("arithmetic").and_then(|text| {
            let read = Arithmetic::read(text);
            read.map_err(|problem| row.fault_at("arithmetic", problem)).ok()
        });
        let equals = row.required_decimal("equals");
        let named =
            row.forms("from", "a parameter of this book such as inpatient.ratio.third", |path| self.named(path));
        let named = if row.has("from") { named? } else { Vec::new() };
        let (result, arithmetic, equals) = (result?, arithmetic?, equals?);
        // A case in a file of its own names parameters of a book that is not at hand as it is written.
        let (from_nowhere, named_for_nothing) =
            if self.book.is_some() { astray(&arithmetic, known, &named) } else { (Vec::new(), Vec::new()) };
        let line = self.report.line(row.byte());
        Some(Step { result, arithmetic, equals, line, from_nowhere, named_for_nothing })
    }

    /// A parameter of the book, with its figures where the book is at hand as it is written.
    fn named(&self, path: &str) -> Option<Named> {
        let exists = self.clauses.borrow().iter().any(|clause| clause.path == path);
        let row = self.book.and_then(|book| at(book, path));
        let figures =
            row.into_iter().flat_map(DeTable::values).filter_map(|value| decimal_of(value.get_ref())).collect();
        exists.then(|| Named { path: path.to_owned(), figures })
    }
}

/// Each number that comes from nowhere, and each parameter that is named for nothing.
fn astray(arithmetic: &Arithmetic, known: &[Decimal], named: &[Named]) -> (Vec<Decimal>, Vec<String>) {
    let has_origin =
        |number: &&Decimal| known.contains(number) || named.iter().any(|parameter| parameter.figures.contains(number));
    let numbers = arithmetic.numbers().iter().filter(|number| !has_origin(number)).copied().collect();
    let is_used = |parameter: &&Named| arithmetic.numbers().iter().any(|number| parameter.figures.contains(number));
    let unused = named.iter().filter(|parameter| !is_used(parameter)).map(|parameter| parameter.path.clone());
    (numbers, unused.collect())
}

/// Every figure in a value of an example, however deep. Codes are texts without a point.
fn figures(value: &DeValue<'_>) -> Vec<Decimal> {
    match value {
        DeValue::Array(values) => values.iter().flat_map(|value| figures(value.get_ref())).collect(),
        DeValue::Table(table) => table.values().flat_map(|value| figures(value.get_ref())).collect(),
        DeValue::String(text) if !text.contains('.') => Vec::new(),
        DeValue::String(_) | DeValue::Integer(_) | DeValue::Float(_) => decimal_of(value).into_iter().collect(),
        DeValue::Boolean(_) | DeValue::Datetime(_) => Vec::new(),
    }
}

/// The table or row at the path of a parameter: keys, and the id of a row at the end.
fn at<'t, 'a>(book: &'t DeTable<'a>, path: &str) -> Option<&'t DeTable<'a>> {
    let mut steps = path.split('.');
    let mut place = book.get(steps.next()?)?.get_ref();
    for step in steps {
        place = match place {
            DeValue::Array(rows) => {
                let called = |row: &&toml::Spanned<DeValue<'a>>| {
                    let id = row.get_ref().as_table().and_then(|row| row.get("id"));
                    id.and_then(|id| id.get_ref().as_str()) == Some(step)
                };
                rows.iter().find(called)?.get_ref()
            }
            DeValue::Table(table) => table.get(step)?.get_ref(),
            DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_) => return None,
        };
    }
    place.as_table()
}
