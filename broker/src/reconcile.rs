//! Comparing the hub's book with home regions', and telling treatment sides of it. What differs becomes a break with
//! what is proposed; what is still in doubt is none, for its home region will say. What a rule may carry out is carried
//! out in [`acting`]. Days on which the books agree are recorded, and certified once all three books do. Called by
//! [`crate::jobs`] and by operators.

pub mod acting;
mod asked;
pub mod breaks;
pub mod certificates;
pub mod certify;
pub mod comparisons;
mod hospitals;
pub mod notary;
pub mod service;

use std::collections::BTreeSet;

use clearing::breaks::{Books, judge};
use clearing::digest::{Branch, Node};
use clearing::stretch::Stretch;
use jiff::civil::Date;
use ledger::hub::{FoundBreak, Looked};
use ledger::leaves::Scope;
use ledger::store::StoreError;
use reconciliation::asking::{Apart, CompareError, Compared, compare};
use reconciliation::reporting::{A_PART, parts};
use settlement::ids::PoolCode;

use crate::directory::Home;
use crate::hub::Hub;

/// What comparing came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Branches that agree.
    pub agreed: usize,
    /// Breaks that stand.
    pub breaks: usize,
    /// Differences that are still in doubt.
    pub pending: usize,
}

/// The hub's roots of the branches that were compared with another book. A day that is told of in parts has them in each; they
/// are recorded with the last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roots {
    /// Both books share them.
    pub agreed: Vec<(Branch, Node)>,
    /// The other book has another; each operation that does not stand alike was found.
    pub differing: Vec<(Branch, Node)>,
}

impl Hub {
    /// Compares the hub's book of some days with a home region's, for one of its pools.
    ///
    /// # Errors
    /// When either book cannot be read; nothing is recorded then. When the store fails; what was recorded stays recorded.
    pub async fn compare(&self, home: &Home, pool: PoolCode, days: (Date, Date)) -> Result<Outcome, CompareError> {
        Ok(self.compared(home, pool, days).await?.0)
    }

    /// The same, and what stands apart.
    async fn compared(
        &self,
        home: &Home,
        pool: PoolCode,
        days: (Date, Date),
    ) -> Result<(Outcome, Vec<Apart>), CompareError> {
        let scope = Scope { home: Some(pool), treatment: None };
        let compared = compare(&self.store, home.port().as_book(), scope, days, self.patience).await?;
        let (mut outcome, mut all_apart) = (Outcome::default(), Vec::with_capacity(compared.apart.len()));
        // A region's book may lack all that it had: no commit is to be as long as that.
        for (stretch, Compared { agreed, differing, apart }) in parts(days, compared, A_PART) {
            let differing = differing.into_iter().filter_map(|both| Some((both.branch, both.outer?))).collect();
            let recorded = self.record(Books::HubHome, scope, stretch, Roots { agreed, differing }, &apart).await?;
            outcome.agreed += recorded.agreed;
            outcome.breaks += recorded.breaks;
            outcome.pending += recorded.pending;
            all_apart.extend(apart);
        }
        Ok((outcome, all_apart))
    }

    /// Records what two books were found to share and to differ in, of some days or of a stretch of them. A treatment side
    /// tells what came of comparing: of a branch that it says nothing of, what stood stands on. The hub's book and a home's are
    /// compared here, and a treatment side's with its hospitals' there, branch by branch: what is not told agrees.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn record(
        &self,
        books: Books,
        scope: Scope,
        within: impl Into<Stretch>,
        roots: Roots,
        apart: &[Apart],
    ) -> Result<Outcome, StoreError> {
        let (mut found, mut pending) = (Vec::new(), 0);
        for apart in apart {
            if apart.outer.is_none() && self.store.operation_waits(apart.operation.clone()).await? {
                pending += 1;
            } else {
                found.extend(found_break(books, apart));
            }
        }
        let (within, now, Roots { mut agreed, mut differing }) = (within.into(), self.clock.now(), roots);
        let told = agreed.iter().chain(&differing).map(|(branch, _)| *branch).collect();
        let at = match books {
            Books::TreatmentHub => Some(told),
            Books::HospitalTreatment | Books::HubHome => None,
        };
        // Of a day that goes on in the next part, not everything is found yet.
        for roots in [&mut agreed, &mut differing] {
            roots.retain(|(branch, _)| within.holds(branch.day, u64::MAX));
        }
        let outcome = Outcome { agreed: agreed.len(), breaks: found.len(), pending };
        self.store.break_record(books, Looked { within, at }, scope, found, now).await?;
        self.store.agreement_record(books, agreed, now).await?;
        // After its breaks: whoever sees that a branch was compared sees what was found.
        self.store.difference_record(books, differing, now).await?;
        Ok(outcome)
    }

    /// The home regions with their pools, to be compared with one after the other.
    pub fn compared_homes(&self) -> Vec<(&Home, BTreeSet<PoolCode>)> {
        self.directory.homes().iter().map(|home| (&**home, home.pools().clone())).collect()
    }
}

fn found_break(books: Books, apart: &Apart) -> Option<FoundBreak> {
    let judged = judge(books, apart.outer.as_ref(), apart.inner.as_ref())?;
    Some(FoundBreak {
        branch: apart.branch,
        place: apart.place,
        operation: apart.operation.clone(),
        kind: judged.kind,
        settlement: judged.settlement,
        outer: (judged.outer.total, judged.outer.owed()),
        inner: (judged.inner.total, judged.inner.owed()),
        proposed: judged.proposed,
    })
}
