//! What the wire alone costs: the same two mutually authenticated hops, bytes in and bytes out, with no permits, no
//! decoding, no directory and no store. The ratio to it is what our own work costs.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use identity::client::{Expected, channel};
use identity::credentials::Credentials;
use identity::server::MtlsListener;
use proto::v1;
use proto::v1::home_region_client::HomeRegionClient;
use proto::v1::home_region_server::{HomeRegion, HomeRegionServer};
use proto::v1::hub_client::HubClient;
use proto::v1::hub_server::{Hub, HubServer};
use settlement::ids::PoolCode;
use tonic::transport::Channel;
use tonic::{Request, Response, Status};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// A client at the near end of the two hops.
#[derive(Clone)]
pub struct Forward {
    hub: HubClient<Channel>,
}

/// The far end: gives back what it is sent.
struct Echo;

/// The middle: hands bytes on.
struct Middle {
    home: HomeRegionClient<Channel>,
}

impl Forward {
    /// Starts both hops with the certificates of a line.
    ///
    /// # Errors
    /// When the certificates cannot be read or a port cannot be opened.
    pub async fn start(pki: &Path, home: PoolCode) -> Result<Forward> {
        let credentials = |participant: &str| Credentials::load(&pki.join(participant)).map(Arc::new);
        let echo = MtlsListener::bind((Ipv4Addr::LOCALHOST, 0), credentials(&format!("home-{home}"))?).await?;
        let far = echo.local_addr().to_string();
        tokio::spawn(identity::server::builder().add_service(HomeRegionServer::new(Echo)).serve_with_incoming(echo));

        let expected = Expected::HomeOf(BTreeSet::from([home]));
        let middle =
            Middle { home: HomeRegionClient::new(channel(&far, credentials("hub")?, expected, CONNECT_TIMEOUT)?) };
        let listener = MtlsListener::bind((Ipv4Addr::LOCALHOST, 0), credentials("hub")?).await?;
        let near = listener.local_addr().to_string();
        tokio::spawn(identity::server::builder().add_service(HubServer::new(middle)).serve_with_incoming(listener));
        let hub = HubClient::new(channel(&near, credentials("treatment")?, Expected::Hub, CONNECT_TIMEOUT)?);
        Ok(Forward { hub })
    }

    /// Sends bytes there and back.
    ///
    /// # Errors
    /// When they do not come back.
    pub async fn send(&self, operation: Bytes) -> Result<()> {
        let request = v1::OperateRequest { operation, hub: None, request_id: String::new() };
        self.hub.clone().operate(request).await.context("the bare forward does not answer")?;
        Ok(())
    }
}

#[tonic::async_trait]
impl HomeRegion for Echo {
    async fn operate(&self, request: Request<v1::OperateRequest>) -> Result<Response<v1::Answer>, Status> {
        Ok(Response::new(v1::Answer { outcome: request.into_inner().operation, book_seq: 1 }))
    }

    async fn look_up(&self, _: Request<v1::LookUpRequest>) -> Result<Response<v1::LookUpReply>, Status> {
        Err(only_operate())
    }

    async fn estimate(&self, _: Request<v1::EstimateRequest>) -> Result<Response<v1::EstimateReply>, Status> {
        Err(only_operate())
    }

    async fn resolve(&self, _: Request<v1::ResolveRequest>) -> Result<Response<v1::Answer>, Status> {
        Err(only_operate())
    }

    async fn query(&self, _: Request<v1::QueryRequest>) -> Result<Response<v1::QueryReply>, Status> {
        Err(only_operate())
    }
}

#[tonic::async_trait]
impl Hub for Middle {
    async fn operate(&self, request: Request<v1::OperateRequest>) -> Result<Response<v1::OperateReply>, Status> {
        let answer = self.home.clone().operate(request.into_inner()).await?.into_inner();
        Ok(Response::new(v1::OperateReply { result: Some(v1::operate_reply::Result::Answer(answer)) }))
    }

    async fn look_up(&self, _: Request<v1::LookUpRequest>) -> Result<Response<v1::LookUpReply>, Status> {
        Err(only_operate())
    }

    async fn estimate(&self, _: Request<v1::EstimateRequest>) -> Result<Response<v1::EstimateReply>, Status> {
        Err(only_operate())
    }

    async fn resolve(&self, _: Request<v1::ResolveRequest>) -> Result<Response<v1::OperateReply>, Status> {
        Err(only_operate())
    }

    async fn query(&self, _: Request<v1::QueryRequest>) -> Result<Response<v1::QueryReply>, Status> {
        Err(only_operate())
    }
}

fn only_operate() -> Status {
    Status::unimplemented("a bare forward carries operations only")
}
