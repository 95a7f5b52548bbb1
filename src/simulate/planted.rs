//! Bugs planted on purpose, to see whether the simulator finds them. They stand between the network and a home region's
//! door, so that nothing of them is in what serves. Used by the simulator's own tests.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use identity::permit::HubPermit;
use ledger::home::Asked;
use proto::{convert, v1};
use region::door::Door;
use settlement::decide::{Book, Verdict, decide, judge_by, resolve};
use settlement::ids::PersonNumber;
use settlement::refusal::{Reason, Refusal};
use tokio::sync::oneshot;

/// A bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Planted {
    /// A key that never came is said to be voided, and nothing is laid against its late coming.
    NoTombstone,
    /// What was asked before is looked up by its message's id alone.
    KeyOnMessageAlone,
    /// The answer leaves before its commit.
    AnswerBeforeCommit,
    /// What a person has used of the year is read before the transaction that uses it up.
    YearToDateOutsideTheBatch,
}

impl Planted {
    /// Every bug.
    pub const ALL: [Planted; 4] = [
        Planted::NoTombstone,
        Planted::KeyOnMessageAlone,
        Planted::AnswerBeforeCommit,
        Planted::YearToDateOutsideTheBatch,
    ];

    /// The invariants one of which it breaks first.
    pub fn breaks(self) -> &'static [&'static str] {
        match self {
            Planted::NoTombstone | Planted::AnswerBeforeCommit => &["what was told is what is held"],
            // What is answered with another operation's answer is not believed, and may wait for ever.
            Planted::KeyOnMessageAlone => {
                &["an answer is to what was asked", "what was told is what is held", "everything gets an answer"]
            }
            Planted::YearToDateOutsideTheBatch => &["a replay of any stored decision is identical"],
        }
    }
}

/// A home region with a bug, or without.
#[derive(Clone, Default)]
pub struct Home {
    planted: Option<Planted>,
    /// What was answered, by message id alone. It outlives the process, as a book would.
    by_message: Arc<Mutex<BTreeMap<String, v1::Answer>>>,
}

impl Home {
    /// With this bug.
    pub fn with(planted: Option<Planted>) -> Home {
        Home { planted, by_message: Arc::default() }
    }

    /// Decides an operation.
    ///
    /// # Errors
    /// As the door refuses.
    pub async fn operate(
        &self,
        door: Arc<Door>,
        permit: &HubPermit,
        request: v1::OperateRequest,
    ) -> Result<v1::Answer, Refusal> {
        match self.planted {
            None | Some(Planted::NoTombstone) => door.operate(permit, request).await,
            Some(Planted::KeyOnMessageAlone) => self.by_message_alone(&door, permit, request).await,
            Some(Planted::AnswerBeforeCommit) => answer_before_commit(door, request).await,
            Some(Planted::YearToDateOutsideTheBatch) => year_to_date_outside(&door, request).await,
        }
    }

    /// Says what became of a key.
    ///
    /// # Errors
    /// As the door refuses.
    pub async fn resolve(
        &self,
        door: Arc<Door>,
        permit: &HubPermit,
        asked: v1::ResolveRequest,
    ) -> Result<v1::Answer, Refusal> {
        let key = convert::read_key(&asked.key.clone().unwrap_or_default()).map_err(|_| Reason::Malformed)?;
        match self.planted {
            Some(Planted::NoTombstone) => {
                let mut book = door.store.book_read(Asked::Resolve(key.clone())).await.map_err(|_| Reason::Internal)?;
                match resolve(&mut book, &key) {
                    Verdict::New { decision, .. } => {
                        Ok(v1::Answer { outcome: convert::write_outcome(&decision.outcome), book_seq: 0 })
                    }
                    Verdict::Known { .. } | Verdict::Undecided(_) | Verdict::ContentDiffers { .. } => {
                        door.resolve(permit, asked).await
                    }
                }
            }
            Some(Planted::KeyOnMessageAlone) => match self.known(key.message.as_str()) {
                Some(answer) => Ok(answer),
                None => door.resolve(permit, asked).await,
            },
            None | Some(Planted::AnswerBeforeCommit | Planted::YearToDateOutsideTheBatch) => {
                door.resolve(permit, asked).await
            }
        }
    }

