//! Reading columns back as what they were written from. A column that does not read is a corrupt row, never a panic.
//! Columns are read in the order of their statement, since looking each up by name is what a hot query would spend
//! most of its time on; debug builds, hence all tests, check that the names agree.

use std::cell::Cell;
use std::fmt::Display;

use jiff::civil::Date;
use settlement::ids::{IdError, PoolCode, RegionCode};
use settlement::person::Validity;

use crate::engine::Row;
use crate::store::StoreError;

/// The columns of a row of a table. The first of them is what errors call the row by.
pub(super) struct Columns<'a> {
    row: Row<'a>,
    table: &'static str,
    next: Cell<usize>,
}

impl<'a> Columns<'a> {
    pub fn of(row: Row<'a>, table: &'static str) -> Columns<'a> {
        Columns { row, table, next: Cell::new(0) }
    }

    /// The columns behind the first few, which the caller reads by their places.
    pub fn after(first: usize, row: Row<'a>, table: &'static str) -> Columns<'a> {
        Columns { row, table, next: Cell::new(first) }
    }

    fn next(&self, column: &str) -> usize {
        let place = self.next.replace(self.next.get() + 1);
        debug_assert_eq!(self.row.column_name(place), Some(column), "of {}", self.table);
        place
    }

    pub fn text(&self, column: &str) -> Result<&'a str, StoreError> {
        self.row.text(self.next(column))
    }

    pub fn blob(&self, column: &str) -> Result<&'a [u8], StoreError> {
        self.row.bytes(self.next(column))
    }

    pub fn optional_blob(&self, column: &str) -> Result<Option<&'a [u8]>, StoreError> {
        self.row.optional_bytes(self.next(column))
    }

    pub fn number(&self, column: &str) -> Result<i64, StoreError> {
        self.row.number(self.next(column))
    }

    pub fn optional_number(&self, column: &str) -> Result<Option<i64>, StoreError> {
        self.row.optional_number(self.next(column))
    }

    pub fn flag(&self, column: &str) -> Result<bool, StoreError> {
        self.row.flag(self.next(column))
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
        let id = self.row.number(0).map(|number| number.to_string());
        let id = id.or_else(|_| self.row.text(0).map(str::to_owned)).unwrap_or_default();
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
