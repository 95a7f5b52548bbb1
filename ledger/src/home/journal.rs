//! Appends journal entries to the book. It only writes them; [`super::proof`] checks that they balance. Called by
//! [`super::append`].

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Transaction;
use settlement::decide::BookSeq;
use settlement::postings::{Account, JournalEntry, Line};

use super::append::place;
use crate::store::StoreError;

/// Appends the lines of an entry in one statement: an entry has eight or so, and each statement has its price.
pub(super) fn append(transaction: &Transaction<'_>, seq: BookSeq, entry: &JournalEntry) -> Result<(), StoreError> {
    let lines = entry.lines();
    if lines.is_empty() {
        return Ok(());
    }
    let mut insert = transaction.prepare_cached(&statement(lines.len()))?;
    insert.raw_bind_parameter(1, place(seq))?;
    for (index, Line { account, amount }) in lines.iter().enumerate() {
        let Columns { account, pool, party, insurance, fund } = columns(account);
        let first = 2 + index * COLUMNS;
        for (offset, text) in [account, pool, party, insurance, fund].into_iter().enumerate() {
            insert.raw_bind_parameter(first + offset, text)?;
        }
        insert.raw_bind_parameter(first + COLUMNS - 1, amount.fen())?;
    }
    insert.raw_execute()?;
    Ok(())
}

/// The columns of a line beside its place and position.
const COLUMNS: usize = 6;

/// The statement for so many lines, put together once.
fn statement(lines: usize) -> Arc<str> {
    static STATEMENTS: Mutex<BTreeMap<usize, Arc<str>>> = Mutex::new(BTreeMap::new());
    let mut statements = STATEMENTS.lock().unwrap_or_else(PoisonError::into_inner);
    let row = |row: usize| {
        let columns: Vec<String> = (0..COLUMNS).map(|column| format!("?{}", 2 + row * COLUMNS + column)).collect();
        format!("(?1, {row}, {})", columns.join(", "))
    };
    let put_together = || {
        let rows: Vec<String> = (0..lines).map(row).collect();
        let columns = "book_seq, position, account, pool, party, insurance, fund, amount";
        format!("INSERT INTO journal_lines ({columns}) VALUES {}", rows.join(", ")).into()
    };
    statements.entry(lines).or_insert_with(put_together).clone()
}

struct Columns<'a> {
    account: &'static str,
    pool: &'a str,
    party: &'a str,
    insurance: &'static str,
    fund: &'static str,
}

fn columns(account: &Account) -> Columns<'_> {
    let none = Columns { account: "", pool: "", party: "", insurance: "", fund: "" };
    match account {
        Account::HomeFund { pool, insurance, fund } => Columns {
            account: "home-fund",
            pool: pool.0.as_str(),
            insurance: insurance.word(),
            fund: fund.word(),
            ..none
        },
        Account::Personal { pool, owner } => {
            Columns { account: "personal", pool: pool.0.as_str(), party: owner.as_str(), ..none }
        }
        Account::Cash { person } => Columns { account: "cash", party: person.as_str(), ..none },
        Account::Treatment { pool } => Columns { account: "treatment", pool: pool.0.as_str(), ..none },
        Account::Hospital { institution } => Columns { account: "hospital", party: institution.as_str(), ..none },
        Account::HospitalPart { institution } => {
            Columns { account: "hospital-part", party: institution.as_str(), ..none }
        }
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;
    use settlement::ids::{InstitutionCode, PersonNumber};
    use settlement::money::Money;

    use super::*;

    #[test]
    fn entries_are_kept_line_by_line_under_their_place() {
        let mut connection = Connection::open_in_memory().expect("a store");
        super::super::schema::MIGRATIONS.iter().for_each(|all| connection.execute_batch(all).expect("tables"));
        let cash = Account::Cash { person: PersonNumber::new("P").expect("a number") };
        let hospital = Account::Hospital { institution: InstitutionCode::new("H").expect("a code") };
        let line = |account: &Account, fen| Line { account: account.clone(), amount: Money::from_fen(fen) };
        let two = JournalEntry::new(vec![line(&cash, -5), line(&hospital, 5)]).expect("an entry");
        let three = JournalEntry::new(vec![line(&cash, -3), line(&cash, -4), line(&hospital, 7)]).expect("an entry");
        let transaction = connection.transaction().expect("a transaction");
        append(&transaction, BookSeq(1), &two).expect("two lines");
        append(&transaction, BookSeq(2), &three).expect("three lines");
        append(&transaction, BookSeq(3), &two.counter()).expect("two lines");
        let kept: String = transaction
            .query_row(
                "SELECT group_concat(book_seq || '.' || position || ' ' || account || ' ' || party || ' ' || amount, ', ')
                   FROM (SELECT * FROM journal_lines ORDER BY book_seq, position)",
                [],
                |row| row.get(0),
            )
            .expect("lines");
        assert_eq!(
            kept,
            "1.0 cash P -5, 1.1 hospital H 5, 2.0 cash P -3, 2.1 cash P -4, 2.2 hospital H 7, \
             3.0 cash P 5, 3.1 hospital H -5"
        );
    }
}
