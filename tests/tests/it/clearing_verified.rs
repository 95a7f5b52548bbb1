//! What `yidi verify` finds in a hub's clearing: nothing where it is sound, and each thing that was planted.

use std::collections::BTreeMap;

use clearing::breaks::{Book as OfTwo, Books, Kind, Proposal};
use clearing::cleared::{Cleared, sum};
use clearing::digest::Branch;
use clearing::month::Month;
use clearing::obligation::{Lot, Sums};
use clearing::payment::ByInsurance;
use clearing::period::Side;
use jiff::civil::date;
use ledger::hub::{Disputed, FoundBreak, PeriodNumber, Reading, Reply, StepTaken};
use ledger::leaves::Scope;
use reconciliation::book::READING;
use settlement::encounter::CareKind;
use settlement::money::Money;
use tempfile::TempDir;
use world::months::{Book, Stay, henan_shanghai, noon, settlement_id};
use world::pool;
use yidi::verify::clearing::{Rules, findings};

const JUNE: PeriodNumber = PeriodNumber(1);
const JULY: PeriodNumber = PeriodNumber(2);
const S1: Stay = Stay { id: "S1", home: "410700", yuan: 100 };
const S2: Stay = Stay { id: "S2", home: "410700", yuan: 220 };

const DAY: jiff::civil::Date = date(2025, 6, 16);

/// That the home region has no such settlement.
fn apart_of(id: &str) -> FoundBreak {
    FoundBreak {
        branch: Branch { day: DAY, home: pool("410700"), treatment: pool("310000") },
        place: 1,
        operation: id.into(),
        kind: Kind::Missing(OfTwo::Inner),
        settlement: settlement_id(id),
        outer: (Money::from_yuan(100), Money::from_yuan(50)),
        inner: (Money::ZERO, Money::ZERO),
        proposed: Proposal::Reinstate,
    }
}

async fn begin() -> (TempDir, Book) {
    let folder = tempfile::tempdir().expect("a folder");
    let book = Book::open(&folder.path().join("hub.db").into()).expect("a book");
    advance(&book, 6, 15).await;
    for stay in [S1, S2] {
        book.settle(stay, noon(6, 16)).await.expect("it is booked");
    }
    (folder, book)
}

async fn advance(book: &Book, month: i8, day: i8) {
    book.clearing().advance(noon(month, day)).await.expect("the store works");
}

/// The sentences that do not hold.
async fn wrong(book: &Book) -> Vec<&'static str> {
    let rules = Rules { regions: Some(&book.regions), calendar: Some(&book.calendar) };
    let mut wrong: Vec<&str> =
        findings(&book.store, rules).await.expect("it is read").into_iter().map(|found| found.invariant).collect();
    wrong.dedup();
    wrong
}

#[tokio::test]
async fn a_sound_book_has_nothing_wrong_at_any_time() {
    let (_folder, book) = begin().await;
    assert_eq!(wrong(&book).await, [""; 0]);
    for (month, day) in [(7, 1), (7, 21), (7, 30)] {
        advance(&book, month, day).await;
        assert_eq!(wrong(&book).await, [""; 0]);
    }
}

#[tokio::test]
async fn what_is_closed_unpaid_is_found() {
    let (_folder, book) = begin().await;
    advance(&book, 7, 21).await;
    book.store.clearing_step(JUNE, StepTaken::Closed, String::new(), noon(7, 22)).await.expect("planted");
    assert_eq!(wrong(&book).await, ["a closed period is agreed on and paid"]);
}

#[tokio::test]
async fn a_notice_of_another_sum_than_is_stated_is_found() {
    let (_folder, book) = begin().await;
    advance(&book, 7, 21).await;
    let dues = ByInsurance { employee: Money::from_yuan(1), resident: Money::ZERO };
    let planted = book.store.notice_issue((JUNE, henan_shanghai()), 1, dues, date(2025, 7, 22)).await;
    planted.expect("planted");
    assert_eq!(wrong(&book).await, ["payable is receivable"]);
}

