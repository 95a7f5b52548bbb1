//! Refusals ↔ gRPC: the one place. A refusal that is not the answer to an operation travels as a status whose
//! details are the refusal itself, so nothing is lost on the way.

use bytes::Bytes;
use prost::Message;
use settlement::refusal::{Reason, Refusal, Remedy};
use tonic::{Code, Status};

use crate::convert::{self, WireError};
use crate::v1;

/// The status that carries a refusal.
pub fn of_refusal(refusal: &Refusal) -> Status {
    let details: Bytes = convert::write_refused(refusal).encode_to_vec().into();
    Status::with_details(code_of(refusal.reason), refusal.to_string(), details)
}

/// The refusal that a status carries; none in a status of another make.
pub fn carried_refusal(status: &Status) -> Option<Refusal> {
    let refused = v1::Refused::decode(status.details()).ok().filter(|refused| refused.code != 0)?;
    convert::read_refused(&refused).ok()
}

/// The refusal that a status carries. A status of another make is a fault between us and the other side: the region
/// is not to be had.
pub fn to_refusal(status: &Status) -> Refusal {
    carried_refusal(status)
        .unwrap_or_else(|| Refusal::new(Reason::RegionUnavailable).because(format!("{:?}", status.code())))
}

/// Why a call brought no reply, whatever carried it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoReply {
    /// No connection could be made: nothing left.
    NeverSent,
    /// The other side refuses in our own words.
    Refused(Refusal),
    /// It was sent, and nobody knows what became of it.
    Silent(Code),
}

impl NoReply {
    /// What a status says. Whether anything was sent is for the connection to say.
    pub fn of(status: &Status, never_sent: bool) -> NoReply {
        match carried_refusal(status) {
            Some(refusal) => NoReply::Refused(refusal),
            None if never_sent => NoReply::NeverSent,
            None => NoReply::Silent(status.code()),
        }
    }

    /// For logs: without the other side's own words, in which there may be anything.
    pub fn word(&self) -> String {
        match self {
            NoReply::NeverSent => "never sent".to_owned(),
            NoReply::Refused(refusal) => format!("refused {}", refusal.reason.code()),
            NoReply::Silent(code) => format!("silent {code:?}"),
        }
    }

    /// What is told where the call had no effect: without words of its own, the other side is not to be had.
    pub fn into_refusal(self) -> Refusal {
        match self {
            NoReply::Refused(refusal) => refusal,
            NoReply::NeverSent => Refusal::new(Reason::RegionUnavailable).because(format!("{:?}", Code::Unavailable)),
            NoReply::Silent(code) => Refusal::new(Reason::RegionUnavailable).because(format!("{code:?}")),
        }
    }
}

/// The refusal of a message that cannot be read.
pub fn refusal_of_wire_error(error: &WireError) -> Refusal {
    let field = error.faults.first().map(|fault| fault.field.clone()).unwrap_or_default();
    Refusal::new(Reason::InvalidField).of_field(field).because(error.to_string())
}

/// The status for a message that cannot be read.
pub fn of_wire_error(error: &WireError) -> Status {
    of_refusal(&refusal_of_wire_error(error))
}

fn code_of(reason: Reason) -> Code {
    match (reason, reason.remedy()) {
        (Reason::NotAuthenticated, _) => Code::Unauthenticated,
        (Reason::InstitutionNotYours, _) => Code::PermissionDenied,
        (Reason::Busy, _) => Code::ResourceExhausted,
        (Reason::Internal, _) => Code::Internal,
        (_, Remedy::Correct) => Code::InvalidArgument,
        (_, Remedy::Elsewhere) => Code::FailedPrecondition,
        (_, Remedy::Retry | Remedy::Query) => Code::Unavailable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_survives_the_way_through_a_status() {
        for reason in Reason::ALL {
            let refusal = Refusal::new(*reason).of_field("medfee_sumamt").because("100.00");
            assert_eq!(to_refusal(&of_refusal(&refusal)), refusal);
        }
    }

    #[test]
    fn a_status_of_another_make_is_an_unavailable_region() {
        assert_eq!(to_refusal(&Status::unknown("x")).reason, Reason::RegionUnavailable);
    }
}
