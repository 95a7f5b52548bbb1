//! The far end of the hub stage: a home region that accepts every operation with an answer written beforehand. It
//! decodes nothing and keeps nothing, so that what is measured is the hub.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;
use bytes::Bytes;
use conversation::{Replies, Terms, converse};
use identity::credentials::Credentials;
use identity::server::MtlsListener;
use proto::v1;
use proto::v1::conversation_server::{Conversation, ConversationServer};
use proto::v1::home_region_server::HomeRegionServer;
use proto::v1::told::Said;
use settlement::ids::PoolCode;
use settlement::refusal::{Reason, Refusal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::{Request, Response, Status, Streaming};

use super::operations::Operations;
use super::raw::{Handler, Method, Served};

struct PreparedHome {
    operations: Operations,
    next_answer: AtomicU64,
}

/// Serves until the process ends, and says where. Answers are numbered from `first_answer`.
///
/// # Errors
/// When the certificate cannot be read.
pub async fn serve(credentials: &Path, home: PoolCode, first_answer: u64) -> Result<SocketAddr> {
    let credentials = Arc::new(Credentials::load(credentials)?);
    let listener = MtlsListener::bind((Ipv4Addr::LOCALHOST, 0), credentials).await?;
    let address = listener.local_addr();
    let home = PreparedHome { operations: Operations::new(home, 1)?, next_answer: AtomicU64::new(first_answer) };
    let home = Arc::new(home);
    let calls = Served::<HomeRegionServer<()>, _>::new(home.clone());
    let served = identity::server::builder().add_service(ConversationServer::new(Talk(home))).add_service(calls);
    tokio::spawn(served.serve_with_incoming(listener));
    Ok(address)
}

struct Talk(Arc<PreparedHome>);

#[tonic::async_trait]
impl Conversation for Talk {
    type ConverseStream = Replies;

    async fn converse(&self, request: Request<Streaming<v1::Call>>) -> Result<Response<Replies>, Status> {
        let terms =
            Terms { drain: CancellationToken::new(), abort: CancellationToken::new(), tasks: TaskTracker::new() };
        let home = self.0.clone();
        Ok(Response::new(converse(request.into_inner(), terms, move |asked, _| {
            let book_seq = home.next_answer.fetch_add(1, Ordering::Relaxed);
            let answer = home.operations.told(&asked.operation, book_seq).map(Said::Answer);
            async move { answer.ok_or(Refusal::new(Reason::InvalidField)) }
        })))
    }
}

impl Handler for PreparedHome {
    async fn answer(&self, method: Method, message: Bytes) -> Result<Bytes, Status> {
        let book_seq = self.next_answer.fetch_add(1, Ordering::Relaxed);
        match method {
            Method::Operate => self
                .operations
                .answer(&message, book_seq)
                .ok_or_else(|| Status::invalid_argument("no operation of the benchmark")),
            Method::Resolve => Ok(Operations::voided(book_seq)),
            Method::Other => Err(Status::unimplemented("operations only")),
        }
    }
}
