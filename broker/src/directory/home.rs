//! One home region as the hub reaches it: a port that only the right region can answer, a gate for each kind of
//! traffic, and how it last behaved. Each call ends with an answer, with the certainty that nothing left, or in silence.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use ledger::hub::BatchPlace;
use proto::status::NoReply;
use proto::v1;
use settlement::ids::PoolCode;
use settlement::refusal::{Reason, Refusal};
use tokio::time::Instant;
use tonic::Code;

use super::book::{Book, Fallen};
use crate::answer;
use crate::breaker::{Call, Ending};
use crate::errand::{Errand, Sending};
use crate::gate::{Gate, Pass};
use crate::lie::Lie;
use crate::limits::{Terms, Traffic};
use crate::measures;
use crate::port::HomePort;

/// A home region.
pub struct Home {
    pools: BTreeSet<PoolCode>,
    name: Arc<str>,
    port: Arc<dyn HomePort>,
    operations: Arc<Gate>,
    questions: Arc<Gate>,
    book: Book,
    answers: AtomicBool,
    last_lie: Mutex<Option<LastLie>>,
}

/// When a home region last gave an answer that was none, and in which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastLie {
    /// In which way.
    pub lie: Lie,
    /// When.
    pub at: Timestamp,
}

/// What asking a home region about an operation came to.
#[derive(Debug)]
pub enum Asked {
    /// It answered.
    Answered(v1::Answer),
    /// Nothing was kept there: no connection could be made, or the region said so. The refusal is a passing one.
    NeverLeft(Refusal),
    /// It was not sent this time, because what it is aimed at has no answer yet.
    Withheld,
    /// Nobody knows.
    Silent,
}

impl Home {
    /// A home region behind a port.
    pub fn new(pools: BTreeSet<PoolCode>, port: Arc<dyn HomePort>, terms: Terms, book: Book) -> Home {
        let name: Arc<str> = pools.iter().map(PoolCode::to_string).collect::<Vec<_>>().join("+").into();
        let gate = |traffic, room| Gate::new(name.clone(), traffic, room, terms.breaker.clone());
        let operations = gate(Traffic::Operation, terms.operations);
        let questions = gate(Traffic::Question, terms.questions());
        let (answers, last_lie) = (AtomicBool::new(true), Mutex::default());
        Home { pools, name, port, operations, questions, book, answers, last_lie }
    }

    /// The pools whose enrollees it answers for.
    pub fn pools(&self) -> &BTreeSet<PoolCode> {
        &self.pools
    }

    /// Its pools as one word, for logs and measures.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What its book has shown.
    pub fn book(&self) -> &Book {
        &self.book
    }

    /// The way to it, for what concerns its book as a whole: that is asked while it is not whole, too.
    pub fn port(&self) -> &Arc<dyn HomePort> {
        &self.port
    }

    /// Its gate for one kind of traffic.
    pub fn gate(&self, traffic: Traffic) -> &Arc<Gate> {
        match traffic {
            Traffic::Operation => &self.operations,
            Traffic::Question => &self.questions,
        }
    }

    /// Whether it answered when it was last asked; true before the first time.
    pub fn answers(&self) -> bool {
        self.answers.load(Ordering::Relaxed)
    }

