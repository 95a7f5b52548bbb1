//! What treatment regions ask of the hub over gRPC. Each handler takes a permit and goes through the door, where
//! everything else happens. Served by [`crate::start()`].

use std::sync::Arc;

use conversation::{Replies, Terms, converse};
use identity::deadline::patience_of;
use identity::permit::TreatmentPermit;
use proto::status::of_refusal;
use proto::v1;
use proto::v1::operate_reply::Result as Answered;
use proto::v1::told::Said;
use settlement::refusal::{Reason, Refusal};
use tonic::{Request, Response, Status, Streaming};

use crate::door::Door;

/// The service.
#[derive(Clone)]
pub struct HubService {
    door: Arc<Door>,
    terms: Terms,
}

impl HubService {
    /// The service behind a door; its conversations live by the terms.
    pub fn new(door: Door, terms: Terms) -> HubService {
        HubService { door: Arc::new(door), terms }
    }
}

#[tonic::async_trait]
impl v1::conversation_server::Conversation for HubService {
    type ConverseStream = Replies;

    async fn converse(&self, request: Request<Streaming<v1::Call>>) -> Result<Response<Replies>, Status> {
        let permit = Arc::new(TreatmentPermit::from_request(&request)?);
        let door = self.door.clone();
        Ok(Response::new(converse(request.into_inner(), self.terms.clone(), move |asked, caller_waits| {
            let (door, permit) = (door.clone(), permit.clone());
            async move { said(door.operate(&permit, asked, caller_waits).await?) }
        })))
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

fn said(reply: v1::OperateReply) -> Result<Said, Refusal> {
    match reply.result {
        Some(Answered::Answer(answer)) => Ok(Said::Answer(answer)),
        Some(Answered::InDoubt(in_doubt)) => Ok(Said::InDoubt(in_doubt)),
        None => Err(Refusal::new(Reason::NotYetKnown)),
    }
}

fn told<T>(reply: Result<T, Refusal>) -> Result<Response<T>, Status> {
    reply.map(Response::new).map_err(|refusal| of_refusal(&refusal))
}
