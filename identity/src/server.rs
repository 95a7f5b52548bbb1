//! The accepting end: a listener that hands over only connections whose peer is a verified participant. It serves
//! nothing itself; the hub's and the regions' processes give it to tonic's `serve_with_incoming_shutdown`.

mod stream;

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::stream::{self as streams, Stream, StreamExt as _};
use tokio::net::{TcpListener, TcpStream, ToSocketAddrs};
use tokio_rustls::TlsAcceptor;
use tonic::transport::Server;

use crate::certificate::CertificateError;
use crate::credentials::Credentials;
use crate::peer::Peer;
pub use stream::MtlsStream;

/// A peer that has not finished its handshake by then is not going to.
const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(10);
/// Handshakes at a time. Each costs about 50 kB; those without a certificate can hold no more than this.
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
    /// Starts listening.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn bind(address: impl ToSocketAddrs, credentials: Arc<Credentials>) -> io::Result<MtlsListener> {
        let tcp = TcpListener::bind(address).await?;
        Ok(MtlsListener { local_addr: tcp.local_addr()?, incoming: Box::pin(verified(tcp, credentials)) })
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

fn verified(tcp: TcpListener, credentials: Arc<Credentials>) -> impl Stream<Item = io::Result<MtlsStream>> {
    streams::unfold(tcp, |tcp| async move { Some((accept(&tcp).await, tcp)) })
        .map(move |(tcp, from)| greet(tcp, from, Arc::clone(&credentials)))
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

#[derive(Debug, thiserror::Error)]
enum GreetError {
    #[error("the handshake took longer than {} s", HANDSHAKE_DEADLINE.as_secs())]
    Deadline,
    #[error("the handshake failed: {0}")]
    Handshake(#[from] io::Error),
    #[error("{0}")]
    Certificate(#[from] CertificateError),
}

/// Shakes hands. The reason for a refusal goes to the log; the peer gets TLS's alert or a closed connection.
async fn greet(tcp: TcpStream, from: SocketAddr, credentials: Arc<Credentials>) -> Option<MtlsStream> {
    let greeting = tokio::time::timeout(HANDSHAKE_DEADLINE, handshake(tcp, &credentials)).await;
    match greeting.unwrap_or(Err(GreetError::Deadline)) {
        Ok(stream) => Some(stream),
        Err(reason) => {
            tracing::info!(%from, %reason, "refused a connection from {from}: {reason}");
            None
        }
    }
}

async fn handshake(tcp: TcpStream, credentials: &Credentials) -> Result<MtlsStream, GreetError> {
    tcp.set_nodelay(true)?;
    let tls = TlsAcceptor::from(credentials.server_config()).accept(tcp).await?;
    let (_, session) = tls.get_ref();
    let certificate = session.peer_certificates().and_then(|chain| chain.first()).ok_or(CertificateError::NoName)?;
    let peer = Peer::from_verified(certificate)?;
    Ok(MtlsStream::new(tls, peer))
}
