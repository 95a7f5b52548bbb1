//! A cursor over a spanned TOML tree that never stops at the first fault: each read that fails leaves a [`Fault`]
//! with line and path and gives nothing. What a table holds and nobody read is an unknown key.
//! It knows TOML, not what is written in it; rule books and calendars are read with it.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::Range;
use std::str::FromStr;

use jiff::civil::Date;
use rust_decimal::Decimal;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::money::Money;

/// Something wrong in a text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {path}: {problem}")]
pub struct Fault {
    /// The line, counted from 1.
    pub line: usize,
    /// The path of the parameter, for example `inpatient.ratio.working-third.ratio`.
    pub path: String,
    /// What is wrong, and what would be right.
    pub problem: String,
}

/// A key that a reader asked a table for, whether the text has it or not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Asked {
    /// The table, without the ids of rows: `inpatient.deductible[]`; empty for the top of the text.
    pub table: String,
    /// The key.
    pub key: &'static str,
    /// What it may hold.
    pub form: Form,
}

/// What a key may hold.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// Any text.
    Text,
    /// `true` or `false`.
    Flag,
    /// A whole number.
    Number,
    /// A whole number, or `"unset"`.
    NumberOrUnset,
    /// A number with decimals.
    Decimal,
    /// A day.
    Day,
    /// An amount of yuan.
    Money,
    /// An amount of yuan, or `"unset"`.
    MoneyOrUnset,
    /// A share or factor up to a bound, or `"unset"`.
    RatioOrUnset,
    /// A text in a form of its own, as a fault says it.
    One(String),
    /// A text or a list of texts in a form of their own.
    Many(String),
    /// A table.
    Table,
    /// A list of tables.
    Tables,
}

/// The faults of a text, and where its lines begin.
pub struct Report {
    line_starts: Vec<usize>,
    faults: RefCell<Vec<Fault>>,
    asked: Option<RefCell<BTreeSet<Asked>>>,
}

impl Report {
    /// An empty report on a text.
    pub fn on(text: &str) -> Report {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(newline, _)| newline + 1));
        Report { line_starts: starts.collect(), faults: RefCell::default(), asked: None }
    }

    /// An empty report on a text that also notes what its readers ask for.
    pub fn noting(text: &str) -> Report {
        Report { asked: Some(RefCell::default()), ..Report::on(text) }
    }

    /// What the readers asked for, where that was noted.
    pub fn into_asked(self) -> BTreeSet<Asked> {
        self.asked.map(RefCell::into_inner).unwrap_or_default()
    }

    /// The line that a byte is on, counted from 1.
    pub fn line(&self, byte: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= byte)
    }

    /// Adds a fault at a byte of the text.
    pub fn fault(&self, byte: usize, path: &str, problem: impl Into<String>) {
        let fault = Fault { line: self.line(byte), path: path.to_owned(), problem: problem.into() };
        self.faults.borrow_mut().push(fault);
    }

    /// How many faults there are so far.
    pub fn count(&self) -> usize {
        self.faults.borrow().len()
    }

    /// The faults, by line.
    pub fn into_faults(self) -> Vec<Fault> {
        let mut faults = self.faults.into_inner();
        faults.sort_by_key(|fault| fault.line);
        faults
    }
}

type Value<'a> = Spanned<DeValue<'a>>;

/// One table of the tree, with its path.
pub struct Node<'a> {
    report: &'a Report,
    pub(crate) table: &'a DeTable<'a>,
    span: Range<usize>,
    path: String,
    /// The path without the ids of rows; kept only where what is asked for is noted.
    kind: String,
    read: RefCell<Vec<&'static str>>,
}

impl<'a> Node<'a> {
    /// The root of a tree.
    pub fn root(report: &'a Report, tree: &'a Spanned<DeTable<'a>>) -> Node<'a> {
        let (path, kind) = (String::new(), String::new());
        Node { report, table: tree.get_ref(), span: 0..0, path, kind, read: RefCell::default() }
    }

    /// The path of this table, or of something in it.
    pub fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// The path of this table.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Renames this table: a row is called by its `id`.
    pub fn called(self, path: String) -> Node<'a> {
        Node { path, ..self }
    }

