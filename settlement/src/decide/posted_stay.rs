//! 参保地补录的住院: stays that were settled beside the hub and posted with their days, so that a later stay may go on from
//! them (policy.md C.3) and may not overlap them. Read by settling; the home region's store keeps them.

use jiff::civil::Date;

use super::book::PersonBook;
use crate::benefits::Earlier;
use crate::encounter::{CareKind, Encounter, HospitalLevel};
use crate::ids::{DiagnosisCode, EncounterId, InstitutionCode};
use crate::year_to_date::UsagePosting;

/// What a posting says of its stay beside whose it is and what it used up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StayFacts {
    /// Day of admission.
    pub admitted: Date,
    /// Day of discharge.
    pub discharged: Date,
    /// The institution's level.
    pub level: HospitalLevel,
    /// The main diagnosis, where one is known.
    pub diagnosis: Option<DiagnosisCode>,
}

/// A posted stay in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostedStay {
    /// The posting's number.
    pub posting: String,
    /// Who treated.
    pub institution: InstitutionCode,
    /// The stay's number there.
    pub encounter: EncounterId,
    /// When, at what level, and for what.
    pub facts: StayFacts,
    /// What it used up.
    pub used: UsagePosting,
}

/// A change of which posted stays are in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StayChange {
    /// It was posted.
    Posted(Box<PostedStay>),
    /// What this posting brought was taken back.
    TakenBack(String),
}

impl PostedStay {
    /// Whether it is the stay at hand.
    pub(super) fn is_of(&self, encounter: &Encounter) -> bool {
        self.encounter == encounter.id && self.institution == encounter.institution
    }

    /// As a stay from which a later one may go on.
    pub(super) fn as_earlier(&self) -> Earlier {
        let StayFacts { admitted, discharged, level, diagnosis } = &self.facts;
        let UsagePosting { usage, day } = &self.used;
        Earlier {
            same_stay: false,
            encounter: self.encounter.clone(),
            institution: self.institution.clone(),
            level: *level,
            insurance: usage.insurance,
            care: CareKind::Inpatient,
            admitted: *admitted,
            discharged: Some(*discharged),
            diagnosis: diagnosis.clone(),
            day: *day,
            year: usage.year,
            // Only parts of the stay at hand are asked for their bill, and this is none.
            total: usage.sums.in_policy,
            deductible: usage.sums.deductible,
        }
    }
}

impl PersonBook {
    /// Lets a posted stay count, or count no more.
    pub fn change_stay(&mut self, change: &StayChange) {
        match change {
            StayChange::Posted(stay) => self.posted_stays.push((**stay).clone()),
            StayChange::TakenBack(posting) => self.posted_stays.retain(|stay| stay.posting != *posting),
        }
    }
}
