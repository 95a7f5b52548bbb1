//! Every way of saying no, with a stable code. A refusal is a value: it goes back to the caller, and where it is the
//! answer to an operation it is remembered like any other answer.
//!
//! Two files turn it into words for others: `proto/src/status.rs` for gRPC and `adapters/his/src/answer.rs` for the
//! national interface.

use std::borrow::Cow;
use std::fmt;

/// What the caller can do about a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Remedy {
    /// Correct the message and send it again under a new message id.
    Correct,
    /// Nothing at this desk: the person's region, or the person, has to act first.
    Elsewhere,
    /// The same message may be sent again later.
    Retry,
    /// Wait and query; neither collect again nor assume.
    Query,
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $remedy:ident;)*) => {
        /// Why something is refused. The order is the order in which checks are made; the codes never change.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason {
            $($(#[$doc])* $name,)*
        }

        impl Reason {
            /// Every reason, in documented order.
            pub const ALL: &[Reason] = &[$(Reason::$name,)*];

            /// The stable code.
            pub fn code(self) -> u16 {
                match self {
                    $(Reason::$name => $code,)*
                }
            }

            /// What the caller can do.
            pub fn remedy(self) -> Remedy {
                match self {
                    $(Reason::$name => Remedy::$remedy,)*
                }
            }
        }
    };
}

reasons! {
    /// The message is not JSON, or not a message of ours.
    Malformed = 101, Correct;
    /// The message is larger than a message may be.
    TooLarge = 102, Correct;
    /// The sender's signature, key or time stamp is wrong.
    NotAuthenticated = 103, Correct;
    /// No such transaction.
    UnknownTransaction = 104, Correct;
    /// A field that is needed is missing or empty.
    MissingField = 105, Correct;
    /// A field has a value that it cannot have.
    InvalidField = 106, Correct;

    /// No such institution on the day.
    UnknownInstitution = 201, Correct;
    /// The institution is not one that the sender acts for.
    InstitutionNotYours = 202, Correct;
    /// The institution's agreement is suspended on the day.
    AgreementSuspended = 203, Elsewhere;
    /// The institution is not opened for this kind of care.
    CareNotOpened = 204, Elsewhere;
    /// The institution is not opened for this chronic disease.
    DiseaseNotOpened = 205, Elsewhere;
    /// The table of regions has no such code, or it pools nobody.
    UnknownRegion = 206, Correct;
    /// The region is known, but nobody serves it here.
    RegionNotServed = 207, Elsewhere;
    /// The treatment member has suspended direct settlement for the home member, which has not paid for months.
    MemberSuspended = 208, Elsewhere;

    /// The same key came before with other content; the field that differs is named.
    ContentDiffers = 301, Correct;
    /// The key was voided: a reversal or a query came before the message itself.
    Voided = 302, Correct;

    /// No such visit or stay at this institution.
    UnknownEncounter = 401, Correct;
    /// The visit or stay is closed, cancelled, or discharged.
    EncounterClosed = 402, Correct;
    /// The stay is not discharged yet, and this is not a mid-way settlement.
    NotDischarged = 403, Correct;
    /// Something that was done since has to be undone first.
    UndoFirst = 404, Correct;
    /// There is no unsettled charge.
    NoCharges = 405, Correct;
    /// The total in the message is not the total of the charges.
    TotalDiffers = 406, Correct;
    /// No such charge line.
    UnknownCharge = 407, Correct;
    /// The number of the charge line is taken.
    DuplicateCharge = 408, Correct;
    /// A negative line names no earlier line, or takes back more than it has.
    NegativeBeyondOriginal = 409, Correct;
    /// The sums do not add up.
    SumsDiffer = 410, Correct;

    /// Nobody of this number, or of this document, is insured in the region.
    UnknownPerson = 501, Correct;
    /// The person is not insured on the day.
    NotInsured = 502, Elsewhere;
    /// The person's benefits are suspended on the day.
    BenefitsSuspended = 503, Elsewhere;
    /// A third party is liable for the injury.
    ThirdPartyLiable = 504, Elsewhere;
    /// No filing covers the visit, and the region pays nothing directly without one.
    NotFiled = 505, Elsewhere;
    /// The visit names no disease although it is settled as chronic care.
    DiseaseMissing = 506, Correct;
    /// The person is not qualified for the disease.
    NotQualified = 507, Elsewhere;
    /// The disease is not one that is settled across provinces.
    DiseaseNotSettled = 508, Elsewhere;
    /// The region's rules do not pay this kind of care at such an institution.
    NotPayable = 509, Elsewhere;
    /// No rule book is in force for the insurance on the day.
    NoRuleBook = 510, Elsewhere;
    /// The rule that decides is not known; nothing is guessed.
    RuleUnset = 511, Elsewhere;
    /// The batch, or the whole stay, is settled and in force.
    AlreadySettled = 512, Correct;
    /// The stay overlaps another stay of the person by more than the day of transfer.
    OverlappingStay = 513, Elsewhere;
    /// A manual claim has paid this bill already.
    ClaimedManually = 514, Elsewhere;
    /// The region lets nobody change a filing so soon.
    FilingLocked = 515, Elsewhere;

    /// No such settlement.
    UnknownSettlement = 601, Correct;
    /// The settlement is cancelled already.
    AlreadyCancelled = 602, Correct;
    /// The settlement is reversed already.
    AlreadyReversed = 603, Correct;
    /// The cancellation cannot be reversed: the visit was settled again since.
    SettledAgain = 604, Correct;
    /// Several messages of that number could be meant.
    AmbiguousOriginal = 605, Correct;
    /// That transaction cannot be reversed.
    NotReversible = 606, Correct;

    /// The region does not answer at the moment; nothing was sent to it.
    RegionUnavailable = 701, Retry;
    /// Too much at once; nothing was kept.
    Busy = 702, Retry;
    /// The message was sent and its result is not known yet.
    NotYetKnown = 703, Query;
    /// A fault of ours; nothing was changed.
    Internal = 801, Retry;
}