    /// Where this table begins.
    pub fn byte(&self) -> usize {
        self.span.start
    }

    /// Adds a fault of this table as a whole.
    pub fn fault(&self, problem: impl Into<String>) {
        self.report.fault(self.span.start, &self.path, problem);
    }

    /// Adds a fault of one of its keys.
    pub fn fault_at(&self, key: &str, problem: impl Into<String>) {
        let byte = self.table.get(key).map_or(self.span.start, |value| value.span().start);
        self.report.fault(byte, &self.path_of(key), problem);
    }

    /// Whether the table has a key.
    pub fn has(&self, key: &str) -> bool {
        self.table.get(key).is_some()
    }

    /// Where a key's value begins.
    pub fn byte_of(&self, key: &str) -> Option<usize> {
        self.table.get(key).map(|value| value.span().start)
    }

    /// Notes that a key is asked for.
    pub(crate) fn note(&self, key: &'static str, form: impl FnOnce() -> Form) {
        if let Some(asked) = &self.report.asked {
            asked.borrow_mut().insert(Asked { table: self.kind.clone(), key, form: form() });
        }
    }

    pub(crate) fn value(&self, key: &'static str) -> Option<&'a Value<'a>> {
        self.read.borrow_mut().push(key);
        self.table.get(key)
    }

    pub(crate) fn required(&self, key: &'static str) -> Option<&'a Value<'a>> {
        let value = self.value(key);
        if value.is_none() {
            self.report.fault(self.span.start, &self.path_of(key), "is missing");
        }
        value
    }

    pub(crate) fn taken<T>(&self, key: &str, value: &Value<'a>, taken: Option<T>, wanted: &str) -> Option<T> {
        if taken.is_none() {
            self.report.fault(value.span().start, &self.path_of(key), format!("is not {wanted}"));
        }
        taken
    }

