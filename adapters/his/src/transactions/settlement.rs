//! 2207 and 2304: a visit's batch or a stay is settled. It always computes anew; where the result differs from the last
//! estimate the answer says so.

use std::sync::Arc;

use ledger::treatment::{EncounterKind, OperationKind, VisitOperations};
use settlement::operation::Request;
use settlement::outcome::{Done, Outcome};
use settlement::refusal::{Reason, Refusal};

use super::settlement_request::{self, Purpose, SettlementRequest};
use crate::answer::{Output, Reply};
use crate::content::Noted;
use crate::edge::{Call, Shared};
use crate::local::key_of;
use crate::operation::{self, Asked, Carried, Finished, Kept, Plan, Prepared, Shown};
use crate::setlinfo::{Direction, Telling};
use crate::stop::Stop;

/// 2207.
///
/// # Errors
/// See [`settle`].
pub async fn outpatient(edge: Shared, call: Call) -> Result<Reply, Refusal> {
    let (request, noted) = settlement_request::read(&edge, &call, EncounterKind::Visit, Purpose::Settlement)?;
    settle(edge, call, request, noted).await
}

/// 2304.
///
/// # Errors
/// See [`settle`].
pub async fn inpatient(edge: Shared, call: Call) -> Result<Reply, Refusal> {
    let (request, noted) = settlement_request::read(&edge, &call, EncounterKind::Stay, Purpose::Settlement)?;
    settle(edge, call, request, noted).await
}

/// Settles.
///
/// # Errors
/// Why it cannot be settled, here or at home; that the result is not known.
async fn settle(edge: Shared, call: Call, request: SettlementRequest, noted: Noted) -> Result<Reply, Refusal> {
    let key = key_of(&call, &request.person, Some(&request.encounter), request.batch.as_ref());
    let (call, request) = (Arc::new(call), Arc::new(request));
    let asked = Asked { person: request.person.clone(), key, noted, told: request.told.clone() };
    let (own, own_call) = (edge.clone(), call.clone());
    let prepare = move |session: &ledger::treatment::Session<'_, '_>, work: &operation::Work<'_>| {
        plan(session, work, &own, &own_call, &request)
    };
    let carried = operation::once(edge, call.clone(), asked, prepare).await?;
    match carried {
        Carried::Out(finished) => tell(&call, *finished),
        Carried::Here(reply) => Ok(reply),
    }
}

fn plan(
    session: &ledger::treatment::Session<'_, '_>,
    work: &operation::Work<'_>,
    edge: &Shared,
    call: &Call,
    request: &SettlementRequest,
) -> Result<Prepared, Stop> {
    let batch = request.batch.as_ref().map(ToString::to_string).unwrap_or_default();
    let VisitOperations { mut pending, settlements } = session.operation_list_of_visit(&request.encounter)?;
    pending.retain(|stored| stored.operation.kind != OperationKind::Settle || stored.operation.batch == batch);
    if !pending.is_empty() {
        return Ok(Prepared::Blocked(pending));
    }
    let (purpose, id) = (Purpose::Settlement, work.own_id);
    let billed = settlement_request::bill(session, edge, call, request, purpose, settlements, id)?;
    let kept = Kept {
        kind: OperationKind::Settle,
        settlement: Some(work.own_id.clone()),
        undoes: None,
        original: None,
        encounter: request.encounter.to_string(),
        batch,
        interim: request.interim,
        home: billed.settle.home,
        category: billed.category,
    };
    let request = Request::Settle(Box::new(billed.settle));
    let shown = Some(Shown { encounter: billed.encounter, person: billed.person });
    Ok(Prepared::Planned(Box::new(Plan { request, covers: billed.ranges, kept, shown })))
}

fn tell(call: &Call, finished: Finished) -> Result<Reply, Refusal> {
    let Finished { message, operation, answer, outcome, shown } = finished;
    let (decided_at, settled) = match outcome {
        Outcome::Accepted { decided_at, done: Done::Settled(settled) } => (decided_at, settled),
        Outcome::Refused(refusal) => return Err(refusal),
        Outcome::Accepted { decided_at: _, done: Done::Cancelled { .. } | Done::Reversed(_) } => {
            return Err(Refusal::new(Reason::NotYetKnown));
        }
    };
    let Shown { encounter, person } = shown.ok_or(Reason::NotYetKnown)?;
    let telling = Telling {
        encounter: &encounter,
        person: &person,
        settled: &settled,
        id: Some(&settled.settlement),
        at: decided_at,
        message: &message.message,
        category: &operation.category,
        agency: call.institution.pool,
        direction: Direction::Forward,
        balance: settled.account_balance,
        alternatives: &[],
        fund_sum: call.profile.fund_sum,
    };
    Ok(Reply { output: Output::of(&telling.output()), warning: answer.warning, reference: Some(message.reference) })
}
