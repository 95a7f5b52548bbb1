//! What comes back from a statement: the columns of one row, by their place.

use sqlx::postgres::{PgRow, PgTypeInfo};
use sqlx::{Column, Row as _, TypeInfo, ValueRef};

use crate::store::StoreError;

/// A row, as long as it lasts.
#[derive(Clone, Copy)]
pub struct Row<'r>(pub(super) Cells<'r>);

#[derive(Clone, Copy)]
pub(super) enum Cells<'r> {
    Sqlite(&'r rusqlite::Row<'r>),
    Postgres(&'r PgRow),
}

impl<'r> Row<'r> {
    /// A number.
    ///
    /// # Errors
    /// When the column holds none.
    pub fn number(&self, place: usize) -> Result<i64, StoreError> {
        self.optional_number(place)?.ok_or_else(|| self.unlike(place, "null"))
    }

    /// A number, or null.
    ///
    /// # Errors
    /// When the column holds anything else.
    pub fn optional_number(&self, place: usize) -> Result<Option<i64>, StoreError> {
        match self.0 {
            Cells::Sqlite(row) => row.get_ref(place)?.as_i64_or_null().map_err(|problem| self.unlike(place, problem)),
            Cells::Postgres(row) => postgres_number(row, place).map_err(|problem| self.unlike(place, problem)),
        }
    }

    /// Whether a number is not zero, or a condition holds.
    ///
    /// # Errors
    /// When the column holds neither.
    pub fn flag(&self, place: usize) -> Result<bool, StoreError> {
        Ok(self.number(place)? != 0)
    }

    /// A text.
    ///
    /// # Errors
    /// When the column holds none.
    pub fn text(&self, place: usize) -> Result<&'r str, StoreError> {
        self.optional_text(place)?.ok_or_else(|| self.unlike(place, "null"))
    }

    /// A text, or null.
    ///
    /// # Errors
    /// When the column holds anything else.
    pub fn optional_text(&self, place: usize) -> Result<Option<&'r str>, StoreError> {
        match self.0 {
            Cells::Sqlite(row) => row.get_ref(place)?.as_str_or_null().map_err(|problem| self.unlike(place, problem)),
            Cells::Postgres(row) => row.try_get(place).map_err(|problem| self.unlike(place, problem)),
        }
    }

    /// Bytes.
    ///
    /// # Errors
    /// When the column holds none.
    pub fn bytes(&self, place: usize) -> Result<&'r [u8], StoreError> {
        self.optional_bytes(place)?.ok_or_else(|| self.unlike(place, "null"))
    }

    /// Bytes, or null.
    ///
    /// # Errors
    /// When the column holds anything else.
    pub fn optional_bytes(&self, place: usize) -> Result<Option<&'r [u8]>, StoreError> {
        match self.0 {
            Cells::Sqlite(row) => row.get_ref(place)?.as_blob_or_null().map_err(|problem| self.unlike(place, problem)),
            Cells::Postgres(row) => row.try_get(place).map_err(|problem| self.unlike(place, problem)),
        }
    }

    /// The name of a column, for checks that a statement and its reader agree.
    pub fn column_name(&self, place: usize) -> Option<&str> {
        match self.0 {
            Cells::Sqlite(row) => row.as_ref().column_name(place).ok(),
            Cells::Postgres(row) => row.try_column(place).ok().map(Column::name),
        }
    }

    fn unlike(&self, place: usize, problem: impl ToString) -> StoreError {
        let column = self.column_name(place).unwrap_or("?").to_owned();
        StoreError::Column { column, problem: problem.to_string() }
    }
}

/// Tables hold BIGINT alone; expressions give whatever PostgreSQL thinks fit.
fn postgres_number(row: &PgRow, place: usize) -> Result<Option<i64>, sqlx::Error> {
    let kind: PgTypeInfo = row.try_get_raw(place)?.type_info().into_owned();
    match kind.name() {
        "BOOL" => row.try_get::<Option<bool>, _>(place).map(|flag| flag.map(i64::from)),
        "INT4" => row.try_get::<Option<i32>, _>(place).map(|number| number.map(i64::from)),
        _ => row.try_get(place),
    }
}
