//! 大病保险: pays by tiers on what the person has borne in the benefit year, above a deductible of its own
//! (policy.md C.1 step 11, C.9).

use rust_decimal::Decimal;

use super::burden::IN_POLICY;
use super::explanation::Step;
use super::worksheet::{Layer, Worksheet};
use crate::adjudication::Fund;
use crate::money::Money;
use crate::refusal::Refusal;
use crate::rulebook::conditions::Cases;
use crate::rulebook::sections::{Catastrophic, TierBase};

/// Lets the layer pay: the tiers over the whole year's base, less what it paid before, so that the order in which
/// bills arrive makes no difference.
pub(super) fn pay(sheet: &mut Worksheet<'_>) -> Result<(), Refusal> {
    let book = sheet.book;
    let Some(rules) = book.catastrophic.rules() else {
        // Other layers still ask what the person has borne this year.
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
    let row = rules.deductible.needed(&sheet.facts)?;
    let deductible = row.value.needed(book, row.clause)?;
    let (so_far, base) = (used.catastrophic_base, used.catastrophic_base + now);
    sheet.note(Step::CatastrophicBase { clause: scope.clause, threshold: row.clause, so_far, now, deductible });
    if base <= deductible {
        return Ok(());
    }
    let due = Money::round(tiers(sheet, rules, base, deductible)?);
    let wanted = (due - used.catastrophic).at_least_zero().min(now);
    let layer = Layer { fund: Fund::Catastrophic, cap: &rules.cap, before: used.catastrophic, parts: scope.includes };
    sheet.pay_limited(layer, wanted)
}

/// What the tiers pay on a whole base, in exact fen.
fn tiers(sheet: &mut Worksheet<'_>, rules: &Catastrophic, base: Money, deductible: Money) -> Result<Decimal, Refusal> {
    let (from, to) = match rules.tier_base {
        TierBase::Compliant => (deductible, base),
        TierBase::Excess => (Money::ZERO, base - deductible),
    };
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
