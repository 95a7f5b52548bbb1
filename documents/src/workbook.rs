//! A document as a workbook of one sheet: title, what it is about, table, totals, the amount in capital numerals, who
//! signs. Totals, and figures that are worked out, are formulas, so that a spreadsheet works them out again. A table that is
//! too long for a sheet goes on in the next; each is summed up (小计), and the last has the totals. Rows that are too many to
//! be held are written one by one ([`write_rows`]).

mod totals;

use std::borrow::Borrow;
use std::io::Write;
use std::path::Path;

use clearing::capitals::capitals;
use clearing::document::{Cell, Column, ColumnKind, DRAFT, Document, Row, SIGNED_BY, Sign};
use jiff::civil::Date;
use rust_xlsxwriter::{
    DocProperties, ExcelDateTime, Format, FormatAlign, FormatBorder, Formula, Url, Workbook, Worksheet, XlsxError,
    utility::row_col_to_cell,
};

use crate::{WIDE, WriteError, heading};
use totals::Totals;

const MONEY: &str = "#,##0.00";
/// What a spreadsheet takes as words however it looks: ids and account numbers are none of its numbers.
const WORDS: &str = "@";
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
        let parts = parts(document, document.rows.len(), rows.max(1));
        let own = document.rows.iter().map(Ok);
        sheets(&mut workbook, document, &parts, own, |workbook| Ok(workbook.add_worksheet()))?;
    }
    let failed = |source| WriteError::Workbook { title: String::new(), source };
    made(&mut workbook, made_on).map_err(failed)?;
    workbook.save_to_buffer().map_err(failed)
}

/// Writes a document of so many rows as a workbook, row by row: one is all that is held of them. What is not finished yet
/// lies in `scratch`, a folder. The document itself has no rows, and says by itself what it comes to.
///
/// # Errors
/// As [`write()`]; when a row cannot be had, or the workbook not be written.
pub fn write_rows(
    document: &Document,
    (rows, count): (impl Iterator<Item = Result<Row, WriteError>>, usize),
    made_on: Date,
    scratch: &Path,
    into: impl Write + Send,
) -> Result<(), WriteError> {
    let failed = |source| WriteError::Workbook { title: document.title.clone(), source };
    let mut workbook = Workbook::new();
    workbook.set_tempdir(scratch).map_err(failed)?;
    let parts = parts(document, count, A_SHEET);
    sheets(&mut workbook, document, &parts, rows, Workbook::add_worksheet_with_constant_memory)?;
    made(&mut workbook, made_on).map_err(failed)?;
    workbook.save_to_writer(into).map_err(failed)
}

/// The day stands in it, and not the instant, so that the same documents of a day are the same bytes.
fn made(workbook: &mut Workbook, made_on: Date) -> Result<(), XlsxError> {
    let (year, month, day) = (made_on.year(), made_on.month(), made_on.day());
    let year = u16::try_from(year).unwrap_or(1900);
    let made = ExcelDateTime::from_ymd(year, month.unsigned_abs(), day.unsigned_abs())?;
    workbook.set_properties(&DocProperties::new().set_creation_datetime(&made));
    Ok(())
}

/// What of a document stands in one sheet.
struct Part {
    /// The sheet's name.
    name: String,
    /// How many rows.
    rows: usize,
    /// Which of how many, counted from 1.
    place: (usize, usize),
}

/// The sheets of a document of so many rows: one where they have room in it.
fn parts(document: &Document, all: usize, rows: usize) -> Vec<Part> {
    let count = all.div_ceil(rows).max(1);
    let part = |index: usize| {
        let rows = rows.min(all - index * rows);
        Part { name: sheet_name(&document.title, index), rows, place: (index + 1, count) }
    };
    (0..count).map(part).collect()
}

/// Writes a document's sheets one after the other, each made as it is asked for.
fn sheets<R: Borrow<Row>>(
    workbook: &mut Workbook,
    document: &Document,
    parts: &[Part],
    mut rows: impl Iterator<Item = Result<R, WriteError>>,
    add: impl for<'w> Fn(&'w mut Workbook) -> Result<&'w mut Worksheet, XlsxError>,
) -> Result<(), WriteError> {
    let failed = |source| WriteError::Workbook { title: document.title.clone(), source };
    // Each sheet before by its name and the row of its sums, and what they come to.
    let (mut before, mut all) = (Vec::new(), Totals::of(document));
    for part in parts {
        let sheet = add(workbook).map_err(failed)?;
        let first = begin(sheet, document, part).map_err(failed)?;
        let (mut next, mut own) = (first, Totals::of(document));
        for row in rows.by_ref().take(part.rows) {
            let row = row?;
            let row: &Row = row.borrow();
            own.add(row)?;
            all.add(row)?;
            write_row(sheet, next, document, row).map_err(failed)?;
            next += 1;
        }
        all.ensure_exact()?;
        end(sheet, document, part, (first, next), (&own, &all), &before).map_err(failed)?;
        before.push((part.name.clone(), next));
    }
    Ok(())
}

/// What stands above a sheet's table; tells the row where it begins.
fn begin(sheet: &mut Worksheet, document: &Document, part: &Part) -> Result<u32, XlsxError> {
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
    Ok(header + 1)
}

fn write_row(sheet: &mut Worksheet, at: u32, document: &Document, row: &Row) -> Result<(), XlsxError> {
    for (column, cell) in (0..).zip(&row.cells) {
        let kind = document.columns.get(usize::from(column)).map(|column| &column.kind);
        match (cell, &row.detail) {
            (Cell::Text(text), Some(way)) if column == 0 => {
                // A relative way is kept as it is.
                let url = Url::new(format!("file:///{way}")).set_text(text);
                sheet.write_url_with_format(at, column, url, &bordered())?;
            }
            _ => write_cell(sheet, at, column, cell, kind)?,
        }
    }
    Ok(())
}

/// What stands below a sheet's table, which has its rows from one to before another: its sums, and those of all where it
/// is the last.
fn end(
    sheet: &mut Worksheet,
    document: &Document,
    part: &Part,
    (first, summed): (u32, u32),
    (own, all): (&Totals<'_>, &Totals<'_>),
    before: &[(String, u32)],
) -> Result<(), XlsxError> {
    let ((place, count), mut next) = (part.place, summed);
    if document.is_totalled {
        let of_own =
            |column| format!("SUM({}:{})", row_col_to_cell(first, column), row_col_to_cell(summed - 1, column));
        let name = if count > 1 { "小计" } else { "合计" };
        write_totals(sheet, document, (name, summed), own, of_own)?;
        next += 1;
        if count > 1 && place == count {
            let of_all = |column| {
                let others = before.iter().map(|(name, row)| format!("'{name}'!{}+", row_col_to_cell(*row, column)));
                others.chain([row_col_to_cell(summed, column)]).collect()
            };
            write_totals(sheet, document, ("合计", next), all, of_all)?;
            next += 1;
        }
    }
    if place == count { foot(sheet, document, next) } else { Ok(()) }
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
        (Cell::Text(text), _) => {
            sheet.write_with_format(row, column, text.as_str(), &bordered().set_num_format(WORDS)).map(drop)
        }
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
fn write_totals(
    sheet: &mut Worksheet,
    document: &Document,
    (name, at): (&str, u32),
    totals: &Totals<'_>,
    formula: impl Fn(u16) -> String,
) -> Result<(), XlsxError> {
    let bold = bordered().set_bold();
    for (column, Column { name: _, kind }) in (0..).zip(&document.columns) {
        let Some(total) = totals.total(usize::from(column)) else {
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
