//! Clearing one month of a book in a process of its own: folding it, cutting it off, proving, stating, noticing, paying
//! and closing it by the hub's own clearing, each step timed; and the proof beside plain statements. The process's memory
//! is that of clearing, for nothing else was done in it.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use broker::clearing::Clearing;
use clearing::payment::{Payable, Payment};
use clearing::period::{Pair, PairRecord, Side, Stage};
use futures_util::future::try_join_all;
use jiff::{Timestamp, ToSpan};
use ledger::hub::HubStore;
use ledger::testing::plain;
use reconciliation::book::READING;
use serde_json::{Map, Value, json};
use settlement::person::Insurance;

use super::super::measured::micros;
use super::super::usage;
use super::{compare, month};
use crate::clearing::simulate::course::{PERIOD, Times, advance, agree, noon, read_calendar};
use crate::line::read_regions;
use crate::output;

/// So many pairs pay at once: members do so by themselves.
const PAID_AT_ONCE: usize = 32;
/// The step that is told beside the closing.
const PROOF: &str = "prove";

/// Clears the month of a book, and writes what everything took, in microseconds, as JSON.
///
/// # Errors
/// When the store fails, or the month does not close.
pub async fn clear(book: &str, deploy: &Path, rounds: usize) -> Result<()> {
    let store = compare::open(book)?;
    let mut times = Times::default();
    let begun = Instant::now();
    store.journal_fold(READING).await?;
    let fold = begun.elapsed();
    let begun = Instant::now();
    store.leaves().leaf_refresh().await?;
    let digests = begun.elapsed();
    agree(&store, Timestamp::now()).await?;
    let clearing = to_its_end(&store, deploy, &mut times).await?;
    let peak_memory = usage::peak_memory_mb(std::process::id())?;
    let lots = clearing.pairs(PERIOD).await?.values().map(std::collections::BTreeMap::len).sum::<usize>();
    let proofs = Proofs::measure(&store, book, rounds).await?;
    let steps: Map<String, Value> = times.iter().map(|(step, took)| (step.to_owned(), micros(took).into())).collect();
    let closing: Duration = times.iter().filter(|(step, _)| *step != PROOF).map(|(_, took)| took).sum();
    let told = json!({ "fold": micros(fold), "digests": micros(digests), "closing": micros(closing), "steps": steps,
        "proofs": each(&proofs.own), "group_by": each(&proofs.folded), "group_by_journal": each(&proofs.journal),
        "lots": lots, "peak_memory_mb": peak_memory });
    output::line(&told.to_string());
    Ok(())
}

/// Carries the month from its cut-off to its closing. Members say nothing, which confirms, and both sides pay.
async fn to_its_end(store: &HubStore, deploy: &Path, times: &mut Times) -> Result<Clearing> {
    let calendar = read_calendar(deploy)?;
    let schedule = calendar.schedule(month()?);
    let clearing = Clearing::new(store.clone(), Arc::new(read_regions(deploy)?), Arc::new(calendar));
    clearing.advance(schedule.cut_off - 1.hour()).await?;
    let silent = noon(schedule.confirm_by.tomorrow()?)?;
    for now in [schedule.cut_off, noon(schedule.clearing_day)?, silent] {
        advance(&clearing, now, times).await?;
    }
    times.of("pay", pay(store, &clearing, silent)).await?;
    advance(&clearing, silent, times).await?;
    let standing = clearing.standing(PERIOD).await?.context("the month has no name")?;
    ensure!(standing.record.stage() == Stage::Closed, "the month is {}", standing.record.stage().word());
    Ok(clearing)
}

/// Has both sides of every pair with notices record the payment.
///
/// # Errors
/// When the store fails, or does not take a payment.
pub async fn pay(store: &HubStore, clearing: &Clearing, now: Timestamp) -> Result<()> {
    let standing = clearing.standing(PERIOD).await?.context("the month has no name")?;
    let noticed = |(_, (_, held)): &(usize, (&Pair, &PairRecord))| held.noticed_on.is_some() && !held.is_nothing_due();
    let pairs: Vec<_> = standing.record.pairs.iter().enumerate().filter(noticed).collect();
    for some in pairs.chunks(PAID_AT_ONCE) {
        let both = |number: usize, pair: Pair, (insurance, payable): (Insurance, &Payable)| {
            let payment = Payment {
                serial: format!("{number:08}{}", insurance.code()),
                bank: "benchmark".to_owned(),
                on: settlement::beijing::day_of(now),
                amount: payable.amount(),
            };
            let by = ("benchmark".to_owned(), now);
            let place = (PERIOD, pair, insurance);
            Side::ALL.map(|side| store.payment_record(place, side, payment.clone(), by.clone()))
        };
        let each = some.iter().flat_map(|(number, (pair, held))| held.to_be_paid().map(|due| (*number, **pair, due)));
        let recorded = each.flat_map(|(number, pair, due)| both(number, pair, due));
        for taken in try_join_all(recorded).await? {
            taken.context("a payment is not taken")?;
        }
    }
    Ok(())
}

/// How long the proof and the plain statements took, round by round.
struct Proofs {
    own: Vec<Duration>,
    folded: Vec<Duration>,
    journal: Vec<Duration>,
}

impl Proofs {
    async fn measure(store: &HubStore, book: &str, rounds: usize) -> Result<Proofs> {
        let mut proofs = Proofs { own: Vec::new(), folded: Vec::new(), journal: Vec::new() };
        for _ in 0..rounds.max(1) {
            let begun = Instant::now();
            tokio::task::block_in_place(|| plain::group_by(book, PERIOD.0))?;
            proofs.folded.push(begun.elapsed());
            let begun = Instant::now();
            let (folded, journal) = (store.lot_totals(PERIOD).await?, store.journal_totals(PERIOD, READING).await?);
            proofs.own.push(begun.elapsed());
            ensure!(folded == journal, "the sums are not the journal's");
            let begun = Instant::now();
            tokio::task::block_in_place(|| plain::group_by_journal(book, PERIOD.0))?;
            proofs.journal.push(begun.elapsed());
        }
        Ok(proofs)
    }
}

fn each(durations: &[Duration]) -> Vec<u64> {
    durations.iter().map(|took| micros(*took)).collect()
}
