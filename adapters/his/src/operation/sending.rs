//! Sending what was written down, and what its answer, or its silence, means. Called by [`super::once`] and by 5203.

use ledger::treatment::{OperationKind, StoredAnswer, StoredOperation, Whereabouts};
use proto::convert;
use settlement::operation::Operation;
use settlement::outcome::Outcome;
use settlement::refusal::{Reason, Refusal};

use super::{Finished, Round, Sending, record};
use crate::edge::{Call, Edge};
use crate::hub::{self, Delivery};

/// Sends what has no answer, keeps the answer, and gives it.
pub(super) async fn finish(edge: &Edge, call: &Call, sending: Sending) -> Result<Finished, Refusal> {
    let Sending { message, mut stored, asked, shown, round } = sending;
    let operation = stored.operation.clone();
    let (answer, outcome) = match stored.answer.take() {
        Some(answer) => {
            let outcome = record::read(&answer)?;
            (answer, outcome)
        }
        None => {
            let delivery = edge.hub.operate(operation.bytes.clone(), &call.reference).await;
            if let (Delivery::NotTaken(_), Round::First) = (&delivery, round) {
                let (number, now) = (stored.message, edge.clock.now());
                edge.change(move |session| {
                    Ok(session.operation_note_whereabouts(number, Whereabouts::NotTaken, now)?)
                })
                .await?;
            }
            let delivery = undelivered_reversal(delivery, operation.kind);
            let kept = kept(edge, stored, asked, answer_of(delivery, round)?).await?;
            let (reference, setl_id) = (&call.reference, operation.settlement.as_deref().unwrap_or_default());
            tracing::info!(reference, setl_id, "the operation of {reference} was answered and its answer is kept");
            kept
        }
    };
    Ok(Finished { message, operation, answer, outcome, shown })
}

/// A reversal that was not delivered says nothing of what it was to undo, so nobody is told that nothing happened.
fn undelivered_reversal(delivery: Delivery, kind: OperationKind) -> Delivery {
    match (delivery, kind) {
        (Delivery::NotTaken(_), OperationKind::Reverse) => Delivery::NotYetKnown,
        (delivery, OperationKind::Settle | OperationKind::Cancel | OperationKind::Reverse) => delivery,
    }
}

/// The answer that a sending brought. Only to a first one is a refusal of the hub itself an answer, and only after a
/// first one is it sure that nothing was taken.
fn answer_of(delivery: Delivery, round: Round) -> Result<StoredAnswer, Refusal> {
    match (delivery, round) {
        (Delivery::Answered(answer), Round::First | Round::Again) => Ok(answer),
        (Delivery::Refused(refusal), Round::First) => Ok(hub::answer_of(refusal)),
        (Delivery::NotTaken(refusal), Round::First) => Err(refusal),
        (Delivery::NotYetKnown, Round::First)
        | (Delivery::Refused(_) | Delivery::NotTaken(_) | Delivery::NotYetKnown, Round::Again) => {
            Err(Refusal::new(Reason::NotYetKnown))
        }
    }
}

/// Keeps an answer. Where that fails the operation may have had its effect, so nobody is told that nothing happened.
async fn kept(
    edge: &Edge,
    stored: StoredOperation,
    asked: Option<Operation>,
    answer: StoredAnswer,
) -> Result<(StoredAnswer, Outcome), Refusal> {
    record::keep_answer(edge, stored, asked, answer)
        .await
        .map_err(|refusal| if refusal.reason == Reason::Internal { Refusal::new(Reason::NotYetKnown) } else { refusal })
}

/// Finds out what became of operations without an answer, by asking the hub, and keeps what it says.
///
/// # Errors
/// When one of them is still not known.
pub async fn find_out(edge: &Edge, request_id: &str, pending: &[StoredOperation]) -> Result<(), Refusal> {
    for stored in pending {
        let operation = convert::read_operation(&stored.operation.bytes).map_err(|fault| {
            tracing::error!(%fault, message = stored.message, "operation {} cannot be read back", stored.message);
            Refusal::new(Reason::NotYetKnown)
        })?;
        // Asking about what is just being sent could void it before it arrives.
        if edge.in_flight.has(&operation.key.as_target().to_text()) {
            return Err(Refusal::new(Reason::NotYetKnown));
        }
        match edge.hub.resolve(&operation.key, stored.operation.home, request_id).await {
            Delivery::Answered(answer) => match kept(edge, stored.clone(), Some(operation), answer).await {
                Ok(_) => {}
                // It was reversed meanwhile: then it is no longer pending.
                Err(refusal) if refusal.reason == Reason::AlreadyReversed => {}
                Err(refusal) => return Err(refusal),
            },
            Delivery::Refused(_) | Delivery::NotYetKnown | Delivery::NotTaken(_) => {
                return Err(Refusal::new(Reason::NotYetKnown));
            }
        }
    }
    Ok(())
}
