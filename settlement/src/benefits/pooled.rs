//! 统筹基金: what the basic fund pays, from the in-policy amount to the cap (policy.md C.1 steps 5 to 9).

use super::worksheet::Worksheet;
use super::{caps, deductible, floor, off_site, segments};
use crate::money::{Fraction, Money};
use crate::refusal::Refusal;
use crate::rulebook::clause::Clause;
use crate::rulebook::conditions::Cases;
use crate::rulebook::sections::{Above, LargeSumBase, Measure, OffSite, Part};

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
    let mut above_cap = (Fraction::ZERO, Above::Person);
    if deductible < base {
        let counted = caps::tightest(sheet, Measure::InPolicy)?;
        let covered = counted.map_or(base, |bound| bound.left.min(base).max(deductible));
        if let Some(bound) = counted.filter(|_| covered < base) {
            above_cap = ((base - covered).into(), bound.cut(sheet)?);
        }
        if deductible < covered {
            let of_ratio = off_site::RatioChange::of(sheet, change)?;
            let slices = segments::slices(sheet, rules, of_ratio, (deductible, covered))?;
            paid = slices.payment(book.rounding);
            if !paid.is_zero()
                && let Some(bound) = caps::tightest(sheet, Measure::FundPaid)?
                && paid > bound.left
            {
                paid = bound.left;
                above_cap = (above_cap.0 + slices.cost_beyond(bound.left, large_sum_base), bound.cut(sheet)?);
            }
        }
    }
    leave(sheet, base, paid, above_cap);
    let raised = raised(sheet, change, paid)?;
    sheet.pay_basic(raised, before);
    Ok(())
}

/// What the fund leaves: the deductible, the cost above the cap, and the share that the ratios do not pay, which
/// takes up the odd fen of every rounding.
fn leave(sheet: &mut Worksheet<'_>, base: Money, paid: Money, above_cap: (Fraction, Above)) {
    let deductible = sheet.deductible;
    let above = Money::round_fraction(above_cap.0).min(base - deductible - paid);
    sheet.above_cap = above_cap;
    sheet.burden.set(Part::Deductible, deductible);
    sheet.burden.set(Part::AboveCap, above);
    sheet.burden.set(Part::RatioShare, base - deductible - above - paid);
}

/// The payment with the guaranteed share, which takes from the person what the ratios and the deductible left. What is
/// above a cap is left to the layer that pays it.
fn raised(sheet: &mut Worksheet<'_>, change: Option<(OffSite, Clause)>, paid: Money) -> Result<Money, Refusal> {
    if change.is_none_or(|(change, _)| change.floor.is_none()) {
        return Ok(paid);
    }
    let cap = caps::tightest(sheet, Measure::FundPaid)?;
    let counted_left = caps::tightest(sheet, Measure::InPolicy)?.map(|bound| bound.left);
    let raised = floor::raise(sheet, change, paid, cap, counted_left)?;
    let below_cap = Cases::at([Part::RatioShare, Part::Deductible, Part::PreDeduction].map(|part| part as usize));
    sheet.burden.relieve(below_cap, raised - paid);
    Ok(raised)
}
