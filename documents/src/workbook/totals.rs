//! What a table's columns come to, added up row by row as a workbook is written. Called by [`super`].

use clearing::document::{Cell, Column, ColumnKind, Document, Row};
use settlement::money::Money;

use crate::WriteError;

/// Numbers of a spreadsheet show fifteen digits and no more. A figure beyond would be another number than the one that
/// is cleared, and one written as words would drop out of the sums, so such a document is not written at all.
const EXACT: i128 = 999_999_999_999_999;

/// The sums of a document's columns over some of its rows.
pub(super) struct Totals<'d> {
    document: &'d Document,
    /// Visits or fen of each column; nothing of words.
    figures: Vec<i128>,
    is_empty: bool,
}

impl<'d> Totals<'d> {
    /// Those of no rows.
    pub(super) fn of(document: &'d Document) -> Totals<'d> {
        Totals { document, figures: vec![0; document.columns.len()], is_empty: true }
    }

    /// Adds a row.
    ///
    /// # Errors
    /// When a figure of it is longer than a spreadsheet's numbers.
    pub(super) fn add(&mut self, row: &Row) -> Result<(), WriteError> {
        self.is_empty = false;
        for ((sum, cell), column) in self.figures.iter_mut().zip(&row.cells).zip(&self.document.columns) {
            let figure = match cell {
                Cell::Text(_) => 0,
                Cell::Count(count) => i128::from(*count),
                Cell::Money(amount) => i128::from(amount.fen()),
            };
            exact(figure, self.document, column)?;
            *sum += figure;
        }
        Ok(())
    }

    /// That a spreadsheet shows each sum as it is.
    ///
    /// # Errors
    /// The first that is longer than its numbers.
    pub(super) fn ensure_exact(&self) -> Result<(), WriteError> {
        let mut sums = self.figures.iter().zip(&self.document.columns);
        sums.try_for_each(|(sum, column)| exact(*sum, self.document, column))
    }

    /// What a column comes to; none for words, and where there are no rows.
    pub(super) fn total(&self, column: usize) -> Option<Cell> {
        let figure =
            self.figures.get(column).and_then(|figure| i64::try_from(*figure).ok()).filter(|_| !self.is_empty)?;
        match self.document.columns.get(column)?.kind {
            ColumnKind::Text => None,
            ColumnKind::Count => Some(Cell::Count(figure)),
            ColumnKind::Money | ColumnKind::WorkedOut(_) => Some(Cell::Money(Money::from_fen(figure))),
        }
    }
}

fn exact(figure: i128, document: &Document, Column { name, kind: _ }: &Column) -> Result<(), WriteError> {
    if (-EXACT..=EXACT).contains(&figure) {
        return Ok(());
    }
    Err(WriteError::TooLong { title: document.title.clone(), column: name.clone() })
}
