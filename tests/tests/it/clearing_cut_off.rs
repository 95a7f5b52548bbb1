//! When a period is cut off, as it is recorded: on a disk on which every commit takes its time, by the job that clears.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use broker::directory::Directory;
use broker::hub::Hub;
use broker::limits::Limits;
use clearing::period::Step;
use jiff::ToSpan;
use jiff::civil::date;
use ledger::clock::Clock;
use ledger::engine::{Commit, Disk, Faults, Location, Task};
use settlement::beijing;
use tokio_util::sync::CancellationToken;
use world::months::{Book, Stay, noon};

/// How long each commit takes by the hub's clock.
const COMMIT_MINUTES: i64 = 10;

/// A disk that nothing happens to but that time passes.
struct Slow {
    clock: Clock,
}

impl Faults for Slow {
    fn spawn(&self, task: Task) {
        tokio::spawn(task);
    }

    fn before_commit(&self, _writes: usize) -> Pin<Box<dyn Future<Output = Commit> + Send + '_>> {
        self.clock.set(self.clock.now() + COMMIT_MINUTES.minutes());
        Box::pin(async { Commit::Counts })
    }

    fn after_commit(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {})
    }

    fn before_read(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {})
    }
}

#[tokio::test]
async fn a_cut_off_is_recorded_for_when_it_was_however_long_was_folded_before() {
    let clock = Clock::starting_at(noon(6, 15));
    let disk = Disk::new(Arc::new(Slow { clock: clock.clone() })).expect("a disk");
    let book = Book::open(&Location::Simulated(disk)).expect("a book");
    book.clearing().advance(clock.now()).await.expect("the store works");
    for id in ["S1", "S2"] {
        book.settle(Stay { id, home: "410700", yuan: 100 }, noon(6, 16)).await.expect("it is booked");
    }
    clock.set(beijing::instant_of(date(2025, 7, 1).at(0, 0, 30, 0)).expect("an instant"));

    let directory = Directory::new(book.regions.clone(), Vec::new());
    let hub = Hub::new(book.store.clone(), directory, Limits::new(1), clock.clone(), Duration::from_secs(1));
    let (stop, mut cut_off) = (CancellationToken::new(), None);
    let done = |_, step| {
        if step == Step::CutOff {
            cut_off.get_or_insert(clock.now());
            stop.cancel();
        }
    };
    broker::jobs::clearing::run(hub, book.clearing(), Duration::from_millis(1), stop.clone(), done).await;
    let recorded = book.store.period_open().await.expect("it is read").opened_at;
    let since = cut_off.expect("it is cut off").duration_since(recorded);
    // The commit that cuts it off, and the moment that the test itself takes.
    assert_eq!(since.as_secs() / 60, COMMIT_MINUTES, "recorded {recorded}, done {cut_off:?}");
}
