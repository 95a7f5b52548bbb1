//! Operations: two commits on this side. First the outgoing bytes, then they are sent, then the answer; only then is the
//! desk told. A repeat re-sends the stored bytes, never a recalculation. What is refused here for good is kept too, so
//! that a double that comes late does not do what the desk saw refused. Called by settle, cancel and reverse.

mod record;
mod sending;

pub use record::clearing_class;
pub use sending::find_out;

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use ledger::treatment::{
    ChargeRange, KnownPerson, MessageKey, NewMessage, NewOperation, OperationKind, Session, StoredAnswer,
    StoredEncounter, StoredMessage, StoredOperation, Whereabouts,
};
use proto::convert;
use settlement::ids::{EncounterId, MessageId, PersonNumber, PoolCode, SettlementId};
use settlement::operation::{Operation, OperationKey, Request};
use settlement::outcome::Outcome;
use settlement::refusal::{Reason, Refusal};

use crate::answer::Reply;
use crate::config::Refused;
use crate::content::Noted;
use crate::edge::{Call, Edge, Shared};
use crate::local::{self, Done, Place, Stamp, place, reply_of};
use crate::stop::Stop;
use crate::told_person;

/// At most this many times is a preparation tried again after something pending of the visit was found out.
const MOST_TRIES: usize = 3;

/// What an operation wants to do, as its preparation in the store found it.
pub struct Plan {
    /// What to ask for.
    pub request: Request,
    /// The lines that a settlement covers.
    pub covers: Vec<ChargeRange>,
    /// What is kept of it beside the bytes.
    pub kept: Kept,
    /// What its answer shows, where preparing has read it.
    pub shown: Option<Shown>,
}

/// What is kept of an operation beside its bytes.
pub struct Kept {
    /// What it asks for.
    pub kind: OperationKind,
    /// The id that it makes.
    pub settlement: Option<SettlementId>,
    /// The settlement that it cancels.
    pub undoes: Option<SettlementId>,
    /// The message that it reverses.
    pub original: Option<i64>,
    /// The visit.
    pub encounter: String,
    /// The batch.
    pub batch: String,
    /// 中途结算.
    pub interim: bool,
    /// Who decides.
    pub home: PoolCode,
    /// `med_type`.
    pub category: String,
}

/// A message as it asks for an operation.
pub struct Asked {
    /// For whom.
    pub person: PersonNumber,
    /// Its key.
    pub key: MessageKey,
    /// What it said.
    pub noted: Noted,
    /// What it says of the person; shown in the answer only.
    pub told: KnownPerson,
}

/// What an answer shows beside the outcome. Read in the first commit, so that telling needs no further look.
pub struct Shown {
    /// The visit.
    pub encounter: StoredEncounter,
    /// The person.
    pub person: KnownPerson,
}

/// What a preparation may use: an id for what it makes, and the stamp of its message.
pub struct Work<'a> {
    /// An id of its own.
    pub own_id: &'a SettlementId,
    /// Its message.
    pub stamp: Stamp,
}

/// What preparing found.
pub enum Prepared {
    /// It can be sent.
    Planned(Box<Plan>),
    /// It is done; nobody else has to know.
    Done(Done),
    /// Other operations of the visit have no answer yet; they come first.
    Blocked(Vec<StoredOperation>),
}

/// An operation with its answer, and the message that brought it.
pub struct Finished {
    /// The message.
    pub message: StoredMessage,
    /// The operation.
    pub operation: NewOperation,
    /// Its answer, with the warning that goes with it.
    pub answer: StoredAnswer,
    /// The answer, read.
    pub outcome: Outcome,
    /// What is shown beside it; none for a reversal.
    pub shown: Option<Shown>,
}

struct Sending {
    message: StoredMessage,
    stored: StoredOperation,
    /// The operation, read; none where it was only read back as bytes.
    asked: Option<Operation>,
    shown: Option<Shown>,
    round: Round,
}

/// Which sending of the same bytes this is. What keeps a later one from arriving says nothing about the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Round {
    /// Nothing was sent before.
    First,
    /// They were kept before, and may have been sent.
    Again,
}

/// How a message was carried out.
pub enum Carried {
    /// By hub and home.
    Out(Box<Finished>),
    /// On this side alone.
    Here(Reply),
}

enum Step {
    Send(Box<Sending>),
    Here(Reply),
    Blocked(Vec<StoredOperation>),
}

