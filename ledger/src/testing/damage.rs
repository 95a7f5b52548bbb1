//! A hub's book in a file, damaged and mended from outside as by a failing disk or a hand: for tests of what is found and
//! what waits until it is mended. Nobody is to write to the book meanwhile.

use std::path::Path;

use rusqlite::{Connection, Params};

use crate::engine::Disk;
use crate::hub::Afterwards;
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

/// Takes so many fen off a period by a deduction to which nothing happened.
///
/// # Errors
/// When the statement fails.
pub fn post_deduction(book: &Path, id: &str, period: i64, fen: i64) -> Result<usize, StoreError> {
    const POST: &str = "INSERT INTO deduction_postings
            (id, step, period, basic, large_sum, catastrophic, civil_servant, assistance)
        SELECT ?1, (SELECT COALESCE(MAX(step), 0) + 1 FROM deduction_events WHERE id = ?1), ?2, ?3, 0, 0, 0, 0";
    Ok(Connection::open(book)?.execute(POST, (id, period, fen))?)
}

/// Adds so many fen to a posting's part of the basic fund.
///
/// # Errors
/// When the statement fails.
pub fn add_to_posting(book: &Path, of: Afterwards, (id, step): (&str, i64), fen: i64) -> Result<usize, StoreError> {
    let table = format!("{}_postings", of.word());
    let change = format!("UPDATE {table} SET basic = basic + ?3 WHERE id = ?1 AND step = ?2");
    alter(book, &table, &change, (id, step, fen))
}

/// Removes a posting.
///
/// # Errors
/// When the statement fails.
pub fn drop_posting(book: &Path, of: Afterwards, (id, step): (&str, i64)) -> Result<usize, StoreError> {
    let table = format!("{}_postings", of.word());
    alter(book, &table, &format!("DELETE FROM {table} WHERE id = ?1 AND step = ?2"), (id, step))
}

/// Removes what happened to a deduction at a step.
///
/// # Errors
/// When the statement fails.
pub fn drop_deduction_event(book: &Path, (id, step): (&str, i64)) -> Result<usize, StoreError> {
    alter(book, "deduction_events", "DELETE FROM deduction_events WHERE id = ?1 AND step = ?2", (id, step))
}

/// Moves a posting out of a period into another, without its settlement; by itself where an owner is given, whose member
/// has to find out.
///
/// # Errors
/// When the statement fails.
pub fn move_posting(
    book: &Path,
    of: Afterwards,
    (id, step): (&str, i64),
    (from, into): (i64, i64),
    owner: Option<&str>,
) -> Result<usize, StoreError> {
    let table = format!("{}_moves", of.word());
    let moved = format!(
        "INSERT INTO {table} (id, step, from_period, into_period, reason, owner, moved_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?3)"
    );
    Ok(Connection::open(book)?.execute(&moved, (id, step, from, into, owner))?)
}

/// Removes the notices of an insurance in a period, and their payments; tells how many notices there were.
///
/// # Errors
/// When a statement fails.
pub fn drop_notices(book: &Path, period: i64, insurance: &str) -> Result<usize, StoreError> {
    const PAYMENTS: &str = "DELETE FROM payments WHERE period = ?1 AND insurance = ?2";
    const NOTICES: &str = "DELETE FROM notices WHERE period = ?1 AND insurance = ?2";
    alter(book, "payments", PAYMENTS, (period, insurance))?;
    alter(book, "notices", NOTICES, (period, insurance))
}

/// Asks for nothing by a notice that was not issued, of the newest statement of each pair.
///
/// # Errors
/// When the statement fails.
pub fn notice_of_nothing(book: &Path, period: i64, insurance: &str) -> Result<usize, StoreError> {
    const NOTICE: &str = "INSERT INTO notices (period, home, treatment, insurance, version, due, issued_on)
        SELECT period, home, treatment, ?2, MAX(version), 0, MAX(issued_on) FROM statements WHERE period = ?1
        GROUP BY period, home, treatment";
    Ok(Connection::open(book)?.execute(NOTICE, (period, insurance))?)
}

/// Has all payments of prefunds be of so many fen.
///
/// # Errors
/// When the statement fails.
pub fn change_prefund_payments(book: &Path, fen: i64) -> Result<usize, StoreError> {
    alter(book, "prefund_payments", "UPDATE prefund_payments SET amount = ?1", (fen,))
}

/// Has every row of a table say something else in one of its columns.
///
/// # Errors
/// When the statement fails.
pub fn overwrite(book: &Path, (table, column): (&str, &str), text: &str) -> Result<usize, StoreError> {
    alter(book, table, &format!("UPDATE {table} SET {column} = ?1"), (text,))
}

/// Something wrong in a simulated hub's book that is put right again: for looks that come between two steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meddling {
    /// A yuan more in the sums of the first period.
    Sums,
    /// An entry of the first period that is carried out, and nowhere in.
    CarriedOut,
    /// A fen more in its statements.
    Statement,
}

impl Meddling {
    /// Does it.
    ///
    /// # Errors
    /// When a statement fails.
    pub fn begin(self, disk: &Disk) -> Result<(), StoreError> {
        disk.damage(match self {
            Meddling::Sums => "UPDATE lot_totals SET basic = basic + 100 WHERE period = 1",
            Meddling::CarriedOut => {
                "INSERT INTO carried_entries (position, part, from_period, into_period, reason, owner, carried_at)
                SELECT position, part, 2, NULL, 'by a hand', 'home', 0 FROM lot_postings WHERE period = 1 LIMIT 1"
            }
            Meddling::Statement => {
                "DROP TRIGGER IF EXISTS statement_lots_refuses_UPDATE;
                UPDATE statement_lots SET basic = basic + 1 WHERE period = 1"
            }
        })
    }

    /// Puts it right.
    ///
    /// # Errors
    /// When a statement fails.
    pub fn end(self, disk: &Disk) -> Result<(), StoreError> {
        disk.damage(match self {
            Meddling::Sums => "UPDATE lot_totals SET basic = basic - 100 WHERE period = 1",
            Meddling::CarriedOut => {
                "DROP TRIGGER IF EXISTS carried_entries_refuses_DELETE;
                DELETE FROM carried_entries WHERE reason = 'by a hand'"
            }
            Meddling::Statement => "UPDATE statement_lots SET basic = basic - 1 WHERE period = 1",
        })
    }
}

/// Changes evidence, which the database refuses while its triggers are there.
fn alter(book: &Path, table: &str, change: &str, values: impl Params) -> Result<usize, StoreError> {
    let connection = Connection::open(book)?;
    for refused in ["UPDATE", "DELETE"] {
        connection.execute_batch(&format!("DROP TRIGGER IF EXISTS {table}_refuses_{refused}"))?;
    }
    Ok(connection.execute(change, values)?)
}
