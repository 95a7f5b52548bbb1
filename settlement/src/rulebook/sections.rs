//! The sections of a rule book as types: kinds of care, caps, layers, the off-site change, the account.
//! Only shape; `parse/` reads them, `benefits/` applies them. Caps are in `sections/cap.rs`, what pays after the basic
//! fund in `sections/layers.rs`, several chronic diseases in `sections/several.rs`.

mod cap;
mod layers;
mod several;

pub use cap::{Cap, CapPer, Ceiling, Growth, counts_together};
pub use layers::{Assistance, Catastrophic, CivilServant, LargeSum, LargeSumBase, LayerBase, LayerChange, Start, Tilt};
pub use several::{Several, SeveralCap, SeveralDeductible, SeveralRatio};

use crate::ids::DiseaseCode;
use crate::money::Money;
use crate::person::Validity;
use crate::rulebook::admission::Floor;
use crate::rulebook::clause::{Clause, Setting};
use crate::rulebook::conditions::{Cases, Footing};
use crate::rulebook::deductible::{Continues, Deductible};
use crate::rulebook::ratio::Ratio;
use crate::rulebook::table::Table;
use crate::rulebook::word::Word;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$case_doc:meta])* $case:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$case_doc])* $case,)*
        }

        impl $name {
            /// Every case.
            pub const ALL: &[$name] = &[$($name::$case,)*];

            /// The word in rule books.
            pub fn word(self) -> &'static str {
                match self {
                    $($name::$case => $word,)*
                }
            }

        }

        impl Word for $name {
            fn all() -> &'static [$name] {
                $name::ALL
            }

            fn spelt(self) -> &'static str {
                self.word()
            }
        }
    };
}

pub(crate) use words;

words! {
    /// Which day decides the rule book, class, age, deductible and benefit year.
    DecisionDate {
        /// The day of admission or visit.
        Admission = "admission",
        /// The day of discharge.
        Discharge = "discharge",
        /// The day of settlement.
        Settlement = "settlement",
    }
}

words! {
    /// Where a fund's payment is rounded to the fen (policy.md C.2).
    Rounding {
        /// Once, on the fund's whole payment.
        FundTotal = "fund_total",
        /// On each segment.
        Segment = "segment",
    }
}

words! {
    /// How often a deductible is due.
    Per {
        /// For each stay or visit.
        Stay = "stay",
        /// Once a benefit year.
        Year = "year",
        /// Once in so many days from the day on which one was first borne.
        Cycle = "cycle",
    }
}

words! {
    /// What a stay bears that goes on from an earlier one.
    ContinuedDeductible {
        /// Nothing.
        Nothing = "none",
        /// What its own deductible exceeds the one borne before by.
        Difference = "difference",
    }
}

words! {
    /// Whether a stay that is settled in parts over the end of a benefit year bears its deductible again in the new one
    /// (policy.md A.10).
    CrossYear {
        /// What was borne in the old year counts.
        Once = "once",
        /// The part in the new year is a stay of that year and bears its own.
        Again = "again",
    }
}

words! {
    /// What the bounds of ratio segments are measured on (policy.md C.4).
    SegmentBase {
        /// The bill at hand.
        Bill = "bill",
        /// The in-policy amount of the benefit year so far, this kind of care, the deductible included.
        Year = "year",
        /// What the fund paid in the benefit year so far, for this kind of care.
        FundPaid = "fund_paid",
    }
}

words! {
    /// What a cap of the basic fund is measured on (policy.md C.5).
    Measure {
        /// What the fund has paid.
        FundPaid = "fund_paid",
        /// The in-policy amount.
        InPolicy = "in_policy",
    }
}

words! {
    /// Who bears the cost above a cap.
    Above {
        /// The person; it is cost above a cap, which later layers may look at.
        Person = "person",
        /// The person; it is cost apart, which is no cost above a cap to later layers.
        PersonApart = "person-apart",
        /// The large-sum layer, where the region has one.
        LargeSum = "large-sum",
        /// Nobody knows whether it is the cap: what is above is refused.
        Unknown = "unset",
    }
}

words! {
    /// What the bounds of catastrophic tiers are measured on (policy.md C.9).
    TierBase {
        /// The compliant amount itself.
        Compliant = "compliant",
        /// Its excess over the deductible.
        Excess = "excess",
    }
}

words! {
    /// What happens to outpatient care while the person lies in a hospital.
    DuringStay {
        /// It is settled.
        Pay = "pay",
        /// It is settled with a warning.
        Warn = "warn",
        /// It is refused.
        Refuse = "refuse",
    }
}

