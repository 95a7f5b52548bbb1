//! Places in a book that several processes write: the number of the one that commits, then a count of its own. Nobody
//! asks the database for the next one, and within one committer places rise in the order in which they are committed.

use std::cell::Cell;

/// How many bits count the rows of one committer.
const ROW_BITS: u32 = 40;

/// The numbers that a writer gives.
#[derive(Debug, Default)]
pub(crate) struct Numbers {
    committer: Cell<i64>,
    last: Cell<i64>,
}

impl Numbers {
    /// Goes on as another committer. A writer does so for each connection: what became of the last commit of one that
    /// was lost, nobody knows, and a place that it used may be taken.
    pub(super) fn begin_anew(&self, committer: i64) {
        self.committer.set(committer);
        self.last.set(0);
    }

    /// Who commits.
    pub(crate) fn committer(&self) -> i64 {
        self.committer.get()
    }

    /// The next place. Places are skipped where a transaction is undone, and never given twice.
    pub(crate) fn next(&self) -> i64 {
        self.last.set(self.last.get() + 1);
        first_place(self.committer.get()) + self.last.get()
    }
}

/// The place before the first of a committer.
pub(crate) fn first_place(committer: i64) -> i64 {
    committer << ROW_BITS
}
