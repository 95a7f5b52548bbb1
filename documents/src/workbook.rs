//! A document as a workbook of one sheet: title, what it is about, table, totals, the amount in capital numerals, who
//! signs. Totals, and figures that are worked out, are formulas, so that a spreadsheet works them out again. A table that is
//! too long for a sheet goes on in the next; each is summed up (小计), and the last has the totals.

use clearing::capitals::capitals;
use clearing::document::{Cell, Column, ColumnKind, DRAFT, Document, Row, SIGNED_BY, Sign};
use jiff::civil::Date;
use rust_xlsxwriter::{
    DocProperties, ExcelDateTime, Format, FormatAlign, FormatBorder, Formula, Url, Workbook, Worksheet, XlsxError,
    utility::row_col_to_cell,
};

use crate::{WIDE, WriteError, heading};

/// Numbers of a spreadsheet show fifteen digits and no more. A figure beyond would be another number than the one that
/// is cleared, and one written as words would drop out of the sums, so such a document is not written at all.
const EXACT: u64 = 999_999_999_999_999;
const MONEY: &str = "#,##0.00";
/// As spreadsheets number paper.
const A3: u8 = 8;
const A4: u8 = 9;
const COUNT: &str = "#,##0";
/// So many rows of a table one sheet takes. A spreadsheet has 1,048,576, and needs some for title, totals and who signs.
const A_SHEET: usize = 1_000_000;

/// Writes documents as one workbook, a sheet each, as made on a day.
///
/// # Errors
/// When a figure of it is longer than a spreadsheet's numbers, or it cannot be written: a fault of ours.
pub fn write(documents: &[Document], made_on: Date) -> Result<Vec<u8>, WriteError> {
    write_in_sheets(documents, A_SHEET, made_on)
}

/// The same with at most so many rows of a table in a sheet, one at least: what a spreadsheet takes is a matter of [`write()`].
///
/// # Errors
/// As [`write()`].
pub fn write_in_sheets(documents: &[Document], rows: usize, made_on: Date) -> Result<Vec<u8>, WriteError> {
    let mut workbook = Workbook::new();
    for document in documents {
        every_figure_is_exact(document)?;
        let failed = |source| WriteError::Workbook { title: document.title.clone(), source };
        let mut before = Vec::new();
        for part in parts(document, rows.max(1)) {
            let summed = sheet(workbook.add_worksheet(), document, (&part, &before)).map_err(failed)?;
            before.push((part.name, summed));
        }
    }
    finish(workbook, made_on).map_err(|source| WriteError::Workbook { title: String::new(), source })
}

fn every_figure_is_exact(document: &Document) -> Result<(), WriteError> {
    let digits = |cell: &Cell| match cell {
        Cell::Text(_) => 0,
        Cell::Count(count) => count.unsigned_abs(),
        Cell::Money(amount) => amount.fen().unsigned_abs(),
    };
    for (column, Column { name, kind: _ }) in document.columns.iter().enumerate() {
        let total = document.total(column);
        let cells = document.rows.iter().filter_map(|row| row.cells.get(column)).chain(&total);
        if cells.map(digits).any(|figure| figure > EXACT) {
            return Err(WriteError::TooLong { title: document.title.clone(), column: name.clone() });
        }
    }
    Ok(())
}

/// The day stands in it, and not the instant, so that the same documents of a day are the same bytes.
fn finish(mut workbook: Workbook, made_on: Date) -> Result<Vec<u8>, XlsxError> {
    let (year, month, day) = (made_on.year(), made_on.month(), made_on.day());
    let year = u16::try_from(year).unwrap_or(1900);
    let made = ExcelDateTime::from_ymd(year, month.unsigned_abs(), day.unsigned_abs())?;
    workbook.set_properties(&DocProperties::new().set_creation_datetime(&made));
    workbook.save_to_buffer()
}

/// What of a document stands in one sheet.
struct Part<'d> {
    /// The sheet's name.
    name: String,
    rows: &'d [Row],
    /// Which of how many, counted from 1.
    place: (usize, usize),
}

