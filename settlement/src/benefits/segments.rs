//! 分段支付: the cost beyond the deductible laid over the segments of the ratio table (policy.md C.4). Exact; the
//! fund's sum is rounded by `pooled`.

use super::explanation::{Derived, Step};
use super::off_site::RatioChange;
use super::several;
use super::worksheet::Worksheet;
use crate::money::{Fraction, Money};
use crate::refusal::Refusal;
use crate::rulebook::clause::Clause;
use crate::rulebook::conditions::{Cases, Facts};
use crate::rulebook::ratio::Ratio;
use crate::rulebook::sections::{CareRules, LargeSumBase, Rounding, Segment, SegmentBase};
use crate::rulebook::table::Row;

/// The cost in one segment, the share that the fund pays of it, and what that comes to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slice {
    cost: Fraction,
    ratio: Ratio,
    payment: Fraction,
}

/// The slices of a cost, the lowest first.
#[derive(Debug, Default)]
pub(super) struct Slices(Vec<Slice>);

/// Lays the cost between two points of the benefit base over the segments. Where the best paid of several diseases
/// counts, it is the one that the fund pays most for.
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
#[derive(Default)]
struct Laid {
    slices: Slices,
    steps: Vec<Step>,
}

impl Laid {
    /// Adds a slice.
    fn push(&mut self, clause: Clause, change: RatioChange, ratio: Ratio, from: Money, slice: Slice) {
        let (cost, effective) = (Money::round_fraction(slice.cost), slice.ratio);
        self.steps.push(Step::Segment { clause, change: change.clause, from, cost, ratio, effective });
        self.slices.0.push(slice);
    }
}

fn laid(
    sheet: &Worksheet<'_>,
    rules: &CareRules,
    facts: &Facts<'_>,
    change: RatioChange,
    (from, to): (Money, Money),
) -> Result<Laid, Refusal> {
    let used = sheet.used(Cases::at([facts.care as usize]));
    let start = match rules.segment_base {
        SegmentBase::Bill => Money::ZERO,
        SegmentBase::Year => used.in_policy,
        SegmentBase::FundPaid => return by_fund_paid(sheet, rules, facts, change, (used.basic, to - from)),
    };
    let mut laid = Laid::default();
    let mut any = false;
    for row in rules.ratio.matching(facts) {
        any = true;
        let lower = row.value.from.max(start + from);
        let upper = row.value.to.map_or(start + to, |end| end.min(start + to));
        let cost = (upper - lower).at_least_zero();
        if cost.is_zero() {
            continue;
        }
        let ratio = ratio(sheet, facts, row, &mut laid.steps)?;
        let effective = change.apply(ratio);
        let cost = Fraction::from(cost);
        let slice = Slice { cost, ratio: effective, payment: cost.times(effective.fraction()) };
        laid.push(row.clause, change, ratio, lower, slice);
    }
    // With no row at all the rule is unknown; with rows, what lies above the last one is not paid.
    if any { Ok(laid) } else { rules.ratio.needed(facts).map(|_| laid) }
}

/// The home ratio of a segment, at the person's age.
fn ratio(
    sheet: &Worksheet<'_>,
    facts: &Facts<'_>,
    row: &Row<Segment>,
    steps: &mut Vec<Step>,
) -> Result<Ratio, Refusal> {
    let ratio = row.value.ratio.needed(sheet.book, row.clause)?;
    let Some(grows) = row.value.by_age else { return Ok(ratio) };
    let per_year = grows.per_year.needed(sheet.book, row.clause)?;
    let at_most = grows.at_most.needed(sheet.book, row.clause)?;
    let age = facts.age.max(0);
    let raised = ratio.grown(per_year, age).min(at_most);
    steps.push(Step::Derived(Derived::ByAge { clause: row.clause, ratio, per_year, age, raised }));
    Ok(raised)
}

/// Lays a cost over segments that are measured on what the fund has paid: a segment takes as much cost as its
/// payments reach to its end.
fn by_fund_paid(
    sheet: &Worksheet<'_>,
    rules: &CareRules,
    facts: &Facts<'_>,
    change: RatioChange,
    (paid_before, cost): (Money, Money),
) -> Result<Laid, Refusal> {
    let mut laid = Laid::default();
    let (mut at, mut left) = (Fraction::from(paid_before), Fraction::from(cost));
    let mut any = false;
    for row in rules.ratio.matching(facts) {
        any = true;
        let end = row.value.to.map(Fraction::from);
        if left.is_zero() || end.is_some_and(|end| end <= at) {
            continue;
        }
        let ratio = ratio(sheet, facts, row, &mut laid.steps)?;
        let effective = change.apply(ratio);
        let whole = left.times(effective.fraction());
        let room = end.map(|end| end - at).filter(|room| *room < whole);
        // What pays nothing never reaches an end; more than there is room for is above zero, so the ratio is too.
        let (cost, payment) = room.map_or((left, whole), |room| (room.divided_by(effective.fraction()), room));
        laid.push(row.clause, change, ratio, Money::round_fraction(at), Slice { cost, ratio: effective, payment });
        (at, left) = (at + payment, left - cost);
    }
    if any { Ok(laid) } else { rules.ratio.needed(facts).map(|_| laid) }
}

impl Slices {
    /// What the fund pays, rounded as the book says.
    pub(super) fn payment(&self, rounding: Rounding) -> Money {
        match rounding {
            Rounding::FundTotal => Money::round_fraction(self.exact()),
            Rounding::Segment => self.0.iter().map(|slice| Money::round_fraction(slice.payment)).sum(),
        }
    }

    /// What the fund pays, exactly.
    fn exact(&self) -> Fraction {
        self.0.iter().fold(Fraction::ZERO, |sum, slice| sum + slice.payment)
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
        for Slice { cost, ratio, payment } in self.0.iter().copied() {
            if payment <= left {
                left = left - payment;
            } else {
                // A payment above what is left is above zero, so the ratio is too.
                beyond = beyond + (cost - left.divided_by(ratio.fraction()));
                left = Fraction::ZERO;
            }
        }
        beyond
    }

    /// The cost less what the limit buys at the ratio that the fund pays of all of it.
    fn cost_beyond_at_once(&self, limit: Money) -> Fraction {
        let cost = self.0.iter().fold(Fraction::ZERO, |sum, slice| sum + slice.cost);
        (cost - Fraction::from(limit).divided_by(self.exact().divided_by(cost))).at_least_zero()
    }
}
