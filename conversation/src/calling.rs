//! The calling end. Calls are numbered, go out over one stream, and each waits for what is told under its number. It
//! repeats nothing: a call that a broken stream left without an answer is silent.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures_util::stream::poll_fn;
use proto::convert;
use proto::status::NoReply;
use proto::v1;
use proto::v1::conversation_client::ConversationClient;
use proto::v1::operate_reply::Result as Answered;
use proto::v1::told::Said;
use settlement::refusal::{Reason, Refusal};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::transport::Channel;
use tonic::{Code, Streaming};

/// So many calls may wait for room on the wire. The limits of a node lie below it.
const LONGEST_QUEUE: usize = 2_048;
/// A longer operation goes by a call of its own, since on the stream everybody behind it would wait.
const LONGEST_OPERATION: usize = 64 * 1024;
/// A node that does not speak this is asked again whether it does after so long: it may have been renewed.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// The calling end towards one node.
pub struct Caller {
    client: ConversationClient<Channel>,
    standing: Mutex<Standing>,
    opening: tokio::sync::Mutex<()>,
}

/// What saying something came to.
#[derive(Debug)]
pub enum Spoken {
    /// It was said, or could not be.
    Ended(Result<v1::OperateReply, NoReply>),
    /// It cannot be said in a conversation: it is too long, or the other side speaks none. Nothing was sent.
    Unspeakable(Box<v1::OperateRequest>),
}

enum Standing {
    Closed,
    Open(Arc<Open>),
    /// The other side does not speak it.
    Unknown {
        since: Instant,
    },
}

/// A conversation that is open.
struct Open {
    lines: Mutex<Lines>,
    /// Ends the listening when nobody holds the conversation any more.
    _gone: DropGuard,
}

struct Lines {
    /// None once no more is to be said.
    calls: Option<mpsc::Sender<v1::Call>>,
    last: u64,
    waiting: HashMap<u64, oneshot::Sender<Result<v1::OperateReply, NoReply>>>,
}

impl Caller {
    /// The calling end over a channel. A conversation is opened when something is first said.
    pub fn new(channel: Channel, largest_message: usize) -> Caller {
        let client = ConversationClient::new(channel)
            .max_decoding_message_size(largest_message)
            .max_encoding_message_size(largest_message);
        Caller { client, standing: Mutex::new(Standing::Closed), opening: tokio::sync::Mutex::default() }
    }

    /// Says something, and waits for what is told. It ends within the patience, at worst in silence. Whoever stops
    /// waiting takes nothing back.
    pub async fn say(&self, mut request: v1::OperateRequest, patience: Duration) -> Spoken {
        if request.operation.len() > LONGEST_OPERATION {
            return Spoken::Unspeakable(Box::new(request));
        }
        let until = Instant::now() + patience;
        loop {
            let open = match timeout_at(until, self.open()).await {
                Ok(Ok(Some(open))) => open,
                Ok(Ok(None)) => return Spoken::Unspeakable(Box::new(request)),
                Ok(Err(failure)) => return Spoken::Ended(Err(failure)),
                Err(_) => return Spoken::Ended(Err(NoReply::NeverSent)),
            };
            match open.call(request, patience) {
                Called::Out(answer) => return Spoken::Ended(answer.within(until).await),
                Called::Full => {
                    let busy = Refusal::new(Reason::Busy).because("连接待办已满");
                    return Spoken::Ended(Err(NoReply::Refused(busy)));
                }
                // It ended just now, and nothing was said in it.
                Called::Ended(unsaid) => request = *unsaid,
            }
            self.forget(&open);
        }
    }

    /// The open conversation, or a new one; none where the other side speaks none.
    async fn open(&self) -> Result<Option<Arc<Open>>, NoReply> {
        if let Some(known) = self.known() {
            return Ok(known);
        }
        let _turn = self.opening.lock().await;
        if let Some(known) = self.known() {
            return Ok(known);
        }
        let (calls, mut queue) = mpsc::channel(LONGEST_QUEUE);
        let outgoing = poll_fn(move |cx| queue.poll_recv(cx));
        match self.client.clone().converse(outgoing).await {
            Ok(told) => {
                let open = Open::begin(calls, told.into_inner());
                *self.standing() = Standing::Open(open.clone());
                Ok(Some(open))
            }
            Err(status) if status.code() == Code::Unimplemented => {
                *self.standing() = Standing::Unknown { since: Instant::now() };
                Ok(None)
            }
            // Nothing was said yet, whatever kept the conversation from being opened.
            Err(status) => Err(NoReply::of(&status, true)),
        }
    }

