//! 2206 and 2303: what a settlement would give now. Nothing is changed; the last estimate is kept only so that a
//! settlement that differs can say so.

use ledger::treatment::{EncounterKind, StoredEstimate};
use proto::convert;
use serde_json::json;
use settlement::operation::{Operation, OperationKey, Request};
use settlement::outcome::{Done, Outcome, Settled};
use settlement::refusal::{Reason, Refusal};

use super::settlement_request::{self, Purpose, SettlementRequest};
use crate::answer::{Answer, Reply};
use crate::edge::{Call, Edge, Shared};
use crate::setlinfo::{Direction, Telling};
use crate::{ids, what_if};

/// 2206.
///
/// # Errors
/// See [`estimate`].
pub async fn outpatient(edge: Shared, call: Call) -> Result<Answer, Refusal> {
    let (request, _) = settlement_request::read(&edge, &call, EncounterKind::Visit, Purpose::Estimate)?;
    estimate(edge, call, request).await
}

/// 2303.
///
/// # Errors
/// See [`estimate`].
pub async fn inpatient(edge: Shared, call: Call) -> Result<Answer, Refusal> {
    let (request, _) = settlement_request::read(&edge, &call, EncounterKind::Stay, Purpose::Estimate)?;
    estimate(edge, call, request).await
}

/// Works a bill out, and on other footings where that is asked for: then a refusal has them beside it, since filing may
/// be what it takes.
///
/// # Errors
/// Why it cannot be settled like this, here or at home.
async fn estimate(edge: Shared, call: Call, request: SettlementRequest) -> Result<Answer, Refusal> {
    let id = ids::settlement_id(call.institution.pool, call.received, call.number);
    let id = id.map_err(|_| Refusal::new(Reason::Internal))?;
    let (own, asked) = (edge.clone(), (call.clone(), request.clone()));
    let billed = edge
        .look(move |session| {
            let (call, request) = &asked;
            let settlements = session.settlement_list(&request.encounter)?;
            settlement_request::bill(session, &own, call, request, Purpose::Estimate, settlements, &id)
        })
        .await?;
    let operation = Operation { key: key_of(&call, &request), request: Request::Settle(Box::new(billed.settle)) };
    let operation = convert::write_operation(&operation);
    let (outcome, alternatives) = edge.hub.estimate(operation, &request.what_if, &call.reference).await?;
    let sentence = (!request.what_if.is_empty()).then(|| what_if::sentence(&alternatives));
    let fund_sum = call.profile.fund_sum;
    let (decided_at, settled) = match settled_of(outcome) {
        Ok(settled) => settled,
        Err(refusal) if !alternatives.is_empty() => {
            let beside = Reply::of(&json!({ "exp_content": what_if::bag(None, &alternatives, fund_sum) }));
            return Ok(Answer::Refused(Box::new(refusal), Reply { warning: sentence, ..beside }));
        }
        Err(refusal) => return Err(refusal),
    };
    keep(&edge, &request, &settled).await?;
    let telling = Telling {
        encounter: &billed.encounter,
        person: &billed.person,
        settled: &settled,
        id: None,
        at: decided_at,
        message: &call.envelope.message,
        category: &billed.category,
        agency: call.institution.pool,
        direction: Direction::Forward,
        balance: settled.account_balance,
        fund_sum,
        alternatives: &alternatives,
    };
    Ok(Reply { warning: sentence, ..Reply::of(&telling.output()) }.into())
}

fn key_of(call: &Call, request: &SettlementRequest) -> OperationKey {
    OperationKey {
        institution: call.envelope.institution.clone(),
        message: call.envelope.message.clone(),
        transaction: call.envelope.transaction.clone(),
        person: request.person.clone(),
        encounter: Some(request.encounter.clone()),
        batch: request.batch.clone(),
    }
}

fn settled_of(outcome: Outcome) -> Result<(jiff::Timestamp, Settled), Refusal> {
    match outcome {
        Outcome::Accepted { decided_at, done: Done::Settled(settled) } => Ok((decided_at, *settled)),
        Outcome::Refused(refusal) => Err(refusal),
        Outcome::Accepted { decided_at: _, done: Done::Cancelled { .. } | Done::Reversed(_) } => {
            tracing::error!("an estimate was answered with something else than a settlement");
            Err(Refusal::new(Reason::Internal))
        }
    }
}

async fn keep(edge: &Edge, request: &SettlementRequest, settled: &Settled) -> Result<(), Refusal> {
    let estimate = StoredEstimate { coverage: settled.coverage, cash: settled.payers.cash };
    let encounter = request.encounter.to_string();
    let batch = request.batch.as_ref().map(ToString::to_string).unwrap_or_default();
    edge.change(move |session| Ok(session.estimate_keep(&encounter, &batch, &estimate)?)).await
}
