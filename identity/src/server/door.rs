//! Greeting one connection: the handshake, the names in the peer's certificate, and whether this listener is for any
//! of its roles. Which request it may make is for [`crate::permit`]. Called by [`super::MtlsListener`].

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::MtlsStream;
use crate::certificate::CertificateError;
use crate::credentials::Credentials;
use crate::name::Role;
use crate::peer::Peer;

/// A peer that has not finished its handshake by then is not going to.
const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(10);

pub(super) struct Door {
    pub credentials: Arc<Credentials>,
    pub roles: &'static [Role],
}

#[derive(Debug, thiserror::Error)]
enum GreetError {
    #[error("the handshake took longer than {} s", HANDSHAKE_DEADLINE.as_secs())]
    Deadline,
    #[error("the handshake failed: {0}")]
    Handshake(#[from] io::Error),
    #[error("{0}")]
    Certificate(#[from] CertificateError),
    #[error("the certificate has no role that is served here")]
    Role,
}

impl Door {
    /// Shakes hands. The reason for a refusal goes to the log; the peer gets TLS's alert or a closed connection.
    pub async fn greet(&self, tcp: TcpStream, from: SocketAddr) -> Option<MtlsStream> {
        let greeting = tokio::time::timeout(HANDSHAKE_DEADLINE, self.handshake(tcp)).await;
        match greeting.unwrap_or(Err(GreetError::Deadline)) {
            Ok(stream) => Some(stream),
            Err(reason) => {
                tracing::info!(%from, %reason, "refused a connection from {from}: {reason}");
                None
            }
        }
    }

    async fn handshake(&self, tcp: TcpStream) -> Result<MtlsStream, GreetError> {
        tcp.set_nodelay(true)?;
        let tls = TlsAcceptor::from(self.credentials.server_config()).accept(tcp).await?;
        let (_, session) = tls.get_ref();
        let certificate = session.peer_certificates().and_then(|chain| chain.first());
        let peer = Peer::from_verified(certificate.ok_or(CertificateError::NoName)?)?;
        if self.roles.iter().all(|role| peer.pools(*role).is_empty()) {
            return Err(GreetError::Role);
        }
        Ok(MtlsStream::new(tls, peer))
    }
}
