//! Months of which the three books were not compared on some days: those days are cleared once they are, or end on the list.

use std::sync::Arc;

use clearing::breaks::Books;
use clearing::calendar::Calendar;
use clearing::cleared::sum;
use clearing::period::{Payment, Side, Stage, Step};
use jiff::civil::date;
use ledger::hub::PeriodNumber;
use ledger::leaves::Scope;
use reconciliation::book::READING;
use settlement::money::Money;
use settlement::person::Insurance;
use tempfile::TempDir;
use world::months::{Book, Stay, henan_shanghai, noon};
use yidi::verify::clearing::{Rules, findings};

const JUNE: PeriodNumber = PeriodNumber(1);
const JULY: PeriodNumber = PeriodNumber(2);
const AUGUST: PeriodNumber = PeriodNumber(3);
const S1: Stay = Stay { id: "S1", home: "410700", yuan: 100 };
const S2: Stay = Stay { id: "S2", home: "410700", yuan: 220 };
const LATE: Stay = Stay { id: "S3", home: "410700", yuan: 60 };

/// A book that is cleared as it is in service, with a settlement of June 16 and one of June 17.
async fn begin() -> (TempDir, Book) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut book = Book::open(&folder.path().join("hub.db").into()).expect("a book");
    let calendar = Calendar::parse(include_str!("../../../deploy/calendar.toml")).expect("a calendar");
    book.calendar = Arc::new(calendar);
    advance(&book, 6, 15).await;
    for (stay, day) in [(S1, 16), (S2, 17)] {
        book.settle(stay, noon(6, day)).await.expect("it is booked");
    }
    (folder, book)
}

async fn advance(book: &Book, month: i8, day: i8) -> Vec<(PeriodNumber, Step)> {
    let done = book.clearing().advance(noon(month, day)).await.expect("the store works");
    let rules = Rules { regions: Some(&book.regions), calendar: Some(&book.calendar) };
    let wrong = findings(&book.store, rules).await.expect("it is read");
    assert!(wrong.is_empty(), "{month}-{day}: {:?}", wrong.iter().map(|found| found.invariant).collect::<Vec<_>>());
    done
}

/// As if both comparisons had found the books to agree on a day of June.
async fn compare(book: &Book, day: i8) {
    book.store.journal_fold(READING).await.expect("it is folded");
    let days = (date(2025, 6, day), date(2025, 6, day));
    let roots = book.store.leaves().leaf_roots(days, Scope::default()).await.expect("roots");
    for books in [Books::TreatmentHub, Books::HubHome] {
        let agreed = roots.iter().map(|(branch, root)| (*branch, *root)).collect();
        book.store.agreement_record(books, agreed, noon(6, 30)).await.expect("it is recorded");
    }
}

/// What a month owes, in yuan, and how far it has come.
async fn standing(book: &Book, period: PeriodNumber) -> (i64, Stage) {
    let standing = book.clearing().standing(period).await.expect("the store works").expect("a month");
    let owed = standing.pairs.get(&henan_shanghai()).map(|lots| sum(lots).owed()).unwrap_or_default();
    (owed.fen() / 100, standing.record.stage())
}

async fn pay(book: &Book, period: PeriodNumber, yuan: i64) {
    for side in Side::ALL {
        let payment = Payment {
            serial: "1".into(),
            bank: "中国银行".into(),
            on: date(2025, 7, 30),
            amount: Money::from_yuan(yuan),
        };
        let place = (period, henan_shanghai(), Insurance::Employee);
        let recorded = book.store.payment_record(place, side, payment, ("us".into(), noon(7, 30))).await;
        recorded.expect("the store works").expect("it is due");
    }
}

#[tokio::test]
async fn a_day_that_was_never_compared_is_cleared_in_the_next_month_once_the_books_agree() {
    let (_folder, book) = begin().await;
    compare(&book, 16).await;
    advance(&book, 7, 1).await;
    advance(&book, 7, 21).await;
    assert_eq!(standing(&book, JUNE).await, (50, Stage::Stated));
    let carried = book.store.carried_entries(JUNE).await.expect("entries");
    let carried: Vec<_> = carried.iter().map(|one| (one.posting.settlement.as_str(), one.reason.as_str())).collect();
    assert_eq!(carried, [("S2", "treatment-hub and hub-home not compared")]);
    compare(&book, 17).await;
    assert_eq!(standing(&book, JUNE).await.0, 50, "what is stated stays");
    advance(&book, 7, 30).await;
    pay(&book, JUNE, 50).await;
    advance(&book, 8, 1).await;
    advance(&book, 8, 21).await;
    assert_eq!(standing(&book, JUNE).await, (50, Stage::Closed));
    assert_eq!(standing(&book, JULY).await, (110, Stage::Stated));
}

#[tokio::test]
async fn a_late_entry_has_its_whole_day_wait_until_it_is_compared_again() {
    let (_folder, book) = begin().await;
    for day in [16, 17] {
        compare(&book, day).await;
    }
    advance(&book, 7, 1).await;
    // Home decided it on the 16th; the hub learnt of it in July.
    book.settle(LATE, noon(6, 16)).await.expect("it is booked");
    advance(&book, 7, 21).await;
    assert_eq!(standing(&book, JUNE).await.0, 110);
    compare(&book, 16).await;
    advance(&book, 8, 21).await;
    assert_eq!(standing(&book, JULY).await.0, 50 + 30);
}

#[tokio::test]
async fn a_pair_that_was_never_compared_owes_nothing_until_its_settlements_are_on_the_list() {
    let (_folder, book) = begin().await;
    for (period, month) in [(JUNE, 7), (JULY, 8), (AUGUST, 9)] {
        advance(&book, month, 21).await;
        let done = advance(&book, month, 30).await;
        assert!(done.contains(&(period, Step::Close)), "{done:?}");
        assert!(!done.contains(&(period, Step::Notify(henan_shanghai()))), "nothing is to be paid");
        assert_eq!(standing(&book, period).await, (0, Stage::Closed));
    }
    let listed = book.store.listed().await.expect("a list");
    let listed: Vec<_> = listed.iter().map(|one| (one.settlement.as_str(), one.owner)).collect();
    assert_eq!(listed, [("S1", Side::Treatment), ("S2", Side::Treatment)]);
}
