//! 大额补助: what pays above the basic cap, in regions that have it (policy.md C.1 step 10).

use super::explanation::Step;
use super::worksheet::{Layer, Worksheet};
use crate::adjudication::Fund;
use crate::money::Money;
use crate::refusal::Refusal;
use crate::rulebook::conditions::Cases;
use crate::rulebook::sections::{Above, Part};

/// Lets the layer pay its share of the cost above the cap.
pub(super) fn pay(sheet: &mut Worksheet<'_>) -> Result<(), Refusal> {
    let book = sheet.book;
    let (exact, above) = sheet.above_cap;
    let Some(rules) = book.large_sum.rules() else { return Ok(()) };
    if exact.is_zero() || above != Above::LargeSum {
        return Ok(());
    }
    let row = rules.ratio.needed(&sheet.facts)?;
    let ratio = row.value.needed(book, row.clause)?;
    let base = sheet.burden.of(Part::AboveCap);
    sheet.note(Step::Share { fund: Fund::LargeSum, clause: row.clause, base, ratio });
    let before = sheet.used(Cases::ANY).large_sum;
    // The cap divided by a ratio stays exact up to here; this is the one rounding of the layer (policy.md C.2).
    let wanted = Money::round(ratio.of_exact(exact)).min(base);
    let parts = Cases::at([Part::AboveCap as usize]);
    sheet.pay_limited(Layer { fund: Fund::LargeSum, cap: &rules.cap, before, parts }, wanted)
}
