//! A document as tables hold it: what it is called, what it is about, columns, rows, who signs. A figure that is worked out
//! from others says from which, so that a spreadsheet can work it out again. How it looks is for `documents`.

use settlement::money::Money;

use crate::period::Pair;

/// A document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Its official name.
    pub title: String,
    /// What it is about: 费款所属期, members, version.
    pub about: Vec<(String, String)>,
    /// Which edition it is, and whether it holds yet.
    pub stamp: Stamp,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its rows; each has a cell for each column.
    pub rows: Vec<Row>,
    /// Whether a row of totals follows.
    pub is_totalled: bool,
    /// An amount that is said in capital numerals as well.
    pub amount: Option<Money>,
    /// What follows the table: account name, bank and account number, or how a certificate was signed.
    pub accounts: Vec<(String, String)>,
}

/// Which edition of a document this is: what it says of its versions, their standing and its days, and whether it is a
/// draft. Every form that a document is written in carries it, the table for programs too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// 未定稿: something in it was not stated yet. Nobody signs it.
    pub is_draft: bool,
    /// What it says of itself: 版次, 状态, 出具日期.
    pub told: Vec<(String, String)>,
}

/// What stands on every draft.
pub const DRAFT: &str = "未定稿";

/// Who signs every document that is no draft.
pub const SIGNED_BY: [&str; 4] = ["制表", "复核", "负责人", "日期"];

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its official name.
    pub name: String,
    /// What it holds.
    pub kind: ColumnKind,
}

/// What a column holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// Words; not totalled.
    Text,
    /// A number of visits.
    Count,
    /// An amount.
    Money,
    /// An amount that is worked out from other columns of its row: each with whether it is taken off.
    WorkedOut(Vec<(usize, Sign)>),
}

/// Whether a column is added or taken off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// Added.
    Plus,
    /// Taken off.
    Minus,
}

/// A row, whom it is about, and where its settlements are to be found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// A cell for each column.
    pub cells: Vec<Cell>,
    /// The list of the settlements behind it: its name, and once it is written the way there; none where there is none.
    pub detail: Option<String>,
    /// The pair of members that it is about; none where it is about several, or none.
    pub pair: Option<Pair>,
}

/// A cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Words.
    Text(String),
    /// A number of visits.
    Count(i64),
    /// An amount. In a column that is worked out it is what comes out.
    Money(Money),
}

/// What does not add up in a document: a fault of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("row {row} of {title} does not add up in {column}")]
pub struct SumsDiffer {
    /// The document.
    pub title: String,
    /// The row, counted from 1.
    pub row: usize,
    /// The column.
    pub column: String,
}

impl Column {
    /// A column of words.
    pub fn text(name: &str) -> Column {
        Column { name: name.to_owned(), kind: ColumnKind::Text }
    }

    /// A column of numbers of visits.
    pub fn count(name: &str) -> Column {
        Column { name: name.to_owned(), kind: ColumnKind::Count }
    }

    /// A column of amounts.
    pub fn money(name: &str) -> Column {
        Column { name: name.to_owned(), kind: ColumnKind::Money }
    }
}

impl Document {
    /// The totals of a column; none for words.
    pub fn total(&self, column: usize) -> Option<Cell> {
        let cells = || self.rows.iter().filter_map(|row| row.cells.get(column));
        match self.columns.get(column)?.kind {
            ColumnKind::Text => None,
            ColumnKind::Count => {
                Some(Cell::Count(cells().map(|cell| if let Cell::Count(count) = cell { *count } else { 0 }).sum()))
            }
            ColumnKind::Money | ColumnKind::WorkedOut(_) => Some(Cell::Money(cells().map(Cell::amount).sum())),
        }
    }

    /// That every figure that is worked out is what comes out of the others.
    ///
    /// # Errors
    /// The first that does not.
    pub fn check(&self) -> Result<(), SumsDiffer> {
        for (column, Column { name, kind }) in self.columns.iter().enumerate() {
            let ColumnKind::WorkedOut(parts) = kind else { continue };
            let differs = self.rows.iter().position(|row| {
                let part = |(part, sign): &(usize, Sign)| {
                    let amount = row.cells.get(*part).map(Cell::amount).unwrap_or_default();
                    match sign {
                        Sign::Plus => amount,
                        Sign::Minus => -amount,
                    }
                };
                row.cells.get(column).map(Cell::amount) != Some(parts.iter().map(part).sum())
            });
            if let Some(row) = differs {
                return Err(SumsDiffer { title: self.title.clone(), row: row + 1, column: name.clone() });
            }
        }
        Ok(())
    }
}

impl Cell {
    /// The amount in it; nothing in any other cell.
    pub fn amount(&self) -> Money {
        match self {
            Cell::Money(amount) => *amount,
            Cell::Text(_) | Cell::Count(_) => Money::ZERO,
        }
    }
}
