//! 封顶线 of the basic fund: several may hold at once, one inside another, and the tightest binds (policy.md C.5).

use super::explanation::Step;
use super::worksheet::Worksheet;
use crate::money::Money;
use crate::refusal::{Reason, Refusal};
use crate::rulebook::clause::Clause;
use crate::rulebook::sections::{Above, Cap, Measure};
use crate::rulebook::table::Row;
use crate::year_to_date::UsageSums;

/// The tightest cap of one measure.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bound {
    clause: Clause,
    cap: Money,
    used: Money,
    /// What may still be paid, or still count.
    pub(super) left: Money,
    /// Who bears what is above it.
    pub(super) above: Above,
}

impl Bound {
    /// The step that says so.
    pub(super) fn step(&self) -> Step {
        Step::Cap { clause: self.clause, cap: self.cap, used: self.used, left: self.left }
    }
}

/// The tightest cap of a measure; none where the book has no such cap for this care.
pub(super) fn tightest(sheet: &Worksheet<'_>, measure: Measure) -> Result<Option<Bound>, Refusal> {
    let mut tightest: Option<Bound> = None;
    let caps = &sheet.book.caps;
    let counting = |row: &&Row<Cap>| row.value.measure == measure && row.value.counts.has_care(sheet.facts.care);
    for row in caps.rows.iter().filter(counting) {
        if row.when.hold(&sheet.facts) {
            let bound = bound(sheet, row)?;
            if tightest.is_none_or(|other| bound.left < other.left) {
                tightest = Some(bound);
            }
        } else if !row.value.of_disease && !caps.rows.iter().any(|other| stands_in(sheet, row, other)) {
            // Everybody has some cap on this care, but the book does not say which is this person's.
            return Err(Refusal::new(Reason::RuleUnset).because(caps.path.as_str()));
        }
    }
    Ok(tightest)
}

fn stands_in(sheet: &Worksheet<'_>, row: &Row<Cap>, other: &Row<Cap>) -> bool {
    other.value.same_scope(&row.value) && other.when.hold(&sheet.facts)
}

fn bound(sheet: &Worksheet<'_>, row: &Row<Cap>) -> Result<Bound, Refusal> {
    let cap = row.value.amount.needed(sheet.book, row.clause)?;
    let sums: UsageSums = if row.value.of_disease { sheet.used_for_disease() } else { sheet.used(row.value.counts) };
    let used = match row.value.measure {
        Measure::FundPaid => sums.basic,
        Measure::InPolicy => sums.in_policy,
    };
    Ok(Bound { clause: row.clause, cap, used, left: (cap - used).at_least_zero(), above: row.value.above })
}
