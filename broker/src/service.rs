//! What treatment regions ask of the hub over gRPC. Each handler takes a permit and goes through the door, where
//! everything else happens. Served by [`crate::start()`].

use identity::deadline::patience_of;
use identity::permit::TreatmentPermit;
use proto::status::of_refusal;
use proto::v1;
use settlement::refusal::Refusal;
use tonic::{Request, Response, Status};

use crate::door::Door;

/// The service.
pub struct HubService {
    door: Door,
}

impl HubService {
    /// The service behind a door.
    pub fn new(door: Door) -> HubService {
        HubService { door }
    }
}

#[tonic::async_trait]
impl v1::hub_server::Hub for HubService {
    async fn operate(&self, request: Request<v1::OperateRequest>) -> Result<Response<v1::OperateReply>, Status> {
        let permit = TreatmentPermit::from_request(&request)?;
        let caller_waits = patience_of(&request);
        told(self.door.operate(&permit, request.into_inner(), caller_waits).await)
    }

    async fn resolve(&self, request: Request<v1::ResolveRequest>) -> Result<Response<v1::OperateReply>, Status> {
        let permit = TreatmentPermit::from_request(&request)?;
        told(self.door.resolve(&permit, request.get_ref(), patience_of(&request)).await)
    }

    async fn estimate(&self, request: Request<v1::EstimateRequest>) -> Result<Response<v1::EstimateReply>, Status> {
        let permit = TreatmentPermit::from_request(&request)?;
        let caller_waits = patience_of(&request);
        told(self.door.estimate(&permit, request.into_inner(), caller_waits).await)
    }

    async fn look_up(&self, request: Request<v1::LookUpRequest>) -> Result<Response<v1::LookUpReply>, Status> {
        let permit = TreatmentPermit::from_request(&request)?;
        let caller_waits = patience_of(&request);
        told(self.door.look_up(&permit, request.into_inner(), caller_waits).await)
    }

    async fn query(&self, request: Request<v1::QueryRequest>) -> Result<Response<v1::QueryReply>, Status> {
        let permit = TreatmentPermit::from_request(&request)?;
        let caller_waits = patience_of(&request);
        told(self.door.query(&permit, request.into_inner(), caller_waits).await)
    }
}

fn told<T>(reply: Result<T, Refusal>) -> Result<Response<T>, Status> {
    reply.map(Response::new).map_err(|refusal| of_refusal(&refusal))
}
