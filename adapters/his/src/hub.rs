//! The treatment side's line to the hub, and what each way of not getting an answer means. It repeats nothing by itself
//! and decides nothing about money. Called by the flows and by transactions that only ask.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ledger::treatment::StoredAnswer;
use proto::convert;
use proto::status::NoReply;
use proto::v1::{self, operate_reply};
use settlement::ids::PoolCode;
use settlement::operation::OperationKey;
use settlement::outcome::Outcome;
use settlement::refusal::{Reason, Refusal};
use settlement::what_if::WhatIf;

use crate::port::HubPort;

/// A question that only decides about a warning must not keep a desk waiting.
const WARNING_DEADLINE: Duration = Duration::from_millis(1_500);

/// What became of an operation.
#[derive(Clone, Debug)]
pub enum Delivery {
    /// There is an answer; it is final.
    Answered(StoredAnswer),
    /// The hub itself says no, and for good. That is about this call only: it says nothing of an earlier one.
    Refused(Refusal),
    /// It was sent and may have an effect; nobody may guess.
    NotYetKnown,
    /// Nothing was kept anywhere; it may be sent again.
    NotTaken(Refusal),
}

/// The line to the hub. Clones share its connection.
#[derive(Clone)]
pub struct HubLink {
    port: Arc<dyn HubPort>,
    deadline: Duration,
}

impl HubLink {
    /// The line through a port. Each question waits until a deadline of its own.
    pub fn new(port: Arc<dyn HubPort>, deadline: Duration) -> HubLink {
        HubLink { port, deadline }
    }

    /// Has an operation carried out.
    pub async fn operate(&self, operation: Bytes, request_id: &str) -> Delivery {
        let request = v1::OperateRequest { operation, hub: None, request_id: request_id.into() };
        delivery(self.port.operate(request, self.deadline).await)
    }

    /// Asks what became of a key. A key that the hub never saw is voided by asking.
    pub async fn resolve(&self, key: &OperationKey, home: PoolCode, request_id: &str) -> Delivery {
        let key = Some(convert::write_key(key));
        let request =
            v1::ResolveRequest { key, home: home.to_string(), request_id: request_id.into(), ..Default::default() };
        delivery(self.port.resolve(request, self.deadline).await)
    }

    /// Has a bill worked out without any effect, and the same bill on other footings.
    ///
    /// # Errors
    /// Why it cannot be.
    pub async fn estimate(
        &self,
        operation: Bytes,
        what_if: &[WhatIf],
        request_id: &str,
    ) -> Result<(Outcome, Vec<(WhatIf, Outcome)>), Refusal> {
        let what_if = convert::write_what_if(what_if);
        let request = v1::EstimateRequest { operation, hub: None, request_id: request_id.into(), what_if };
        let reply = self.port.estimate(request, self.deadline).await.map_err(without_effect)?;
        let read = convert::read_outcome(&reply.outcome)
            .and_then(|outcome| Ok((outcome, convert::read_alternatives(&reply.alternatives)?)));
        read.map_err(|fault| {
            tracing::error!(%fault, request_id, "the estimate for {request_id} cannot be read");
            Refusal::new(Reason::Internal)
        })
    }

    /// Finds a person at home.
    ///
    /// # Errors
    /// Why nobody is found.
    pub async fn look_up(&self, request: v1::LookUpRequest) -> Result<v1::LookUpReply, Refusal> {
        self.port.look_up(request, self.deadline).await.map_err(without_effect)
    }

    /// Asks for facts about a person.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn query(&self, request: v1::QueryRequest) -> Result<v1::QueryReply, Refusal> {
        self.port.query(request, self.deadline).await.map_err(without_effect)
    }

    /// Asks for facts that only decide about a warning.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn query_for_warning(&self, request: v1::QueryRequest) -> Result<v1::QueryReply, Refusal> {
        self.port.query(request, WARNING_DEADLINE.min(self.deadline)).await.map_err(without_effect)
    }
}

/// What a desk is told where the call has no effect.
fn without_effect(failure: NoReply) -> Refusal {
    match failure {
        NoReply::NeverSent | NoReply::Silent(_) => Refusal::new(Reason::RegionUnavailable),
        NoReply::Refused(refusal) => refusal,
    }
}

fn delivery(reply: Result<v1::OperateReply, NoReply>) -> Delivery {
    match reply.map(|reply| reply.result) {
        Ok(Some(operate_reply::Result::Answer(answer))) => {
            Delivery::Answered(StoredAnswer { outcome: answer.outcome, book_seq: answer.book_seq, warning: None })
        }
        Ok(Some(operate_reply::Result::InDoubt(_)) | None) => Delivery::NotYetKnown,
        Err(NoReply::Silent(code)) => {
            tracing::warn!(?code, "a call to the hub ended without an answer");
            Delivery::NotYetKnown
        }
        Err(NoReply::NeverSent) => Delivery::NotTaken(Refusal::new(Reason::RegionUnavailable)),
        Err(NoReply::Refused(refusal)) => refused(refusal),
    }
}

/// A refusal of the hub itself. Of those that may pass only two say that nothing was kept.
fn refused(refusal: Refusal) -> Delivery {
    if matches!(refusal.reason, Reason::NotYetKnown | Reason::Internal) {
        Delivery::NotYetKnown
    } else if refusal.reason.is_transient() {
        Delivery::NotTaken(refusal)
    } else {
        Delivery::Refused(refusal)
    }
}

/// A refusal of the hub itself as an answer to be kept. No home region decided, so it has no place in a book.
pub fn answer_of(refusal: Refusal) -> StoredAnswer {
    let outcome = convert::write_outcome(&Outcome::Refused(refusal));
    StoredAnswer { outcome, book_seq: 0, warning: None }
}
