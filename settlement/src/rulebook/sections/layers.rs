//! What pays after the basic fund: large sums, the catastrophic layer, the civil-servant supplement, assistance.

use super::{Ceiling, Segment, SegmentBase, TierBase};
use crate::money::Money;
use crate::rulebook::clause::{Clause, Setting};
use crate::rulebook::conditions::Cases;
use crate::rulebook::ratio::Ratio;
use crate::rulebook::table::Table;
use crate::rulebook::word::Word;

super::words! {
    /// How the cost above a cap on the fund's payment is found. Both ways divide exactly, and are the same where one
    /// ratio holds for the whole bill.
    LargeSumBase {
        /// Segment by segment, the lowest first: each is bought at its own ratio.
        AboveCap = "above_cap",
        /// What is left of the cap, divided by the ratio that the fund pays of the whole bill.
        CapBought = "cap_bought",
    }
}

/// 大额补助: what pays above the basic cap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LargeSum {
    /// How the cost above the cap is found.
    pub base: LargeSumBase,
    /// Its share, by segments of the cost above the cap in the benefit year.
    pub ratio: Table<Segment>,
    /// Its cap for a benefit year.
    pub cap: Table<Ceiling>,
}

/// Which parts of the person's burden a layer looks at, in which care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerBase {
    /// The parts.
    pub includes: Cases,
    /// The kinds of care.
    pub care: Cases,
    /// Where the book says so.
    pub clause: Clause,
}

/// 大病保险.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Catastrophic {
    /// What it looks at.
    pub base: LayerBase,
    /// What its tiers are measured on.
    pub tier_base: TierBase,
    /// Its own deductible for a benefit year.
    pub deductible: Table<Setting<Money>>,
    /// Its tiers.
    pub ratio: Table<Segment>,
    /// How it pays care elsewhere differently; without rows it does not.
    pub off_site: Table<LayerChange>,
    /// Its cap for a benefit year.
    pub cap: Table<Ceiling>,
}

/// How a layer pays care elsewhere differently: points before the factor, as in `off_site`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerChange {
    /// Percentage points off the ratio.
    pub points: Option<Setting<Ratio>>,
    /// A factor on the ratio.
    pub factor: Option<Setting<Ratio>>,
}

/// 公务员医疗补助.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CivilServant {
    /// What it looks at.
    pub base: LayerBase,
    /// What its segments are measured on: what it looks at of the bill, or of the benefit year so far.
    pub segment_base: SegmentBase,
    /// Its share.
    pub ratio: Table<Segment>,
    /// Its cap for a benefit year.
    pub cap: Table<Ceiling>,
}

/// 医疗救助.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assistance {
    /// What it looks at.
    pub base: LayerBase,
    /// From what burden of the benefit year on it pays.
    pub start: Table<Start>,
    /// Its share.
    pub ratio: Table<Setting<Ratio>>,
    /// Its caps for a benefit year.
    pub cap: Table<Ceiling>,
    /// 倾斜救助, where the region has it.
    pub tilt: Option<Tilt>,
}

/// 起付标准 of assistance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    /// The burden of the benefit year from which on it pays.
    pub amount: Setting<Money>,
    /// The kinds of care whose burden uses it up, where a row names them; otherwise all that assistance looks at.
    pub counts: Option<Cases>,
}

/// 倾斜救助: assistance pays once more on what is still borne of a benefit year above a second start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tilt {
    /// What it looks at, after assistance.
    pub base: LayerBase,
    /// From what burden of the benefit year on it pays; where no row applies, it does not.
    pub start: Table<Setting<Money>>,
    /// Its share.
    pub ratio: Table<Setting<Ratio>>,
    /// Its cap for a benefit year, beside the cap of assistance.
    pub cap: Table<Ceiling>,
}
