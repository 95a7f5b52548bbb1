//! A file of which every row is carried out: it is read whole before anything is. Called by what is lodged or decided by
//! file.

use std::collections::BTreeMap;
use std::path::Path;

use region::sheet::{Faults, Row, Sheet};

/// What earlier rows of the file were about, with their lines.
#[derive(Default)]
pub struct Before(BTreeMap<String, u64>);

impl Before {
    /// Faults a row that is about the same as one before it.
    pub fn ensure_new(&mut self, row: &mut Row<'_>, column: &'static str, about: String) {
        if let Some(before) = self.0.insert(about, row.line()) {
            row.fault(column, format!("stands in line {before} already"));
        }
    }
}

/// The rows of a file with these columns, and perhaps some more, each with its line: all of them or none.
///
/// # Errors
/// With every fault of the file, by line and column.
pub fn read<T>(
    file: &Path,
    (columns, optional): (&[&'static str], &[&'static str]),
    mut read: impl FnMut(&mut Row<'_>, &mut Before) -> Option<T>,
) -> Result<Vec<(usize, T)>, Faults> {
    let sheet = Sheet::read_whole_with(file, columns, optional).map_err(Faults)?;
    let (mut faults, mut before) = (Vec::new(), Before::default());
    let rows = sheet.rows(&mut faults, |row| {
        let line = usize::try_from(row.line()).unwrap_or(usize::MAX);
        Some((line, read(row, &mut before)?))
    });
    if faults.is_empty() { Ok(rows) } else { Err(Faults(faults)) }
}
