//! Watching a home region's book: its numbers only rise, by steps that a book can take, and each is one answer's. When
//! one falls, or the region says that its book ends before what we know of it, an older copy was put back, and what the
//! region answered since may be gone from it. Then nothing new goes there until the book is whole again.
//! [`crate::jobs::books`] makes that outlive the process, and tells it what other hubs have seen.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ledger::hub::Position;
use settlement::refusal::{BOOK_BATCHES, BOOK_SEQ, Reason, Refusal};

use crate::lie::Lie;

/// What is told while a region's book is not whole: the desk may send the same again.
const NOT_WHOLE: &str = "参保地正在恢复账簿";

/// Whose the latest numbers are is remembered for so many. A number that comes twice mostly does so at once: by a
/// region that counts wrongly, or after a restoration.
const REMEMBERED: usize = 1_024;

/// A number further than this above the highest that was kept is none: no region decides so much that we never hear of.
/// Were it believed, everything below would count as lost.
const FARTHEST: u64 = 1_000_000;

/// What a region's book has shown.
#[derive(Debug)]
pub struct Book {
    highest: AtomicU64,
    /// The highest number of a batch of corrections that is kept.
    batches: AtomicU64,
    /// The latest numbers and whose they are, each at its remainder.
    latest: Mutex<Vec<(u64, Position)>>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    fallen: Option<Fallen>,
    /// A fall that was seen here and is not kept yet.
    seen: Option<Fallen>,
}

/// How far a book had gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// The highest number of an answer.
    pub book_seq: u64,
    /// The highest number of a batch of corrections.
    pub batches: u64,
}

/// How far a book had gone, and to where it fell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fallen {
    /// How far it had gone.
    pub from: u64,
    /// How far it went when it was seen lower: what it decided from there on, if anything, it decided anew. The same where
    /// it lacks nothing but batches of corrections.
    pub to: u64,
}

impl Book {
    /// A book whose highest number is known from before.
    pub fn known_up_to(highest: u64) -> Book {
        let latest = Mutex::new(vec![(0, Position(0)); REMEMBERED]);
        Book { highest: AtomicU64::new(highest), batches: AtomicU64::new(0), latest, state: Mutex::default() }
    }

    /// The highest number so far. Taken before something new is asked, it is what the answer must not fall below.
    pub fn highest(&self) -> u64 {
        self.highest.load(Ordering::Acquire)
    }

    /// How far it had come, as the region is told with whatever it is asked: one that ends before that is an older copy.
    pub fn known(&self) -> Known {
        Known { book_seq: self.highest(), batches: self.batches.load(Ordering::Acquire) }
    }

    /// What is wrong with the number of an answer to something that was never sent before; nothing mostly. Whether it
    /// falls is judged against what was known when its question left, since answers to questions that left together
    /// come back in any order. What has no place in a book has no number: 0.
    pub fn judge(&self, book_seq: u64, highest_before: u64) -> Option<Lie> {
        if book_seq == 0 || book_seq > highest_before {
            return None;
        }
        self.fell(Fallen { from: highest_before, to: book_seq - 1 });
        Some(Lie::NumberFell)
    }

    /// What is wrong with the number of any answer. A book that was never seen may have come as far as it likes.
    pub fn leaps(&self, book_seq: u64) -> Option<Lie> {
        let highest = self.highest();
        (highest > 0 && book_seq > highest.saturating_add(FARTHEST)).then_some(Lie::NumberLeapt)
    }

    /// What is wrong with the number of a batch of corrections that the region says it has taken. Batches come from the hub
    /// alone, so a book of which nothing is known may have come no further either.
    pub fn batch_leaps(&self, number: u64) -> Option<Lie> {
        (number > self.known().batches.saturating_add(1 + FARTHEST)).then_some(Lie::NumberLeapt)
    }

