//! The way to a home region: what can be asked there, whatever carries the question. gRPC does in service; the simulator
//! has a network of its own. It repeats nothing and judges nothing. Used by [`crate::directory`].

use std::pin::{Pin, pin};
use std::time::Duration;

use conversation::{Caller, Spoken};
use identity::client::never_sent;
use proto::status::NoReply;
use proto::v1;
use proto::v1::home_region_client::HomeRegionClient;
use proto::v1::operate_reply::Result as Answered;
use proto::v1::region_book_client::RegionBookClient;
use tonic::transport::Channel;
use tonic::{Code, Request, Response, Status};

use crate::limits::LARGEST_MESSAGE;

/// A patience of a second or more is told in such steps.
const TOLD_IN: Duration = Duration::from_millis(100);

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
}

/// What a network says that does not carry a question.
fn not_carried<'a, T>() -> Call<'a, T> {
    Box::pin(async { Err(NoReply::Silent(Code::Unimplemented)) })
}

/// A home region over gRPC: operations in a standing conversation where it speaks one, everything else by calls.
pub struct GrpcHome {
    caller: Caller,
    client: HomeRegionClient<Channel>,
    book: RegionBookClient<Channel>,
}

impl GrpcHome {
    /// A home region behind a channel.
    pub fn new(channel: Channel) -> GrpcHome {
        let caller = Caller::new(channel.clone(), LARGEST_MESSAGE);
        let client = HomeRegionClient::new(channel.clone())
            .max_decoding_message_size(LARGEST_MESSAGE)
            .max_encoding_message_size(LARGEST_MESSAGE);
        let book = RegionBookClient::new(channel)
            .max_decoding_message_size(LARGEST_MESSAGE)
            .max_encoding_message_size(LARGEST_MESSAGE);
        GrpcHome { caller, client, book }
    }
}

impl HomePort for GrpcHome {
    fn operate(&self, request: v1::OperateRequest, patience: Duration) -> Call<'_, v1::Answer> {
        Box::pin(async move {
            match self.caller.say(request, patience).await {
                Spoken::Ended(told) => told.and_then(answer_of),
                Spoken::Unspeakable(request) => {
                    let mut client = self.client.clone();
                    in_time(patience, *request, async move |request| client.operate(request).await).await
                }
            }
        })
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

    fn book(&self, request: v1::BookRequest, patience: Duration) -> Call<'_, v1::BookReply> {
        let mut client = self.book.clone();
        Box::pin(in_time(patience, request, async move |request| client.book(request).await))
    }

    fn reinstate(&self, request: v1::ReinstateRequest, patience: Duration) -> Call<'_, v1::ReinstateReply> {
        let mut client = self.book.clone();
        Box::pin(in_time(patience, request, async move |request| client.reinstate(request).await))
    }

    fn affected(&self, request: v1::AffectedRequest, patience: Duration) -> Call<'_, v1::AffectedReply> {
        let mut client = self.book.clone();
        Box::pin(in_time(patience, request, async move |request| client.affected(request).await))
    }
}

/// A home region knows what became of what it was asked.
fn answer_of(told: v1::OperateReply) -> Result<v1::Answer, NoReply> {
    match told.result {
        Some(Answered::Answer(answer)) => Ok(answer),
        Some(Answered::InDoubt(_)) | None => Err(NoReply::Silent(Code::Internal)),
    }
}

/// A patience as it is told: where it is long, in steps, so a little less than it is. A header that is as it was before
/// goes over the wire as one byte; one that is new every time pushes what is not out of the connection's table.
fn in_steps(patience: Duration) -> Duration {
    if patience < Duration::from_secs(1) {
        return patience;
    }
    let beyond = patience.as_nanos() % TOLD_IN.as_nanos();
    patience.saturating_sub(Duration::from_nanos(u64::try_from(beyond).unwrap_or_default()))
}

/// The region is told how long we wait, and may stop working on what nobody waits for.
async fn in_time<T, R>(
    patience: Duration,
    request: R,
    send: impl AsyncFnOnce(Request<R>) -> Result<Response<T>, Status>,
) -> Result<T, NoReply> {
    let mut request = Request::new(request);
    request.set_timeout(in_steps(patience));
    // Pinned where it is: a call is large, and the time limit would move it.
    let call = pin!(send(request));
    match tokio::time::timeout(patience, call).await {
        Ok(Ok(response)) => Ok(response.into_inner()),
        Ok(Err(status)) => Err(NoReply::of(&status, never_sent(&status))),
        Err(_) => Err(NoReply::Silent(Code::DeadlineExceeded)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_told_a_long_patience_in_steps_and_never_more_than_it_is() {
        for (patience_micros, told_micros) in [
            (0, 0),
            (7_001, 7_001),
            (999_999, 999_999),
            (1_000_000, 1_000_000),
            (7_998_123, 7_900_000),
            (8_000_000, 8_000_000),
        ] {
            assert_eq!(in_steps(Duration::from_micros(patience_micros)), Duration::from_micros(told_micros));
        }
    }
}
