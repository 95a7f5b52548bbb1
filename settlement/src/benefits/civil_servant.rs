//! 公务员医疗补助: a share of what a civil servant still bears (policy.md C.1 step 12).

use super::explanation::Step;
use super::worksheet::{Layer, Worksheet};
use crate::adjudication::Fund;
use crate::money::Money;
use crate::refusal::Refusal;

/// Lets the supplement pay, for those whom it covers.
pub(super) fn pay(sheet: &mut Worksheet<'_>) -> Result<(), Refusal> {
    let book = sheet.book;
    let Some(rules) = book.civil_servant.rules().filter(|_| sheet.civil_servant) else { return Ok(()) };
    let base = sheet.burden.of_parts(rules.base.includes);
    if base.is_zero() || !rules.base.care.has_care(sheet.facts.care) {
        return Ok(());
    }
    let row = rules.ratio.needed(&sheet.facts)?;
    let ratio = row.value.needed(book, row.clause)?;
    sheet.note(Step::Share { fund: Fund::CivilServant, clause: row.clause, base, ratio });
    let before = sheet.used(rules.base.care).civil_servant;
    let layer = Layer { fund: Fund::CivilServant, cap: &rules.cap, before, parts: rules.base.includes };
    sheet.pay_limited(layer, Money::round(ratio.of(base)))
}
