//! The far end of the hub stage: a home region that accepts every operation with an answer written beforehand. It
//! decodes nothing and keeps nothing, so that what is measured is the hub.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;
use bytes::Bytes;
use identity::credentials::Credentials;
use identity::server::MtlsListener;
use proto::v1::home_region_server::HomeRegionServer;
use settlement::ids::PoolCode;
use tonic::Status;

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
    Served::<HomeRegionServer<()>, _>::serve(home, listener);
    Ok(address)
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