#[tokio::test]
async fn a_statement_that_leaves_something_out_is_found() {
    let (_folder, book) = begin().await;
    advance(&book, 7, 2).await;
    let mut lots = book.clearing().pairs(JUNE).await.expect("pairs").remove(&henan_shanghai()).expect("the pair");
    for cleared in lots.values_mut() {
        *cleared = Cleared { booked: Sums { visits: 1, ..cleared.booked }, ..*cleared };
    }
    let as_of = book.store.clearing_as_of(JUNE).await.expect("it is read");
    book.store.statement_issue((JUNE, henan_shanghai()), 1, (lots, as_of), date(2025, 7, 21)).await.expect("planted");
    assert_eq!(wrong(&book).await, ["a statement is entries − carried out + carried in − deductions + corrections"]);
}

#[tokio::test]
async fn an_entry_that_is_summed_up_in_another_lot_or_not_at_all_is_found() {
    let (_folder, book) = begin().await;
    book.store.period_cut_off(JUNE, noon(7, 1)).await.expect("it is cut off");
    book.store.clearing_step(JUNE, StepTaken::Folded, String::new(), noon(7, 1)).await.expect("planted");
    let unsummed = ["each entry is in exactly one period", "a period's sums are its journal's"];
    assert_eq!(wrong(&book).await, unsummed);
    let otherwise = Reading {
        lot: |operation, outcome| {
            let lot = (READING.lot)(operation, outcome)?;
            Ok(Lot { care: CareKind::Purchase, ..lot })
        },
        ..READING
    };
    book.store.journal_fold(otherwise).await.expect("planted");
    assert_eq!(wrong(&book).await, unsummed[1..]);
}

#[tokio::test]
async fn what_is_carried_too_far_is_found() {
    let (_folder, book) = begin().await;
    book.store.journal_fold(READING).await.expect("it is folded");
    for period in 1..=4 {
        book.store
            .clearing_name(PeriodNumber(period), Month::from_text(&format!("2025-0{}", period + 5)).expect("a month"))
            .await
            .expect("it is named");
        book.store.period_cut_off(PeriodNumber(period), noon(7, 1)).await.expect("it is cut off");
    }
    let carry = async |from: i64| {
        let disputed = vec![Disputed { settlement: settlement_id("S1"), reason: "planted".into(), owner: Side::Home }];
        let carrying = BTreeMap::from([(JUNE, Some(PeriodNumber(from + 1)))]);
        let carried = book.store.entry_carry_out(PeriodNumber(from), (disputed, vec![]), carrying, noon(11, 3)).await;
        assert_eq!(carried.expect("the store works"), Some(1));
    };
    for from in 1..=2 {
        carry(from).await;
    }
    assert_eq!(wrong(&book).await, [""; 0]);
    carry(3).await;
    assert_eq!(wrong(&book).await, ["nothing is carried more often than the calendar says"]);
}

#[tokio::test]
async fn what_a_member_objects_to_when_the_next_month_is_stated_goes_into_the_one_after() {
    let (_folder, mut book) = begin().await;
    let patient =
        include_str!("../../../deploy/calendar.toml").replace("silence_confirms = true", "silence_confirms = false");
    book.calendar =
        std::sync::Arc::new(clearing::calendar::Calendar::parse(&patient).expect("a calendar").without_comparing());
    advance(&book, 7, 22).await;
    book.settle(Stay { id: "S3", home: "410700", yuan: 340 }, noon(7, 23)).await.expect("it is booked");
    advance(&book, 8, 22).await;
    let july = book.store.clearing_record(JULY, BTreeMap::new()).await.expect("a record").expect("a month");
    assert!(july.is_carried && july.pairs[&henan_shanghai()].statement.is_some(), "July is stated");
    let objection = Reply::Objected { settlements: vec![settlement_id("S1")], reason: "not ours".into() };
    let place = (JUNE, henan_shanghai(), clearing::period::Side::Home);
    let replied = book.clearing().reply(place, 1, objection, ("henan".into(), noon(8, 23))).await;
    replied.expect("the store works").expect("it is heard");
    advance(&book, 8, 23).await;
    let carried = book.store.carried_list().await.expect("a list");
    assert_eq!(
        carried.iter().map(|one| (one.from, one.into)).collect::<Vec<_>>(),
        [(Some(JUNE), Some(PeriodNumber(3)))]
    );
    assert_eq!(wrong(&book).await, [""; 0], "what July states is what July clears");
}

