//! Filling a hub's book with a simulated month through the store's own calls, as the hub makes them for real settlements
//! but for the wire. What was sent is added up here as well, so that what clearing comes to can be held against something
//! that never went through a book.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result, bail, ensure};
use clearing::period::Pair;
use ledger::hub::{Answer, Answering, HubStore, Receipt, Received, Verdict};
use settlement::encounter::CareKind;
use settlement::ids::PoolCode;
use settlement::money::Money;
use settlement::outcome::{Done, Outcome};
use settlement::postings::Booking;
use settlement::region::RegionTable;

use super::messages::{Exchange, exchanges};
use super::shape::{Fate, Shape, Visit};

/// How many writes wait at once: as many as share a transaction, and as many again.
const AT_ONCE: usize = 512;

/// What was sent, added up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Settlements by care, whatever became of them.
    pub sent: BTreeMap<CareKind, u64>,
    /// Of these, cancelled or reversed.
    pub undone: u64,
    /// Of these, refused.
    pub refused: u64,
    /// Settlements that count and stay within one member: owed by nobody.
    pub within: u64,
    /// What is owed for settlements that count, by who owes whom.
    pub owed: BTreeMap<Pair, Money>,
}

impl Tally {
    /// Settlements sent.
    pub fn settlements(&self) -> u64 {
        self.sent.values().sum()
    }

    /// Operations that were accepted: settlements and what undid them.
    pub fn accepted(&self) -> u64 {
        self.settlements() - self.refused + self.undone
    }

    fn add(&mut self, visit: &Visit, settling: &Outcome) {
        *self.sent.entry(visit.care).or_default() += 1;
        match visit.fate {
            Fate::Cancelled | Fate::Reversed => self.undone += 1,
            Fate::Refused => self.refused += 1,
            Fate::Stands if visit.home_member == visit.treatment_member => self.within += 1,
            Fate::Stands => {
                let pair = Pair { home: visit.home_member, treatment: visit.treatment_member };
                *self.owed.entry(pair).or_default() += owed(settling);
            }
        }
    }

    fn join(&mut self, other: Tally) {
        other.sent.into_iter().for_each(|(care, count)| *self.sent.entry(care).or_default() += count);
        other.owed.into_iter().for_each(|(pair, owed)| *self.owed.entry(pair).or_default() += owed);
        self.undone += other.undone;
        self.refused += other.refused;
        self.within += other.within;
    }
}

fn owed(settling: &Outcome) -> Money {
    match settling {
        Outcome::Accepted { decided_at: _, done: Done::Settled(settled) } => {
            settled.payers.funds.total() + settled.payers.account
        }
        Outcome::Accepted { decided_at: _, done: Done::Cancelled { .. } | Done::Reversed(_) } | Outcome::Refused(_) => {
            Money::ZERO
        }
    }
}

/// Has a hub's book take a whole month.
///
/// # Errors
/// When the store fails, or takes something otherwise than it was meant.
pub async fn fill(store: &HubStore, regions: &Arc<RegionTable>, shape: &Shape) -> Result<Tally> {
    let filling = Arc::new(Filling {
        store: store.clone(),
        regions: regions.clone(),
        shape: shape.clone(),
        next: AtomicU64::new(0),
        numbers: regions.iter().filter_map(|row| row.pool).map(|pool| (pool, AtomicU64::new(0))).collect(),
    });
    let lanes: Vec<_> = (0..AT_ONCE)
        .map(|_| {
            let filling = filling.clone();
            tokio::spawn(async move { filling.work().await })
        })
        .collect();
    let mut tally = Tally::default();
    for lane in lanes {
        tally.join(lane.await.context("a task that fills the book died")??);
    }
    Ok(tally)
}

struct Filling {
    store: HubStore,
    regions: Arc<RegionTable>,
    shape: Shape,
    next: AtomicU64,
    /// How many answers each home region has given.
    numbers: BTreeMap<PoolCode, AtomicU64>,
}

impl Filling {
    async fn work(&self) -> Result<Tally> {
        let mut tally = Tally::default();
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number >= self.shape.count() {
                return Ok(tally);
            }
            let visit = self.shape.visit(number)?;
            let exchanges = exchanges(&visit)?;
            if let Some(settling) = exchanges.first() {
                tally.add(&visit, &settling.outcome);
            }
            for exchange in exchanges {
                self.keep(exchange).await.with_context(|| format!("settlement {number}"))?;
            }
        }
    }

    async fn keep(&self, exchange: Exchange) -> Result<()> {
        let home = exchange.operation.home();
        let number = self.numbers.get(&home).context("a pool that no table has")?;
        keep(&self.store, &self.regions, exchange, 1 + number.fetch_add(1, Ordering::Relaxed)).await
    }
}

/// What the hub itself does with an operation and its answer: received, then answered and booked.
///
/// # Errors
/// When the store fails, or takes it otherwise than it was meant.
pub async fn keep(store: &HubStore, regions: &Arc<RegionTable>, exchange: Exchange, book_seq: u64) -> Result<()> {
    let (bytes, outcome) = exchange.bytes();
    let Exchange { operation, outcome: decided, at } = exchange;
    let (home, operation) = (operation.home(), Arc::new(operation));
    let booking = Booking::of(&operation, &decided);
    let receipt = Receipt { operation, bytes, received_at: at, regions: regions.clone() };
    let Received::Fresh(fresh) = store.operation_receive(receipt).await? else {
        bail!("its key is in the book already")
    };
    let answer = Answer { outcome, verdict: Verdict::of(&decided), book_seq, answered_at: at };
    let kept = store.operation_answer(fresh.position, home, answer, booking).await?;
    ensure!(kept == Answering::Kept, "its answer is not kept: {kept:?}");
    Ok(())
}
