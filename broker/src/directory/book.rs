//! Watching a home region's book: its numbers only rise, and each is one answer's. When one falls, the book was restored
//! from an older copy, and what the region answered since may be gone from it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use ledger::hub::Position;

use crate::lie::Lie;

/// Whose the latest numbers are is remembered for so many. A number that comes twice mostly does so at once: by a
/// region that counts wrongly, or after a restoration.
const REMEMBERED: usize = 1_024;

/// What a region's book has shown.
#[derive(Debug)]
pub struct Book {
    highest: AtomicU64,
    /// The latest numbers and whose they are, each at its remainder.
    latest: Mutex<Vec<(u64, Position)>>,
}

impl Book {
    /// A book whose highest number is known from before.
    pub fn known_up_to(highest: u64) -> Book {
        Book { highest: AtomicU64::new(highest), latest: Mutex::new(vec![(0, Position(0)); REMEMBERED]) }
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
        assert_eq!(book.note(8, Position(3), book.highest()), Some(Lie::NumberFell), "9 was known when it left");
        assert_eq!(book.highest(), 9);
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
}
