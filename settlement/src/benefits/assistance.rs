//! 医疗救助: a share of what people of a special identity still bear, above a start, under a cap that all care
//! shares (policy.md C.1 step 13).

use super::explanation::Step;
use super::worksheet::{Layer, Worksheet};
use crate::adjudication::Fund;
use crate::money::Money;
use crate::refusal::Refusal;

/// Lets assistance pay, for those whom it covers.
pub(super) fn pay(sheet: &mut Worksheet<'_>) -> Result<(), Refusal> {
    let book = sheet.book;
    let Some(rules) = book.assistance.rules().filter(|_| sheet.facts.identity.is_some()) else { return Ok(()) };
    let burden = sheet.burden.of_parts(rules.base.includes);
    if burden.is_zero() || !rules.base.care.has_care(sheet.facts.care) {
        return Ok(());
    }
    let used = sheet.used(rules.base.care);
    let row = rules.start.needed(&sheet.facts)?;
    let start = row.value.needed(book, row.clause)?;
    // What the person bore before in the year after the earlier layers: it has used the start up already.
    let so_far = (used.catastrophic_base - used.catastrophic - used.civil_servant).at_least_zero();
    let base = (burden - (start - so_far).at_least_zero()).at_least_zero();
    if !start.is_zero() {
        sheet.note(Step::AssistanceStart { clause: row.clause, start, so_far, burden });
    }
    if base.is_zero() {
        return Ok(());
    }
    let row = rules.ratio.needed(&sheet.facts)?;
    let ratio = row.value.needed(book, row.clause)?;
    sheet.note(Step::Share { fund: Fund::Assistance, clause: row.clause, base, ratio });
    let layer = Layer { fund: Fund::Assistance, cap: &rules.cap, before: used.assistance, parts: rules.base.includes };
    sheet.pay_limited(layer, Money::round(ratio.of(base)))
}
