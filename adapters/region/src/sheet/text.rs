//! The text of a CSV file as spreadsheets write it: bytes to lines, a line to cells, and cells that a spreadsheet or a
//! keyboard has spoilt. What cannot be read for sure is told with what to do. It knows no columns. Called by
//! [`super::Sheet`].

use std::fs;
use std::path::Path;

use settlement::ids::is_double_width;
use settlement::spreadsheet::{SPOILT, is_spoilt, of_words};

use super::Fault;

/// What some programs put in front of UTF-8.
const BYTE_ORDER_MARK: char = '\u{feff}';
/// Below it are the letters of Europe, which GBK's bytes for common characters look like.
const ASIA: char = '\u{600}';

const NOT_UTF_8: &str = "is not UTF-8, perhaps GBK: save the file as UTF-8 (in a spreadsheet, \"CSV UTF-8\")";
const CARRIAGE_RETURN: &str =
    "has a line break of another kind in it: save the file as UTF-8 (in a spreadsheet, \"CSV UTF-8\")";
const OPEN_QUOTE: &str = "has a quote that is not closed, or a cell of several lines: a row is one line, so take the line break out of the cell";
const UNSEEN: &str = "has a character that cannot be seen: type the cell anew";
const DOUBLE_WIDTH: &str = "has letters or digits of double width 全角: type them as plain ones 半角";

/// The text of a file, without the mark in front of it.
///
/// # Errors
/// When it cannot be read, or is not UTF-8 for sure.
pub(super) fn read(file: &Path) -> Result<String, Vec<Fault>> {
    let fault = |line, problem| vec![Fault { file: file.to_owned(), line, column: "", problem }];
    let bytes = fs::read(file).map_err(|problem| fault(0, format!("cannot be read: {problem}")))?;
    let not_utf_8 = |before: &[u8]| {
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        fault(line as u64, NOT_UTF_8.to_owned())
    };
    let text = String::from_utf8(bytes).map_err(|problem| {
        let valid = problem.utf8_error().valid_up_to();
        not_utf_8(&problem.as_bytes()[..valid])
    })?;
    match perhaps_gbk(&text) {
        Some(at) => Err(not_utf_8(&text.as_bytes()[..at])),
        None => Ok(text.trim_start_matches(BYTE_ORDER_MARK).to_owned()),
    }
}

/// Where a text begins that is UTF-8 by chance, perhaps: `路` in GBK has the bytes of `·`. Nobody writes a table in China
/// with letters of Europe and none of its own.
fn perhaps_gbk(text: &str) -> Option<usize> {
    let first = text.find(|letter: char| !letter.is_ascii())?;
    (!text.contains(|letter| letter >= ASIA)).then_some(first)
}

/// The cells of a line, words as they were before they were marked so. A row is one line, so that faults can name it.
///
/// # Errors
/// When it is no row by itself.
pub(super) fn cells(line: &str) -> Result<Vec<String>, &'static str> {
    if line.contains('\r') {
        return Err(CARRIAGE_RETURN);
    }
    if line.bytes().filter(|byte| *byte == b'"').count() % 2 == 1 {
        return Err(OPEN_QUOTE);
    }
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .trim(csv::Trim::All)
        .buffer_capacity(line.len().max(1))
        .from_reader(line.as_bytes());
    let record = reader.records().next().and_then(Result::ok).ok_or("is not CSV")?;
    Ok(record.iter().map(|cell| of_words(cell).to_owned()).collect())
}

/// Leaves out the empty cells at the end of a line that are more than so many: spreadsheets write them for columns that
/// were once in use.
pub(super) fn leave_out_unused(cells: &mut Vec<String>, beyond: usize) {
    let used = cells.iter().rposition(|cell| !cell.is_empty()).map_or(0, |last| last + 1);
    cells.truncate(used.max(beyond));
}

/// What is wrong with a row of so many cells where there should be others.
pub(super) fn other_length(cells: usize, columns: usize) -> String {
    let advice = if cells > columns {
        "a cell with a comma in it stands between quotes, and an amount has none"
    } else {
        "it may be cut off: save the file again"
    };
    format!("has {cells} cells, not {columns}: {advice}")
}

