//! 预结算: the same calculation as settling, on a snapshot of the book, with no effect and no key.

use ledger::home::{Arrival, Asked, HomeStore};
use settlement::decide::{BookSeq, estimate, judge_by};
use settlement::operation::Request;
use settlement::outcome::Outcome;
use settlement::refusal::{Reason, Refusal};

use crate::in_force::InForce;

/// What settling would answer now, and the last place of the book that it saw.
///
/// # Errors
/// When the operation is not a settle, or the store cannot be read. A refusal of the region's rules is an outcome.
pub async fn run(
    store: &HomeStore,
    rules: &InForce,
    arrival: Arrival,
    at: jiff::Timestamp,
) -> Result<(Outcome, BookSeq), Refusal> {
    let operation = arrival.operation.clone();
    let Request::Settle(settle) = &operation.request else {
        return Err(Refusal::new(Reason::InvalidField).of_field("infno"));
    };
    let filings = arrival.filings().to_vec();
    let mut book = store.book_read(Asked::Operate(Box::new(arrival))).await.map_err(crate::door::unread)?;
    let judge = |question: &settlement::decide::Question<'_>| judge_by(&rules.books, question);
    let outcome = match estimate(&mut book, &operation.key, settle, &filings, &judge, at) {
        Ok(done) => Outcome::Accepted { decided_at: at, done },
        Err(fault) if fault.reason.is_transient() => return Err(fault),
        Err(refusal) => Outcome::Refused(refusal),
    };
    Ok((outcome, book.last_seq))
}
