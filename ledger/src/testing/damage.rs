//! A hub's book in a file, damaged and mended from outside as by a failing disk or a hand: for tests of what is found and
//! what waits until it is mended. The book is to be closed meanwhile.

use std::path::Path;

use rusqlite::Connection;

use crate::store::StoreError;

/// Adds so many fen to the basic fund's part of each folded sum of a period; tells how many sums there are. Evidence
/// cannot be changed so: the database refuses it.
///
/// # Errors
/// When the statement fails.
pub fn add_to_sums(book: &Path, period: i64, fen: i64) -> Result<usize, StoreError> {
    let connection = Connection::open(book)?;
    Ok(connection.execute("UPDATE lot_totals SET basic = basic + ?2 WHERE period = ?1", [period, fen])?)
}
