//! The treatment side's line to the hub, and what each way of not getting an answer means. It repeats nothing by itself
//! and decides nothing about money. Called by the flows and by transactions that only ask.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use identity::client::{ConnectError, Expected, channel, never_sent};
use identity::credentials::Credentials;
use ledger::treatment::StoredAnswer;
use proto::v1::hub_client::HubClient;
use proto::v1::{self, operate_reply};
use proto::{convert, status};
use settlement::ids::PoolCode;
use settlement::operation::OperationKey;
use settlement::outcome::Outcome;
use settlement::refusal::{Reason, Refusal};
use tonic::transport::Channel;
use tonic::{Request, Status};

/// An unreachable hub must show well before the deadline of a request.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// A question that only decides about a warning must not keep a desk waiting.
const WARNING_DEADLINE: Duration = Duration::from_millis(1_500);
/// The largest message in either direction: an outpatient batch of some ten thousand lines.
const LARGEST_MESSAGE: usize = 16 * 1024 * 1024;

/// What became of an operation.
#[derive(Clone, Debug)]
pub enum Delivery {
    /// There is an answer; it is final.
    Answered(StoredAnswer),
    /// The hub itself says no, and for good. That is about this call only: it says nothing of an earlier one.
    Refused(Refusal),
    /// It was sent and may have an effect; nobody may guess.
    NotYetKnown,
    /// Nothing was kept anywhere; it may be sent again.
    NotTaken(Refusal),
}

/// The line to the hub. Clones share its connection.
#[derive(Clone)]
pub struct HubLink {
    client: HubClient<Channel>,
    deadline: Duration,
}

impl HubLink {
    /// A line that connects when first used.
    ///
    /// # Errors
    /// When the address is not of the form `host:port`.
    pub fn new(address: &str, credentials: Arc<Credentials>, deadline: Duration) -> Result<HubLink, ConnectError> {
        let connect_timeout = CONNECT_TIMEOUT.min(deadline / 2);
        let channel = channel(address, credentials, Expected::Hub, connect_timeout)?;
        let client = HubClient::new(channel)
            .max_decoding_message_size(LARGEST_MESSAGE)
            .max_encoding_message_size(LARGEST_MESSAGE);
        Ok(HubLink { client, deadline })
    }

    /// Has an operation carried out.
    pub async fn operate(&self, operation: Bytes, request_id: &str) -> Delivery {
        let request = v1::OperateRequest { operation, hub: None, request_id: request_id.into() };
        let mut client = self.client.clone();
        delivery(self.in_time(self.deadline, request, async |request| client.operate(request).await).await)
    }

    /// Asks what became of a key. A key that the hub never saw is voided by asking.
    pub async fn resolve(&self, key: &OperationKey, home: PoolCode, request_id: &str) -> Delivery {
        let key = Some(convert::write_key(key));
        let request = v1::ResolveRequest { key, home: home.to_string(), request_id: request_id.into() };
        let mut client = self.client.clone();
        delivery(self.in_time(self.deadline, request, async |request| client.resolve(request).await).await)
    }

    /// Has a bill worked out without any effect.
    ///
    /// # Errors
    /// Why it cannot be.
    pub async fn estimate(&self, operation: Bytes, request_id: &str) -> Result<Outcome, Refusal> {
        let request = v1::EstimateRequest { operation, hub: None, request_id: request_id.into() };
        let mut client = self.client.clone();
        let reply = self.in_time(self.deadline, request, async |request| client.estimate(request).await).await;
        let reply = reply.map_err(|failure| failure.without_effect())?;
        convert::read_outcome(&reply.outcome).map_err(|fault| {
            tracing::error!(%fault, request_id, "the estimate for {request_id} cannot be read");
            Refusal::new(Reason::Internal)
        })
    }

    /// Finds a person at home.
    ///
    /// # Errors
    /// Why nobody is found.
    pub async fn look_up(&self, request: v1::LookUpRequest) -> Result<v1::LookUpReply, Refusal> {
        let mut client = self.client.clone();
        let reply = self.in_time(self.deadline, request, async |request| client.look_up(request).await).await;
        reply.map_err(|failure| failure.without_effect())
    }

    /// Asks for facts about a person.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn query(&self, request: v1::QueryRequest) -> Result<v1::QueryReply, Refusal> {
        let mut client = self.client.clone();
        let reply = self.in_time(self.deadline, request, async |request| client.query(request).await).await;
        reply.map_err(|failure| failure.without_effect())
    }

    /// Asks for facts that only decide about a warning.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn query_for_warning(&self, request: v1::QueryRequest) -> Result<v1::QueryReply, Refusal> {
        let mut client = self.client.clone();
        let deadline = WARNING_DEADLINE.min(self.deadline);
        let reply = self.in_time(deadline, request, async |request| client.query(request).await).await;
        reply.map_err(|failure| failure.without_effect())
    }

    async fn in_time<T, R>(
        &self,
        deadline: Duration,
        request: R,
        send: impl AsyncFnOnce(Request<R>) -> Result<tonic::Response<T>, Status>,
    ) -> Result<T, Failure> {
        let mut request = Request::new(request);
        request.set_timeout(deadline);
        match tokio::time::timeout(deadline, send(request)).await {
            Ok(Ok(response)) => Ok(response.into_inner()),
            Ok(Err(status)) => Err(Failure::of(&status)),
            Err(_) => Err(Failure::Lost),
        }
    }
}

/// Why there is no reply.
enum Failure {
    /// No connection: nothing left this process.
    NeverSent,
    /// The hub said no.
    Refused(Refusal),
    /// Sent, and then silence.
    Lost,
}

impl Failure {
    fn of(status: &Status) -> Failure {
        if let Some(refusal) = status::carried_refusal(status) {
            Failure::Refused(refusal)
        } else if never_sent(status) {
            Failure::NeverSent
        } else {
            tracing::warn!(code = ?status.code(), "a call to the hub ended without an answer");
            Failure::Lost
        }
    }

    /// What a desk is told where the call has no effect.
    fn without_effect(self) -> Refusal {
        match self {
            Failure::NeverSent | Failure::Lost => Refusal::new(Reason::RegionUnavailable),
            Failure::Refused(refusal) => refusal,
        }
    }
}

fn delivery(reply: Result<v1::OperateReply, Failure>) -> Delivery {
    match reply.map(|reply| reply.result) {
        Ok(Some(operate_reply::Result::Answer(answer))) => {
            Delivery::Answered(StoredAnswer { outcome: answer.outcome, book_seq: answer.book_seq, warning: None })
        }
        Ok(Some(operate_reply::Result::InDoubt(_)) | None) | Err(Failure::Lost) => Delivery::NotYetKnown,
        Err(Failure::NeverSent) => Delivery::NotTaken(Refusal::new(Reason::RegionUnavailable)),
        Err(Failure::Refused(refusal)) => refused(refusal),
    }
}

/// A refusal of the hub itself. Of those that may pass only two say that nothing was kept.
fn refused(refusal: Refusal) -> Delivery {
    if matches!(refusal.reason, Reason::NotYetKnown | Reason::Internal) {
        Delivery::NotYetKnown
    } else if refusal.reason.is_transient() {
        Delivery::NotTaken(refusal)
    } else {
        Delivery::Refused(refusal)
    }
}

/// A refusal of the hub itself as an answer to be kept. No home region decided, so it has no place in a book.
pub fn answer_of(refusal: Refusal) -> StoredAnswer {
    let outcome = convert::write_outcome(&Outcome::Refused(refusal));
    StoredAnswer { outcome, book_seq: 0, warning: None }
}
