//! 大额补助: what pays above the basic cap, in regions that have it (policy.md C.1 step 10).

use super::explanation::Step;
use super::layered;
use super::worksheet::{Layer, Worksheet};
use crate::adjudication::Fund;
use crate::money::Money;
use crate::refusal::Refusal;
use crate::rulebook::conditions::Cases;
use crate::rulebook::sections::Part;
use crate::year_to_date::UsageSums;

/// Lets the layer pay its share of the cost above the cap.
pub(super) fn pay(sheet: &mut Worksheet<'_>) -> Result<(), Refusal> {
    let book = sheet.book;
    let exact = sheet.excess.large_sum;
    let Some(rules) = book.large_sum.rules() else { return Ok(()) };
    if exact.is_zero() {
        return Ok(());
    }
    let base = Money::round_fraction(exact).min(sheet.burden.of(Part::AboveCap));
    sheet.large_sum_base = base;
    let used = sheet.used(Cases::ANY);
    let (care, parts) = (Cases::ANY, Cases::at([Part::AboveCap as usize]));
    let (before, paid) = (used.large_sum, |sums: &UsageSums| sums.large_sum);
    let layer = Layer { fund: Fund::LargeSum, cap: &rules.cap, care, before, paid, parts };
    let laid = layered::lay(sheet, &rules.ratio, used.above_cap, exact);
    let Some(laid) = sheet.asked(&layer, laid)? else { return Ok(()) };
    for part in &laid {
        let layered::Part { clause, bounded, from, cost, ratio } = *part;
        sheet.note(if bounded {
            Step::LayerSegment { fund: Fund::LargeSum, clause, from, cost: Money::round_fraction(cost), ratio }
        } else {
            Step::Share { fund: Fund::LargeSum, clause, base, ratio }
        });
    }
    // What the cap bought stays exact up to here; this is the one rounding of the layer (policy.md C.2).
    let wanted = Money::round_fraction(layered::payment(&laid)).min(base);
    sheet.pay_limited(layer, wanted)
}