/// What is wrong with a cell, whatever its column.
pub(super) fn problem_of(cell: &str) -> Option<&'static str> {
    if is_spoilt(cell) {
        Some(SPOILT)
    } else if cell.is_ascii() {
        None
    } else if cell.contains(is_unseen) {
        Some(UNSEEN)
    } else {
        is_of_double_width(cell).then_some(DOUBLE_WIDTH)
    }
}

/// What comes along where something is copied from a page or a chat: joiners, marks of direction and of byte order.
fn is_unseen(letter: char) -> bool {
    matches!(letter, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}')
        || letter == BYTE_ORDER_MARK
}

/// Whether it is a number, a date or a code that was typed, in part at least, with a Chinese keyboard. Words and names are
/// not.
fn is_of_double_width(cell: &str) -> bool {
    let is_code = cell.chars().all(|letter| letter.is_ascii_graphic() || is_double_width(letter));
    is_code && cell.contains(is_digit) && cell.contains(is_double_width)
}

fn is_digit(letter: char) -> bool {
    letter.is_ascii_digit() || ('０'..='９').contains(&letter)
}

#[cfg(test)]
mod tests {
    use super::super::{Faults, Sheet};
    use super::*;

    const COLUMNS: &[&str] = &["id", "sum", "reason"];

    /// Reads a file whole, each row as its cells; or tells its faults.
    fn read_bytes(bytes: &[u8]) -> Result<Vec<String>, Vec<(u64, &'static str, String)>> {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("rows.csv");
        fs::write(&file, bytes).expect("a file");
        let told = |faults: Vec<Fault>| -> Vec<(u64, &'static str, String)> {
            faults.into_iter().map(|fault| (fault.line, fault.column, fault.problem)).collect()
        };
        let sheet = Sheet::read_whole(&file, COLUMNS).map_err(told)?;
        let mut faults = Vec::new();
        let rows = sheet.rows(&mut faults, |row| {
            let (id, sum, reason) = (row.needed("id")?, row.money("sum")?, row.needed("reason")?);
            Some(format!("{} {id} {sum} {reason}", row.line()))
        });
        if faults.is_empty() { Ok(rows) } else { Err(told(Faults(faults).0)) }
    }

    #[test]
    fn what_a_spreadsheet_writes_is_read_as_it_was_meant() {
        let expected = ["2 D1 12.50 超量用药", "3 D2 3.00 重复收费"];
        for (name, text) in [
            ("as it should be", "id,sum,reason\nD1,12.5,超量用药\nD2,3,重复收费\n"),
            ("a mark in front", "\u{feff}id,sum,reason\nD1,12.5,超量用药\nD2,3,重复收费\n"),
            ("line breaks of Windows", "id,sum,reason\r\nD1,12.5,超量用药\r\nD2,3,重复收费\r\n"),
            ("another order", "reason,id,sum\n超量用药,D1,12.5\n重复收费,D2,3\n"),
            ("quotes and space", "\"id\",\"sum\" , reason\n\"D1\", 12.5 ,\"超量用药\"\nD2\u{3000},3,\u{a0}重复收费\n"),
            ("columns out of use", "id,sum,reason,,\nD1,12.5,超量用药,,\nD2,3,重复收费,,\n"),
            ("columns out of use in some rows", "id,sum,reason\nD1,12.5,超量用药,,,\nD2,3,重复收费,\n"),
            ("rows out of use", "id,sum,reason\nD1,12.5,超量用药\nD2,3,重复收费\n,,\n , ,\t\n,,,,\n\n"),
            ("all of it", "\u{feff}sum,reason,id,\r\n12.5,超量用药,D1,\r\n3,重复收费,D2,\r\n,,,\r\n,,,\r\n"),
        ] {
            assert_eq!(read_bytes(text.as_bytes()), Ok(expected.map(str::to_owned).to_vec()), "{name}");
        }
        let words = "id,sum,reason\nD1,1,第２次：“多收”，ＯＫ！\nD2,1,β·内酰胺\n";
        assert_eq!(read_bytes(words.as_bytes()).expect("words are taken as they are").len(), 2);
    }

