//! Whatever is committed while a month is cut off: each entry of the journal is in exactly one period, and a period's sums
//! are its entries'. With hubs that take turns in any order, and with hubs that write at once on PostgreSQL.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clearing::obligation::{Totals, postings};
use ledger::engine::{Commit, Disk, Faults, Location, Task, migrate};
use ledger::hub::{HubStore, PeriodNumber, Position, SCHEMA};
use ledger::testing::PrivatePostgres;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use reconciliation::book::READING;
use settlement::money::Money;
use world::months::{Book, NewStay, noon};
use yidi::verify::clearing::{Rules, findings};

/// What one of two hubs does.
#[derive(Clone, Copy, Debug)]
enum Deed {
    /// It receives a settlement.
    Receive(u8),
    /// It keeps the answer to one that was received.
    Answer(u8),
    /// It folds what is answered.
    Fold,
    /// It cuts off the period that it knows to be open.
    CutOff,
}

fn deed() -> impl Strategy<Value = (usize, Deed, bool)> {
    let deed = prop_oneof![
        4 => any::<u8>().prop_map(|which| Deed::Receive(which % 12)),
        4 => any::<u8>().prop_map(|which| Deed::Answer(which % 12)),
        2 => Just(Deed::Fold),
        1 => Just(Deed::CutOff),
    ];
    // Which hub, and whether the next deed begins before this one has ended.
    (0_usize..2, deed, any::<bool>())
}

/// A disk on which nothing goes wrong, and where whoever reads or writes lets the other go first now and then.
pub struct Turns;

impl Faults for Turns {
    fn spawn(&self, task: Task) {
        tokio::spawn(task);
    }

    fn before_commit(&self, writes: usize) -> Pin<Box<dyn Future<Output = Commit> + Send + '_>> {
        Box::pin(async move {
            for _ in 0..writes % 3 {
                tokio::task::yield_now().await;
            }
            Commit::Counts
        })
    }

    fn after_commit(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(tokio::task::yield_now())
    }

    fn before_read(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(tokio::task::yield_now())
    }
}

async fn done(book: &Book, deed: Deed) {
    match deed {
        Deed::Receive(which) => drop(book.receive(&stay(u32::from(which)), noon(6, 16)).await.expect("it is received")),
        Deed::Answer(which) => {
            let stay = stay(u32::from(which));
            // What never came has no answer; what has one keeps it.
            if let Some(position) = book.received(&stay).await.expect("it is looked up") {
                book.answer(position, &stay, noon(6, 16)).await.expect("it is answered");
            }
        }
        Deed::Fold => book.store.journal_fold(READING).await.expect("it is folded"),
        Deed::CutOff => {
            let open = book.store.period_open().await.expect("a period").number;
            book.store.period_cut_off(open, noon(7, 1)).await.expect("it is cut off");
        }
    }
}

fn stay(which: u32) -> NewStay {
    NewStay { id: format!("S{which:04}"), home: "410700", yuan: i64::from(which % 97) + 2 }
}

/// That each entry of the journal is in exactly one period, none is in none, and the sums of all periods are the journal's.
async fn hold(book: &Book) -> Result<usize, String> {
    let store = &book.store;
    store.journal_fold(READING).await.expect("it is folded");
    let open = store.period_open().await.expect("a period").number;
    let mut of_periods: BTreeMap<Position, Vec<PeriodNumber>> = BTreeMap::new();
    let mut of_journal: BTreeMap<PeriodNumber, Totals> = BTreeMap::new();
    let turns = store.settlement_turns(Position(0), 100_000).await.expect("the journal");
    for turn in &turns {
        let lot = (READING.lot)(&turn.operation, &turn.outcome).expect("it reads");
        of_journal.entry(turn.period).or_default().extend(postings(lot, turn.turn, &turn.lines));
    }
    for period in (1..=open.0).map(PeriodNumber) {
        let totals = store.lot_totals(period).await.expect("totals");
        let (journal, proof) = (
            of_journal.remove(&period).unwrap_or_default(),
            store.journal_totals(period, READING).await.expect("read"),
        );
        if totals != journal || proof != journal {
            return Err(format!("period {period}: {totals:?} folded, {proof:?} proved, {journal:?} in the journal"));
        }
        for (lot, _) in totals.iter() {
            for posting in store.lot_postings((period, lot), Position(0), 100_000).await.expect("postings") {
                of_periods.entry(posting.position).or_default().push(period);
            }
        }
    }
    if !of_journal.is_empty() {
        return Err(format!("entries of periods that there are not: {:?}", of_journal.keys()));
    }
    for turn in &turns {
        let periods = of_periods.remove(&turn.position).unwrap_or_default();
        if periods != [turn.period] {
            return Err(format!("{} is stamped with {} and summed up in {periods:?}", turn.position.0, turn.period));
        }
    }
    if !of_periods.is_empty() {
        return Err(format!("summed up, and not in the journal: {of_periods:?}"));
    }
    let found = findings(store, Rules::default()).await.expect("the book can be read");
    if found.is_empty() { Ok(turns.len()) } else { Err(format!("{found:?}")) }
}

