//! `yidi bench clearing`: what reconciling books and closing a month take, as ratios of one run: two books compared by
//! digests beside an outer join, a month's closing beside that of a hundredth of it, the proof beside a plain `GROUP BY`,
//! the memory, and what live traffic notices. What it costs to build and keep the trees and totals is told beside.
//!
//! The month is the country's: members with one pool each, settlements at the rate at which they come nationally, so that
//! five million are about eight days. Books are filled through the store's own calls.
#![allow(clippy::float_arithmetic)]

pub mod close;
pub mod compare;
pub mod life;
pub mod live;
mod shelf;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Args;
use clearing::month::Month;
use serde_json::{Value, json};
use settlement::region::RegionTable;

use super::book::Book;
use super::ground::Ground;
use super::measured::{median, tenth, thousandth};
use super::part::Part;
use super::process::Process;
use super::report::Report;
use super::settle::Store;
use crate::clearing::simulate::fill::fill;
use crate::clearing::simulate::shape::{A_DAY, Pools, Shape};
use crate::line::read_regions;
use crate::output;

use self::shelf::{Shelf, Volume};

/// What is required, as the issue of the month has it.
const MOST_BYTES: f64 = 1_000_000.0;
const MOST_OF_A_JOIN: f64 = 0.1;
const MOST_OF_A_SMALL_CLOSING: f64 = 10.0;
const MOST_OF_A_GROUP_BY: f64 = 3.0;
const MOST_MEMORY_MB: f64 = 500.0;
/// A stall of some ten milliseconds shows in the second in which it is, and is made up in the next; what lasts is a dip.
const MOST_OF_A_DIP: f64 = 0.05;
/// The small month has one settlement for so many.
const SMALL: u64 = 100;
/// The month in whose clearing traffic goes on has at most so many settlements to be folded: half a minute's work.
const MOST_LIVE: u64 = 200_000;

/// How to measure.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Settlements in each book.
    #[arg(long, default_value_t = 5_000_000)]
    settlements: u64,
    /// Members that clear with one another.
    #[arg(long, default_value_t = 32)]
    members: usize,
    /// Differences that are planted between the two books.
    #[arg(long, default_value_t = 100)]
    differences: u64,
    /// How often the comparison, the join, the proof and the plain statements are measured.
    #[arg(long, default_value_t = 2)]
    rounds: usize,
    /// Quiet seconds before and after the clearing in the live run; 0 leaves that out.
    #[arg(long, default_value_t = 12)]
    quiet_seconds: u64,
    /// The same seed gives the same books.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The database that keeps the books: files, or a server of our own.
    #[arg(long, value_enum, default_value = "sqlite")]
    store: Store,
    /// Where books in files are kept while it runs; they take about 2 KB a settlement, twice. The system's folder for
    /// temporary files where it is not given.
    #[arg(long)]
    scratch: Option<PathBuf>,
    /// The folder of the table of regions and the calendar.
    #[arg(long, default_value = "deploy", env = "YIDI_DEPLOY")]
    deploy: PathBuf,
    /// As one JSON object.
    #[arg(long)]
    json: bool,
}

/// The month of every book here.
///
/// # Errors
/// Never: it is a month.
pub fn month() -> Result<Month> {
    Month::new(2025, 6).context("a month")
}

