//! A TLS client without our checks, to come as someone whom our own client would not let come. Used by the tests of
//! admission and reloading.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A client that trusts the authority in `trusted` and shows the certificate in `own`, if any.
pub fn config(trusted: &Path, own: Option<&Path>, version: &'static SupportedProtocolVersion) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(trusted.join("ca.pem")).expect("PEM")).expect("a root");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .expect("a version")
        .with_root_certificates(roots);
    let mut config = match own {
        None => builder.with_no_client_auth(),
        Some(dir) => {
            let chain = vec![CertificateDer::from_pem_file(dir.join("tls.pem")).expect("PEM")];
            let key = PrivateKeyDer::from_pem_file(dir.join("tls.key")).expect("PEM");
            builder.with_client_auth_cert(chain, key).expect("a certificate with its key")
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    config
}

pub async fn connect(address: SocketAddr, config: ClientConfig) -> io::Result<TlsStream<TcpStream>> {
    let tcp = TcpStream::connect(address).await?;
    let host = ServerName::try_from("localhost").expect("a host name");
    TlsConnector::from(Arc::new(config)).connect(host, tcp).await
}

/// Connects and waits for the server's first byte: only that shows that the server has accepted the certificate.
pub async fn attempt(address: SocketAddr, config: ClientConfig) -> io::Result<()> {
    connect(address, config).await?.read_u8().await.map(|_| ())
}
