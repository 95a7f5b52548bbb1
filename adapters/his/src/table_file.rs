//! Tables that a person edits as CSV: columns by name, `#` lines as comments, every bad row told with its line. Called
//! by [`crate::institutions`] and [`crate::catalogue`].

use jiff::civil::Date;
use settlement::person::Validity;

/// A row that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct TableFault {
    /// The line, counted from 1.
    pub line: u64,
    /// What is wrong with it.
    pub problem: String,
}

/// One row with its columns' names.
pub struct Row<'a> {
    headers: &'a csv::StringRecord,
    cells: &'a csv::StringRecord,
}

impl<'a> Row<'a> {
    /// A cell; empty where the row leaves it so.
    ///
    /// # Errors
    /// When the file has no such column.
    pub fn get(&self, column: &str) -> Result<&'a str, String> {
        let index = self.headers.iter().position(|header| header == column);
        let cell = index.and_then(|index| self.cells.get(index));
        cell.ok_or_else(|| format!("has no column {column}"))
    }

    /// A day.
    ///
    /// # Errors
    /// When the cell is not one.
    pub fn day(&self, column: &str) -> Result<Date, String> {
        let cell = self.get(column)?;
        cell.parse().map_err(|_| format!("{column} {cell:?} is not a date yyyy-mm-dd"))
    }

    /// From one day to another, which may be empty.
    ///
    /// # Errors
    /// When a cell is not a day, or the end is before the beginning.
    pub fn validity(&self, from: &str, to: &str) -> Result<Validity, String> {
        let validity =
            Validity { from: self.day(from)?, to: if self.get(to)?.is_empty() { None } else { Some(self.day(to)?) } };
        match validity.to {
            Some(end) if end < validity.from => Err(format!("{to} is before {from}")),
            Some(_) | None => Ok(validity),
        }
    }
}

/// Reads every row of a file.
///
/// # Errors
/// Every row that cannot be read.
pub fn read_rows<T>(text: &str, read: impl Fn(&Row<'_>) -> Result<T, String>) -> Result<Vec<T>, Vec<TableFault>> {
    let mut reader =
        csv::ReaderBuilder::new().comment(Some(b'#')).trim(csv::Trim::All).flexible(true).from_reader(text.as_bytes());
    let headers = reader.headers().map_err(|fault| vec![fault_of(&fault)])?.clone();
    let mut rows = Vec::new();
    let mut faults = Vec::new();
    for record in reader.records() {
        match record {
            Err(fault) => faults.push(fault_of(&fault)),
            Ok(cells) => match read(&Row { headers: &headers, cells: &cells }) {
                Ok(row) => rows.push(row),
                Err(problem) => {
                    let line = cells.position().map_or(0, csv::Position::line);
                    faults.push(TableFault { line, problem });
                }
            },
        }
    }
    if faults.is_empty() { Ok(rows) } else { Err(faults) }
}

fn fault_of(fault: &csv::Error) -> TableFault {
    TableFault { line: fault.position().map_or(0, csv::Position::line), problem: fault.to_string() }
}
