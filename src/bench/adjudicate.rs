//! `yidi bench adjudicate`: pure adjudications on one core, over the worked examples of the shipped rule books.

use std::hint::black_box;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde_json::json;
use settlement::benefits;
use settlement::rulebook::{Example, RuleBook};

use crate::{output, rulebook};

/// How long is measured.
const MEASURED: Duration = Duration::from_secs(3);

/// How to measure.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The folder of rule books.
    #[arg(long, default_value = "deploy/rulebooks")]
    rulebooks: PathBuf,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// Measures and prints.
///
/// # Errors
/// When there is no good rule book.
pub fn run(arguments: &Arguments) -> Result<()> {
    let books = read(&arguments.rulebooks)?;
    let cases: Vec<(&RuleBook, &Example)> =
        books.iter().flat_map(|book| book.examples().iter().map(move |example| (book, example))).collect();
    ensure!(!cases.is_empty(), "the books have no examples to work");
    let begun = Instant::now();
    let mut count: u64 = 0;
    while begun.elapsed() < MEASURED {
        for (book, example) in &cases {
            let _ = black_box(benefits::adjudicate(black_box(book), &example.case()));
        }
        count += cases.len() as u64;
    }
    let per_second = u128::from(count) * 1_000_000 / begun.elapsed().as_micros();
    if arguments.json {
        let figures = json!({ "adjudications_per_second": per_second as u64, "distinct_cases": cases.len() });
        output::line(&serde_json::to_string_pretty(&figures)?);
    } else {
        output::line(&format!("{per_second} adjudications a second on one core, over {} worked cases", cases.len()));
    }
    Ok(())
}

fn read(folder: &std::path::Path) -> Result<Vec<RuleBook>> {
    rulebook::books(&[folder.to_owned()])?
        .iter()
        .map(|path| {
            let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
            RuleBook::parse(&text).or_else(|_| bail!("{} has faults; run yidi rulebook check", path.display()))
        })
        .collect()
}
