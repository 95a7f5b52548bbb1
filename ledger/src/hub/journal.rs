//! The journal: one balanced entry for each change of a settlement's standing, each booked once, in the row of the
//! answer that booked it. An undoing is booked from the lines that its settlement was booked with, so that the two
//! cancel out whatever was claimed since.

use settlement::money::Money;
use settlement::postings::{Account, Booking, JournalEntry, Line, Turn};

use super::operations::Kind;
use super::{HubStore, Position, corrupt, lines};
use crate::engine::{Row, Sql};
use crate::store::StoreError;
use crate::values;

/// How many entries are read at once.
const A_PAGE: i64 = 2_000;

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
    /// When the store fails, or lines cannot be read.
    pub async fn journal_balance(&self) -> Result<(Vec<UnbalancedEntry>, Money), StoreError> {
        let (mut unbalanced, mut total) = (Vec::new(), Money::ZERO);
        self.journal_read(|position, lines| {
            let sum: Money = lines.iter().map(|line| line.amount).sum();
            total += sum;
            if !sum.is_zero() {
                unbalanced.push(UnbalancedEntry { position, sum });
            }
        })
        .await?;
        Ok((unbalanced, total))
    }

    /// What an account has received over all entries. It reads the whole journal.
    ///
    /// # Errors
    /// When the store fails, or lines cannot be read.
    pub async fn journal_sum(&self, account: Account) -> Result<Money, StoreError> {
        let mut sum = Money::ZERO;
        self.journal_read(|_, lines| {
            sum += lines.iter().filter(|line| line.account == account).map(|line| line.amount).sum();
        })
        .await?;
        Ok(sum)
    }

    /// What an operation booked; no lines where it booked nothing.
    ///
    /// # Errors
    /// When the store fails, or the lines cannot be read.
    pub async fn journal_lines(&self, position: Position) -> Result<Vec<Line>, StoreError> {
        let found = self.engine.read(move |sql| {
            sql.find(
                "SELECT position, lines FROM answers WHERE position = ?1 AND settlement IS NOT NULL",
                values![position.0],
                read_entry,
            )
        });
        Ok(found.await?.map(|(_, lines)| lines).unwrap_or_default())
    }

    /// Shows every entry, in the order of the operations that booked them.
    ///
    /// # Errors
    /// When the store fails, or lines cannot be read.
    pub async fn journal_read(&self, mut each: impl FnMut(Position, &[Line])) -> Result<(), StoreError> {
        let mut after = Position(0);
        loop {
            let page = self.engine.read(move |sql| {
                sql.query(
                    "SELECT position, lines FROM answers WHERE position > ?1 AND settlement IS NOT NULL
                     ORDER BY position LIMIT ?2",
                    values![after.0, A_PAGE],
                    read_entry,
                )
            });
            let page = page.await?;
            let Some((last, _)) = page.last() else { return Ok(()) };
            after = *last;
            page.iter().for_each(|(position, lines)| each(*position, lines));
        }
    }
}

fn read_entry(row: Row<'_>) -> Result<(Position, Vec<Line>), StoreError> {
    let position = Position(row.number(0)?);
    Ok((position, read_lines(position, row.text(1)?)?))
}

/// Reads the lines of an entry back, balanced or not.
pub(super) fn read_lines(position: Position, text: &str) -> Result<Vec<Line>, StoreError> {
    lines::read(text).ok_or_else(|| corrupt("journal entry", position, "its lines are none"))
}

/// What a booking comes to, before anything is written.
pub(super) enum Booked {
    /// This is to be written.
    Entry(Entry),
    /// The settlement stands so already, or was reversed for good.
    Nothing,
    EarlierMissing,
    Contradicts,
}

/// An entry as it is written.
pub(super) struct Entry {
    pub(super) step: i64,
    pub(super) lines: String,
}

/// The first entry of a settlement; whether it is the first, the database knows.
pub(super) fn enter(booking: &Booking) -> Entry {
    Entry { step: 1, lines: lines::write(&booking.entry) }
}

/// Works out what a booking comes to, given what is booked already.
pub(super) fn prepare(sql: &Sql<'_>, booking: &Booking) -> Result<Booked, StoreError> {
    let standing = standing(sql, booking)?;
    match (booking.turn, standing) {
        (Turn::Enter, None) => Ok(Booked::Entry(enter(booking))),
        (Turn::Enter, Some(_)) => Ok(Booked::Contradicts),
        (Turn::Counter | Turn::Reinstate, None) => Ok(Booked::EarlierMissing),
        (Turn::Counter, Some(standing)) => turn_over(booking, standing, false),
        (Turn::Reinstate, Some(standing)) => turn_over(booking, standing, true),
    }
}

/// What an entry does to its settlement, by its step.
pub(super) fn turn_of(step: i64) -> Turn {
    match step {
        1 => Turn::Enter,
        step if counts(step) => Turn::Reinstate,
        _ => Turn::Counter,
    }
}

/// Whether a settlement counts after so many entries.
fn counts(step: i64) -> bool {
    step % 2 == 1
}

/// How a settlement stands in the journal.
struct Standing {
    /// The operation that booked it first.
    original: Position,
    /// The lines of that entry.
    lines: Vec<Line>,
    /// How many entries it has.
    step: i64,
    /// What asked for the last of them.
    last: Kind,
}

fn standing(sql: &Sql<'_>, booking: &Booking) -> Result<Option<Standing>, StoreError> {
    sql.find(
        "SELECT first.position, first.lines, last.step, operations.kind
         FROM answers AS first, answers AS last, operations
         WHERE first.settlement = ?1 AND first.step = 1 AND last.settlement = ?1
           AND last.step = (SELECT MAX(step) FROM answers WHERE settlement = ?1)
           AND operations.position = last.position",
        values![&booking.settlement.to_time_first()],
        |row| {
            let (original, lines) = read_entry(row)?;
            let last = Kind::from_word(row.text(3)?);
            let last = last.ok_or_else(|| corrupt("operation", original, "its kind is not one of ours"))?;
            Ok(Standing { original, lines, step: row.number(2)?, last })
        },
    )
}

/// Answers arrive in any order, and what they book must end as the region's own book does. There a reversal is final,
/// and nothing that is undone is undone again unless it was brought back first.
fn turn_over(booking: &Booking, held: Standing, to_count: bool) -> Result<Booked, StoreError> {
    if !same_shares(&held.lines, booking.entry.lines()) {
        return Ok(Booked::Contradicts);
    }
    match (counts(held.step), to_count, held.last) {
        (true, true, _) | (false, _, Kind::Reverse) => return Ok(Booked::Nothing),
        (false, false, Kind::Settle | Kind::Cancel) => return Ok(Booked::EarlierMissing),
        (true, false, _) | (false, true, Kind::Settle | Kind::Cancel) => {}
    }
    let original = JournalEntry::new(held.lines).map_err(|fault| corrupt("journal entry", held.original, fault))?;
    let lines = if to_count { lines::write(&original) } else { lines::write(&original.counter()) };
    Ok(Booked::Entry(Entry { step: held.step + 1, lines }))
}

/// Whether two entries say the same of who pays what. The treatment pool is left out: it only passes money on, and an
/// institution's contract may have moved to another pool since.
fn same_shares(one: &[Line], two: &[Line]) -> bool {
    fn shares(lines: &[Line]) -> impl Iterator<Item = &Line> {
        lines.iter().filter(|line| !matches!(line.account, Account::Treatment { pool: _ }))
    }
    shares(one).eq(shares(two))
}
