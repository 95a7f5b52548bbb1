//! 分段支付: the cost beyond the deductible laid over the segments of the ratio table (policy.md C.4). Exact; the
//! fund's sum is rounded by `pooled`.

use rust_decimal::Decimal;

use super::explanation::{Derived, Step};
use super::off_site::RatioChange;
use super::worksheet::Worksheet;
use crate::money::Money;
use crate::refusal::Refusal;
use crate::rulebook::conditions::Cases;
use crate::rulebook::ratio::Ratio;
use crate::rulebook::sections::{CareRules, Rounding, Segment, SegmentBase};
use crate::rulebook::table::Row;

/// The cost in one segment in exact fen, the share that the fund pays of it, and what that comes to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slice {
    cost: Decimal,
    ratio: Ratio,
    payment: Decimal,
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
    let used = sheet.used(Cases::at([sheet.facts.care as usize]));
    let start = match rules.segment_base {
        SegmentBase::Bill => Money::ZERO,
        SegmentBase::Year => used.in_policy,
        SegmentBase::FundPaid => return by_fund_paid(sheet, rules, change, (used.basic, to - from)),
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
        let ratio = ratio(sheet, row)?;
        let effective = change.apply(ratio);
        sheet.note(Step::Segment { clause: row.clause, change: change.clause, from: lower, cost, ratio, effective });
        slices.0.push(Slice { cost: cost.exact(), ratio: effective, payment: effective.of(cost) });
    }
    // With no row at all the rule is unknown; with rows, what lies above the last one is not paid.
    if any { Ok(slices) } else { rules.ratio.needed(&facts).map(|_| slices) }
}

/// The home ratio of a segment, at the person's age.
fn ratio(sheet: &mut Worksheet<'_>, row: &Row<Segment>) -> Result<Ratio, Refusal> {
    let ratio = row.value.ratio.needed(sheet.book, row.clause)?;
    let Some(grows) = row.value.by_age else { return Ok(ratio) };
    let per_year = grows.per_year.needed(sheet.book, row.clause)?;
    let at_most = grows.at_most.needed(sheet.book, row.clause)?;
    let age = sheet.facts.age.max(0);
    let raised = ratio.grown(per_year, age).min(at_most);
    sheet.note(Step::Derived(Derived::ByAge { clause: row.clause, ratio, per_year, age, raised }));
    Ok(raised)
}

/// Lays a cost over segments that are measured on what the fund has paid: a segment takes as much cost as its
/// payments reach to its end.
fn by_fund_paid(
    sheet: &mut Worksheet<'_>,
    rules: &CareRules,
    change: RatioChange,
    (paid_before, cost): (Money, Money),
) -> Result<Slices, Refusal> {
    let facts = sheet.facts;
    let mut slices = Slices::default();
    let (mut at, mut left) = (paid_before.exact(), cost.exact());
    let mut any = false;
    for row in rules.ratio.matching(&facts) {
        any = true;
        let is_past = row.value.to.is_some_and(|end| at >= end.exact());
        if is_past || left.is_zero() {
            continue;
        }
        let ratio = ratio(sheet, row)?;
        let effective = change.apply(ratio);
        let whole = effective.of_exact(left);
        let room = row.value.to.map(|end| end.exact() - at).filter(|room| whole > *room);
        // What pays nothing never reaches an end; more than there is room for is above zero, so the ratio is too.
        let (cost, payment) = room.map_or((left, whole), |room| (room / effective.value(), room));
        let (from, shown) = (Money::round(at), Money::round(cost));
        sheet.note(Step::Segment { clause: row.clause, change: change.clause, from, cost: shown, ratio, effective });
        slices.0.push(Slice { cost, ratio: effective, payment });
        (at, left) = (at + payment, left - cost);
    }
    if any { Ok(slices) } else { rules.ratio.needed(&facts).map(|_| slices) }
}

impl Slices {
    /// What the fund pays, rounded as the book says.
    pub(super) fn payment(&self, rounding: Rounding) -> Money {
        let exact = self.0.iter().map(|slice| slice.payment);
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
            let Slice { cost, ratio, payment } = *slice;
            if payment <= left {
                left -= payment;
            } else {
                // A payment above what is left is above zero, so the ratio is too.
                beyond += cost - left / ratio.value();
                left = Decimal::ZERO;
            }
        }
        beyond
    }
}
