//! `yidi rulebook check | test`: what someone at an insurance desk runs after editing a rule book.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Subcommand;
use serde_json::{Value, json};
use settlement::rulebook::RuleBook;

use crate::cli::Ending;
use crate::output;

/// What to do with rule books.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Report every fault of every book at once, with its line, and what looks odd.
    Check {
        /// Files, or folders of them.
        #[arg(required = true)]
        paths: Vec<PathBuf>,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Work the examples in the books and report what comes out otherwise.
    Test {
        /// Files, or folders of them.
        #[arg(required = true)]
        paths: Vec<PathBuf>,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
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

/// Runs the command.
///
/// # Errors
/// When a file cannot be read, or there is no book.
pub fn run(command: Command) -> Result<Ending> {
    let (paths, as_json, look): (_, _, fn(&RuleBook) -> Vec<String>) = match command {
        Command::Check { paths, json } => (paths, json, |_| Vec::new()),
        Command::Test { paths, json } => {
            (paths, json, |book| book.run_examples().iter().map(ToString::to_string).collect())
        }
    };
    let files = books(&paths)?;
    ensure!(!files.is_empty(), "there is no rule book (*.toml) in {}", paths[0].display());
    let reports = files.iter().map(|path| report(path, look)).collect::<Result<Vec<_>>>()?;
    print(&reports, as_json)?;
    Ok(Ending::of(reports.iter().all(|report| report.findings.is_empty())))
}

/// The rule books among files and below folders, in the order of their names.
///
/// # Errors
/// When a folder cannot be read.
pub fn books(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let entries = fs::read_dir(path).with_context(|| format!("cannot read {}", path.display()))?;
            let inside: Vec<PathBuf> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
            files.extend(books(&inside.into_iter().filter(|path| path.is_dir() || is_book(path)).collect::<Vec<_>>())?);
        } else {
            files.push(path.clone());
        }
    }
    files.sort();
    Ok(files)
}

fn is_book(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "toml")
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
