//! A process of the simulated world: what is spawned as part of it ends at the very await at which it is killed, and its
//! disk outlives it. What a node does is its own crate's; here it only lives and dies.

use std::future;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use ledger::clock::Clock;
use ledger::engine::{Commit, Disk, Faults, Location, Task};
use ledger::store::StoreError;
use tokio_util::sync::CancellationToken;

use super::climate::Context;

/// A stalled commit takes up to so many milliseconds.
const LONGEST_STALL_MS: u64 = 12_000;

/// One process: off, or alive behind its door.
pub struct Node<D> {
    name: String,
    /// Its clock, which may go wrong.
    pub clock: Clock,
    disk: Mutex<Disk>,
    faults: Arc<DiskFaults>,
    power: Arc<Power>,
    door: Mutex<Option<Arc<D>>>,
}

impl<D> Node<D> {
    /// A node that was never on, with an empty disk.
    ///
    /// # Errors
    /// When there is no memory for the disk.
    pub fn new(name: &str, context: &Arc<Context>, now: Timestamp) -> Result<Node<D>, StoreError> {
        let power = Arc::new(Power { alive: Mutex::new(CancellationToken::new()) });
        power.off();
        let faults = DiskFaults { name: name.to_owned(), context: context.clone(), power: power.clone() };
        let faults = Arc::new(faults);
        let disk = Mutex::new(Disk::new(faults.clone())?);
        Ok(Node { name: name.to_owned(), clock: Clock::of_timers(now), disk, faults, power, door: Mutex::new(None) })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where its store is.
    pub fn location(&self) -> Location {
        Location::Simulated(self.disk().clone())
    }

    /// Copies its disk into a file, as a nightly backup does.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn back_up(&self, file: &Path) -> Result<(), StoreError> {
        self.disk().copy(file)
    }

    /// Puts a copy that was made earlier in its disk's place. The node is off meanwhile.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn put_back(&self, file: &Path) -> Result<(), StoreError> {
        *self.disk() = Disk::of_copy(file, self.faults.clone())?;
        Ok(())
    }

    /// Turns the power on: what is spawned from now on lives until it goes off.
    pub fn power_on(&self) -> CancellationToken {
        self.power.on()
    }

    /// Opens the door, once the node is up.
    pub fn open(&self, door: D) {
        *self.door() = Some(Arc::new(door));
    }

    /// The door, while it is open. A node that died of itself has none.
    pub fn opened(&self) -> Option<Arc<D>> {
        self.door().clone().filter(|_| !self.power.is_off())
    }

    /// Ends everything that runs as part of it, at the await where it is.
    pub fn kill(&self) {
        self.power.off();
        self.door().take();
    }

    /// Runs something as part of it.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.power.spawn(Box::pin(work));
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn door(&self) -> MutexGuard<'_, Option<Arc<D>>> {
        self.door.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What keeps a node's tasks alive.
struct Power {
    alive: Mutex<CancellationToken>,
}

impl Power {
    fn on(&self) -> CancellationToken {
        let alive = CancellationToken::new();
        *self.alive() = alive.clone();
        alive
    }

    fn off(&self) {
        self.alive().cancel();
    }

    fn is_off(&self) -> bool {
        self.alive().is_cancelled()
    }

    fn spawn(&self, task: Task) {
        let alive = self.alive().clone();
        tokio::spawn(async move { alive.run_until_cancelled(task).await });
    }

    fn alive(&self) -> MutexGuard<'_, CancellationToken> {
        self.alive.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What goes wrong with a node's disk.
struct DiskFaults {
    name: String,
    context: Arc<Context>,
    power: Arc<Power>,
}

impl DiskFaults {
    fn strikes(&self, per_mille: u64, kind: &'static str) -> bool {
        self.context.strikes(per_mille, kind, &self.name)
    }

    /// The process dies here: what it was about to do, it never does.
    async fn die(&self) {
        self.power.off();
        future::pending::<()>().await;
    }

    async fn commit(&self) -> Commit {
        let climate = &self.context.climate;
        if self.strikes(climate.dies_before, "died before a commit") {
            self.die().await;
        }
        if self.strikes(climate.commit_hangs, "a commit never came back") {
            future::pending::<()>().await;
        }
        let longest = if self.strikes(climate.commit_stalls, "a commit stalled") { LONGEST_STALL_MS } else { 16 };
        tokio::time::sleep(self.context.chance.pause(1, longest)).await;
        if self.strikes(climate.commit_fails, "a commit failed") {
            Commit::Fails
        } else if self.strikes(climate.commit_lies, "a commit counted and was said to have failed") {
            Commit::CountsAndSaysNo
        } else {
            Commit::Counts
        }
    }
}

impl Faults for DiskFaults {
    fn spawn(&self, task: Task) {
        self.power.spawn(task);
    }

    fn before_commit(&self, _writes: usize) -> Pin<Box<dyn Future<Output = Commit> + Send + '_>> {
        Box::pin(self.commit())
    }

    fn after_commit(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {
            self.context.committed();
            if self.strikes(self.context.climate.dies_after, "died after a commit") {
                self.die().await;
            }
            let late = self.strikes(self.context.climate.commit_late, "a commit counted and said so late");
            let longest = if late { LONGEST_STALL_MS } else { 4 };
            tokio::time::sleep(Duration::from_millis(self.context.chance.below(longest))).await;
        })
    }

    fn before_read(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {
            if !self.context.is_observed() && self.context.chance.happens(100) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
    }
}
