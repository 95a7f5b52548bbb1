//! One home region as the hub reaches it: a channel that only the right region can answer, the room there is for it,
//! and how it last behaved. Each call ends with an answer, with the certainty that nothing left, or in silence.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use identity::client::never_sent;
use proto::status::{carried_refusal, to_refusal};
use proto::v1;
use proto::v1::home_region_client::HomeRegionClient;
use settlement::ids::PoolCode;
use settlement::refusal::{Reason, Refusal};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tonic::transport::Channel;
use tonic::{Response, Status};

use super::book::Book;
use crate::answer;
use crate::errand::{Errand, Sending};
use crate::limits::LARGEST_MESSAGE;
use crate::measures;

/// A home region.
pub struct Home {
    pools: BTreeSet<PoolCode>,
    name: String,
    client: HomeRegionClient<Channel>,
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
    /// A home region behind a channel.
    pub fn new(pools: BTreeSet<PoolCode>, channel: Channel, in_flight: usize, book: Book) -> Home {
        let name = pools.iter().map(PoolCode::to_string).collect::<Vec<_>>().join("+");
        let client = HomeRegionClient::new(channel)
            .max_decoding_message_size(LARGEST_MESSAGE)
            .max_encoding_message_size(LARGEST_MESSAGE);
        let places = Semaphore::new(in_flight);
        Home { pools, name, client, places, book, answers: AtomicBool::new(true) }
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
        let (mut client, highest) = (self.client.clone(), self.book.highest());
        let asked = self.ask(errand, errand.sending, pin!(client.operate(errand.envelope()))).await;
        if let Asked::Answered(answer) = &asked {
            self.note_book(errand, answer.book_seq, highest);
        }
        asked
    }

    /// Asks what became of an operation. One that never came there never will.
    pub async fn resolve(&self, errand: &Errand) -> Asked {
        let mut client = self.client.clone();
        // What is asked about may be in the region's book, whatever the question is refused for.
        self.ask(errand, Sending::Again, pin!(client.resolve(errand.question()))).await
    }

    /// Has a question answered that leaves no trace anywhere.
    ///
    /// # Errors
    /// The region's refusal, or region-unavailable where it gives none.
    pub async fn consult<T, F>(
        &self,
        patience: Duration,
        call: impl FnOnce(HomeRegionClient<Channel>) -> F,
    ) -> Result<T, Refusal>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        match self.timed(patience, call(self.client.clone())).await {
            Ok(answered) => Ok(answered.into_inner()),
            Err(status) => Err(to_refusal(&status)),
        }
    }

    async fn ask(
        &self,
        errand: &Errand,
        sending: Sending,
        call: impl Future<Output = Result<Response<v1::Answer>, Status>>,
    ) -> Asked {
        match self.timed(errand.left(), call).await {
            Ok(answered) => Asked::Answered(answered.into_inner()),
            Err(status) => {
                let (home, position) = (&self.name, errand.position.0);
                let (request_id, code) = (&errand.request_id, status.code());
                tracing::warn!(home, position, request_id, ?code, "{home} gave no answer to operation {position}");
                without_answer(&status, sending)
            }
        }
    }

    async fn timed<T>(&self, patience: Duration, call: impl Future<Output = Result<T, Status>>) -> Result<T, Status> {
        let started = Instant::now();
        let timed_out = |_| Err(Status::deadline_exceeded("no answer by the deadline"));
        let ended = tokio::time::timeout(patience, call).await.unwrap_or_else(timed_out);
        let spoke = ended.as_ref().map_or_else(|status| carried_refusal(status).is_some(), |_| true);
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
fn without_answer(status: &Status, sending: Sending) -> Asked {
    if never_sent(status) {
        return Asked::NeverLeft(Reason::RegionUnavailable.into());
    }
    match carried_refusal(status) {
        Some(refusal) if matches!(refusal.reason, Reason::Busy | Reason::RegionUnavailable) => {
            Asked::NeverLeft(refusal)
        }
        Some(refusal) if sending == Sending::First && !refusal.reason.is_transient() => {
            Asked::Answered(answer::refused(refusal))
        }
        Some(_) | None => Asked::Silent,
    }
}
