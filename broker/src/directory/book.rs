//! Watching a home region's book: its numbers only rise. When one falls, the book was restored from an older copy, and
//! what the region answered since may be gone from it.

use std::sync::atomic::{AtomicU64, Ordering};

/// The highest number that a region's book has shown.
#[derive(Debug, Default)]
pub struct Book {
    highest: AtomicU64,
}

impl Book {
    /// A book whose highest number is known from before.
    pub fn known_up_to(highest: u64) -> Book {
        Book { highest: AtomicU64::new(highest) }
    }

    /// The highest number so far. Taken before something new is asked, it is what the answer must not fall below.
    pub fn highest(&self) -> u64 {
        self.highest.load(Ordering::Acquire)
    }

    /// Takes note of a number. Whether it falls is judged against what was known when its question left, since answers
    /// to questions that left together come back in any order.
    pub fn falls(&self, book_seq: u64, highest_before: u64) -> bool {
        self.highest.fetch_max(book_seq, Ordering::AcqRel);
        book_seq < highest_before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_out_of_order_are_no_fall_and_an_older_book_is() {
        let book = Book::known_up_to(7);
        let (first, second) = (book.highest(), book.highest());
        assert!(!book.falls(9, second));
        assert!(!book.falls(8, first), "it left before 9 was known");
        assert!(book.falls(8, book.highest()), "9 was known when it left");
        assert_eq!(book.highest(), 9);
    }
}
