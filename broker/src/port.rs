//! The way to a home region: what can be asked there, whatever carries the question. gRPC does in service; the simulator
//! has a network of its own. It repeats nothing and judges nothing. Used by [`crate::directory`].

use std::pin::Pin;
use std::time::Duration;

use identity::client::never_sent;
use proto::status::NoReply;
use proto::v1;
use proto::v1::home_region_client::HomeRegionClient;
use tonic::transport::Channel;
use tonic::{Code, Request, Response, Status};

use crate::limits::LARGEST_MESSAGE;

/// A question on its way, boxed, since whoever asks does not know what carries it.
pub type Call<'a, T> = Pin<Box<dyn Future<Output = Result<T, NoReply>> + Send + 'a>>;

/// What carries questions to one home region. Each call ends within its patience, at worst in silence. Dropping a call
/// takes nothing back that was sent.
pub trait HomePort: Send + Sync {
    /// Has an operation carried out.
    fn operate(&self, request: v1::OperateRequest, patience: Duration) -> Call<'_, v1::Answer>;
    /// Asks what became of a key. One that never came there never will.
    fn resolve(&self, request: v1::ResolveRequest, patience: Duration) -> Call<'_, v1::Answer>;
    /// Has a bill worked out without any effect.
    fn estimate(&self, request: v1::EstimateRequest, patience: Duration) -> Call<'_, v1::EstimateReply>;
    /// Finds a person.
    fn look_up(&self, request: v1::LookUpRequest, patience: Duration) -> Call<'_, v1::LookUpReply>;
    /// Asks for facts about a person.
    fn query(&self, request: v1::QueryRequest, patience: Duration) -> Call<'_, v1::QueryReply>;
}

/// A home region over gRPC.
pub struct GrpcHome {
    client: HomeRegionClient<Channel>,
}

impl GrpcHome {
    /// A home region behind a channel.
    pub fn new(channel: Channel) -> GrpcHome {
        let client = HomeRegionClient::new(channel)
            .max_decoding_message_size(LARGEST_MESSAGE)
            .max_encoding_message_size(LARGEST_MESSAGE);
        GrpcHome { client }
    }
}

impl HomePort for GrpcHome {
    fn operate(&self, request: v1::OperateRequest, patience: Duration) -> Call<'_, v1::Answer> {
        let mut client = self.client.clone();
        Box::pin(in_time(patience, request, async move |request| client.operate(request).await))
    }

    fn resolve(&self, request: v1::ResolveRequest, patience: Duration) -> Call<'_, v1::Answer> {
        let mut client = self.client.clone();
        Box::pin(in_time(patience, request, async move |request| client.resolve(request).await))
    }

    fn estimate(&self, request: v1::EstimateRequest, patience: Duration) -> Call<'_, v1::EstimateReply> {
        let mut client = self.client.clone();
        Box::pin(in_time(patience, request, async move |request| client.estimate(request).await))
    }

    fn look_up(&self, request: v1::LookUpRequest, patience: Duration) -> Call<'_, v1::LookUpReply> {
        let mut client = self.client.clone();
        Box::pin(in_time(patience, request, async move |request| client.look_up(request).await))
    }

    fn query(&self, request: v1::QueryRequest, patience: Duration) -> Call<'_, v1::QueryReply> {
        let mut client = self.client.clone();
        Box::pin(in_time(patience, request, async move |request| client.query(request).await))
    }
}

/// The region is told how long we wait, and may stop working on what nobody waits for.
async fn in_time<T, R>(
    patience: Duration,
    request: R,
    send: impl AsyncFnOnce(Request<R>) -> Result<Response<T>, Status>,
) -> Result<T, NoReply> {
    let mut request = Request::new(request);
    request.set_timeout(patience);
    match tokio::time::timeout(patience, send(request)).await {
        Ok(Ok(response)) => Ok(response.into_inner()),
        Ok(Err(status)) => Err(NoReply::of(&status, never_sent(&status))),
        Err(_) => Err(NoReply::Silent(Code::DeadlineExceeded)),
    }
}
