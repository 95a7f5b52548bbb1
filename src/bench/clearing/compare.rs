//! Two books of a month that differ in a few operations: planting them, and comparing the books by their digests and by
//! a plain outer join, in a process of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use ledger::engine::Location;
use ledger::hub::HubStore;
use ledger::leaves::Scope;
use ledger::store::StoreOptions;
use ledger::testing::plain;
use prost::Message;
use proto::status::NoReply;
use proto::v1;
use reconciliation::answering::Answering;
use reconciliation::asking;
use reconciliation::book::READING;
use reconciliation::port::{BookPort, Call};
use serde_json::json;
use settlement::money::Money;
use settlement::refusal::Refusal;
use settlement::region::RegionTable;

use super::super::measured::micros;
use super::super::usage;
use super::month;
use crate::clearing::simulate::fill::keep;
use crate::clearing::simulate::messages::exchanges;
use crate::clearing::simulate::shape::{Fate, Shape};
use crate::output;

/// What is planted has numbers from here on.
const PLANTED: u64 = 40_000_000;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// What gRPC puts before each message, beside the headers, which HTTP/2 keeps.
const FRAME: u64 = 5;

/// Plants differences into two copies of a book: in turn an operation that only one has, one that only the other has, and
/// one that the two tell of otherwise.
///
/// # Errors
/// When a store fails.
pub async fn plant(
    (ours, theirs): (&str, &str),
    regions: &Arc<RegionTable>,
    shape: &Shape,
    differences: u64,
) -> Result<()> {
    for (book, leaves_out, surcharge) in [(ours, 1, Money::ZERO), (theirs, 0, Money::from_yuan(1))] {
        let store = open(book)?;
        let closed = store.closed();
        for number in 0..differences {
            if number % 3 == leaves_out {
                continue;
            }
            let mut visit = shape.visit(number * shape.count() / differences.max(1))?;
            (visit.number, visit.fate) = (PLANTED + number, Fate::Stands);
            if number % 3 == 2 {
                visit.total += surcharge;
            }
            for exchange in exchanges(&visit)? {
                keep(&store, regions, exchange, PLANTED + number).await?;
            }
        }
        store.journal_fold(READING).await?;
        store.leaves().leaf_refresh().await?;
        drop(store);
        closed.wait().await;
    }
    Ok(())
}

/// Compares two books so often, and writes what it took, in microseconds, as JSON.
///
/// # Errors
/// When a book cannot be read.
pub async fn compare(ours: &str, theirs: &str, rounds: usize) -> Result<()> {
    let (mut own, mut joined) = (Vec::new(), Vec::new());
    let (mut found, mut bytes, mut exchanges, mut agreed, mut rows) = (0, 0, 0, 0, 0);
    for _ in 0..rounds.max(1) {
        let (asking, answering) = (open(ours)?, open(theirs)?);
        let ended = [asking.closed(), answering.closed()];
        let port = Counted { book: Answering::new(answering), bytes: AtomicU64::new(0), exchanges: AtomicU64::new(0) };
        let month = month()?;
        let begun = Instant::now();
        let days = (month.first_day(), month.last_day());
        let compared = asking::compare(&asking, &port, Scope::default(), days, PATIENCE).await?;
        own.push(micros(begun.elapsed()));
        (found, agreed) = (compared.apart.len(), compared.agreed.len());
        (bytes, exchanges) = (port.bytes.load(Ordering::Relaxed), port.exchanges.load(Ordering::Relaxed));
        drop((asking, port));
        for end in ended {
            end.wait().await;
        }
        let begun = Instant::now();
        rows = tokio::task::block_in_place(|| plain::outer_join(ours, theirs))?;
        joined.push(micros(begun.elapsed()));
    }
    ensure!(rows == found as u64, "the join finds {rows} differences, the digests {found}");
    let peak_memory = usage::peak_memory_mb(std::process::id())?;
    let told = json!({ "digests": own, "outer_join": joined, "bytes": bytes, "exchanges": exchanges, "found": found,
        "branches_agreed": agreed, "peak_memory_mb": peak_memory });
    output::line(&told.to_string());
    Ok(())
}

/// Opens a book where it is, as a hub's configuration says it.
///
/// # Errors
/// When it cannot be opened.
pub fn open(book: &str) -> Result<HubStore> {
    let place: Location = book.parse()?;
    HubStore::open(&place, &StoreOptions::default()).with_context(|| format!("cannot open {place}"))
}

/// A book that answers as it does over gRPC, with what goes over the wire counted.
struct Counted {
    book: Answering<HubStore>,
    bytes: AtomicU64,
    exchanges: AtomicU64,
}

impl Counted {
    fn count<Q: Message, A: Message>(&self, asked: &Q, told: Result<A, Refusal>) -> Result<A, NoReply> {
        let told = told.map_err(NoReply::Refused)?;
        let bytes = (asked.encoded_len() + told.encoded_len()) as u64 + 2 * FRAME;
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.exchanges.fetch_add(1, Ordering::Relaxed);
        Ok(told)
    }
}

impl BookPort for Counted {
    fn roots(&self, asked: v1::RootsRequest, _: Duration) -> Call<'_, v1::RootsReply> {
        Box::pin(async move { self.count(&asked, self.book.roots(&asked, |_| true).await) })
    }

    fn inside(&self, asked: v1::InsideRequest, _: Duration) -> Call<'_, v1::InsideReply> {
        Box::pin(async move { self.count(&asked, self.book.inside(&asked, |_| true).await) })
    }

    fn facts(&self, asked: v1::FactsRequest, _: Duration) -> Call<'_, v1::FactsReply> {
        Box::pin(async move { self.count(&asked, self.book.facts(&asked, |_| true).await) })
    }
}