    async fn by_message_alone(
        &self,
        door: &Door,
        permit: &HubPermit,
        request: v1::OperateRequest,
    ) -> Result<v1::Answer, Refusal> {
        let operation = convert::read_operation(&request.operation).map_err(|_| Reason::Malformed)?;
        let message = operation.key.message.to_string();
        if let Some(answer) = self.known(&message) {
            return Ok(answer);
        }
        let answer = door.operate(permit, request).await?;
        self.by_message.lock().unwrap_or_else(PoisonError::into_inner).insert(message, answer.clone());
        Ok(answer)
    }

    fn known(&self, message: &str) -> Option<v1::Answer> {
        self.by_message.lock().unwrap_or_else(PoisonError::into_inner).get(message).cloned()
    }
}

async fn answer_before_commit(door: Arc<Door>, request: v1::OperateRequest) -> Result<v1::Answer, Refusal> {
    let asked = Asked::Operate(Box::new(door.arrival(request.operation, request.hub)?));
    let rules = door.rules.now();
    let books = rules.books.clone();
    let (tell, told) = oneshot::channel();
    let mut tell = Some(tell);
    let answer = move |book: &mut Book, asked: &Asked, at| {
        let verdict = decided(book, asked, &books, at);
        if let (Verdict::New { seq, decision }, Some(tell)) = (&verdict, tell.take()) {
            let answer = v1::Answer { outcome: convert::write_outcome(&decision.outcome), book_seq: seq.0 };
            let _ = tell.send(answer);
        }
        verdict
    };
    let committed = door.store.batch_decide(Arc::from([asked]), door.clock.clone(), rules.set, answer);
    let replies = committed.await;
    match told.await {
        Ok(answer) => Ok(answer),
        Err(_) => reply_of(replies),
    }
}

async fn year_to_date_outside(door: &Door, request: v1::OperateRequest) -> Result<v1::Answer, Refusal> {
    let arrival = door.arrival(request.operation, request.hub)?;
    let person: PersonNumber = arrival.operation.key.person.clone();
    let asked = Asked::Operate(Box::new(arrival));
    let early = door.store.book_read(asked.clone()).await.map_err(|_| Reason::Internal)?;
    let rules = door.rules.now();
    let books = rules.books.clone();
    let on_what_was_read = move |book: &mut Book, asked: &Asked, at| {
        if let (Some(now), Some(then)) = (book.people.get_mut(&person), early.people.get(&person)) {
            now.used = then.used.clone();
        }
        decided(book, asked, &books, at)
    };
    reply_of(door.store.batch_decide(Arc::from([asked]), door.clock.clone(), rules.set, on_what_was_read).await)
}

fn decided(book: &mut Book, asked: &Asked, books: &settlement::rulebook::RuleBooks, at: jiff::Timestamp) -> Verdict {
    match asked {
        Asked::Operate(arrival) => {
            decide(book, &arrival.operation, arrival.filings(), &|question| judge_by(books, question), at)
        }
        Asked::Resolve(key) => resolve(book, key),
    }
}

fn reply_of(replies: Result<Vec<ledger::home::Reply>, ledger::store::StoreError>) -> Result<v1::Answer, Refusal> {
    match replies.ok().and_then(|mut replies| replies.pop()) {
        Some(ledger::home::Reply::Answer { seq, outcome }) => Ok(v1::Answer { outcome, book_seq: seq.0 }),
        Some(ledger::home::Reply::Undecided(fault)) => Err(fault),
        Some(ledger::home::Reply::ContentDiffers { field }) => {
            Err(Refusal::new(Reason::ContentDiffers).of_field(field))
        }
        None => Err(Reason::NotYetKnown.into()),
    }
}