    /// A text that may be absent.
    pub fn text(&self, key: &'static str) -> Option<&'a str> {
        self.note(key, || Form::Text);
        let value = self.value(key)?;
        self.taken(key, value, value.get_ref().as_str().filter(|text| !text.trim().is_empty()), "a text")
    }

    /// A text that has to be there.
    pub fn required_text(&self, key: &'static str) -> Option<&'a str> {
        self.note(key, || Form::Text);
        self.required(key)?;
        self.text(key)
    }

    /// `true`, `false`, or absent for false.
    pub fn flag(&self, key: &'static str) -> bool {
        self.choice(key).unwrap_or(false)
    }

    /// `true`, `false`, or neither where it is absent.
    pub fn choice(&self, key: &'static str) -> Option<bool> {
        self.note(key, || Form::Flag);
        let value = self.value(key)?;
        self.taken(key, value, value.get_ref().as_bool(), "true or false")
    }

    /// A whole number that may be absent.
    pub fn number(&self, key: &'static str) -> Option<i64> {
        self.note(key, || Form::Number);
        let value = self.value(key)?;
        let number = value.get_ref().as_integer().and_then(|integer| integer.as_str().parse().ok());
        self.taken(key, value, number, "a whole number")
    }

    /// A day that may be absent.
    pub fn date(&self, key: &'static str) -> Option<Date> {
        self.note(key, || Form::Day);
        let value = self.value(key)?;
        self.taken(key, value, date_of(value.get_ref()), "a day such as 2025-01-01")
    }

    /// A day that has to be there.
    pub fn required_date(&self, key: &'static str) -> Option<Date> {
        self.note(key, || Form::Day);
        self.required(key)?;
        self.date(key)
    }

    /// A text in a form of its own, which may be absent. `wanted` is what a fault says would be right.
    pub fn form<T>(&self, key: &'static str, wanted: &str, read: impl Fn(&str) -> Option<T>) -> Option<T> {
        self.note(key, || Form::One(wanted.to_owned()));
        let value = self.value(key)?;
        self.taken(key, value, value.get_ref().as_str().and_then(read), wanted)
    }

    /// A text in a form of its own, which has to be there.
    pub fn required_form<T>(&self, key: &'static str, wanted: &str, read: impl Fn(&str) -> Option<T>) -> Option<T> {
        self.note(key, || Form::One(wanted.to_owned()));
        self.required(key)?;
        self.form(key, wanted, read)
    }

    /// A text or a list of texts in a form of their own, which may be absent.
    pub fn forms<T>(&self, key: &'static str, wanted: &str, read: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
        self.note(key, || Form::Many(wanted.to_owned()));
        let value = self.value(key)?;
        let one = |value: &Value<'a>| self.taken(key, value, value.get_ref().as_str().and_then(&read), wanted);
        match value.get_ref().as_array() {
            None => Some(vec![one(value)?]),
            Some(list) if list.is_empty() => self.taken(key, value, None, "a list with anything in it"),
            Some(list) => list.iter().map(one).collect(),
        }
    }

    /// An amount of yuan that may be absent.
    pub fn money(&self, key: &'static str) -> Option<Money> {
        self.note(key, || Form::Money);
        let value = self.value(key)?;
        self.taken(key, value, money_of(value.get_ref()), "an amount of yuan, at least 0, with at most two decimals")
    }

    /// A table that may be absent.
    pub fn table(&self, key: &'static str) -> Option<Node<'a>> {
        self.note(key, || Form::Table);
        let value = self.value(key)?;
        self.node(key, "", value)
    }

    /// A table that has to be there.
    pub fn required_table(&self, key: &'static str) -> Option<Node<'a>> {
        self.note(key, || Form::Table);
        self.required(key)?;
        self.table(key)
    }

    /// An array of tables; nothing where it is absent.
    pub fn tables(&self, key: &'static str) -> Vec<Node<'a>> {
        self.note(key, || Form::Tables);
        let Some(value) = self.value(key) else { return Vec::new() };
        let Some(list) = value.get_ref().as_array() else {
            self.report.fault(value.span().start, &self.path_of(key), format!("is not a list: write [[{key}]]"));
            return Vec::new();
        };
        list.iter().filter_map(|value| self.node(key, "[]", value)).collect()
    }

    fn node(&self, key: &str, rows: &str, value: &'a Value<'a>) -> Option<Node<'a>> {
        let table = self.taken(key, value, value.get_ref().as_table(), "a table")?;
        let (report, path) = (self.report, self.path_of(key));
        let kind = match (&report.asked, self.kind.as_str()) {
            (None, _) => String::new(),
            (Some(_), "") => format!("{key}{rows}"),
            (Some(_), above) => format!("{above}.{key}{rows}"),
        };
        Some(Node { report, table, span: value.span(), path, kind, read: RefCell::default() })
    }

    /// Reports the keys that nobody read.
    pub fn finish(self) {
        let read = self.read.into_inner();
        for key in self.table.keys().filter(|key| !read.contains(&key.get_ref().as_ref())) {
            let path = if self.path.is_empty() {
                key.get_ref().to_string()
            } else {
                format!("{}.{}", self.path, key.get_ref())
            };
            self.report.fault(key.span().start, &path, "is not a key that this table has");
        }
    }
}

pub(crate) fn decimal_of(value: &DeValue<'_>) -> Option<Decimal> {
    let integer = value.as_integer().filter(|integer| integer.radix() == 10).map(|integer| integer.as_str());
    let float = value.as_float().map(|float| float.as_str());
    Decimal::from_str_exact(integer.or(float).or(value.as_str())?).ok()
}

fn money_of(value: &DeValue<'_>) -> Option<Money> {
    Money::from_decimal(decimal_of(value)?).ok().filter(|money| !money.is_negative())
}

fn date_of(value: &DeValue<'_>) -> Option<Date> {
    match value.as_datetime() {
        Some(day) if day.time.is_none() && day.offset.is_none() => Date::from_str(&day.to_string()).ok(),
        Some(_) => None,
        None => Date::from_str(value.as_str()?).ok(),
    }
}
