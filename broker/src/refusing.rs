//! How the hub's services refuse, as far as they do it alike. Which refusal fits what, each service says itself.

use std::borrow::Cow;
use std::error::Error;
use std::panic::Location;

use ledger::store::StoreError;
use proto::status::of_refusal;
use settlement::refusal::{Reason, Refusal};
use tonic::Status;

/// A field that holds what it cannot.
pub(crate) fn invalid(field: impl Into<Cow<'static, str>>, problem: impl Into<String>) -> Refusal {
    Refusal::new(Reason::InvalidField).of_field(field).because(problem)
}

/// The hub's own store failed: whoever asks is told no more than that, and the log tells where.
#[track_caller]
pub(crate) fn failed(fault: &StoreError) -> Refusal {
    let at = Location::caller();
    tracing::error!(error = fault as &dyn Error, %at, "the hub's store could not be read or written, at {at}");
    Refusal::new(Reason::Internal)
}

/// A refusal on its way to the caller.
pub(crate) fn refuse(refusal: Refusal) -> Status {
    of_refusal(&refusal)
}
