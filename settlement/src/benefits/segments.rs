//! 分段支付: the cost beyond the deductible laid over the segments of the ratio table (policy.md C.4). Exact; the
//! fund's sum is rounded by `pooled`.

use rust_decimal::Decimal;

use super::explanation::Step;
use super::off_site::RatioChange;
use super::worksheet::Worksheet;
use crate::money::Money;
use crate::refusal::Refusal;
use crate::rulebook::conditions::Cases;
use crate::rulebook::ratio::Ratio;
use crate::rulebook::sections::{CareRules, Rounding, SegmentBase};

/// The cost in one segment, and the share that the fund pays of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slice {
    cost: Money,
    ratio: Ratio,
}

/// The slices of a cost, the lowest first.
#[derive(Debug, Default)]
pub(super) struct Slices(Vec<Slice>);

/// Lays the cost between two points of the benefit base over the segments.
pub(super) fn slices(
    sheet: &mut Worksheet<'_>,
    rules: &CareRules,
    change: RatioChange,
    (from, to): (Money, Money),
) -> Result<Slices, Refusal> {
    let start = match rules.segment_base {
        SegmentBase::Bill => Money::ZERO,
        SegmentBase::Year => sheet.used(Cases::at([sheet.facts.care as usize])).in_policy,
    };
    let facts = sheet.facts;
    let mut slices = Slices::default();
    let mut any = false;
    for row in rules.ratio.matching(&facts) {
        any = true;
        let lower = row.value.from.max(start + from);
        let upper = row.value.to.map_or(start + to, |end| end.min(start + to));
        let cost = (upper - lower).at_least_zero();
        if cost.is_zero() {
            continue;
        }
        let ratio = row.value.ratio.needed(sheet.book, row.clause)?;
        let effective = change.apply(ratio);
        sheet.note(Step::Segment { clause: row.clause, change: change.clause, from: lower, cost, ratio, effective });
        slices.0.push(Slice { cost, ratio: effective });
    }
    // With no row at all the rule is unknown; with rows, what lies above the last one is not paid.
    if any { Ok(slices) } else { rules.ratio.needed(&facts).map(|_| slices) }
}

impl Slices {
    /// What the fund pays, rounded as the book says.
    pub(super) fn payment(&self, rounding: Rounding) -> Money {
        let exact = self.0.iter().map(|slice| slice.ratio.of(slice.cost));
        match rounding {
            Rounding::FundTotal => Money::round(exact.sum()),
            Rounding::Segment => exact.map(Money::round).sum(),
        }
    }

    /// The cost that a limit on the payment leaves unpaid, in exact fen: of each segment, lowest first, as much is
    /// covered as the rest of the limit buys at the segment's ratio (policy.md C.5).
    pub(super) fn cost_beyond(&self, limit: Money) -> Decimal {
        let mut left = limit.exact();
        let mut beyond = Decimal::ZERO;
        for slice in &self.0 {
            let (cost, payment) = (slice.cost.exact(), slice.ratio.of(slice.cost));
            if payment <= left {
                left -= payment;
            } else {
                // A payment above what is left is above zero, so the ratio is too.
                beyond += cost - left / slice.ratio.value();
                left = Decimal::ZERO;
            }
        }
        beyond
    }
}
