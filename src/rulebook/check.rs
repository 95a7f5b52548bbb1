//! `yidi rulebook check | test`: what someone at an insurance desk runs after editing rule books.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde_json::{Value, json};
use settlement::rulebook::RuleBook;

use super::books;
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
    /// What has to be mended.
    findings: Vec<String>,
    /// What somebody should look at.
    warnings: Vec<String>,
    examples: usize,
}

/// Reports the faults of books.
///
/// # Errors
/// When a file cannot be read, or there is no book.
pub fn check(books: &Books) -> Result<Ending> {
    run(books, |_| Vec::new())
}

/// Works the examples of books.
///
/// # Errors
/// As [`check`].
pub fn test(books: &Books) -> Result<Ending> {
    run(books, |book| book.run_examples().iter().map(ToString::to_string).collect())
}

fn run(Books { paths, json }: &Books, look: fn(&RuleBook) -> Vec<String>) -> Result<Ending> {
    let files = books(paths)?;
    ensure!(!files.is_empty(), "there is no rule book (*.toml) in {}", paths[0].display());
    let reports = files.iter().map(|path| report(path, look)).collect::<Result<Vec<_>>>()?;
    print(&reports, *json)?;
    Ok(Ending::of(reports.iter().all(|report| report.findings.is_empty())))
}

fn report(path: &Path, look: fn(&RuleBook) -> Vec<String>) -> Result<Report> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(match RuleBook::parse(&text) {
        Ok(book) => Report {
            path: path.to_owned(),
            findings: look(&book),
            warnings: book.warnings(),
            examples: book.examples().len(),
        },
        Err(faults) => Report {
            path: path.to_owned(),
            findings: faults
                .iter()
                .map(|fault| format!("line {}: {}: {}", fault.line, fault.path, fault.problem))
                .collect(),
            warnings: Vec::new(),
            examples: 0,
        },
    })
}

fn print(reports: &[Report], as_json: bool) -> Result<()> {
    if as_json {
        let rows: Vec<Value> = reports
            .iter()
            .map(|report| {
                json!({ "book": report.path, "findings": report.findings, "warnings": report.warnings, "examples": report.examples })
            })
            .collect();
        output::line(&serde_json::to_string_pretty(&rows)?);
        return Ok(());
    }
    for report in reports {
        let verdict = if report.findings.is_empty() { "good" } else { "has findings" };
        output::line(&format!("{}: {verdict}, {} examples", report.path.display(), report.examples));
        report.findings.iter().for_each(|finding| output::line(&format!("  {finding}")));
        report.warnings.iter().for_each(|warning| output::line(&format!("  look at: {warning}")));
    }
    Ok(())
}
