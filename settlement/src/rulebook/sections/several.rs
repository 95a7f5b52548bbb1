//! 门诊慢特病多病种: what holds for a person who is qualified for several chronic diseases (policy.md C.8).

use crate::rulebook::clause::Clause;
use crate::rulebook::word::Word;

super::words! {
    /// How the caps of several diseases stand together.
    SeveralCap {
        /// Each disease has its own.
        Each = "each",
        /// All share the highest one.
        Highest = "highest",
        /// All share the two highest, added up.
        TopTwoAdd = "top_two_add",
    }
}

super::words! {
    /// At which disease's ratio a visit is paid.
    SeveralRatio {
        /// At that of the disease it is for.
        Own = "own",
        /// At that of the disease that is paid best.
        Highest = "highest",
    }
}

super::words! {
    /// How a yearly deductible is borne for several diseases.
    SeveralDeductible {
        /// For each disease by itself.
        Each = "each",
        /// Once for all of them.
        One = "one",
    }
}

/// What holds for several diseases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Several {
    /// So many diseases count, those first that the person was qualified for first; none for all.
    pub diseases_at_most: Option<usize>,
    /// Their caps.
    pub cap: SeveralCap,
    /// Their ratios.
    pub ratio: SeveralRatio,
    /// Their deductibles; none to count as the row of the deductible says.
    pub deductible: Option<SeveralDeductible>,
    /// Where the book says so.
    pub clause: Clause,
}
