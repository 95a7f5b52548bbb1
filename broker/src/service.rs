//! What treatment regions ask of the hub over gRPC. Each handler takes a permit, reads the message, has it done and
//! writes the reply. Served by [`crate::start()`].

use std::sync::Arc;

use identity::permit::TreatmentPermit;
use proto::convert;
use proto::status::{of_refusal, of_wire_error};
use proto::v1;
use proto::v1::operate_reply::Result as Told;
use settlement::operation::OperationKey;
use settlement::refusal::{Reason, Refusal};
use settlement::region::RegionTable;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::{Request, Response, Status};

use crate::admission;
use crate::errand::{Arrival, Reply};
use crate::hub::Hub;

/// The service.
pub struct HubService {
    hub: Arc<Hub>,
    tasks: TaskTracker,
    /// Ends the tasks at once, as a crash would.
    abort: CancellationToken,
}

impl HubService {
    /// The service of a hub. Tasks that have to end with an answer run under the tracker.
    pub fn new(hub: Arc<Hub>, tasks: TaskTracker, abort: CancellationToken) -> HubService {
        HubService { hub, tasks, abort }
    }

    /// Runs something to its end, also when the caller goes away: tonic drops a handler whose client has gone, and an
    /// answer that is on its way must still be kept.
    async fn to_its_end<F>(&self, work: F) -> Result<Reply, Refusal>
    where
        F: Future<Output = Result<Reply, Refusal>> + Send + 'static,
    {
        // Boxed once, since it is too large to be moved about.
        let (abort, work) = (self.abort.clone(), Box::pin(work));
        let task = self.tasks.spawn(async move { abort.run_until_cancelled(work).await });
        let ended = task.await.ok().flatten();
        // Whoever was cut off in the middle cannot say that nothing happened.
        ended.unwrap_or_else(|| Err(Refusal::new(Reason::NotYetKnown)))
    }

    fn regions(&self) -> &RegionTable {
        self.hub.directory.regions()
    }
}

#[tonic::async_trait]
impl v1::hub_server::Hub for HubService {
    async fn operate(&self, request: Request<v1::OperateRequest>) -> Result<Response<v1::OperateReply>, Status> {
        let permit = TreatmentPermit::from_request(&request)?;
        let arrival = read_arrival(&self.hub, request.into_inner())?;
        admission::of_operation(&permit, self.regions(), &arrival.operation).map_err(refuse)?;
        let hub = self.hub.clone();
        let reply = self.to_its_end(async move { hub.operate(arrival).await }).await;
        reply.map(write_reply).map_err(refuse)
    }

    async fn resolve(&self, request: Request<v1::ResolveRequest>) -> Result<Response<v1::OperateReply>, Status> {
        let permit = TreatmentPermit::from_request(&request)?;
        let key = read_key(request.get_ref())?;
        admission::of_institution(&permit, self.regions(), &key.institution).map_err(refuse)?;
        let hub = self.hub.clone();
        let reply = self.to_its_end(async move { hub.resolve(&key).await }).await;
        reply.map(write_reply).map_err(refuse)
    }

    async fn estimate(&self, request: Request<v1::EstimateRequest>) -> Result<Response<v1::EstimateReply>, Status> {
        let permit = TreatmentPermit::from_request(&request)?;
        let asked = request.into_inner();
        let operation = convert::read_operation(&asked.operation).map_err(|fault| of_wire_error(&fault))?;
        admission::of_operation(&permit, self.regions(), &operation).map_err(refuse)?;
        self.hub.estimate(&operation, asked).await.map(Response::new).map_err(refuse)
    }

    async fn look_up(&self, request: Request<v1::LookUpRequest>) -> Result<Response<v1::LookUpReply>, Status> {
        let permit = TreatmentPermit::from_request(&request)?;
        let asked = request.into_inner();
        admission::of_pool_code(&permit, &asked.treatment).map_err(refuse)?;
        self.hub.look_up(asked).await.map(Response::new).map_err(refuse)
    }

    async fn query(&self, request: Request<v1::QueryRequest>) -> Result<Response<v1::QueryReply>, Status> {
        let permit = TreatmentPermit::from_request(&request)?;
        let asked = request.into_inner();
        admission::of_pool_code(&permit, &asked.treatment).map_err(refuse)?;
        self.hub.query(asked).await.map(Response::new).map_err(refuse)
    }
}

fn read_arrival(hub: &Hub, envelope: v1::OperateRequest) -> Result<Arrival, Status> {
    let v1::OperateRequest { operation, hub: _, request_id } = envelope;
    Arrival::read(operation, request_id, hub.clock.now(), hub.patience).map_err(|fault| of_wire_error(&fault))
}

fn read_key(request: &v1::ResolveRequest) -> Result<OperationKey, Status> {
    let missing = || refuse(Refusal::new(Reason::MissingField).of_field("key"));
    convert::read_key(request.key.as_ref().ok_or_else(missing)?).map_err(|fault| of_wire_error(&fault))
}

fn write_reply(reply: Reply) -> Response<v1::OperateReply> {
    let told = match reply {
        Reply::Answer(answer) => Told::Answer(v1::Answer { outcome: answer.outcome, book_seq: answer.book_seq }),
        Reply::InDoubt { since } => Told::InDoubt(v1::InDoubt { since: since.as_microsecond() }),
    };
    Response::new(v1::OperateReply { result: Some(told) })
}

fn refuse(refusal: Refusal) -> Status {
    of_refusal(&refusal)
}
