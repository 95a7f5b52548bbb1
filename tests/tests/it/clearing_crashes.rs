//! A hub that dies at any of its commits while it clears two months, and comes up again: what it ends with is what a hub
//! ends with that nothing ever happened to, down to the bytes of the documents and of their details. So it is when it dies twice, when commits
//! fail or are said to have failed, and when another hub clears beside it.

use std::collections::BTreeMap;
use std::future::pending;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use clearing::breaks::{Book as OfTwo, Books, Kind, Proposal};
use clearing::calendar::Calendar;
use clearing::cleared::Cleared;
use clearing::details::{Entry, behind, carried, deductions, rows_of};
use clearing::digest::Branch;
use clearing::document::Document;
use clearing::obligation::{Lot, Sums};
use clearing::period::{Pair, PairRecord, Payment, Record, Side};
use clearing::review::{Objection, Standing};
use clearing::statement::{BankAccount, Pairs, detail, national, notice, of_member, shares};
use jiff::Timestamp;
use jiff::civil::date;
use ledger::clock::Clock;
use ledger::engine::{Commit, Disk, Faults, Location, Task};
use ledger::hub::{
    Change, Deduction, DeductionLodging, FoundBreak, PeriodNumber, Position, Reply, StatementFault, StepReport,
};
use ledger::leaves::Scope;
use ledger::mailbox::{Mailbox, Part};
use ledger::store::StoreError;
use settlement::adjudication::{Fund, FundShares};
use settlement::ids::InstitutionCode;
use settlement::money::Money;
use settlement::person::Insurance;
use tokio::task::JoinSet;
use world::months::{Book, Stay, henan_shanghai, noon, settlement_id};
use world::pool;
use yidi::clearing::papers::fetched::read_moved;
use yidi::simulate::quarter::booked;
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
    /// The nodes of regions open their mailboxes.
    NodesOpen,
    Settled(Stay, Timestamp),
    Cancelled(&'static str, Stay, Timestamp),
    BooksFoundApart(Stay, Timestamp),
    BooksAgree(Timestamp),
    /// A cancellation is reversed.
    BroughtBack(&'static str, &'static str, Stay, Timestamp),
    /// A deduction of ten yuan is lodged.
    Lodged(&'static str, Stay, Timestamp),
    /// The hospital objects to it.
    Contested(&'static str, Timestamp),
    /// So many yuan are agreed on.
    Agreed(&'static str, i64, Timestamp),
    Withdrawn(&'static str, Timestamp),
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
/// what June has cleared, which release what was deducted; August with one of these reversed, which brings it back.
fn script() -> Vec<Event> {
    use Event::{
        Advanced, Agreed, BooksAgree, BooksFoundApart, BroughtBack, Cancelled, Contested, Lodged, NodesOpen, Objected,
        Paid, Settled, Withdrawn,
    };
    let mut script = vec![NodesOpen, Advanced(noon(6, 15))];
    script.extend([S1, S2, S3, S4, S5, Z1].map(|stay| Settled(stay, noon(6, 16))));
    script.extend([
        Advanced(noon(6, 17)),
        Lodged("D2", S2, noon(6, 18)),
        Lodged("D4", S4, noon(6, 18)),
        Lodged("D5", S5, noon(6, 18)),
        Lodged("D5b", S5, noon(6, 18)),
        Agreed("D5", 10, noon(6, 18)),
        Contested("D4", noon(6, 19)),
        Contested("D5b", noon(6, 19)),
        Agreed("D4", 10, noon(6, 20)),
        BooksFoundApart(S3, noon(6, 20)),
        Advanced(noon(7, 1)),
        Cancelled("C2", S2, noon(7, 2)),
        Cancelled("C5", S5, noon(7, 2)),
        Settled(S6, noon(7, 3)),
        Settled(Z2, noon(7, 3)),
        Advanced(noon(7, 21)),
        Objected(S1, noon(7, 22)),
        Advanced(noon(7, 22)),
        // June is stated: it is taken off the open month.
        Lodged("D1", S4, noon(7, 24)),
        Agreed("D1", 3, noon(7, 25)),
        Lodged("D6", S6, noon(7, 25)),
        Withdrawn("D6", noon(7, 26)),
        Advanced(noon(7, 30)),
        Paid(JUNE, noon(8, 8)),
        Advanced(noon(8, 8)),
        BooksAgree(noon(8, 10)),
        BroughtBack("R5", "C5", S5, noon(8, 11)),
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
        Event::NodesOpen => {
            for (part, pools) in [(Part::Home, &["410700", "440300"][..]), (Part::Treatment, &["310000"][..])] {
                let opened = pools.iter().map(|code| Mailbox { pool: pool(code), part }).collect();
                store.mailboxes().node_note(opened).await?;
            }
            Ok(())
        }
        Event::Settled(stay, at) => book.settle(stay, at).await,
        Event::Cancelled(id, stay, at) => book.cancel(id, stay, at).await,
        Event::BooksFoundApart(stay, at) => {
            let apart = vec![found(stay)];
            store.break_record(Books::HubHome, (DAY, DAY), Scope::default(), apart, at).await
        }
        Event::BooksAgree(at) => store.break_record(Books::HubHome, (DAY, DAY), Scope::default(), Vec::new(), at).await,
        Event::BroughtBack(id, cancelled, stay, at) => book.bring_back(id, cancelled, stay, at).await,
        Event::Lodged(id, stay, at) => {
            let (settlement, deducted) = (settlement_id(stay.id), yuan(10));
            let lodging = DeductionLodging { id: id.into(), settlement, deducted, reason: "超限定用药".into() };
            store.deduction_lodge(lodging, ("an agency".to_owned(), at)).await?.expect("it can be lodged");
            Ok(())
        }
        Event::Contested(id, at) => {
            let hospital = InstitutionCode::new("H31010100001").expect("a code");
            let (letter, reason) = ("医保函〔2025〕1号".into(), "用药有指征".into());
            let objection = Objection { hospital, letter, written_on: DAY, reason };
            change(book, id, Change::Object(objection), at).await
        }
        Event::Agreed(id, agreed, at) => change(book, id, Change::Agree(yuan(agreed), "双方认定".into()), at).await,
        Event::Withdrawn(id, at) => change(book, id, Change::Withdraw("核实无误".into()), at).await,
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

async fn change(book: &Book, id: &str, change: Change, at: Timestamp) -> Result<(), StoreError> {
    let changed = book.store.deduction_change(id.into(), change, ("an agency".to_owned(), at)).await?;
    changed.expect("it can happen to it");
    Ok(())
}

fn yuan(yuan: i64) -> FundShares {
    let mut shares = FundShares::default();
    shares.set(Fund::Basic, Money::from_yuan(yuan));
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
    /// How many letters were posted: nobody takes any.
    letters: u64,
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
            papers.extend(written(book, record, &pairs, &entries(book, period, &pairs).await));
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
    let (letters, _, _) = store.mailboxes().letter_counts().await.expect("counts");
    Seen { months, statements, carried, deductions, papers, letters }
}

/// The settlements behind what pairs clear in a month.
async fn entries(book: &Book, period: PeriodNumber, pairs: &Pairs) -> BTreeMap<Pair, Vec<Entry>> {
    let mut entries = BTreeMap::new();
    for (pair, lots) in pairs {
        let moved = book.clearing().moved(period, *pair).await.expect("what was moved");
        let mut behind: Vec<Entry> = moved.iter().map(|row| read_moved(row).expect("it reads")).collect();
        for lot in lots.keys() {
            behind.extend(booked(&book.store, period, *lot).await.expect("what was booked"));
        }
        entries.insert(*pair, behind);
    }
    entries
}

/// The documents of a month in all their forms, and the lists of the settlements behind their rows.
fn written(
    book: &Book,
    record: &Record,
    pairs: &Pairs,
    entries: &BTreeMap<Pair, Vec<Entry>>,
) -> BTreeMap<String, Vec<u8>> {
    let (month, names) = (record.month, &*book.regions);
    let mut documents: Vec<Document> = vec![national(month, pairs, names)];
    for (pair, held) in &record.pairs {
        documents.extend(Side::ALL.map(|side| of_member(month, pair.member(side), side, pairs, names)));
        documents.extend(Insurance::ALL.map(|insurance| detail(month, pair.home, insurance, pairs, names)));
        documents.push(shares(month, pair.home, pairs, names));
        documents.extend(Side::ALL.map(|side| carried(month, pair.member(side), entries, names)));
        documents.extend(Side::ALL.map(|side| deductions(month, pair.member(side), entries, names)));
        let held: &PairRecord = held;
        let notices =
            Insurance::ALL.into_iter().flat_map(|insurance| [true, false].map(|to_payer| (insurance, to_payer)));
        documents.extend(notices.filter_map(|(insurance, for_payer)| {
            notice(month, (pair, held, insurance), for_payer, &BankAccount::default(), names)
        }));
    }
    documents.extend(lists(entries).into_values().map(|entries| behind(month, entries, names)));
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

/// What is behind each row of the statements.
fn lists(entries: &BTreeMap<Pair, Vec<Entry>>) -> BTreeMap<String, Vec<(&Pair, &Entry)>> {
    let mut lists: BTreeMap<String, Vec<(&Pair, &Entry)>> = BTreeMap::new();
    for (pair, entry) in entries.iter().flat_map(|(pair, entries)| entries.iter().map(move |entry| (pair, entry))) {
        for row in rows_of(pair, &entry.lot) {
            lists.entry(row).or_default().push((pair, entry));
        }
    }
    lists
}

/// Lets the months happen to a book that so many hubs work on, and tells what is seen afterwards and how many commits
/// there were.
async fn months(fates: &[(usize, Fate)], hubs: usize) -> (Seen, usize) {
    live(script(), None, fates, hubs).await
}

/// The same of any script; by the calendar that the books come with where no other is given.
async fn live(
    script: Vec<Event>,
    calendar: Option<&Arc<Calendar>>,
    fates: &[(usize, Fate)],
    hubs: usize,
) -> (Seen, usize) {
    let faults = Arc::new(Fates { of: fates.iter().copied().collect(), ..Fates::default() });
    let location = Location::Simulated(Disk::new(faults.clone()).expect("a disk"));
    let open = || {
        let book = Book::open(&location).expect("a book");
        let telling = broker::clearing::news::telling(book.regions.clone(), Clock::starting_at(noon(6, 1)));
        let (store, calendar) = (book.store.telling(telling), calendar.unwrap_or(&book.calendar).clone());
        Book { store, calendar, ..book }
    };
    let mut books: Vec<Book> = (0..hubs).map(|_| open()).collect();
    for event in script {
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
                        books[hub] = open();
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
    // and 350 of its own, less S2 and S5, with the ten for S5 given back and three more taken off S4.
    let due = |period: i64, version: u32| {
        let lots = &seen.statements[&(period, henan_shanghai(), version)];
        clearing::cleared::sum(lots).owed()
    };
    assert_eq!((due(1, 1), due(1, 2)), (Money::from_yuan(660), Money::from_yuan(610)));
    assert_eq!(due(2, 1), Money::from_yuan(50 + 170 + 350 - 110 - 290 + 10 - 3));
    let stands = |held: &Deduction| (held.lodging.id.clone(), held.standing, held.period.map(|period| period.0));
    let mut deductions: Vec<_> = seen.deductions.iter().map(stands).collect();
    deductions.sort();
    let expected = [
        ("D1", Standing::Agreed, Some(2)),
        ("D2", Standing::Released, None),
        ("D4", Standing::Agreed, Some(1)),
        ("D5", Standing::Agreed, Some(3)),
        ("D5b", Standing::Objected, None),
        ("D6", Standing::Withdrawn, None),
    ];
    assert_eq!(deductions, expected.map(|(id, standing, period)| (id.to_owned(), standing, period)));
    let told = |title: &str, words: &[&str]| {
        let papers = seen.papers.iter().filter(|(name, _)| name.contains(title) && name.ends_with(".csv"));
        let papers: Vec<_> = papers.map(|(_, bytes)| String::from_utf8_lossy(bytes)).collect();
        words.iter().all(|word| papers.iter().any(|paper| paper.contains(word)))
    };
    assert!(told("审核扣款明细", &["D1", "D4", "D5"]) && told("转入转出明细", &["S1", "S3", "Z2"]));
    assert!(told("结算明细", &["S2", "S4", "S6", "Z1"]));
    assert!(seen.letters > 40, "{}", seen.letters);
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
async fn advancing_again_and_paying_twice_change_nothing_more() {
    let twice = script().into_iter().flat_map(|event| {
        let again = matches!(event, Event::Advanced(_) | Event::Paid(..));
        std::iter::repeat_n(event, if again { 2 } else { 1 })
    });
    let (twice, _) = live(twice.collect(), None, &[], 1).await;
    let (once, _) = months(&[], 1).await;
    assert!(twice == once, "{twice:#?}\n{once:#?}");
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

#[tokio::test(start_paused = true)]
async fn wherever_a_hub_dies_between_pages_of_what_was_not_compared_all_of_it_is_carried_over_once() {
    use Event::{Advanced, Agreed, Cancelled, Lodged, Settled};
    let calendar = std::fs::read_to_string(world::repository().join("deploy/calendar.toml")).expect("a calendar");
    let calendar = Arc::new(Calendar::parse(&calendar).expect("a calendar"));
    let mut script = vec![Event::NodesOpen, Advanced(noon(6, 15))];
    script.extend([S1, S2, S3, Z1, Z2].map(|stay| Settled(stay, noon(6, 16))));
    script.extend([
        Settled(S4, noon(6, 17)),
        Advanced(noon(6, 18)),
        Cancelled("C2", S2, noon(6, 18)),
        Lodged("D1", S1, noon(6, 18)),
        Agreed("D1", 10, noon(6, 19)),
        Advanced(noon(7, 1)),
        Settled(S6, noon(7, 3)),
        Advanced(noon(7, 21)),
        Advanced(noon(8, 1)),
        Advanced(noon(8, 21)),
    ]);
    let (undisturbed, commits) = live(script.clone(), Some(&calendar), &[], 1).await;
    let ways: Vec<_> = undisturbed.carried.iter().map(|(id, _, _, from, into)| (id.as_str(), *from, *into)).collect();
    // Nothing was ever compared: June's goes into July and on into August, with July's own.
    let june = ["S1", "S2", "S2", "S3", "S4", "Z1", "Z2"];
    let carried = |from: i64, into: i64| {
        let of_it = ways.iter().filter(|way| (way.1, way.2) == (Some(PeriodNumber(from)), Some(PeriodNumber(into))));
        of_it.map(|way| way.0).collect::<Vec<_>>()
    };
    assert_eq!(carried(1, 2), june);
    assert_eq!(carried(2, 3), ["S1", "S2", "S2", "S3", "S4", "S6", "Z1", "Z2"]);
    assert_eq!(ways.len(), 2 * june.len() + 1, "{ways:?}");
    assert_eq!(undisturbed.deductions[0].period, Some(PeriodNumber(3)), "what is taken off goes with it");
    for number in 1..=commits {
        for fate in [Fate::DiesBefore, Fate::DiesAfter, Fate::Fails, Fate::CountsAndSaysNo] {
            let (disturbed, _) = live(script.clone(), Some(&calendar), &[(number, fate)], 1).await;
            assert!(disturbed == undisturbed, "{fate:?} at commit {number}:\n{disturbed:#?}\n{undisturbed:#?}");
        }
    }
}
