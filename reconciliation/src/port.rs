//! The way to another node's book: what can be asked of it, whatever carries the question.

use std::pin::Pin;
use std::time::Duration;

use conversation::call;
use proto::status::NoReply;
use proto::v1;
use proto::v1::reconciliation_client::ReconciliationClient;
use tonic::Code;
use tonic::transport::Channel;

/// The largest message, in bytes: a page of parts or facts is far below it.
const LARGEST_MESSAGE: usize = 16 * 1024 * 1024;

/// A question on its way, boxed, since whoever asks does not know what carries it.
pub type Call<'a, T> = Pin<Box<dyn Future<Output = Result<T, NoReply>> + Send + 'a>>;

/// What carries questions about another node's book. A network that does not carry them says so.
pub trait BookPort: Send + Sync {
    /// Asks for the digests of some days.
    fn roots(&self, _request: v1::RootsRequest, _patience: Duration) -> Call<'_, v1::RootsReply> {
        not_carried()
    }
    /// Asks what is inside parts of branches.
    fn inside(&self, _request: v1::InsideRequest, _patience: Duration) -> Call<'_, v1::InsideReply> {
        not_carried()
    }
    /// Asks what stands at places.
    fn facts(&self, _request: v1::FactsRequest, _patience: Duration) -> Call<'_, v1::FactsReply> {
        not_carried()
    }
    /// Asks for a signature under a certificate of agreement.
    fn sign(&self, _request: v1::SignRequest, _patience: Duration) -> Call<'_, v1::DocumentSignature> {
        not_carried()
    }
}

fn not_carried<'a, T>() -> Call<'a, T> {
    Box::pin(async { Err(NoReply::Silent(Code::Unimplemented)) })
}

/// Another node's book over gRPC.
#[derive(Clone)]
pub struct GrpcBook {
    client: ReconciliationClient<Channel>,
}

impl GrpcBook {
    /// A book behind a channel.
    pub fn new(channel: Channel) -> GrpcBook {
        let client = ReconciliationClient::new(channel)
            .max_decoding_message_size(LARGEST_MESSAGE)
            .max_encoding_message_size(LARGEST_MESSAGE);
        GrpcBook { client }
    }
}

impl BookPort for GrpcBook {
    fn roots(&self, request: v1::RootsRequest, patience: Duration) -> Call<'_, v1::RootsReply> {
        let mut client = self.client.clone();
        Box::pin(call(patience, request, async move |request| client.roots(request).await))
    }

    fn inside(&self, request: v1::InsideRequest, patience: Duration) -> Call<'_, v1::InsideReply> {
        let mut client = self.client.clone();
        Box::pin(call(patience, request, async move |request| client.inside(request).await))
    }

    fn facts(&self, request: v1::FactsRequest, patience: Duration) -> Call<'_, v1::FactsReply> {
        let mut client = self.client.clone();
        Box::pin(call(patience, request, async move |request| client.facts(request).await))
    }

    fn sign(&self, request: v1::SignRequest, patience: Duration) -> Call<'_, v1::DocumentSignature> {
        let mut client = self.client.clone();
        Box::pin(call(patience, request, async move |request| client.sign(request).await))
    }
}