/// Carries an operation out once.
///
/// # Errors
/// What preparing refuses; what a repeat may not do; that the result is not known, or that nothing was taken.
pub async fn once<F>(edge: Shared, call: Arc<Call>, asked: Asked, prepare: F) -> Result<Carried, Refusal>
where
    F: Fn(&Session<'_, '_>, &Work<'_>) -> Result<Prepared, Stop> + Clone + Send + 'static,
{
    // Shared, since they go into work that may run again.
    let (inner, asked) = (edge.clone(), Arc::new(asked));
    // Boxed, since it is large and every layer above would move it.
    edge.to_its_end(Box::pin(async move {
        let _mark = inner.in_flight.mark(asked.key.target());
        for _ in 0..MOST_TRIES {
            let found = match step(&inner, &call, &asked, prepare.clone()).await {
                Ok(found) => found,
                Err(refusal) if refusal.reason.is_transient() => {
                    return Err(unless_sent(&inner, &asked.key, refusal).await);
                }
                Err(refusal) => return Err(refuse_for_good(&inner, &call, &asked, refusal).await),
            };
            match found {
                Step::Send(sending) => {
                    return sending::finish(&inner, &call, *sending).await.map(Box::new).map(Carried::Out);
                }
                Step::Here(reply) => return Ok(Carried::Here(reply)),
                Step::Blocked(pending) => find_out(&inner, &call.reference, &pending).await?,
            }
        }
        Err(Refusal::new(Reason::NotYetKnown))
    }))
    .await
}

/// Keeps a refusal before the desk is told. Where another arrival of the message was taken meanwhile, that one's result
/// counts, and is not known here.
async fn refuse_for_good(edge: &Edge, call: &Call, asked: &Arc<Asked>, refusal: Refusal) -> Refusal {
    if call.profile.refused == Refused::JudgeAgain {
        return refusal;
    }
    let (asked, at, kept) = (asked.clone(), call.received, refusal.clone());
    let told = edge.change(move |session| {
        let place = session.message_place(&asked.key)?;
        if place.before.is_some_and(|before| asked.noted.difference(&before.content).is_none() && !before.reversed) {
            return Err(Reason::NotYetKnown.into());
        }
        let digest = asked.noted.to_content().digest;
        session.refusal_insert(&asked.key, &digest, &kept, at)?;
        Ok(session.refusal_find(&asked.key, &digest)?.unwrap_or_else(|| kept.clone()))
    });
    told.await.unwrap_or_else(|not_kept| not_kept)
}

/// What a desk is told when the first commit fails. A fault of the store says that nothing happened only where nothing
/// is kept under the key: what is kept may have been sent.
async fn unless_sent(edge: &Edge, key: &MessageKey, refusal: Refusal) -> Refusal {
    if refusal.reason != Reason::Internal {
        return refusal;
    }
    let key = key.clone();
    match edge.look(move |session| Ok(session.message_find(&key)?.is_none())).await {
        Ok(true) => refusal,
        Ok(false) | Err(_) => Refusal::new(Reason::NotYetKnown),
    }
}

/// The first commit: the message and the bytes to be sent, or what is known of the key already.
async fn step<F>(edge: &Edge, call: &Arc<Call>, asked: &Arc<Asked>, prepare: F) -> Result<Step, Refusal>
where
    F: Fn(&Session<'_, '_>, &Work<'_>) -> Result<Prepared, Stop> + Send + 'static,
{
    let (call, asked) = (call.clone(), asked.clone());
    let own_id = crate::ids::settlement_id(call.institution.pool, call.received, call.number);
    let own_id = own_id.map_err(|_| Refusal::new(Reason::Internal))?;
    edge.change(move |session| {
        let mut attempt = 1;
        let Place { kept, number } = place(session, &asked.key, &asked.noted)?;
        if let Some(message) = kept {
            let Some(stored) = session.operation_find(message.number)? else {
                return Ok(Step::Here(reply_of(*message)?));
            };
            if !judged_again(&call, &stored) {
                let round = round_of(session, &stored, call.received)?;
                return send_again(session, &asked, *message, stored, round);
            }
            attempt = message.attempt + 1;
        }
        let stamp = Stamp { message: number, at: call.received };
        match prepare(session, &Work { own_id: &own_id, stamp })? {
            Prepared::Blocked(pending) => Ok(Step::Blocked(pending)),
            Prepared::Done(done) => {
                Ok(Step::Here(local::keep(session, &call, &asked.key, &asked.noted, attempt, stamp, done)?))
            }
            Prepared::Planned(plan) => keep(session, &call, &asked, attempt, stamp, *plan),
        }
    })
    .await
}

/// Whether a repeat goes out as if for the first time: so it does where the hub surely did not take what went before.
fn round_of(session: &Session<'_, '_>, stored: &StoredOperation, now: Timestamp) -> Result<Round, Stop> {
    if stored.answer.is_some() || session.operation_whereabouts(stored.message)? == Whereabouts::OnItsWay {
        return Ok(Round::Again);
    }
    session.operation_note_whereabouts(stored.message, Whereabouts::OnItsWay, now)?;
    Ok(Round::First)
}

fn send_again(
    session: &Session<'_, '_>,
    asked: &Asked,
    message: StoredMessage,
    stored: StoredOperation,
    round: Round,
) -> Result<Step, Stop> {
    let shown = shown(session, asked, stored.operation.kind, &stored.encounter, message.number)?;
    Ok(Step::Send(Box::new(Sending { message, stored, asked: None, shown, round })))
}

fn shown(
    session: &Session<'_, '_>,
    asked: &Asked,
    kind: OperationKind,
    encounter: &str,
    message: i64,
) -> Result<Option<Shown>, Stop> {
    match kind {
        OperationKind::Reverse => Ok(None),
        OperationKind::Settle | OperationKind::Cancel => {
            let id = EncounterId::new(encounter).map_err(|_| Stop::from(Reason::Internal))?;
            let found = session.encounter_find_with_person(&id, Some(message))?;
            let (encounter, known) = found.ok_or_else(|| Stop::from(Reason::Internal))?;
            Ok(Some(Shown { encounter, person: told_person::of_known(known, &asked.person, &asked.told) }))
        }
    }
}

/// Whether a refused message of this institution is judged again when it is repeated.
fn judged_again(call: &Call, stored: &StoredOperation) -> bool {
    call.profile.refused == Refused::JudgeAgain
        && stored.answer.as_ref().is_some_and(|answer| {
            convert::read_outcome(&answer.outcome).is_ok_and(|outcome| outcome.refusal().is_some())
        })
}

fn keep(
    session: &Session<'_, '_>,
    call: &Call,
    asked: &Asked,
    attempt: u32,
    stamp: Stamp,
    plan: Plan,
) -> Result<Step, Stop> {
    let Plan { request, covers, kept, shown: read } = plan;
    let operation = Operation { key: operation_key(call, &asked.person, &asked.key, attempt)?, request };
    let bytes = convert::write_operation(&operation);
    let message = NewMessage {
        key: asked.key.clone(),
        attempt,
        encounter: kept.encounter.clone(),
        content: asked.noted.to_content(),
        reference: call.reference.clone(),
        received_at: stamp.at,
        answer: None,
        warning: None,
    };
    let shown = match read {
        Some(shown) => Some(shown),
        None => shown(session, asked, kept.kind, &kept.encounter, stamp.message)?,
    };
    let encounter = kept.encounter.clone();
    let new = new_operation(kept, covers, bytes);
    session.operation_insert(stamp.message, &message, &new)?;
    let stored = StoredOperation {
        message: stamp.message,
        institution: call.envelope.institution.to_string(),
        person: asked.person.to_string(),
        encounter,
        operation: new,
        answer: None,
    };
    let message = message.stored_as(stamp.message);
    Ok(Step::Send(Box::new(Sending { message, stored, asked: Some(operation), shown, round: Round::First })))
}

fn new_operation(kept: Kept, covers: Vec<ChargeRange>, bytes: Bytes) -> NewOperation {
    NewOperation {
        kind: kept.kind,
        settlement: kept.settlement.map(|id| id.to_string()),
        undoes: kept.undoes.map(|id| id.to_string()),
        original: kept.original,
        batch: kept.batch,
        interim: kept.interim,
        home: kept.home,
        category: kept.category,
        covers,
        bytes,
    }
}

/// The key as hub and home see it. A further attempt at a refused key is another operation to them.
fn operation_key(call: &Call, person: &PersonNumber, key: &MessageKey, attempt: u32) -> Result<OperationKey, Stop> {
    let malformed = |field: &'static str| Refusal::new(Reason::InvalidField).of_field(field);
    let message = match attempt {
        1 => key.message.clone(),
        _ => MessageId::new(&format!("{}#{attempt}", key.message)).map_err(|_| malformed("msgid"))?,
    };
    let optional = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Ok(OperationKey {
        institution: call.envelope.institution.clone(),
        message,
        transaction: key.transaction.clone(),
        person: person.clone(),
        encounter: optional(&key.encounter)
            .map(|id| EncounterId::new(&id))
            .transpose()
            .map_err(|_| malformed("mdtrt_id"))?,
        batch: optional(&key.batch)
            .map(|id| settlement::ids::BatchNumber::new(&id))
            .transpose()
            .map_err(|_| malformed("chrg_bchno"))?,
    })
}
