//! 封顶线提高: what long enrolment without a break, and benefit years without a claim, add to a cap (policy.md A.12).

use super::explanation::Step;
use super::worksheet::Worksheet;
use crate::money::Money;
use crate::refusal::Refusal;
use crate::rulebook::clause::{Clause, Setting};
use crate::rulebook::sections::Growth;

const MONTHS_OF_A_YEAR: i64 = 12;

/// A cap as it stands for the person.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grown {
    /// Its sum.
    pub(super) cap: Money,
    /// How it grew, where it did.
    pub(super) step: Option<Step>,
}

/// The sum of a cap with what is added to it.
pub(super) fn grown(sheet: &Worksheet<'_>, amount: Money, growth: Growth, clause: Clause) -> Result<Grown, Refusal> {
    let facts = &sheet.facts;
    let years = (facts.enrolled_months / MONTHS_OF_A_YEAR - growth.from_years).max(0);
    let claim_free_years = facts.claim_free_years.max(0);
    // A sum that nobody knows is asked for only where it counts.
    let times = |addition: Option<Setting<Money>>, count: i64| match addition.filter(|_| count > 0) {
        Some(addition) => addition.needed(sheet.book, clause).map(|each| times(each, count)),
        None => Ok(Money::ZERO),
    };
    let mut plus = times(growth.per_year, years)? + times(growth.per_claim_free_year, claim_free_years)?;
    if !plus.is_zero()
        && let Some(most) = growth.at_most
    {
        plus = plus.min(most.needed(sheet.book, clause)?);
    }
    let step = Step::CapGrowth { clause, amount, years, claim_free_years, plus };
    Ok(Grown { cap: amount + plus, step: Some(step).filter(|_| !plus.is_zero()) })
}

/// A sum so many times, never beyond the largest amount.
fn times(each: Money, count: i64) -> Money {
    Money::from_fen(each.fen().saturating_mul(count)).min(Money::MAX)
}
