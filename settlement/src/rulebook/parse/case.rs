//! Reads a case file: a worked case outside a book, for somebody who wants to know what a book makes of a bill. It has
//! the form of an `[[example]]`; the keys stand at the top of the file, or under one `[[example]]` as copied from a book.

use std::borrow::Cow;
use std::cell::RefCell;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::examples::{Home, expected};
use super::{Parser, lines};
use crate::bill::{Bill, Coverage};
use crate::money::Money;
use crate::person::Validity;
use crate::rulebook::RuleBook;
use crate::rulebook::check::Scope;
use crate::rulebook::conditions::Cases;
use crate::rulebook::example::{Example, Expected};
use crate::rulebook::sections::{DecisionDate, FirstSelfPay};
use crate::spanned::{Fault, Node, Report};

/// Reads a case of a book, with some of its values changed; `in_force` where the book has to be on the day that decides.
///
/// # Errors
/// Every fault, by line.
pub(in crate::rulebook) fn read_case(
    book: &RuleBook,
    text: &str,
    changes: &[(String, String)],
    in_force: Option<(Validity, DecisionDate)>,
) -> Result<Example, Vec<Fault>> {
    let report = Report::on(text);
    let (mut tree, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        report.fault(error.span().map_or(0, |span| span.start), "TOML", error.message());
    }
    let inside = tree.get_ref().get("example").is_some();
    let added_up = if changes.iter().any(|(key, _)| is_of_bill(key)) { bill_of_lines(&tree) } else { None };
    let table = if inside { first_example(tree.get_mut()) } else { Some(tree.get_mut()) };
    // What is no table is told by whoever reads it.
    if let Some(table) = table {
        if let Some(bill) = &added_up {
            put_sums(table, bill);
        }
        for (key, value) in changes {
            // Another age is not that of the day of birth, and the other way round.
            for (changed, instead) in [("age", "birth"), ("birth", "age")] {
                if key == changed {
                    table.remove(instead);
                }
            }
            if !change(table, key, value) {
                report.fault(0, key, not_changed(key));
            }
        }
        for key in ["id", "title"] {
            if table.get(key).is_none() {
                change(table, key, "case");
            }
        }
    }
    let example = {
        let root = Node::root(&report, &tree);
        let inside = root.tables("example");
        if inside.len() > 1 {
            root.fault_at("example", "stands more than once: a case file holds one case");
        }
        let example = match inside.into_iter().next() {
            Some(node) => case(&report, book, in_force, node),
            None => case(&report, book, in_force, Node::root(&report, &tree)),
        };
        if root.has("example") {
            root.finish();
        }
        example
    };
    match example {
        Some(example) if report.count() == 0 => Ok(example),
        _ => Err(report.into_faults()),
    }
}

fn case(
    report: &Report,
    book: &RuleBook,
    in_force: Option<(Validity, DecisionDate)>,
    node: Node<'_>,
) -> Option<Example> {
    let places = book.admission.places.clone();
    let (insurance, identities, diseases, levels) = (Some(book.insurance), Vec::new(), Vec::new(), Cases::ANY);
    let scope = Scope { insurance, identities, diseases, places, levels };
    let clauses = RefCell::new(book.clauses.clone());
    let parser = Parser { report, book: None, scope, sources: Vec::new(), clauses };
    let (benefit_year, carried) = (book.benefit_year.0, book.admission.carried);
    let needs_class_b = book.first_self_pay.0 != FirstSelfPay::Sent;
    let (pool, insurance) = (book.pool, book.insurance);
    let home = Home { pool, insurance, benefit_year, needs_class_b, carried, in_force };
    let says = node.has("expect") || node.has("refused");
    let expected = if says { expected(&node) } else { Some(Expected::Nothing) };
    let example = parser.example(&node, Some(home), expected);
    node.finish();
    example
}

/// The table of the first `[[example]]`.
fn first_example<'t, 'a>(tree: &'t mut DeTable<'a>) -> Option<&'t mut DeTable<'a>> {
    let Some(DeValue::Array(rows)) = tree.get_mut("example").map(Spanned::get_mut) else { return None };
    match rows.get_mut(0).map(Spanned::get_mut) {
        Some(DeValue::Table(table)) => Some(table),
        _ => None,
    }
}

/// Whether a change is about the sums of the bill.
fn is_of_bill(key: &str) -> bool {
    key == "bill" || key.starts_with("bill.")
}

/// The bill of a case that gives charge lines, none of them faulty.
fn bill_of_lines(tree: &Spanned<DeTable<'_>>) -> Option<Bill> {
    let report = Report::on("");
    let root = Node::root(&report, tree);
    let inside = root.tables("example").into_iter().next();
    let node = inside.as_ref().unwrap_or(&root);
    if node.has("line") { lines::bill(node).filter(|_| report.count() == 0) } else { None }
}

/// Gives the sums of a bill in place of its lines, so that a sum can be changed.
fn put_sums(table: &mut DeTable<'_>, bill: &Bill) {
    let Coverage { self_paid, over_limit, first_self_pay, in_policy } = bill.coverage();
    let sums = [
        ("self_paid", self_paid),
        ("over_limit", over_limit),
        ("first_self_pay", first_self_pay),
        ("in_policy", in_policy),
        ("class_b", bill.class_b()),
    ];
    let sum = |(key, amount): (&'static str, Money)| {
        (spanned(Cow::Borrowed(key)), spanned(DeValue::String(Cow::Owned(amount.to_string()))))
    };
    table.remove("line");
    table.insert(spanned("bill".into()), spanned(DeValue::Table(sums.into_iter().map(sum).collect())));
}

fn not_changed(key: &str) -> &'static str {
    if key.starts_with("line.") {
        "cannot be changed line by line: change a sum of the bill, such as bill.in_policy"
    } else {
        "cannot be changed: what stands before its last point is no table"
    }
}

/// Sets a key, tables before it included; false where something else than a table is in the way.
fn change<'a>(table: &mut DeTable<'a>, key: &'a str, value: &'a str) -> bool {
    let Some((first, rest)) = key.split_once('.') else {
        let was_text = table.get(key).is_some_and(|value| value.get_ref().is_str());
        table.insert(spanned(key.into()), spanned(read_value(value, was_text)));
        return true;
    };
    if table.get(first).is_none() {
        table.insert(spanned(first.into()), spanned(DeValue::Table(DeTable::new())));
    }
    match table.get_mut(first).map(Spanned::get_mut) {
        Some(DeValue::Table(inner)) => change(inner, rest, value),
        _ => false,
    }
}

/// A value as TOML; what is none, or takes the place of a text, is a text.
fn read_value(value: &str, was_text: bool) -> DeValue<'_> {
    let text = || DeValue::String(Cow::Borrowed(value));
    match DeValue::parse(value) {
        Ok(read) if read.get_ref().is_str() || !was_text => read.into_inner(),
        Ok(_) | Err(_) => text(),
    }
}

/// What was not read in the file stands at its beginning.
fn spanned<T>(value: T) -> Spanned<T> {
    Spanned::new(0..0, value)
}
