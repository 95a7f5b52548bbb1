//! How the hub's services refuse, as far as they do it alike. Which refusal fits what, each service says itself.

use std::borrow::Cow;
use std::error::Error;
use std::panic::Location;

use identity::name::Role;
use ledger::store::StoreError;
use proto::status::of_refusal;
use settlement::ids::RegionCode;
use settlement::refusal::{Reason, Refusal};
use tonic::Status;

/// A field that holds what it cannot.
pub(crate) fn invalid(field: impl Into<Cow<'static, str>>, problem: impl Into<String>) -> Refusal {
    Refusal::new(Reason::InvalidField).of_field(field).because(problem)
}

/// What is asked is not for the caller's certificate, but for one of a role in one of these regions. They are told, so
/// they are regions of which the caller knows: it named them, or what it named tells them.
pub(crate) fn not_yours(field: impl Into<Cow<'static, str>>, role: Role, codes: &[RegionCode]) -> Refusal {
    let names: Vec<String> = codes.iter().map(|code| format!("yidi://{code}/{role}")).collect();
    let detail = format!("it takes a certificate of {}", names.join(" or "));
    Refusal::new(Reason::InstitutionNotYours).of_field(field).because(detail)
}

/// The same of a region that is none of the operator's, whether or not there is anything of it.
pub(crate) fn out_of_scope(field: &'static str, codes: &[RegionCode]) -> Refusal {
    let Refusal { field, detail, .. } = not_yours(field, Role::Operator, codes);
    let detail = format!("the region is outside the operator's scope: {}", detail.unwrap_or_default());
    Refusal { reason: Reason::NotAuthenticated, field, detail: Some(detail) }
}

/// An id under which there is something of others already, of which the caller is told no more than that.
pub(crate) fn taken(field: &'static str, region: RegionCode) -> Refusal {
    invalid(
        field,
        format!(
            "is taken: ids are one name space for all regions; choose one such as {region}-1, which begins with your region's code"
        ),
    )
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
