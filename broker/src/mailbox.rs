//! Mailboxes over gRPC: participants open their own, operators see to the dead letters. Which letters there are and in
//! what order they go is for [`ledger::mailbox`] to say.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use futures_util::stream::unfold;
use identity::permit::{MailboxPermit, OperatorPermit};
use ledger::clock::Clock;
use ledger::mailbox::{DeadLetter, Delivery, Ended, Mailbox, Mailboxes, Part, PostedLetter, Replayed};
use ledger::store::StoreError;
use proto::{page, v1};
use settlement::refusal::{Reason, Refusal};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use crate::refusing::{failed, invalid, refuse};

/// How many letters are taken out at once.
const A_HANDFUL: u32 = 64;
/// How often an idle mailbox is looked into: another hub may have posted, or a delivery may be due again.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A list has at most so many rows, however many are asked for.
const LONGEST_LIST: u32 = 1000;
/// A problem has at most so many characters: it is for a person to read, and is kept for good.
const LONGEST_PROBLEM: usize = 500;

/// The hub's mailboxes, and word of what this process posts.
#[derive(Clone)]
pub struct Mailroom {
    mailboxes: Mailboxes,
    posted: Arc<Notify>,
    clock: Clock,
}

impl Mailroom {
    /// The mailboxes of a store.
    pub fn new(mailboxes: Mailboxes, clock: Clock) -> Mailroom {
        Mailroom { mailboxes, posted: Arc::default(), clock }
    }

    /// Says that something was posted just now, so that nobody waits for the next look.
    pub fn note_posted(&self) {
        self.posted.notify_waiters();
    }

    /// The letters.
    pub fn mailboxes(&self) -> &Mailboxes {
        &self.mailboxes
    }

    /// Opens the mailboxes of a participant: letters as they are due, until the hub drains.
    pub fn open(&self, permit: &MailboxPermit, drain: CancellationToken) -> Letters {
        let open =
            Open { room: self.clone(), drain, mailboxes: owned(permit), taken: VecDeque::new(), is_noted: false };
        Box::pin(unfold(open, Open::next))
    }

    /// Notes that a participant has kept a letter. The next one about its subject may go then.
    ///
    /// # Errors
    /// When it is none of the participant's, or the store fails.
    pub async fn acknowledge(&self, permit: &MailboxPermit, number: u64) -> Result<v1::LetterReply, Status> {
        let (by, at) = (permit.peer().fingerprint().to_owned(), self.clock.now());
        let ended = self.mailboxes.letter_acknowledge(names(permit), number.cast_signed(), by, at).await;
        self.note_posted();
        ended_reply(ended)
    }
}

/// The service of participants and of operators.
#[derive(Clone)]
pub struct MailboxService {
    room: Mailroom,
    /// Ends open mailboxes when the hub stops.
    drain: CancellationToken,
}

impl MailboxService {
    /// The service of a hub's mailboxes.
    pub fn new(room: Mailroom, drain: CancellationToken) -> MailboxService {
        MailboxService { room, drain }
    }
}

/// Letters on their way to their owner.
pub type Letters = Pin<Box<dyn Stream<Item = Result<v1::Letter, Status>> + Send>>;

#[tonic::async_trait]
impl v1::mailboxes_server::Mailboxes for MailboxService {
    type OpenStream = Letters;

    async fn open(&self, request: Request<v1::OpenMailboxesRequest>) -> Result<Response<Letters>, Status> {
        let permit = MailboxPermit::from_request(&request)?;
        Ok(Response::new(self.room.open(&permit, self.drain.clone())))
    }

    async fn acknowledge(
        &self,
        request: Request<v1::AcknowledgeLetterRequest>,
    ) -> Result<Response<v1::LetterReply>, Status> {
        let permit = MailboxPermit::from_request(&request)?;
        self.room.acknowledge(&permit, request.get_ref().number).await.map(Response::new)
    }

    async fn reject(&self, request: Request<v1::RejectLetterRequest>) -> Result<Response<v1::LetterReply>, Status> {
        let permit = MailboxPermit::from_request(&request)?;
        let v1::RejectLetterRequest { number, problem } = request.into_inner();
        check_problem(&problem)?;
        let (by, at) = (permit.peer().fingerprint().to_owned(), self.room.clock.now());
        let ended = self.room.mailboxes.letter_reject(names(&permit), number.cast_signed(), problem, by, at).await;
        metrics::counter!("yidi_mailbox_rejected_total").increment(1);
        tracing::warn!(number, "letter {number} was rejected by its owner: see `yidi mailbox dead`");
        self.room.note_posted();
        ended_reply(ended).map(Response::new)
    }
}

#[tonic::async_trait]
impl v1::dead_letters_server::DeadLetters for MailboxService {
    async fn list(
        &self,
        request: Request<v1::ListDeadLettersRequest>,
    ) -> Result<Response<v1::ListDeadLettersReply>, Status> {
        for_all(&OperatorPermit::from_request(&request)?)?;
        let v1::ListDeadLettersRequest { after, limit } = request.into_inner();
        let limit = if limit == 0 { LONGEST_LIST } else { limit.min(LONGEST_LIST) };
        let dead = self
            .room
            .mailboxes
            .letter_dead(after.cast_signed(), limit)
            .await
            .map_err(|fault| refuse(failed(&fault)))?;
        let letters = page::fitting(dead.into_iter().map(write_dead).collect());
        Ok(Response::new(v1::ListDeadLettersReply { letters }))
    }

