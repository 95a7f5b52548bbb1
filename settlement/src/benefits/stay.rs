//! What of the stay at hand was settled before: its earlier parts (policy.md A.10), and the stays from which it goes on
//! where a region counts them as one (C.3). It finds; `deductible` applies.

use jiff::civil::{Date, DateDifference};
use jiff::{Span, Unit};

use super::explanation::Derived;
use super::{Case, Earlier};
use crate::encounter::{CareKind, Encounter, HospitalLevel};
use crate::ids::DiagnosisCode;
use crate::money::Money;
use crate::rulebook::RuleBook;
use crate::rulebook::clause::Clause;
use crate::rulebook::conditions::Facts;
use crate::rulebook::deductible::Continues;
use crate::rulebook::sections::{ContinuedDeductible, CrossYear, InterimDeductible};
use crate::year_to_date::BenefitYear;

/// What was settled before of a visit or stay.
#[derive(Clone, Debug)]
pub(super) struct Before {
    /// Whether it was counted among the stays of the year already.
    pub(super) counted: bool,
    /// What it bore of its deductible, as far as that counts for it.
    pub(super) borne: Money,
    /// How much of that counts in another benefit year.
    pub(super) borne_elsewhen: Money,
    /// The totals of the earlier parts' bills whose deductible counts.
    pub(super) total: Money,
    /// The day from which a deductible that is due again is counted.
    pub(super) since: Date,
    /// Whether it goes on from an earlier stay and bears nothing.
    pub(super) is_free: bool,
    /// How that came about, to be written down where a deductible is due.
    pub(super) derived: Vec<Derived>,
}

/// Days between two days; negative where the second comes first.
pub(super) fn days_between(from: Date, to: Date) -> i64 {
    from.until(DateDifference::new(to).largest(Unit::Day)).map_or(0, |span| span.get_days().into())
}

impl Before {
    /// What the earlier parts of the visit or stay come to.
    pub(super) fn parts(book: &RuleBook, case: &Case<'_>, year: BenefitYear) -> Before {
        let mut before = Before {
            counted: false,
            borne: Money::ZERO,
            borne_elsewhen: Money::ZERO,
            total: Money::ZERO,
            since: case.settle.encounter.admitted,
            is_free: false,
            derived: Vec::new(),
        };
        let mut of_other_years: Option<Money> = None;
        for part in case.earlier.iter().filter(|earlier| earlier.same_stay) {
            let stated = book.cross_year.filter(|_| part.year != year);
            let counts = match (stated, book.interim_deductible.0) {
                (Some((CrossYear::Once, _)), _) | (None, InterimDeductible::Once) => true,
                (Some((CrossYear::Again, _)), _) | (None, InterimDeductible::Each) => false,
            };
            before.counted |= !matches!(stated, Some((CrossYear::Again, _)));
            if counts {
                before.borne += part.deductible;
                before.total += part.total;
            } else {
                before.since = before.since.max(part.day);
            }
            if stated.is_some() {
                *of_other_years.get_or_insert_default() += part.deductible;
                before.borne_elsewhen += if counts { part.deductible } else { Money::ZERO };
            }
        }
        if let (Some(borne), Some((rule, clause))) = (of_other_years, book.cross_year) {
            before.derived.push(Derived::CrossYear { clause, borne, again: rule == CrossYear::Again });
        }
        before
    }

