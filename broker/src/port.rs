//! The way to a home region: what can be asked there, whatever carries the question. gRPC does in service; the simulator
//! has a network of its own. It repeats nothing and judges nothing. Used by [`crate::directory`].

use std::pin::Pin;
use std::time::Duration;

use conversation::{Caller, call};
use proto::status::NoReply;
use proto::v1;
use proto::v1::home_region_client::HomeRegionClient;
use proto::v1::operate_reply::Result as Answered;
use proto::v1::region_book_client::RegionBookClient;
use proto::v1::region_corrections_client::RegionCorrectionsClient;
use reconciliation::port::{BookPort, GrpcBook};
use tonic::Code;
use tonic::transport::Channel;

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
    /// Asks whether a filing may be changed.
    fn change_filing(&self, _request: v1::ChangeFilingRequest, _patience: Duration) -> Call<'_, v1::ChangeFilingReply> {
        not_carried()
    }
    /// Asks how far the region's book goes.
    fn book(&self, _request: v1::BookRequest, _patience: Duration) -> Call<'_, v1::BookReply> {
        not_carried()
    }
    /// Gives an answered operation back to a book that was restored from an older copy.
    fn reinstate(&self, _request: v1::ReinstateRequest, _patience: Duration) -> Call<'_, v1::ReinstateReply> {
        not_carried()
    }
    /// Asks which settlements a late change affects.
    fn affected(&self, _request: v1::AffectedRequest, _patience: Duration) -> Call<'_, v1::AffectedReply> {
        not_carried()
    }
    /// Has an approved batch of corrections taken into the region's book, all of it or nothing.
    fn correct(&self, _request: v1::CorrectRequest, _patience: Duration) -> Call<'_, v1::CorrectReply> {
        not_carried()
    }
    /// The region's book, for comparing.
    fn as_book(&self) -> &dyn BookPort {
        &NotCarried
    }
}

/// A book that the network does not carry questions about.
struct NotCarried;

impl BookPort for NotCarried {}

/// What a network says that does not carry a question.
fn not_carried<'a, T>() -> Call<'a, T> {
    Box::pin(async { Err(NoReply::Silent(Code::Unimplemented)) })
}

/// A home region over gRPC: operations in a standing conversation where it speaks one, everything else by calls.
pub struct GrpcHome {
    caller: Caller,
    client: HomeRegionClient<Channel>,
    book: RegionBookClient<Channel>,
    corrections: RegionCorrectionsClient<Channel>,
    digests: GrpcBook,
}

impl GrpcHome {
    /// A home region behind a channel.
    pub fn new(channel: Channel) -> GrpcHome {
        let caller = Caller::new(channel.clone(), LARGEST_MESSAGE);
        let client = HomeRegionClient::new(channel.clone())
            .max_decoding_message_size(LARGEST_MESSAGE)
            .max_encoding_message_size(LARGEST_MESSAGE);
        let book = RegionBookClient::new(channel.clone())
            .max_decoding_message_size(LARGEST_MESSAGE)
            .max_encoding_message_size(LARGEST_MESSAGE);
        let corrections = RegionCorrectionsClient::new(channel.clone())
            .max_decoding_message_size(LARGEST_MESSAGE)
            .max_encoding_message_size(LARGEST_MESSAGE);
        let digests = GrpcBook::new(channel);
        GrpcHome { caller, client, book, corrections, digests }
    }
}

impl HomePort for GrpcHome {
    fn operate(&self, request: v1::OperateRequest, patience: Duration) -> Call<'_, v1::Answer> {
        Box::pin(async move {
            let spoken = self.caller.say(request, patience).await;
            spoken.or_call(patience, answer_of, async |request| self.client.clone().operate(request).await).await
        })
    }

    fn resolve(&self, request: v1::ResolveRequest, patience: Duration) -> Call<'_, v1::Answer> {
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

    fn change_filing(&self, request: v1::ChangeFilingRequest, patience: Duration) -> Call<'_, v1::ChangeFilingReply> {
        let mut client = self.client.clone();
        Box::pin(call(patience, request, async move |request| client.change_filing(request).await))
    }

    fn book(&self, request: v1::BookRequest, patience: Duration) -> Call<'_, v1::BookReply> {
        let mut client = self.book.clone();
        Box::pin(call(patience, request, async move |request| client.book(request).await))
    }

    fn reinstate(&self, request: v1::ReinstateRequest, patience: Duration) -> Call<'_, v1::ReinstateReply> {
        let mut client = self.book.clone();
        Box::pin(call(patience, request, async move |request| client.reinstate(request).await))
    }

    fn affected(&self, request: v1::AffectedRequest, patience: Duration) -> Call<'_, v1::AffectedReply> {
        let mut client = self.book.clone();
        Box::pin(call(patience, request, async move |request| client.affected(request).await))
    }

    fn correct(&self, request: v1::CorrectRequest, patience: Duration) -> Call<'_, v1::CorrectReply> {
        let mut client = self.corrections.clone();
        Box::pin(call(patience, request, async move |request| client.correct(request).await))
    }

    fn as_book(&self) -> &dyn BookPort {
        &self.digests
    }
}

/// A home region knows what became of what it was asked.
fn answer_of(told: v1::OperateReply) -> Result<v1::Answer, NoReply> {
    match told.result {
        Some(Answered::Answer(answer)) => Ok(answer),
        Some(Answered::InDoubt(_)) | None => Err(NoReply::Silent(Code::Internal)),
    }
}
