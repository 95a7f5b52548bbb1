//! Files of an earlier run in the folder that documents are written into. A list of settlements that nothing leads to, or
//! a statement of a member that has none any more, would be taken for part of what was just written. Files that are not
//! named as we name ours are left alone.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// How documents of clearing are called.
const TITLES: [&str; 16] = [
    "全国跨省异地就医费用清算表",
    "应付医疗费用清算表",
    "应收医疗费用清算表",
    "应付清算金额构成表",
    "应收清算金额构成表",
    "职工医保基金应付明细表",
    "居民医保基金应付明细表",
    "统筹区分担表",
    "转入转出明细",
    "审核扣款明细",
    "更正明细",
    "清算表",
    "职工医保付款通知书",
    "职工医保收款通知书",
    "居民医保付款通知书",
    "居民医保收款通知书",
];
const ENDINGS: [&str; 3] = ["xlsx", "csv", "html"];
/// What each list is written as: for people, and for programs.
pub const LISTED: [&str; 2] = ["xlsx", "csv"];
/// The folder of the lists behind rows.
pub const LISTS: &str = "details";
/// The folder in which they are written; it stays behind where a run is killed.
pub const UNFINISHED: &str = "details-unfinished";

/// Takes away what earlier runs wrote into a folder, and folders that it leaves empty.
///
/// # Errors
/// When a folder cannot be read, or a file not be taken away.
pub fn clear(out: &Path) -> Result<()> {
    clear_papers(out)?;
    for folder in folders(out)? {
        let name = name_of(&folder);
        if name == LISTS {
            clear_lists(&folder)?;
        } else if is_code(&name) {
            clear_papers(&folder)?;
            for pair in folders(&folder)?.iter().filter(|pair| is_pair(&name_of(pair))) {
                clear_papers(pair)?;
                remove_if_empty(pair);
            }
        } else {
            continue;
        }
        remove_if_empty(&folder);
    }
    Ok(())
}

/// Takes away the lists that a run was killed over.
///
/// # Errors
/// When they cannot be taken away.
pub fn clear_unfinished(out: &Path) -> Result<()> {
    let folder = out.join(UNFINISHED);
    if folder.is_dir() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot take away {}", folder.display()))?;
    }
    Ok(())
}

fn clear_papers(folder: &Path) -> Result<()> {
    for title in TITLES {
        for ending in ENDINGS {
            let file = folder.join(format!("{title}.{ending}"));
            if file.is_file() {
                remove(&file)?;
            }
        }
    }
    Ok(())
}

/// Rows' lists are called by codes and words that codes begin.
fn clear_lists(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let file = entry?.path();
        let stem = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let is_list = stem.trim_start_matches("lot-").split('-').next().is_some_and(is_code);
        if is_list && file.extension().is_some_and(|ending| LISTED.iter().any(|listed| ending == *listed)) {
            remove(&file)?;
        }
    }
    Ok(())
}

fn folders(folder: &Path) -> Result<Vec<std::path::PathBuf>> {
    if !folder.is_dir() {
        return Ok(vec![]);
    }
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    Ok(paths.into_iter().filter(|path| path.is_dir()).collect())
}

fn name_of(folder: &Path) -> String {
    folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn is_code(name: &str) -> bool {
    name.len() == 6 && name.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_pair(name: &str) -> bool {
    name.split_once('-').is_some_and(|(home, treatment)| is_code(home) && is_code(treatment))
}

fn remove(file: &Path) -> Result<()> {
    fs::remove_file(file).with_context(|| format!("cannot take away {}", file.display()))
}

/// A folder that holds something else stays.
fn remove_if_empty(folder: &Path) {
    let _ = fs::remove_dir(folder);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn earlier_papers_go_and_everything_else_stays() {
        let out = tempfile::tempdir().expect("a folder");
        let ours = [
            "全国跨省异地就医费用清算表.xlsx",
            "details/410700-employee.csv",
            "details/410700-employee.xlsx",
            "details/lot-410700-310000-employee-inpatient.csv",
            "410000/应付医疗费用清算表.html",
            "410000/410000-310000/职工医保付款通知书.csv",
        ];
        let others = ["notes.txt", "details/mine.csv", "310000/letter.pdf", "410000x/应付医疗费用清算表.html"];
        for file in ours.iter().chain(&others) {
            let path = out.path().join(file);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, "").expect("a file");
        }
        clear(out.path()).expect("cleared");
        assert!(ours.iter().all(|file| !out.path().join(file).exists()));
        assert!(others.iter().all(|file| out.path().join(file).exists()));
        assert!(!out.path().join("410000").exists(), "nothing is in it any more");
        clear(&out.path().join("new")).expect("nothing to clear");
    }
}
