//! A hub that dies at any of its commits while it clears two months, and comes up again: what it ends with is what a hub
//! ends with that nothing ever happened to, down to the bytes of the documents. So it is when it dies twice, when commits
//! fail or are said to have failed, and when another hub clears beside it.

use std::collections::BTreeMap;
use std::future::pending;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use clearing::breaks::{Book as OfTwo, Books, Kind, Proposal};
use clearing::cleared::Cleared;
use clearing::digest::Branch;
use clearing::document::Document;
use clearing::obligation::{Lot, Sums};
use clearing::period::{Pair, PairRecord, Payment, Record, Side};
use clearing::statement::{BankAccount, Pairs, national, notice, of_member, shares};
use jiff::Timestamp;
use jiff::civil::date;
use ledger::engine::{Commit, Disk, Faults, Location, Task};
use ledger::hub::{
    Change, Deduction, DeductionLodging, FoundBreak, PeriodNumber, Position, Reply, StatementFault, StepReport,
};
use ledger::leaves::Scope;
use ledger::store::StoreError;
use settlement::adjudication::{Fund, FundShares};
use settlement::money::Money;
use settlement::person::Insurance;
use tokio::task::JoinSet;
use world::months::{Book, Stay, henan_shanghai, noon, settlement_id};
use world::pool;
use yidi::verify::clearing::{Rules, findings};

/// What happens to a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// The hub dies before it.
    DiesBefore,
    /// The hub dies after it, and nobody is told.
    DiesAfter,
    /// It fails.
    Fails,
    /// It counts, and is said to have failed.
    CountsAndSaysNo,
}

/// The fate of commits by their numbers, over all hubs.
#[derive(Default)]
struct Fates {
    of: BTreeMap<usize, Fate>,
    committed: AtomicUsize,
    read: AtomicUsize,
}

impl Faults for Fates {
    fn spawn(&self, task: Task) {
        tokio::spawn(task);
    }

    fn before_commit(&self, _writes: usize) -> Pin<Box<dyn Future<Output = Commit> + Send + '_>> {
        let number = self.committed.fetch_add(1, Ordering::Relaxed) + 1;
        Box::pin(async move {
            match self.of.get(&number) {
                Some(Fate::DiesBefore) => pending().await,
                Some(Fate::Fails) => Commit::Fails,
                Some(Fate::CountsAndSaysNo) => Commit::CountsAndSaysNo,
                Some(Fate::DiesAfter) | None => Commit::Counts,
            }
        })
    }

    /// On one thread nobody commits between a commit and what comes after it.
    fn after_commit(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let number = self.committed.load(Ordering::Relaxed);
        Box::pin(async move {
            if self.of.get(&number) == Some(&Fate::DiesAfter) {
                pending::<()>().await;
            }
        })
    }

    /// Hubs that work beside each other take turns in ever other ways.
    fn before_read(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let read = self.read.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move {
            for _ in 0..(read * 7 + read / 5) % 4 {
                tokio::task::yield_now().await;
            }
        })
    }
}