#[tokio::test]
async fn books_that_are_found_apart_when_a_month_is_stated_change_nothing_of_it() {
    let (_folder, book) = begin().await;
    advance(&book, 7, 21).await;
    let (day, apart) = (DAY, apart_of("S1"));
    let found = book.store.break_record(Books::HubHome, (day, day), Scope::default(), vec![apart], noon(7, 22)).await;
    found.expect("it is recorded");
    // A hub that was about to carry out while another had stated already.
    let disputed = vec![Disputed { settlement: settlement_id("S1"), reason: "apart".into(), owner: Side::Home }];
    let late =
        book.store.entry_carry_out(JUNE, (disputed, vec![]), BTreeMap::from([(JUNE, Some(JULY))]), noon(7, 22)).await;
    assert_eq!(late.expect("the store works"), Some(0));
    advance(&book, 7, 30).await;
    assert_eq!(wrong(&book).await, [""; 0]);
}

/// What a month clears, in yuan.
async fn clears(book: &Book, period: PeriodNumber) -> i64 {
    let pairs = book.clearing().pairs(period).await.expect("pairs");
    pairs.get(&henan_shanghai()).map(|lots| sum(lots).owed().fen() / 100).unwrap_or_default()
}

#[tokio::test]
async fn one_persons_decision_about_a_break_clears_nothing_until_the_books_come_together() {
    for (found_again, cleared) in [(vec![apart_of("S1")], 110), (vec![], 160)] {
        let (_folder, book) = begin().await;
        let compare = async |found: Vec<FoundBreak>, now| {
            let recorded = book.store.break_record(Books::HubHome, (DAY, DAY), Scope::default(), found, now).await;
            recorded.expect("it is recorded");
        };
        compare(vec![apart_of("S1")], noon(6, 17)).await;
        let open = book.store.break_list(Scope::default()).await.expect("a list");
        let by = ("the home region".to_owned(), noon(7, 20));
        assert!(book.store.break_end(open[0].number, "it will be found".into(), by).await.expect("it is decided"));
        assert!(book.store.break_list(Scope::default()).await.expect("a list").is_empty());
        let history = book.store.break_history(open[0].number).await.expect("a history").expect("a break");
        assert_eq!(history.end.map(|end| end.ending).as_deref(), Some("decided"));
        compare(found_again, noon(7, 20)).await;
        for (month, day) in [(7, 1), (7, 21)] {
            advance(&book, month, day).await;
        }
        assert_eq!(clears(&book, JUNE).await, cleared);
        assert_eq!(wrong(&book).await, [""; 0]);
    }
}

#[tokio::test]
async fn a_break_that_is_decided_right_before_the_clearing_day_is_carried_all_the_same() {
    let (_folder, book) = begin().await;
    let apart = vec![apart_of("S1")];
    let recorded = book.store.break_record(Books::HubHome, (DAY, DAY), Scope::default(), apart, noon(6, 17)).await;
    recorded.expect("it is recorded");
    let number = book.store.break_list(Scope::default()).await.expect("a list")[0].number;
    let by = ("the home region".to_owned(), noon(7, 20));
    assert!(book.store.break_end(number, "it will be found".into(), by).await.expect("it is decided"));
    for (month, day) in [(7, 1), (7, 21)] {
        advance(&book, month, day).await;
    }
    assert_eq!((clears(&book, JUNE).await, clears(&book, JULY).await), (110, 50), "nobody has looked since");
}
