//! Reads rows: their id, their conditions, and the value that the caller knows how to read.

use jiff::civil::Date;

use crate::encounter::{CareKind, HospitalLevel};
use crate::filing::Proof;
use crate::ids::{DiagnosisCode, DiseaseCode};
use crate::money::Money;
use crate::person::{AssistanceClass, PersonClass, Validity};
use crate::rulebook::check::{self, Extent};
use crate::rulebook::clause::{Limit, Setting};
use crate::rulebook::conditions::{Cases, Conditions, Diagnoses, Joined, Span};
use crate::rulebook::conditions::{footing_position, identity_position, told_apart};
use crate::rulebook::places::Places;
use crate::rulebook::ratio::Ratio;
use crate::rulebook::sections::{Part, Segment};
use crate::rulebook::table::{Row, Table};
use crate::rulebook::word::Word;
use crate::spanned::Node;

use super::{Parser, unique_ids, unmet};

/// Whether a table has to have a row for everybody.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Needed {
    /// Some row applies to every settlement.
    Always,
    /// Where no row applies, the rule is not there.
    Sometimes,
}

impl Parser<'_> {
    /// Reads the rows `[[…key]]` of a table and checks them against one another.
    pub(super) fn rows<'n, T>(
        &self,
        parent: &Node<'n>,
        key: &'static str,
        needed: Needed,
        value: impl Fn(&Node<'n>) -> Option<T>,
    ) -> Option<Table<T>>
    where
        T: Extent,
    {
        let (table, whole) = self.bare_rows(parent, key, value);
        check::overlaps(&table, self.report, |_, _| true);
        if needed == Needed::Always && table.rows.is_empty() && whole {
            parent.fault_at(key, format!("is missing: write at least one [[{}]]", table.path));
        } else if needed == Needed::Always && whole {
            check::gaps(&table, &self.scope, self.report);
        }
        Some(table)
    }

    /// Reads rows without checking them against one another; false beside them when some could not be read.
    pub(super) fn bare_rows<'n, T>(
        &self,
        parent: &Node<'n>,
        key: &'static str,
        value: impl Fn(&Node<'n>) -> Option<T>,
    ) -> (Table<T>, bool) {
        let nodes: Vec<Node<'n>> = parent.tables(key).into_iter().map(named).collect();
        unique_ids(&nodes);
        let written = nodes.len();
        let mut rows: Vec<Row<T>> = nodes.into_iter().filter_map(|node| self.row(node, &value)).collect();
        told_apart(rows.iter_mut().map(|row| &mut row.when));
        let whole = rows.len() == written && (written > 0 || !parent.has(key));
        let table = Table { path: parent.path_of(key), rows };
        unmet::report(&table, &self.scope, self.report);
        (table, whole)
    }

    fn row<'n, T>(&self, node: Node<'n>, value: impl Fn(&Node<'n>) -> Option<T>) -> Option<Row<T>> {
        let when = conditions(&node, &self.scope.places);
        let value = value(&node);
        let clause = self.clause(&node);
        node.finish();
        Some(Row { when: when?, clause: clause?, value: value? })
    }
}

/// A row is called by its id; one without is reported and called `?`.
pub(super) fn named(node: Node<'_>) -> Node<'_> {
    let id = node.required_text("id").unwrap_or("?");
    if !id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-') && id != "?" {
        node.fault_at("id", "has something else than small letters, digits and hyphens");
    }
    let path = node.path_of(id);
    node.called(path)
}

/// Whether a section says that the region has no such thing. One that says it wrongly is read as if it did.
pub(super) fn has_none(section: &Node<'_>) -> bool {
    section.choice("none").unwrap_or(section.has("none"))
}

/// Reads the conditions of a row.
fn conditions(node: &Node<'_>, places: &Places) -> Option<Conditions> {
    let person = cases(node, "person", |class: PersonClass| class as usize);
    let level = cases(node, "level", |level: HospitalLevel| level as usize);
    let care = care(node, "care");
    let filing = cases(node, "filing", footing_position);
    let identity = identities(node);
    let age = span(node, "age_from", "age_to");
    let stay = span(node, "stay_from", "stay_to");
    let enrolled_months = span(node, "enrolled_months_from", "enrolled_months_to");
    let tier = list(node, "tier", "a tier", |word| Some(word.to_owned()));
    let disease = list(node, "disease", "a disease code", |code| DiseaseCode::new(code).ok());
    let diagnosis = diagnoses(node);
    let retired = days(node, "retired_from", "retired_to");
    let place = list(node, "place", &places.wanted(), |word| places.read(word)).map(any_unless_named);
    let (referred, filed) = (yes_or_no(node, "referred"), yes_or_no(node, "filed"));
    let proof = cases(node, "proof", |proof: Proof| proof as usize);
    let joined_as = joined_as(node);
    Some(Conditions {
        person: person?,
        level: level?,
        care: care?,
        filing: filing?,
        identity: identity?,
        age: age?,
        stay: stay?,
        enrolled_months: enrolled_months?,
        tier: tier?,
        disease: disease?,
        diagnosis: diagnosis?,
        retired: retired?,
        place: place?,
        referred: referred?,
        filed: filed?,
        proof: proof?,
        joined_as: joined_as?,
    })
}

/// `joined_as`: words of the region's own, or `other` for what the other rows do not name.
fn joined_as(node: &Node<'_>) -> Option<Joined> {
    let mut words = list(node, "joined_as", "a word", |word| Some(word.to_owned()))?;
    let other = words.iter().any(|word| word == "other");
    if other && words.len() > 1 {
        node.fault_at("joined_as", "has other beside words: name either");
        return None;
    }
    Some(match words.len() {
        0 => Joined::Any,
        _ if other => Joined::Other(std::mem::take(&mut words)),
        _ => Joined::As(words),
    })
}

