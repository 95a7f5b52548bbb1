//! Reading columns back as what they were written as. Called by every file of this store.

use bytes::Bytes;
use jiff::Timestamp;
use rust_decimal::Decimal;
use settlement::bill::Coverage;
use settlement::ids::{IdError, PoolCode, RegionCode};
use settlement::money::Money;

use crate::engine::Row;
use crate::store::StoreError;

/// A row that does not read back.
pub fn corrupt(table: &'static str, id: impl ToString, problem: impl ToString) -> StoreError {
    StoreError::Corrupt { table, id: id.to_string(), problem: problem.to_string() }
}

/// A text as an identifier.
pub fn id<T>(table: &'static str, text: &str, parse: impl FnOnce(&str) -> Result<T, IdError>) -> Result<T, StoreError> {
    parse(text).map_err(|problem| corrupt(table, text, problem))
}

/// A text as a pool.
pub fn pool(table: &'static str, text: &str) -> Result<PoolCode, StoreError> {
    id(table, text, RegionCode::new).map(PoolCode)
}

/// A text as one of a fixed set of words.
pub fn word<T>(table: &'static str, word: &str, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, StoreError> {
    parse(word).ok_or_else(|| corrupt(table, word, "is not a word of ours"))
}

/// A text as a number.
pub fn decimal(table: &'static str, text: &str) -> Result<Decimal, StoreError> {
    text.parse().map_err(|problem| corrupt(table, text, problem))
}

/// A text as a date or a time shown at a desk.
pub fn civil<T: std::str::FromStr>(table: &'static str, text: &str) -> Result<T, StoreError> {
    text.parse().map_err(|_| corrupt(table, text, "is not a date or time"))
}

/// A number as an instant.
pub fn instant(table: &'static str, micros: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_microsecond(micros).map_err(|problem| corrupt(table, micros, problem))
}

/// A column of bytes.
pub fn bytes(row: Row<'_>, column: usize) -> Result<Bytes, StoreError> {
    row.bytes(column).map(Bytes::copy_from_slice)
}

/// Four columns as a coverage.
pub fn coverage(row: Row<'_>, first: usize) -> Result<Coverage, StoreError> {
    let amount = |place: usize| row.number(first + place).map(Money::from_fen);
    Ok(Coverage { self_paid: amount(0)?, over_limit: amount(1)?, first_self_pay: amount(2)?, in_policy: amount(3)? })
}