    /// Adds the stays from which this one goes on, where the region has a rule for that.
    pub(super) fn go_on(mut self, book: &RuleBook, case: &Case<'_>, facts: &Facts<'_>, year: BenefitYear) -> Before {
        let rules = book.care(facts.care).rules().filter(|_| facts.care == CareKind::Inpatient);
        let Some(row) = rules.and_then(|rules| rules.continues.find(facts)) else { return self };
        let chain = chain(case, book, &row.value);
        let Some(last) = chain.first() else { return self };
        self.counted = true;
        // Both are one stay, and their days one count, unless an earlier part of this one bore a deductible of its own. Days
        // at home in between are none of it.
        if self.since == case.settle.encounter.admitted {
            let days: i64 = chain.iter().map(|stay| days_between(stay.admitted, stay.discharged)).sum();
            let since = Span::new().try_days(days).and_then(|days| self.since.checked_sub(days));
            self.since = since.unwrap_or(self.since);
        }
        let borne: Money = chain.iter().flat_map(|stay| &stay.settlements).map(|earlier| earlier.deductible).sum();
        match row.value.deductible {
            ContinuedDeductible::Nothing => self.is_free = true,
            ContinuedDeductible::Difference => {
                let elsewhen = chain.iter().flat_map(|stay| &stay.settlements).filter(|earlier| earlier.year != year);
                self.borne_elsewhen += elsewhen.map(|earlier| earlier.deductible).sum();
                self.borne += borne;
            }
        }
        let (clause, discharged): (Clause, Date) = (row.clause, last.discharged);
        self.derived.push(Derived::Continues { clause, discharged, level: last.level, borne, free: self.is_free });
        self
    }
}

/// An earlier stay that has ended, with its settlements.
struct Stay<'a> {
    settlements: Vec<&'a Earlier>,
    admitted: Date,
    discharged: Date,
    level: HospitalLevel,
}

/// The stays from which the one at hand goes on, the last first: each goes on from the one before it.
fn chain<'a>(case: &Case<'a>, book: &RuleBook, rule: &Continues) -> Vec<Stay<'a>> {
    let mut others = stays(case, book);
    let Encounter { admitted, institution, diagnosis, .. } = &case.settle.encounter;
    let (mut admitted, mut institution, mut diagnosis) = (*admitted, institution, diagnosis.as_ref());
    let mut chain = Vec::new();
    loop {
        let joins = |stay: &Stay<'_>| {
            let ended = stay.settlements.last().is_some_and(|last| {
                let same_diagnosis = same_category(last.diagnosis.as_ref(), diagnosis);
                let gap = days_between(stay.discharged, admitted);
                rule.joins(gap, last.institution == *institution, same_diagnosis, last.level)
            });
            // A stay that began later is no stay from which this one could go on.
            ended && stay.admitted <= admitted
        };
        let last = others.iter().enumerate().filter(|(_, stay)| joins(stay)).max_by_key(|(_, stay)| stay.discharged);
        let Some(position) = last.map(|(position, _)| position) else { return chain };
        let stay = others.swap_remove(position);
        admitted = stay.admitted;
        if let Some(earlier) = stay.settlements.last() {
            (institution, diagnosis) = (&earlier.institution, earlier.diagnosis.as_ref());
        }
        chain.push(stay);
    }
}

fn same_category(one: Option<&DiagnosisCode>, two: Option<&DiagnosisCode>) -> bool {
    one.zip(two).is_some_and(|(one, two)| one.same_category(two))
}

/// The person's other stays that have ended.
fn stays<'a>(case: &Case<'a>, book: &RuleBook) -> Vec<Stay<'a>> {
    let mut stays: Vec<Stay<'a>> = Vec::new();
    let other = |earlier: &&Earlier| {
        !earlier.same_stay && earlier.care == CareKind::Inpatient && book.counts(earlier.insurance)
    };
    for earlier in case.earlier.iter().filter(other) {
        let ended = earlier.discharged.unwrap_or(Date::MIN);
        let known = stays.iter_mut().find(|stay| {
            stay.settlements
                .first()
                .is_some_and(|one| one.encounter == earlier.encounter && one.institution == earlier.institution)
        });
        match known {
            Some(stay) => {
                stay.admitted = stay.admitted.min(earlier.admitted);
                stay.discharged = stay.discharged.max(ended);
                stay.settlements.push(earlier);
            }
            None => stays.push(Stay {
                settlements: vec![earlier],
                admitted: earlier.admitted,
                discharged: ended,
                level: earlier.level,
            }),
        }
    }
    stays.retain(|stay| stay.discharged > Date::MIN);
    stays
}
