//! A document as CSV: its columns and rows. Programs read it, a line a row and the first line the columns, so what is no
//! row has no place in it: title, totals, capital numerals and signatures stand in the workbook and on the page, which
//! people read and sign. What a program must not miss follows each row: the account that is paid into, and which edition
//! it is (版次, 状态, 出具日期). A cell that a spreadsheet would take for a formula is marked as words.

use clearing::document::{Cell, Document};

use crate::WriteError;

/// So that spreadsheets read Chinese.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Writes a document's table.
///
/// # Errors
/// When it cannot be written: a fault of ours.
pub fn write(document: &Document) -> Result<Vec<u8>, WriteError> {
    let failed = |source| WriteError::Table { title: document.title.clone(), source };
    let mut writer = csv::Writer::from_writer(BYTE_ORDER_MARK.to_vec());
    let following = || document.accounts.iter().chain(&document.stamp.told);
    let names = document.columns.iter().map(|column| &column.name);
    writer.write_record(names.chain(following().map(|(what, _)| what))).map_err(failed)?;
    for row in &document.rows {
        let told = following().map(|(_, told)| as_words(told));
        writer.write_record(row.cells.iter().map(text).chain(told)).map_err(failed)?;
    }
    writer.into_inner().map_err(|fault| failed(fault.into_error().into()))
}

fn text(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) => as_words(text),
        Cell::Count(count) => count.to_string(),
        Cell::Money(amount) => amount.to_string(),
    }
}

fn as_words(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@']) { format!("'{text}") } else { text.to_owned() }
}
