//! A call of its own, for whatever is not said in a conversation. Used by the ports of treatment side and hub.

use std::pin::pin;
use std::time::Duration;

use identity::client::never_sent;
use proto::status::NoReply;
use proto::v1;
use tokio::time::timeout;
use tonic::{Code, Request, Response, Status};

use crate::Spoken;

/// A patience of a second or more is told in such steps.
const TOLD_IN: Duration = Duration::from_millis(100);

/// Calls, and ends within the patience, at worst in silence. The other side is told how long we wait, and may stop
/// working on what nobody waits for.
///
/// # Errors
/// A refusal, that nothing was sent, or silence: then nobody knows.
pub async fn call<T, R>(
    patience: Duration,
    request: R,
    send: impl AsyncFnOnce(Request<R>) -> Result<Response<T>, Status>,
) -> Result<T, NoReply> {
    let mut request = Request::new(request);
    request.set_timeout(in_steps(patience));
    // Pinned where it is: a call is large, and the time limit would move it.
    let sent = pin!(send(request));
    match timeout(patience, sent).await {
        Ok(Ok(response)) => Ok(response.into_inner()),
        Ok(Err(status)) => Err(NoReply::of(&status, never_sent(&status))),
        Err(_) => Err(NoReply::Silent(Code::DeadlineExceeded)),
    }
}

impl Spoken {
    /// What was told, as `read` has it; what could not be said is called.
    ///
    /// # Errors
    /// As [`call`].
    pub async fn or_call<T>(
        self,
        patience: Duration,
        read: impl FnOnce(v1::OperateReply) -> Result<T, NoReply>,
        send: impl AsyncFnOnce(Request<v1::OperateRequest>) -> Result<Response<T>, Status>,
    ) -> Result<T, NoReply> {
        match self {
            Spoken::Ended(told) => told.and_then(read),
            Spoken::Unspeakable(request) => call(patience, *request, send).await,
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_side_is_told_a_long_patience_in_steps_and_never_more_than_it_is() {
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
