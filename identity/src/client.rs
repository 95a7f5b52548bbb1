//! The calling end: a tonic channel that connects when first used, and only to a server that is who we take it for.
//! It makes no call and repeats none. Used by the treatment side towards the hub, and by the hub towards homes.

mod connect;
mod expected;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tonic::Status;
use tonic::transport::{Channel, Endpoint};

use crate::credentials::Credentials;
use crate::server::{CONNECTION_WINDOW, STREAM_WINDOW};
pub use connect::ConnectError;
use connect::Target;
pub use expected::Expected;

/// A server that is gone without a word is noticed by unanswered pings, also between requests, so that the next
/// request finds a fresh connection instead of waiting on a dead one. A region with a gRPC server of its own must
/// permit pings at this pace without calls; Go's and Java's do not by default.
const PING_EVERY: Duration = Duration::from_secs(20);
const PING_DEADLINE: Duration = Duration::from_secs(10);

/// A channel to `address` (`host:port`), whose server must be the one expected. It connects when first used, and
/// again after a connection is lost. Must be called inside a tokio runtime. Keep `connect_timeout` well below the
/// deadline of a request: only then does an unreachable server show as [`never_sent`].
///
/// # Errors
/// When the address is not of the form `host:port`.
pub fn channel(
    address: &str,
    credentials: Arc<Credentials>,
    expected: Expected,
    connect_timeout: Duration,
) -> Result<Channel, ConnectError> {
    let target = Arc::new(Target::new(address, credentials, expected, connect_timeout)?);
    let connector = tower::service_fn(move |_| {
        let target = Arc::clone(&target);
        async move { target.connect().await.map(TokioIo::new) }
    });
    Ok(endpoint(address)?.connect_with_connector_lazy(connector))
}

/// Whether a request that failed with this status surely never left, because no connection could be made. Also true
/// when the server refused our certificate. False in every other case, such as a connection cut while the request
/// was on its way: then the result is in doubt.
pub fn never_sent(status: &Status) -> bool {
    let mut cause = status.source();
    while let Some(error) = cause {
        if error.is::<ConnectError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// The connector does the TLS. tonic is told `http` for the connection, so that it does not try to add its own, and
/// `https` as the origin that requests name.
fn endpoint(address: &str) -> Result<Endpoint, ConnectError> {
    let malformed = || ConnectError::Address { address: address.to_owned() };
    let origin = format!("https://{address}").parse().map_err(|_| malformed())?;
    let endpoint = Endpoint::from_shared(format!("http://{address}")).map_err(|_| malformed())?;
    Ok(endpoint
        .origin(origin)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .http2_keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_DEADLINE)
        .keep_alive_while_idle(true))
}
