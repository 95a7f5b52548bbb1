//! Transactions that change nothing but this side's own books: one commit holds the effect and the answer, and a repeat
//! of the key gets the answer again. What is refused is not kept: nothing was sent to anybody, and the key stays free.
//! Operations keep what they refuse for good; see [`crate::operation`].

use jiff::Timestamp;
use ledger::store::StoreError;
use ledger::treatment::{MessageKey, MessagePlace, NewMessage, Session, StoredMessage};
use serde_json::{Map, Value};
use settlement::ids::{BatchNumber, EncounterId, PersonNumber};
use settlement::refusal::{Reason, Refusal};

use crate::answer::{Output, Reply};
use crate::content::Noted;
use crate::edge::{Call, Edge};
use crate::stop::Stop;

/// The attempt at a key that is not judged again.
const FIRST: u32 = 1;

/// The message that works: its number in the store, and when it came.
#[derive(Clone, Copy, Debug)]
pub struct Stamp {
    /// Its number.
    pub message: i64,
    /// When it came.
    pub at: Timestamp,
}

/// What a local transaction did.
pub struct Done {
    /// The nodes of the answer.
    pub output: Map<String, Value>,
    /// `warn_msg`.
    pub warning: Option<String>,
    /// The visit that it is about or that it opened.
    pub encounter: String,
}

/// Where a message stands that comes in.
pub struct Place {
    /// The message of the same key that came before, and said the same.
    pub kept: Option<Box<StoredMessage>>,
    /// The number that the message gets.
    pub number: i64,
}

/// The key of a message about a person.
pub fn key_of(
    call: &Call,
    person: &PersonNumber,
    encounter: Option<&EncounterId>,
    batch: Option<&BatchNumber>,
) -> MessageKey {
    MessageKey {
        institution: call.envelope.institution.clone(),
        message: call.envelope.message.clone(),
        transaction: call.envelope.transaction.clone(),
        subject: person.to_string(),
        encounter: encounter.map(EncounterId::to_string).unwrap_or_default(),
        batch: batch.map(BatchNumber::to_string).unwrap_or_default(),
    }
}

/// Carries out a local transaction once.
///
/// # Errors
/// What the work refuses, and what a repeat of a key may not do.
pub async fn once<F>(edge: &Edge, call: &Call, key: MessageKey, noted: Noted, work: F) -> Result<Reply, Refusal>
where
    F: Fn(&Session<'_, '_>, Stamp) -> Result<Done, Stop> + Send + 'static,
{
    let call = call.clone();
    edge.change(move |session| {
        let Place { kept, number } = place(session, &key, &noted)?;
        if let Some(kept) = kept {
            return reply_of(*kept);
        }
        let stamp = Stamp { message: number, at: call.received };
        let done = work(session, stamp)?;
        keep(session, &call, &key, &noted, FIRST, stamp, done)
    })
    .await
}

/// The answer that a message got when it came before: a repeat is answered without asking anybody or judging anew.
///
/// # Errors
/// What a repeat of a key may not do.
pub async fn repeated(edge: &Edge, key: &MessageKey, noted: &Noted) -> Result<Option<Reply>, Refusal> {
    let (key, noted) = (key.clone(), noted.clone());
    edge.look(move |session| place(session, &key, &noted)?.kept.map(|kept| reply_of(*kept)).transpose()).await
}

/// Keeps a local message with its answer, as an attempt at its key.
///
/// # Errors
/// When the store fails.
pub fn keep(
    session: &Session<'_, '_>,
    call: &Call,
    key: &MessageKey,
    noted: &Noted,
    attempt: u32,
    stamp: Stamp,
    done: Done,
) -> Result<Reply, Stop> {
    let Done { output, warning, encounter } = done;
    let output = Output::of(&output);
    session.message_insert(
        stamp.message,
        &NewMessage {
            key: key.clone(),
            attempt,
            encounter,
            content: noted.to_content(),
            reference: call.reference.clone(),
            received_at: stamp.at,
            answer: Some(output.text().to_owned()),
            warning: warning.clone(),
        },
    )?;
    Ok(Reply { output, warning, reference: Some(call.reference.clone()) })
}

/// Looks a key up.
///
/// # Errors
/// When it came before with other content, was undone or refused for good, or was voided before it came.
pub fn place(session: &Session<'_, '_>, key: &MessageKey, noted: &Noted) -> Result<Place, Stop> {
    let MessagePlace { before, voided, refused, next_number } = session.message_place(key)?;
    match before {
        None if voided => Err(Refusal::new(Reason::Voided).of_field("msgid").into()),
        None => {
            let earlier = if refused { session.refusal_find(key, &noted.to_content().digest)? } else { None };
            earlier.map_or(Ok(Place { kept: None, number: next_number }), |refusal| Err(refusal.into()))
        }
        Some(kept) => match noted.difference(&kept.content) {
            Some(field) => Err(Refusal::new(Reason::ContentDiffers).of_field(field).into()),
            None if kept.reversed => Err(Refusal::new(Reason::AlreadyReversed).of_field("msgid").into()),
            None => Ok(Place { kept: Some(Box::new(kept)), number: next_number }),
        },
    }
}

/// The answer that a local message got.
///
/// # Errors
/// When the row has none, or one that is no JSON: never to be told as an empty one.
pub fn reply_of(kept: StoredMessage) -> Result<Reply, Stop> {
    let unreadable = || StoreError::Corrupt {
        table: "messages",
        id: kept.number.to_string(),
        problem: "a local message without an answer that is JSON".into(),
    };
    let output = kept.answer.and_then(Output::kept).ok_or_else(unreadable)?;
    Ok(Reply { output, warning: kept.warning, reference: Some(kept.reference) })
}

/// The harmless node that an answer gets where the interface has none: an empty output counts as a failure with some
/// clients.
pub fn echo(call: &Call, encounter: Option<&EncounterId>) -> Map<String, Value> {
    let mut data = Map::new();
    data.insert("infno".into(), call.envelope.transaction.as_str().into());
    if let Some(encounter) = encounter {
        data.insert("mdtrt_id".into(), encounter.as_str().into());
    }
    node("data", data)
}

/// An output of one node.
pub fn node(name: &str, object: Map<String, Value>) -> Map<String, Value> {
    let mut output = Map::new();
    output.insert(name.into(), Value::Object(object));
    output
}