    /// When it last gave an answer that was none.
    pub fn last_lie(&self) -> Option<LastLie> {
        *self.last_lie.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for leave to send an operation.
    ///
    /// # Errors
    /// Region-unavailable, while the region is not to be asked or its book is not whole.
    pub fn pass(&self, call: Call) -> Result<Pass, Refusal> {
        self.book.whole()?;
        self.operations.pass(call)
    }

    /// Sends an operation, if the leave for it still holds and there is time for an answer.
    pub async fn operate(&self, errand: &Errand, pass: Pass) -> Asked {
        if let Err(refusal) = pass.check().and_then(|()| errand.in_time()) {
            return Asked::NeverLeft(refusal);
        }
        let (known, patience) = (self.book.known(), errand.left());
        let call = self.port.operate(errand.envelope(known), patience);
        match self.ask(errand, errand.sending, pass, patience, call).await {
            // A book that fell knows less than was answered from it: what it decides now is not believed.
            Asked::Answered(answer) if self.falls(errand, answer.book_seq, known.book_seq) => Asked::Silent,
            asked @ (Asked::Answered(_) | Asked::NeverLeft(_) | Asked::Withheld | Asked::Silent) => asked,
        }
    }

    /// Asks what became of an operation. One that never came there never will.
    pub async fn resolve(&self, errand: &Errand) -> Asked {
        match self.pass(Call::FollowUp) {
            Ok(pass) => {
                let patience = errand.left();
                let call = self.port.resolve(errand.question(self.book.known()), patience);
                // What is asked about may be in the region's book, whatever the question is refused for.
                self.ask(errand, Sending::Again, pass, patience, call).await
            }
            Err(refusal) => Asked::NeverLeft(refusal),
        }
    }

    /// Has a question answered that leaves no trace anywhere.
    ///
    /// # Errors
    /// The region's refusal, or region-unavailable where it gives none or is not to be asked.
    pub async fn consult<T, F>(
        &self,
        patience: Duration,
        call: impl FnOnce(Arc<dyn HomePort>) -> F,
    ) -> Result<T, Refusal>
    where
        F: Future<Output = Result<T, NoReply>>,
    {
        self.book.whole()?;
        let pass = self.questions.pass(Call::Fresh)?;
        self.timed(pass, patience, call(self.port.clone())).await.map_err(NoReply::into_refusal)
    }

    /// Takes note that the answer to an operation was none. Only to what was never sent before does it count against
    /// the region: one stuck operation that is asked about again and again must not close it for everybody.
    pub fn lied(&self, errand: &Errand, lie: Lie, at: Timestamp) {
        let (home, position, kind) = (&*self.name, errand.position.0, lie.word());
        tracing::error!(home, position, kind, "the answer of {home} to operation {position} is not believed: {kind}");
        self.note_lie(lie, at);
        if lie.is_grave() && errand.sending == Sending::First {
            self.operations.lied();
        }
    }

    /// The same of what it says of a batch of corrections, which is asked about again and again: it closes nothing.
    pub fn lied_of_batch(&self, batch: &str, place: BatchPlace, lie: Lie, at: Timestamp) {
        let (home, kind, BatchPlace { after, number }) = (&*self.name, lie.word(), place);
        tracing::error!(
            home,
            batch,
            number,
            after,
            kind,
            "that {home} took batch {batch} as number {number} is not believed: {kind}"
        );
        self.note_lie(lie, at);
    }

    fn note_lie(&self, lie: Lie, at: Timestamp) {
        measures::lied(&self.name, lie);
        *self.last_lie.lock().unwrap_or_else(PoisonError::into_inner) = Some(LastLie { lie, at });
    }

    async fn ask(
        &self,
        errand: &Errand,
        sending: Sending,
        pass: Pass,
        patience: Duration,
        call: impl Future<Output = Result<v1::Answer, NoReply>>,
    ) -> Asked {
        match self.timed(pass, patience, call).await {
            Ok(answer) => match self.book.leaps(answer.book_seq) {
                None => Asked::Answered(answer),
                Some(lie) => {
                    self.wrong_number(errand, lie, answer.book_seq, self.book.highest());
                    Asked::Silent
                }
            },
            Err(why) => {
                let (home, position, request_id) = (&*self.name, errand.position.0, &errand.request_id);
                tracing::warn!(
                    home,
                    position,
                    request_id,
                    why = why.word(),
                    "{home} gave no answer to operation {position}"
                );
                match self.says_that_its_book_fell(&why) {
                    Some(refusal) => Asked::NeverLeft(refusal),
                    None => without_answer(why, sending),
                }
            }
        }
    }

    async fn timed<T>(
        &self,
        pass: Pass,
        patience: Duration,
        call: impl Future<Output = Result<T, NoReply>>,
    ) -> Result<T, NoReply> {
        let started = Instant::now();
        let ended = call.await;
        let took = started.elapsed();
        let spoke = matches!(&ended, Ok(_) | Err(NoReply::Refused(_)));
        self.answers.store(spoke, Ordering::Relaxed);
        measures::home_asked(&self.name, took, spoke);
        pass.ended(self.ending(ended.as_ref().err(), took, patience));
        ended
    }

    /// What a call says about the region.
    fn ending(&self, failure: Option<&NoReply>, took: Duration, patience: Duration) -> Ending {
        let slow_after = self.operations.slow_after();
        match failure {
            None if took > slow_after => Ending::Slow,
            None => Ending::Good,
            Some(NoReply::Refused(refusal)) if cannot_work(refusal.reason) => Ending::Failed,
            Some(NoReply::Refused(_)) => Ending::Good,
            // Whoever gives a region far less time than it may take has learnt nothing about it.
            Some(NoReply::Silent(Code::DeadlineExceeded | Code::Cancelled)) if patience < slow_after / 2 => {
                Ending::Unsaid
            }
            Some(NoReply::NeverSent | NoReply::Silent(_)) => Ending::Failed,
        }
    }

    /// A region that refuses because its book ends too early has decided nothing.
    pub(crate) fn says_that_its_book_fell(&self, why: &NoReply) -> Option<Refusal> {
        let NoReply::Refused(refusal) = why else { return None };
        let Fallen { from, to } = self.book.refused(refusal)?;
        let home = &*self.name;
        tracing::error!(
            home,
            from,
            to,
            "the book of {home} ends at {to} and had reached {from}, or lacks corrections: restore it"
        );
        measures::book_fell(home);
        self.book.whole().err()
    }

    /// Whether an answer shows that the book fell.
    fn falls(&self, errand: &Errand, book_seq: u64, highest: u64) -> bool {
        // What is sent again may have been answered long ago, under the number that it had then.
        let judged = (errand.sending == Sending::First).then(|| self.book.judge(book_seq, highest)).flatten();
        if let Some(lie) = judged {
            self.wrong_number(errand, lie, book_seq, highest);
        }
        judged.is_some()
    }

    /// Takes note that an answer is kept.
    pub fn kept(&self, errand: &Errand, book_seq: u64) {
        let highest = self.book.highest();
        if let Some(lie) = self.book.keep(book_seq, errand.position) {
            self.wrong_number(errand, lie, book_seq, highest);
        }
    }

    fn wrong_number(&self, errand: &Errand, lie: Lie, book_seq: u64, highest: u64) {
        let (home, position) = (&*self.name, errand.position.0);
        tracing::error!(
            home,
            position,
            book_seq,
            highest,
            "{home} answered under number {book_seq} after {highest}: was its book restored from an older copy?"
        );
        self.lied(errand, lie, errand.received_at);
    }
}

/// Whether a region that refuses so is one that cannot work, rather than one that will not take this or has its hands
/// full.
fn cannot_work(reason: Reason) -> bool {
    matches!(reason, Reason::NotYetKnown | Reason::Internal | Reason::RegionUnavailable)
}

/// A region that refuses in our own words keeps nothing of this call: for good, or for now. For good is an answer only
/// to what surely was never sent before: of anything else the region's book may hold the true answer already. The rest
/// leaves us in the dark, unless no connection could be made.
fn without_answer(why: NoReply, sending: Sending) -> Asked {
    match why {
        NoReply::NeverSent => Asked::NeverLeft(Reason::RegionUnavailable.into()),
        NoReply::Refused(refusal) if matches!(refusal.reason, Reason::Busy | Reason::RegionUnavailable) => {
            Asked::NeverLeft(refusal)
        }
        NoReply::Refused(refusal) if sending == Sending::First && !refusal.reason.is_transient() => {
            Asked::Answered(answer::refused(refusal))
        }
        NoReply::Refused(_) | NoReply::Silent(_) => Asked::Silent,
    }
}
