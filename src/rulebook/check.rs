//! `yidi rulebook check | test`: what someone at an insurance desk runs after editing rule books.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::Args;
use serde_json::{Value, json};
use settlement::rulebook::RuleBook;
use settlement::rulebook::succession::between;

use super::{Faulty, books, read_book};
use crate::cli::Ending;
use crate::output;

/// Which books.
#[derive(Debug, Args)]
pub struct Books {
    /// Files, or folders of them.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// What was found in one book.
struct Report {
    path: PathBuf,
    /// The book; none where it has faults or cannot be read.
    book: Option<RuleBook>,
    /// What has to be mended.
    findings: Vec<String>,
    /// What somebody should look at.
    warnings: Vec<String>,
}

/// Reports the faults of books, each by itself and between books of one pool and insurance.
///
/// # Errors
/// When a folder cannot be read, or there is no book.
pub fn check(books: &Books) -> Result<Ending> {
    let mut reports = read(books, |_| Vec::new())?;
    let (places, named): (Vec<usize>, Vec<_>) = reports
        .iter()
        .enumerate()
        .filter_map(|(place, report)| Some((place, (report.path.display().to_string(), report.book.as_ref()?))))
        .unzip();
    for found in between(&named) {
        reports[places[found.book]].findings.push(found.fault.to_string());
    }
    told(&reports, books.json)
}

/// Works the examples of books.
///
/// # Errors
/// As [`check`].
pub fn test(books: &Books) -> Result<Ending> {
    told(&read(books, |book| book.run_examples().iter().map(ToString::to_string).collect())?, books.json)
}

/// Reads every book; what one cannot be read for is a finding of it.
fn read(Books { paths, json: _ }: &Books, look: fn(&RuleBook) -> Vec<String>) -> Result<Vec<Report>> {
    let files = books(paths)?;
    ensure!(!files.is_empty(), "there is no rule book (*.toml) in {}", paths[0].display());
    Ok(files.into_iter().map(|path| report(path, look)).collect())
}

fn report(path: PathBuf, look: fn(&RuleBook) -> Vec<String>) -> Report {
    match read_book(&path) {
        Ok(book) => Report { path, findings: look(&book), warnings: book.warnings(), book: Some(book) },
        Err(problem) => {
            let findings = match problem.downcast_ref::<Faulty>() {
                Some(faulty) => faulty.faults.iter().map(ToString::to_string).collect(),
                None => vec![format!("{problem:#}")],
            };
            Report { path, findings, warnings: Vec::new(), book: None }
        }
    }
}

impl Report {
    fn examples(&self) -> usize {
        self.book.as_ref().map_or(0, |book| book.examples().len())
    }
}

fn told(reports: &[Report], as_json: bool) -> Result<Ending> {
    if as_json {
        let rows: Vec<Value> = reports
            .iter()
            .map(|report| {
                json!({ "book": report.path, "findings": report.findings, "warnings": report.warnings,
                    "examples": report.examples() })
            })
            .collect();
        output::line(&serde_json::to_string_pretty(&rows)?);
    } else {
        reports.iter().for_each(print);
    }
    Ok(Ending::of(reports.iter().all(|report| report.findings.is_empty())))
}

fn print(report: &Report) {
    let verdict = if report.findings.is_empty() { "good" } else { "has findings" };
    output::line(&format!("{}: {verdict}, {} examples", report.path.display(), report.examples()));
    report.findings.iter().for_each(|finding| output::line(&format!("  {finding}")));
    report.warnings.iter().for_each(|warning| output::line(&format!("  look at: {warning}")));
}
