//! Making one connection: TCP, TLS, the server's name, and the server's consent. Whatever fails here, no request has
//! left. Called by the channel of [`super::channel`].

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::io::AsyncBufReadExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::Uri;

use super::Expected;
use crate::certificate::CertificateError;
use crate::credentials::Credentials;
use crate::peer::Peer;

/// Why a connection could not be made. No request has left.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address is not one.
    #[error("{address} is not of the form host:port")]
    Address {
        /// As given.
        address: String,
    },
    /// Nobody listens there, or the network does not lead there.
    #[error("could not reach {address}")]
    Unreachable {
        /// Where to.
        address: String,
        /// Why.
        source: io::Error,
    },
    /// It took too long.
    #[error("could not connect to {address} within {} ms", within.as_millis())]
    Deadline {
        /// Where to.
        address: String,
        /// The time given.
        within: Duration,
    },
    /// The handshake failed: mostly a certificate of another authority, an expired or a revoked one.
    #[error("could not make a TLS connection to {address}")]
    Handshake {
        /// Where to.
        address: String,
        /// Why.
        source: io::Error,
    },
    /// The server's certificate is not a participant's.
    #[error("could not take the server at {address} for a participant")]
    Certificate {
        /// Where to.
        address: String,
        /// Why.
        source: CertificateError,
    },
    /// The server is a participant, but another.
    #[error("the certificate of the server at {address} lacks {missing}")]
    OtherServer {
        /// Where to.
        address: String,
        /// What was looked for.
        missing: String,
    },
    /// The server closed the connection on seeing our certificate.
    #[error("the server at {address} refused our certificate")]
    Refused {
        /// Where to.
        address: String,
        /// The server's alert.
        source: io::Error,
    },
}

pub(super) struct Target {
    address: String,
    host: ServerName<'static>,
    credentials: Arc<Credentials>,
    expected: Expected,
    timeout: Duration,
}

impl Target {
    pub fn new(
        address: &str,
        credentials: Arc<Credentials>,
        expected: Expected,
        timeout: Duration,
    ) -> Result<Target, ConnectError> {
        let address = address.to_owned();
        match host(&address) {
            Some(host) => Ok(Target { address, host, credentials, expected, timeout }),
            None => Err(ConnectError::Address { address }),
        }
    }

    pub async fn connect(&self) -> Result<TlsStream<TcpStream>, ConnectError> {
        tokio::time::timeout(self.timeout, self.connect_in_time())
            .await
            .unwrap_or_else(|_| Err(ConnectError::Deadline { address: self.address.clone(), within: self.timeout }))
    }

    async fn connect_in_time(&self) -> Result<TlsStream<TcpStream>, ConnectError> {
        let tcp = self.reach().await.map_err(|source| ConnectError::Unreachable { address: self.address(), source })?;
        let mut tls = TlsConnector::from(self.credentials.client_config())
            .connect(self.host.clone(), tcp)
            .await
            .map_err(|source| ConnectError::Handshake { address: self.address(), source })?;
        self.check_name(&tls)?;
        consent(&mut tls, self.timeout / 2)
            .await
            .map_err(|source| ConnectError::Refused { address: self.address(), source })?;
        Ok(tls)
    }

    async fn reach(&self) -> io::Result<TcpStream> {
        let tcp = TcpStream::connect(&self.address).await?;
        tcp.set_nodelay(true)?;
        Ok(tcp)
    }

    fn check_name(&self, tls: &TlsStream<TcpStream>) -> Result<(), ConnectError> {
        let (_, session) = tls.get_ref();
        let certificate = session.peer_certificates().and_then(|chain| chain.first());
        let peer = certificate
            .ok_or(CertificateError::NoName)
            .and_then(Peer::from_verified)
            .map_err(|source| ConnectError::Certificate { address: self.address(), source })?;
        match self.expected.missing_from(&peer) {
            None => Ok(()),
            Some(missing) => Err(ConnectError::OtherServer { address: self.address(), missing }),
        }
    }

    fn address(&self) -> String {
        self.address.clone()
    }
}

fn host(address: &str) -> Option<ServerName<'static>> {
    let uri: Uri = format!("http://{address}").parse().ok()?;
    let authority = uri.authority().filter(|authority| authority.as_str() == address && !address.contains('@'))?;
    authority.port_u16()?;
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    ServerName::try_from(host.to_owned()).ok()
}

/// Waits for the server's first bytes, its HTTP/2 settings, without taking them. In TLS 1.3 a client has finished
/// before the server has looked at the client's certificate; a request sent then would be in doubt although the
/// server never saw it. A server that itself waits for our first bytes is taken to consent after half our time.
async fn consent(tls: &mut TlsStream<TcpStream>, patience: Duration) -> io::Result<()> {
    match tokio::time::timeout(patience, tls.fill_buf()).await {
        Ok(Ok([])) => Err(io::ErrorKind::UnexpectedEof.into()),
        Ok(Ok(_)) | Err(_) => Ok(()),
        Ok(Err(error)) => Err(error),
    }
}
