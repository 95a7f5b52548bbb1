//! Folding the treatment side's book beside whoever writes it: each accepted operation becomes a leaf, by which the book
//! is compared with the hub's, and each settlement and cancellation a row of its hospital's book. Called by whoever
//! compares; nothing of it is written while settling.

use clearing::digest::Branch;

use super::hospital::{self, HospitalRow};
use super::{Session, TreatmentStore, stored};
use crate::engine::{Aside, Row, Sql, Steps};
use crate::leaves::{self, NewLeaf, ReadLeaf};
use crate::store::StoreError;
use crate::values;

/// So many messages are looked at in one step, so that the book's writer is held up for a moment only.
const A_PAGE: Steps = Steps { alone: 500, beside: 300 };
/// The book has one sequence of numbers; which of the fold's sources it is.
const SOURCE: i64 = 0;

// What the hub itself answered, no home region's book has. The sums of a counter-entry are those of what it takes back.
macro_rules! folded {
    ($from:literal, $rest:literal) => {
        concat!(
            "SELECT messages.number, CASE WHEN answers.book_seq = 0 THEN NULL ELSE messages.bytes END, answers.outcome,
             messages.kind, messages.key, messages.encounter, messages.settlement, messages.undoes, sums.insurance,
             sums.clearing_class, sums.agency, sums.total, sums.funds, sums.account, sums.cash ",
            $from,
            " LEFT JOIN messages AS settled ON settled.settlement = COALESCE(messages.undoes, messages.settlement)
              LEFT JOIN answers AS sums ON sums.message = settled.number ",
            $rest
        )
    };
}

const PAGE: &str = folded!(
    "FROM messages LEFT JOIN answers ON answers.message = messages.number",
    "WHERE messages.number > ?1 ORDER BY messages.number LIMIT ?2"
);
// What waits is little, and comes first: SQLite would else read every message for the order.
const LATE: &str = folded!(
    "FROM unfolded CROSS JOIN answers CROSS JOIN messages",
    "WHERE answers.message = unfolded.number AND messages.number = unfolded.number ORDER BY unfolded.number LIMIT ?1"
);
/// Where the columns begin that a hospital's row is made of.
const OF_ROW: usize = 3;
/// The column of the whole charges.
const TOTAL: usize = 11;

/// A message as it is folded.
struct Folded {
    number: i64,
    waits: bool,
    leaf: Option<NewLeaf>,
    row: Option<HospitalRow>,
}

impl TreatmentStore {
    /// Folds what was sent and answered since.
    ///
    /// # Errors
    /// When the store fails, or an operation does not read; what was folded stays so.
    pub async fn leaf_fold(&self, read: ReadLeaf) -> Result<(), StoreError> {
        let mut aside = Aside::new(&self.engine);
        while self.fold_page(aside.next(A_PAGE).await, read).await? {}
        Ok(())
    }

    /// The same of a page; tells whether there may be more.
    async fn fold_page(&self, most: i64, read: ReadLeaf) -> Result<bool, StoreError> {
        let looked = self.engine.read(move |sql| {
            let reached = leaves::reached(sql, SOURCE)?.unwrap_or_default();
            let page = sql.query(PAGE, values![reached, most], |row| fold(row, read))?;
            Ok((reached, page, sql.query(LATE, values![most], |row| fold(row, read))?))
        });
        let (reached, page, late) = looked.await?;
        let Some(to) = page.last().map(|last| last.number).or_else(|| (!late.is_empty()).then_some(reached)) else {
            return Ok(false);
        };
        let more = page.len().max(late.len()) == usize::try_from(most).unwrap_or(usize::MAX);
        let moved = self.engine.write(move |sql| {
            // Somebody else may have folded this page meanwhile, and less than is in it.
            let moved = leaves::reach(sql, SOURCE, reached, to)?;
            if moved {
                add(sql, &page, &late)?;
            }
            Ok(moved)
        });
        Ok(!moved.await? || more)
    }
}

impl Session<'_, '_> {
    /// The rows of hospitals' books that are not folded yet and count, for whoever may only read.
    ///
    /// # Errors
    /// When a statement fails, or an operation does not read.
    pub fn hospital_list_unfolded(&self, read: ReadLeaf) -> Result<Vec<HospitalRow>, StoreError> {
        const REVERSED: &str = "SELECT 1 FROM reversals WHERE message = ?1";
        let mut reached = leaves::reached(self.sql, SOURCE)?.unwrap_or_default();
        let mut page = self.sql.query(LATE, values![i64::MAX], |row| fold(row, read))?;
        let mut rows = Vec::new();
        loop {
            for row in page.into_iter().filter_map(|folded| folded.row) {
                if !self.sql.exists(REVERSED, values![row.message])? {
                    rows.push(row);
                }
            }
            page = self.sql.query(PAGE, values![reached, A_PAGE.alone], |row| fold(row, read))?;
            match page.last() {
                None => return Ok(rows),
                Some(last) => reached = last.number,
            }
        }
    }
}

fn add(sql: &Sql<'_>, page: &[Folded], late: &[Folded]) -> Result<(), StoreError> {
    let waiting: Vec<i64> = page.iter().filter(|folded| folded.waits).map(|folded| folded.number).collect();
    leaves::put_off(sql, &waiting)?;
    let folded = || page.iter().chain(late);
    leaves::append(sql, &folded().filter_map(|folded| folded.leaf).collect::<Vec<_>>())?;
    hospital::append(sql, &folded().filter_map(|folded| folded.row.as_ref()).collect::<Vec<_>>())?;
    for folded in late {
        leaves::take_up(sql, folded.number)?;
    }
    Ok(())
}

fn fold(row: Row<'_>, read: ReadLeaf) -> Result<Folded, StoreError> {
    let number = row.number(0)?;
    let (operation, outcome) = (row.optional_bytes(1)?, row.optional_bytes(2)?);
    let waits = operation.is_some() && outcome.is_none();
    let mut folded = Folded { number, waits, leaf: None, row: None };
    let Some((operation, outcome)) = operation.zip(outcome) else { return Ok(folded) };
    let unreadable = |problem| stored::corrupt("messages", number, problem);
    if let Some((branch, leaf)) = read(operation, outcome).map_err(unreadable)? {
        folded.leaf = Some(NewLeaf { branch, leaf, number });
        folded.row = hospitals_row(row, number, branch)?;
    }
    Ok(folded)
}

/// What the hospital has to have of an accepted operation. Of a reversal nothing: what it undoes vanishes. Neither of an
/// answer that came after its message was reversed: it is kept without sums, and the hospital never had it.
fn hospitals_row(row: Row<'_>, number: i64, branch: Branch) -> Result<Option<HospitalRow>, StoreError> {
    match row.text(OF_ROW)? {
        "reverse" => Ok(None),
        _ if row.optional_number(TOTAL)?.is_none() => Ok(None),
        _ => hospital::read_folded(row, OF_ROW + 1, number, branch.day).map(Some),
    }
}
