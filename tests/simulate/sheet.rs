//! A workbook of a document, read by other hands: cells by the names of their columns, every formula worked out anew, and
//! the capital numerals read back.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use calamine::{Data, Reader, Xlsx, open_workbook};

/// Rows before the table: title, what it is about, the names of columns.
const HEAD: u32 = 3;

/// The sheet of a document.
#[derive(Debug)]
pub struct Sheet {
    columns: Vec<String>,
    /// The table's rows.
    rows: Vec<Row>,
    /// Its totals; none for a notice.
    totals: Option<Row>,
    /// The amount in capital numerals, in fen.
    pub capitals: i64,
}

/// A row: words and figures by the names of their columns, figures in hundredths.
#[derive(Clone, Debug, Default)]
pub struct Row {
    words: BTreeMap<String, String>,
    figures: BTreeMap<String, i64>,
}

impl Row {
    /// Words.
    pub fn word(&self, column: &str) -> &str {
        self.words.get(column).map(String::as_str).unwrap_or_default()
    }

    /// A figure in hundredths: fen, or hundredths of a visit.
    pub fn figure(&self, column: &str) -> i64 {
        self.figures.get(column).copied().unwrap_or_default()
    }
}

impl Sheet {
    /// Opens a workbook of one sheet. Every formula must come to what the workbook says beside it.
    pub fn open(file: &Path) -> Sheet {
        let mut workbook: Xlsx<BufReader<File>> =
            open_workbook(file).unwrap_or_else(|fault| panic!("{}: {fault}", file.display()));
        let name = workbook.sheet_names().first().expect("a sheet").clone();
        let (words, mut figures) = read(&mut workbook, &name);
        let formulas = formulas(&mut workbook, &name);
        let said = figures.clone();
        // Figures of a row first, then the totals over them.
        for (place, formula) in &formulas {
            let comes_to = worked_out(formula, &figures);
            assert_eq!(Some(&comes_to), said.get(place), "{} {place:?}: {formula}", file.display());
            figures.insert(*place, comes_to);
        }
        let at = |row: u32| words.iter().filter(move |((of, _), _)| *of == row);
        let columns: Vec<String> = at(HEAD - 1).map(|(_, text)| text.clone()).collect();
        let row = |number: u32| {
            let named = |column: u32| columns[column as usize].clone();
            let inside = |column: u32| (column as usize) < columns.len();
            let words = at(number).filter(|((_, column), _)| inside(*column));
            let words = words.map(|((_, column), text)| (named(*column), text.clone())).collect();
            let figures = figures.iter().filter(|((of, column), _)| *of == number && inside(*column));
            Row { words, figures: figures.map(|((_, column), figure)| (named(*column), *figure)).collect() }
        };
        let first = |of: u32| words.get(&(of, 0)).map(String::as_str).unwrap_or_default();
        let amount = (HEAD..).find(|number| first(*number).starts_with("金额（大写）")).expect("an amount in capitals");
        let total = (HEAD..amount).find(|number| first(*number) == "合计");
        let rows = (HEAD..total.unwrap_or(amount)).map(row).collect();
        let capitals = read_capitals(first(amount).trim_start_matches("金额（大写）："));
        Sheet { rows, totals: total.map(row), capitals, columns }
    }

    /// The table's rows.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Whether it has a column.
    pub fn has(&self, column: &str) -> bool {
        self.columns.iter().any(|name| name == column)
    }

    /// The total of a column as its rows come to, which is what the row of totals says where there are rows.
    pub fn total(&self, column: &str) -> i64 {
        let total = self.rows.iter().map(|row| row.figure(column)).sum();
        if let Some(totals) = self.totals.as_ref().filter(|_| !self.rows.is_empty()) {
            assert_eq!(totals.figure(column), total, "the total of {column}");
        }
        total
    }

    /// Rows of which a column says something.
    pub fn of<'a>(&'a self, column: &'a str, word: &'a str) -> impl Iterator<Item = &'a Row> {
        self.rows.iter().filter(move |row| row.word(column) == word)
    }
}

type Cells<T> = BTreeMap<(u32, u32), T>;

