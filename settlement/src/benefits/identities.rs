//! 身份就高: a person may hold several special identities at once. Each is worked out, and the one by which the person
//! pays the least cash, and of equal cash takes the least from the account, counts (policy.md D.7).

use jiff::civil::Date;

use super::Case;
use super::explanation::Step;
use crate::adjudication::Adjudication;
use crate::money::Money;
use crate::person::AssistanceClass;
use crate::refusal::{Reason, Refusal};
use crate::rulebook::RuleBook;

/// The identity that a calculation counts, and among how many it was chosen.
#[derive(Clone, Copy)]
pub(super) struct Chosen {
    pub(super) identity: Option<AssistanceClass>,
    among: i64,
}

impl Chosen {
    /// The step that says so, where there was a choice and the book speaks of it.
    pub(super) fn step(self, book: &RuleBook) -> Option<Step> {
        let identity = self.identity.filter(|_| self.among > 1)?;
        let clause = book.admission.several_identities?;
        Some(Step::BestIdentity { clause, identity, among: self.among })
    }
}

/// The best result over the identities in force on a day that the book knows. Where a rule that decides for one of them
/// is not known, nobody knows which is best.
pub(super) fn best(
    book: &RuleBook,
    case: &Case<'_>,
    day: Date,
    work_out: impl Fn(Chosen) -> Result<Adjudication, Refusal>,
) -> Result<Adjudication, Refusal> {
    let mut held = case.person.identities_on(day).filter(|class| book.knows(*class));
    let first = held.next();
    let others: Vec<AssistanceClass> = held.collect();
    let among = 1 + others.len() as i64;
    let mut best = work_out(Chosen { identity: first, among });
    for other in others {
        best = better(best, work_out(Chosen { identity: Some(other), among }));
    }
    best
}

/// Of two alike the first.
fn better(one: Result<Adjudication, Refusal>, two: Result<Adjudication, Refusal>) -> Result<Adjudication, Refusal> {
    let unknown = |refusal: &Refusal| refusal.reason == Reason::RuleUnset;
    match (&one, &two) {
        (Err(refusal), _) if unknown(refusal) => one,
        (_, Err(refusal)) if unknown(refusal) => two,
        (Ok(first), Ok(second)) if borne(second) < borne(first) => two,
        (Err(_), Ok(_)) => two,
        (Ok(_), _) | (Err(_), Err(_)) => one,
    }
}

/// What the person pays: cash, then from the account.
fn borne(result: &Adjudication) -> (Money, Money) {
    (result.payers().cash, result.payers().account)
}