    /// Takes note of the number of an answer that is kept, and says whether it was another's before.
    pub fn keep(&self, book_seq: u64, position: Position) -> Option<Lie> {
        if book_seq == 0 {
            return None;
        }
        self.reached(book_seq);
        let earlier = self.take(book_seq, position);
        (earlier.0 == book_seq && earlier.1 != position).then_some(Lie::NumberRepeated)
    }

    /// Takes note of how far the book had come for another hub on the same store.
    pub fn reached(&self, book_seq: u64) {
        self.highest.fetch_max(book_seq, Ordering::AcqRel);
    }

    /// Takes note of the number of a batch of corrections that is kept, here or by another hub.
    pub fn reached_batch(&self, number: u64) {
        self.batches.fetch_max(number, Ordering::AcqRel);
    }

    /// Remembers whose a number is, and gives what was remembered in its place.
    fn take(&self, book_seq: u64, position: Position) -> (u64, Position) {
        let index = usize::try_from(book_seq % REMEMBERED as u64).unwrap_or_default();
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut latest[index], (book_seq, position))
    }

    /// Takes note of a region's own word that its book ends before what we know of it. One that lacks only batches of
    /// corrections fell from its end to its end.
    pub fn refused(&self, refusal: &Refusal) -> Option<Fallen> {
        let ends: u64 = refusal.detail.as_ref()?.parse().ok()?;
        let Known { book_seq, batches } = self.known();
        let (is_lower, to) = match refusal.field.as_deref() {
            Some(BOOK_SEQ) => (ends < book_seq, ends),
            Some(BOOK_BATCHES) => (ends < batches, book_seq),
            Some(_) | None => return None,
        };
        is_lower.then(|| self.fell(Fallen { from: book_seq, to }))
    }

    /// How it stands; none while it is whole.
    pub fn fallen(&self) -> Option<Fallen> {
        self.state().fallen
    }

    /// Whether something new may be sent there.
    ///
    /// # Errors
    /// Region-unavailable, with words, until the book is whole again.
    pub fn whole(&self) -> Result<(), Refusal> {
        match self.fallen() {
            Some(_) => Err(Refusal::new(Reason::RegionUnavailable).because(NOT_WHOLE)),
            None => Ok(()),
        }
    }

    /// A fall that was seen here and is not kept yet.
    pub fn seen(&self) -> Option<Fallen> {
        self.state().seen
    }

    /// A fall that was seen here is kept now.
    pub fn kept(&self, fallen: Fallen) {
        let mut state = self.state();
        state.seen = state.seen.filter(|seen| *seen != fallen);
    }

    /// Takes over what is kept of the book, unless something was seen meanwhile that is not.
    pub fn stands(&self, fallen: Option<Fallen>) {
        let mut state = self.state();
        if state.seen.is_none() {
            state.fallen = fallen;
        }
    }

    /// The book is whole again.
    pub fn is_whole(&self) {
        *self.state() = State::default();
    }

    fn fell(&self, fallen: Fallen) -> Fallen {
        let mut state = self.state();
        let lower = state
            .fallen
            .map_or(fallen, |before| Fallen { from: before.from.max(fallen.from), to: before.to.min(fallen.to) });
        if state.fallen != Some(lower) {
            (state.fallen, state.seen) = (Some(lower), Some(lower));
        }
        lower
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_out_of_order_are_no_fall_and_an_older_book_is() {
        let book = Book::known_up_to(7);
        let before = book.highest();
        for number in [9, 8] {
            assert_eq!(book.judge(number, before), None, "they left together");
            assert_eq!(book.keep(number, Position(number.cast_signed())), None);
        }
        assert_eq!(book.whole(), Ok(()));
        assert_eq!(book.judge(9, book.highest()), Some(Lie::NumberFell), "9 was known when it left");
        assert_eq!((book.highest(), book.fallen()), (9, Some(Fallen { from: 9, to: 8 })));
        assert_eq!(book.whole().map_err(|refusal| refusal.reason), Err(Reason::RegionUnavailable));
        assert_eq!(book.judge(0, 9), None, "no place in the book");
    }

    #[test]
    fn what_is_not_kept_moves_nothing() {
        let book = Book::known_up_to(7);
        assert_eq!(book.judge(9, 7), None);
        assert_eq!(book.highest(), 7);
        book.reached(8);
        assert_eq!(book.judge(8, book.highest()), Some(Lie::NumberFell), "another hub kept 8");
    }

    #[test]
    fn a_number_is_one_answers() {
        let book = Book::known_up_to(0);
        assert_eq!(book.keep(5, Position(1)), None);
        assert_eq!(book.keep(5, Position(1)), None, "the same answer again");
        assert_eq!(book.keep(5, Position(2)), Some(Lie::NumberRepeated));
        assert_eq!(book.keep(0, Position(3)), None, "no place in the book");
        assert_eq!(book.keep(5 + REMEMBERED as u64, Position(4)), None, "another number in its place");
    }

    #[test]
    fn no_book_leaps_out_of_sight() {
        assert_eq!(Book::known_up_to(0).leaps(u64::MAX), None, "nothing is known of it");
        let book = Book::known_up_to(7);
        assert_eq!((book.leaps(7 + FARTHEST), book.leaps(8 + FARTHEST)), (None, Some(Lie::NumberLeapt)));
        assert_eq!(Book::known_up_to(u64::MAX).leaps(u64::MAX), None);
        book.reached_batch(2);
        let batches = (book.batch_leaps(3 + FARTHEST), book.batch_leaps(4 + FARTHEST), book.batch_leaps(u64::MAX));
        assert_eq!(batches, (None, Some(Lie::NumberLeapt), Some(Lie::NumberLeapt)));
    }

    #[test]
    fn a_region_says_itself_that_its_book_ends_too_early() {
        let book = Book::known_up_to(7);
        let says = |end: &str| Refusal::new(Reason::RegionUnavailable).of_field(BOOK_SEQ).because(end);
        assert_eq!(book.refused(&Reason::Busy.into()), None);
        assert_eq!(book.refused(&says("7")), None, "it has caught up meanwhile");
        assert_eq!(book.refused(&says("5")), Some(Fallen { from: 7, to: 5 }));
        assert_eq!(book.refused(&says("6")), Some(Fallen { from: 7, to: 5 }), "the lowest stays");
    }

    #[test]
    fn a_region_that_lacks_only_batches_of_corrections_fell_too() {
        let book = Book::known_up_to(7);
        let says = |end: &str| Refusal::new(Reason::RegionUnavailable).of_field(BOOK_BATCHES).because(end);
        assert_eq!(book.refused(&says("0")), None, "we know of none");
        for number in [2, 1] {
            book.reached_batch(number);
        }
        assert_eq!(book.known(), Known { book_seq: 7, batches: 2 });
        assert_eq!((book.refused(&says("2")), book.refused(&says("two"))), (None, None), "it has caught up meanwhile");
        assert_eq!(book.refused(&says("1")), Some(Fallen { from: 7, to: 7 }));
        assert_eq!(book.whole().map_err(|refusal| refusal.reason), Err(Reason::RegionUnavailable));
        book.is_whole();
        assert_eq!(book.whole(), Ok(()));
    }

    #[test]
    fn a_fall_that_is_not_kept_yet_is_not_forgotten() {
        let book = Book::known_up_to(7);
        let fallen = book.refused(&Refusal::new(Reason::RegionUnavailable).of_field(BOOK_SEQ).because("5"));
        book.stands(None);
        assert_eq!(book.fallen(), fallen);
        book.kept(fallen.expect("it fell"));
        book.stands(None);
        assert_eq!(book.fallen(), None, "another hub made it whole");
        book.stands(fallen);
        assert_eq!((book.fallen(), book.seen()), (fallen, None), "another hub saw it fall");
    }
}
