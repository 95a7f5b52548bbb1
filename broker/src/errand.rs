//! One operation on its way: as it arrived, as it is carried out, and what its sender is told. Nothing is sent or
//! written here. Used by the money path and by whatever clears up doubt.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use ledger::hub::{Answer, Fresh, Position, Receipt, Target, Waiting};
use proto::convert::{self, WireError};
use proto::v1;
use settlement::filing::Filing;
use settlement::operation::Operation;
use settlement::refusal::{Reason, Refusal};
use settlement::region::RegionTable;
use tokio::time::Instant;

use crate::budget;
use crate::directory::Known;

/// An operation as it arrived, read once.
pub struct Arrival {
    /// What the bytes say.
    pub operation: Arc<Operation>,
    /// The bytes, which are kept and sent on untouched.
    pub bytes: Bytes,
    /// When it came.
    pub received_at: Timestamp,
    /// For the logs.
    pub request_id: String,
    /// Until when its home region may answer; its sender waits a little longer.
    pub deadline: Instant,
}

/// An operation that is written down and being carried out.
pub struct Errand {
    /// Its place in the book.
    pub position: Position,
    /// What is asked for.
    pub operation: Arc<Operation>,
    /// Its bytes.
    pub bytes: Bytes,
    /// When it was received.
    pub received_at: Timestamp,
    /// The filings that cover the visit, the first choice first.
    pub filings: Vec<Filing>,
    /// For the logs.
    pub request_id: String,
    /// Until when it may be asked about.
    pub deadline: Instant,
    /// Whether it may have been sent before.
    pub sending: Sending,
}

/// Whether an operation may have been sent before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sending {
    /// It surely was not.
    First,
    /// It may have been.
    Again,
}

/// What the sender of an operation is told.
#[derive(Clone, Debug)]
pub enum Reply {
    /// The answer.
    Answer(Answer),
    /// It was sent, and nobody may guess what became of it.
    InDoubt {
        /// Since when.
        since: Timestamp,
    },
}

impl Arrival {
    /// Reads an operation.
    ///
    /// # Errors
    /// Every field that is missing or malformed.
    pub fn read(
        bytes: Bytes,
        request_id: String,
        received_at: Timestamp,
        patience: Duration,
    ) -> Result<Arrival, WireError> {
        let deadline = Instant::now() + patience;
        let operation = Arc::new(convert::read_operation(&bytes)?);
        Ok(Arrival { operation, bytes, received_at, request_id, deadline })
    }

    /// What is written down of it.
    pub(crate) fn receipt(&self, regions: &Arc<RegionTable>) -> Receipt {
        Receipt {
            operation: self.operation.clone(),
            bytes: self.bytes.clone(),
            received_at: self.received_at,
            regions: regions.clone(),
        }
    }

    /// The first field in which the same key came with other content before.
    pub(crate) fn difference(&self, earlier: &Bytes) -> Result<Option<&'static str>, Refusal> {
        if *earlier == self.bytes {
            return Ok(None);
        }
        let earlier = convert::read_operation(earlier).map_err(|fault| {
            tracing::error!(%fault, "a stored operation cannot be read back: {fault}");
            Refusal::new(Reason::Internal)
        })?;
        Ok(earlier.difference(&self.operation))
    }
}

impl Errand {
    /// The errand of a new operation, and what it is aimed at where it is a reversal.
    pub(crate) fn fresh(arrival: Arrival, fresh: Fresh) -> (Errand, Option<Target>) {
        let Arrival { operation, bytes, received_at, request_id, deadline } = arrival;
        let Fresh { position, filings, target, released_before } = fresh;
        let sending = if released_before { Sending::Again } else { Sending::First };
        (Errand { position, operation, bytes, received_at, filings, request_id, deadline, sending }, target)
    }

    /// The errand of an operation that waits for its answer.
    ///
    /// # Errors
    /// When its bytes cannot be read, which they could when they came.
    pub(crate) fn waiting(waiting: Waiting, patience: Duration) -> Result<Errand, WireError> {
        let Waiting { position, bytes, received_at } = waiting;
        Ok(Errand {
            position,
            operation: Arc::new(convert::read_operation(&bytes)?),
            bytes,
            received_at,
            filings: Vec::new(),
            request_id: format!("doubt-{position}"),
            deadline: Instant::now() + patience,
            sending: Sending::Again,
        })
    }

    /// That there is time left for an answer.
    ///
    /// # Errors
    /// Busy: whoever waited so long before it was sent would only be left in doubt.
    pub(crate) fn in_time(&self) -> Result<(), Refusal> {
        budget::enough(self.left()).map(drop)
    }

    /// What is left of the time in which its home region may answer.
    pub(crate) fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// The reply while nobody knows.
    pub(crate) fn in_doubt(&self) -> Reply {
        Reply::InDoubt { since: self.received_at }
    }

    /// The envelope for the home region, whose book is known to have gone so far.
    pub(crate) fn envelope(&self, known: Known) -> v1::OperateRequest {
        v1::OperateRequest {
            operation: self.bytes.clone(),
            hub: Some(v1::HubFields {
                filing: convert::write_attached_filings(&self.filings),
                deadline_ms: i64::try_from(self.left().as_millis()).unwrap_or(i64::MAX),
                position: self.position.0.cast_unsigned(),
                known_book_seq: known.book_seq,
                known_batches: known.batches,
            }),
            request_id: self.request_id.clone(),
        }
    }

    /// The question what became of it, to a region whose book is known to have gone so far.
    pub(crate) fn question(&self, known: Known) -> v1::ResolveRequest {
        v1::ResolveRequest {
            key: Some(convert::write_key(&self.operation.key)),
            home: self.operation.home().to_string(),
            request_id: self.request_id.clone(),
            known_book_seq: known.book_seq,
            known_batches: known.batches,
        }
    }
}
