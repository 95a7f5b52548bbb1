//! Documents on their way into files: each as a workbook, a table and a page, with the way to the lists of settlements that
//! their rows lead to.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clearing::document::Document;
use jiff::civil::Date;

/// Documents on their way into files.
pub struct Writing {
    /// The day that they bear.
    pub made_on: Date,
    /// The lists of settlements that were written: a row leads to its own, and nowhere where there is none.
    pub lists: BTreeSet<String>,
    /// The workbooks that were written.
    pub files: Vec<PathBuf>,
}

impl Writing {
    /// Nothing written yet.
    pub fn new(made_on: Date) -> Writing {
        Writing { made_on, lists: BTreeSet::new(), files: Vec::new() }
    }

    /// Writes documents into a folder, with the way from there to the lists.
    ///
    /// # Errors
    /// When one does not add up, or a file cannot be written.
    pub fn save(&mut self, folder: &Path, way: &str, papers: Vec<Document>) -> Result<()> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        for mut paper in papers {
            paper.check()?;
            for row in &mut paper.rows {
                row.detail =
                    row.detail.take().filter(|name| self.lists.contains(name)).map(|name| format!("{way}/{name}.xlsx"));
            }
            write_file(
                folder,
                &paper.title,
                "xlsx",
                &documents::workbook::write(std::slice::from_ref(&paper), self.made_on)?,
            )?;
            write_file(folder, &paper.title, "csv", &documents::table::write(&paper)?)?;
            write_file(folder, &paper.title, "html", documents::page::write(&paper)?.as_bytes())?;
            self.files.push(folder.join(format!("{}.xlsx", paper.title)));
        }
        Ok(())
    }
}

fn write_file(folder: &Path, name: &str, ending: &str, bytes: &[u8]) -> Result<()> {
    let file = folder.join(format!("{name}.{ending}"));
    fs::write(&file, bytes).with_context(|| format!("cannot write {}", file.display()))
}
