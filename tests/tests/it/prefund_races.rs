//! Changes of a prefund that come at the same time: each is worked out from what the others have recorded before it.

use std::sync::Arc;

use broker::clearing::Clearing;
use clearing::payment::Payment;
use clearing::period::Side;
use clearing::prefund::account::RequestFault;
use clearing::prefund::change::Standing;
use jiff::Timestamp;
use jiff::civil::date;
use ledger::engine::{Disk, Location};
use ledger::hub::PrefundKey;
use settlement::beijing;
use settlement::money::Money;
use settlement::person::Insurance;
use world::months::{Book, Stay, henan_shanghai};

use crate::clearing_interleavings::Turns;

fn noon(year: i16, month: i8, day: i8) -> Timestamp {
    beijing::instant_of(date(year, month, day).at(12, 0, 0, 0)).expect("an instant")
}

fn key() -> PrefundKey {
    PrefundKey { pair: henan_shanghai(), insurance: Insurance::Employee }
}

/// What is asked for under an id.
fn asking(id: &str, yuan: i64) -> (String, Money, String) {
    (id.to_owned(), Money::from_yuan(yuan), "集中结算".into())
}

/// A book in which whoever reads or writes lets the others go first now and then.
fn book() -> (Disk, Book) {
    let disk = Disk::new(Arc::new(Turns)).expect("a disk");
    let book = Book::open(&Location::Simulated(disk.clone())).expect("a book");
    (disk, book)
}

#[tokio::test]
async fn of_two_increases_that_are_asked_for_at_once_the_second_sees_the_first() {
    let (_disk, book) = book();
    let (clearing, now) = (book.clearing(), noon(2025, 6, 16));
    clearing.advance(now).await.expect("the store works");
    book.settle(Stay { id: "S1", home: "410700", yuan: 100 }, now).await.expect("it is booked");
    clearing.advance(now).await.expect("the store works");
    // 50 ÷ 0.7 = 71.43, and nothing is held.
    let top_up = async |id| clearing.prefund_top_up(key(), asking(id, 60), ("shanghai".into(), now)).await;
    let (one, other) = tokio::join!(top_up("1"), top_up("2"));
    let said = [one, other].map(|said| said.expect("the store works"));
    assert!(said.contains(&Ok(())), "{said:?}");
    assert!(said.contains(&Err(RequestFault::TooMuch(Money::from_fen(1_143)))), "{said:?}");
}

#[tokio::test]
async fn of_two_opening_balances_that_are_entered_at_once_there_is_one() {
    let (_disk, book) = book();
    let (clearing, now) = (book.clearing(), noon(2025, 6, 16));
    let open = async |id, side| clearing.prefund_open((key(), side), asking(id, 60), ("us".into(), now)).await;
    let (one, other) = tokio::join!(open("1", Side::Home), open("2", Side::Treatment));
    let said = [one, other].map(|said| said.expect("the store works").map(drop));
    assert!(said.contains(&Ok(())), "{said:?}");
    assert!(said.contains(&Err(RequestFault::OpenedAlready(Standing::Asked))), "{said:?}");
}

/// A book that is about to re-set the prefund of 2026 anew, 100 yuan, of which 90 are held: 100 were asked for before that
/// was known.
async fn to_be_set_anew() -> (Disk, Book) {
    let (disk, book) = book();
    let clearing = book.clearing();
    for (month, id) in [(10, "S10"), (11, "S11"), (12, "S12")] {
        clearing.advance(noon(2025, month, 2)).await.expect("the store works");
        let stay = Stay { id, home: "410700", yuan: 100 };
        book.settle(stay, noon(2025, month, 3)).await.expect("it is booked");
    }
    let open = async |id, at| {
        let opened = clearing.prefund_open((key(), Side::Home), asking(id, 90), ("henan".into(), at)).await;
        opened.expect("the store works").expect("it is entered")
    };
    open("1", noon(2025, 12, 1)).await;
    clearing.advance(noon(2026, 1, 31)).await.expect("the store works");
    assert_eq!(clearing.prefund_reset_due(noon(2026, 1, 31)).await.expect("the store works"), 1);
    let (id, said) = (open("2", noon(2026, 2, 2)).await, (true, String::new()));
    let by = ("shanghai".into(), noon(2026, 2, 3));
    let answered = clearing.prefund_answer((key(), id, Side::Treatment), said, by).await;
    answered.expect("the store works").expect("it is accepted");
    (disk, book)
}

/// The home member records that it has paid the first re-set, after so many turns of others; whether it could: where the new
/// one came before it, nothing is paid for the first any more.
async fn pay_first(book: &Book, turns: usize, at: Timestamp) -> bool {
    for _ in 0..turns {
        tokio::task::yield_now().await;
    }
    let (on, amount) = (beijing::day_of(at), Money::from_yuan(100));
    let payment = Payment { serial: "1".into(), bank: "中国银行".into(), on, amount };
    let place = (key(), "reset 2026".to_owned(), Side::Home);
    book.store.prefund_pay(place, payment, ("henan".into(), at)).await.expect("the store works").is_ok()
}

#[tokio::test]
async fn a_year_is_re_set_anew_beside_what_is_paid_meanwhile_or_before_it() {
    let (prepared, _book) = to_be_set_anew().await;
    let (folder, now) = (tempfile::tempdir().expect("a folder"), noon(2026, 2, 5));
    let file = folder.path().join("hub.db");
    prepared.copy(&file).expect("it is copied");
    let mut is_paid = Vec::new();
    for turns in 0..60 {
        let disk = Disk::of_copy(&copy_of(&file, turns), Arc::new(Turns)).expect("a disk");
        let book = Book::open(&Location::Simulated(disk)).expect("a book");
        let clearing: Clearing = book.clearing();
        let (set, paid) = tokio::join!(clearing.prefund_reset_due(now), pay_first(&book, turns, now));
        assert_eq!(set.expect("the store works"), 1);
        let watched = clearing.prefunds_watched(now).await.expect("the store works")[&key()];
        let comes_to = watched.usage.prefund + watched.due;
        assert_eq!(comes_to, Money::from_yuan(100), "{turns} turns: {watched:?}");
        is_paid.push(paid);
    }
    assert!(is_paid.contains(&true) && is_paid.contains(&false), "both orders came about");
}

/// The disk keeps what is done on it in its file.
fn copy_of(file: &std::path::Path, number: usize) -> std::path::PathBuf {
    let copy = file.with_extension(number.to_string());
    std::fs::copy(file, &copy).expect("it is copied");
    copy
}