/// Reads a condition that is `true` or `false`.
fn yes_or_no(node: &Node<'_>, key: &'static str) -> Option<Cases> {
    let said = node.choice(key);
    if node.has(key) { said.map(|yes| Cases::at([usize::from(yes)])) } else { Some(Cases::ANY) }
}

/// `diagnosis`: beginnings of ICD-10 codes, or `other` for what the other rows do not name.
fn diagnoses(node: &Node<'_>) -> Option<Diagnoses> {
    let beginning = |text: &str| {
        let code = text.bytes().next().is_some_and(|first| first.is_ascii_alphabetic());
        if text == "other" || !code { None } else { DiagnosisCode::new(text).ok() }
    };
    if node.value("diagnosis").is_some_and(|value| value.get_ref().as_str() == Some("other")) {
        return Some(Diagnoses::Other(Vec::new()));
    }
    let named =
        list(node, "diagnosis", "the beginning of an ICD-10 code such as \"C\" or \"B18\", or other", beginning)?;
    Some(if named.is_empty() { Diagnoses::Any } else { Diagnoses::Beginning(named) })
}

/// Reads a first and a last day; none where neither is written. The outer option is none only after a fault.
pub(super) fn days(node: &Node<'_>, first: &'static str, last: &'static str) -> Option<Option<Validity>> {
    let (from, to) = (node.date(first), node.date(last));
    if node.has(first) && from.is_none() || node.has(last) && to.is_none() {
        return None;
    }
    if from.is_none() && to.is_none() {
        return Some(None);
    }
    let days = Validity { from: from.unwrap_or(Date::MIN), to };
    if to.is_some_and(|to| to < days.from) {
        node.fault_at(last, format!("lies before {first}"));
        return None;
    }
    Some(Some(days))
}

/// Reads a list that may be absent, which is empty then. `None` only after a fault.
pub(super) fn list<T>(
    node: &Node<'_>,
    key: &'static str,
    wanted: &str,
    read: impl Fn(&str) -> Option<T>,
) -> Option<Vec<T>> {
    let named = node.forms(key, wanted, read);
    if node.has(key) { named } else { Some(Vec::new()) }
}

/// Reads a condition on the cases of a word.
pub(super) fn cases<T: Word>(node: &Node<'_>, key: &'static str, position: impl Fn(T) -> usize) -> Option<Cases> {
    let named = list(node, key, &T::wanted(), T::read)?;
    Some(any_unless_named(named.into_iter().map(position).collect()))
}

fn any_unless_named(positions: Vec<usize>) -> Cases {
    if positions.is_empty() { Cases::ANY } else { Cases::at(positions) }
}

fn identities(node: &Node<'_>) -> Option<Cases> {
    let read = |word: &str| match word {
        "none" => Some(None),
        _ => AssistanceClass::read(word).map(Some),
    };
    let named = list(node, "identity", &format!("none, or {}", AssistanceClass::wanted()), read)?;
    Some(any_unless_named(named.into_iter().map(identity_position).collect()))
}

/// Reads a condition on the kind of care.
pub(super) fn care(node: &Node<'_>, key: &'static str) -> Option<Cases> {
    cases(node, key, |care: CareKind| care as usize)
}

/// Reads parts of the person's burden, which have to be named.
pub(super) fn parts(node: &Node<'_>, key: &'static str) -> Option<Cases> {
    Some(Cases::at(node.required_words::<Part>(key)?.into_iter().map(|part| part as usize)))
}

pub(super) fn span(node: &Node<'_>, from: &'static str, to: &'static str) -> Option<Span> {
    let (lower, upper) = (node.number(from), node.number(to));
    if node.has(from) && lower.is_none() || node.has(to) && upper.is_none() {
        return None;
    }
    let span = Span { from: lower.unwrap_or(i64::MIN), to: upper.unwrap_or(i64::MAX) };
    if span.to < span.from {
        node.fault_at(to, format!("lies below {from}"));
        return None;
    }
    Some(span)
}

/// Reads `from`, `to` and `ratio` of a segment.
pub(super) fn segment(node: &Node<'_>) -> Option<Segment> {
    let (from, to) = (node.money("from"), node.money("to"));
    let ratio = node.required_ratio("ratio", 1);
    let from = from.unwrap_or_default();
    if to.is_some_and(|to| to <= from) {
        node.fault_at("to", "is not above from");
        return None;
    }
    Some(Segment { from, to, ratio: ratio?, by_age: None })
}

/// Reads the `ratio` of a row.
pub(super) fn ratio(node: &Node<'_>) -> Option<Setting<Ratio>> {
    node.required_ratio("ratio", 1)
}

/// Reads the `amount` of a row.
pub(super) fn amount(node: &Node<'_>) -> Option<Setting<Money>> {
    node.money_setting("amount")
}

/// Reads a limit: an `amount`, or `none = true` where there is none.
pub(super) fn limit(node: &Node<'_>) -> Option<Limit> {
    match (node.flag("none"), node.has("amount")) {
        (true, false) => Some(Setting::Known(None)),
        (false, true) => Some(match node.money_setting("amount")? {
            Setting::Known(amount) => Setting::Known(Some(amount)),
            Setting::Unset => Setting::Unset,
        }),
        (true, true) | (false, false) => {
            node.fault("needs either an amount or none = true");
            None
        }
    }
}
