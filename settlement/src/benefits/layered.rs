//! A cost laid over the segments of a layer's ratio table, where the cost begins somewhere on their scale. Exact; the
//! layer rounds its sum.

use super::worksheet::Worksheet;
use crate::money::{Fraction, Money};
use crate::refusal::Refusal;
use crate::rulebook::clause::Clause;
use crate::rulebook::ratio::Ratio;
use crate::rulebook::sections::Segment;
use crate::rulebook::table::Table;

/// The part of a cost that lies in one segment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub(super) clause: Clause,
    /// Whether the segment is a part of the scale, not the whole of it.
    pub(super) bounded: bool,
    /// Where the part begins on the scale.
    pub(super) from: Money,
    pub(super) cost: Fraction,
    pub(super) ratio: Ratio,
}

impl Part {
    /// What the layer pays of it, before any change.
    pub(super) fn payment(&self) -> Fraction {
        self.cost.times(self.ratio.fraction())
    }
}

/// Lays a cost over the segments, the lowest first.
pub(super) fn lay(
    sheet: &Worksheet<'_>,
    ratios: &Table<Segment>,
    from: Money,
    cost: Fraction,
) -> Result<Vec<Part>, Refusal> {
    let (start, end) = (Fraction::from(from), Fraction::from(from) + cost);
    let mut parts = Vec::new();
    let mut any = false;
    for row in ratios.matching(&sheet.facts) {
        any = true;
        let lower = row.value.from.max(from);
        let upper = row.value.to.map_or(end, |to| end.min(to.into()));
        let cost = (upper - start.max(lower.into())).at_least_zero();
        if !cost.is_zero() {
            let ratio = row.value.ratio.needed(sheet.book, row.clause)?;
            parts.push(Part { clause: row.clause, bounded: row.value.is_bounded(), from: lower, cost, ratio });
        }
    }
    // With no row at all the rule is unknown; with rows, what lies above the last one is not paid.
    if any { Ok(parts) } else { ratios.needed(&sheet.facts).map(|_| parts) }
}

/// What the layer pays of all parts.
pub(super) fn payment(parts: &[Part]) -> Fraction {
    parts.iter().fold(Fraction::ZERO, |sum, part| sum + part.payment())
}
