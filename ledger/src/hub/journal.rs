//! The journal: one balanced entry for each change of a settlement's standing, each booked once. An undoing is booked
//! from the lines that its settlement was booked with, so that the two cancel out whatever was claimed since.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, Row, Transaction, params};
use settlement::adjudication::Fund;
use settlement::ids::{InstitutionCode, PersonNumber, PoolCode, RegionCode, SettlementId};
use settlement::money::Money;
use settlement::person::Insurance;
use settlement::postings::{Account, Booking, JournalEntry, Line, Turn};

use super::{HubStore, Position, corrupt};
use crate::store::StoreError;

/// An entry whose lines do not sum to zero: a fault of ours, or somebody's hand in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnbalancedEntry {
    /// The operation that booked it.
    pub position: Position,
    /// By how much.
    pub sum: Money,
}

impl HubStore {
    /// The trial balance: every entry that does not balance, and the sum over all. Sound books give none and zero.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn journal_balance(&self) -> Result<(Vec<UnbalancedEntry>, Money), StoreError> {
        self.readers
            .read(|connection| {
                let unbalanced = connection
                    .prepare_cached(
                        "SELECT position, SUM(amount) FROM journal_lines GROUP BY position HAVING SUM(amount) <> 0",
                    )?
                    .query_map([], |row| {
                        Ok(UnbalancedEntry { position: Position(row.get(0)?), sum: Money::from_fen(row.get(1)?) })
                    })?
                    .collect::<Result<_, _>>()?;
                let total: Option<i64> =
                    connection.query_row("SELECT SUM(amount) FROM journal_lines", [], |row| row.get(0))?;
                Ok((unbalanced, Money::from_fen(total.unwrap_or(0))))
            })
            .await
    }

    /// What an account has received over all entries.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn journal_sum(&self, account: Account) -> Result<Money, StoreError> {
        self.readers
            .read(move |connection| {
                let columns = Columns::of(&account);
                let sum: Option<i64> = connection
                    .prepare_cached(
                        "SELECT SUM(amount) FROM journal_lines WHERE account = ?1 AND pool IS ?2 AND insurance IS ?3
                         AND fund IS ?4 AND party IS ?5",
                    )?
                    .query_row(
                        params![columns.account, columns.pool, columns.insurance, columns.fund, columns.party],
                        |row| row.get(0),
                    )?;
                Ok(Money::from_fen(sum.unwrap_or(0)))
            })
            .await
    }

    /// What an operation booked; no lines where it booked nothing.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn journal_lines(&self, position: Position) -> Result<Vec<Line>, StoreError> {
        self.readers.read(move |connection| lines_of(connection, position)).await
    }
}

/// What a booking comes to, before anything is written.
pub(super) enum Booked {
    /// This is to be written.
    Entry(Entry),
    /// The settlement stands so already.
    Nothing,
    OriginalMissing,
    Contradicts,
}

pub(super) struct Entry {
    settlement: SettlementId,
    sign: Sign,
    entry: JournalEntry,
}

/// Works out what a booking comes to, given what is booked already.
pub(super) fn prepare(tx: &Transaction<'_>, booking: &Booking) -> Result<Booked, StoreError> {
    match (booking.turn, standing(tx, &booking.settlement)?) {
        (Turn::Enter, None) => Ok(booked(booking, Sign::Plus, booking.entry.clone())),
        (Turn::Enter, Some(_)) => Ok(Booked::Contradicts),
        (Turn::Counter | Turn::Reinstate, None) => Ok(Booked::OriginalMissing),
        (Turn::Counter, Some(standing)) => turn_over(tx, booking, standing, Sign::Minus),
        (Turn::Reinstate, Some(standing)) => turn_over(tx, booking, standing, Sign::Plus),
    }
}

fn turn_over(tx: &Transaction<'_>, booking: &Booking, held: Standing, sign: Sign) -> Result<Booked, StoreError> {
    let original = lines_of(tx, held.original)?;
    if !same_shares(&original, booking.entry.lines()) {
        return Ok(Booked::Contradicts);
    }
    if held.sign == sign {
        return Ok(Booked::Nothing);
    }
    let original = JournalEntry::new(original).map_err(|fault| corrupt("journal entry", held.original, fault))?;
    Ok(match sign {
        Sign::Plus => booked(booking, sign, original),
        Sign::Minus => booked(booking, sign, original.counter()),
    })
}

fn booked(booking: &Booking, sign: Sign, entry: JournalEntry) -> Booked {
    Booked::Entry(Entry { settlement: booking.settlement.clone(), sign, entry })
}

pub(super) fn insert(tx: &Transaction<'_>, position: Position, entry: &Entry) -> Result<(), StoreError> {
    let turn = match entry.sign {
        Sign::Plus => 1,
        Sign::Minus => -1,
    };
    tx.prepare_cached("INSERT INTO journal_entries (position, settlement, turn) VALUES (?1, ?2, ?3)")?
        .execute(params![position.0, entry.settlement.as_str(), turn])?;
    insert_lines(tx, position, entry.entry.lines())
}

/// All lines in one statement: an entry has eight or so, and each statement has its price.
fn insert_lines(tx: &Transaction<'_>, position: Position, lines: &[Line]) -> Result<(), StoreError> {
    if lines.is_empty() {
        return Ok(());
    }
    let mut insert = tx.prepare_cached(insert_statement(lines.len()))?;
    for (index, Line { account, amount }) in lines.iter().enumerate() {
        let Columns { account, pool, insurance, fund, party } = Columns::of(account);
        let first = index * COLUMNS + 1;
        insert.raw_bind_parameter(first, position.0)?;
        insert.raw_bind_parameter(first + 1, index.cast_signed() + 1)?;
        for (offset, text) in (2..).zip([Some(account), pool, insurance, fund, party]) {
            insert.raw_bind_parameter(first + offset, text)?;
        }
        insert.raw_bind_parameter(first + 7, amount.fen())?;
    }
    insert.raw_execute()?;
    Ok(())
}