words! {
    /// Whether a later mid-way settlement of a stay bears the deductible again (policy.md A.10).
    InterimDeductible {
        /// Once a stay.
        Once = "once",
        /// In each settlement.
        Each = "each",
    }
}

words! {
    /// A part of the bill that the person bears until a layer takes some of it.
    Part {
        /// 起付线.
        Deductible = "deductible",
        /// The share that the ratios leave.
        RatioShare = "ratio_share",
        /// The in-policy cost above a cap.
        AboveCap = "above_cap",
        /// What an off-site pre-deduction took out.
        PreDeduction = "pre_deduction",
        /// 先行自付.
        FirstSelfPay = "first_self_pay",
        /// 超限价自费.
        OverLimit = "over_limit",
        /// 自费.
        SelfPaid = "self_paid",
        /// The in-policy cost above a cap whose `above` is `person-apart`.
        AboveCapApart = "above_cap_apart",
    }
}

/// What the person pays first of class-B items (policy.md A.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstSelfPay {
    /// The treatment place's sum is accepted.
    Sent,
    /// The home region's own share of the gross class-B charges.
    Own(Setting<Ratio>),
}

/// What holds for a person without a filing and without an emergency mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfiled {
    /// Nothing is settled directly.
    Refuse,
    /// The person is treated as on this footing.
    TreatAs(Footing),
}

/// How care elsewhere is paid differently (policy.md C.6). The order is pre-deduction, deductible, points, factor,
/// floor.
/// Another deductible stands in the table of deductibles, a ratio table of its own in the table of ratios, both
/// under a condition on `filing`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OffSite {
    /// A share of the in-policy amount that the person bears before all else.
    pub pre_deduct: Option<Setting<Ratio>>,
    /// Percentage points off the ratio.
    pub points: Option<Setting<Ratio>>,
    /// A factor on the ratio.
    pub factor: Option<Setting<Ratio>>,
    /// A share that the basic fund pays at least.
    pub floor: Option<Floor<Setting<Ratio>>>,
    /// Nothing is paid at such an institution.
    pub not_payable: bool,
}

/// What personal accounts may pay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountRule {
    /// The parts of the burden.
    pub covers: Cases,
    /// Whether relatives' accounts may pay too.
    pub family: bool,
}

/// One segment of a ratio, or one tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Lower bound.
    pub from: Money,
    /// Upper bound; none for no end.
    pub to: Option<Money>,
    /// The share that the fund pays.
    pub ratio: Setting<Ratio>,
    /// How the share grows with age; ratios of the basic fund only.
    pub by_age: Option<ByAge>,
}

/// A ratio that grows with each full year of age (policy.md C.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByAge {
    /// By so much.
    pub per_year: Setting<Ratio>,
    /// Not above this.
    pub at_most: Setting<Ratio>,
}

impl Segment {
    /// Whether it is a part of an amount, not the whole.
    pub fn is_bounded(&self) -> bool {
        !self.from.is_zero() || self.to.is_some()
    }
}

/// How one kind of care is paid by the basic fund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CareRules {
    /// 起付线.
    pub deductible: Table<Deductible>,
    /// A factor on the deductible: half for children, half from the second stay.
    pub deductible_factor: Table<Setting<Ratio>>,
    /// When a stay goes on from an earlier one; inpatient care only.
    pub continues: Table<Continues>,
    /// 支付比例, by segment.
    pub ratio: Table<Segment>,
    /// What the segments are measured on.
    pub segment_base: SegmentBase,
    /// The chronic diseases that are settled across provinces; empty for other care.
    pub diseases: Vec<Disease>,
    /// What holds for a person with several chronic diseases; none for other care, and where each stands for itself.
    pub several: Option<Several>,
}

/// A chronic disease that is settled across provinces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disease {
    /// Its national code.
    pub code: DiseaseCode,
    /// Its name.
    pub name: String,
    /// On which days it is open; none for all.
    pub open: Option<Validity>,
    /// Where the book opens it.
    pub clause: Clause,
}

/// A section that a region may do without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Section<T> {
    /// `none = true`: the region has no such thing.
    None(Clause),
    /// The rules.
    Rules(T),
}

impl<T> Section<T> {
    /// The rules, where the region has any.
    pub fn rules(&self) -> Option<&T> {
        match self {
            Section::None(_) => None,
            Section::Rules(rules) => Some(rules),
        }
    }
}
