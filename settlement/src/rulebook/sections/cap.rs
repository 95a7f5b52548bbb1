//! 封顶线: the caps of the basic fund, and the ceilings of what pays after it (policy.md C.5).

use super::{Above, Measure};
use crate::encounter::CareKind;
use crate::ids::DiseaseCode;
use crate::money::Money;
use crate::rulebook::clause::{Limit, Setting};
use crate::rulebook::conditions::Cases;
use crate::rulebook::word::Word;
use crate::year_to_date::Usage;

super::words! {
    /// For how long a cap's sum is.
    CapPer {
        /// For a benefit year.
        Year = "year",
        /// For a calendar month.
        Month = "month",
    }
}

/// 封顶线 of the basic fund. Several may hold at once, one inside another: the tightest binds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cap {
    /// The kinds of care that count together.
    pub counts: Cases,
    /// Of chronic care, the diseases that count; empty for every disease.
    pub counts_diseases: Vec<DiseaseCode>,
    /// Measured on what.
    pub measure: Measure,
    /// For how long the sum is.
    pub per: CapPer,
    /// Whether what a month leaves unused carries on within the benefit year.
    pub carried: bool,
    /// The sum.
    pub amount: Setting<Money>,
    /// What is added to it for long enrolment.
    pub growth: Growth,
    /// Who bears what is above it.
    pub above: Above,
    /// Whether it counts one disease alone: rows with a condition on `disease` do.
    pub of_disease: bool,
}

impl Cap {
    /// Whether two caps count the same care over the same time; of such caps one holds for a person, not several at
    /// once.
    pub fn same_scope(&self, other: &Cap) -> bool {
        self.counts == other.counts
            && self.counts_diseases == other.counts_diseases
            && self.per == other.per
            && self.of_disease == other.of_disease
    }

    /// Whether a usage counts: by its kind of care and, for chronic care, its disease.
    pub fn counts(&self, usage: &Usage) -> bool {
        counts_together(self.counts, &self.counts_diseases, usage.care, usage.disease.as_ref())
    }
}

/// Whether some care belongs to what is counted together: by its kind and, for chronic care, its disease. No named
/// disease is every disease.
pub fn counts_together(
    counted: Cases,
    diseases: &[DiseaseCode],
    care: CareKind,
    disease: Option<&DiseaseCode>,
) -> bool {
    let named = |disease: &DiseaseCode| diseases.iter().any(|named| named.same_disease(disease));
    counted.has_care(care) && (diseases.is_empty() || disease.is_none_or(named))
}

/// What is added to a cap for long enrolment without a break, and for benefit years without a claim.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Growth {
    /// For each full year of enrolment beyond [`Growth::from_years`].
    pub per_year: Option<Setting<Money>>,
    /// How many full years add nothing yet.
    pub from_years: i64,
    /// For each year without a claim.
    pub per_claim_free_year: Option<Setting<Money>>,
    /// At most so much in all.
    pub at_most: Option<Setting<Money>>,
}

impl Growth {
    /// A cap that does not grow.
    pub const NONE: Growth = Growth { per_year: None, from_years: 0, per_claim_free_year: None, at_most: None };
}

/// The cap of a layer for a benefit year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ceiling {
    /// The sum, or that there is none.
    pub amount: Limit,
    /// What is added to it for long enrolment.
    pub growth: Growth,
    /// Who bears what is above it: the person, or nobody knows whether it is the cap.
    pub above: Above,
    /// The kinds of care that share it, where a row names them; otherwise all that the layer pays.
    pub counts: Option<Cases>,
}
