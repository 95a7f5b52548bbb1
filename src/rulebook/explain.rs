//! `yidi rulebook explain`: how sums come about, as a clerk would say it, each step with its rule, the document that the
//! rule was read in and how far to believe it.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use serde_json::{Value, json};
use settlement::benefits::explanation::YearSoFar;
use settlement::rulebook::{Example, RuleBook};

use super::told::{self, Lang};
use super::{read_book, read_case};
use crate::cli::Ending;
use crate::output;

/// What to explain.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The rule book.
    #[arg(long)]
    rulebook: PathBuf,
    /// One of its examples, by id; all where neither this nor a case is named.
    #[arg(long, conflicts_with = "case")]
    example: Option<String>,
    /// A case file.
    #[arg(long)]
    case: Option<PathBuf>,
    /// The language.
    #[arg(long, value_enum, default_value = "zh")]
    lang: Lang,
    /// As JSON: a list of cases, each with its steps, their clauses, inputs and results.
    #[arg(long)]
    pub(super) json: bool,
}

/// Runs the command.
///
/// # Errors
/// When a file cannot be read or has faults, or the book has no such example.
pub fn run(arguments: &Arguments) -> Result<Ending> {
    let book = read_book(&arguments.rulebook)?;
    let read;
    let cases: Vec<&Example> = match (&arguments.example, &arguments.case) {
        (_, Some(file)) => {
            read = read_case(&book, file)?;
            vec![&read]
        }
        (Some(id), None) => vec![example(&book, id)?],
        (None, None) => book.examples().iter().collect(),
    };
    if arguments.json {
        let told: Vec<Value> = cases.iter().map(|case| case_json(&book, case)).collect();
        output::line(&serde_json::to_string_pretty(&told)?);
    } else {
        output::line(book.title());
        cases.iter().for_each(|case| print(&book, case, arguments.lang));
    }
    Ok(Ending::Good)
}

fn example<'b>(book: &'b RuleBook, id: &str) -> Result<&'b Example> {
    let found = book.examples().iter().find(|example| example.id == id);
    let Some(found) = found else {
        let known: Vec<&str> = book.examples().iter().map(|example| example.id.as_str()).collect();
        bail!("the book has no example {id}; it has {}", known.join(", "))
    };
    Ok(found)
}

fn case_json(book: &RuleBook, case: &Example) -> Value {
    let result = case.adjudicate(book);
    let (steps, amounts, year) = match &result {
        Ok(worked_out) => (
            told::steps_json(worked_out, book),
            told::amounts_json(told::outputs(worked_out)),
            told::year_json(&YearSoFar::of(worked_out, book, &case.used)),
        ),
        Err(_) => (Vec::new(), Value::Null, Value::Null),
    };
    json!({ "rule_book": told::book_json(book), "case": case.id, "title": case.title, "amounts": amounts,
        "refused": result.as_ref().err().map(told::refused_json), "steps": steps,
        "year_to_date": year })
}

fn print(book: &RuleBook, case: &Example, lang: Lang) {
    output::line(&format!("\n{} · {}", case.id, case.title));
    match case.adjudicate(book) {
        Ok(worked_out) => told::print_steps(&worked_out, book, &case.used, lang),
        Err(refusal) => output::line(&format!("     {}", lang.refusal(&refusal))),
    }
}
