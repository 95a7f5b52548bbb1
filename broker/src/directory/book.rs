//! Watching a home region's book: its numbers only rise, and each is one answer's. When one falls, or the region says that its book ends before
//! what we know of it, an older copy was put back, and what the region answered since may be gone from it. Then nothing
//! new goes there until the book is whole again. [`crate::jobs::books`] makes that outlive the process.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ledger::hub::Position;
use settlement::refusal::{BOOK_SEQ, Reason, Refusal};

use crate::lie::Lie;

/// What is told while a region's book is not whole: the desk may send the same again.
const NOT_WHOLE: &str = "参保地正在恢复账簿";

/// Whose the latest numbers are is remembered for so many. A number that comes twice mostly does so at once: by a
/// region that counts wrongly, or after a restoration.
const REMEMBERED: usize = 1_024;

/// What a region's book has shown.
#[derive(Debug)]
pub struct Book {
    highest: AtomicU64,
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

/// How far a book had gone, and to where it fell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fallen {
    /// How far it had gone.
    pub from: u64,
    /// How far it went when it was seen lower: what it decided from there on, if anything, it decided anew.
    pub to: u64,
}

impl Book {
    /// A book whose highest number is known from before.
    pub fn known_up_to(highest: u64) -> Book {
        let latest = Mutex::new(vec![(0, Position(0)); REMEMBERED]);
        Book { highest: AtomicU64::new(highest), latest, state: Mutex::default() }
    }

    /// The highest number so far. Taken before something new is asked, it is what the answer must not fall below.
    pub fn highest(&self) -> u64 {
        self.highest.load(Ordering::Acquire)
    }

    /// Takes note of the number of an answer to something that was never sent before, and says what is wrong with it.
    /// Whether it falls is judged against what was known when its question left, since answers to questions that left
    /// together come back in any order. What has no place in a book has no number: 0.
    pub fn note(&self, book_seq: u64, position: Position, highest_before: u64) -> Option<Lie> {
        if book_seq == 0 {
            return None;
        }
        self.highest.fetch_max(book_seq, Ordering::AcqRel);
        if book_seq < highest_before {
            self.fell(Fallen { from: highest_before, to: book_seq - 1 });
            return Some(Lie::NumberFell);
        }
        let earlier = self.take(book_seq, position);
        (earlier.0 == book_seq && earlier.1 != position).then_some(Lie::NumberRepeated)
    }

    /// Remembers whose a number is, and gives what was remembered in its place.
    fn take(&self, book_seq: u64, position: Position) -> (u64, Position) {
        let index = usize::try_from(book_seq % REMEMBERED as u64).unwrap_or_default();
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut latest[index], (book_seq, position))
    }

    /// Takes note of a region's own word that its book ends before what we know of it.
    pub fn refused(&self, refusal: &Refusal) -> Option<Fallen> {
        let ends = refusal.detail.as_ref().filter(|_| refusal.field.as_deref() == Some(BOOK_SEQ))?;
        let fallen = Fallen { from: self.highest(), to: ends.parse().ok()? };
        (fallen.to < fallen.from).then(|| self.fell(fallen))
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
        let (first, second) = (book.highest(), book.highest());
        assert_eq!(book.note(9, Position(1), second), None);
        assert_eq!(book.note(8, Position(2), first), None, "it left before 9 was known");
        assert_eq!(book.whole(), Ok(()));
        assert_eq!(book.note(8, Position(3), book.highest()), Some(Lie::NumberFell), "9 was known when it left");
        assert_eq!((book.highest(), book.fallen()), (9, Some(Fallen { from: 9, to: 7 })));
        assert_eq!(book.whole().map_err(|refusal| refusal.reason), Err(Reason::RegionUnavailable));
    }

    #[test]
    fn a_number_is_one_answers() {
        let book = Book::known_up_to(0);
        assert_eq!(book.note(5, Position(1), 0), None);
        assert_eq!(book.note(5, Position(1), 5), None, "the same answer again");
        assert_eq!(book.note(5, Position(2), 5), Some(Lie::NumberRepeated));
        assert_eq!(book.note(0, Position(3), 5), None, "no place in the book");
        assert_eq!(book.note(5 + REMEMBERED as u64, Position(4), 5), None, "another number in its place");
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
