//! Reads `[[example.working]]`: how the sums of an example were worked by hand. Whether they are right is asked when the
//! example is run (`rulebook/working.rs`); whether each parameter that is named exists, here.

use std::collections::HashSet;

use crate::rulebook::arithmetic::Arithmetic;
use crate::rulebook::working::Step;
use crate::spanned::Node;

use super::Parser;

impl Parser<'_> {
    /// The steps of an example, none where it has no working.
    pub(super) fn working(&self, example: &Node<'_>) -> Option<Vec<Step>> {
        if example.has("working") && example.has("refused") {
            example.fault_at("working", "stands beside refused: a refusal has no sums");
        }
        let mut results = HashSet::new();
        let mut read = |row: Node<'_>| {
            let step = self.step(&row);
            if step.as_ref().is_some_and(|step| !results.insert(step.result.clone())) {
                row.fault_at("result", "stands twice in this working");
            }
            row.finish();
            step
        };
        let steps: Vec<_> = example.tables("working").into_iter().map(&mut read).collect();
        steps.into_iter().collect()
    }

    fn step(&self, row: &Node<'_>) -> Option<Step> {
        let result = row.required_form("result", "a name such as basic: small letters and _", |name| {
            let fits = |character: char| character.is_ascii_lowercase() || character == '_';
            (!name.is_empty() && name.chars().all(fits)).then(|| name.to_owned())
        });
        let arithmetic = row.required_text("arithmetic").and_then(|text| {
            let read = Arithmetic::read(text);
            read.map_err(|problem| row.fault_at("arithmetic", problem)).ok()
        });
        let equals = row.required_decimal("equals");
        // Only their names are looked up: what a parameter is called is known here, what it holds only in its section.
        row.forms("from", "a parameter of this book such as inpatient.ratio.third", |path| {
            self.clauses.borrow().iter().any(|clause| clause.path == path).then_some(())
        });
        let line = self.report.line(row.byte());
        Some(Step { result: result?, arithmetic: arithmetic?, equals: equals?, line })
    }
}
