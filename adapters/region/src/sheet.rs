//! A CSV file with named columns, read with every fault at once: file, line, column, what is wrong. Lines that begin
//! with `#` are comments; a row is one line, and one of which every cell is empty is none. It knows no meaning of any
//! column; `people` and `post` do, and operators' commands that lodge what a file holds.

mod text;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use settlement::ids::IdError;
use settlement::money::Money;
use settlement::person::Validity;

/// A place in a file that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The file.
    pub file: PathBuf,
    /// The line, counted from 1; 0 where the whole file is at fault.
    pub line: u64,
    /// The column; empty where the whole line is at fault.
    pub column: &'static str,
    /// What is wrong. Never the cell's own text: it may be a name or a document number.
    pub problem: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)?;
        if !self.column.is_empty() {
            write!(f, " {}", self.column)?;
        }
        write!(f, ": {}", self.problem)
    }
}

/// Every fault of some files.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Faults(pub Vec<Fault>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0.len(), if self.0.len() == 1 { "fault" } else { "faults" })?;
        self.0.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}

/// A file's rows.
pub struct Sheet {
    file: PathBuf,
    rows: Vec<(u64, BTreeMap<&'static str, String>)>,
}

impl Sheet {
    /// Reads a file that has exactly these columns, in any order.
    ///
    /// # Errors
    /// When it cannot be read, is not CSV in UTF-8, or has other columns.
    pub fn read(file: &Path, columns: &[&'static str]) -> Result<Sheet, Vec<Fault>> {
        Sheet::read_with(file, columns, &[])
    }

    /// The same of a file that may have some more columns, where they are needed.
    ///
    /// # Errors
    /// As [`Sheet::read`].
    pub fn read_with(
        file: &Path,
        columns: &[&'static str],
        where_needed: &[&'static str],
    ) -> Result<Sheet, Vec<Fault>> {
        Sheet::of(file, &text::read(file)?, columns, where_needed)
    }

    /// The same of a file whose last line is not cut off.
    ///
    /// # Errors
    /// As [`Sheet::read`]; when it does not end with a line break.
    pub fn read_complete(file: &Path, columns: &[&'static str]) -> Result<Sheet, Vec<Fault>> {
        Sheet::read_complete_with(file, columns, &[])
    }

    /// The same of a file that may have some more columns.
    ///
    /// # Errors
    /// As [`Sheet::read_complete`].
    pub fn read_complete_with(
        file: &Path,
        columns: &[&'static str],
        optional: &[&'static str],
    ) -> Result<Sheet, Vec<Fault>> {
        let text = text::read(file)?;
        let sheet = Sheet::of(file, &text, columns, optional)?;
        if text.ends_with('\n') {
            return Ok(sheet);
        }
        let problem = "does not end with a line break, so it may have been cut off: save the file again".to_owned();
        Err(vec![Fault { file: file.to_owned(), line: text.lines().count() as u64, column: "", problem }])
    }

    /// The same of a file that somebody gives in order to have something done: it has rows.
    ///
    /// # Errors
    /// As [`Sheet::read_complete`]; when it has no row.
    pub fn read_whole(file: &Path, columns: &[&'static str]) -> Result<Sheet, Vec<Fault>> {
        Sheet::read_whole_with(file, columns, &[])
    }

    /// The same of a file that may have some more columns.
    ///
    /// # Errors
    /// As [`Sheet::read_whole`].
    pub fn read_whole_with(
        file: &Path,
        columns: &[&'static str],
        optional: &[&'static str],
    ) -> Result<Sheet, Vec<Fault>> {
        let sheet = Sheet::read_complete_with(file, columns, optional)?;
        let problem = || "has no rows below its header".to_owned();
        let fault = || Fault { file: file.to_owned(), line: 0, column: "", problem: problem() };
        if sheet.rows.is_empty() { Err(vec![fault()]) } else { Ok(sheet) }
    }

    fn of(
        file: &Path,
        text: &str,
        columns: &[&'static str],
        where_needed: &[&'static str],
    ) -> Result<Sheet, Vec<Fault>> {
        let fault = |line, problem: String| Fault { file: file.to_owned(), line, column: "", problem };
        let lines = (1..).zip(text.lines());
        let mut lines = lines.filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
        let Some((first, header)) = lines.next() else {
            return Err(vec![fault(0, format!("is empty: its first line must be {}", columns.join(",")))]);
        };
        let order = read_header(header, columns, where_needed)
            .map_err(|problems| problems.into_iter().map(|problem| fault(first, problem)).collect::<Vec<_>>())?;
        let (mut rows, mut faults) = (Vec::new(), Vec::new());
        for (number, line) in lines {
            let mut cells = match text::cells(line) {
                Ok(cells) => cells,
                Err(problem) => {
                    faults.push(fault(number, problem.to_owned()));
                    continue;
                }
            };
            text::leave_out_unused(&mut cells, order.len());
            if cells.len() != order.len() {
                faults.push(fault(number, text::other_length(cells.len(), order.len())));
            } else if cells.iter().any(|cell| !cell.is_empty()) {
                rows.push((number, order.iter().copied().zip(cells).collect()));
            }
        }
        if faults.is_empty() { Ok(Sheet { file: file.to_owned(), rows }) } else { Err(faults) }
    }

    /// Reads each row; what is wrong goes to `faults`, and such a row gives nothing.
    pub fn rows<T>(&self, faults: &mut Vec<Fault>, mut read: impl FnMut(&mut Row<'_>) -> Option<T>) -> Vec<T> {
        let mut values = Vec::new();
        for (line, cells) in &self.rows {
            let mut row = Row { file: &self.file, line: *line, cells, faults: Vec::new() };
            let spoilt = cells.iter().filter_map(|(column, cell)| Some((*column, text::problem_of(cell)?)));
            spoilt.for_each(|(column, problem)| row.fault(column, problem));
            let value = if row.faults.is_empty() { read(&mut row) } else { None };
            if row.faults.is_empty() {
                values.extend(value);
            }
            faults.append(&mut row.faults);
        }
        values
    }
}

fn read_header(
    line: &str,
    columns: &[&'static str],
    where_needed: &[&'static str],
) -> Result<Vec<&'static str>, Vec<String>> {
    let mut names = text::cells(line).map_err(|problem| vec![problem.to_owned()])?;
    text::leave_out_unused(&mut names, 0);
    let missing = columns.iter().filter(|column| !names.iter().any(|name| name == *column));
    let mut problems: Vec<String> = missing.map(|column| format!("lacks column {column}")).collect();
    let mut order = Vec::new();
    for name in &names {
        match columns.iter().chain(where_needed).find(|column| *column == name) {
            Some(column) if order.contains(column) => problems.push(format!("has column {column} twice")),
            Some(column) => order.push(*column),
            None if name.is_empty() => problems.push("has a column without a name".to_owned()),
            None => problems.push(format!("has column {}, which nobody reads", name.escape_debug())),
        }
    }
    if problems.is_empty() { Ok(order) } else { Err(problems) }
}

/// One row while it is read. A method that finds a fault gives none and remembers it.
pub struct Row<'a> {
    file: &'a Path,
    line: u64,
    cells: &'a BTreeMap<&'static str, String>,
    faults: Vec<Fault>,
}

impl Row<'_> {
    /// The line, counted from 1.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// Remembers a fault of a column.
    pub fn fault(&mut self, column: &'static str, problem: impl fmt::Display) {
        self.faults.push(Fault { file: self.file.to_owned(), line: self.line, column, problem: problem.to_string() });
    }

    /// A cell as it is; empty for a column that is not there.
    pub fn text(&self, column: &str) -> &str {
        self.cells.get(column).map_or("", String::as_str)
    }

    /// All cells in the order of their columns: what *the same content* means.
    pub fn content(&self) -> String {
        self.cells.iter().map(|(column, cell)| format!("{column}={cell}")).collect::<Vec<_>>().join("\u{1f}")
    }

    /// A cell that must not be empty.
    pub fn needed(&mut self, column: &'static str) -> Option<String> {
        let text = self.text(column).to_owned();
        if text.is_empty() {
            self.fault(column, "is empty");
            return None;
        }
        Some(text)
    }

    /// An identifier.
    pub fn id<T>(&mut self, column: &'static str, read: impl FnOnce(&str) -> Result<T, IdError>) -> Option<T> {
        let read = read(self.text(column));
        read.map_err(|problem| self.fault(column, problem)).ok()
    }

    /// An identifier, or none in an empty cell.
    pub fn optional_id<T>(
        &mut self,
        column: &'static str,
        read: impl FnOnce(&str) -> Result<T, IdError>,
    ) -> Option<Option<T>> {
        if self.text(column).is_empty() { Some(None) } else { self.id(column, read).map(Some) }
    }

    /// One of a fixed set of words.
    pub fn word<T>(&mut self, column: &'static str, read: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let value = read(self.text(column));
        if value.is_none() {
            self.fault(
                column,
                if self.text(column).is_empty() { "is empty" } else { "is not a word that is known here" },
            );
        }
        value
    }

    /// A date `yyyy-mm-dd`.
    pub fn date(&mut self, column: &'static str) -> Option<Date> {
        let date = self.text(column).parse();
        date.map_err(|_| self.fault(column, "is not a date yyyy-mm-dd")).ok()
    }

    /// A date, or none in an empty cell.
    pub fn optional_date(&mut self, column: &'static str) -> Option<Option<Date>> {
        if self.text(column).is_empty() { Some(None) } else { self.date(column).map(Some) }
    }

    /// From one column's day to another's, which may be empty.
    pub fn validity(&mut self, from: &'static str, to: &'static str) -> Option<Validity> {
        let (first, last) = (self.date(from), self.optional_date(to));
        let validity = Validity { from: first?, to: last? };
        if validity.to.is_some_and(|to| to < validity.from) {
            self.fault(to, "is before the first day");
            return None;
        }
        Some(validity)
    }

    /// `1` or `0`; empty is `0`.
    pub fn flag(&mut self, column: &'static str) -> Option<bool> {
        self.word(column, |text| match text {
            "1" | "true" => Some(true),
            "0" | "" | "false" => Some(false),
            _ => None,
        })
    }

    /// An amount of yuan with at most two decimal places, not negative; empty is nothing.
    pub fn money(&mut self, column: &'static str) -> Option<Money> {
        let text = self.text(column);
        if text.is_empty() {
            return Some(Money::ZERO);
        }
        match read_money(text) {
            Some(amount) => Some(amount),
            None => {
                self.fault(
                    column,
                    "is not an amount of yuan such as 1000.00: digits only, and at most two after the point",
                );
                None
            }
        }
    }

    /// The same that may be below zero, with a minus before it.
    pub fn signed_money(&mut self, column: &'static str) -> Option<Money> {
        match self.text(column).strip_prefix('-').map(read_money) {
            Some(Some(amount)) => Some(-amount),
            // A minus before nothing or before another one is no amount.
            Some(None) | None => self.money(column),
        }
    }

    /// A count; empty is none.
    pub fn count(&mut self, column: &'static str) -> Option<i64> {
        let text = self.text(column);
        if text.is_empty() {
            return Some(0);
        }
        match text.parse::<u16>() {
            Ok(count) => Some(count.into()),
            Err(_) => {
                self.fault(column, "is not a count");
                None
            }
        }
    }
}

fn read_money(text: &str) -> Option<Money> {
    let (yuan, fen) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if yuan.is_empty() || !digits(yuan) || !digits(fen) || fen.len() > 2 {
        return None;
    }
    let amount: i64 = format!("{yuan}{fen:0<2}").parse().ok()?;
    (amount <= Money::MAX.fen()).then_some(Money::from_fen(amount))
}

#[cfg(test)]
mod tests {
    use settlement::spreadsheet::{SPOILT, as_words};

    use super::*;

    #[test]
    fn an_amount_has_at_most_two_places() {
        for (text, fen) in [
            ("12", Some(1200)),
            ("12.3", Some(1230)),
            ("12.34", Some(1234)),
            ("0.05", Some(5)),
            ("12.345", None),
            ("-1", None),
            (".5", None),
            ("1e3", None),
            ("一", None),
            ("999999999999", None),
        ] {
            assert_eq!(read_money(text).map(Money::fen), fen, "{text}");
        }
    }

    #[test]
    fn every_fault_of_a_file_is_told_at_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("rows.csv");
        std::fs::write(&file, "\u{feff}day,amount\n# a comment\n2025-02-30,1.234\n2025-01-01,1\n").expect("a file");
        let sheet = Sheet::read(&file, &["amount", "day"]).expect("a sheet");
        let mut faults = Vec::new();
        let rows = sheet.rows(&mut faults, |row| {
            let (day, amount) = (row.date("day"), row.money("amount"));
            Some((day?, amount?))
        });
        assert_eq!(rows.len(), 1);
        let told: Vec<_> = faults.iter().map(|fault| (fault.line, fault.column)).collect();
        assert_eq!(told, [(3, "day"), (3, "amount")]);
    }

    #[test]
    fn a_number_that_a_spreadsheet_has_spoilt_is_refused_in_any_column() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("rows.csv");
        for (cell, spoilt) in [("3.10000175039009E+029", true), ("310000175039009000000000000001", false)] {
            std::fs::write(
                &file,
                format!(
                    "setl_id,reason
S1,原因
{cell},原因
"
                ),
            )
            .expect("a file");
            let sheet = Sheet::read_whole(&file, &["setl_id", "reason"]).expect("a sheet");
            let mut faults = Vec::new();
            let rows = sheet.rows(&mut faults, |row| row.needed("setl_id"));
            let told: Vec<_> = faults.iter().map(|fault| (fault.line, fault.column, fault.problem.as_str())).collect();
            let expected = if spoilt { vec![(3, "setl_id", SPOILT)] } else { vec![] };
            assert_eq!((rows.len(), told), (if spoilt { 1 } else { 2 }, expected), "{cell}");
        }
    }

    #[test]
    fn an_id_is_read_back_from_a_table_that_marks_it_as_words() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, id) = (folder.path().join("rows.csv"), "310000175039009000000000000001");
        std::fs::write(&file, format!("setl_id,reason\n{},'07号\n", as_words(id))).expect("a file");
        let sheet = Sheet::read_whole(&file, &["setl_id", "reason"]).expect("a sheet");
        let rows =
            sheet.rows(&mut Vec::new(), |row| Some(["setl_id", "reason"].map(|column| row.text(column).to_owned())));
        assert_eq!(rows, [[id, "'07号"]]);
    }

    #[test]
    fn a_file_that_is_cut_off_empty_or_not_utf_8_is_not_taken() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("rows.csv");
        for (bytes, line, problem) in [
            (&b"day,amount\n2025-01-01,1\n2025-01-0"[..], 3, "has 1 cells, not 2"),
            (&b"day,amount\n2025-01-01,1\n2025-01-02,1"[..], 3, "does not end with a line break"),
            (&b"day,amount\n"[..], 0, "has no rows"),
            (&b""[..], 0, "is empty: its first line must be day,amount"),
            (&b"day,amount\n2025-01-01,1\n\xd4\xad\xd2\xf2,1\n"[..], 3, "save the file as UTF-8"),
            (&b"day,amount\n2025-01-01,1,000\n"[..], 2, "has 3 cells, not 2"),
        ] {
            std::fs::write(&file, bytes).expect("a file");
            let faults = Sheet::read_whole(&file, &["day", "amount"]).err().expect("faults");
            assert_eq!(faults.len(), 1, "{faults:?}");
            assert!(faults[0].line == line && faults[0].problem.contains(problem), "{faults:?}");
        }
        std::fs::write(&file, "\u{feff}day,amount\r\n2025-01-01,1\r\n").expect("a file");
        assert!(Sheet::read_whole(&file, &["day", "amount"]).is_ok());
    }

    #[test]
    fn other_columns_are_told_by_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("rows.csv");
        std::fs::write(&file, "day,sum\n").expect("a file");
        let faults = Sheet::read(&file, &["day", "amount"]).err().expect("faults");
        let problems: Vec<_> = faults.iter().map(|fault| fault.problem.as_str()).collect();
        assert_eq!(problems, ["lacks column amount", "has column sum, which nobody reads"]);
        assert!(Sheet::read(&folder.path().join("none.csv"), &["day"]).is_err());
    }
}
