//! Carrying out what is proposed about a break: by rule, in the run that found it, or by an operator, one by one. What it
//! comes down to, [`clearing::breaks::action`] says. Nothing is sent a second time and nothing is made up: the home region
//! is asked what became of an operation by the way of [`crate::doubt`], or is given back what it answered once by that of
//! [`crate::reinstate`]. Called by [`crate::jobs`] and by [`super::breaks`].

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;

use clearing::breaks::{Action, Books, Done, Known, Proposal, action, judge};
use jiff::civil::Date;
use ledger::hub::{Acted, Earlier, OpenBreak, Waiting};
use ledger::leaves::Scope;
use ledger::store::StoreError;
use reconciliation::asking::{Apart, CompareError};
use settlement::ids::PoolCode;
use settlement::operation::OperationKey;
use settlement::refusal::Refusal;

use super::Outcome;
use crate::directory::Home;
use crate::doubt::Cleared;
use crate::hub::Hub;
use crate::refusing::failed;

/// So many lost answers are asked for in one run; the next run goes on.
const ASKED_AT_ONCE: usize = 256;

/// What an operator's carrying out came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CarriedOut {
    /// What was to be done.
    pub action: Action,
    /// What it came to.
    pub done: Done,
    /// Whether the break stands still. One of a treatment side's book does until that side compares again, and one of a
    /// hospital's until the hospital has.
    pub stands: bool,
}

/// What the hub's own book knows of an operation.
enum Own {
    Waiting(Waiting),
    Answered,
    Absent,
}

impl Own {
    fn known(&self) -> Known {
        match self {
            Own::Waiting(_) => Known::Waiting,
            Own::Answered => Known::Answered,
            Own::Absent => Known::Absent,
        }
    }
}

/// Who acts by a rule, in the record.
pub fn by_rule(proposed: Proposal) -> String {
    format!("rule {}", proposed.word())
}

impl Hub {
    /// Compares the hub's book of some days with a home region's, carries out what a rule may, and where that brought
    /// anything, compares again.
    ///
    /// # Errors
    /// When either book cannot be read.
    pub async fn compare_and_mend(
        &self,
        home: &Home,
        pool: PoolCode,
        days: (Date, Date),
    ) -> Result<Outcome, CompareError> {
        let (outcome, apart) = self.compared(home, pool, days).await?;
        let mended = self.mend_by_rule(pool, &apart).await?;
        if mended { self.compare(home, pool, days).await } else { Ok(outcome) }
    }

    /// Carries out what a rule may of what stands apart between the hub's book and a home region's; tells whether the
    /// books are to be compared again. A region that does not answer is asked the next time.
    async fn mend_by_rule(&self, pool: PoolCode, apart: &[Apart]) -> Result<bool, StoreError> {
        let (mut again, mut mended) = (false, BTreeMap::<Proposal, Vec<String>>::new());
        let proposed = |apart: &Apart| {
            let judged = judge(Books::HubHome, apart.outer.as_ref(), apart.inner.as_ref())?;
            judged.proposed.by_rule().then_some(judged.proposed)
        };
        for (apart, proposed) in apart.iter().filter_map(|apart| Some((apart, proposed(apart)?))).take(ASKED_AT_ONCE) {
            let own = self.own(&apart.operation).await?;
            match (action(proposed, own.known()), own) {
                (Action::Ask, Own::Waiting(waiting)) => match self.clear_up(waiting).await {
                    Cleared::Answered(_) => {
                        again = true;
                        mended.entry(proposed).or_default().push(apart.operation.clone());
                    }
                    Cleared::Waits => {}
                    Cleared::Unreachable => break,
                },
                (Action::CompareAgain, _) => again = true,
                // What is left is for a person.
                (
                    Action::Ask
                    | Action::AwaitHospital
                    | Action::AwaitTreatmentSide
                    | Action::GiveBack
                    | Action::FindOrigin
                    | Action::Investigate,
                    _,
                ) => {}
            }
        }
        let scope = Scope { home: Some(pool), treatment: None };
        for (proposed, mended) in mended {
            self.record_mended(Books::HubHome, scope, &mended, proposed).await?;
        }
        Ok(again)
    }

