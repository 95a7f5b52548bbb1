//! How care elsewhere is paid differently (policy.md C.6). The order is: pre-deduction, deductible, points, factor.
//! What stands here is found once for a settlement; `pooled` and `segments` apply it.

use super::explanation::Step;
use super::worksheet::Worksheet;
use crate::money::Money;
use crate::refusal::Refusal;
use crate::rulebook::clause::{Clause, Setting};
use crate::rulebook::conditions::Footing;
use crate::rulebook::ratio::Ratio;
use crate::rulebook::sections::{OffSite, Part};

/// The row that changes the payment; none for care at home.
pub(super) fn row(sheet: &Worksheet<'_>) -> Result<Option<(OffSite, Clause)>, Refusal> {
    match sheet.facts.footing {
        Footing::Local => Ok(None),
        Footing::OffSite(_) => sheet.book.off_site.needed(&sheet.facts).map(|row| Some((row.value, row.clause))),
    }
}

/// Takes the pre-deduction out of the in-policy amount; what remains is the benefit base 待遇计算基数.
pub(super) fn pre_deduct(sheet: &mut Worksheet<'_>, row: Option<(OffSite, Clause)>) -> Result<Money, Refusal> {
    let in_policy = sheet.coverage.in_policy;
    let Some((ratio, clause)) = row.and_then(|(change, clause)| Some((change.pre_deduct?, clause))) else {
        return Ok(in_policy);
    };
    let ratio = ratio.needed(sheet.book, clause)?;
    let amount = Money::round(ratio.of(in_policy));
    sheet.burden.set(Part::PreDeduction, amount);
    sheet.pre_deducted = amount;
    sheet.note(Step::PreDeduction { clause, in_policy, ratio, amount });
    Ok(in_policy - amount)
}

/// The change of the ratio.
#[derive(Clone, Copy, Debug)]
pub(super) struct RatioChange {
    points: Ratio,
    factor: Ratio,
    /// The clause, also where it says that nothing changes; none for care at home.
    pub(super) clause: Option<Clause>,
}

impl RatioChange {
    /// No change, as for care at home.
    pub(super) const NONE: RatioChange = RatioChange { points: Ratio::ZERO, factor: Ratio::ONE, clause: None };

    /// The change that a row makes. Asked for only when there is something to pay.
    pub(super) fn of(sheet: &Worksheet<'_>, row: Option<(OffSite, Clause)>) -> Result<RatioChange, Refusal> {
        let Some((change, clause)) = row else { return Ok(RatioChange::NONE) };
        RatioChange::new(sheet, change.points, change.factor, clause)
    }

    /// The change by points and by a factor that a clause names.
    pub(super) fn new(
        sheet: &Worksheet<'_>,
        points: Option<Setting<Ratio>>,
        factor: Option<Setting<Ratio>>,
        clause: Clause,
    ) -> Result<RatioChange, Refusal> {
        let points = points.map_or(Ok(Ratio::ZERO), |points| points.needed(sheet.book, clause))?;
        let factor = factor.map_or(Ok(Ratio::ONE), |factor| factor.needed(sheet.book, clause))?;
        Ok(RatioChange { points, factor, clause: Some(clause) })
    }

    /// The ratio after the change: points before the factor, within 0 and 1.
    pub(super) fn apply(&self, ratio: Ratio) -> Ratio {
        ratio.less(self.points).times(self.factor)
    }
}
