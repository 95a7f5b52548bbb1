//! The money path of a home region: what waits, at most 256, is decided in the order in which it came and committed
//! at once; only then is anybody answered. No timer: the commit before is the time in which the next batch gathers.
//! What is decided is for [`settlement::decide`] to say, what is stored for [`ledger::home`].

use std::sync::Arc;

use ledger::clock::Clock;
use ledger::home::{Asked, BookEnd, HomeStore, Reply};
use settlement::decide::{Book, Verdict, decide, judge_by, resolve};
use settlement::refusal::{BOOK_BATCHES, BOOK_SEQ, Reason, Refusal};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::in_force::{InForce, RulesInForce};

/// Beyond it a batch costs latency and saves nothing.
const LARGEST_BATCH: usize = 256;

/// Where operations wait. Clones share the queue; the committer ends when the last one is gone.
#[derive(Clone)]
pub struct Committer {
    queue: mpsc::Sender<Waiting>,
}

/// On which terms somebody asks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Terms {
    /// How far the book went when whoever asks last heard of it. A book that ends before was restored from an older
    /// copy, and decides nothing until it is whole again.
    pub known: BookEnd,
    /// Until when anybody waits. What still waits then is not decided: nobody would hear of it, and its sender would
    /// be left in doubt.
    pub until: Option<Instant>,
}

struct Waiting {
    asked: Asked,
    terms: Terms,
    answer: oneshot::Sender<Result<Reply, Refusal>>,
}

impl Committer {
    /// A queue of a length, and the committer's work, to be spawned.
    pub fn new(
        store: HomeStore,
        rules: RulesInForce,
        clock: Clock,
        waiting: usize,
    ) -> (Committer, impl Future<Output = ()> + Send) {
        let (queue, arrivals) = mpsc::channel(waiting.max(1));
        (Committer { queue }, run(Batches { store, rules, clock }, arrivals))
    }

    /// Asks, and returns once the answer is durable.
    ///
    /// # Errors
    /// [`Reason::Busy`] when too many wait, or it waited too long: nothing was kept. [`Reason::RegionUnavailable`] when
    /// less is known of the book here than there, naming `book_seq` or `book_batches` and how far it goes, or no field
    /// where that cannot be read: nothing was kept. [`Reason::NotYetKnown`] when the store failed: asking again by key
    /// tells.
    pub async fn ask(&self, asked: Asked, terms: Terms) -> Result<Reply, Refusal> {
        let (answer, answered) = oneshot::channel();
        self.queue.try_send(Waiting { asked, terms, answer }).map_err(|_| Refusal::new(Reason::Busy))?;
        answered.await.unwrap_or_else(|_| Err(Reason::NotYetKnown.into()))
    }
}

impl Waiting {
    /// Itself, unless its time is over; then it is told so.
    fn in_time(self, now: Instant) -> Option<Waiting> {
        if self.terms.until.is_none_or(|until| now < until) {
            return Some(self);
        }
        metrics::counter!("yidi_region_late_total").increment(1);
        let _ = self.answer.send(Err(Refusal::new(Reason::Busy).because("剩余时间不足")));
        None
    }
}

struct Batches {
    store: HomeStore,
    rules: RulesInForce,
    clock: Clock,
}

async fn run(batches: Batches, mut arrivals: mpsc::Receiver<Waiting>) {
    let mut waiting = Vec::with_capacity(LARGEST_BATCH);
    let mut held = BookEnd::default();
    while arrivals.recv_many(&mut waiting, LARGEST_BATCH).await > 0 {
        gather(&mut arrivals, &mut waiting).await;
        if waiting.iter().any(|waiting| is_behind(held, waiting.terms.known)) {
            // Rare: after a start, after entries were taken back, and in a book that was restored from an older copy.
            held = batches.held(held, &mut waiting).await;
        }
        if waiting.is_empty() {
            continue;
        }
        metrics::histogram!("yidi_region_batch_size")
            .record(f64::from(u32::try_from(waiting.len()).unwrap_or(u32::MAX)));
        let now = Instant::now();
        let (asked, answers): (Vec<_>, Vec<_>) = waiting
            .drain(..)
            .filter_map(|waiting| waiting.in_time(now))
            .map(|waiting| (waiting.asked, waiting.answer))
            .unzip();
        if asked.is_empty() {
            continue;
        }
        for (answer, reply) in answers.into_iter().zip(batches.decide(asked.into()).await) {
            if let Ok(Reply::Answer { seq, outcome: _ }) = &reply {
                held.last = held.last.max(*seq);
            }
            // A caller that has gone away loses its answer, not its operation: the hub asks again by key.
            let _ = answer.send(reply);
        }
    }
}

