//! 大病保险: pays by tiers on what the person has borne in the benefit year, above a deductible of its own
//! (policy.md C.1 step 11, C.9).

use rust_decimal::Decimal;

use super::burden::IN_POLICY;
use super::explanation::{Derived, Step};
use super::layered;
use super::off_site::RatioChange;
use super::worksheet::{Layer, Worksheet};
use crate::adjudication::Fund;
use crate::money::{Fraction, Money};
use crate::refusal::Refusal;
use crate::rulebook::conditions::{Cases, Footing};
use crate::rulebook::sections::{Catastrophic, TierBase};
use crate::year_to_date::UsageSums;

/// Lets the layer pay: the tiers over the whole year's base, less what it paid before, so that the order in which
/// bills arrive makes no difference.
pub(super) fn pay(sheet: &mut Worksheet<'_>) -> Result<(), Refusal> {
    let book = sheet.book;
    let Some(rules) = book.catastrophic.rules() else {
        // A layer that begins within the year will ask what the person has borne.
        sheet.catastrophic_base = sheet.burden.of_parts(Cases::at(IN_POLICY.map(|part| part as usize)));
        return Ok(());
    };
    let scope = rules.base;
    if !scope.care.has_care(sheet.facts.care) {
        return Ok(());
    }
    let now = sheet.burden.of_parts(scope.includes);
    sheet.catastrophic_base = now;
    if now.is_zero() {
        return Ok(());
    }
    let used = sheet.used(scope.care);
    let (care, parts) = (scope.care, scope.includes);
    let (before, paid) = (used.catastrophic, |sums: &UsageSums| sums.catastrophic);
    let layer = Layer { fund: Fund::Catastrophic, cap: &rules.cap, care, before, paid, parts };
    let row = rules.deductible.needed(&sheet.facts)?;
    let Some(deductible) = sheet.asked(&layer, row.value.needed(book, row.clause))? else { return Ok(()) };
    let (so_far, base) = (used.catastrophic_base, used.catastrophic_base + now);
    sheet.note(Step::CatastrophicBase { clause: scope.clause, threshold: row.clause, so_far, now, deductible });
    if base <= deductible {
        return Ok(());
    }
    let due = if rules.off_site.rows.is_empty() {
        let due = tiers(sheet, rules, base, deductible);
        due.map(|due| (Money::round(due) - used.catastrophic).at_least_zero())
    } else {
        let own = slice(sheet, rules, (so_far.max(deductible), base), deductible);
        own.and_then(|own| within_year(sheet, rules, own, (base, deductible), used.catastrophic))
    };
    let Some(wanted) = sheet.asked(&layer, due)? else { return Ok(()) };
    if wanted > now {
        // What a person has become since earlier bills reaches back over the year.
        sheet.note(Step::Derived(Derived::OwnBurden { clause: scope.clause, due: wanted, burden: now }));
    }
    sheet.pay_limited(layer, wanted.min(now))
}

/// Where a span of the base lies on the scale of the tiers.
fn on_scale(rules: &Catastrophic, (from, to): (Money, Money), deductible: Money) -> (Money, Money) {
    match rules.tier_base {
        TierBase::Compliant => (from, to),
        TierBase::Excess => (from - deductible, to - deductible),
    }
}

/// What the tiers pay on a whole base, in exact fen.
fn tiers(sheet: &mut Worksheet<'_>, rules: &Catastrophic, base: Money, deductible: Money) -> Result<Decimal, Refusal> {
    let (from, to) = on_scale(rules, (deductible, base), deductible);
    let facts = sheet.facts;
    let mut due = Decimal::ZERO;
    let mut any = false;
    for row in rules.ratio.matching(&facts) {
        any = true;
        let lower = row.value.from.max(from);
        let cost = (row.value.to.map_or(to, |end| end.min(to)) - lower).at_least_zero();
        if !cost.is_zero() {
            let ratio = row.value.ratio.needed(sheet.book, row.clause)?;
            sheet.note(Step::Tier { clause: row.clause, from: lower, cost, ratio });
            due += ratio.of(cost);
        }
    }
    if any { Ok(due) } else { rules.ratio.needed(&facts).map(|_| due) }
}

/// A bill's own payment, as far as the benefit year is owed it. Once an earlier bill is cancelled, those that came after it
/// keep what they were paid for a higher part of the scale than they now take up; what that is too much is made good here.
fn within_year(
    sheet: &mut Worksheet<'_>,
    rules: &Catastrophic,
    own: Money,
    (base, deductible): (Money, Money),
    before: Money,
) -> Result<Money, Refusal> {
    if before.is_zero() {
        return Ok(own);
    }
    let (from, to) = on_scale(rules, (deductible, base), deductible);
    let due = Money::round_fraction(layered::payment(&layered::lay(sheet, &rules.ratio, from, (to - from).into())?));
    let left = (due - before).at_least_zero();
    if own > left {
        let clause = rules.base.clause;
        sheet.note(Step::Derived(Derived::YearDue { clause, due, before, left }));
    }
    Ok(own.min(left))
}

/// What the tiers pay on this bill's part of the year's base, at the ratios that hold for where it was treated. Where a
/// book changes the ratios of care elsewhere, every bill is paid by its own part: another bill's change stays as it was.
fn slice(
    sheet: &mut Worksheet<'_>,
    rules: &Catastrophic,
    span: (Money, Money),
    deductible: Money,
) -> Result<Money, Refusal> {
    let change = match sheet.facts.footing {
        Footing::Local => RatioChange::NONE,
        Footing::OffSite(_) => {
            let row = rules.off_site.needed(&sheet.facts)?;
            RatioChange::new(sheet, row.value.points, row.value.factor, row.clause)?
        }
    };
    let (from, to) = on_scale(rules, span, deductible);
    let mut due = Fraction::ZERO;
    for part in layered::lay(sheet, &rules.ratio, from, (to - from).into())? {
        let layered::Part { clause, bounded: _, from, cost, ratio } = part;
        let (effective, cost_shown) = (change.apply(ratio), Money::round_fraction(cost));
        sheet.note(Step::TierSlice { clause, change: change.clause, from, cost: cost_shown, ratio, effective });
        due = due + cost.times(effective.fraction());
    }
    Ok(Money::round_fraction(due))
}
