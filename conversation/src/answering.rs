//! The answering end. Calls are carried out side by side, each in a task of its own, and told in the order in which they
//! end. It ends in good order: it asks for no more, and answers what was said before.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::Stream;
use proto::convert;
use proto::v1;
use proto::v1::told::Said;
use settlement::refusal::{Reason, Refusal};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::{Status, Streaming};

/// The largest message that is said, in bytes: an operation of 64 KiB with what the hub adds to it. With so many at once, a
/// caller of ill will can make a node hold no more than it has.
pub const LARGEST_CALL: usize = 128 * 1024;
/// So many calls of one conversation are carried out at once, or wait to be told. The node's own limits lie below it and
/// refuse at once, so that only a caller who does not listen is kept waiting here.
const AT_ONCE: usize = 2_048;
/// A conversation is ended in good order after so long, so that its connection can end too, and an expired or revoked
/// certificate is looked at again.
const AGE: Duration = Duration::from_secs(10 * 60);
/// A caller who was asked to begin another conversation does so at once.
const ENDS_WITHIN: Duration = Duration::from_secs(1);

/// What a conversation lives by.
#[derive(Clone)]
pub struct Terms {
    /// Says that the node takes no more.
    pub drain: CancellationToken,
    /// Ends everything at once, as a crash would.
    pub abort: CancellationToken,
    /// What has to end before an orderly stop.
    pub tasks: TaskTracker,
}

/// What is told, as the stream that goes back.
pub struct Replies(mpsc::Receiver<v1::Told>);

impl Stream for Replies {
    type Item = Result<v1::Told, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(cx).map(|told| told.map(Ok))
    }
}

/// Answers every call by a function of what is asked and how long the caller waits, until the conversation ends.
pub fn converse<F, A>(calls: Streaming<v1::Call>, terms: Terms, answer: F) -> Replies
where
    F: Fn(v1::OperateRequest, Option<Duration>) -> A + Send + Sync + 'static,
    A: Future<Output = Result<Said, Refusal>> + Send + 'static,
{
    let (replies, told) = mpsc::channel(AT_ONCE);
    let abort = terms.abort.clone();
    let heard = hear(calls, terms.clone(), replies, Arc::new(answer));
    terms.tasks.spawn(async move { abort.run_until_cancelled(heard).await });
    Replies(told)
}

async fn hear<F, A>(mut calls: Streaming<v1::Call>, terms: Terms, replies: mpsc::Sender<v1::Told>, answer: Arc<F>)
where
    F: Fn(v1::OperateRequest, Option<Duration>) -> A + Send + Sync + 'static,
    A: Future<Output = Result<Said, Refusal>> + Send + 'static,
{
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let mut ending = pin!(tokio::time::timeout(AGE, terms.drain.cancelled()));
    loop {
        tokio::select! {
            // Looked at first, since there may always be another call.
            biased;
            _ = &mut ending => break,
            call = calls.message() => match call {
                Ok(Some(call)) => take_up(call, &room, &replies, &answer, &terms).await,
                Ok(None) | Err(_) => return,
            },
        }
    }
    // Nobody may listen any more; then there is nothing to wait for.
    if replies.send(v1::Told { number: 0, said: None }).await.is_err() {
        return;
    }
    let rest = async {
        while let Ok(Some(call)) = calls.message().await {
            take_up(call, &room, &replies, &answer, &terms).await;
        }
    };
    if tokio::time::timeout(ENDS_WITHIN, rest).await.is_err() {
        tracing::debug!("a caller went on in a conversation that was to end");
    }
}

/// Has a call carried out, when there is room for it.
async fn take_up<F, A>(
    call: v1::Call,
    room: &Arc<Semaphore>,
    replies: &mpsc::Sender<v1::Told>,
    answer: &Arc<F>,
    terms: &Terms,
) where
    F: Fn(v1::OperateRequest, Option<Duration>) -> A + Send + Sync + 'static,
    A: Future<Output = Result<Said, Refusal>> + Send + 'static,
{
    let Ok(place) = room.clone().acquire_owned().await else { return };
    let v1::Call { number, request, patience_us } = call;
    let caller_waits = (patience_us > 0).then(|| Duration::from_micros(patience_us));
    let untold = Untold { number, replies: Some(replies.clone()) };
    let (answer, abort) = (answer.clone(), terms.abort.clone());
    tokio::spawn(async move {
        let said = answer(request.unwrap_or_default(), caller_waits);
        if let Some(said) = abort.run_until_cancelled(said).await {
            untold.tell(said).await;
        }
        drop(place);
    });
}

/// A call that is not answered yet. Whoever was cut off in the middle of it cannot say that nothing happened.
struct Untold {
    number: u64,
    replies: Option<mpsc::Sender<v1::Told>>,
}

impl Untold {
    async fn tell(mut self, said: Result<Said, Refusal>) {
        if let Some(replies) = self.replies.take() {
            let said = said.unwrap_or_else(|refusal| Said::Refused(convert::write_refused(&refusal)));
            // A caller that has gone away asks again by key.
            let _ = replies.send(v1::Told { number: self.number, said: Some(said) }).await;
        }
    }
}

impl Drop for Untold {
    fn drop(&mut self) {
        if let Some(replies) = self.replies.take() {
            let refused = convert::write_refused(&Refusal::new(Reason::NotYetKnown));
            let _ = replies.try_send(v1::Told { number: self.number, said: Some(Said::Refused(refused)) });
        }
    }
}
