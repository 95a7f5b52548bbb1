//! Reading columns back as what they were written from. A column that does not read is a corrupt row, never a panic.
//! Columns are read in the order of their statement, since looking each up by name is what a hot query would spend
//! most of its time on; debug builds, hence all tests, check that the names agree.

use std::cell::Cell;
use std::fmt::Display;

use jiff::civil::Date;
use rusqlite::Row;
use rusqlite::types::ValueRef;
use settlement::ids::{IdError, PoolCode, RegionCode};
use settlement::person::Validity;

use crate::store::StoreError;

/// The columns of a row of a table. The first of them is what errors call the row by.
pub(super) struct Columns<'a> {
    row: &'a Row<'a>,
    table: &'static str,
    next: Cell<usize>,
}

impl<'a> Columns<'a> {
    pub fn of(row: &'a Row<'a>, table: &'static str) -> Columns<'a> {
        Columns { row, table, next: Cell::new(0) }
    }

    fn next(&self, column: &str) -> Result<ValueRef<'a>, StoreError> {
        let position = self.next.replace(self.next.get() + 1);
        debug_assert_eq!(self.row.as_ref().column_name(position), Ok(column), "of {}", self.table);
        Ok(self.row.get_ref(position)?)
    }

    pub fn text(&self, column: &str) -> Result<&'a str, StoreError> {
        self.next(column)?.as_str().map_err(|problem| self.corrupt(column, problem))
    }

    pub fn blob(&self, column: &str) -> Result<&'a [u8], StoreError> {
        self.next(column)?.as_blob().map_err(|problem| self.corrupt(column, problem))
    }

    pub fn optional_blob(&self, column: &str) -> Result<Option<&'a [u8]>, StoreError> {
        self.next(column)?.as_blob_or_null().map_err(|problem| self.corrupt(column, problem))
    }

    pub fn number(&self, column: &str) -> Result<i64, StoreError> {
        self.next(column)?.as_i64().map_err(|problem| self.corrupt(column, problem))
    }

    pub fn optional_number(&self, column: &str) -> Result<Option<i64>, StoreError> {
        self.next(column)?.as_i64_or_null().map_err(|problem| self.corrupt(column, problem))
    }

    pub fn flag(&self, column: &str) -> Result<bool, StoreError> {
        Ok(self.number(column)? != 0)
    }

    pub fn id<T>(&self, column: &str, read: impl FnOnce(&str) -> Result<T, IdError>) -> Result<T, StoreError> {
        read(self.text(column)?).map_err(|problem| self.corrupt(column, problem))
    }

    pub fn optional_id<T>(
        &self,
        column: &str,
        read: impl FnOnce(&str) -> Result<T, IdError>,
    ) -> Result<Option<T>, StoreError> {
        let text = self.text(column)?;
        if text.is_empty() {
            return Ok(None);
        }
        read(text).map(Some).map_err(|problem| self.corrupt(column, problem))
    }

    pub fn word<T>(&self, column: &str, read: impl FnOnce(&str) -> Option<T>) -> Result<T, StoreError> {
        read(self.text(column)?).ok_or_else(|| self.corrupt(column, "is not one of its words"))
    }

    pub fn pool(&self, column: &str) -> Result<PoolCode, StoreError> {
        self.id(column, RegionCode::new).map(PoolCode)
    }

    pub fn date(&self, column: &str) -> Result<Date, StoreError> {
        read_date(self.text(column)?).ok_or_else(|| self.corrupt(column, "is not a date"))
    }

    pub fn optional_date(&self, column: &str) -> Result<Option<Date>, StoreError> {
        let text = self.text(column)?;
        if text.is_empty() {
            return Ok(None);
        }
        read_date(text).map(Some).ok_or_else(|| self.corrupt(column, "is not a date"))
    }

    pub fn validity(&self) -> Result<Validity, StoreError> {
        Ok(Validity { from: self.date("valid_from")?, to: self.optional_date("valid_to")? })
    }

    pub fn corrupt(&self, column: &str, problem: impl Display) -> StoreError {
        let id = self.row.get_ref(0).map(|value| format!("{value:?}")).unwrap_or_default();
        StoreError::Corrupt { table: self.table, id, problem: format!("{column} {problem}") }
    }
}

fn read_date(text: &str) -> Option<Date> {
    text.parse().ok()
}

/// A date as its column has it; empty for none.
pub(super) fn date_text(date: Option<Date>) -> String {
    date.map(|date| date.to_string()).unwrap_or_default()
}

/// Texts as one argument of a statement: the JSON list that `json_each` takes apart.
pub(super) fn list<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let mut list = String::from("[");
    for text in texts {
        list.push_str(if list.len() == 1 { "\"" } else { ",\"" });
        for character in text.chars() {
            match character {
                '"' | '\\' => list.extend(['\\', character]),
                control if control < ' ' => list.push_str(&format!("\\u{:04x}", u32::from(control))),
                other => list.push(other),
            }
        }
        list.push('"');
    }
    list.push(']');
    list
}

/// Numbers as one argument of a statement.
pub(super) fn number_list(numbers: impl IntoIterator<Item = i64>) -> String {
    let numbers: Vec<String> = numbers.into_iter().map(|number| number.to_string()).collect();
    format!("[{}]", numbers.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_comes_back_from_a_list() {
        let texts = ["a", "quote\" and \\ backslash", "unit\u{1f}separator", "汉字", ""];
        let connection = rusqlite::Connection::open_in_memory().expect("a database");
        let mut statement = connection.prepare("SELECT value FROM json_each(?1)").expect("a statement");
        let back: Result<Vec<String>, _> =
            statement.query_map([list(texts)], |row| row.get(0)).expect("rows").collect();
        assert_eq!(back.expect("texts"), texts);
        assert_eq!(number_list([1, -2]), "[1,-2]");
        assert_eq!(list([]), "[]");
    }
}
