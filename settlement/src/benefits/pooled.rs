//! 统筹基金: what the basic fund pays, from the in-policy amount to the cap (policy.md C.1 steps 5 to 9).

use super::burden::BELOW_CAP;
use super::caps::{Excess, Tightest};
use super::worksheet::Worksheet;
use super::{deductible, floor, off_site, segments};
use crate::money::Money;
use crate::refusal::Refusal;
use crate::rulebook::clause::Clause;
use crate::rulebook::conditions::Cases;
use crate::rulebook::sections::{LargeSumBase, Measure, OffSite, Part};

/// Lets the basic fund pay, and leaves on the person what it does not.
pub(super) fn pay(sheet: &mut Worksheet<'_>) -> Result<(), Refusal> {
    let before = sheet.used(Cases::ANY).basic;
    let book = sheet.book;
    // The gate lets no care in that the book does not pay.
    let Some(rules) = book.care(sheet.facts.care).rules() else { return Ok(()) };
    let change = off_site::row(sheet)?;
    let base = off_site::pre_deduct(sheet, change)?;
    let deductible = deductible::borne(sheet, rules, base)?;
    sheet.deductible = deductible;
    let large_sum_base = book.large_sum.rules().map_or(LargeSumBase::AboveCap, |rules| rules.base);
    let mut paid = Money::ZERO;
    let mut caps = Tightest::default();
    if deductible < base {
        let counted = caps.of(sheet, Measure::InPolicy)?;
        let covered = counted.map_or(base, |bound| bound.left.min(base).max(deductible));
        if let Some(bound) = counted.filter(|_| covered < base) {
            bound.cut(sheet, (base - covered).into())?;
        }
        if deductible < covered {
            let of_ratio = off_site::RatioChange::of(sheet, change)?;
            let slices = segments::slices(sheet, rules, of_ratio, (deductible, covered))?;
            paid = slices.payment(book.rounding);
            if !paid.is_zero()
                && let Some(bound) = caps.of(sheet, Measure::FundPaid)?
                && paid > bound.left
            {
                paid = bound.left;
                bound.cut(sheet, slices.cost_beyond(bound.left, large_sum_base))?;
            }
        }
    }
    leave(sheet, base, paid);
    let raised = raised(sheet, change, paid, &mut caps)?;
    sheet.pay_basic(raised, before);
    Ok(())
}

/// What the fund leaves: the deductible, the cost above the cap, and the share that the ratios do not pay, which
/// takes up the odd fen of every rounding.
fn leave(sheet: &mut Worksheet<'_>, base: Money, paid: Money) {
    let Excess { person, apart, large_sum } = sheet.excess;
    let unpaid = base - sheet.deductible - paid;
    let apart = Money::round_fraction(apart).min(unpaid);
    let above = Money::round_fraction(person + large_sum).min(unpaid - apart);
    sheet.burden.set(Part::Deductible, sheet.deductible);
    sheet.burden.set(Part::AboveCapApart, apart);
    sheet.burden.set(Part::AboveCap, above);
    sheet.burden.set(Part::RatioShare, unpaid - apart - above);
}

/// The payment with the guaranteed share, which takes from the person what the ratios and the deductible left. What is
/// above a cap is left to the layer that pays it.
fn raised(
    sheet: &mut Worksheet<'_>,
    change: Option<(OffSite, Clause)>,
    paid: Money,
    caps: &mut Tightest,
) -> Result<Money, Refusal> {
    if change.is_none_or(|(change, _)| change.floor.is_none()) {
        return Ok(paid);
    }
    let cap = caps.of(sheet, Measure::FundPaid)?;
    let counted_left = caps.of(sheet, Measure::InPolicy)?.map(|bound| bound.left);
    let raised = floor::raise(sheet, change, paid, cap, counted_left)?;
    sheet.burden.relieve(Cases::at(BELOW_CAP.map(|part| part as usize)), raised - paid);
    Ok(raised)
}
