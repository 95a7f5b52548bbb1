//! The way to the hub: what can be asked there, whatever carries the question. gRPC does in service; the simulator has a
//! network of its own. It repeats nothing and judges nothing. Used by `hub`.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use conversation::{Caller, call};
use identity::client::{ConnectError, Expected, channel};
use identity::credentials::Credentials;
use proto::status::NoReply;
use proto::v1;
use proto::v1::hub_client::HubClient;
use tonic::transport::Channel;

/// An unreachable hub must show well before the deadline of a request.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// The largest message in either direction: an outpatient batch of some ten thousand lines.
const LARGEST_MESSAGE: usize = 16 * 1024 * 1024;

/// A question on its way, boxed, since whoever asks does not know what carries it.
pub type Call<'a, T> = Pin<Box<dyn Future<Output = Result<T, NoReply>> + Send + 'a>>;

/// What carries questions to the hub. Each call ends within its patience, at worst in silence. Dropping a call takes
/// nothing back that was sent.
pub trait HubPort: Send + Sync {
    /// Has an operation carried out.
    fn operate(&self, request: v1::OperateRequest, patience: Duration) -> Call<'_, v1::OperateReply>;
    /// Asks what became of a key. One that the hub never saw is voided by asking.
    fn resolve(&self, request: v1::ResolveRequest, patience: Duration) -> Call<'_, v1::OperateReply>;
    /// Has a bill worked out without any effect.
    fn estimate(&self, request: v1::EstimateRequest, patience: Duration) -> Call<'_, v1::EstimateReply>;
    /// Finds a person at home.
    fn look_up(&self, request: v1::LookUpRequest, patience: Duration) -> Call<'_, v1::LookUpReply>;
    /// Asks for facts about a person.
    fn query(&self, request: v1::QueryRequest, patience: Duration) -> Call<'_, v1::QueryReply>;
}

/// The hub over gRPC: operations in a standing conversation where it speaks one, everything else by calls.
pub struct GrpcHub {
    caller: Caller,
    client: HubClient<Channel>,
}

impl GrpcHub {
    /// The hub at an address, connected to when first used. Questions there will have this patience.
    ///
    /// # Errors
    /// When the address is not of the form `host:port`.
    pub fn new(address: &str, credentials: Arc<Credentials>, patience: Duration) -> Result<GrpcHub, ConnectError> {
        let connect_timeout = CONNECT_TIMEOUT.min(patience / 2);
        let channel = channel(address, credentials, Expected::Hub, connect_timeout)?;
        let caller = Caller::new(channel.clone(), LARGEST_MESSAGE);
        let client = HubClient::new(channel)
            .max_decoding_message_size(LARGEST_MESSAGE)
            .max_encoding_message_size(LARGEST_MESSAGE);
        Ok(GrpcHub { caller, client })
    }
}

impl HubPort for GrpcHub {
    fn operate(&self, request: v1::OperateRequest, patience: Duration) -> Call<'_, v1::OperateReply> {
        Box::pin(async move {
            let spoken = self.caller.say(request, patience).await;
            spoken.or_call(patience, Ok, async |request| self.client.clone().operate(request).await).await
        })
    }

    fn resolve(&self, request: v1::ResolveRequest, patience: Duration) -> Call<'_, v1::OperateReply> {
        let mut client = self.client.clone();
        Box::pin(call(patience, request, async move |request| client.resolve(request).await))
    }

    fn estimate(&self, request: v1::EstimateRequest, patience: Duration) -> Call<'_, v1::EstimateReply> {
        let mut client = self.client.clone();
        Box::pin(call(patience, request, async move |request| client.estimate(request).await))
    }

    fn look_up(&self, request: v1::LookUpRequest, patience: Duration) -> Call<'_, v1::LookUpReply> {
        let mut client = self.client.clone();
        Box::pin(call(patience, request, async move |request| client.look_up(request).await))
    }

    fn query(&self, request: v1::QueryRequest, patience: Duration) -> Call<'_, v1::QueryReply> {
        let mut client = self.client.clone();
        Box::pin(call(patience, request, async move |request| client.query(request).await))
    }
}