/// Measures and prints. Tells whether everything is as it is required to be.
///
/// # Errors
/// When a book cannot be filled, or a part does not start.
pub async fn run(arguments: &Arguments) -> Result<bool> {
    let mut report = Report::new(arguments.json);
    let shelf = Shelf::new(arguments.store, arguments.scratch.as_deref())?;
    let regions = Arc::new(read_regions(&arguments.deploy)?);
    let shape = |count: u64| shape(&regions, arguments, count);
    report.figure("settlements", json!(arguments.settlements));
    let mut required = Required::default();

    // First, while the disk has nothing else to do: it stands still when books of gigabytes are removed.
    if arguments.quiet_seconds > 0 {
        let ground = Ground::new(&arguments.deploy)?;
        let shaped = shape(arguments.settlements.min(MOST_LIVE))?;
        let (book, _) = fill_book(&shelf, "live", &regions, &shaped, &report).await?;
        let book = Book::filled("clearing", book.location(), shelf.server());
        let quiet = Duration::from_secs(arguments.quiet_seconds);
        let live = live::measure(&ground, &book, quiet, &mut report).await?;
        required.at_most("live_dip", live.dip, MOST_OF_A_DIP);
        required.at_most("live_failed", live.failed as f64, 0.0);
    }

    let shaped = shape((arguments.settlements / SMALL).max(1))?;
    let (small, _) = fill_book(&shelf, "small", &regions, &shaped, &report).await?;
    let small_cleared = clear(&small, arguments, &report)?;
    let shaped = shape(arguments.settlements)?;
    let (whole, filled) = fill_book(&shelf, "whole", &regions, &shaped, &report).await?;
    report.figure("fill_us_each", per_settlement(filled, arguments.settlements));
    let cleared = clear(&whole, arguments, &report)?;
    tell_clearing(&small_cleared, &cleared, arguments.settlements, &mut required, &mut report)?;

    report.note("a second book, and differences in both …");
    let other = shelf.copy(&whole, "other")?;
    let (ours, theirs, rounds) = (whole.location(), other.location(), arguments.rounds);
    compare::plant((&ours, &theirs), &regions, &shaped, arguments.differences).await?;
    shelf.bring_together(&whole, &other)?;
    shelf.rest()?;
    report.note("comparing …");
    let compared = Process::come_to(&Part::Compare { ours, theirs, rounds })?;
    tell_comparison(&compared, arguments, &mut required, &mut report)?;
    for done in [small, whole, other] {
        shelf.remove(done)?;
    }

    required.tell(&mut report);
    Ok(report.end()? && required.met())
}

fn shape(regions: &RegionTable, arguments: &Arguments, count: u64) -> Result<Shape> {
    // At the rate at which settlements come nationally, as far as the month has days.
    let days = arguments.settlements.div_ceil(A_DAY).clamp(1, u64::try_from(month()?.last_day().day())?);
    let who = (arguments.members, Pools::Capital);
    Shape::new(regions, who, (count, arguments.seed), (month()?.first_day(), days))
}

/// Fills a book and closes it, and waits until it is on the disk.
async fn fill_book(
    shelf: &Shelf,
    name: &str,
    regions: &Arc<RegionTable>,
    shape: &Shape,
    report: &Report,
) -> Result<(Volume, Duration)> {
    report.note(&format!("filling a book with {} settlements …", shape.count()));
    let book = shelf.book(name)?;
    let begun = Instant::now();
    let store = compare::open(&book.location())?;
    let closed = store.closed();
    fill(&store, regions, shape).await?;
    drop(store);
    closed.wait().await;
    let filled = begun.elapsed();
    shelf.rest()?;
    Ok((book, filled))
}

fn clear(book: &Volume, arguments: &Arguments, report: &Report) -> Result<Value> {
    report.note("folding and clearing it …");
    let (book, deploy, rounds) = (book.location(), arguments.deploy.clone(), arguments.rounds);
    Process::come_to(&Part::Clear { book, deploy, rounds })
}