/// Lets what is ready to arrive arrive: operations that the same packet brought are still being read by tasks of their own
/// when the first of them wakes the committer, and a batch of that one alone would cost a commit.
async fn gather(arrivals: &mut mpsc::Receiver<Waiting>, waiting: &mut Vec<Waiting>) {
    tokio::task::yield_now().await;
    while waiting.len() < LARGEST_BATCH
        && let Ok(another) = arrivals.try_recv()
    {
        waiting.push(another);
    }
}

fn is_behind(held: BookEnd, known: BookEnd) -> bool {
    held.last < known.last || held.batches < known.batches
}

/// What is told where the hub knows of more than the book holds: [`Reason::RegionUnavailable`], naming `book_seq` and how far
/// the book goes, or `book_batches` and its last batch of corrections where it lacks nothing else.
pub(crate) fn behind(held: BookEnd, known: BookEnd) -> Option<Refusal> {
    if !is_behind(held, known) {
        return None;
    }
    let (field, ends) = if held.last < known.last { (BOOK_SEQ, held.last.0) } else { (BOOK_BATCHES, held.batches) };
    Some(Refusal::new(Reason::RegionUnavailable).of_field(field).because(ends.to_string()))
}

/// Refuses whoever knows of more than the book is known to hold; in general words where its end could not be read.
fn refuse_behind(held: BookEnd, unread: Option<&Refusal>, waiting: &mut Vec<Waiting>) {
    for one in waiting.extract_if(.., |waiting| is_behind(held, waiting.terms.known)) {
        let Waiting { asked: _, terms: Terms { known, until: _ }, answer } = one;
        tracing::error!(
            held = held.last.0,
            held_batches = held.batches,
            known = known.last.0,
            known_batches = known.batches,
            "the hub knows of more than the book is known to hold here: nothing is decided"
        );
        // A caller that has gone away asks again.
        if let Some(refusal) = unread.cloned().or_else(|| behind(held, known)) {
            let _ = answer.send(Err(refusal));
        }
    }
}

impl Batches {
    /// How far the book goes, at least; whoever knows of more is refused. Where the end cannot be read, the book may be
    /// an older copy for all that anybody knows.
    async fn held(&self, before: BookEnd, waiting: &mut Vec<Waiting>) -> BookEnd {
        let (held, unread) = match self.store.book_end().await {
            Ok(held) => (held, None),
            Err(fault) => {
                tracing::error!(error = &fault as &dyn std::error::Error, "the end of the book cannot be read");
                let unread = Refusal::new(Reason::RegionUnavailable).because("the end of the book cannot be read");
                (before, Some(unread))
            }
        };
        refuse_behind(held, unread.as_ref(), waiting);
        held
    }

    /// A row that poisons a batch fails alone: then each operation is tried by itself. The same finds out by key
    /// what became of a commit that failed in an unknown way.
    async fn decide(&self, asked: Arc<[Asked]>) -> Vec<Result<Reply, Refusal>> {
        match self.commit(asked.clone()).await {
            Ok(replies) => replies.into_iter().map(Ok).collect(),
            Err(fault) => {
                tracing::warn!(size = asked.len(), error = &fault as &dyn std::error::Error, "a batch failed");
                let mut replies = Vec::with_capacity(asked.len());
                for one in asked.iter() {
                    replies.push(self.decide_alone(one).await);
                }
                replies
            }
        }
    }

    async fn decide_alone(&self, asked: &Asked) -> Result<Reply, Refusal> {
        match self.commit(Arc::from([asked.clone()])).await {
            Ok(mut replies) => replies.pop().ok_or_else(|| Reason::NotYetKnown.into()),
            Err(fault) => {
                let error: &dyn std::error::Error = &fault;
                let message = asked.key().message.as_str();
                tracing::error!(message, error, "message {message} could not be decided");
                Err(Reason::NotYetKnown.into())
            }
        }
    }

    async fn commit(&self, asked: Arc<[Asked]>) -> Result<Vec<Reply>, ledger::store::StoreError> {
        let InForce { books, set } = self.rules.now();
        let decide = move |book: &mut Book, asked: &Asked, at| -> Verdict {
            match asked {
                Asked::Operate(arrival) => {
                    decide(book, &arrival.operation, arrival.filings(), &|question| judge_by(&books, question), at)
                }
                Asked::Resolve(key) => resolve(book, key),
            }
        };
        self.store.batch_decide(asked, self.clock.clone(), set, decide).await
    }
}
