//! 分段支付: the cost beyond the deductible laid over the segments of the ratio table (policy.md C.4). Exact; the
//! fund's sum is rounded by `pooled`.

use rust_decimal::Decimal;

use super::explanation::Step;
use super::off_site::RatioChange;
use super::several;
use super::worksheet::Worksheet;
use crate::money::{Fraction, Money};
use crate::refusal::Refusal;
use crate::rulebook::conditions::{Cases, Facts};
use crate::rulebook::ratio::Ratio;
use crate::rulebook::sections::{CareRules, LargeSumBase, Rounding, SegmentBase};

/// The cost in one segment, and the share that the fund pays of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slice {
    cost: Money,
    ratio: Ratio,
}

/// The slices of a cost, the lowest first.
#[derive(Debug, Default)]
pub(super) struct Slices(Vec<Slice>);

/// Lays the cost between two points of the benefit base over the segments. Where a book pays a person with several
/// chronic diseases at the best ratio among them, that disease's segments are taken; of equal ones those at hand.
pub(super) fn slices(
    sheet: &mut Worksheet<'_>,
    rules: &CareRules,
    change: RatioChange,
    span: (Money, Money),
) -> Result<Slices, Refusal> {
    let mut best = laid(sheet, rules, &sheet.facts, change, span)?;
    if let Some((others, step)) = several::other_diseases(sheet) {
        for facts in &others {
            let other = laid(sheet, rules, facts, change, span)?;
            if other.slices.exact() > best.slices.exact() {
                best = other;
            }
        }
        sheet.note(step);
    }
    best.steps.into_iter().for_each(|step| sheet.note(step));
    Ok(best.slices)
}

/// Slices, and the steps that say how they came about.
struct Laid {
    slices: Slices,
    steps: Vec<Step>,
}

fn laid(
    sheet: &Worksheet<'_>,
    rules: &CareRules,
    facts: &Facts<'_>,
    change: RatioChange,
    (from, to): (Money, Money),
) -> Result<Laid, Refusal> {
    let start = match rules.segment_base {
        SegmentBase::Bill => Money::ZERO,
        SegmentBase::Year => sheet.used(Cases::at([facts.care as usize])).in_policy,
    };
    let mut laid = Laid { slices: Slices::default(), steps: Vec::new() };
    let mut any = false;
    for row in rules.ratio.matching(facts) {
        any = true;
        let lower = row.value.from.max(start + from);
        let upper = row.value.to.map_or(start + to, |end| end.min(start + to));
        let cost = (upper - lower).at_least_zero();
        if cost.is_zero() {
            continue;
        }
        let ratio = row.value.ratio.needed(sheet.book, row.clause)?;
        let effective = change.apply(ratio);
        laid.steps.push(Step::Segment {
            clause: row.clause,
            change: change.clause,
            from: lower,
            cost,
            ratio,
            effective,
        });
        laid.slices.0.push(Slice { cost, ratio: effective });
    }
    // With no row at all the rule is unknown; with rows, what lies above the last one is not paid.
    if any { Ok(laid) } else { rules.ratio.needed(facts).map(|_| laid) }
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

    /// What the fund pays, exactly.
    fn exact(&self) -> Decimal {
        self.0.iter().map(|slice| slice.ratio.of(slice.cost)).sum()
    }

    /// The cost that a limit on the payment leaves unpaid, in exact fen (policy.md C.5).
    pub(super) fn cost_beyond(&self, limit: Money, base: LargeSumBase) -> Fraction {
        match base {
            LargeSumBase::AboveCap => self.cost_beyond_by_segment(limit),
            LargeSumBase::CapBought => self.cost_beyond_at_once(limit),
        }
    }

    /// Of each segment, lowest first, as much is covered as the rest of the limit buys at the segment's ratio.
    fn cost_beyond_by_segment(&self, limit: Money) -> Fraction {
        let mut left = Fraction::from(limit);
        let mut beyond = Fraction::ZERO;
        for slice in &self.0 {
            let (cost, ratio) = (Fraction::from(slice.cost), slice.ratio.fraction());
            let payment = cost.times(ratio);
            if payment <= left {
                left = left - payment;
            } else {
                // A payment above what is left is above zero, so the ratio is too.
                beyond = beyond + (cost - left.divided_by(ratio));
                left = Fraction::ZERO;
            }
        }
        beyond
    }

    /// The cost less what the limit buys at the ratio that the fund pays of all of it.
    fn cost_beyond_at_once(&self, limit: Money) -> Fraction {
        let cost = Fraction::from(self.0.iter().map(|slice| slice.cost).sum::<Money>());
        let payment = Fraction::of(self.exact());
        (cost - Fraction::from(limit).divided_by(payment.divided_by(cost))).at_least_zero()
    }
}
