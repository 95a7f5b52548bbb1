//! One home region as the hub reaches it: a channel that only the right region can answer, the room there is for it,
//! and how it last behaved. Each call ends with an answer, with the certainty that nothing left, or in silence.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use proto::status::NoReply;
use proto::v1;
use settlement::ids::PoolCode;
use settlement::refusal::{Reason, Refusal};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::book::Book;
use crate::answer;
use crate::errand::{Errand, Sending};
use crate::measures;
use crate::port::HomePort;

/// A home region.
pub struct Home {
    pools: BTreeSet<PoolCode>,
    name: String,
    port: Arc<dyn HomePort>,
    places: Semaphore,
    book: Book,
    answers: AtomicBool,
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
    pub fn new(pools: BTreeSet<PoolCode>, port: Arc<dyn HomePort>, in_flight: usize, book: Book) -> Home {
        let name = pools.iter().map(PoolCode::to_string).collect::<Vec<_>>().join("+");
        let places = Semaphore::new(in_flight);
        Home { pools, name, port, places, book, answers: AtomicBool::new(true) }
    }

    /// The pools whose enrollees it answers for.
    pub fn pools(&self) -> &BTreeSet<PoolCode> {
        &self.pools
    }

    /// Its pools as one word, for logs and measures.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The room there is for it.
    pub fn places(&self) -> &Semaphore {
        &self.places
    }

    /// Whether it answered when it was last asked; true before the first time.
    pub fn answers(&self) -> bool {
        self.answers.load(Ordering::Relaxed)
    }

    /// Sends an operation.
    pub async fn operate(&self, errand: &Errand) -> Asked {
        let highest = self.book.highest();
        let asked = self.ask(errand, errand.sending, self.port.operate(errand.envelope(), errand.left())).await;
        if let Asked::Answered(answer) = &asked {
            self.note_book(errand, answer.book_seq, highest);
        }
        asked
    }

    /// Asks what became of an operation. One that never came there never will.
    pub async fn resolve(&self, errand: &Errand) -> Asked {
        // What is asked about may be in the region's book, whatever the question is refused for.
        self.ask(errand, Sending::Again, self.port.resolve(errand.question(), errand.left())).await
    }

    /// Has a question answered that leaves no trace anywhere.
    ///
    /// # Errors
    /// The region's refusal, or region-unavailable where it gives none.
    pub async fn consult<T, F>(&self, call: impl FnOnce(Arc<dyn HomePort>) -> F) -> Result<T, Refusal>
    where
        F: Future<Output = Result<T, NoReply>>,
    {
        self.timed(call(self.port.clone())).await.map_err(NoReply::into_refusal)
    }

    async fn ask(
        &self,
        errand: &Errand,
        sending: Sending,
        call: impl Future<Output = Result<v1::Answer, NoReply>>,
    ) -> Asked {
        match self.timed(call).await {
            Ok(answer) => Asked::Answered(answer),
            Err(why) => {
                let (home, position, request_id) = (&self.name, errand.position.0, &errand.request_id);
                tracing::warn!(home, position, request_id, ?why, "{home} gave no answer to operation {position}");
                without_answer(why, sending)
            }
        }
    }

    async fn timed<T>(&self, call: impl Future<Output = Result<T, NoReply>>) -> Result<T, NoReply> {
        let started = Instant::now();
        let ended = call.await;
        let spoke = matches!(&ended, Ok(_) | Err(NoReply::Refused(_)));
        self.answers.store(spoke, Ordering::Relaxed);
        measures::home_asked(&self.name, started.elapsed(), spoke);
        ended
    }

    fn note_book(&self, errand: &Errand, book_seq: u64, highest: u64) {
        let falls = book_seq > 0 && self.book.falls(book_seq, highest);
        // What is sent again may have been answered long ago, under the number that it had then.
        if falls && errand.sending == Sending::First {
            let (home, position) = (&self.name, errand.position.0);
            tracing::error!(
                home,
                position,
                book_seq,
                highest,
                "the book of {home} fell from {highest} to {book_seq}: was it restored from an older copy?"
            );
            measures::book_fell(home);
        }
    }
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
