//! Reading other people's JSON: numbers or texts, empty in five spellings, one object for a list, synonyms. Every fault
//! is collected under the interface's name of the field, and every business field that is read is noted as content.
//! Called by the transactions; knows none of them.

use std::cell::RefCell;
use std::str::FromStr;

use jiff::civil::{Date, DateTime};
use rust_decimal::Decimal;
use serde_json::{Map, Value};
use settlement::ids::IdError;
use settlement::money::{Money, MoneyError};
use settlement::refusal::{Reason, Refusal};

use crate::content::Noted;
use crate::desk_time;

/// At most this many faults are told at once; a desk reads no more.
const FAULTS_TOLD: usize = 8;

/// What is found out while a message is read.
#[derive(Default)]
pub struct Sheet {
    faults: RefCell<Vec<Refusal>>,
    noted: RefCell<Noted>,
    today: Option<Date>,
}

/// Before this year nobody was settled by this interface; an earlier date is a slip of a keyboard or of a program.
const FIRST_YEAR: i16 = 2000;

/// An object of a message, with the way to it.
#[derive(Clone)]
pub struct Node<'a> {
    object: &'a Map<String, Value>,
    path: String,
    sheet: &'a Sheet,
}

impl Sheet {
    /// A sheet for a message of a day: what it tells of has happened by then, give or take a clock that runs ahead.
    pub fn on(today: Date) -> Sheet {
        Sheet { today: Some(today), ..Sheet::default() }
    }

    /// Whether something can have happened on a day.
    fn may_be(&self, day: Date) -> bool {
        let ahead = self.today.and_then(|today| today.tomorrow().ok());
        day.year() >= FIRST_YEAR && ahead.is_none_or(|ahead| day <= ahead)
    }

    /// Notes a fault.
    pub fn fault(&self, fault: Refusal) {
        self.faults.borrow_mut().push(fault);
    }

    /// Gives what was read and what it said.
    ///
    /// # Errors
    /// The first fault, which decides code and field, with the others in its detail.
    pub fn finish<T>(self, read: Option<T>) -> Result<(T, Noted), Refusal> {
        let faults = self.faults.into_inner();
        match (read, faults.is_empty()) {
            (Some(read), true) => Ok((read, self.noted.into_inner())),
            (_, _) => Err(together(faults)),
        }
    }
}

/// Several faults as one refusal: the first decides, the others are told with it.
pub fn together(faults: Vec<Refusal>) -> Refusal {
    let more = faults.len().saturating_sub(FAULTS_TOLD);
    let mut faults = faults.into_iter();
    let Some(first) = faults.next() else { return Refusal::new(Reason::Malformed) };
    let mut told: Vec<String> = first.detail.iter().cloned().collect();
    told.extend(faults.take(FAULTS_TOLD - 1).map(|fault| {
        let field = fault.field.as_deref().unwrap_or_default();
        let problem = fault.detail.clone().unwrap_or_else(|| crate::answer::short(fault.reason).to_owned());
        format!("{field}{}{problem}", if field.is_empty() { "" } else { ":" })
    }));
    if more > 0 {
        told.push(format!("另有{more}处"));
    }
    Refusal { detail: (!told.is_empty()).then(|| told.join(";")), ..first }
}

/// A value's text; none for each of the five spellings of empty.
pub fn plain(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => u8::from(*flag).to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    };
    let empty = text.is_empty() || text == "null" || text == "NULL";
    (!empty).then_some(text)
}

