//! A scenario: the case with some values changed, or on another footing, worked out. What it is called, and how it is
//! told as JSON.

use std::path::Path;

use anyhow::Result;
use serde_json::{Map, Value, json};
use settlement::money::Money;
use settlement::rulebook::RuleBook;
use settlement::rulebook::example::Example;
use settlement::what_if::WhatIf;
use settlement::year_to_date::UsagePosting;

use super::{WorkedOut, amounts, result_json};
use crate::rulebook::read_changed_case;
use crate::rulebook::told::{self, Lang};

/// Values that are changed together.
#[derive(Clone, Debug)]
pub struct Change {
    /// As it was typed.
    text: String,
    values: Vec<(String, String)>,
}

/// Reads `key=value`, or several with `;` between them.
pub fn changes(text: &str) -> Result<Change, String> {
    let parts = text.split([';', '；']).map(str::trim).filter(|part| !part.is_empty());
    let values: Vec<(String, String)> = parts.map(key_and_value).collect::<Result<_, _>>()?;
    if values.is_empty() {
        Err("changes nothing".to_owned())
    } else {
        Ok(Change { text: text.trim().to_owned(), values })
    }
}

fn key_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_owned(), value.trim().to_owned())),
        Some(_) | None => Err(format!("{text} is not of the form key=value")),
    }
}

/// A case under other values.
pub struct Scenario {
    kind: Kind,
    /// What it comes to.
    pub result: WorkedOut,
    /// What was used of the benefit year before.
    pub used: Vec<UsagePosting>,
}

enum Kind {
    Footing(WhatIf),
    Changed(Change),
}

impl Scenario {
    /// The case on another footing.
    pub fn on(book: &RuleBook, case: &Example, footing: WhatIf) -> Scenario {
        let result = case.on(footing).adjudicate(book);
        Scenario { kind: Kind::Footing(footing), result, used: case.used.clone() }
    }

    /// The case of a file with values changed.
    ///
    /// # Errors
    /// When a change cannot be made.
    pub fn read(book: &RuleBook, file: &Path, change: &Change) -> Result<Scenario> {
        let case = read_changed_case(book, file, &change.text, &change.values)?;
        Ok(Scenario { kind: Kind::Changed(change.clone()), result: case.adjudicate(book), used: case.used })
    }

    /// What its column is called.
    pub fn name(&self, lang: Lang) -> &str {
        match &self.kind {
            Kind::Footing(WhatIf::Unfiled) => lang.pick(WhatIf::Unfiled.name(), "unfiled"),
            Kind::Footing(footing) => lang.pick(footing.name(), footing.word()),
            Kind::Changed(change) => &change.text,
        }
    }

    /// What each amount differs by from the case as it is; none where either is refused.
    pub fn difference(&self, as_it_is: &WorkedOut) -> Option<Vec<(&'static str, Money)>> {
        let (Ok(was), Ok(is)) = (as_it_is, &self.result) else { return None };
        let pairs = amounts(was).into_iter().zip(amounts(is));
        Some(pairs.map(|((key, was), (_, is))| (key, is - was)).collect())
    }

    /// As JSON: a result like that of the case, with what was changed and what it differs by.
    pub fn json(&self, book: &RuleBook, as_it_is: &WorkedOut) -> Value {
        let mut told = result_json(book, &self.result, &self.used);
        let (name, changes): (&str, Map<String, Value>) = match &self.kind {
            Kind::Footing(footing) => (footing.word(), Map::from_iter([("filing".to_owned(), footing.word().into())])),
            Kind::Changed(Change { text, values }) => {
                (text, values.iter().map(|(key, value)| (key.clone(), value.as_str().into())).collect())
            }
        };
        told["what_if"] = name.into();
        told["changes"] = changes.into();
        told["difference"] = self.difference(as_it_is).map_or(json!(null), told::amounts_json);
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_is_one_change_or_several() {
        for (text, expected) in [
            ("age=70", Ok(vec![("age", "70")])),
            (" filing = referral ; age=70；", Ok(vec![("filing", "referral"), ("age", "70")])),
            ("used=[{ care = \"inpatient\" }]", Ok(vec![("used", "[{ care = \"inpatient\" }]")])),
            ("age", Err("age is not of the form key=value")),
            ("age=70;=3", Err("=3 is not of the form key=value")),
            (";", Err("changes nothing")),
        ] {
            let owned = |pairs: Vec<(&str, &str)>| -> Vec<(String, String)> {
                pairs.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
            };
            let read = changes(text).map(|change| change.values);
            assert_eq!(read, expected.map(owned).map_err(str::to_owned), "{text}");
        }
    }
}
