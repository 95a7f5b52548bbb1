//! 预结算: the same calculation as settling, on a snapshot of the book, with no effect and no key; and what the same bill
//! would come to on another footing.

use ledger::home::{Arrival, Asked, HomeStore};
use settlement::decide::{Book, BookSeq, estimate, judge_by};
use settlement::filing::Filing;
use settlement::operation::{Operation, Request, Settle};
use settlement::outcome::Outcome;
use settlement::refusal::{Reason, Refusal};
use settlement::what_if::WhatIf;

use crate::in_force::InForce;

/// What settling would answer now.
pub struct Estimate {
    /// As things are.
    pub outcome: Outcome,
    /// On each footing that was asked about, in its order.
    pub alternatives: Vec<(WhatIf, Outcome)>,
    /// The last place of the book that all of it saw.
    pub seq: BookSeq,
}

/// Works a bill out as things are and on other footings, from one reading of the book.
///
/// # Errors
/// When the operation is not a settle, or the store cannot be read. A refusal of the region's rules is an outcome.
pub async fn run(
    store: &HomeStore,
    rules: &InForce,
    arrival: Arrival,
    what_if: &[WhatIf],
    at: jiff::Timestamp,
) -> Result<Estimate, Refusal> {
    let operation = arrival.operation.clone();
    let Request::Settle(settle) = &operation.request else {
        return Err(Refusal::new(Reason::InvalidField).of_field("infno"));
    };
    let filings = arrival.filings().to_vec();
    let mut book = store.book_read(Asked::Operate(Box::new(arrival))).await.map_err(crate::door::unread)?;
    let outcome = outcome(&mut book, rules, &operation, settle, &filings, at)?;
    let alternatives = what_if.iter().map(|footing| {
        let (settle, filing) = footing.of(settle, &operation.key.person);
        Ok((*footing, self::outcome(&mut book, rules, &operation, &settle, filing.as_slice(), at)?))
    });
    let alternatives = alternatives.collect::<Result<_, Refusal>>()?;
    Ok(Estimate { outcome, alternatives, seq: book.last_seq })
}

fn outcome(
    book: &mut Book,
    rules: &InForce,
    operation: &Operation,
    settle: &Settle,
    filings: &[Filing],
    at: jiff::Timestamp,
) -> Result<Outcome, Refusal> {
    let judge = |question: &settlement::decide::Question<'_>| judge_by(&rules.books, question);
    match estimate(book, &operation.key, settle, filings, &judge, at) {
        Ok(done) => Ok(Outcome::Accepted { decided_at: at, done }),
        Err(fault) if fault.reason.is_transient() => Err(fault),
        Err(refusal) => Ok(Outcome::Refused(refusal)),
    }
}
