//! The hub's door: what a treatment region may ask, by its permit, whatever carried the question here. Each entrance
//! checks, reads, has it done and writes the reply. How long the caller waits comes with each. Called by [`crate::service`] and by the simulator.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use conversation::ToItsEnd;
use identity::permit::TreatmentPermit;
use proto::convert;
use proto::status::refusal_of_wire_error;
use proto::v1;
use proto::v1::operate_reply::Result as Told;
use settlement::operation::OperationKey;
use settlement::refusal::{Reason, Refusal};
use settlement::region::RegionTable;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admission;
use crate::budget;
use crate::errand::{Arrival, Reply};
use crate::hub::Hub;
use crate::mailbox::Mailroom;

/// The door.
pub struct Door {
    hub: Arc<Hub>,
    tasks: TaskTracker,
    /// Ends the tasks at once, as a crash would.
    abort: CancellationToken,
}

impl Door {
    /// The door of a hub. Tasks that have to end with an answer run under the tracker.
    pub fn new(hub: Arc<Hub>, tasks: TaskTracker, abort: CancellationToken) -> Door {
        Door { hub, tasks, abort }
    }

    /// The hub's mailboxes.
    pub fn mailroom(&self) -> &Mailroom {
        &self.hub.mailroom
    }

    /// Has an operation carried out.
    ///
    /// # Errors
    /// A refusal that is no answer: see [`Hub::operate`].
    pub async fn operate(
        &self,
        permit: &TreatmentPermit,
        envelope: v1::OperateRequest,
        caller_waits: Option<Duration>,
    ) -> Result<v1::OperateReply, Refusal> {
        let arrival = self.read_arrival(envelope, caller_waits)?;
        admission::of_operation(permit, self.regions(), &arrival.operation)?;
        let hub = self.hub.clone();
        self.to_its_end(Box::pin(async move { hub.operate(arrival).await })).await.map(write_reply)
    }

    /// Asks what became of a key.
    ///
    /// # Errors
    /// A fault of ours; nothing was changed.
    pub async fn resolve(
        &self,
        permit: &TreatmentPermit,
        asked: &v1::ResolveRequest,
        caller_waits: Option<Duration>,
    ) -> Result<v1::OperateReply, Refusal> {
        let patience = self.patience(caller_waits)?;
        let key = read_key(asked)?;
        admission::of_institution(permit, self.regions(), &key.institution)?;
        let hub = self.hub.clone();
        self.to_its_end(Box::pin(async move { hub.resolve(&key, patience).await })).await.map(write_reply)
    }

    /// Has a bill worked out without any effect.
    ///
    /// # Errors
    /// The region's refusal, or why it could not be asked.
    pub async fn estimate(
        &self,
        permit: &TreatmentPermit,
        asked: v1::EstimateRequest,
        caller_waits: Option<Duration>,
    ) -> Result<v1::EstimateReply, Refusal> {
        let patience = self.patience(caller_waits)?;
        let operation = convert::read_operation(&asked.operation).map_err(|fault| refusal_of_wire_error(&fault))?;
        admission::of_operation(permit, self.regions(), &operation)?;
        convert::read_what_if(&asked.what_if).map_err(|fault| refusal_of_wire_error(&fault))?;
        self.until_abort(self.hub.estimate(&operation, asked, patience)).await
    }

    /// Finds a person at home.
    ///
    /// # Errors
    /// The region's refusal, or why it could not be asked.
    pub async fn look_up(
        &self,
        permit: &TreatmentPermit,
        asked: v1::LookUpRequest,
        caller_waits: Option<Duration>,
    ) -> Result<v1::LookUpReply, Refusal> {
        let patience = self.patience(caller_waits)?;
        admission::of_pool_code(permit, &asked.treatment)?;
        self.until_abort(self.hub.look_up(asked, patience)).await
    }

    /// Asks for facts about a person.
    ///
    /// # Errors
    /// The region's refusal, or why it could not be asked.
    pub async fn query(
        &self,
        permit: &TreatmentPermit,
        asked: v1::QueryRequest,
        caller_waits: Option<Duration>,
    ) -> Result<v1::QueryReply, Refusal> {
        let patience = self.patience(caller_waits)?;
        admission::of_pool_code(permit, &asked.treatment)?;
        self.until_abort(self.hub.query(asked, patience)).await
    }

    /// Runs something to its end, also when the caller goes away: tonic drops a handler whose client has gone, and an
    /// answer that is on its way must still be kept. It comes boxed, since it is too large to be moved about.
    async fn to_its_end<F>(&self, work: Pin<Box<F>>) -> Result<Reply, Refusal>
    where
        F: Future<Output = Result<Reply, Refusal>> + Send + 'static,
    {
        let abort = self.abort.clone();
        let ended = ToItsEnd::new(&self.tasks, async move { abort.run_until_cancelled(work).await }).await;
        // Whoever was cut off in the middle cannot say that nothing happened.
        ended.flatten().unwrap_or_else(|| Err(Refusal::new(Reason::NotYetKnown)))
    }

    /// A question has nothing to be kept, so it ends with its caller, or with us.
    async fn until_abort<T>(&self, asking: impl Future<Output = Result<T, Refusal>>) -> Result<T, Refusal> {
        let ended = self.abort.run_until_cancelled(asking).await;
        ended.unwrap_or_else(|| Err(Refusal::new(Reason::RegionUnavailable)))
    }

    fn read_arrival(&self, envelope: v1::OperateRequest, caller_waits: Option<Duration>) -> Result<Arrival, Refusal> {
        let v1::OperateRequest { operation, hub: _, request_id } = envelope;
        let patience = self.patience(caller_waits)?;
        Arrival::read(operation, request_id, self.hub.clock.now(), patience)
            .map_err(|fault| refusal_of_wire_error(&fault))
    }

    fn patience(&self, caller_waits: Option<Duration>) -> Result<Duration, Refusal> {
        budget::for_home(caller_waits, self.hub.patience)
    }

    fn regions(&self) -> &RegionTable {
        self.hub.directory.regions()
    }
}

fn read_key(request: &v1::ResolveRequest) -> Result<OperationKey, Refusal> {
    let missing = || Refusal::new(Reason::MissingField).of_field("key");
    convert::read_key(request.key.as_ref().ok_or_else(missing)?).map_err(|fault| refusal_of_wire_error(&fault))
}

fn write_reply(reply: Reply) -> v1::OperateReply {
    let told = match reply {
        Reply::Answer(answer) => Told::Answer(v1::Answer { outcome: answer.outcome, book_seq: answer.book_seq }),
        Reply::InDoubt { since } => Told::InDoubt(v1::InDoubt { since: since.as_microsecond() }),
    };
    v1::OperateReply { result: Some(told) }
}
