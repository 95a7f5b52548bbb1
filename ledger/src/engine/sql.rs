//! A transaction, or a snapshot, in which statements run one after the other. The same for both databases.

use std::cell::{Cell, RefCell};

use super::numbers::Numbers;
use super::postgres::Connection as Postgres;
use super::row::{Cells, Row};
use super::value::Value;
use super::{dialect, sqlite};
use crate::store::StoreError;

/// Where statements run. Their texts are constants: values go in by number, never as text.
pub struct Sql<'c> {
    session: Session<'c>,
    wrote: Cell<bool>,
    /// None where nothing is written.
    numbers: Option<&'c Numbers>,
}

#[derive(Clone, Copy)]
enum Session<'c> {
    Sqlite(&'c rusqlite::Connection),
    Postgres(&'c RefCell<&'c mut Postgres>),
}

impl<'c> Sql<'c> {
    pub(super) fn sqlite(connection: &'c rusqlite::Connection) -> Sql<'c> {
        Sql { session: Session::Sqlite(connection), wrote: Cell::new(false), numbers: None }
    }

    pub(super) fn postgres(connection: &'c RefCell<&'c mut Postgres>) -> Sql<'c> {
        Sql { session: Session::Postgres(connection), wrote: Cell::new(false), numbers: None }
    }

    /// The same transaction for the next write in its batch.
    pub(super) fn afresh(&self) -> Sql<'c> {
        Sql { session: self.session, wrote: Cell::new(false), numbers: self.numbers }
    }

    /// The same, giving numbers to what it writes.
    pub(super) fn numbered(self, numbers: &'c Numbers) -> Sql<'c> {
        Sql { numbers: Some(numbers), ..self }
    }

    /// The next place in a book that several processes write, unique in it for good.
    ///
    /// # Errors
    /// Where nothing can be written.
    pub fn position(&self) -> Result<i64, StoreError> {
        self.numbers.map(Numbers::next).ok_or(StoreError::ReadOnly)
    }

    /// The number of this writer among those that the book has had.
    ///
    /// # Errors
    /// Where nothing can be written.
    pub fn committer(&self) -> Result<i64, StoreError> {
        self.numbers.map(Numbers::committer).ok_or(StoreError::ReadOnly)
    }

    /// Whether anything was written through this.
    pub(super) fn wrote(&self) -> bool {
        self.wrote.get()
    }

    /// Whether the database is PostgreSQL: for the few statements that have to be said differently there.
    pub fn is_postgres(&self) -> bool {
        match self.session {
            Session::Sqlite(_) => false,
            Session::Postgres(_) => true,
        }
    }

    /// Writes; tells how many rows it changed.
    ///
    /// # Errors
    /// When the statement fails.
    pub fn execute(&self, text: &'static str, values: &[Value<'_>]) -> Result<u64, StoreError> {
        self.wrote.set(true);
        match self.session {
            Session::Sqlite(connection) => sqlite::execute(connection, text, values),
            Session::Postgres(connection) => connection.borrow_mut().execute(dialect::statement(text), values),
        }
    }

    /// Writes an insert of one row, `INSERT INTO … VALUES (?1, …) …`, for each of many rows; PostgreSQL is sent all of
    /// them at once. The values of one column are of one type in every row, and its list of values has no parenthesis.
    ///
    /// # Errors
    /// When it fails for one of them.
    pub fn execute_each<const N: usize>(&self, text: &'static str, rows: &[[Value<'_>; N]]) -> Result<(), StoreError> {
        let Some(first) = rows.first() else {
            return Ok(());
        };
        self.wrote.set(true);
        match self.session {
            Session::Sqlite(connection) => sqlite::execute_each(connection, text, rows),
            Session::Postgres(connection) => {
                let text = dialect::statement_for_each(text, first.iter().map(|value| value.kind()));
                connection.borrow_mut().execute_each(text, rows)
            }
        }
    }

    /// Writes, and reads the rows that it returns.
    ///
    /// # Errors
    /// When the statement fails, or a row does not read.
    pub fn execute_returning<T>(
        &self,
        text: &'static str,
        values: &[Value<'_>],
        read: impl FnMut(Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        self.wrote.set(true);
        self.query(text, values, read)
    }

    /// Reads every row.
    ///
    /// # Errors
    /// When the statement fails, or a row does not read.
    pub fn query<T>(
        &self,
        text: &'static str,
        values: &[Value<'_>],
        mut read: impl FnMut(Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        match self.session {
            Session::Sqlite(connection) => sqlite::query(connection, text, values, read),
            Session::Postgres(connection) => {
                let rows = connection.borrow_mut().query(dialect::statement(text), values)?;
                rows.iter().map(|row| read(Row(Cells::Postgres(row)))).collect()
            }
        }
    }

    /// Reads every row as it comes: a server sends the next ones meanwhile. What reads them may not use the database.
    ///
    /// # Errors
    /// When the statement fails, or a row does not read.
    pub fn each(
        &self,
        text: &'static str,
        values: &[Value<'_>],
        mut read: impl FnMut(Row<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        match self.session {
            Session::Sqlite(connection) => sqlite::query(connection, text, values, read).map(drop),
            Session::Postgres(connection) => {
                connection.borrow_mut().each(dialect::statement(text), values, |row| read(Row(Cells::Postgres(row))))
            }
        }
    }

    /// Reads the first row, if there is one.
    ///
    /// # Errors
    /// When the statement fails, or the row does not read.
    pub fn find<T>(
        &self,
        text: &'static str,
        values: &[Value<'_>],
        read: impl FnOnce(Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        match self.session {
            Session::Sqlite(connection) => sqlite::find(connection, text, values, read),
            Session::Postgres(connection) => {
                let rows = connection.borrow_mut().query(dialect::statement(text), values)?;
                rows.first().map(|row| read(Row(Cells::Postgres(row)))).transpose()
            }
        }
    }

    /// Reads the one row that the statement always has, such as a count's.
    ///
    /// # Errors
    /// When the statement fails, or has no row, or the row does not read.
    pub fn get<T>(
        &self,
        text: &'static str,
        values: &[Value<'_>],
        read: impl FnOnce(Row<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let missing = || StoreError::Column { column: "?".into(), problem: "there is no row".into() };
        self.find(text, values, read)?.ok_or_else(missing)
    }

    /// Whether the statement has a row.
    ///
    /// # Errors
    /// When it fails.
    pub fn exists(&self, text: &'static str, values: &[Value<'_>]) -> Result<bool, StoreError> {
        Ok(self.find(text, values, |_| Ok(()))?.is_some())
    }
}
