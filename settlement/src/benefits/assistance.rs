//! 医疗救助: a share of what people of a special identity still bear, above a start, under caps that all care or some of
//! it shares; then 倾斜救助 on what is left above a second start (policy.md C.1 step 13).

use super::explanation::Step;
use super::worksheet::{Layer, Worksheet};
use crate::adjudication::Fund;
use crate::money::Money;
use crate::refusal::Refusal;
use crate::rulebook::sections::{Assistance, Tilt};
use crate::year_to_date::UsageSums;

/// Lets assistance pay, for those whom it covers.
pub(super) fn pay(sheet: &mut Worksheet<'_>) -> Result<(), Refusal> {
    let book = sheet.book;
    let Some(rules) = book.assistance.rules() else { return Ok(()) };
    if rules.base.care.has_care(sheet.facts.care) {
        // Counted for everybody: who comes to an identity later has borne it.
        sheet.assistance_base = sheet.burden.of_parts(rules.base.includes);
    }
    if sheet.facts.identity.is_none() {
        return Ok(());
    }
    ordinary(sheet, rules)?;
    match &rules.tilt {
        Some(rules) => tilted(sheet, rules),
        None => Ok(()),
    }
}

fn ordinary(sheet: &mut Worksheet<'_>, rules: &Assistance) -> Result<(), Refusal> {
    let book = sheet.book;
    let burden = sheet.assistance_base;
    if burden.is_zero() {
        return Ok(());
    }
    let (care, parts) = (rules.base.care, rules.base.includes);
    // What was tilted has a cap of its own.
    let paid = |sums: &UsageSums| sums.assistance - sums.tilt;
    let before = sheet.used(care).assistance;
    let layer = Layer { fund: Fund::Assistance, cap: &rules.cap, care, before, paid, parts };
    let row = rules.start.needed(&sheet.facts)?;
    let Some(start) = sheet.asked(&layer, row.value.amount.needed(book, row.clause))? else { return Ok(()) };
    // What the person bore before in the year has used the start up already.
    let so_far = sheet.used(row.value.counts.unwrap_or(rules.base.care)).assistance_base.at_least_zero();
    let base = (burden - (start - so_far).at_least_zero()).at_least_zero();
    if !start.is_zero() {
        sheet.note(Step::AssistanceStart { clause: row.clause, start, so_far, burden });
    }
    if base.is_zero() {
        return Ok(());
    }
    let row = rules.ratio.needed(&sheet.facts)?;
    let Some(ratio) = sheet.asked(&layer, row.value.needed(book, row.clause))? else { return Ok(()) };
    sheet.note(Step::Share { fund: Fund::Assistance, clause: row.clause, base, ratio });
    sheet.pay_limited(layer, Money::round(ratio.of(base)))
}

/// Tilted assistance looks at what is still borne of the benefit year after assistance; of this bill it pays on what
/// lies above the start.
fn tilted(sheet: &mut Worksheet<'_>, rules: &Tilt) -> Result<(), Refusal> {
    let book = sheet.book;
    let burden = sheet.burden.of_parts(rules.base.includes);
    if burden.is_zero() || !rules.base.care.has_care(sheet.facts.care) {
        return Ok(());
    }
    let Some(row) = rules.start.find(&sheet.facts) else { return Ok(()) };
    sheet.tilt_base = burden;
    let used = sheet.used(rules.base.care);
    let (care, parts) = (rules.base.care, rules.base.includes);
    let ordinary = sheet.paid_by(Fund::Assistance);
    let before = used.assistance + ordinary;
    let layer = Layer { fund: Fund::Assistance, cap: &rules.cap, care, before, paid: |sums| sums.tilt, parts };
    let Some(start) = sheet.asked(&layer, row.value.needed(book, row.clause))? else { return Ok(()) };
    let so_far = used.tilt_base;
    let base = (burden - (start - so_far).at_least_zero()).at_least_zero();
    sheet.note(Step::TiltStart { clause: row.clause, start, so_far, burden });
    if base.is_zero() {
        return Ok(());
    }
    let row = rules.ratio.needed(&sheet.facts)?;
    let Some(ratio) = sheet.asked(&layer, row.value.needed(book, row.clause))? else { return Ok(()) };
    sheet.note(Step::Share { fund: Fund::Assistance, clause: row.clause, base, ratio });
    sheet.pay_limited(layer, Money::round(ratio.of(base)))?;
    sheet.tilt = sheet.paid_by(Fund::Assistance) - ordinary;
    Ok(())
}