const COLUMNS: usize = 8;

/// The statement for so many lines, put together once.
fn insert_statement(lines: usize) -> &'static str {
    static STATEMENTS: Mutex<BTreeMap<usize, &'static str>> = Mutex::new(BTreeMap::new());
    let mut statements = STATEMENTS.lock().unwrap_or_else(PoisonError::into_inner);
    statements.entry(lines).or_insert_with(|| {
        let row = |row: usize| {
            let columns: Vec<String> = (1..=COLUMNS).map(|column| format!("?{}", row * COLUMNS + column)).collect();
            format!("({})", columns.join(", "))
        };
        let rows: Vec<String> = (0..lines).map(row).collect();
        let columns = "position, line, account, pool, insurance, fund, party, amount";
        format!("INSERT INTO journal_lines ({columns}) VALUES {}", rows.join(", ")).leak()
    })
}

/// How a settlement stands in the journal.
struct Standing {
    /// Where it was booked first.
    original: Position,
    /// Plus while it counts, minus while it is undone.
    sign: Sign,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    Plus,
    Minus,
}

fn standing(tx: &Transaction<'_>, settlement: &SettlementId) -> Result<Option<Standing>, StoreError> {
    let (original, turns): (Option<i64>, Option<i64>) = tx
        .prepare_cached("SELECT MIN(position), SUM(turn) FROM journal_entries WHERE settlement = ?1")?
        .query_row([settlement.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let sign = if turns == Some(1) { Sign::Plus } else { Sign::Minus };
    Ok(original.map(|original| Standing { original: Position(original), sign }))
}

/// Whether two entries say the same of who pays what. The treatment pool is left out: it only passes money on, and an
/// institution's contract may have moved to another pool since.
fn same_shares(one: &[Line], two: &[Line]) -> bool {
    fn shares(lines: &[Line]) -> impl Iterator<Item = &Line> {
        lines.iter().filter(|line| !matches!(line.account, Account::Treatment { pool: _ }))
    }
    shares(one).eq(shares(two))
}

pub(super) fn lines_of(connection: &Connection, position: Position) -> Result<Vec<Line>, StoreError> {
    connection
        .prepare_cached(
            "SELECT account, pool, insurance, fund, party, amount FROM journal_lines WHERE position = ?1 ORDER BY line",
        )?
        .query_and_then([position.0], |row| read_line(row, position))?
        .collect()
}

fn read_line(row: &Row<'_>, position: Position) -> Result<Line, StoreError> {
    let columns = Columns {
        account: row.get_ref(0)?.as_str().unwrap_or_default(),
        pool: row.get_ref(1)?.as_str_or_null().unwrap_or_default(),
        insurance: row.get_ref(2)?.as_str_or_null().unwrap_or_default(),
        fund: row.get_ref(3)?.as_str_or_null().unwrap_or_default(),
        party: row.get_ref(4)?.as_str_or_null().unwrap_or_default(),
    };
    let account = columns.account().ok_or_else(|| corrupt("journal line of", position, "its account is not one"))?;
    Ok(Line { account, amount: Money::from_fen(row.get(5)?) })
}

/// An account as columns.
struct Columns<'a> {
    account: &'a str,
    pool: Option<&'a str>,
    insurance: Option<&'a str>,
    fund: Option<&'a str>,
    party: Option<&'a str>,
}

impl<'a> Columns<'a> {
    fn of(account: &'a Account) -> Columns<'a> {
        let columns = |account, pool: Option<&'a PoolCode>, party| Columns {
            account,
            pool: pool.map(|pool| pool.0.as_str()),
            insurance: None,
            fund: None,
            party,
        };
        match account {
            Account::HomeFund { pool, insurance, fund } => Columns {
                insurance: Some(insurance.word()),
                fund: Some(fund.word()),
                ..columns("home-fund", Some(pool), None)
            },
            Account::Personal { pool, owner } => columns("personal", Some(pool), Some(owner.as_str())),
            Account::Cash { person } => columns("cash", None, Some(person.as_str())),
            Account::Treatment { pool } => columns("treatment", Some(pool), None),
            Account::Hospital { institution } => columns("hospital", None, Some(institution.as_str())),
            Account::HospitalPart { institution } => columns("hospital-part", None, Some(institution.as_str())),
        }
    }

    fn account(&self) -> Option<Account> {
        let pool = || RegionCode::new(self.pool?).ok().map(PoolCode);
        let person = || PersonNumber::new(self.party?).ok();
        let institution = || InstitutionCode::new(self.party?).ok();
        match self.account {
            "home-fund" => Some(Account::HomeFund {
                pool: pool()?,
                insurance: Insurance::from_word(self.insurance?)?,
                fund: Fund::from_word(self.fund?)?,
            }),
            "personal" => Some(Account::Personal { pool: pool()?, owner: person()? }),
            "cash" => Some(Account::Cash { person: person()? }),
            "treatment" => Some(Account::Treatment { pool: pool()? }),
            "hospital" => Some(Account::Hospital { institution: institution()? }),
            "hospital-part" => Some(Account::HospitalPart { institution: institution()? }),
            _ => None,
        }
    }
}
