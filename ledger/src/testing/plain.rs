//! Plain statements over a hub's book, to measure its own work beside: what somebody would type who has the database and
//! nothing else.

use rusqlite::{Connection, OpenFlags};

use super::installation::{Installation, PostgresError};
use super::postgres::Database;

/// What the place of a book in PostgreSQL begins with.
const DATABASE: &str = "postgres://";

/// Where another book's leaves are in the same database as one's own.
const THEIRS: &str = "theirs";

/// Why a plain statement failed.
#[derive(Debug, thiserror::Error)]
pub enum PlainFault {
    /// SQLite.
    #[error(transparent)]
    File(#[from] rusqlite::Error),
    /// PostgreSQL.
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    /// PostgreSQL answered something else than a number.
    #[error("the answer is no number: {0}")]
    NoNumber(#[from] std::num::ParseIntError),
}

/// Puts a copy of another book's leaves, with their index, beside one's own in PostgreSQL, where a statement reads one
/// database only. A file is read where it is.
///
/// # Errors
/// When a statement fails.
pub fn bring(ours: &Database, theirs: &Database) -> Result<(), PostgresError> {
    let installation = Installation::find()?;
    let role = &ours.app_role;
    let make = format!(
        "CREATE SCHEMA {THEIRS}; CREATE TABLE {THEIRS}.leaves (LIKE public.leaves INCLUDING ALL);
        GRANT USAGE ON SCHEMA {THEIRS} TO {role}; GRANT SELECT ON {THEIRS}.leaves TO {role};"
    );
    installation.psql(&ours.owner_url, &make)?;
    let (from, to) = ("COPY public.leaves TO STDOUT", format!("COPY {THEIRS}.leaves FROM STDIN"));
    installation.psql_into((&theirs.owner_url, from), (&ours.owner_url, &to))?;
    installation.psql(&ours.owner_url, &format!("ANALYZE {THEIRS}.leaves")).map(drop)
}

/// The rows that two books differ in, by a full outer join of their leaves; in PostgreSQL the others' are those that were
/// [brought](bring).
///
/// # Errors
/// When a statement fails.
pub fn outer_join(ours: &str, theirs: &str) -> Result<u64, PlainFault> {
    if ours.starts_with(DATABASE) {
        let told = Installation::find()?.psql(ours, &join("public", "IS DISTINCT FROM"))?;
        return Ok(told.trim().parse()?);
    }
    let connection = open(ours)?;
    connection.execute("ATTACH ?1 AS theirs", [theirs])?;
    Ok(connection.query_row(&join("main", "IS NOT"), [], |row| row.get::<_, i64>(0))?.cast_unsigned())
}

fn join(ours: &str, is_other: &str) -> String {
    format!(
        "SELECT COUNT(*) FROM {ours}.leaves AS ours FULL OUTER JOIN {THEIRS}.leaves AS theirs
            ON ours.day = theirs.day AND ours.home = theirs.home AND ours.treatment = theirs.treatment
               AND ours.place = theirs.place
        WHERE ours.digest {is_other} theirs.digest"
    )
}

/// The sums of a period by lot over its folded entries; tells how many lots there are.
///
/// # Errors
/// When the statement fails.
pub fn group_by(book: &str, period: i64) -> Result<u64, PlainFault> {
    rows(
        book,
        &format!(
            "SELECT home, treatment, insurance, care, SUM(visits), SUM(total), SUM(basic), SUM(large_sum),
                SUM(catastrophic), SUM(civil_servant), SUM(assistance), SUM(account)
            FROM lot_postings WHERE period = {period} GROUP BY home, treatment, insurance, care"
        ),
    )
}

/// The same over the journal's own rows, by what they have in columns: how many entries, how long their lines, and the
/// operations that booked them, by home pool and kind.
///
/// # Errors
/// When the statement fails.
pub fn group_by_journal(book: &str, period: i64) -> Result<u64, PlainFault> {
    rows(
        book,
        &format!(
            "SELECT answers.home, operations.kind, COUNT(*), SUM(LENGTH(lines)), SUM(LENGTH(outcome)), SUM(LENGTH(bytes))
            FROM answers JOIN operations ON operations.position = answers.position
            WHERE answers.period = {period} GROUP BY answers.home, operations.kind"
        ),
    )
}

/// How many rows a statement gives; every one is read.
fn rows(book: &str, text: &str) -> Result<u64, PlainFault> {
    if book.starts_with(DATABASE) {
        return Ok(Installation::find()?.psql(book, text)?.lines().count() as u64);
    }
    let connection = open(book)?;
    let mut statement = connection.prepare(text)?;
    let (mut rows, mut count) = (statement.query([])?, 0);
    while rows.next()?.is_some() {
        count += 1;
    }
    Ok(count)
}

/// As a store's own readers are.
fn open(book: &str) -> rusqlite::Result<Connection> {
    let connection =
        Connection::open_with_flags(book, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.execute_batch("PRAGMA temp_store = MEMORY;")?;
    Ok(connection)
}
