//! `yidi simulate --quarters`: several quarters, several at a time, each told in a few lines when it is over.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use anyhow::Result;
use clearing::period::PairRecord;
use serde_json::{Value, json};
use settlement::money::Money;

use super::{Ran, run};
use crate::cli::Ending;
use crate::output;

/// Which quarters are run, and how.
#[derive(Clone, Debug)]
pub struct Course {
    /// The seeds.
    pub seeds: Range<u64>,
    /// How many at a time.
    pub threads: usize,
    /// The folder with rule books, the calendar and the demo's data.
    pub deploy: PathBuf,
    /// How many people are treated a day.
    pub visits_a_day: u64,
    /// Where documents are kept, a folder a seed; nowhere where it is none.
    pub out: Option<PathBuf>,
    /// Set by whoever wants no more to be begun.
    pub over: Arc<AtomicBool>,
    /// As JSON.
    pub json: bool,
}

/// Runs the quarters and tells what they came to.
///
/// # Errors
/// When a nation cannot be built, or documents cannot be written.
pub fn many(course: &Course) -> Result<Ending> {
    let (next, told) = (AtomicU64::new(course.seeds.start), Mutex::new(Vec::new()));
    let worker = || -> Result<()> {
        while !course.over.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= course.seeds.end {
                break;
            }
            let ran = one(course, seed)?;
            told.lock().unwrap_or_else(PoisonError::into_inner).push((seed, ran));
        }
        Ok(())
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..course.threads.max(1)).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().unwrap_or_else(|_| anyhow::bail!("a run panicked")))
    })?;
    let mut told = told.into_inner().unwrap_or_else(PoisonError::into_inner);
    told.sort_by_key(|(seed, _)| *seed);
    if course.json {
        let all: Vec<Value> = told.iter().map(|(seed, ran)| to_json(*seed, ran)).collect();
        output::line(&serde_json::to_string_pretty(&all)?);
    } else {
        told.iter().for_each(|(seed, ran)| print(*seed, ran));
    }
    Ok(Ending::of(told.iter().all(|(_, ran)| ran.summary.findings.is_empty())))
}

fn one(course: &Course, seed: u64) -> Result<Ran> {
    let kept = course.out.as_ref().map(|out| out.join(seed.to_string()));
    let folder = tempfile::tempdir()?;
    let out = kept.as_deref().unwrap_or_else(|| folder.path());
    run(seed, &course.deploy, course.visits_a_day, out, false)
}

fn print(seed: u64, ran: &Ran) {
    let counts = ran.counts;
    output::line(&format!(
        "seed {seed}: {} settlements, {} reversed the next morning, {} cancelled, {} after their cut-off; {} steps",
        counts.settled, counts.reversed, counts.cancelled, counts.cancelled_late, ran.summary.steps
    ));
    let found = ran.planted.iter().filter(|(_, found)| *found).count();
    output::line(&format!(
        "  differences: {} planted, {found} found and explained, {} pending at midnight; {} answers given back",
        ran.planted.len(),
        counts.pending,
        counts.given_back
    ));
    output::line(&format!("  corrections: {} settlements worked out again, and posted", counts.corrected));
    output::line(&format!(
        "  payments: {} recorded otherwise by both sides and accepted; {} settlements refused while a member was suspended",
        ran.accepted[0], counts.refused_suspended
    ));
    output::line(&format!(
        "  certificates: {} signed by all three, {} for late entries; {} days certified by nobody",
        ran.certified.signed,
        ran.certified.replacing,
        ran.certified.uncertified.len()
    ));
    for month in &ran.months {
        let owed: Money = month.records.values().map(PairRecord::owed).sum();
        output::line(&format!("  {} closed: {} pairs, {owed} owed", month.month, month.records.len()));
    }
    ran.summary.findings.iter().for_each(|finding| output::line(&format!("  ✗ {finding}")));
    if ran.summary.findings.is_empty() {
        output::line("  ✓ what must always hold held after every step");
    }
}

fn to_json(seed: u64, ran: &Ran) -> Value {
    let counts = ran.counts;
    let planted = ran.planted.iter().map(|(why, found)| json!({ "why": why, "found": found }));
    let months = ran.months.iter().map(|month| {
        let owed: Money = month.records.values().map(PairRecord::owed).sum();
        json!({ "month": month.month.to_string(), "pairs": month.records.len(), "owed": owed.to_string() })
    });
    json!({ "seed": seed, "steps": ran.summary.steps, "findings": ran.summary.findings, "settled": counts.settled,
        "reversed": counts.reversed, "cancelled": counts.cancelled, "cancelled_late": counts.cancelled_late,
        "pending": counts.pending, "given_back": counts.given_back, "corrected": counts.corrected, "objections": ran.objections,
        "certificates": { "signed": ran.certified.signed, "replacing": ran.certified.replacing,
            "unsigned": ran.certified.unsigned, "uncertified": ran.certified.uncertified.len() },
        "listed": ran.listed, "deductions": ran.deductions, "planted": planted.collect::<Vec<_>>(),
        "months": months.collect::<Vec<_>>() })
}