impl<'a> Node<'a> {
    /// The object at the top of a message's `input`.
    pub fn new(object: &'a Map<String, Value>, sheet: &'a Sheet) -> Node<'a> {
        Node { object, path: String::new(), sheet }
    }

    /// The object under a name, or the first of a list. Some clients leave it out and put its fields here.
    pub fn object(&self, name: &str) -> Node<'a> {
        match self.object.get(name) {
            Some(Value::Object(object)) => self.inside(object, name),
            Some(Value::Array(list)) => match list.first() {
                Some(Value::Object(object)) => self.inside(object, name),
                _ => self.clone(),
            },
            _ => self.clone(),
        }
    }

    /// The objects of a list; one object counts as a list of one. Anything else in it is a fault.
    pub fn list(&self, name: &str) -> Vec<Node<'a>> {
        match self.object.get(name) {
            Some(Value::Object(object)) => vec![self.inside(object, name)],
            Some(Value::Array(list)) => list
                .iter()
                .enumerate()
                .filter_map(|(index, item)| match item {
                    Value::Object(object) => Some(self.inside(object, &format!("{name}[{index}]"))),
                    Value::Null => None,
                    Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                        self.sheet.fault(
                            Refusal::new(Reason::InvalidField).of_field(format!("{name}[{index}]")).because("不是对象"),
                        );
                        None
                    }
                })
                .collect(),
            _ => Vec::new(),
        }
    }

    /// The objects of a list, each named by a field of its own where it has it, so that faults name the line as the
    /// hospital does.
    pub fn lines(&self, name: &str, named_by: &str) -> Vec<Node<'a>> {
        let mut lines = self.list(name);
        for line in &mut lines {
            if let Some(own) = line.aside(&[named_by]) {
                line.path = format!("{}{name}[{named_by}={own}].", self.path);
            }
        }
        lines
    }

    fn inside(&self, object: &'a Map<String, Value>, name: &str) -> Node<'a> {
        Node { object, path: format!("{}{name}.", self.path), sheet: self.sheet }
    }

    /// The way to a field, as a refusal names it.
    pub fn path_of(&self, name: &str) -> String {
        format!("{}{name}", self.path)
    }

    /// The sheet that faults go to.
    pub fn sheet(&self) -> &'a Sheet {
        self.sheet
    }

    /// The value under the first of several names that has one, as it came.
    pub fn raw(&self, names: &[&str]) -> Option<&'a Value> {
        names.iter().filter_map(|name| self.object.get(*name)).find(|value| match value {
            Value::Object(_) | Value::Array(_) => true,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => plain(value).is_some(),
        })
    }

    /// A text that does not count as content: names, documents, credentials.
    pub fn aside(&self, names: &[&str]) -> Option<String> {
        self.raw(names).and_then(plain)
    }

    /// A text that may be empty.
    pub fn optional(&self, names: &[&str]) -> Option<String> {
        let text = self.aside(names)?;
        self.note(names[0], &text);
        Some(text)
    }

    /// A text that must be there.
    pub fn required(&self, names: &[&str]) -> Option<String> {
        let text = self.optional(names);
        if text.is_none() {
            self.missing(names[0]);
        }
        text
    }

    /// An identifier that must be there.
    pub fn id<T>(&self, name: &str, parse: impl FnOnce(&str) -> Result<T, IdError>) -> Option<T> {
        let text = self.required(&[name])?;
        self.parsed(name, &text, parse)
    }

    /// An identifier that may be empty. The outer option is none only where there is a fault.
    pub fn optional_id<T>(&self, name: &str, parse: impl FnOnce(&str) -> Result<T, IdError>) -> Option<Option<T>> {
        match self.optional(&[name]) {
            None => Some(None),
            Some(text) => self.parsed(name, &text, parse).map(Some),
        }
    }

    fn parsed<T>(&self, name: &str, text: &str, parse: impl FnOnce(&str) -> Result<T, IdError>) -> Option<T> {
        parse(text)
            .map_err(|problem| {
                let problem = match problem {
                    IdError::Empty => "为空".to_owned(),
                    IdError::TooLong(longest) => format!("超过{longest}个字符"),
                    IdError::ControlCharacter => "含控制字符".to_owned(),
                    IdError::Form(_) => "格式不正确".to_owned(),
                };
                self.invalid(name, problem);
            })
            .ok()
    }

    /// A number that must be there, exactly as it was written.
    pub fn number(&self, name: &str) -> Option<Decimal> {
        let Some(text) = self.aside(&[name]) else {
            self.missing(name);
            return None;
        };
        self.read_number(name, &text)
    }

    fn read_number(&self, name: &str, text: &str) -> Option<Decimal> {
        let number = Decimal::from_str_exact(text).or_else(|_| Decimal::from_scientific(text));
        match number {
            Ok(number) => {
                self.note(name, &number.normalize().to_string());
                Some(number)
            }
            Err(_) => {
                self.invalid(name, "不是数字");
                None
            }
        }
    }

    /// An amount that must be there.
    pub fn money(&self, name: &str) -> Option<Money> {
        self.number(name).and_then(|number| self.as_money(name, number))
    }

    fn as_money(&self, name: &str, number: Decimal) -> Option<Money> {
        Money::from_decimal(number)
            .map_err(|problem| {
                let problem = match problem {
                    MoneyError::PartOfAFen => "金额最多两位小数",
                    MoneyError::TooLarge => "金额过大",
                };
                self.invalid(name, problem);
            })
            .ok()
    }

    /// A time that must be there.
    pub fn time(&self, name: &str) -> Option<DateTime> {
        if self.raw(&[name]).is_none() {
            self.missing(name);
            return None;
        }
        self.optional_time(&[name])?
    }

    /// A time that may be empty. The outer option is none only where there is a fault.
    pub fn optional_time(&self, names: &[&str]) -> Option<Option<DateTime>> {
        let Some(text) = self.aside(names) else { return Some(None) };
        match desk_time::read(&text) {
            Ok(time) if !self.sheet.may_be(time.date()) => {
                self.invalid(names[0], format!("{}不可能:在今天之后,或年份有误", time.date()));
                None
            }
            Ok(time) => {
                self.note(names[0], &time.to_string());
                Some(Some(time))
            }
            Err(problem) => {
                self.invalid(names[0], problem.to_string());
                None
            }
        }
    }

    /// A day that may be empty. The outer option is none only where there is a fault.
    pub fn optional_day(&self, names: &[&str]) -> Option<Option<Date>> {
        self.optional_time(names).map(|time| time.map(|time| time.date()))
    }

    /// Notes what a field said, after it was understood.
    pub fn note(&self, name: &str, value: &str) {
        self.sheet.noted.borrow_mut().note(&self.path_of(name), value);
    }

    /// Notes that a field is missing.
    pub fn missing(&self, name: &str) {
        self.sheet.fault(Refusal::new(Reason::MissingField).of_field(self.path_of(name)));
    }

    /// Notes that a field has a value that it cannot have.
    pub fn invalid(&self, name: &str, problem: impl Into<String>) {
        self.sheet.fault(Refusal::new(Reason::InvalidField).of_field(self.path_of(name)).because(problem));
    }
}

