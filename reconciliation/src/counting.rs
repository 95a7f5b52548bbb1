//! What a branch of a book comes to, worked out from what the book holds and not from what was folded: its root and its
//! sums belong together, whatever is added meanwhile. Called before a certificate is written or signed.

use clearing::digest::{Branch, Leaf, Node, root_of_leaves};
use clearing::tally::{Family, Tally};
use ledger::store::StoreError;
use proto::convert::{WireError, read_operation, read_outcome};

use crate::book::Book;

/// Why a branch could not be counted.
#[derive(Debug, thiserror::Error)]
pub enum CountError {
    /// The book cannot be read.
    #[error("the book cannot be read")]
    Store(#[from] StoreError),
    /// One of its operations cannot be read: a fault of ours.
    #[error("an operation of the book cannot be read")]
    Operation(#[from] WireError),
}

/// What a branch comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Its root; none where the book has nothing of it.
    pub root: Option<Node>,
    /// What its operations come to.
    pub tally: Tally,
    /// Where its operations stand in the book, in order.
    pub positions: Vec<i64>,
}

/// Works out what a branch of a book comes to, as far as it is folded, with relatives' accounts as a certificate counts them.
///
/// # Errors
/// When the book cannot be read.
pub async fn count(book: &impl Book, branch: Branch, family: Family) -> Result<Counted, CountError> {
    let (mut leaves, mut tally, mut positions, mut last) = (Vec::new(), Tally::counting(family), Vec::new(), None);
    loop {
        let page = book.leaves().leaf_page(branch, last).await?;
        let Some(end) = page.last() else { break };
        last = Some(end.leaf);
        for held in &page {
            let (operation, outcome) = (read_operation(&held.operation)?, read_outcome(&held.outcome)?);
            leaves.push(Leaf::of(&operation.key.to_text(), &held.outcome));
            tally.add(&outcome, branch.home);
            positions.push(held.number);
        }
    }
    positions.sort_unstable();
    Ok(Counted { root: root_of_leaves(&leaves), tally, positions })
}