    /// Records of the breaks that stand about operations that a rule mended them. They end when the books agree.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn record_mended(
        &self,
        books: Books,
        scope: Scope,
        operations: &[String],
        proposed: Proposal,
    ) -> Result<(), StoreError> {
        if operations.is_empty() {
            return Ok(());
        }
        let mended: BTreeSet<&String> = operations.iter().collect();
        let about = |open: &OpenBreak| {
            open.books == books && open.found.proposed == proposed && mended.contains(&open.found.operation)
        };
        let standing = self.store.break_list(scope).await?;
        let numbers = standing.into_iter().filter(about).map(|open| open.number).collect();
        let acted = Acted { action: Action::Ask, done: Done::Mended, by: by_rule(proposed), at: self.clock.now() };
        self.store.break_act(numbers, acted).await
    }

    /// Carries out what is proposed about a break, for somebody, and records it.
    ///
    /// # Errors
    /// When the region's book cannot be given back what it lacks, or the store fails.
    pub async fn carry_out_break(&self, open: &OpenBreak, by: String) -> Result<CarriedOut, Refusal> {
        let (pool, day) = (open.found.branch.home, open.found.branch.day);
        let (action, done) = self.act(open, &by).await?;
        let acted = Acted { action, done, by, at: self.clock.now() };
        self.store.break_act(vec![open.number], acted).await.map_err(|fault| failed(&fault))?;
        if open.books == Books::HubHome
            && let Ok(home) = self.directory.home(pool)
            && let Err(fault) = self.compare(home, pool, (day, day)).await
        {
            tracing::warn!(%pool, error = &fault as &dyn Error, "the book of {pool} could not be compared again");
        }
        let history = self.store.break_history(open.number).await.map_err(|fault| failed(&fault))?;
        Ok(CarriedOut { action, done, stands: history.is_none_or(|history| history.end.is_none()) })
    }

    async fn act(&self, open: &OpenBreak, by: &str) -> Result<(Action, Done), Refusal> {
        let own = match open.books {
            Books::HubHome => Some(self.own(&open.found.operation).await.map_err(|fault| failed(&fault))?),
            Books::HospitalTreatment | Books::TreatmentHub => None,
        };
        let action = action(open.found.proposed, own.as_ref().map_or(Known::Elsewhere, Own::known));
        let done = match (action, own) {
            (Action::Ask, Some(Own::Waiting(waiting))) => match self.clear_up(waiting).await {
                Cleared::Answered(_) => Done::Mended,
                Cleared::Waits | Cleared::Unreachable => Done::NoAnswer,
            },
            (Action::GiveBack, _) => {
                let restored = self.book_restore(open.found.branch.home, by.to_owned()).await?;
                if restored.clash.is_none() && restored.taken_back > 0 { Done::Mended } else { Done::Nothing }
            }
            (
                Action::Ask
                | Action::CompareAgain
                | Action::AwaitHospital
                | Action::AwaitTreatmentSide
                | Action::FindOrigin
                | Action::Investigate,
                _,
            ) => Done::Nothing,
        };
        Ok((action, done))
    }

    async fn own(&self, operation: &str) -> Result<Own, StoreError> {
        let Some(key) = OperationKey::from_text(operation) else { return Ok(Own::Absent) };
        Ok(match self.store.operation_find(&key).await? {
            None => Own::Absent,
            Some(Earlier { answer: Some(_), .. }) => Own::Answered,
            Some(Earlier { answer: None, position, bytes, received_at }) => {
                Own::Waiting(Waiting { position, bytes, received_at })
            }
        })
    }
}