/// A flag of the interface: `1` is yes.
pub fn flag(text: Option<&str>) -> Option<bool> {
    text.and_then(|text| u8::from_str(text).ok()).map(|number| number != 0)
}

#[cfg(test)]
mod tests {
    use rust_decimal::dec;
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().expect("an object").clone()
    }

    #[test]
    fn five_spellings_are_empty_and_a_number_may_be_a_text() {
        let input = object(json!({"a": null, "b": "", "c": "null", "d": "NULL", "e": " 12.50 ", "f": 12.5, "g": 0.0}));
        let sheet = Sheet::default();
        let node = Node::new(&input, &sheet);
        for name in ["a", "b", "c", "d", "absent"] {
            assert_eq!(node.optional(&[name]), None, "{name}");
        }
        for (name, amount) in [("e", 1_250), ("f", 1_250), ("g", 0)] {
            assert_eq!(node.money(name), Some(Money::from_fen(amount)), "{name}");
        }
    }

    #[test]
    fn a_long_decimal_keeps_every_digit() {
        let text = r#"{"pric": 0.123456, "cnt": 10000000000.0001, "big": 1e3}"#;
        let input = object(serde_json::from_str(text).expect("JSON"));
        let sheet = Sheet::default();
        let node = Node::new(&input, &sheet);
        assert_eq!(node.number("pric"), Some(dec!(0.123456)));
        assert_eq!(node.number("cnt"), Some(dec!(10000000000.0001)));
        assert_eq!(node.number("big"), Some(dec!(1000)));
    }

    #[test]
    fn one_object_is_a_list_of_one_and_fields_may_lie_in_the_input_itself() {
        let input = object(json!({"psn_no": "1", "diseinfo": {"diag_code": "A"}}));
        let sheet = Sheet::default();
        let node = Node::new(&input, &sheet);
        assert_eq!(node.object("data").optional(&["psn_no"]).as_deref(), Some("1"));
        assert_eq!(node.list("diseinfo").len(), 1);
        assert_eq!(node.list("feedetail").len(), 0);
    }

    #[test]
    fn every_fault_is_told_under_its_national_name() {
        let input = object(json!({"data": {"medfee_sumamt": "1.234", "begntime": "2025-02-30 10:00:00"}}));
        let sheet = Sheet::default();
        let node = Node::new(&input, &sheet).object("data");
        let read = node
            .money("medfee_sumamt")
            .map(|_| ())
            .or(node.time("begntime").map(|_| ()))
            .or(node.required(&["psn_no"]).map(|_| ()));
        let refusal = sheet.finish(read).expect_err("three faults");
        assert_eq!(refusal.field.as_deref(), Some("data.medfee_sumamt"));
        let detail = refusal.detail.expect("a detail");
        assert!(detail.contains("data.begntime") && detail.contains("data.psn_no"), "{detail}");
    }
}
