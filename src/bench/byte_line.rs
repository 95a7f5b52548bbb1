//! What the whole chain is held against: the same three processes, handing bytes through. The desk takes HTTP, the
//! hub's place is the bare forward's, the far end gives back what it is sent. Nothing is stored, nothing decoded.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::serve::ListenerExt as _;
use bytes::Bytes;
use identity::client::{Expected, channel};
use identity::credentials::Credentials;
use identity::server::MtlsListener;
use proto::v1::home_region_server::HomeRegionServer;
use tokio::net::TcpListener;
use tonic::Status;

use super::raw::{Caller, HUB_OPERATE, Handler, Method, Served};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Serves the desk until the process ends, and says where.
///
/// # Errors
/// When the certificate cannot be read.
pub async fn serve_desk(credentials: &Path, hub: SocketAddr) -> Result<SocketAddr> {
    let credentials = Arc::new(Credentials::load(credentials)?);
    let hub = Caller::new(channel(&hub.to_string(), credentials, Expected::Hub, CONNECT_TIMEOUT)?, HUB_OPERATE);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    // A connection that cannot be told so is slower; the measurement will show it.
    let listener = listener.tap_io(|connection| drop(connection.set_nodelay(true)));
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(pass_on).with_state(hub)).await });
    Ok(address)
}

async fn pass_on(State(hub): State<Caller>, message: Bytes) -> Result<Bytes, StatusCode> {
    hub.call(message).await.map_err(|_| StatusCode::BAD_GATEWAY)
}

/// Serves the far end until the process ends, and says where.
///
/// # Errors
/// When the certificate cannot be read.
pub async fn serve_home(credentials: &Path) -> Result<SocketAddr> {
    let credentials = Arc::new(Credentials::load(credentials)?);
    let listener = MtlsListener::bind((Ipv4Addr::LOCALHOST, 0), credentials).await?;
    let address = listener.local_addr();
    Served::<HomeRegionServer<()>, _>::serve(Mirror, listener);
    Ok(address)
}

struct Mirror;

impl Handler for Mirror {
    async fn answer(&self, _: Method, message: Bytes) -> Result<Bytes, Status> {
        Ok(message)
    }
}
