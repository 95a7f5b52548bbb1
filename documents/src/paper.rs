//! The sheet that a page is printed on and the size of its type, so that a table is never wider than its sheet and no name
//! or figure in it is broken. Chosen by [`crate::page`] from what stands in the document; a browser's font may be a
//! little narrower or wider than is reckoned here, and the room between columns takes that up.

use clearing::document::{Cell, ColumnKind, Document};

use crate::WIDE;

/// Words of at most so many characters stand in one line: names of regions, kinds of care, days. What is longer, reasons
/// and ids, is broken in a column that is wide enough to be read.
const IN_ONE_LINE: usize = 14;
/// What lies beside each cell's text, in hundredths of the type's size: padding and border.
const BESIDE: usize = 95;
/// How wide a column of longer text is.
const TEXT: usize = 900;
/// What a printed sheet leaves between its margins, in tenths of a point.
const A4_WIDTH: usize = 7_730;
const A3_WIDTH: usize = 11_220;
/// Sizes of type, the largest that fits is taken; in tenths of a point.
const SIZES: [usize; 7] = [105, 95, 90, 80, 70, 60, 55];

/// A sheet and its type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Paper {
    pub(crate) name: &'static str,
    /// In points.
    pub(crate) type_size: String,
}

/// What a document is printed on: A3 where it has many columns, and the largest type with which it fits.
pub(crate) fn paper(document: &Document) -> Paper {
    let (name, width) = if document.columns.len() < WIDE { ("A4", A4_WIDTH) } else { ("A3", A3_WIDTH) };
    let wanted: usize = (0..document.columns.len()).map(|column| width_of(document, column)).sum();
    let fits = SIZES.into_iter().find(|size| wanted * size / 100 <= width);
    let [.., smallest] = SIZES;
    let size = fits.unwrap_or(smallest);
    Paper { name, type_size: format!("{}.{}", size / 10, size % 10) }
}

/// How a column is set: `figure` and `words` in one line, `text` in as many as it takes.
pub(crate) fn class(document: &Document, column: usize) -> &'static str {
    match document.columns.get(column).map(|column| &column.kind) {
        Some(ColumnKind::Count | ColumnKind::Money | ColumnKind::WorkedOut(_)) => "figure",
        Some(ColumnKind::Text) | None => {
            let cells = document.rows.iter().filter_map(|row| row.cells.get(column));
            let longest = cells.map(|cell| super::page::shown(cell).chars().count()).max();
            if longest.unwrap_or_default() > IN_ONE_LINE { "text" } else { "words" }
        }
    }
}

/// In hundredths of the type's size.
fn width_of(document: &Document, column: usize) -> usize {
    if class(document, column) == "text" {
        return TEXT + BESIDE;
    }
    let total = document.is_totalled.then(|| document.total(column)).flatten();
    let cells = document.rows.iter().filter_map(|row| row.cells.get(column)).chain(&total);
    let widest = cells.map(|cell: &Cell| set(&super::page::shown(cell))).max().unwrap_or_default();
    let heading = document.columns.get(column).map(|column| set(&column.name)).unwrap_or_default();
    widest.max(heading) + BESIDE
}

/// Chinese characters are as wide as the type's size, digits and signs not much more than half of it.
fn set(text: &str) -> usize {
    text.chars().map(|character| if character.is_ascii() { 57 } else { 100 }).sum()
}
