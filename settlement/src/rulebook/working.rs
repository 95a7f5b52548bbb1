//! The working of an example: how its sums come about, step by step, worked by hand from the parameters. It is held
//! against itself and against what the example expects, never worked out by the rules; those are `benefits/`.
//! `parse/working.rs` reads it.

use rust_decimal::Decimal;

use super::arithmetic::Arithmetic;
use super::example::{Example, Expected, Mismatch, Output};

/// One step of a working.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What comes out: a key of `expect`, or a name by which a reader knows what later steps go on with.
    pub result: String,
    /// How.
    pub arithmetic: Arithmetic,
    /// The figure that comes out: of an amount that the example expects to the fen, half up; of any other exactly.
    pub equals: Decimal,
    /// The line it begins on.
    pub line: usize,
    /// Numbers of it that stand neither in the example, nor in a parameter that it names, nor in a step above: a changed
    /// parameter leaves the old one behind.
    pub from_nowhere: Vec<Decimal>,
    /// Parameters that it names, and takes no number of.
    pub named_for_nothing: Vec<String>,
}

impl Step {
    /// What the arithmetic comes to, as precisely as the step says it.
    fn comes_to(&self) -> Decimal {
        let is_output = Output::ALL.iter().any(|(key, _)| *key == self.result);
        if is_output { self.arithmetic.to_the_fen() } else { self.arithmetic.value() }
    }
}

impl Example {
    /// What in the working is wrong: a step that comes to something else, an amount that the example expects otherwise
    /// or not at all, one above zero that no step reaches. Nothing where there is no working.
    pub fn wrong_working(&self) -> Vec<Mismatch> {
        if self.working.is_empty() {
            return Vec::new();
        }
        let wrong = |step: &&Step| step.comes_to() != step.equals;
        let comes_otherwise = self.working.iter().filter(wrong).map(|step| {
            let what = format!("the working of {}, {},", step.result, step.arithmetic.text());
            Mismatch { line: step.line, ..self.mismatch(what, step.equals, step.comes_to().normalize()) }
        });
        let otherwise = Output::ALL.into_iter().filter_map(|(key, output)| self.not_as_expected(key, output));
        let astray = self.working.iter().flat_map(|step| self.astray(step));
        comes_otherwise.chain(otherwise).chain(astray).collect()
    }

    fn astray<'a>(&'a self, step: &'a Step) -> impl Iterator<Item = Mismatch> + 'a {
        let at = |what: String, expected: &str, actual: &str| Mismatch {
            line: step.line,
            ..self.mismatch(what, expected, actual)
        };
        let numbers = step.from_nowhere.iter().map(move |number| {
            let origins = "the example, a parameter named in from, or a step above";
            at(format!("{number} in the working of {}", step.result), origins, "from nowhere")
        });
        let named = step.named_for_nothing.iter().map(move |path| {
            at(format!("{path} in the working of {}", step.result), "one of its figures", "named for nothing")
        });
        numbers.chain(named)
    }

    fn not_as_expected(&self, key: &str, output: Output) -> Option<Mismatch> {
        let expected = match &self.expected {
            Expected::Nothing => return None,
            Expected::Amounts(amounts) => amounts.iter().find(|(named, _)| *named == output).map(|(_, amount)| *amount),
            Expected::Refused(_) => None,
        };
        let what = format!("the working of {key}");
        match (self.working.iter().find(|step| step.result == key), expected) {
            (Some(step), Some(expected)) if step.equals == expected.to_decimal() => None,
            (Some(step), expected) => {
                let says = expected.map_or_else(|| "nothing".to_owned(), |amount| amount.to_string());
                Some(Mismatch { line: step.line, ..self.mismatch(what, says, step.equals.normalize()) })
            }
            (None, Some(expected)) if !expected.is_zero() => Some(self.mismatch(what, expected, "missing")),
            (None, _) => None,
        }
    }
}