    fn known(&self) -> Option<Option<Arc<Open>>> {
        match &*self.standing() {
            Standing::Open(open) => Some(Some(open.clone())),
            Standing::Unknown { since } if since.elapsed() < ASK_AGAIN_AFTER => Some(None),
            Standing::Unknown { since: _ } | Standing::Closed => None,
        }
    }

    fn forget(&self, ended: &Arc<Open>) {
        let mut standing = self.standing();
        if matches!(&*standing, Standing::Open(open) if Arc::ptr_eq(open, ended)) {
            *standing = Standing::Closed;
        }
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Called {
    Out(Waiting),
    Full,
    Ended(Box<v1::OperateRequest>),
}

impl Open {
    fn begin(calls: mpsc::Sender<v1::Call>, told: Streaming<v1::Told>) -> Arc<Open> {
        let over = CancellationToken::new();
        let lines = Mutex::new(Lines { calls: Some(calls), last: 0, waiting: HashMap::new() });
        let open = Arc::new(Open { lines, _gone: over.clone().drop_guard() });
        let heard = listen(Arc::downgrade(&open), told);
        tokio::spawn(async move { over.run_until_cancelled(heard).await });
        open
    }

    fn call(self: &Arc<Self>, request: v1::OperateRequest, patience: Duration) -> Called {
        let mut lines = self.lines();
        let number = lines.last + 1;
        let Some(calls) = &lines.calls else { return Called::Ended(Box::new(request)) };
        let patience_us = u64::try_from(patience.as_micros()).unwrap_or(u64::MAX);
        match calls.try_send(v1::Call { number, request: Some(request), patience_us }) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(_)) => return Called::Full,
            Err(mpsc::error::TrySendError::Closed(call)) => {
                return Called::Ended(Box::new(call.request.unwrap_or_default()));
            }
        }
        let (answer, told) = oneshot::channel();
        lines.last = number;
        lines.waiting.insert(number, answer);
        Called::Out(Waiting { open: Arc::downgrade(self), number, told })
    }

    /// Takes in what was told.
    fn hear(&self, told: v1::Told) {
        let v1::Told { number, said } = told;
        let mut lines = self.lines();
        if number == 0 {
            // Whoever comes next begins another; what is queued still goes out.
            lines.calls = None;
            return;
        }
        // Nobody waits any more for what comes too late.
        if let Some(answer) = lines.waiting.remove(&number) {
            drop(lines);
            let _ = answer.send(read(said));
        }
    }

    /// Everybody who still waits is left in the dark.
    fn break_off(&self, code: Code) {
        let mut lines = self.lines();
        lines.calls = None;
        let waiting = std::mem::take(&mut lines.waiting);
        drop(lines);
        for answer in waiting.into_values() {
            let _ = answer.send(Err(NoReply::Silent(code)));
        }
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        // Every step leaves it right, so a panic elsewhere has not spoilt it.
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hears what is told until the stream ends. The conversation is not held meanwhile: it ends with its callers.
async fn listen(open: Weak<Open>, mut told: Streaming<v1::Told>) {
    let code = loop {
        match told.message().await {
            Ok(Some(told)) => match open.upgrade() {
                Some(open) => open.hear(told),
                None => return,
            },
            Ok(None) => break Code::Unavailable,
            Err(status) => break status.code(),
        }
    };
    if let Some(open) = open.upgrade() {
        open.break_off(code);
    }
}

fn read(said: Option<Said>) -> Result<v1::OperateReply, NoReply> {
    match said {
        Some(Said::Answer(answer)) => Ok(v1::OperateReply { result: Some(Answered::Answer(answer)) }),
        Some(Said::InDoubt(in_doubt)) => Ok(v1::OperateReply { result: Some(Answered::InDoubt(in_doubt)) }),
        Some(Said::Refused(refused)) => {
            Err(convert::read_refused(&refused).map_or(NoReply::Silent(Code::Internal), NoReply::Refused))
        }
        None => Err(NoReply::Silent(Code::Internal)),
    }
}

/// Somebody who waits for what is told under a number.
struct Waiting {
    open: Weak<Open>,
    number: u64,
    told: oneshot::Receiver<Result<v1::OperateReply, NoReply>>,
}

impl Waiting {
    async fn within(mut self, until: Instant) -> Result<v1::OperateReply, NoReply> {
        match timeout_at(until, &mut self.told).await {
            Ok(told) => told.unwrap_or(Err(NoReply::Silent(Code::Unavailable))),
            Err(_) => Err(NoReply::Silent(Code::DeadlineExceeded)),
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if !self.told.is_terminated()
            && let Some(open) = self.open.upgrade()
        {
            open.lines().waiting.remove(&self.number);
        }
    }
}
