//! Plain statements over a hub's book in a file, to measure its own work beside: what somebody would type who has the
//! database and nothing else.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use crate::store::StoreError;

/// The rows that two books differ in, by a full outer join of their leaves.
///
/// # Errors
/// When a statement fails.
pub fn outer_join(ours: &Path, theirs: &Path) -> Result<u64, StoreError> {
    const JOIN: &str = "SELECT COUNT(*) FROM main.leaves AS ours FULL OUTER JOIN theirs.leaves AS theirs
        ON ours.day = theirs.day AND ours.home = theirs.home AND ours.treatment = theirs.treatment
           AND ours.place = theirs.place
        WHERE ours.digest IS NOT theirs.digest";
    let connection = open(ours)?;
    connection.execute("ATTACH ?1 AS theirs", [theirs.display().to_string()])?;
    Ok(connection.query_row(JOIN, [], |row| row.get::<_, i64>(0))?.cast_unsigned())
}

/// The sums of a period by lot over its folded entries; tells how many lots there are.
///
/// # Errors
/// When the statement fails.
pub fn group_by(book: &Path, period: i64) -> Result<u64, StoreError> {
    const SUMS: &str = "SELECT home, treatment, insurance, care, SUM(visits), SUM(total), SUM(basic), SUM(large_sum),
            SUM(catastrophic), SUM(civil_servant), SUM(assistance), SUM(account)
        FROM lot_postings WHERE period = ?1 GROUP BY home, treatment, insurance, care";
    count(book, SUMS, period)
}

/// The same over the journal's own rows, by what they have in columns: how many entries, how long their lines, and the
/// operations that booked them, by home pool and kind.
///
/// # Errors
/// When the statement fails.
pub fn group_by_journal(book: &Path, period: i64) -> Result<u64, StoreError> {
    const SUMS: &str = "SELECT answers.home, operations.kind, COUNT(*), SUM(LENGTH(lines)), SUM(LENGTH(outcome)),
            SUM(LENGTH(bytes))
        FROM answers JOIN operations ON operations.position = answers.position
        WHERE answers.period = ?1 GROUP BY answers.home, operations.kind";
    count(book, SUMS, period)
}

fn count(book: &Path, text: &str, period: i64) -> Result<u64, StoreError> {
    let connection = open(book)?;
    let mut statement = connection.prepare(text)?;
    let (mut rows, mut count) = (statement.query([period])?, 0);
    while rows.next()?.is_some() {
        count += 1;
    }
    Ok(count)
}

/// As a store's own readers are.
fn open(book: &Path) -> Result<Connection, StoreError> {
    let connection =
        Connection::open_with_flags(book, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.execute_batch("PRAGMA temp_store = MEMORY;")?;
    Ok(connection)
}
