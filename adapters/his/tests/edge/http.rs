//! A client as small as a hospital's: one request, one connection, bytes as given.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A response.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub headers: String,
    pub body: Value,
}

/// Posts bytes to a path, with further headers.
pub async fn post(address: SocketAddr, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let mut head = format!("POST {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
    stream.write_all(head.as_bytes()).await.expect("a head");
    stream.write_all(body).await.expect("a body that is taken to its end");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("an answer");
    read(&String::from_utf8(answer).expect("UTF-8"))
}

fn read(answer: &str) -> Response {
    let (headers, body) = answer.split_once("\r\n\r\n").expect("headers and body");
    let status = headers.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    Response { status, headers: headers.to_owned(), body: serde_json::from_str(body).unwrap_or_default() }
}
