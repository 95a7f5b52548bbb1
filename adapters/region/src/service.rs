//! The gRPC service that the hub calls. A handler takes the permit and goes through the door, where everything else
//! happens; whoever is not the hub gets nowhere. Corrections enter in `corrections.rs`.

use std::sync::Arc;

use conversation::{Replies, Terms, converse};
use identity::permit::HubPermit;
use proto::v1::conversation_server::Conversation;
use proto::v1::home_region_server::HomeRegion;
use proto::v1::region_book_server::RegionBook;
use proto::v1::told::Said;
use proto::{status, v1};
use settlement::refusal::Refusal;
use tonic::{Request, Response, Status, Streaming};

use crate::door::Door;

/// The service.
#[derive(Clone)]
pub struct RegionService {
    door: Arc<Door>,
    terms: Terms,
}

impl RegionService {
    /// The service behind a door; its conversations live by the terms.
    pub fn new(door: Door, terms: Terms) -> RegionService {
        RegionService { door: Arc::new(door), terms }
    }

    pub(crate) fn door(&self) -> &Door {
        &self.door
    }
}

#[tonic::async_trait]
impl Conversation for RegionService {
    type ConverseStream = Replies;

    async fn converse(&self, request: Request<Streaming<v1::Call>>) -> Result<Response<Replies>, Status> {
        let permit = Arc::new(HubPermit::from_request(&request)?);
        let door = self.door.clone();
        // How long the hub waits stands in its own fields.
        Ok(Response::new(converse(request.into_inner(), self.terms.clone(), move |asked, _| {
            let (door, permit) = (door.clone(), permit.clone());
            async move { door.operate(&permit, asked).await.map(Said::Answer) }
        })))
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

    async fn change_filing(
        &self,
        request: Request<v1::ChangeFilingRequest>,
    ) -> Result<Response<v1::ChangeFilingReply>, Status> {
        let permit = HubPermit::from_request(&request)?;
        told(self.door.change_filing(&permit, request.into_inner()).await)
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

pub(crate) fn told<T>(reply: Result<T, Refusal>) -> Result<Response<T>, Status> {
    reply.map(Response::new).map_err(|refusal| status::of_refusal(&refusal))
}