fn read(workbook: &mut Xlsx<BufReader<File>>, name: &str) -> (Cells<String>, Cells<i64>) {
    let sheet = workbook.worksheet_range(name).expect("a sheet");
    let start = sheet.start().expect("cells");
    let (mut words, mut figures) = (Cells::new(), Cells::new());
    for (row, column, cell) in sheet.used_cells() {
        let place = (u32::try_from(row).expect("small") + start.0, u32::try_from(column).expect("small") + start.1);
        if let Data::Float(number) = cell {
            figures.insert(place, hundredths(*number));
        } else if let Data::String(text) = cell {
            words.insert(place, text.clone());
        }
    }
    (words, figures)
}

fn formulas(workbook: &mut Xlsx<BufReader<File>>, name: &str) -> Cells<String> {
    let formulas = workbook.worksheet_formula(name).expect("formulas");
    let Some(start) = formulas.start() else { return Cells::new() };
    let used = formulas.used_cells().filter(|(_, _, formula)| !formula.is_empty());
    used.map(|(row, column, formula)| {
        let place = (u32::try_from(row).expect("small") + start.0, u32::try_from(column).expect("small") + start.1);
        (place, formula.clone())
    })
    .collect()
}

/// What a spreadsheet shows with two places.
#[expect(clippy::cast_possible_truncation, clippy::float_arithmetic, reason = "as a spreadsheet rounds to whole fen")]
fn hundredths(number: f64) -> i64 {
    (number * 100.0).round() as i64
}

/// Works a formula out: `SUM(E4:E9)`, or cells added and taken off.
fn worked_out(formula: &str, figures: &Cells<i64>) -> i64 {
    let figure = |place| figures.get(&place).copied().unwrap_or_default();
    if let Some(range) = formula.strip_prefix("SUM(").and_then(|rest| rest.strip_suffix(')')) {
        let (from, to) = range.split_once(':').expect("a range");
        let ((first, column), (last, _)) = (place(from), place(to));
        return (first..=last).map(|row| figure((row, column))).sum();
    }
    let parts = formula.replace('-', "+-");
    let parts = parts.split('+').filter(|part| !part.is_empty());
    parts.map(|part| part.strip_prefix('-').map_or_else(|| figure(place(part)), |taken| -figure(place(taken)))).sum()
}

/// `AB12` as row and column, counted from 0.
fn place(cell: &str) -> (u32, u32) {
    let digits = cell.find(|character: char| character.is_ascii_digit()).expect("a row");
    let column = cell[..digits].bytes().fold(0, |column, letter| column * 26 + u32::from(letter - b'A') + 1) - 1;
    (cell[digits..].parse::<u32>().expect("a row") - 1, column)
}

/// Reads 大写金额 back into fen.
fn read_capitals(text: &str) -> i64 {
    let text = text.strip_prefix("人民币").expect("the currency");
    let (sign, text) = text.strip_prefix('负').map_or((1, text), |text| (-1, text));
    let (mut total, mut part, mut digit) = (0_i64, 0_i64, 0_i64);
    for character in text.chars() {
        match character {
            '零' => digit = 0,
            '壹' | '贰' | '叁' | '肆' | '伍' | '陆' | '柒' | '捌' | '玖' => {
                let digits = ['壹', '贰', '叁', '肆', '伍', '陆', '柒', '捌', '玖'];
                digit =
                    1 + i64::try_from(digits.iter().position(|one| *one == character).expect("listed")).expect("small");
            }
            '拾' | '佰' | '仟' => {
                part += digit
                    * [('拾', 10), ('佰', 100), ('仟', 1_000)]
                        .iter()
                        .find(|(unit, _)| *unit == character)
                        .expect("listed")
                        .1;
                digit = 0;
            }
            '万' => {
                total += (part + digit) * 10_000 * 100;
                (part, digit) = (0, 0);
            }
            '元' => {
                total += (part + digit) * 100;
                (part, digit) = (0, 0);
            }
            '角' => {
                total += digit * 10;
                digit = 0;
            }
            '分' => {
                total += digit;
                digit = 0;
            }
            '整' => {}
            other => panic!("{other} is no part of an amount: {text}"),
        }
    }
    assert_eq!((part, digit), (0, 0), "{text} ends with its unit");
    sign * total
}

#[test]
fn capitals_are_read_back_as_they_were_written() {
    for fen in [0, 1, 10, 11, 100, 105, 1_000_000, 1_000_001, 100_200_301, 12_345_678, 99_999_999, -250, 1_010_010_000]
    {
        let written = clearing::capitals::capitals(settlement::money::Money::from_fen(fen));
        assert_eq!(read_capitals(&written), fen, "{written}");
    }
}
