//! What a period is cleared without because the three books were not compared on it: only what matches in three-party
//! reconciliation is cleared. Called by [`super`].

use std::collections::BTreeMap;

use clearing::breaks::{Books, reason};
use clearing::calendar::Uncompared;
use clearing::listed::owner_of_uncompared;
use clearing::month::Month;
use ledger::hub::{DisputedBranches, PeriodNumber, UncomparedBranch};
use ledger::store::StoreError;

use super::Clearing;

impl Clearing {
    /// The branches that a period is cleared without, by which books were not compared; none where the month's days say
    /// that they are cleared.
    pub(super) async fn uncompared(
        &self,
        period: PeriodNumber,
        month: Month,
    ) -> Result<Vec<DisputedBranches>, StoreError> {
        match self.calendar.rules(month).clearing.uncompared {
            Uncompared::Carried => Ok(by_books(self.store.uncompared_branches(period).await?)),
            Uncompared::Cleared => Ok(Vec::new()),
        }
    }
}

fn by_books(uncompared: Vec<UncomparedBranch>) -> Vec<DisputedBranches> {
    let mut by_books: BTreeMap<Vec<Books>, Vec<_>> = BTreeMap::new();
    for UncomparedBranch { branch, books } in uncompared {
        by_books.entry(books).or_default().push(branch);
    }
    let disputed = by_books.into_iter().map(|(books, branches)| DisputedBranches {
        branches,
        reason: reason::of_uncompared(&books),
        owner: owner_of_uncompared(&books),
    });
    disputed.collect()
}
