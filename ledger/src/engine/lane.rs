//! What every writer does with the writes that wait: all of them in one transaction, and only then are they told. One
//! that fails, or that undoes what it wrote, never costs its neighbours: then each is tried alone.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::job::{Job, Ran};
use super::sql::Sql;
use crate::store::StoreError;

/// At most this many writes share a transaction; beyond it a batch costs latency and saves nothing.
const LARGEST_BATCH: usize = 256;
/// Commits begin no closer together than this. A commit costs as much for one write as for ten: without it, two processors
/// were 94 % busy at 30 % of the top, with commits of one or two writes each, and everybody waited for a processor.
/// At full load commits take longer than this anyway.
const APART: Duration = Duration::from_millis(1);
/// At most this many writes wait. Callers bound what is in flight well below it.
pub(super) const LONGEST_QUEUE: usize = 4096;

/// A database with one transaction at a time.
pub(super) trait Database {
    fn begin(&mut self) -> Result<(), StoreError>;
    fn run(&mut self, work: &mut dyn FnMut(&Sql<'_>) -> Result<Ran, StoreError>) -> Result<Ran, StoreError>;
    fn commit(&mut self) -> Result<(), StoreError>;
    fn roll_back(&mut self);
    /// Takes out of a batch what it carries out in one statement, durable when this returns; see [`super::express`].
    fn express(&mut self, _batch: &mut Vec<Box<dyn Job>>) -> Vec<Told> {
        Vec::new()
    }
}

/// Commits what waits until the last handle of the store is gone. The commit before is the window in which the next batch
/// gathers, and a processor that others wait for is left to them once, since what they are about to write can go along.
/// Who comes a millisecond after the last waits for no company.
pub(super) fn run(database: &mut impl Database, mut waiting: mpsc::Receiver<Box<dyn Job>>, teller: &Teller) {
    let mut batch = Vec::with_capacity(LARGEST_BATCH);
    let mut begun: Option<Instant> = None;
    while waiting.blocking_recv_many(&mut batch, LARGEST_BATCH) > 0 {
        match begun.and_then(|begun| APART.checked_sub(begun.elapsed())) {
            Some(early) => thread::sleep(early),
            None => thread::yield_now(),
        }
        begun = Some(Instant::now());
        while batch.len() < LARGEST_BATCH
            && let Ok(job) = waiting.try_recv()
        {
            batch.push(job);
        }
        commit(database, std::mem::take(&mut batch), teller);
    }
}

/// The next batch, as [`run`] takes it; none when the store closes.
pub(super) async fn next(waiting: &mut mpsc::Receiver<Box<dyn Job>>) -> Option<Vec<Box<dyn Job>>> {
    let mut batch = Vec::new();
    (waiting.recv_many(&mut batch, LARGEST_BATCH).await > 0).then_some(batch)
}

/// Commits a batch, and has everybody in it told.
fn commit(database: &mut impl Database, mut batch: Vec<Box<dyn Job>>, teller: &Teller) {
    teller.tell(database.express(&mut batch));
    if !batch.is_empty() {
        teller.tell(commit_untold(database, batch));
    }
}

/// Who tells. Waking a task from a thread outside its runtime costs more than from within, and for a whole batch it costs
/// so once when one task tells the others.
pub(super) struct Teller(Option<Handle>);

impl Teller {
    /// The runtime that the caller runs on; where there is none, the writer itself tells.
    pub(super) fn here() -> Teller {
        Teller(Handle::try_current().ok())
    }

    fn tell(&self, told: Vec<Told>) {
        let finish = |told: Vec<Told>| told.into_iter().for_each(|(job, committed)| job.finish(committed));
        match &self.0 {
            Some(runtime) if told.len() > 1 => drop(runtime.spawn(async move { finish(told) })),
            Some(_) | None => finish(told),
        }
    }
}

/// A write, and how its commit went.
pub(super) type Told = (Box<dyn Job>, Result<(), StoreError>);

/// Commits a batch, and leaves it to the caller to tell.
pub(super) fn commit_untold(database: &mut impl Database, mut batch: Vec<Box<dyn Job>>) -> Vec<Told> {
    let alone = batch.len() == 1;
    if let Err(fault) = database.begin() {
        // Trying each alone would only make the last one wait so many times as long.
        let faults = std::iter::once(fault).chain(std::iter::repeat_with(|| StoreError::NotBegun));
        return batch.into_iter().zip(faults.map(Err)).collect();
    }
    match try_commit(database, &mut batch) {
        Ok(Ran::Keep) => batch.into_iter().map(|job| (job, Ok(()))).collect(),
        Ok(Ran::Undo) if alone => batch.into_iter().map(|job| (job, Ok(()))).collect(),
        Err(fault) if alone => batch.pop().map(|job| (job, Err(fault))).into_iter().collect(),
        Ok(Ran::Undo) | Err(_) => batch.into_iter().flat_map(|job| commit_untold(database, vec![job])).collect(),
    }
}

fn try_commit(database: &mut impl Database, batch: &mut [Box<dyn Job>]) -> Result<Ran, StoreError> {
    for job in batch {
        // The writer is everybody's: a fault in one piece of work must not end it. Nothing half-done stays behind,
        // since the transaction is rolled back and a job starts afresh when it runs again.
        let ran = catch_unwind(AssertUnwindSafe(|| database.run(&mut |sql| job.run(sql))));
        match ran.unwrap_or(Err(StoreError::Panicked)) {
            Ok(Ran::Keep) => {}
            spoilt @ (Ok(Ran::Undo) | Err(_)) => {
                database.roll_back();
                return spoilt;
            }
        }
    }
    database.commit().map(|()| Ran::Keep).inspect_err(|_| database.roll_back())
}