    async fn replay(&self, request: Request<v1::ReplayLetterRequest>) -> Result<Response<v1::LetterReply>, Status> {
        let permit = OperatorPermit::from_request(&request)?;
        for_all(&permit)?;
        let (by, at) = (permit.peer().fingerprint().to_owned(), self.room.clock.now());
        let replayed = self.room.mailboxes.letter_replay(request.get_ref().number.cast_signed(), by, at).await;
        match replayed.map_err(|fault| refuse(failed(&fault)))? {
            Replayed::Now => {
                self.room.note_posted();
                Ok(Response::new(v1::LetterReply {}))
            }
            Replayed::Alive => Err(refuse(invalid("number", "the letter is not dead"))),
            Replayed::Superseded => {
                Err(refuse(invalid("number", "its subject has moved on: a newer letter was acknowledged")))
            }
            Replayed::Unknown => Err(refuse(invalid("number", "there is no such letter"))),
        }
    }
}

/// Mailboxes that somebody has open.
struct Open {
    room: Mailroom,
    drain: CancellationToken,
    mailboxes: Vec<Mailbox>,
    taken: VecDeque<Delivery>,
    is_noted: bool,
}

impl Open {
    /// The next letter; none when the hub stops. A letter that was taken and never sent is due again by itself.
    async fn next(mut self) -> Option<(Result<v1::Letter, Status>, Open)> {
        let drain = self.drain.clone();
        drain
            .run_until_cancelled(self.wait())
            .await?
            .map_or_else(|fault| Some(Err(fault)), |delivery| Some(Ok(write_delivery(delivery))))
            .map(|letter| (letter, self))
    }

    async fn wait(&mut self) -> Result<Delivery, Status> {
        loop {
            if let Some(delivery) = self.taken.pop_front() {
                return Ok(delivery);
            }
            let room = &self.room;
            if !self.is_noted {
                room.mailboxes.node_note(self.mailboxes.clone()).await.map_err(|fault| refuse(failed(&fault)))?;
                self.is_noted = true;
            }
            let posted = room.posted.notified();
            let names = self.mailboxes.iter().map(Mailbox::to_string).collect();
            let taken = room.mailboxes.letter_take(names, room.clock.now(), A_HANDFUL).await;
            self.taken = taken.map_err(|fault| refuse(failed(&fault)))?.into();
            if self.taken.is_empty() {
                // Either way the mailboxes are looked into again.
                let _ = tokio::time::timeout(LOOK_EVERY, posted).await;
            }
        }
    }
}

/// The mailboxes of a peer's certificate.
fn owned(permit: &MailboxPermit) -> Vec<Mailbox> {
    let home = permit.home_pools().iter().map(|pool| Mailbox { pool: *pool, part: Part::Home });
    let treatment = permit.treatment_pools().iter().map(|pool| Mailbox { pool: *pool, part: Part::Treatment });
    home.chain(treatment).collect()
}

fn names(permit: &MailboxPermit) -> Vec<String> {
    owned(permit).iter().map(Mailbox::to_string).collect()
}

/// A dead letter may be anybody's, so only whoever operates for every region sees them.
fn for_all(permit: &OperatorPermit) -> Result<(), Status> {
    if permit.is_for_all() {
        return Ok(());
    }
    Err(refuse(
        Refusal::new(Reason::NotAuthenticated).because("dead letters take a certificate of yidi://000000/operator"),
    ))
}

fn ended_reply(ended: Result<Ended, StoreError>) -> Result<v1::LetterReply, Status> {
    match ended.map_err(|fault| refuse(failed(&fault)))? {
        Ended::Now | Ended::Before => Ok(v1::LetterReply {}),
        Ended::Unknown => Err(refuse(invalid("number", "there is no such letter in the caller's mailboxes"))),
    }
}

fn write_delivery(delivery: Delivery) -> v1::Letter {
    v1::Letter { deliveries: delivery.deliveries, ..write_letter(delivery.posted) }
}

fn write_dead(dead: DeadLetter) -> v1::DeadLetter {
    // Kept whole, however long it was when it came in; the list shows as much of it as is taken today.
    let problem = dead.problem.chars().take(LONGEST_PROBLEM).collect();
    v1::DeadLetter { letter: Some(write_letter(dead.posted)), problem, since: dead.since }
}

fn write_letter(posted: PostedLetter) -> v1::Letter {
    let PostedLetter { number, mailbox, letter, posted_at } = posted;
    v1::Letter {
        number: number.cast_unsigned(),
        mailbox,
        id: letter.id,
        subject: letter.subject,
        version: letter.version,
        kind: letter.kind,
        body: letter.body,
        posted_at: posted_at.as_microsecond(),
        deliveries: 0,
    }
}

fn check_problem(problem: &str) -> Result<(), Status> {
    if problem.chars().count() <= LONGEST_PROBLEM {
        return Ok(());
    }
    Err(refuse(invalid("problem", format!("has more than {LONGEST_PROBLEM} characters"))))
}
