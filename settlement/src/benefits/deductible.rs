//! 起付线: what the person bears before the basic fund pays (policy.md C.3).

use super::explanation::Step;
use super::several;
use super::worksheet::Worksheet;
use crate::money::Money;
use crate::refusal::Refusal;
use crate::rulebook::ratio::Ratio;
use crate::rulebook::sections::{CareRules, InterimDeductible, Per};

/// The deductible borne out of a benefit base.
pub(super) fn borne(sheet: &mut Worksheet<'_>, rules: &CareRules, base: Money) -> Result<Money, Refusal> {
    if base.is_zero() {
        return Ok(Money::ZERO);
    }
    let row = rules.deductible.needed(&sheet.facts)?;
    let (clause, per) = (row.clause, row.value.per);
    let amount = row.value.amount.needed(sheet.book, clause)?;
    let factor = match rules.deductible_factor.find(&sheet.facts) {
        Some(row) => Some((row.clause, row.value.needed(sheet.book, row.clause)?)),
        None => None,
    };
    let whole = Money::round(factor.map_or(Ratio::ONE, |(_, factor)| factor).of(amount));
    let before = match per {
        Per::Stay => match sheet.book.interim_deductible {
            // An earlier part may have been too small to bear it all.
            InterimDeductible::Once => sheet.case.deductible_before.unwrap_or_default(),
            InterimDeductible::Each => Money::ZERO,
        },
        Per::Year => match several::deductible_of_each(sheet) {
            Some(true) => sheet.used_for_disease().deductible,
            Some(false) | None => sheet.used(row.value.shared_by).deductible,
        },
    };
    let borne = (whole - before).at_least_zero().min(base);
    sheet.note(Step::Deductible { clause, amount, factor, per, before, base, borne });
    Ok(borne)
}
