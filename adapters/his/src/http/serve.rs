//! Listening: plain HTTP, or HTTPS with TLS 1.2 and 1.3, since hospital systems are old. It knows no transaction. An
//! orderly stop lets requests finish; dropping the server cuts them.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::{Extension, Router};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::Client;
use crate::config::TlsFiles;

/// When the system refuses to accept, trying at once would only burn the processor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// A client that has not finished its handshake by then is not going to.
const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(10);
/// How long requests may take to finish when the server stops.
const DRAIN_DEADLINE: Duration = Duration::from_secs(15);

/// Why the edge cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// A certificate or key cannot be read.
    #[error("cannot read the HTTPS certificate or key {file}")]
    Pem {
        /// The file.
        file: String,
        /// Why.
        source: pem::Error,
    },
    /// Certificate and key do not fit.
    #[error("cannot use the HTTPS certificate and key")]
    Tls(#[from] rustls::Error),
}

/// A server that listens.
pub struct Server {
    address: SocketAddr,
    stop: CancellationToken,
    task: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts listening.
    ///
    /// # Errors
    /// When the address or the certificate cannot be used.
    pub async fn start(address: SocketAddr, tls: Option<&TlsFiles>, router: Router) -> Result<Server, ServeError> {
        let tls = tls.map(acceptor).transpose()?;
        let listen = |source| ServeError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let stop = CancellationToken::new();
        let task = tokio::spawn(accept(listener, tls, router, stop.clone()));
        Ok(Server { address, stop, task: Some(task) })
    }

    /// The address listened on, with the port that the system chose if it was asked to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more connections and lets requests finish.
    pub async fn stop(mut self) {
        self.stop.cancel();
        if let Some(task) = self.task.take() {
            let abort = task.abort_handle();
            if tokio::time::timeout(DRAIN_DEADLINE, task).await.is_err() {
                tracing::warn!("requests were cut because they did not finish in time");
                abort.abort();
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor, ServeError> {
    let unreadable = |path: &Path| {
        let file = path.display().to_string();
        move |source| ServeError::Pem { file, source }
    };
    let chain = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect)
        .map_err(unreadable(&files.certificate))?;
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(unreadable(&files.key))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Accepts until told to stop. The connections live in a set: dropping this future drops them too.
async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, router: Router, stop: CancellationToken) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((tcp, from)) => {
                let router = router.clone().layer(Extension(Client(from)));
                connections.spawn(greet(tcp, tls.clone(), router, stop.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "could not accept a connection, trying again");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn greet(tcp: TcpStream, tls: Option<TlsAcceptor>, router: Router, stop: CancellationToken) {
    if let Err(error) = tcp.set_nodelay(true) {
        tracing::debug!(%error, "could not set a connection to send at once");
    }
    match tls {
        None => serve(tcp, router, stop).await,
        Some(tls) => match tokio::time::timeout(HANDSHAKE_DEADLINE, tls.accept(tcp)).await {
            Ok(Ok(stream)) => serve(stream, router, stop).await,
            Ok(Err(error)) => tracing::info!(%error, "a TLS handshake failed"),
            Err(_) => tracing::info!("a TLS handshake took too long"),
        },
    }
}

async fn serve<S>(stream: S, router: Router, stop: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let builder = Builder::new(TokioExecutor::new());
    let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error, "a connection ended early");
    }
}