/// What happens in the two months. Whoever does not know whether it happened does it again.
#[derive(Clone, Copy, Debug)]
enum Event {
    Settled(Stay, Timestamp),
    Cancelled(&'static str, Stay, Timestamp),
    BooksFoundApart(Stay, Timestamp),
    BooksAgree(Timestamp),
    Deducted(&'static str, Stay, Timestamp),
    Objected(Stay, Timestamp),
    Paid(PeriodNumber, Timestamp),
    /// Whatever is due is done, by every hub.
    Advanced(Timestamp),
}

const JUNE: PeriodNumber = PeriodNumber(1);
const JULY: PeriodNumber = PeriodNumber(2);
const S1: Stay = Stay { id: "S1", home: "410700", yuan: 100 };
const S2: Stay = Stay { id: "S2", home: "410700", yuan: 220 };
const S3: Stay = Stay { id: "S3", home: "410700", yuan: 340 };
const S4: Stay = Stay { id: "S4", home: "410700", yuan: 460 };
const S5: Stay = Stay { id: "S5", home: "410700", yuan: 580 };
const S6: Stay = Stay { id: "S6", home: "410700", yuan: 700 };
const Z1: Stay = Stay { id: "Z1", home: "440300", yuan: 50 };
const Z2: Stay = Stay { id: "Z2", home: "440300", yuan: 70 };

/// June with an objection, books that are apart, and deductions; July with what comes over from it, and cancellations of
/// what June has cleared.
fn script() -> Vec<Event> {
    use Event::{Advanced, BooksAgree, BooksFoundApart, Cancelled, Deducted, Objected, Paid, Settled};
    let mut script = vec![Advanced(noon(6, 15))];
    script.extend([S1, S2, S3, S4, S5, Z1].map(|stay| Settled(stay, noon(6, 16))));
    script.extend([
        Advanced(noon(6, 17)),
        Deducted("D4", S4, noon(6, 18)),
        Deducted("D5", S5, noon(6, 18)),
        BooksFoundApart(S3, noon(6, 20)),
        Advanced(noon(7, 1)),
        Cancelled("C2", S2, noon(7, 2)),
        Cancelled("C5", S5, noon(7, 2)),
        Settled(S6, noon(7, 3)),
        Settled(Z2, noon(7, 3)),
        Advanced(noon(7, 21)),
        Objected(S1, noon(7, 22)),
        Advanced(noon(7, 22)),
        Advanced(noon(7, 30)),
        Paid(JUNE, noon(8, 8)),
        Advanced(noon(8, 8)),
        BooksAgree(noon(8, 10)),
        BooksFoundApart(Z2, noon(8, 12)),
        Advanced(noon(8, 21)),
        Advanced(noon(8, 27)),
        Paid(JULY, noon(9, 2)),
        Advanced(noon(9, 3)),
    ]);
    script
}

async fn happen(book: &Book, event: Event) -> Result<(), StoreError> {
    let store = &book.store;
    match event {
        Event::Settled(stay, at) => book.settle(stay, at).await,
        Event::Cancelled(id, stay, at) => book.cancel(id, stay, at).await,
        Event::BooksFoundApart(stay, at) => {
            let apart = vec![found(stay)];
            store.break_record(Books::HubHome, (DAY, DAY), Scope::default(), apart, at).await
        }
        Event::BooksAgree(at) => store.break_record(Books::HubHome, (DAY, DAY), Scope::default(), Vec::new(), at).await,
        Event::Deducted(id, stay, at) => {
            let by = || ("an agency".to_owned(), at);
            let deducted = ten_yuan();
            let lodging = DeductionLodging {
                id: id.into(),
                settlement: settlement_id(stay.id),
                deducted,
                reason: "超限定用药".into(),
            };
            store.deduction_lodge(lodging, by()).await?.expect("it can be lodged");
            let agreed = store.deduction_change(id.into(), Change::Agree(deducted, String::new()), by()).await?;
            agreed.expect("it can be agreed on");
            Ok(())
        }
        Event::Objected(stay, at) => {
            let reply = Reply::Objected { settlements: vec![settlement_id(stay.id)], reason: "not ours".into() };
            let place = (JUNE, henan_shanghai(), Side::Home);
            let replied = book.clearing().reply(place, 1, reply, ("henan".into(), at)).await?;
            assert!(matches!(replied, Ok(())), "{replied:?}");
            Ok(())
        }
        Event::Paid(period, at) => {
            let record = store.clearing_record(period, BTreeMap::new()).await?.expect("a month");
            for (pair, held) in record.pairs.into_iter().filter(|(_, held)| held.noticed_on.is_some()) {
                for (insurance, payable) in held.to_be_paid() {
                    for side in Side::ALL {
                        let payment = Payment {
                            serial: format!("20250808{}", insurance.code()),
                            bank: "中国银行".into(),
                            on: held.noticed_on.expect("it is noticed"),
                            amount: payable.amount(),
                        };
                        let place = (period, pair, insurance);
                        let paid = store.payment_record(place, side, payment, ("us".into(), at)).await?;
                        assert!(matches!(paid, Ok(()) | Err(StatementFault::NoNotice)), "{paid:?}");
                    }
                }
            }
            Ok(())
        }
        Event::Advanced(at) => book.clearing().advance(at).await.map(drop),
    }
}

const DAY: jiff::civil::Date = date(2025, 6, 16);

fn found(stay: Stay) -> FoundBreak {
    FoundBreak {
        branch: Branch { day: DAY, home: pool(stay.home), treatment: pool("310000") },
        place: 1,
        operation: stay.id.into(),
        kind: Kind::Missing(OfTwo::Inner),
        settlement: settlement_id(stay.id),
        outer: (Money::from_yuan(stay.yuan), Money::from_yuan(stay.yuan / 2)),
        inner: (Money::ZERO, Money::ZERO),
        proposed: Proposal::Reinstate,
    }
}

fn ten_yuan() -> FundShares {
    let mut shares = FundShares::default();
    shares.set(Fund::Basic, Money::from_yuan(10));
    shares
}

/// What is recorded of a month, and its sums.
type MonthSeen = (Vec<StepReport>, Option<Record>, Vec<(Lot, Sums)>);

/// A settlement's part, where it was booked, out of which period it went, and into which.
type Way = (String, i64, PeriodNumber, Option<PeriodNumber>, Option<PeriodNumber>);

/// Everything that anybody can read of the months afterwards. Places in the book are left out: a hub that comes up again
/// counts anew.
#[derive(Debug, PartialEq)]
struct Seen {
    months: Vec<MonthSeen>,
    statements: BTreeMap<(i64, Pair, u32), BTreeMap<Lot, Cleared>>,
    carried: Vec<Way>,
    deductions: Vec<Deduction>,
    papers: BTreeMap<String, Vec<u8>>,
}

async fn seen(book: &Book) -> Seen {
    let store = &book.store;
    let (mut months, mut statements, mut papers) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
    for period in [JUNE, JULY, PeriodNumber(3), PeriodNumber(4)] {
        let reports = store.clearing_reports(period).await.expect("reports");
        let record = store.clearing_record(period, BTreeMap::new()).await.expect("a record");
        let totals = store.lot_totals(period).await.expect("totals").iter().collect();
        let mut pairs = Pairs::new();
        for (pair, held) in record.iter().flat_map(|record| &record.pairs) {
            let newest = held.statement.map_or(0, |statement| statement.version);
            for version in 1..=newest {
                let lots = store.statement_lots((period, *pair), version).await.expect("lots");
                pairs.insert(*pair, lots.clone());
                statements.insert((period.0, *pair, version), lots);
            }
        }
        if let Some(record) = &record {
            papers.extend(written(book, record, &pairs));
        }
        months.push((reports, record, totals));
    }
    let turns = store.settlement_turns(Position(0), 1_000).await.expect("the journal");
    let settlement = |position: Position| {
        let turn = turns.iter().find(|turn| turn.position == position).expect("an entry");
        turn.settlement.to_string()
    };
    let carried = store.carried_list().await.expect("what was carried");
    let mut carried: Vec<_> = carried
        .into_iter()
        .map(|carried| (settlement(carried.position), carried.part, carried.booked, carried.from, carried.into))
        .collect();
    carried.sort();
    let deductions = store.deduction_list(None).await.expect("deductions");
    Seen { months, statements, carried, deductions, papers }
}

/// The documents of a month in all their forms.
fn written(book: &Book, record: &Record, pairs: &Pairs) -> BTreeMap<String, Vec<u8>> {
    let (month, names) = (record.month, &*book.regions);
    let mut documents: Vec<Document> = vec![national(month, pairs, names)];
    for (pair, held) in &record.pairs {
        documents.extend(Side::ALL.map(|side| of_member(month, pair.member(side), side, pairs, names)));
        documents.push(shares(month, pair.home, pairs, names));
        let held: &PairRecord = held;
        let notices =
            Insurance::ALL.into_iter().flat_map(|insurance| [true, false].map(|to_payer| (insurance, to_payer)));
        documents.extend(notices.filter_map(|(insurance, for_payer)| {
            notice(month, (pair, held, insurance), for_payer, &BankAccount::default(), names)
        }));
    }
    // Rows lead to lists only where these are written beside.
    documents.iter_mut().flat_map(|document| &mut document.rows).for_each(|row| row.detail = None);
    let mut papers = BTreeMap::new();
    // Sheets of one workbook have different names.
    let of_each_kind: BTreeMap<&str, &Document> =
        documents.iter().map(|document| (document.title.as_str(), document)).collect();
    let of_each_kind: Vec<Document> = of_each_kind.into_values().cloned().collect();
    let workbook = documents::workbook::write(&of_each_kind, date(2025, 9, 3));
    papers.insert(format!("{month}.xlsx"), workbook.expect("a workbook"));
    for (number, document) in documents.iter().enumerate() {
        let name = |ending: &str| format!("{month} {number} {}.{ending}", document.title);
        papers.insert(name("csv"), documents::table::write(document).expect("a table"));
        papers.insert(name("html"), documents::page::write(document).expect("a page").into_bytes());
    }
    papers
}

/// Lets the months happen to a book that so many hubs work on, and tells what is seen afterwards and how many commits
/// there were.
async fn months(fates: &[(usize, Fate)], hubs: usize) -> (Seen, usize) {
    let faults = Arc::new(Fates { of: fates.iter().copied().collect(), ..Fates::default() });
    let location = Location::Simulated(Disk::new(faults.clone()).expect("a disk"));
    let mut books: Vec<Book> = (0..hubs).map(|_| Book::open(&location).expect("a book")).collect();
    for event in script() {
        let alone = !matches!(event, Event::Advanced(_));
        let mut left: Vec<usize> = (0..if alone { 1 } else { hubs }).collect();
        while !left.is_empty() {
            let mut at_once = JoinSet::new();
            for hub in left.drain(..) {
                let book = books[hub].clone();
                // Time stands still while anybody works: only a hub that died takes as long.
                let done = async move { tokio::time::timeout(Duration::from_secs(3_600), happen(&book, event)).await };
                at_once.spawn(async move { (hub, done.await) });
            }
            for (hub, done) in at_once.join_all().await {
                match done {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) => left.push(hub),
                    Err(_) => {
                        books[hub] = Book::open(&location).expect("it comes up again");
                        left.push(hub);
                    }
                }
            }
        }
    }
    let rules = Rules { regions: Some(&books[0].regions), calendar: Some(&books[0].calendar) };
    let wrong = findings(&books[0].store, rules).await.expect("the book can be read");
    assert_eq!(wrong, [], "{fates:?}");
    (seen(&books[0]).await, faults.committed.load(Ordering::Relaxed))
}

#[tokio::test(start_paused = true)]
async fn the_months_of_these_tests_hold_what_they_are_to_prove() {
    let (seen, commits) = months(&[], 1).await;
    let carried: Vec<_> = seen.carried.iter().map(|(id, _, _, from, into)| (id.as_str(), *from, *into)).collect();
    let august = PeriodNumber(3);
    assert_eq!(
        carried,
        [("S1", Some(JUNE), Some(JULY)), ("S3", Some(JUNE), Some(JULY)), ("Z2", Some(JULY), Some(august))]
    );
    let closed: Vec<bool> =
        seen.months.iter().map(|(_, record, _)| record.as_ref().is_some_and(|record| record.is_closed)).collect();
    assert_eq!(closed, [true, true, false, false]);
    // June: S2 + S4 + S5 in halves, 110 + 230 + 290, less ten for each of two deductions. July: what came over, 50 + 170,
    // and 350 of its own, less S2 and S5, with the ten for S5 given back.
    let due = |period: i64, version: u32| {
        let lots = &seen.statements[&(period, henan_shanghai(), version)];
        clearing::cleared::sum(lots).owed()
    };
    assert_eq!((due(1, 1), due(1, 2)), (Money::from_yuan(660), Money::from_yuan(610)));
    assert_eq!(due(2, 1), Money::from_yuan(50 + 170 + 350 - 110 - 290 + 10));
    assert_eq!(seen.deductions.len(), 2);
    assert!(commits > 40 && seen.papers.len() > 20, "{commits} {}", seen.papers.len());
}

#[tokio::test(start_paused = true)]
async fn whichever_commit_a_hub_dies_at_the_months_end_the_same() {
    let (undisturbed, commits) = months(&[], 1).await;
    for number in 1..=commits {
        for fate in [Fate::DiesBefore, Fate::DiesAfter, Fate::Fails, Fate::CountsAndSaysNo] {
            let (disturbed, _) = months(&[(number, fate)], 1).await;
            assert!(disturbed == undisturbed, "{fate:?} at commit {number}:\n{disturbed:#?}\n{undisturbed:#?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_hub_that_dies_again_soon_after_it_came_up_ends_the_months_the_same() {
    let (undisturbed, commits) = months(&[], 1).await;
    for number in (1..=commits).step_by(3) {
        for later in [1, 2, 3] {
            let fates = [(number, Fate::DiesAfter), (number + later, Fate::DiesBefore)];
            let (disturbed, _) = months(&fates, 1).await;
            assert!(disturbed == undisturbed, "{fates:?}:\n{disturbed:#?}\n{undisturbed:#?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn two_hubs_that_clear_at_once_end_the_months_the_same_also_where_one_dies() {
    let (undisturbed, _) = months(&[], 1).await;
    let (together, commits) = months(&[], 2).await;
    assert!(together == undisturbed, "{together:#?}\n{undisturbed:#?}");
    for number in (1..=commits).step_by(2) {
        for fate in [Fate::DiesBefore, Fate::DiesAfter] {
            let (disturbed, _) = months(&[(number, fate)], 2).await;
            assert!(disturbed == undisturbed, "{fate:?} at commit {number}:\n{disturbed:#?}\n{undisturbed:#?}");
        }
    }
}