impl Reason {
    /// The reason that a code stands for.
    pub fn from_code(code: u16) -> Option<Reason> {
        Reason::ALL.iter().copied().find(|reason| reason.code() == code)
    }

    /// Whether sending the same message again can succeed. Everything else is final.
    pub fn is_transient(self) -> bool {
        matches!(self.remedy(), Remedy::Retry | Remedy::Query)
    }
}

/// The field that a home region names when its book ends before what the hub knows of it; the detail says where.
pub const BOOK_SEQ: &str = "book_seq";

/// The field that it names when its book ends no earlier, and lacks batches of corrections that the hub knows of; the detail
/// says which is the last that it has.
pub const BOOK_BATCHES: &str = "book_batches";

/// A refusal: the reason, the field it is about, and what of the matter the caller may know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Refusal {
    /// Why.
    pub reason: Reason,
    /// The interface's name of the field at fault.
    pub field: Option<Cow<'static, str>>,
    /// What exactly: an earlier settlement's id, a sum, a date, a clause. Never a name or a document number.
    pub detail: Option<String>,
}

impl Refusal {
    /// A refusal for a reason.
    pub fn new(reason: Reason) -> Refusal {
        Refusal { reason, field: None, detail: None }
    }

    /// Names the field at fault.
    pub fn of_field(self, field: impl Into<Cow<'static, str>>) -> Refusal {
        Refusal { field: Some(field.into()), ..self }
    }

    /// Says what exactly.
    pub fn because(self, detail: impl Into<String>) -> Refusal {
        Refusal { detail: Some(detail.into()), ..self }
    }
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Refusal {
        Refusal::new(reason)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "refused ({}, {:?})", self.reason.code(), self.reason)?;
        if let Some(field) = &self.field {
            write!(f, " for {field}")?;
        }
        if let Some(detail) = &self.detail {
            write!(f, ": {detail}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_rise_in_documented_order() {
        let codes: Vec<u16> = Reason::ALL.iter().map(|reason| reason.code()).collect();
        assert!(codes.is_sorted_by(|earlier, later| earlier < later), "{codes:?}");
    }

    #[test]
    fn a_code_names_its_reason() {
        for reason in Reason::ALL {
            assert_eq!(Reason::from_code(reason.code()), Some(*reason));
        }
        assert_eq!(Reason::from_code(0), None);
    }
}
