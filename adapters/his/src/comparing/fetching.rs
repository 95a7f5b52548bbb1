//! Fetching answers that were lost on their way back (补查结果): what the hub holds as accepted and this side has as sent
//! and unanswered is asked about by the way that a desk's question takes. Only what this side sent itself is asked about;
//! what it knows nothing of stays a break. Called by [`super`], in the run that found it.

use clearing::breaks::{Action, Books, Known, action, judge};
use ledger::treatment::{MessageKey, Session, StoredOperation, Whereabouts};
use proto::convert::read_operation;
use reconciliation::asking::Apart;
use settlement::ids::MessageId;
use settlement::operation::OperationKey;
use settlement::refusal::Refusal;

use crate::edge::Edge;
use crate::operation::find_out;
use crate::stop::Stop;

/// So many lost answers are asked for in one run; the next run goes on.
const FETCHED_AT_ONCE: usize = 256;

/// What fetching came to.
#[derive(Debug, Default)]
pub struct Fetched {
    /// Operations, by key as text, that have their answer now.
    pub operations: Vec<String>,
    /// Whether the books are to be compared again.
    pub again: bool,
}

/// What this side's book knows of an operation.
enum Own {
    Waiting(Box<StoredOperation>),
    Answered,
    Absent,
}

/// Fetches the answers that this side lacks. What cannot be found out now is tried again the next time.
pub async fn fetch(edge: &Edge, apart: &[Apart]) -> Fetched {
    let mut fetched = Fetched::default();
    // What a person has to look at holds up nothing.
    for apart in apart.iter().filter(|apart| is_by_rule(apart)).take(FETCHED_AT_ONCE) {
        if let Err(refusal) = fetch_one(edge, apart, &mut fetched).await {
            let code = refusal.reason.code();
            tracing::warn!(code, "a lost answer could not be fetched from the hub: it is asked for again");
        }
    }
    fetched
}

fn is_by_rule(apart: &Apart) -> bool {
    let judged = judge(Books::TreatmentHub, apart.outer.as_ref(), apart.inner.as_ref());
    judged.is_some_and(|judged| judged.proposed.by_rule())
}

async fn fetch_one(edge: &Edge, apart: &Apart, fetched: &mut Fetched) -> Result<(), Refusal> {
    let Some(judged) = judge(Books::TreatmentHub, apart.outer.as_ref(), apart.inner.as_ref()) else { return Ok(()) };
    let own = own(edge, &apart.operation).await?;
    let known = match &own {
        Own::Waiting(_) => Known::Waiting,
        Own::Answered => Known::Answered,
        Own::Absent => Known::Absent,
    };
    match (action(judged.proposed, known), own) {
        (Action::Ask, Own::Waiting(stored)) => {
            find_out(edge, &format!("compare-{}", stored.message), &[*stored]).await?;
            fetched.operations.push(apart.operation.clone());
            fetched.again = true;
        }
        (Action::CompareAgain, _) => fetched.again = true,
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
    Ok(())
}

async fn own(edge: &Edge, operation: &str) -> Result<Own, Refusal> {
    let operation = operation.to_owned();
    edge.look(move |session| {
        let keys = OperationKey::from_text(&operation).map(message_keys).unwrap_or_default();
        for key in keys {
            if let Some(own) = look_up(session, &key, &operation)? {
                return Ok(own);
            }
        }
        Ok(Own::Absent)
    })
    .await
}

/// An operation that the latest message of a key brought; none where that brought another, or none. One that the hub
/// surely did not take was never sent: there is no answer to it that was lost.
fn look_up(session: &Session<'_, '_>, key: &MessageKey, operation: &str) -> Result<Option<Own>, Stop> {
    let Some(message) = session.message_find(key)? else { return Ok(None) };
    let Some(stored) = session.operation_find(message.number)? else { return Ok(None) };
    if !read_operation(&stored.operation.bytes).is_ok_and(|read| read.key.to_text() == operation) {
        return Ok(None);
    }
    Ok(Some(if stored.answer.is_some() {
        Own::Answered
    } else if session.operation_whereabouts(message.number)? == Whereabouts::OnItsWay {
        Own::Waiting(Box::new(stored))
    } else {
        Own::Absent
    }))
}

/// The keys under which this side may keep the message of an operation: a further attempt at a message has its number at
/// the end of its id.
fn message_keys(key: OperationKey) -> Vec<MessageKey> {
    let OperationKey { institution, message, transaction, person, encounter, batch } = key;
    let first = message.as_str().rsplit_once('#').and_then(|(first, _)| MessageId::new(first).ok());
    let under = |message| MessageKey {
        institution: institution.clone(),
        message,
        transaction: transaction.clone(),
        subject: person.to_string(),
        encounter: encounter.as_ref().map(ToString::to_string).unwrap_or_default(),
        batch: batch.as_ref().map(ToString::to_string).unwrap_or_default(),
    };
    [Some(message), first].into_iter().flatten().map(under).collect()
}
