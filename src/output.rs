//! What commands print: facts as aligned lines or as JSON. The one place that writes to standard output.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Result;
use comfy_table::{CellAlignment, Table, presets};
use jiff::Timestamp;
use serde_json::{Map, Value};
use settlement::beijing;
use textwrap::WordSplitter;
use textwrap::core::display_width;

/// The columns that fit a printed page: of Chinese letters half as many.
const PAGE: usize = 100;

/// Prints a line. A reader that has gone away is no fault of the command.
pub fn line(text: &str) {
    let _ = writeln!(io::stdout(), "{text}");
}

/// Prints a text behind what stands before it, in as many lines as a printed page needs. What goes on in the next line
/// stands under where the text began.
pub fn wrapped(before: &str, text: &str) {
    in_lines(before, text).iter().for_each(|text| line(text));
}

/// The lines of such a text: between Chinese letters wherever Unicode lets a line end, in names and numbers nowhere.
fn in_lines(before: &str, text: &str) -> Vec<String> {
    let indent = " ".repeat(display_width(before));
    let page = textwrap::Options::new(PAGE).word_splitter(WordSplitter::NoHyphenation);
    let lines = textwrap::wrap(text, page.initial_indent(before).subsequent_indent(&indent));
    lines.iter().map(|line| line.trim_end().to_owned()).collect()
}

/// Prints named facts, aligned, or as one JSON object.
///
/// # Errors
/// When they cannot be written as JSON.
pub fn facts(rows: &[(&str, String)], json: bool) -> Result<()> {
    if json {
        let object: Map<String, Value> =
            rows.iter().map(|(name, value)| ((*name).to_owned(), value.clone().into())).collect();
        line(&serde_json::to_string_pretty(&object)?);
    } else {
        let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
        rows.iter().for_each(|(name, value)| line(&format!("{name:width$}  {value}")));
        line("");
    }
    Ok(())
}

/// An empty table in the one look that all commands share.
pub fn table<'a>(header: impl IntoIterator<Item = &'a str>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY).set_header(header);
    table
}

/// Sets a table's columns from one on, which hold numbers, to the right.
pub fn numbers_from(table: &mut Table, first: usize) {
    table.column_iter_mut().skip(first).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
}

/// An instant as Beijing reads it, to the second, from microseconds since 1970; empty where there is no such instant.
pub fn time(micros: i64) -> String {
    let shown = |at| beijing::at_desk(at).strftime("%Y-%m-%d %H:%M:%S").to_string();
    Timestamp::from_microsecond(micros).map(shown).unwrap_or_default()
}

/// Tells which files were written.
///
/// # Errors
/// When they cannot be written as JSON.
pub fn files(files: &[PathBuf], json: bool) -> Result<()> {
    let shown: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    if json {
        line(&serde_json::to_string_pretty(&shown)?);
    } else {
        shown.iter().for_each(|file| line(file));
    }
    Ok(())
}

/// Tells on standard error what a long command is doing.
pub fn note(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Tells on standard error why a command could not do its work, down to the root cause.
pub fn complaint(fault: &anyhow::Error) {
    let _ = writeln!(io::stderr(), "yidi: {fault:#}");
}

/// Tells what became of the rows of a file, by their lines: where each stands, under a key of its own, or why it was
/// refused; and how many were `done`, in one word. Whether none was refused.
///
/// # Errors
/// When JSON cannot be written.
pub fn by_line(
    report: &[(usize, Result<String, String>)],
    (key, done): (&str, &str),
    as_json: bool,
) -> serde_json::Result<bool> {
    let refused = report.iter().filter(|(_, told)| told.is_err()).count();
    if as_json {
        let rows = report.iter().map(|(at, told)| match told {
            Ok(standing) => serde_json::json!({ "line": at, key: standing }),
            Err(why) => serde_json::json!({ "line": at, "refused": why }),
        });
        line(&serde_json::to_string_pretty(&rows.collect::<Vec<_>>())?);
    } else {
        for (at, told) in report {
            line(&format!("line {at}: {}", told.as_deref().unwrap_or_else(|why| why)));
        }
        line(&format!("{} {done}, {refused} refused", report.len() - refused));
    }
    Ok(refused == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_goes_on_under_where_it_began_and_no_line_is_wider_than_a_page() {
        let before = "       · catastrophic.deductible.assisted · ";
        let text = "公开网页：西宁市、青海省医保待遇（转载） policy.md C.8、D.8 部分人员大病起付线5000元：按特困、低保、返贫致贫理解；\
                    返贫致贫同低保是假设 · 演示假设，统筹基金支付123456.78（年度累计0.00 → 123456.78）";
        let lines = in_lines(before, text);
        assert!(lines.len() > 1 && lines.iter().all(|line| display_width(line) <= PAGE), "{lines:#?}");
        let begins = display_width(before);
        assert!(lines[1..].iter().all(|line| line.len() - line.trim_start().len() == begins), "{lines:#?}");
        assert!(lines.iter().all(|line| !line.trim_start().starts_with(['，', '。', '；', '）', '、'])), "{lines:#?}");
        assert_eq!(lines.iter().map(|line| line.matches("123456.78").count()).sum::<usize>(), 2, "{lines:#?}");
        let joined: String = lines.iter().map(|line| line.trim_start()).collect();
        let without = |text: &str| text.replace(' ', "");
        assert_eq!(without(&joined), without(&format!("{before}{text}")));
    }
}
