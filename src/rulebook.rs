//! `yidi rulebook …`: what people at an insurance desk do with rule books: check and test them, work a bill by hand,
//! read how a sum comes about, see what a new book would change, begin one.

mod check;
mod diff;
mod evaluate;
mod explain;
mod scaffold;
mod schema;
pub mod told;

use std::path::{Path, PathBuf};
use std::{fmt, fs};

use anyhow::{Context, Result};
use clap::Subcommand;
use serde_json::{Value, json};
use settlement::rulebook::{Example, Fault, RuleBook, text};

use crate::cli::Ending;
use crate::output;

/// What to do with rule books.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Report every fault of every book at once, with its line, what looks odd, and what books of one region say against
    /// one another.
    Check(check::Books),
    /// Work the examples in the books and report what comes out otherwise.
    Test(check::Books),
    /// Work a bill by hand: a rule book and a case file of its days, nothing else.
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

/// Runs the command. The faults of a file are told as JSON too, where JSON was asked for.
///
/// # Errors
/// When a file cannot be read or has faults.
pub async fn run(command: Command) -> Result<Ending> {
    let as_json = match &command {
        Command::Evaluate(arguments) => arguments.json,
        Command::Explain(arguments) => arguments.json,
        Command::Diff(arguments) => arguments.json,
        // They tell faults as findings, or read no file.
        Command::Check(_) | Command::Test(_) | Command::New(_) | Command::Schema(_) => false,
    };
    let ran = carry_out(command).await;
    if let Some(faulty) = ran.as_ref().err().and_then(|fault| fault.downcast_ref::<Faulty>()).filter(|_| as_json) {
        output::line(&serde_json::to_string_pretty(&faulty.json())?);
    }
    ran
}

async fn carry_out(command: Command) -> Result<Ending> {
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
    files.dedup();
    Ok(files)
}

fn is_book(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "toml")
}

fn read_text(path: &Path) -> Result<String> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(text::read(bytes).map_err(|fault| Faulty::file(path, vec![fault]))?)
}

/// Reads a book that has to be without faults.
fn read_book(path: &Path) -> Result<RuleBook> {
    Ok(RuleBook::parse(&read_text(path)?).map_err(|faults| Faulty::file(path, faults))?)
}

/// Reads a case of a book, of a day on which the book is in force.
fn read_case(book: &RuleBook, path: &Path) -> Result<Example> {
    Ok(book.read_case(&read_text(path)?, &[]).map_err(|faults| Faulty::file(path, faults))?)
}

/// Reads a case of any day, to ask what a book would make of it if it were in force then.
fn read_case_of_any_day(book: &RuleBook, path: &Path) -> Result<Example> {
    Ok(book.read_case_of_any_day(&read_text(path)?).map_err(|faults| Faulty::file(path, faults))?)
}

/// Reads a case without faults, with values changed; what was typed for that is told with its faults.
fn read_changed_case(book: &RuleBook, path: &Path, typed: &str, changes: &[(String, String)]) -> Result<Example> {
    let read = book.read_case(&read_text(path)?, changes);
    Ok(read.map_err(|faults| Faulty { typed: Some(typed.to_owned()), ..Faulty::file(path, faults) })?)
}

/// A file with faults, or a change of its values that has some.
#[derive(Debug)]
struct Faulty {
    file: PathBuf,
    /// What was typed to change it.
    typed: Option<String>,
    faults: Vec<Fault>,
}

impl Faulty {
    fn file(file: &Path, faults: Vec<Fault>) -> Faulty {
        Faulty { file: file.to_owned(), typed: None, faults }
    }

    fn json(&self) -> Value {
        let faults = self.faults.iter().map(|fault| {
            let line = self.typed.is_none().then_some(fault.line);
            json!({ "line": line, "path": fault.path, "problem": fault.problem })
        });
        json!({ "file": self.file, "what_if": self.typed, "faults": faults.collect::<Vec<_>>() })
    }
}

/// Every fault, one a line. A change stands on no line.
impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.typed {
            None => {
                write!(f, "{} has faults:", self.file.display())?;
                self.faults.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
            }
            Some(typed) => {
                write!(f, "{} cannot be changed by --what-if \"{typed}\":", self.file.display())?;
                self.faults.iter().try_for_each(|Fault { path, problem, .. }| write!(f, "\n  {path}: {problem}"))
            }
        }
    }
}

impl std::error::Error for Faulty {}
