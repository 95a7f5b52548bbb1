//! A client as small as a hospital's: one request, one connection, bytes as given.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// A response.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub headers: String,
    /// The JSON; null where the body is none.
    pub body: Value,
    /// The body as it came.
    pub bytes: Vec<u8>,
}

/// Posts bytes to a path, with further headers.
pub async fn post(address: SocketAddr, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
    let stream = TcpStream::connect(address).await.expect("a connection");
    exchange(stream, address, path, headers, body).await
}

/// The same over TLS of one version, with the server's authority in a file.
pub async fn post_tls(
    address: SocketAddr,
    authority: &Path,
    version: &'static SupportedProtocolVersion,
    body: &[u8],
) -> Response {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(authority).expect("a file") {
        roots.add(certificate.expect("a certificate")).expect("an authority");
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .expect("a version")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let tcp = TcpStream::connect(address).await.expect("a connection");
    let name = ServerName::try_from("localhost").expect("a name");
    let stream = TlsConnector::from(Arc::new(config)).connect(name, tcp).await.expect("a handshake");
    exchange(stream, address, "/", &[], body).await
}

async fn exchange(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    address: SocketAddr,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Response {
    let mut head = format!("POST {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
    stream.write_all(head.as_bytes()).await.expect("a head");
    stream.write_all(body).await.expect("a body that is taken to its end");
    let mut answer = Vec::new();
    // A peer that closes without a farewell has still answered in full: the length is checked by the JSON.
    let _ = stream.read_to_end(&mut answer).await;
    read(&answer)
}

fn read(answer: &[u8]) -> Response {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").expect("headers and body");
    let headers = String::from_utf8(answer[..end].to_vec()).expect("UTF-8");
    let bytes = answer[end + 4..].to_vec();
    let status = headers.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    Response { status, headers, body: serde_json::from_slice(&bytes).unwrap_or_default(), bytes }
}
