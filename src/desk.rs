//! A settlement desk: sends national-interface messages over HTTP as a hospital's system would. Used by the demo, the
//! benchmark and the tests; it knows nothing of what stands behind the address.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// How long a desk waits; hospitals wait 60 to 120 s (his-interface.md section 6).
const PATIENCE: Duration = Duration::from_secs(60);

/// A desk that talks to one address.
#[derive(Clone)]
pub struct Desk {
    client: Client<HttpConnector, Full<bytes::Bytes>>,
    address: String,
}

/// What came back, and how long it took.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The answer, whole.
    pub body: Value,
    /// From sending to having read it.
    pub took: Duration,
}

impl Reply {
    /// Whether the transaction succeeded (`infcode` 0).
    pub fn succeeded(&self) -> bool {
        self.body["infcode"].as_i64() == Some(0)
    }

    /// The text at a JSON pointer, numbers as they are written; empty where there is nothing.
    pub fn text(&self, pointer: &str) -> String {
        match self.body.pointer(pointer) {
            Some(Value::String(text)) => text.clone(),
            None | Some(Value::Null) => String::new(),
            Some(other) => other.to_string(),
        }
    }
}

impl Desk {
    /// A desk that sends to an address such as `http://127.0.0.1:7700`.
    pub fn new(address: impl Into<String>) -> Desk {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Desk { client: Client::builder(TokioExecutor::new()).build(connector), address: address.into() }
    }

    /// Sends a message and reads the answer.
    ///
    /// # Errors
    /// When there is no answer, or it is not JSON. What the message did is then unknown.
    pub async fn send(&self, message: &Value) -> Result<Reply> {
        self.send_bytes(serde_json::to_vec(message)?).await
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// As [`Desk::send`].
    pub async fn send_bytes(&self, body: Vec<u8>) -> Result<Reply> {
        let begun = Instant::now();
        let answer = self.post(body.into()).await?;
        let took = begun.elapsed();
        Ok(Reply { body: serde_json::from_slice(&answer).context("the answer is not JSON")?, took })
    }

    /// Sends bytes, and gives back the answer's as they are.
    ///
    /// # Errors
    /// When there is no answer. What the message did is then unknown.
    pub async fn post(&self, body: bytes::Bytes) -> Result<bytes::Bytes> {
        tokio::time::timeout(PATIENCE, self.exchange(body)).await.context("no answer in time")?
    }

    async fn exchange(&self, body: bytes::Bytes) -> Result<bytes::Bytes> {
        let request = axum::http::Request::post(format!("{}/fsi/api/rsfComIfsService/callService", self.address))
            .header("content-type", "application/json;charset=UTF-8")
            .body(Full::from(body))?;
        let response = self.client.request(request).await.context("the interface does not answer")?;
        Ok(response.into_body().collect().await.context("the answer broke off")?.to_bytes())
    }
}
