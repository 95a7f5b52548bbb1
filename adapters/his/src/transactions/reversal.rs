//! 2601: undoes whatever a message did, because its answer was lost. Local effects are undone here; settlements and
//! cancellations by hub and home. A message that never arrived gets a tombstone and may never take effect.

use std::sync::Arc;

use ledger::treatment::{
    EncounterStanding, KnownPerson, OperationKind, Session, StoredMessage, StoredOperation, sums_of,
};
use proto::convert;
use settlement::ids::{BatchNumber, EncounterId, MessageId, PersonNumber, TransactionNumber};
use settlement::lifecycle::Standing;
use settlement::money::Money;
use settlement::operation::{OperationKey, Request, ReversalTarget, Reverse};
use settlement::outcome::{Done as DoneOut, Outcome, Undone};
use settlement::refusal::{Reason, Refusal};

use super::{discharge, find as find_transaction, registration, withdrawal};
use crate::answer::{Output, Reply};
use crate::content::Noted;
use crate::edge::{Call, Shared};
use crate::local::{Done, echo, key_of};
use crate::node::{Node, Sheet};
use crate::operation::{self, Asked, Carried, Finished, Kept, Plan, Prepared, Work};
use crate::stop::Stop;
use crate::visit;

/// What may be reversed.
const REVERSIBLE: &[&str] = &["2201", "2204", "2207", "2208", "2301", "2304", "2305", "2401", "2402"];

const NEVER_ARRIVED: &str = "原报文未收到,未产生任何业务;现已作废,迟到的原报文将被拒绝";
const HAD_NO_EFFECT: &str = "原报文未产生有效业务,无需冲正;可按需重新办理";

struct ReverseRequest {
    person: PersonNumber,
    target: ReversalTarget,
}

/// 2601.
///
/// # Errors
/// When the message cannot be reversed, or something done since has to be undone first; that the result is not known.
pub async fn reverse(edge: Shared, call: Call) -> Result<Reply, Refusal> {
    let (request, noted) = read(&call)?;
    let key = key_of(&call, &request.person, None, None);
    let (call, request) = (Arc::new(call), Arc::new(request));
    let asked = Asked { person: request.person.clone(), key, noted, told: KnownPerson::default() };
    let own_call = call.clone();
    let prepare = move |session: &Session<'_, '_>, work: &Work<'_>| plan(session, work, &own_call, &request);
    let carried = operation::once(edge, call.clone(), asked, prepare).await?;
    match carried {
        Carried::Out(finished) => tell(&call, *finished),
        Carried::Here(reply) => Ok(reply),
    }
}

fn read(call: &Call) -> Result<(ReverseRequest, Noted), Refusal> {
    let sheet = Sheet::on(call.today());
    let data = Node::new(&call.input, &sheet).object("data");
    let person = data.id("psn_no", PersonNumber::new);
    let message = data.id("omsgid", MessageId::new);
    let transaction = data.required(&["oinfno"]).and_then(|number| read_number(&data, &number));
    let read = (|| {
        let person = person?;
        let target = ReversalTarget {
            institution: call.envelope.institution.clone(),
            message: message?,
            transaction: transaction?,
            person: person.clone(),
        };
        Some(ReverseRequest { person, target })
    })();
    sheet.finish(read)
}

fn read_number(data: &Node<'_>, number: &str) -> Option<TransactionNumber> {
    let base = number.strip_suffix(['A', 'a']).unwrap_or(number);
    if find_transaction(base).is_none() || !REVERSIBLE.contains(&base) {
        data.sheet().fault(Refusal::new(Reason::NotReversible).of_field(data.path_of("oinfno")).because(number));
        return None;
    }
    TransactionNumber::new(base).ok()
}

