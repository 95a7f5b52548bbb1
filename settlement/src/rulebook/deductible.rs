//! 起付线 as a rule book writes it (policy.md C.3): what it comes to, how often it is due, and which stays go on from
//! earlier ones. Only shape; `parse/deductible.rs` reads it, `benefits/deductible.rs` applies it.

use crate::encounter::HospitalLevel;
use crate::ids::DiseaseCode;
use crate::money::Money;
use crate::rulebook::clause::Setting;
use crate::rulebook::conditions::Cases;
use crate::rulebook::ratio::Ratio;
use crate::rulebook::sections::{ContinuedDeductible, Per, counts_together};
use crate::year_to_date::Usage;

/// 起付线.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deductible {
    /// What it comes to.
    pub due: Due,
    /// How often it is due.
    pub per: Per,
    /// The days of a cycle, where it is due once a cycle.
    pub cycle_days: i64,
    /// The kinds of care whose deductibles count together, where it is due once a year or cycle.
    pub shared_by: Cases,
    /// Of chronic care, the diseases whose deductibles count; empty for every disease.
    pub counts_diseases: Vec<DiseaseCode>,
    /// Whether it counts one disease alone, where it is due once a year or cycle: the chronic disease, or the main
    /// diagnoses that the row names (the same ICD-10 category where it names none).
    pub per_disease: bool,
    /// How it falls with each further stay of the benefit year.
    pub falls: Option<Fall>,
    /// Every so many days of a stay it is due once more.
    pub again_after_days: Option<i64>,
}

impl Deductible {
    /// Whether a usage's deductible counts, where it is due once a year or cycle.
    pub fn counts(&self, usage: &Usage) -> bool {
        counts_together(self.shared_by, &self.counts_diseases, usage.care, usage.disease.as_ref())
    }
}

/// What a deductible comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// `amount`: a sum.
    Sum(Setting<Money>),
    /// `share_of_bill`: a share of the bill's total, within bounds.
    ShareOfBill {
        /// The share.
        share: Setting<Ratio>,
        /// Not less.
        at_least: Setting<Money>,
        /// Not more, where there is a bound.
        at_most: Option<Setting<Money>>,
    },
    /// `none = true`: nothing.
    Nothing,
}

/// `falls_by`, `down_to`: each further stay of the year bears that much less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fall {
    /// By so much.
    pub by: Setting<Money>,
    /// Not below this sum.
    pub down_to: Setting<Money>,
}

/// 视同一次住院: when a stay goes on from an earlier one and counts as the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Continues {
    /// Admitted at most so many days after the earlier one's discharge; 0 for the same day.
    pub within_days: i64,
    /// Only in the same institution.
    pub same_institution: bool,
    /// Only under a main diagnosis of the same ICD-10 category.
    pub same_diagnosis: bool,
    /// Only from an institution of these levels.
    pub from_level: Cases,
    /// What it bears.
    pub deductible: ContinuedDeductible,
}

impl Continues {
    /// Whether a stay that began in a way goes on from one that ended in another.
    pub(crate) fn joins(
        &self,
        gap_days: i64,
        same_institution: bool,
        same_diagnosis: bool,
        from: HospitalLevel,
    ) -> bool {
        (0..=self.within_days).contains(&gap_days)
            && (same_institution || !self.same_institution)
            && (same_diagnosis || !self.same_diagnosis)
            && self.from_level.has(from as usize)
    }
}
