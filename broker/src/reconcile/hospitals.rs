//! What treatment sides tell of their hospitals' books: kept as breaks, as far as the hub's own book holds what they are
//! about. Whether a row differs, and whose settlement it is, the hub does not take on trust: a treatment side can hold
//! nothing back but what its own book and the hub's both hold of its pool. Called by [`super::comparisons`].

use clearing::breaks::{Books, Fact};
use clearing::stretch::Stretch;
use ledger::hub::Earlier;
use ledger::leaves::Scope;
use proto::convert::{read_leaf, read_outcome};
use reconciliation::asking::Apart;
use settlement::ids::PoolCode;
use settlement::operation::OperationKey;
use settlement::refusal::{Reason, Refusal};

use super::{Outcome, Roots};
use crate::hub::Hub;
use crate::refusing::failed;

impl Hub {
    /// Records which rows of hospitals' books differ from a treatment side's in a stretch of a pool's days. What the hub
    /// has no answer to yet, or holds otherwise, is pending: there is no entry that could be cleared, or the treatment
    /// side's book and the hub's are apart on it, and what they differ in is found by comparing these two.
    ///
    /// # Errors
    /// When a row is of another pool by the hub's book, or of no operation; nothing is recorded then. When the store
    /// fails.
    pub async fn hospitals_differ(
        &self,
        treatment: PoolCode,
        within: Stretch,
        apart: Vec<Apart>,
    ) -> Result<Outcome, Refusal> {
        let (mut held, mut pending) = (Vec::with_capacity(apart.len()), 0);
        for apart in apart {
            if self.holds(treatment, &apart).await? {
                held.push(apart);
            } else {
                pending += 1;
            }
        }
        let scope = Scope { home: None, treatment: Some(treatment) };
        let recorded = self.record(Books::HospitalTreatment, scope, within, Roots::default(), &held).await;
        let outcome = recorded.map_err(|fault| failed(&fault))?;
        Ok(Outcome { pending: outcome.pending + pending, ..outcome })
    }

    /// Whether the hub's book holds what a row is about as the row says.
    async fn holds(&self, treatment: PoolCode, apart: &Apart) -> Result<bool, Refusal> {
        let key = OperationKey::from_text(&apart.operation).ok_or_else(|| other(apart, "is no operation's key"))?;
        let found = self.store.operation_find(&key).await.map_err(|fault| failed(&fault))?;
        let Some(Earlier { bytes, answer: Some(answer), .. }) = found else { return Ok(false) };
        let unreadable = |problem: String| {
            tracing::error!(operation = %apart.operation, problem, "an operation of the hub's book cannot be read");
            Refusal::new(Reason::Internal)
        };
        let Some((branch, leaf)) = read_leaf(&bytes, &answer.outcome).map_err(unreadable)? else { return Ok(false) };
        if branch.treatment != treatment {
            return Err(other(apart, "is of another pool in the hub's book"));
        }
        let outcome = read_outcome(&answer.outcome).map_err(|fault| unreadable(fault.to_string()))?;
        let settlement = Fact::of(&outcome).map(|fact| fact.settlement);
        let is_told = apart.settlements().all(|told| Some(told) == settlement.as_ref());
        Ok((branch, leaf.place) == (apart.branch, apart.place) && is_told)
    }
}

fn other(apart: &Apart, problem: &str) -> Refusal {
    let operation = settlement::operation::readable(&apart.operation);
    Refusal::new(Reason::InvalidField).of_field("apart").because(format!("{operation} {problem}"))
}
