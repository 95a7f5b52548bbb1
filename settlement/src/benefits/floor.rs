//! 保底: a share that the basic fund pays at least for care elsewhere (policy.md C.6). Applied after all else of the
//! basic fund, within its cap and the in-policy amount.

use super::caps::Bound;
use super::explanation::Step;
use super::worksheet::Worksheet;
use crate::money::Money;
use crate::refusal::Refusal;
use crate::rulebook::clause::Clause;
use crate::rulebook::sections::OffSite;

/// What the basic fund pays of a bill, raised to the guaranteed share. `cap` bounds it, if anything does; what
/// is above a cap on cost, which still counts `counted_left`, is guaranteed nothing.
pub(super) fn raise(
    sheet: &mut Worksheet<'_>,
    change: Option<(OffSite, Clause)>,
    paid: Money,
    cap: Option<Bound>,
    counted_left: Option<Money>,
) -> Result<Money, Refusal> {
    let Some((floor, clause)) = change.and_then(|(change, clause)| Some((change.floor?, clause))) else {
        return Ok(paid);
    };
    let share = floor.share.needed(sheet.book, clause)?;
    let whole = sheet.coverage.in_policy;
    let in_policy = counted_left.map_or(whole, |left| left.min(whole));
    let base = floor.of.amount(in_policy, sheet.coverage.total() - (whole - in_policy));
    let least = Money::round(share.of(base)).min(in_policy);
    let raised = cap.map_or(Ok(least), |cap| cap.of(sheet, least))?;
    if raised <= paid {
        return Ok(paid);
    }
    if let Some(cap) = cap.filter(|_| raised < least) {
        cap.say(sheet);
    }
    sheet.note(Step::Floor { clause, of: floor.of, base, share, before: paid, raised });
    Ok(raised)
}
