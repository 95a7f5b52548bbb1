//! `yidi clearing simulate`: a month of the whole country in a new book, filled by the shape of the published yearly
//! figures and run through cut-off, proof, statements, replies, notices and payments to its closing, with every document
//! written and every invariant checked.
//!
//! | look in | for |
//! |---|---|
//! | [`shape`] | what is settled: by number and seed |
//! | [`messages`] | the operations and answers that say so |
//! | [`fill`](mod@fill) | the book that takes them |
//! | [`hub`] | the real hub, and members that reply and pay through it |
//! | [`course`] | the month from day to day |
//! | [`check`] | what must hold at the end |

pub mod check;
pub mod course;
pub mod fill;
pub mod hub;
pub mod messages;
pub mod shape;

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use clearing::month::Month;
use ledger::clock::Clock;
use serde_json::{Map, Value, json};

use crate::bench::usage;
use crate::cli::Ending;
use crate::output;
use check::{Check, Sides, checks, sides};
use course::{Course, noon, prepare};
use hub::Simulated;
use shape::{A_DAY, Pools, Shape};

/// What to simulate.
#[derive(Debug, Args)]
pub struct Arguments {
    /// How many members clear with one another; at most as many as the table of regions has.
    #[arg(long, default_value_t = 32)]
    members: usize,
    /// How many settlements the month has. Nationally it would be 650,000 a day.
    #[arg(long, default_value_t = 100_000)]
    settlements: u64,
    /// The month of settlement, yyyy-mm.
    #[arg(long, default_value = "2025-06")]
    month: String,
    /// The same seed gives the same month.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where the book, the certificates and the documents go; it must not hold a month already.
    #[arg(long)]
    data: PathBuf,
    /// The folder of the table of regions and the calendar.
    #[arg(long, default_value = "deploy", env = "YIDI_DEPLOY")]
    deploy: PathBuf,
    /// As one JSON object.
    #[arg(long)]
    json: bool,
}

/// Simulates the month and reports. It is a finding when an invariant does not hold.
///
/// # Errors
/// When the folder is in use, the hub does not start, or it refuses.
pub async fn run(arguments: &Arguments) -> Result<Ending> {
    let month = Month::from_text(&arguments.month).context("--month is not a month such as 2025-06")?;
    let ground = prepare(&arguments.data, &arguments.deploy, month)?;
    let (first_day, last_day) = (month.first_day(), month.last_day());
    let days = u64::try_from(last_day.day())?;
    let of = (arguments.settlements, arguments.seed);
    let shape = Shape::new(&ground.regions, (arguments.members, Pools::All), of, (first_day, days))?;
    let clock = Clock::starting_at(noon(first_day)?);
    let simulated = Simulated::start(&ground.folder, &ground.deploy, clock.clone(), shape.members()).await?;
    let course = course::run(&ground, &shape, &simulated, &clock).await?;
    let month = month.to_string();
    let sides = sides(&simulated, &month).await?;
    let checks = checks(&simulated, (&course, sides), &month, (first_day, last_day)).await?;
    let pairs = simulated.period(&month, None).await?.pairs.len();
    simulated.hub.stop().await;
    let memory = usage::peak_memory_mb(std::process::id())?;
    let holds = checks.iter().all(|check| check.wrong.is_none());
    if arguments.json {
        let told = to_json(&course, (sides, pairs, memory), &checks);
        output::line(&serde_json::to_string_pretty(&told)?);
    } else {
        tell(&course, (sides, pairs, memory), &checks, days);
    }
    Ok(Ending::of(holds))
}

fn tell(course: &Course, (sides, pairs, memory): (Sides, usize, u64), checks: &[Check], days: u64) {
    let tally = &course.tally;
    let a_day = tally.settlements() / days;
    output::line(&format!("{} settlements, {a_day} a day of {A_DAY} nationally", tally.settlements()));
    let mut kinds = output::table(["care", "settlements"]);
    for (care, count) in &tally.sent {
        kinds.add_row([care.name(), &count.to_string()]);
    }
    for (what, count) in [("cancelled or reversed", tally.undone), ("refused", tally.refused), ("local", tally.within)]
    {
        kinds.add_row([what, &count.to_string()]);
    }
    output::numbers_from(&mut kinds, 1);
    output::line(&kinds.to_string());
    let replies = course.replies;
    output::line(&format!(
        "{pairs} pairs: {} confirmed, {} objected, {} silent; {} paid",
        replies.confirmed, replies.objected, replies.silent, course.paid
    ));
    output::line(&format!("payable {}, receivable {}", sides.payable, sides.receivable));
    output::line(&format!("{} documents, {memory} MB at most", course.documents));
    let mut times = output::table(["step", "ms"]);
    for (what, took) in course.times.iter() {
        times.add_row([what, &took.as_millis().to_string()]);
    }
    output::numbers_from(&mut times, 1);
    output::line(&times.to_string());
    for Check { sentence, wrong } in checks {
        match wrong {
            None => output::line(&format!("✓ {sentence}")),
            Some(wrong) => output::line(&format!("✗ {sentence}: {wrong}")),
        }
    }
}

fn to_json(course: &Course, (sides, pairs, memory): (Sides, usize, u64), checks: &[Check]) -> Value {
    let (tally, replies) = (&course.tally, course.replies);
    let kinds: Map<String, Value> = tally.sent.iter().map(|(care, count)| (care.word().into(), json!(count))).collect();
    let times: Map<String, Value> = course
        .times
        .iter()
        .map(|(what, took)| (what.into(), json!(u64::try_from(took.as_millis()).unwrap_or(u64::MAX))))
        .collect();
    let checks: Map<String, Value> = checks
        .iter()
        .map(|check| (check.sentence.into(), check.wrong.clone().map_or(json!(true), Value::from)))
        .collect();
    let members: std::collections::BTreeSet<_> =
        tally.owed.keys().flat_map(|pair| [pair.home, pair.treatment]).collect();
    json!({ "settlements": tally.settlements(), "by_care": kinds, "undone": tally.undone, "refused": tally.refused,
        "local": tally.within, "members": members.len(), "pairs": pairs, "confirmed": replies.confirmed,
        "objected": replies.objected, "silent": replies.silent, "paid": course.paid,
        "payable": sides.payable.to_string(), "receivable": sides.receivable.to_string(),
        "documents": course.documents, "peak_memory_mb": memory, "milliseconds": times, "holds": checks })
}