async fn interleaved(deeds: Vec<(usize, Deed, bool)>) -> Result<(), String> {
    let location = Location::Simulated(Disk::new(Arc::new(Turns)).expect("a disk"));
    let books: Vec<Book> = (0..2).map(|_| Book::open(&location).expect("a book")).collect();
    let mut under_way = tokio::task::JoinSet::new();
    for (hub, deed, on_its_own) in deeds {
        let book = books[hub].clone();
        under_way.spawn(async move { done(&book, deed).await });
        if !on_its_own {
            while let Some(ended) = under_way.join_next().await {
                ended.map_err(|fault| fault.to_string())?;
            }
        }
    }
    while let Some(ended) = under_way.join_next().await {
        ended.map_err(|fault| fault.to_string())?;
    }
    hold(&books[0]).await.map(drop)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_interleaving_of_commits_and_cut_offs_puts_each_entry_into_exactly_one_period(
        deeds in prop::collection::vec(deed(), 1..80),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(interleaved(deeds)).map_err(TestCaseError::fail)?;
    }
}

/// Settlements that each of two hubs writes while a third cuts off.
const EACH: u32 = 400;
const CUT_OFFS: usize = 20;

#[tokio::test(flavor = "multi_thread")]
async fn two_hubs_that_write_while_a_third_cuts_off_put_each_entry_into_exactly_one_period() {
    let database = PrivatePostgres::shared().database().expect("a database");
    let owner = database.owner_url.parse().expect("a location");
    migrate(&owner, &SCHEMA, Some(&database.app_role)).expect("it is migrated");
    let location: Location = database.app_url.parse().expect("a location");
    let book = || Book::open(&location).expect("a book");
    let written = Arc::new(AtomicBool::new(false));
    let mut writers = Vec::new();
    for hub in 0..2 {
        let book = book();
        writers.push(tokio::spawn(async move {
            for number in hub * EACH..(hub + 1) * EACH {
                let stay = stay(number);
                let position = book.receive(&stay, noon(6, 16)).await.expect("it is received");
                book.answer(position, &stay, noon(6, 16)).await.expect("it is answered");
            }
        }));
    }
    let (cutter, over) = (book(), written.clone());
    let cutting = tokio::spawn(async move {
        for _ in 0..CUT_OFFS {
            cutter.store.journal_fold(READING).await.expect("it is folded");
            done(&cutter, Deed::CutOff).await;
            // Between two cut-offs somebody writes, as long as anybody does.
            let before = entries(&cutter.store).await;
            while !over.load(Ordering::Acquire) && entries(&cutter.store).await == before {
                tokio::task::yield_now().await;
            }
        }
    });
    for writer in writers {
        writer.await.expect("no panic");
    }
    written.store(true, Ordering::Release);
    cutting.await.expect("no panic");
    let book = book();
    assert_eq!(hold(&book).await, Ok(usize::try_from(2 * EACH).expect("few")));
    let open = book.store.period_open().await.expect("a period").number;
    assert_eq!(open, PeriodNumber(1 + i64::try_from(CUT_OFFS).expect("few")));
    let mut owed = Money::ZERO;
    for period in (1..=open.0).map(PeriodNumber) {
        let totals = book.store.lot_totals(period).await.expect("totals");
        owed += totals.iter().map(|(_, sums)| sums.owed()).sum::<Money>();
    }
    let expected: i64 = (0..2 * EACH).map(|which| stay(which).yuan * 100 / 2).sum();
    assert_eq!(owed, Money::from_fen(expected));
}

async fn entries(store: &HubStore) -> u64 {
    store.counts().await.expect("counts").entries
}
