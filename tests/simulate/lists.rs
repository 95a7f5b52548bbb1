//! The lists of settlements to which the rows of a statement lead, read as programs read them: each comes to its row,
//! column by column.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use settlement::spreadsheet::of_words;

use crate::quarter::{CARRIED_IN, CARRIED_OUT, CLEARED, CORRECTED, DEDUCTED, PAYERS, RECOMPUTED, SETTLED};
use crate::sheet::{Row, Sheet};

/// How an entry counts that was booked in the month.
const BOOKED: [&str; 3] = ["结算", "撤销", "恢复"];

/// An entry of a list: its columns by their names.
pub type Entry = BTreeMap<String, String>;

/// Every row of a statement leads to a list that comes to it.
pub fn check_lists(statement: &Path, sheet: &Sheet) {
    let ways = ways(&statement.with_extension("html"));
    assert_eq!(ways.len(), sheet.rows().len(), "{}", statement.display());
    for (row, way) in sheet.rows().iter().zip(ways) {
        let (behind, entries) = (Sheet::open(&way), read(&way.with_extension("csv")));
        let of = format!("{} behind {}", way.display(), statement.display());
        let ids = behind.rows().iter().map(|entry| entry.word("结算编号"));
        assert!(ids.eq(entries.iter().map(|entry| entry["结算编号"].as_str())), "ids are words: {of}");
        assert_eq!([behind.total(CLEARED), behind.capitals], [row.figure(CLEARED); 2], "{of}");
        check_list(row, &entries, &of);
    }
}

fn check_list(row: &Row, entries: &[Entry], of: &str) {
    let sum = |column: &str, counts: &dyn Fn(&Entry) -> bool| -> i64 {
        entries.iter().filter(|entry| counts(entry)).map(|entry| figure(entry, column)).sum()
    };
    let is_booked = |entry: &Entry| BOOKED.contains(&entry["动作"].as_str());
    let moved = |name: &str| sum(CLEARED, &|entry| entry["动作"] == name);
    for payer in PAYERS {
        assert_eq!(sum(payer, &|_| true), row.figure(payer), "{payer}: {of}");
    }
    let stays = sum("人次", &|entry| entry["医疗类别"] == "住院");
    let corrected = sum(CLEARED, &|entry| is_booked(entry) && !entry["另一所属期"].is_empty());
    for (column, comes_to) in [
        ("人次", sum("人次", &|_| true)),
        ("其中住院人次", stays),
        ("医疗费总额", sum("医疗费总额", &|_| true)),
        (CORRECTED, corrected),
        (CARRIED_IN, moved("上期转入")),
        (CARRIED_OUT, -moved("转出下期")),
        (DEDUCTED, -moved("审核扣款")),
        (DEDUCTED, sum(DEDUCTED, &|_| true)),
        (RECOMPUTED, moved("重算更正")),
        (SETTLED, sum(CLEARED, &is_booked)),
        (CLEARED, sum(CLEARED, &|_| true)),
    ] {
        assert_eq!(comes_to, row.figure(column), "{column}: {of}");
    }
}

/// The lists to which the rows of a page lead, in order.
fn ways(page: &Path) -> Vec<PathBuf> {
    let text = fs::read_to_string(page).unwrap_or_else(|fault| panic!("{}: {fault}", page.display()));
    let folder = page.parent().expect("a folder");
    text.split("<a href=\"").skip(1).map(|rest| folder.join(&rest[..rest.find('"').expect("its end")])).collect()
}

/// Reads a list.
pub fn read(file: &Path) -> Vec<Entry> {
    let text = fs::read_to_string(file).unwrap_or_else(|fault| panic!("{}: {fault}", file.display()));
    let mut reader = csv::Reader::from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    let rows = reader.deserialize().map(|row: csv::Result<BTreeMap<String, String>>| row.expect("a row"));
    rows.map(|row| row.into_iter().map(|(column, cell)| (column, of_words(&cell).to_owned())).collect()).collect()
}

/// A figure in hundredths, as sheets have it: fen, or hundredths of a visit.
fn figure(entry: &Entry, column: &str) -> i64 {
    let text = &entry[column];
    let number: i64 = text.replace('.', "").parse().unwrap_or_else(|fault| panic!("{text}: {fault}"));
    if text.contains('.') { number } else { number * 100 }
}

/// Why something is carried, deducted or corrected is said in its readers' words in every paper, and never in ours.
pub fn reasons_are_said_in_words(folders: impl Iterator<Item = PathBuf>) {
    let mut reasons = BTreeSet::new();
    for file in folders.flat_map(|folder| tables(&folder)) {
        let entries = read(&file).into_iter().flatten();
        let said = entries.filter(|(column, _)| column.contains("原因")).map(|(_, reason)| reason);
        for reason in said {
            assert!(!reason.chars().any(|letter| letter.is_ascii_alphabetic()), "{reason} in {}", file.display());
            reasons.insert(reason);
        }
    }
    assert!(reasons.iter().any(|reason| reason.contains("枢纽")), "books that are apart are told of: {reasons:?}");
}

/// Every table below a folder.
pub fn tables(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|fault| panic!("{}: {fault}", folder.display()));
    let paths = entries.map(|entry| entry.expect("a file").path());
    let (folders, files): (Vec<_>, Vec<_>) = paths.partition(|path| path.is_dir());
    let files = files.into_iter().filter(|file| file.extension().is_some_and(|ending| ending == "csv"));
    files.chain(folders.iter().flat_map(|folder| tables(folder))).collect()
}
