//! `yidi bench adjudicate`: pure adjudications on one core. A typical inpatient bill by the largest book, without and with
//! its explanation; the examples of all books; and reading the books of a whole country.
#![allow(clippy::float_arithmetic, reason = "rates and ratios of a measurement; no money is meant")]

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use settlement::benefits;
use settlement::benefits::explanation::{Language, digest, render};
use settlement::encounter::CareKind;
use settlement::rulebook::{Example, RuleBook};

use super::measured::tenth;
use super::report::Report;
use super::usage::memory_mb;
use crate::{output, rulebook};

/// How long each kind of work is measured, in rounds that alternate.
const MEASURED: Duration = Duration::from_millis(600);
/// How many rounds; the median counts.
const ROUNDS: usize = 3;
/// A book for each of 400 pools and two insurances.
const COUNTRY: usize = 800;
/// How many steps a typical bill takes at least: a deductible, a segment, a cap's fund, a layer or two.
const TYPICAL_STEPS: usize = 6;

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
pub fn run(arguments: &Arguments) -> Result<bool> {
    let mut report = Report::new(arguments.json);
    let texts = read(&arguments.rulebooks)?;
    let books = texts.iter().map(|(path, text)| parse(path, text)).collect::<Result<Vec<_>>>()?;
    let (largest, typical) = typical(&texts, &books)?;
    report.detail("book", largest.title().into());
    report.detail("case", typical.title.clone().into());
    report.note("a typical bill, plain, with its digest, with its explanation");
    let [plain, digested, explained] = rates(largest, typical);
    let all = per_second(|| books.iter().for_each(|book| book.examples().iter().for_each(|case| work(book, case))));
    let cases: usize = books.iter().map(|book| book.examples().len()).sum();
    report.note("the books of a country");
    let country = country(&texts)?;

    report.figure("adjudications_per_second", plain.round().into());
    report.figure("with_explanation_per_second", explained.round().into());
    report.figure("explanation_costs", tenth(plain / explained));
    report.figure("digest_costs", tenth(plain / digested));
    report.figure("all_examples_per_second", (all * cases as f64).round().into());
    report.figure("distinct_cases", cases.into());
    report.figure("books_loaded", COUNTRY.into());
    report.figure("load_ms", (country.took.as_millis() as u64).into());
    report.figure("load_mb", country.memory_mb.into());
    report.figure("book_costs_adjudications", (country.took.as_secs_f64() / COUNTRY as f64 * plain).round().into());
    report.say(&format!("{} · {}", largest.title(), typical.title));
    let mut table = output::table(["what", "a second, one core", "times a plain one"]);
    for (what, rate) in
        [("plain", plain), ("with the digest that is stored", digested), ("with the explanation", explained)]
    {
        table.add_row([what.to_owned(), format!("{rate:.0}"), format!("{:.1}", plain / rate)]);
    }
    table.add_row(["all examples, plain".to_owned(), format!("{:.0}", all * cases as f64), String::new()]);
    output::numbers_from(&mut table, 1);
    report.table(&table);
    report.say(&format!(
        "{COUNTRY} books read in {} ms, {} MiB; one book costs as much as {:.0} adjudications",
        country.took.as_millis(),
        country.memory_mb,
        country.took.as_secs_f64() / COUNTRY as f64 * plain
    ));
    report.end()
}

/// The texts of a folder's books.
fn read(folder: &Path) -> Result<Vec<(PathBuf, String)>> {
    let paths = rulebook::books(&[folder.to_owned()])?;
    ensure!(!paths.is_empty(), "there is no rule book in {}", folder.display());
    let text = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok((path, text))
    };
    paths.into_iter().map(text).collect()
}

fn parse(path: &Path, text: &str) -> Result<RuleBook> {
    RuleBook::parse(text).or_else(|_| bail!("{} has faults; run yidi rulebook check", path.display()))
}

/// The largest book that has a typical case, and that case: an inpatient bill that takes several steps.
fn typical<'b>(texts: &[(PathBuf, String)], books: &'b [RuleBook]) -> Result<(&'b RuleBook, &'b Example)> {
    let mut by_size: Vec<(usize, &RuleBook)> = texts.iter().map(|(_, text)| text.len()).zip(books).collect();
    by_size.sort_by_key(|(size, _)| std::cmp::Reverse(*size));
    let case = |book: &'b RuleBook| {
        let stays = book.examples().iter().filter(|case| case.settle.encounter.care == CareKind::Inpatient);
        stays.map(|case| (case, steps(book, case))).find(|(_, steps)| *steps >= TYPICAL_STEPS).map(|(case, _)| case)
    };
    let found = by_size.into_iter().find_map(|(_, book)| Some((book, case(book)?)));
    found.context("no book has an inpatient example that is settled")
}

fn steps(book: &RuleBook, case: &Example) -> usize {
    case.adjudicate(book).map_or(0, |worked_out| worked_out.steps.len())
}

fn work(book: &RuleBook, case: &Example) {
    let _ = black_box(benefits::adjudicate(black_box(book), &case.case()));
}

/// Plain, with the digest, with the words: each round takes all three in turn.
fn rates(book: &RuleBook, case: &Example) -> [f64; 3] {
    let mut rounds: [Vec<f64>; 3] = Default::default();
    for _ in 0..ROUNDS {
        rounds[0].push(per_second(|| work(book, case)));
        rounds[1].push(per_second(|| {
            let _ = black_box(case.adjudicate(black_box(book)).map(|worked_out| digest(&worked_out.steps)));
        }));
        rounds[2].push(per_second(|| {
            let worked_out = case.adjudicate(black_box(book));
            let _ = black_box(worked_out.map(|worked_out| render(&worked_out, book, Language::Chinese)));
        }));
    }
    rounds.map(|mut rates| {
        rates.sort_by(f64::total_cmp);
        rates[rates.len() / 2]
    })
}

fn per_second(mut once: impl FnMut()) -> f64 {
    let (begun, mut count) = (Instant::now(), 0_u64);
    while begun.elapsed() < MEASURED {
        // Reading the clock costs as much as a tenth of an adjudication.
        for _ in 0..16 {
            once();
        }
        count += 16;
    }
    count as f64 / begun.elapsed().as_secs_f64()
}

/// What reading a country's books took.
struct Country {
    took: Duration,
    memory_mb: u64,
}

/// Reads as many books as a country has: the shipped ones over and over, each for a pool of its own.
fn country(texts: &[(PathBuf, String)]) -> Result<Country> {
    let variants: Vec<String> = (0..COUNTRY).map(|number| variant(&texts[number % texts.len()].1, number)).collect();
    let before = memory_mb()?;
    let begun = Instant::now();
    let books: Vec<RuleBook> =
        variants.iter().map(|text| parse(Path::new("a variant"), text)).collect::<Result<_>>()?;
    let took = begun.elapsed();
    let memory_mb = memory_mb()?.saturating_sub(before);
    drop(black_box(books));
    Ok(Country { took, memory_mb })
}

/// A book of another pool: the same rules under a code of its own.
fn variant(text: &str, number: usize) -> String {
    let renamed = |line: &str| {
        if line.starts_with("pool = ") { format!("pool = \"{:06}\"", 100_000 + number) } else { line.to_owned() }
    };
    text.lines().map(renamed).collect::<Vec<_>>().join("\n")
}
