//! The gRPC service that the hub calls. A handler takes the permit and goes through the door, where everything else
//! happens; whoever is not the hub gets nowhere.

use std::sync::Arc;

use identity::permit::HubPermit;
use proto::v1::home_region_server::HomeRegion;
use proto::v1::region_book_server::RegionBook;
use proto::{status, v1};
use settlement::refusal::Refusal;
use tonic::{Request, Response, Status};

use crate::door::Door;

/// The service.
#[derive(Clone)]
pub struct RegionService {
    door: Arc<Door>,
}

impl RegionService {
    /// The service behind a door.
    pub fn new(door: Door) -> RegionService {
        RegionService { door: Arc::new(door) }
    }
}

#[tonic::async_trait]
impl HomeRegion for RegionService {
    async fn look_up(&self, request: Request<v1::LookUpRequest>) -> Result<Response<v1::LookUpReply>, Status> {
        let permit = HubPermit::from_request(&request)?;
        told(self.door.look_up(&permit, request.into_inner()).await)
    }

    async fn estimate(&self, request: Request<v1::EstimateRequest>) -> Result<Response<v1::EstimateReply>, Status> {
        let permit = HubPermit::from_request(&request)?;
        told(self.door.estimate(&permit, request.into_inner()).await)
    }

    async fn operate(&self, request: Request<v1::OperateRequest>) -> Result<Response<v1::Answer>, Status> {
        let permit = HubPermit::from_request(&request)?;
        told(self.door.operate(&permit, request.into_inner()).await)
    }

    async fn resolve(&self, request: Request<v1::ResolveRequest>) -> Result<Response<v1::Answer>, Status> {
        let permit = HubPermit::from_request(&request)?;
        told(self.door.resolve(&permit, request.into_inner()).await)
    }

    async fn query(&self, request: Request<v1::QueryRequest>) -> Result<Response<v1::QueryReply>, Status> {
        let permit = HubPermit::from_request(&request)?;
        told(self.door.query(&permit, request.into_inner()).await)
    }
}

#[tonic::async_trait]
impl RegionBook for RegionService {
    async fn book(&self, request: Request<v1::BookRequest>) -> Result<Response<v1::BookReply>, Status> {
        let permit = HubPermit::from_request(&request)?;
        told(self.door.book(&permit, request.get_ref()).await)
    }

    async fn reinstate(&self, request: Request<v1::ReinstateRequest>) -> Result<Response<v1::ReinstateReply>, Status> {
        let permit = HubPermit::from_request(&request)?;
        told(self.door.reinstate(&permit, request.into_inner()).await)
    }

    async fn affected(&self, request: Request<v1::AffectedRequest>) -> Result<Response<v1::AffectedReply>, Status> {
        let permit = HubPermit::from_request(&request)?;
        told(self.door.affected(&permit, request.into_inner()).await)
    }
}

fn told<T>(reply: Result<T, Refusal>) -> Result<Response<T>, Status> {
    reply.map(Response::new).map_err(|refusal| status::of_refusal(&refusal))
}
