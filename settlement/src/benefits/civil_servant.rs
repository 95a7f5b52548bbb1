//! 公务员医疗补助: a share of what a civil servant still bears (policy.md C.1 step 12).

use super::explanation::Step;
use super::layered;
use super::worksheet::{Layer, Worksheet};
use crate::adjudication::Fund;
use crate::money::Money;
use crate::refusal::Refusal;
use crate::rulebook::sections::SegmentBase;
use crate::year_to_date::UsageSums;

/// Lets the supplement pay, for those whom it covers.
pub(super) fn pay(sheet: &mut Worksheet<'_>) -> Result<(), Refusal> {
    let book = sheet.book;
    let Some(rules) = book.civil_servant.rules().filter(|_| sheet.civil_servant) else { return Ok(()) };
    let base = sheet.burden.of_parts(rules.base.includes);
    if base.is_zero() || !rules.base.care.has_care(sheet.facts.care) {
        return Ok(());
    }
    sheet.civil_servant_base = base;
    let used = sheet.used(rules.base.care);
    let from = match rules.segment_base {
        SegmentBase::Bill => Money::ZERO,
        // The reader of books lets `fund_paid` in for the basic fund alone.
        SegmentBase::Year | SegmentBase::FundPaid => used.civil_servant_base,
    };
    let (care, parts) = (rules.base.care, rules.base.includes);
    let (before, paid) = (used.civil_servant, |sums: &UsageSums| sums.civil_servant);
    let layer = Layer { fund: Fund::CivilServant, cap: &rules.cap, care, before, paid, parts };
    let laid = layered::lay(sheet, &rules.ratio, from, base.into());
    let Some(laid) = sheet.asked(&layer, laid)? else { return Ok(()) };
    for part in &laid {
        let layered::Part { clause, bounded, from, cost, ratio } = *part;
        sheet.note(if bounded {
            Step::LayerSegment { fund: Fund::CivilServant, clause, from, cost: Money::round_fraction(cost), ratio }
        } else {
            Step::Share { fund: Fund::CivilServant, clause, base, ratio }
        });
    }
    let wanted = Money::round_fraction(layered::payment(&laid));
    sheet.pay_limited(layer, wanted)
}