/// A document's sheets: one where its rows have room in it.
fn parts(document: &Document, rows: usize) -> Vec<Part<'_>> {
    let count = document.rows.len().div_ceil(rows).max(1);
    let part = |index: usize| {
        let first = index * rows;
        let rows = &document.rows[first..document.rows.len().min(first + rows)];
        Part { name: sheet_name(&document.title, index), rows, place: (index + 1, count) }
    };
    (0..count).map(part).collect()
}

/// Writes one sheet of a document after those before it, each by its name and the row of its sums; tells where its own are.
fn sheet(
    sheet: &mut Worksheet,
    document: &Document,
    (part, before): (&Part<'_>, &[(String, u32)]),
) -> Result<u32, XlsxError> {
    let (place, count) = part.place;
    let last_column = u16::try_from(document.columns.len().saturating_sub(1)).unwrap_or(u16::MAX);
    sheet.set_name(&part.name)?;
    sheet.set_landscape();
    sheet.set_paper_size(if document.columns.len() < WIDE { A4 } else { A3 });
    sheet.set_footer("&C第 &P 页 / 共 &N 页");
    sheet.set_print_fit_to_pages(1, 0);
    let title = Format::new().set_bold().set_font_size(16).set_align(FormatAlign::Center);
    if last_column > 0 {
        sheet.merge_range(0, 0, 0, last_column, &heading(document), &title)?;
    } else {
        sheet.write_with_format(0, 0, heading(document), &title)?;
    }
    let mut about: Vec<String> =
        document.about.iter().chain(&document.stamp.told).map(|(what, text)| format!("{what}：{text}")).collect();
    about.extend((count > 1).then(|| format!("分表：{place}/{count}")));
    sheet.write(1, 0, about.join("　"))?;
    let header = 2;
    head(sheet, header, &document.columns)?;
    let first = header + 1;
    let mut next = first;
    for row in part.rows {
        for (column, cell) in (0..).zip(&row.cells) {
            let kind = document.columns.get(usize::from(column)).map(|column| &column.kind);
            match (cell, &row.detail) {
                (Cell::Text(text), Some(way)) if column == 0 => {
                    // A relative way is kept as it is.
                    let url = Url::new(format!("file:///{way}")).set_text(text);
                    sheet.write_url_with_format(next, column, url, &bordered())?;
                }
                _ => write_cell(sheet, next, column, cell, kind)?,
            }
        }
        next += 1;
    }
    let summed = next;
    if document.is_totalled {
        let own = |column| format!("SUM({}:{})", row_col_to_cell(first, column), row_col_to_cell(summed - 1, column));
        let name = if count > 1 { "小计" } else { "合计" };
        totals(sheet, document, (name, summed), part.rows, own)?;
        next += 1;
        if count > 1 && place == count {
            let all = |column| {
                let others = before.iter().map(|(name, row)| format!("'{name}'!{}+", row_col_to_cell(*row, column)));
                others.chain([row_col_to_cell(summed, column)]).collect()
            };
            totals(sheet, document, ("合计", next), &document.rows, all)?;
            next += 1;
        }
    }
    if place == count {
        foot(sheet, document, next)?;
    }
    Ok(summed)
}

fn head(sheet: &mut Worksheet, row: u32, columns: &[Column]) -> Result<(), XlsxError> {
    let format = bordered().set_bold().set_text_wrap().set_align(FormatAlign::Center);
    for (column, Column { name, kind }) in (0..).zip(columns) {
        sheet.write_with_format(row, column, name, &format)?;
        let width = match kind {
            ColumnKind::Text => 18.0,
            ColumnKind::Count => 9.0,
            ColumnKind::Money | ColumnKind::WorkedOut(_) => 16.0,
        };
        sheet.set_column_width(column, width)?;
    }
    sheet.set_repeat_rows(row, row)?;
    sheet.set_freeze_panes(row + 1, 0)?;
    Ok(())
}

fn write_cell(
    sheet: &mut Worksheet,
    row: u32,
    column: u16,
    cell: &Cell,
    kind: Option<&ColumnKind>,
) -> Result<(), XlsxError> {
    match (cell, kind) {
        (Cell::Money(amount), Some(ColumnKind::WorkedOut(parts))) => {
            let formula: String = parts.iter().map(|(part, sign)| signed(row, *part, *sign)).collect();
            write_formula(sheet, (row, column), &formula, amount.to_decimal().to_string(), MONEY)
        }
        (Cell::Money(amount), _) => write_number(sheet, (row, column), &amount.to_string(), MONEY),
        (Cell::Count(count), _) => write_number(sheet, (row, column), &count.to_string(), COUNT),
        (Cell::Text(text), _) => sheet.write_with_format(row, column, text.as_str(), &bordered()).map(drop),
    }
}

fn signed(row: u32, part: usize, sign: Sign) -> String {
    let cell = row_col_to_cell(row, u16::try_from(part).unwrap_or(u16::MAX));
    match sign {
        Sign::Plus => format!("+{cell}"),
        Sign::Minus => format!("-{cell}"),
    }
}

/// The nearest number that a spreadsheet has, which shows the exact one.
fn write_number(sheet: &mut Worksheet, (row, column): (u32, u16), digits: &str, format: &str) -> Result<(), XlsxError> {
    let number: f64 = digits.parse().map_err(|_| XlsxError::ParameterError(format!("{digits} is no number")))?;
    sheet.write_with_format(row, column, number, &bordered().set_num_format(format)).map(drop)
}

/// A row of what columns come to over some rows, by its name; of each column that is summed, the formula.
fn totals(
    sheet: &mut Worksheet,
    document: &Document,
    (name, at): (&str, u32),
    rows: &[Row],
    formula: impl Fn(u16) -> String,
) -> Result<(), XlsxError> {
    let bold = bordered().set_bold();
    for (column, Column { name: _, kind }) in (0..).zip(&document.columns) {
        let total = document.total_of(rows, usize::from(column));
        let (Some(total), false) = (total, rows.is_empty()) else {
            let text = if column == 0 { name } else { "" };
            sheet.write_with_format(at, column, text, &bold)?;
            continue;
        };
        let (result, format) = match (&total, kind) {
            (Cell::Count(count), _) => (count.to_string(), COUNT),
            (Cell::Money(amount), _) => (amount.to_decimal().to_string(), MONEY),
            (Cell::Text(text), _) => (text.clone(), COUNT),
        };
        write_formula(sheet, (at, column), &formula(column), result, format)?;
    }
    Ok(())
}

fn write_formula(
    sheet: &mut Worksheet,
    (row, column): (u32, u16),
    formula: &str,
    result: String,
    format: &str,
) -> Result<(), XlsxError> {
    let format = bordered().set_num_format(format);
    let formula = Formula::new(format!("={}", formula.trim_start_matches('+'))).set_result(result);
    sheet.write_formula_with_format(row, column, formula, &format).map(drop)
}

fn foot(sheet: &mut Worksheet, document: &Document, mut row: u32) -> Result<(), XlsxError> {
    if let Some(amount) = document.amount {
        sheet.write(row, 0, format!("金额（大写）：{}", capitals(amount)))?;
        row += 1;
    }
    for (what, text) in &document.accounts {
        sheet.write(row, 0, format!("{what}：{text}"))?;
        row += 1;
    }
    if document.stamp.is_draft {
        sheet.write(row + 1, 0, format!("{DRAFT}：仅供核对，不得签章、不得据以收付。"))?;
        return Ok(());
    }
    sheet.write(row + 1, 0, SIGNED_BY.map(|who| format!("{who}：　　　　　　")).concat())?;
    Ok(())
}

/// Names of sheets have at most 31 characters. Those that go on are numbered.
fn sheet_name(title: &str, index: usize) -> String {
    let number = if index == 0 { String::new() } else { format!("-{}", index + 1) };
    title.chars().take(31 - number.len()).chain(number.chars()).collect()
}

fn bordered() -> Format {
    Format::new().set_border(FormatBorder::Thin)
}