/// What is required, and whether it is so.
#[derive(Default)]
struct Required(Vec<(&'static str, f64, f64)>);

impl Required {
    fn at_most(&mut self, what: &'static str, measured: f64, most: f64) {
        self.0.push((what, measured, most));
    }

    fn met(&self) -> bool {
        self.0.iter().all(|(_, measured, most)| measured <= most)
    }

    fn tell(&self, report: &mut Report) {
        let mut table = output::table(["required at most", "measured", "required", ""]);
        for (what, measured, most) in &self.0 {
            let (measured_text, most_text) = (thousandth(*measured).to_string(), most.to_string());
            let holds = if measured <= most { "✓" } else { "✗" };
            table.add_row([*what, &measured_text, &most_text, holds]);
            report.figure(what, thousandth(*measured));
        }
        output::numbers_from(&mut table, 1);
        report.table(&table);
        report.figure("required_met", json!(self.met()));
    }
}

fn tell_clearing(
    small: &Value,
    whole: &Value,
    settlements: u64,
    required: &mut Required,
    report: &mut Report,
) -> Result<()> {
    let (closing, small_closing) = (micros_of(whole, "closing")?, micros_of(small, "closing")?);
    let (proof, group_by) = (median_of(whole, "proofs")?, median_of(whole, "group_by")?);
    required.at_most("closing_ratio", closing / small_closing, MOST_OF_A_SMALL_CLOSING);
    required.at_most("proof_ratio", proof / group_by, MOST_OF_A_GROUP_BY);
    required.at_most("clearing_peak_memory_mb", micros_of(whole, "peak_memory_mb")?, MOST_MEMORY_MB);
    report.figure("closing_ms", tenth(closing / 1_000.0));
    report.figure("closing_small_ms", tenth(small_closing / 1_000.0));
    report.figure("proof_ms", tenth(proof / 1_000.0));
    report.figure("group_by_ms", tenth(group_by / 1_000.0));
    report.figure("proof_journal_ratio", thousandth(proof / median_of(whole, "group_by_journal")?));
    // What it costs to keep the totals and the trees, which the hub does beside whoever settles.
    report.figure("keep_fold_us_each", thousandth(micros_of(whole, "fold")? / settlements as f64));
    report.figure("keep_digests_us_each", thousandth(micros_of(whole, "digests")? / settlements as f64));
    report.figure("lots", whole.get("lots").cloned().unwrap_or_default());
    report.say("Clearing one month, each step in ms.");
    let mut table = output::table(["step", "whole", "a hundredth"]);
    let steps = whole.get("steps").and_then(Value::as_object).context("no steps")?;
    for (step, took) in steps {
        let ms = |took: Option<&Value>| took.and_then(Value::as_f64).map(|took| tenth(took / 1_000.0).to_string());
        let of_small = ms(small.pointer(&format!("/steps/{step}"))).unwrap_or_default();
        table.add_row([step.clone(), ms(Some(took)).unwrap_or_default(), of_small]);
    }
    output::numbers_from(&mut table, 1);
    report.table(&table);
    report.detail("clearing", whole.clone());
    report.detail("clearing_small", small.clone());
    Ok(())
}

fn tell_comparison(
    compared: &Value,
    arguments: &Arguments,
    required: &mut Required,
    report: &mut Report,
) -> Result<()> {
    let (digests, join) = (median_of(compared, "digests")?, median_of(compared, "outer_join")?);
    required.at_most("reconcile_bytes", micros_of(compared, "bytes")?, MOST_BYTES);
    required.at_most("reconcile_ratio", digests / join, MOST_OF_A_JOIN);
    report.figure("reconcile_ms", tenth(digests / 1_000.0));
    report.figure("outer_join_ms", tenth(join / 1_000.0));
    for figure in ["exchanges", "found", "branches_agreed"] {
        report.figure(&format!("reconcile_{figure}"), compared.get(figure).cloned().unwrap_or_default());
    }
    if compared.get("found").and_then(Value::as_u64) != Some(arguments.differences) {
        report.void(&format!("{} differences were planted", arguments.differences));
    }
    report.detail("reconcile", compared.clone());
    Ok(())
}

fn micros_of(told: &Value, name: &str) -> Result<f64> {
    told.get(name).and_then(Value::as_f64).with_context(|| format!("a part did not tell its {name}"))
}

fn median_of(told: &Value, name: &str) -> Result<f64> {
    let all = told.get(name).and_then(Value::as_array).with_context(|| format!("a part did not tell its {name}"))?;
    Ok(median(all.iter().filter_map(Value::as_f64).collect()))
}

fn per_settlement(took: Duration, settlements: u64) -> Value {
    thousandth(took.as_secs_f64() * 1_000_000.0 / settlements as f64)
}