    #[test]
    fn what_cannot_be_read_for_sure_is_refused_by_row_and_column_with_what_to_do() {
        for (name, row, line, column, problem) in [
            ("GBK", &b"D2,1,\xd4\xad\xd2\xf2\n"[..], 3, "", "save the file as UTF-8"),
            ("an old line break", "D2,1,原因\rD3,1,原因\n".as_bytes(), 3, "", "save the file as UTF-8"),
            ("a cell of two lines", "D2,1,\"原\n因\"\n".as_bytes(), 3, "", "take the line break out"),
            ("a lost quote", "D2,1,\"原因\n".as_bytes(), 3, "", "a quote that is not closed"),
            ("a cell too many", "D2,1,原因,,5\n".as_bytes(), 3, "", "has 5 cells, not 3"),
            ("a cell too few", "D2,1\n".as_bytes(), 3, "", "has 2 cells, not 3"),
            ("thousands", "D2,\"1,000.00\",原因\n".as_bytes(), 3, "sum", "digits only"),
            ("digits of double width", "D2,１２.５,原因\n".as_bytes(), 3, "sum", "半角"),
            ("a point of double width", "D2,12．5,原因\n".as_bytes(), 3, "sum", "半角"),
            ("an id of double width", "Ｄ2,1,原因\n".as_bytes(), 3, "id", "半角"),
            ("a number made short", "3.1E+29,1,原因\n".as_bytes(), 3, "id", "文本"),
            ("what cannot be seen", "D2\u{200b},1,原因\n".as_bytes(), 3, "id", "type the cell anew"),
            ("a mark inside", "D\u{feff}2,1,原因\n".as_bytes(), 3, "id", "type the cell anew"),
            ("cut off", "D2,1,原".as_bytes(), 3, "", "may have been cut off"),
        ] {
            let faults = read_bytes(&["id,sum,reason\nD1,1,原因\n".as_bytes(), row].concat()).expect_err(name);
            let (told_line, told_column, told) = &faults[0];
            assert_eq!((*told_line, *told_column), (line, column), "{name}: {told}");
            assert!(told.contains(problem), "{name}: {told}");
        }
        // Two bytes of GBK that are one letter of UTF-8; with the mark in front it is what it says.
        let chance = b"id,sum,reason\nD1,1,\xc2\xb7\n";
        let faults = read_bytes(chance).expect_err("it may be GBK");
        assert!(faults[0].0 == 2 && faults[0].2.contains("perhaps GBK"), "{faults:?}");
        assert_eq!(read_bytes(&[b"\xef\xbb\xbf", &chance[..]].concat()), Ok(vec!["2 D1 1.00 ·".to_owned()]));
    }

    #[test]
    fn a_header_is_refused_by_what_is_in_it() {
        for (header, problem) in [
            ("id,,sum,reason", "has a column without a name"),
            ("id,sum,reason,备注", "has column 备注, which nobody reads"),
            ("id;sum;reason", "lacks column id"),
            ("id\tsum\treason", "lacks column id"),
            ("id,sum,sum,reason", "has column sum twice"),
            ("id,sum,rea\u{200b}son", "has column rea\\u{200b}son, which nobody reads"),
            ("id,sum,\"reason", "a quote that is not closed"),
            ("id,sum,reason\rD1,1,原因", "has a line break of another kind"),
        ] {
            let faults = read_bytes(format!("{header}\nD1,1,原因\n").as_bytes()).expect_err(header);
            assert!(faults.iter().any(|(line, _, told)| *line == 1 && told.contains(problem)), "{header}: {faults:?}");
        }
        let utf_16: Vec<u8> = "\u{feff}id,sum,reason\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert!(read_bytes(&utf_16).expect_err("it is not UTF-8")[0].2.contains("save the file as UTF-8"));
        for nothing in ["id,sum,reason\n", "id,sum,reason\n,,\n\n"] {
            assert!(read_bytes(nothing.as_bytes()).expect_err("no rows")[0].2.contains("has no rows"), "{nothing:?}");
        }
    }
}
