//! What was settled before, as far as a deductible may hang on it: earlier parts of the visit or stay at hand, and the
//! person's stays before it.

use jiff::civil::Date;

use crate::encounter::{CareKind, HospitalLevel};
use crate::ids::{DiagnosisCode, EncounterId, InstitutionCode};
use crate::money::Money;
use crate::person::Insurance;
use crate::year_to_date::BenefitYear;

/// An earlier settlement of the person that is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Earlier {
    /// Whether it is of the visit or stay at hand.
    pub same_stay: bool,
    /// Of which visit or stay it is.
    pub encounter: EncounterId,
    /// Who treated.
    pub institution: InstitutionCode,
    /// The institution's level.
    pub level: HospitalLevel,
    /// Under which insurance.
    pub insurance: Insurance,
    /// The kind of care.
    pub care: CareKind,
    /// Day of admission or visit.
    pub admitted: Date,
    /// Day of discharge, where there is one.
    pub discharged: Option<Date>,
    /// The main diagnosis, where the hospital stated one.
    pub diagnosis: Option<DiagnosisCode>,
    /// The day under which it counts.
    pub day: Date,
    /// The benefit year in which it counts.
    pub year: BenefitYear,
    /// The bill's total.
    pub total: Money,
    /// The deductible borne in it.
    pub deductible: Money,
}