fn plan(session: &Session<'_, '_>, work: &Work<'_>, call: &Call, request: &ReverseRequest) -> Result<Prepared, Stop> {
    let target = request.target.to_text();
    let messages = session.message_list_by_target(&target)?;
    if messages.is_empty() {
        ensure_not_mistaken(session, &request.target)?;
        session.tombstone_lay(&target, work.stamp.message, work.stamp.at)?;
        return Ok(done(call, Some(NEVER_ARRIVED)));
    }
    let (mut alive, mut without_effect) = (Vec::new(), Vec::new());
    for message in messages.iter().filter(|message| !message.reversed) {
        let operation = session.operation_find(message.number)?;
        match standing(session, operation.as_ref())? {
            Effect::None => without_effect.push(message.number),
            Effect::Undone(refusal) if messages.len() == 1 => return Err(refusal.into()),
            Effect::Undone(_) => {}
            Effect::Returning(pending) => return Ok(Prepared::Blocked(pending)),
            Effect::Alive => alive.push((message, operation)),
        }
    }
    for number in without_effect {
        // A refused message may be judged again when it is repeated; one that was reversed may not.
        session.message_mark_reversed(number, work.stamp.message, work.stamp.at)?;
    }
    let (message, operation) = match alive.len() {
        0 => {
            // Another message of the same number may be on its way, and this one be meant for it.
            session.tombstone_lay(&target, work.stamp.message, work.stamp.at)?;
            return Ok(done(call, nothing_left(&messages)));
        }
        1 => alive.remove(0),
        _ => return Err(Refusal::new(Reason::AmbiguousOriginal).of_field("data.omsgid").into()),
    };
    match operation {
        Some(operation) => {
            if operation.operation.kind == OperationKind::Cancel {
                ensure_unchanged(session, &operation)?;
            }
            send(call, request, message, &operation)
        }
        None => {
            undo_here(session, work, call, request, message)?;
            session.message_mark_reversed(message.number, work.stamp.message, work.stamp.at)?;
            Ok(done(call, None))
        }
    }
}

/// That no settlement came under the message id for another person or transaction: then the desk means that one, and
/// must not read that nothing ever happened.
fn ensure_not_mistaken(session: &Session<'_, '_>, target: &ReversalTarget) -> Result<(), Stop> {
    let namesakes = session.message_list_namesakes(target.institution.as_str(), &target.message)?;
    let Some((transaction, person)) = namesakes.first() else { return Ok(()) };
    let (field, detail) = if person == target.person.as_str() {
        ("data.oinfno", format!("该msgid的交易是{transaction}"))
    } else {
        ("data.psn_no", "该msgid是另一人员的交易".to_owned())
    };
    Err(Refusal::new(Reason::InvalidField).of_field(field).because(detail).into())
}

/// What a message has in force.
enum Effect {
    /// Nothing, and never had.
    None,
    /// Nothing more: its effect was undone otherwise.
    Undone(Refusal),
    /// Its effect was undone, and these operations on their way may bring it back. Home knows a message by its id alone:
    /// where a client gave an id twice, it would take back whichever stands.
    Returning(Vec<StoredOperation>),
    /// Something, or nobody knows yet.
    Alive,
}

fn standing(session: &Session<'_, '_>, operation: Option<&StoredOperation>) -> Result<Effect, Stop> {
    let Some(stored) = operation else { return Ok(Effect::Alive) };
    let Some(answer) = &stored.answer else { return Ok(Effect::Alive) };
    let outcome = convert::read_outcome(&answer.outcome).map_err(|_| Stop::from(Reason::Internal))?;
    if outcome.refusal().is_some() {
        return Ok(Effect::None);
    }
    match stored.operation.kind {
        OperationKind::Settle => {
            let settlement = session.settlement_find(stored.operation.settlement.as_deref().unwrap_or_default())?;
            match settlement.map(|settlement| settlement.standing) {
                Some(Standing::Cancelled { counter }) => {
                    let returning = reversals_on_their_way(session, &stored.encounter)?;
                    if !returning.is_empty() {
                        return Ok(Effect::Returning(returning));
                    }
                    let detail = format!("撤销记录setl_id={counter}");
                    Ok(Effect::Undone(Refusal::new(Reason::AlreadyCancelled).of_field("data.omsgid").because(detail)))
                }
                Some(Standing::InForce | Standing::Reversed) | None => Ok(Effect::Alive),
            }
        }
        OperationKind::Cancel | OperationKind::Reverse => Ok(Effect::Alive),
    }
}

fn reversals_on_their_way(session: &Session<'_, '_>, encounter: &str) -> Result<Vec<StoredOperation>, Stop> {
    let encounter = EncounterId::new(encounter).map_err(|_| Stop::from(Reason::Internal))?;
    let pending = session.operation_list_pending(&encounter)?;
    Ok(pending.into_iter().filter(|pending| pending.operation.kind == OperationKind::Reverse).collect())
}

/// What a desk is warned of where nothing is left to undo: nothing if the message was reversed before.
fn nothing_left(messages: &[StoredMessage]) -> Option<&'static str> {
    if messages.iter().any(|message| message.reversed) { None } else { Some(HAD_NO_EFFECT) }
}

