//! A document as CSV: its columns and rows. Programs read it, a line a row and the first line the columns, so what is no
//! row has no place in it: title, totals, capital numerals and signatures stand in the workbook and on the page, which
//! people read and sign. What a program must not miss follows each row: the account that is paid into, and which edition
//! it is (版次, 状态, 出具日期). A cell that a spreadsheet would take for a formula, or for a number and write otherwise, as it
//! does with ids and account numbers, is marked as words; our own commands read it either way.

use std::io::Read;

use clearing::document::{Cell, ColumnKind, Document, Row};
use settlement::money::Money;
use settlement::spreadsheet::{as_words, of_words};

use crate::WriteError;

/// So that spreadsheets read Chinese.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Writes a document's table.
///
/// # Errors
/// When it cannot be written: a fault of ours.
pub fn write(document: &Document) -> Result<Vec<u8>, WriteError> {
    let names = document.columns.iter().map(|column| &column.name);
    let mut bytes = BYTE_ORDER_MARK.to_vec();
    bytes.extend(records(document, [names.chain(following(document).map(|(what, _)| what))])?);
    bytes.extend(rows(document)?);
    Ok(bytes)
}

/// A document's rows alone: what follows what [`write()`] wrote of one of the same columns, where a table is too long to be
/// held at once.
///
/// # Errors
/// When they cannot be written: a fault of ours.
pub fn rows(document: &Document) -> Result<Vec<u8>, WriteError> {
    let told = || following(document).map(|(_, told)| as_words(told).into_owned());
    records(document, document.rows.iter().map(|row| row.cells.iter().map(text).chain(told())))
}

/// The rows of a document's table, as [`write()`] and [`rows`] wrote them, read one by one: the document says what its columns
/// hold.
pub fn read<'d>(document: &'d Document, table: impl Read + 'd) -> impl Iterator<Item = Result<Row, WriteError>> + 'd {
    let records = csv::Reader::from_reader(table).into_records();
    records.map(|record| {
        let record = record.map_err(|source| WriteError::Table { title: document.title.clone(), source })?;
        let line = record.position().map_or(0, csv::Position::line);
        let cells = document.columns.iter().zip(&record).map(|(column, text)| cell(&column.kind, text));
        let cells: Option<Vec<Cell>> = cells.collect();
        let cells = cells.filter(|cells| cells.len() == document.columns.len());
        let cells = cells.ok_or_else(|| WriteError::Unread { title: document.title.clone(), line })?;
        Ok(Row { cells, detail: None, pair: None })
    })
}

fn cell(kind: &ColumnKind, text: &str) -> Option<Cell> {
    match kind {
        ColumnKind::Text => Some(Cell::Text(of_words(text).to_owned())),
        ColumnKind::Count => text.parse().ok().map(Cell::Count),
        ColumnKind::Money | ColumnKind::WorkedOut(_) => {
            // Money is written with both of its places.
            let (yuan, fen) = text.split_once('.').filter(|(_, fen)| fen.len() == 2)?;
            format!("{yuan}{fen}").parse().ok().map(|fen| Cell::Money(Money::from_fen(fen)))
        }
    }
}

/// What follows each row.
fn following(document: &Document) -> impl Iterator<Item = &(String, String)> {
    document.accounts.iter().chain(&document.stamp.told)
}

fn records<R: IntoIterator<Item: AsRef<[u8]>>>(
    document: &Document,
    records: impl IntoIterator<Item = R>,
) -> Result<Vec<u8>, WriteError> {
    let failed = |source| WriteError::Table { title: document.title.clone(), source };
    let mut writer = csv::Writer::from_writer(Vec::new());
    for record in records {
        writer.write_record(record).map_err(failed)?;
    }
    writer.into_inner().map_err(|fault| failed(fault.into_error().into()))
}

fn text(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) => as_words(text).into_owned(),
        Cell::Count(count) => count.to_string(),
        Cell::Money(amount) => amount.to_string(),
    }
}
