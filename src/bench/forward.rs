//! What the wire alone costs: the hub's place taken by something that hands bytes on, with no permits, no decoding, no
//! directory and no store. The ratio to it is what our own work costs.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use identity::client::{Expected, channel};
use identity::credentials::Credentials;
use identity::server::MtlsListener;
use proto::v1::hub_server::HubServer;
use settlement::ids::PoolCode;
use tonic::Status;

use super::raw::{Caller, HOME_OPERATE, Handler, Method, Served};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

struct Forward {
    home: Caller,
}

/// Serves until the process ends, and says where.
///
/// # Errors
/// When the certificate cannot be read.
pub async fn serve(credentials: &Path, home: PoolCode, to: SocketAddr) -> Result<SocketAddr> {
    let credentials = Arc::new(Credentials::load(credentials)?);
    let expected = Expected::HomeOf(BTreeSet::from([home]));
    let home = Caller::new(channel(&to.to_string(), credentials.clone(), expected, CONNECT_TIMEOUT)?, HOME_OPERATE);
    let listener = MtlsListener::bind((Ipv4Addr::LOCALHOST, 0), credentials).await?;
    let address = listener.local_addr();
    Served::<HubServer<()>, _>::serve(Forward { home }, listener);
    Ok(address)
}

impl Handler for Forward {
    async fn answer(&self, _: Method, message: Bytes) -> Result<Bytes, Status> {
        self.home.call(message).await
    }
}
