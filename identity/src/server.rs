//! The accepting end: a listener that hands over only connections whose peer is a verified participant. It serves
//! nothing itself; the hub's and the regions' processes give it to tonic's `serve_with_incoming_shutdown`.

mod door;
mod stream;

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::stream::{self as streams, Stream, StreamExt as _};
use tokio::net::{TcpListener, TcpStream, ToSocketAddrs};
use tonic::transport::Server;

use crate::credentials::Credentials;
use crate::name::Role;
use door::Door;
pub use stream::MtlsStream;

/// Handshakes at a time: as much as strangers without a certificate can make us hold.
const HANDSHAKES_AT_ONCE: usize = 512;
/// When the system refuses to accept (no file handles left), trying at once would only burn the processor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// A connection is closed politely after this long, so that an expired or revoked certificate is looked at again.
const CONNECTION_AGE: Duration = Duration::from_secs(60 * 60);
/// A peer that is gone without a word is noticed by unanswered pings.
const PING_EVERY: Duration = Duration::from_secs(30);
const PING_DEADLINE: Duration = Duration::from_secs(10);
/// An operation with hundreds of charge lines fits into one stream's window.
pub(crate) const STREAM_WINDOW: u32 = 1024 * 1024;
/// One connection carries a whole region's traffic.
pub(crate) const CONNECTION_WINDOW: u32 = 16 * 1024 * 1024;

/// A tonic server with the connection settings that all our services share.
pub fn builder() -> Server {
    Server::builder()
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .http2_keepalive_interval(Some(PING_EVERY))
        .http2_keepalive_timeout(Some(PING_DEADLINE))
        .max_connection_age(CONNECTION_AGE)
}

/// A listening socket as a stream of verified connections. It never ends and never yields an error: a connection
/// that fails is logged and dropped.
pub struct MtlsListener {
    local_addr: SocketAddr,
    incoming: Pin<Box<dyn Stream<Item = io::Result<MtlsStream>> + Send>>,
}

impl MtlsListener {
    /// Starts listening, for every participant.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn bind(address: impl ToSocketAddrs, credentials: Arc<Credentials>) -> io::Result<MtlsListener> {
        MtlsListener::bind_for(address, credentials, &Role::ALL).await
    }

    /// Starts listening, for participants that have at least one of these roles. The others are turned away before
    /// they can send anything; a handler still asks for its permit.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn bind_for(
        address: impl ToSocketAddrs,
        credentials: Arc<Credentials>,
        roles: &'static [Role],
    ) -> io::Result<MtlsListener> {
        let tcp = TcpListener::bind(address).await?;
        let door = Arc::new(Door { credentials, roles });
        Ok(MtlsListener { local_addr: tcp.local_addr()?, incoming: Box::pin(verified(tcp, door)) })
    }

    /// The address listened on, with the port that the system chose if it was asked to.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }
}

impl Stream for MtlsListener {
    type Item = io::Result<MtlsStream>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.incoming.as_mut().poll_next(cx)
    }
}

fn verified(tcp: TcpListener, door: Arc<Door>) -> impl Stream<Item = io::Result<MtlsStream>> {
    streams::unfold(tcp, |tcp| async move { Some((accept(&tcp).await, tcp)) })
        .map(move |(tcp, from)| {
            let door = Arc::clone(&door);
            async move { door.greet(tcp, from).await }
        })
        .buffer_unordered(HANDSHAKES_AT_ONCE)
        .filter_map(async |greeted| greeted.map(Ok))
}

async fn accept(tcp: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match tcp.accept().await {
            Ok(accepted) => return accepted,
            Err(error) => {
                tracing::warn!(%error, "could not accept a connection, trying again");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}
