//! `yidi rulebook …`: what people at an insurance desk do with rule books: check and test them, work a bill by hand,
//! read how a sum comes about, see what a new book would change, begin one.

mod check;
mod diff;
mod evaluate;
mod explain;
mod scaffold;
mod schema;
pub mod told;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Subcommand;
use settlement::rulebook::{Example, Fault, RuleBook};

use crate::cli::Ending;

/// What to do with rule books.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Report every fault of every book at once, with its line, and what looks odd.
    Check(check::Books),
    /// Work the examples in the books and report what comes out otherwise.
    Test(check::Books),
    /// Work a bill by hand: a rule book and a case file, nothing else.
    Evaluate(evaluate::Arguments),
    /// Say how the sums of a book's examples, or of a case, come about, each step with its rule and where that is from.
    Explain(explain::Arguments),
    /// Say what a new book would have paid otherwise of a region's settlements, or of cases. Nothing is changed.
    Diff(diff::Arguments),
    /// Begin a book: everything in it that has to be, with nothing known yet.
    New(scaffold::Arguments),
    /// Print the JSON Schema of rule books, for editors.
    Schema(schema::Arguments),
}

/// Runs the command.
///
/// # Errors
/// When a file cannot be read or has faults.
pub async fn run(command: Command) -> Result<Ending> {
    match command {
        Command::Check(books) => check::check(&books),
        Command::Test(books) => check::test(&books),
        Command::Evaluate(arguments) => evaluate::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Diff(arguments) => diff::run(&arguments).await,
        Command::New(arguments) => scaffold::run(&arguments).map(|()| Ending::Good),
        Command::Schema(arguments) => schema::run(&arguments).map(|()| Ending::Good),
    }
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

fn read_text(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Reads a book that has to be without faults.
fn read_book(path: &Path) -> Result<RuleBook> {
    RuleBook::parse(&read_text(path)?).or_else(|faults| bail!("{}", in_words(path, &faults)))
}

/// Reads a case of a book, with values changed.
fn read_case(book: &RuleBook, path: &Path, changes: &[(String, String)]) -> Result<Example> {
    book.read_case(&read_text(path)?, changes).or_else(|faults| bail!("{}", in_words(path, &faults)))
}

/// Every fault of a file, one a line.
fn in_words(path: &Path, faults: &[Fault]) -> String {
    let lines: Vec<String> = faults.iter().map(|fault| format!("\n  {fault}")).collect();
    format!("{} has faults:{}", path.display(), lines.concat())
}
