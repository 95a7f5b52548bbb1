//! Lists of settlements as workbooks: a spreadsheet takes ids in a table for numbers and spoils them, in a workbook they are
//! words. Each is made row by row from its table, so that no list is ever held. Called by [`super`].

use std::fs::File;
use std::io::{BufReader, BufWriter, Write as _};

use anyhow::{Context, Result};
use clearing::details::behind;
use clearing::document::Document;
use clearing::edition::stamp;

use super::{ClearedMonth, Lists};

/// Writes each list that is written as a table as a workbook too, beside it.
///
/// # Errors
/// When a table cannot be read again, or a workbook not be written.
pub(super) fn write(lists: &Lists<'_>, cleared: &ClearedMonth) -> Result<()> {
    let columns = behind(lists.month, [], lists.regions);
    for (row, list) in &lists.written {
        let table = lists.folder.join(format!("{row}.csv"));
        let opened = File::open(&table).with_context(|| format!("cannot read {}", table.display()))?;
        let workbook = table.with_extension("xlsx");
        let failed = || format!("cannot write {}", workbook.display());
        let mut into = BufWriter::new(File::create(&workbook).with_context(failed)?);
        let own = list.pairs.iter().filter_map(|pair| cleared.records.get_key_value(pair));
        let stamp = stamp(cleared.stage, own, lists.regions);
        let document = Document { amount: Some(list.owed), stamp, ..columns.clone() };
        let rows = documents::table::read(&document, BufReader::new(opened));
        documents::workbook::write_rows(&document, (rows, list.rows), cleared.made_on, &lists.folder, &mut into)?;
        into.flush().with_context(failed)?;
    }
    Ok(())
}