fn done(call: &Call, warning: Option<&str>) -> Prepared {
    Prepared::Done(Done { output: echo(call, None), warning: warning.map(ToOwned::to_owned), encounter: String::new() })
}

/// That a settlement can count again as it was: its visit stands, and its lines are all there.
fn ensure_unchanged(session: &Session<'_, '_>, cancel: &StoredOperation) -> Result<(), Stop> {
    let undoes = cancel.operation.undoes.as_deref().unwrap_or_default();
    let Some(stored) = session.settlement_find(undoes)? else { return Ok(()) };
    let settlement = stored.settlement;
    let encounter = EncounterId::new(&settlement.encounter).map_err(|_| Stop::from(Reason::Internal))?;
    let batch = BatchNumber::new(&settlement.batch).ok();
    let tallies = session.charge_tallies(&encounter, batch.as_ref())?;
    let total: Money = sums_of(&tallies, &settlement.covers).iter().map(|sum| sum.coverage.total()).sum();
    let cancelled =
        session.encounter_find(&encounter)?.is_none_or(|visit| visit.standing == EncounterStanding::Cancelled);
    if total == settlement.sums.total && !cancelled {
        return Ok(());
    }
    let detail = "撤销结算后费用明细或登记已变动,原结算不能恢复";
    Err(Refusal::new(Reason::UndoFirst).of_field("data.omsgid").because(detail).into())
}

/// The operation that hub and home carry out. It names the message as they know it.
fn send(
    call: &Call,
    request: &ReverseRequest,
    message: &StoredMessage,
    original: &StoredOperation,
) -> Result<Prepared, Stop> {
    let sent = convert::read_operation(&original.operation.bytes).map_err(|_| Stop::from(Reason::Internal))?;
    let OperationKey { message: sent_as, .. } = sent.key;
    let kept = Kept {
        kind: OperationKind::Reverse,
        settlement: None,
        undoes: None,
        original: Some(message.number),
        encounter: original.encounter.clone(),
        batch: original.operation.batch.clone(),
        interim: original.operation.interim,
        home: original.operation.home,
        category: String::new(),
    };
    let request = Request::Reverse(Reverse {
        target: ReversalTarget { message: sent_as, ..request.target.clone() },
        home: kept.home,
        treatment: call.institution.pool,
    });
    Ok(Prepared::Planned(Box::new(Plan { request, covers: Vec::new(), kept, shown: None })))
}

fn undo_here(
    session: &Session<'_, '_>,
    work: &Work<'_>,
    call: &Call,
    request: &ReverseRequest,
    message: &StoredMessage,
) -> Result<(), Stop> {
    let institution = &call.envelope.institution;
    let encounter = EncounterId::new(&message.encounter).map_err(|_| Stop::from(Reason::Internal))?;
    match message.transaction.as_str() {
        "2201" | "2401" => registration::take_back(session, institution, &request.person, &encounter, work.stamp),
        "2402" => discharge::take_back(session, institution, &request.person, &encounter, work.stamp),
        "2204" | "2301" => {
            visit::find_open(session, institution, &request.person, &encounter)?;
            visit::ensure_nothing_pending(session, &encounter)?;
            let lines = session.charge_list_of_message(message.number)?;
            if lines.is_empty() {
                return Ok(());
            }
            let covered = visit::covered(session, &encounter)?;
            withdrawal::withdraw(session, &encounter, &lines, &covered, work.stamp)
        }
        _ => Err(Refusal::new(Reason::NotReversible).of_field("data.oinfno").into()),
    }
}

fn tell(call: &Call, finished: Finished) -> Result<Reply, Refusal> {
    let warning = match &finished.outcome {
        Outcome::Refused(refusal) => return Err(refusal.clone()),
        Outcome::Accepted { decided_at: _, done: DoneOut::Reversed(undone) } => match undone.as_ref() {
            Undone::Settlement { .. } => None,
            Undone::Cancellation { original, .. } => Some(format!("原结算{}恢复有效", original.settlement)),
            Undone::Nothing => Some(HAD_NO_EFFECT.to_owned()),
        },
        Outcome::Accepted { decided_at: _, done: DoneOut::Settled(_) | DoneOut::Cancelled { .. } } => {
            return Err(Refusal::new(Reason::NotYetKnown));
        }
    };
    Ok(Reply { output: Output::of(&echo(call, None)), warning, reference: Some(finished.message.reference) })
}
