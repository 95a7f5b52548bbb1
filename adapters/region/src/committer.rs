//! The money path of a home region: what waits, at most 256, is decided in the order in which it came and committed
//! at once; only then is anybody answered. No timer: the commit before is the time in which the next batch gathers.
//! What is decided is for [`settlement::decide`] to say, what is stored for [`ledger::home`].

use std::sync::Arc;

use ledger::clock::Clock;
use ledger::home::{Asked, HomeStore, Reply};
use settlement::decide::{Book, Verdict, decide, judge_by, resolve};
use settlement::refusal::{Reason, Refusal};
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

struct Waiting {
    asked: Asked,
    /// Until when anybody waits for it.
    until: Option<Instant>,
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

    /// Asks, and returns once the answer is durable. What still waits when its time is over is not decided: nobody
    /// would hear of it, and its sender would be left in doubt.
    ///
    /// # Errors
    /// [`Reason::Busy`] when too many wait, or it waited too long: nothing was kept. [`Reason::NotYetKnown`] when the store failed: asking
    /// again by key tells.
    pub async fn ask(&self, asked: Asked, until: Option<Instant>) -> Result<Reply, Refusal> {
        let (answer, answered) = oneshot::channel();
        self.queue.try_send(Waiting { asked, until, answer }).map_err(|_| Refusal::new(Reason::Busy))?;
        answered.await.unwrap_or_else(|_| Err(Reason::NotYetKnown.into()))
    }
}

impl Waiting {
    /// Itself, unless its time is over; then it is told so.
    fn in_time(self, now: Instant) -> Option<Waiting> {
        if self.until.is_none_or(|until| now < until) {
            return Some(self);
        }
        metrics::counter!("yidi_region_late_total").increment(1);
        let _ = self.answer.send(Err(Refusal::new(Reason::Busy).because("deadline")));
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
    while arrivals.recv_many(&mut waiting, LARGEST_BATCH).await > 0 {
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
            // A caller that has gone away loses its answer, not its operation: the hub asks again by key.
            let _ = answer.send(reply);
        }
    }
}

impl Batches {
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
                    let filing = arrival.filing.as_ref().map(|attached| &attached.filing);
                    decide(book, &arrival.operation, filing, &|question| judge_by(&books, question), at)
                }
                Asked::Resolve(key) => resolve(book, key),
            }
        };
        self.store.batch_decide(asked, self.clock.clone(), set, decide).await
    }
}
