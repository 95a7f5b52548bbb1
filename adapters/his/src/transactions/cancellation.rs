//! 2208 and 2305: a settlement is cancelled by its id. The counter-entry has an id of its own; its amounts are negative.

use std::sync::Arc;

use ledger::treatment::{KnownPerson, OperationKind, Session, StoredSettlement};
use settlement::ids::{EncounterId, InstitutionCode, PersonNumber, SettlementId};
use settlement::lifecycle::Standing;
use settlement::operation::{Cancel, Request};
use settlement::outcome::{Done, Outcome};
use settlement::refusal::{Reason, Refusal};

use crate::answer::{Output, Reply};
use crate::content::Noted;
use crate::edge::{Call, Shared};
use crate::local::key_of;
use crate::node::{Node, Sheet};
use crate::operation::{self, Asked, Carried, Finished, Kept, Plan, Prepared, Shown, Work};
use crate::setlinfo::{Direction, Telling};
use crate::stop::Stop;
use crate::told_person;

struct CancelRequest {
    person: PersonNumber,
    encounter: EncounterId,
    settlement: SettlementId,
    told: KnownPerson,
}

/// 2208 and 2305.
///
/// # Errors
/// When there is no such settlement, or it does not stand; that the result is not known.
pub async fn cancel(edge: Shared, call: Call) -> Result<Reply, Refusal> {
    let (request, noted) = read(&call)?;
    let key = key_of(&call, &request.person, Some(&request.encounter), None);
    let (call, request) = (Arc::new(call), Arc::new(request));
    let asked = Asked { person: request.person.clone(), key, noted, told: request.told.clone() };
    let own_call = call.clone();
    let prepare = move |session: &Session<'_, '_>, work: &Work<'_>| plan(session, work, &own_call, &request);
    let carried = operation::once(edge, call.clone(), asked, prepare).await?;
    match carried {
        Carried::Out(finished) => tell(&call, *finished),
        Carried::Here(reply) => Ok(reply),
    }
}

fn read(call: &Call) -> Result<(CancelRequest, Noted), Refusal> {
    let sheet = Sheet::on(call.today());
    let data = Node::new(&call.input, &sheet).object("data");
    let person = data.id("psn_no", PersonNumber::new);
    let encounter = data.id("mdtrt_id", EncounterId::new);
    let settlement = data.id("setl_id", SettlementId::new);
    let told = told_person::read(&data);
    let read = (|| Some(CancelRequest { person: person?, encounter: encounter?, settlement: settlement?, told }))();
    sheet.finish(read)
}

fn plan(session: &Session<'_, '_>, work: &Work<'_>, call: &Call, request: &CancelRequest) -> Result<Prepared, Stop> {
    let pending = session.operation_list_pending(&request.encounter)?;
    if !pending.is_empty() {
        return Ok(Prepared::Blocked(pending));
    }
    let stored = find(session, &call.envelope.institution, request)?;
    match &stored.standing {
        Standing::InForce => {}
        Standing::Cancelled { counter } => {
            let detail = format!("撤销记录setl_id={counter}");
            return Err(Refusal::new(Reason::AlreadyCancelled).of_field("setl_id").because(detail).into());
        }
        Standing::Reversed => return Err(Refusal::new(Reason::AlreadyReversed).of_field("setl_id").into()),
    }
    let settled = session.operation_find(stored.settlement.message)?.ok_or(Reason::Internal)?.operation;
    let kept = Kept {
        kind: OperationKind::Cancel,
        settlement: Some(work.own_id.clone()),
        undoes: Some(request.settlement.clone()),
        original: None,
        encounter: stored.settlement.encounter,
        batch: stored.settlement.batch,
        interim: stored.settlement.interim,
        home: settled.home,
        category: settled.category,
    };
    let request = Request::Cancel(Cancel {
        counter: work.own_id.clone(),
        settlement: request.settlement.clone(),
        home: kept.home,
        treatment: call.institution.pool,
    });
    Ok(Prepared::Planned(Box::new(Plan { request, covers: Vec::new(), kept, shown: None })))
}

fn find(
    session: &Session<'_, '_>,
    institution: &InstitutionCode,
    request: &CancelRequest,
) -> Result<StoredSettlement, Stop> {
    let unknown = |field: &'static str| Refusal::new(Reason::UnknownSettlement).of_field(field);
    let found = session.settlement_find(request.settlement.as_str())?;
    let stored = found.filter(|stored| stored.settlement.institution == institution.as_str());
    let stored = stored.ok_or_else(|| unknown("setl_id"))?;
    if stored.settlement.encounter != request.encounter.as_str() {
        return Err(unknown("mdtrt_id").into());
    }
    if stored.settlement.person != request.person.as_str() {
        return Err(unknown("psn_no").into());
    }
    Ok(stored)
}

fn tell(call: &Call, finished: Finished) -> Result<Reply, Refusal> {
    let Finished { message, operation, answer, outcome, shown } = finished;
    let (decided_at, counter, original, balance) = match outcome {
        Outcome::Accepted { decided_at, done: Done::Cancelled { counter, original, account_balance } } => {
            (decided_at, counter, original, account_balance)
        }
        Outcome::Refused(refusal) => return Err(refusal),
        Outcome::Accepted { decided_at: _, done: Done::Settled(_) | Done::Reversed(_) } => {
            return Err(Refusal::new(Reason::NotYetKnown));
        }
    };
    let Shown { encounter, person } = shown.ok_or(Reason::NotYetKnown)?;
    let telling = Telling {
        encounter: &encounter,
        person: &person,
        settled: &original,
        id: Some(&counter),
        at: decided_at,
        message: &message.message,
        category: &operation.category,
        agency: call.institution.pool,
        direction: Direction::Backward,
        balance,
        alternatives: &[],
        fund_sum: call.profile.fund_sum,
    };
    Ok(Reply { output: Output::of(&telling.output()), warning: answer.warning, reference: Some(message.reference) })
}
