//! 起付线: what the person bears before the basic fund pays (policy.md C.3). What of it was borne before is for `stay`
//! and the year to date.

use jiff::ToSpan;
use jiff::civil::Date;

use super::explanation::{Derived, Step};
use super::stay::days_between;
use super::worksheet::Worksheet;
use super::{Earlier, several};
use crate::encounter::CareKind;
use crate::money::Money;
use crate::refusal::Refusal;
use crate::rulebook::clause::Clause;
use crate::rulebook::conditions::Diagnoses;
use crate::rulebook::deductible::{Deductible, Due};
use crate::rulebook::ratio::Ratio;
use crate::rulebook::sections::{CareRules, Per};
use crate::rulebook::table::Row;

/// The deductible borne out of a benefit base.
pub(super) fn borne(sheet: &mut Worksheet<'_>, rules: &CareRules, base: Money) -> Result<Money, Refusal> {
    if base.is_zero() {
        return Ok(Money::ZERO);
    }
    for derived in std::mem::take(&mut sheet.before.derived) {
        sheet.note(Step::Derived(derived));
    }
    if sheet.before.is_free {
        return Ok(Money::ZERO);
    }
    let row = rules.deductible.needed(&sheet.facts)?;
    let (clause, per) = (row.clause, row.value.per);
    let amount = due(sheet, &row.value, clause)?;
    let factor = match rules.deductible_factor.find(&sheet.facts) {
        Some(row) => Some((row.clause, row.value.needed(sheet.book, row.clause)?)),
        None => None,
    };
    let whole = Money::round(factor.map_or(Ratio::ONE, |(_, factor)| factor).of(amount));
    let before = match per {
        // An earlier part may have been too small to bear it all.
        Per::Stay => sheet.before.borne,
        Per::Year if is_per_disease(sheet, &row.value) => of_disease_this_year(sheet, row),
        Per::Year => sheet.used_by(|usage| row.value.counts(usage)).deductible + sheet.before.borne_elsewhen,
        Per::Cycle => of_cycle(sheet, row),
    };
    let borne = (whole - before).at_least_zero().min(base);
    sheet.note(Step::Deductible { clause, amount, factor, per, before, base, borne });
    Ok(borne)
}

/// What is due, before a factor and before what was borne already.
fn due(sheet: &mut Worksheet<'_>, rule: &Deductible, clause: Clause) -> Result<Money, Refusal> {
    let once = match rule.due {
        Due::Nothing => Money::ZERO,
        Due::Sum(amount) => amount.needed(sheet.book, clause)?,
        Due::ShareOfBill { share, at_least, at_most } => {
            let (share, at_least) = (share.needed(sheet.book, clause)?, at_least.needed(sheet.book, clause)?);
            let at_most = at_most.map(|most| most.needed(sheet.book, clause)).transpose()?;
            let total = sheet.case.settle.bill.total() + sheet.before.total;
            let amount = Money::round(share.of(total)).max(at_least);
            let amount = at_most.map_or(amount, |most| amount.min(most));
            sheet.note(Step::Derived(Derived::ShareOfBill { clause, total, share, amount }));
            amount
        }
    };
    let once = falling(sheet, rule, clause, once)?;
    Ok(again(sheet, rule, clause, once))
}

/// Each further stay of the year bears that much less.
fn falling(sheet: &mut Worksheet<'_>, rule: &Deductible, clause: Clause, first: Money) -> Result<Money, Refusal> {
    let stay = sheet.facts.stay;
    let Some(fall) = rule.falls.filter(|_| stay > 1) else { return Ok(first) };
    let by = fall.by.needed(sheet.book, clause)?;
    let down_to = fall.down_to.needed(sheet.book, clause)?;
    let fallen = Money::from_fen(by.fen().saturating_mul(stay - 1));
    let amount = (first - fallen.min(first)).max(down_to.min(first));
    sheet.note(Step::Derived(Derived::Falls { clause, first, stay, amount }));
    Ok(amount)
}

/// A long stay bears it once more for every so many days begun.
fn again(sheet: &mut Worksheet<'_>, rule: &Deductible, clause: Clause, once: Money) -> Money {
    let Some(every) = rule.again_after_days else { return once };
    let until = sheet.case.settle.encounter.discharged.unwrap_or(sheet.case.settled_on);
    let days = days_between(sheet.before.since, until).max(0);
    let times = (days + every - 1).div_euclid(every).max(1);
    if times == 1 {
        return once;
    }
    let amount = Money::from_fen(once.fen().saturating_mul(times));
    sheet.note(Step::Derived(Derived::Again { clause, days, times, amount }));
    amount
}

/// Whether it counts one disease alone: what a book says of several chronic diseases prevails.
fn is_per_disease(sheet: &Worksheet<'_>, rule: &Deductible) -> bool {
    several::deductible_of_each(sheet).unwrap_or(rule.per_disease)
}

/// What was borne in the benefit year for the disease at hand alone.
fn of_disease_this_year(sheet: &Worksheet<'_>, row: &Row<Deductible>) -> Money {
    if sheet.facts.care == CareKind::Chronic {
        return sheet.used_for_disease().deductible;
    }
    let this_year = same_diagnosis(sheet, row).filter(|earlier| earlier.year == sheet.year);
    this_year.map(|earlier| earlier.deductible).sum::<Money>() + sheet.before.borne_elsewhen
}

/// The stays in force for a disease: the diagnoses that the row names, or else the category of the one at hand.
fn same_diagnosis<'s>(sheet: &'s Worksheet<'_>, row: &'s Row<Deductible>) -> impl Iterator<Item = &'s Earlier> {
    let at_hand = sheet.facts.diagnosis;
    let same = move |earlier: &&Earlier| match &row.when.diagnosis {
        Diagnoses::Beginning(_) => row.when.diagnosis.have(earlier.diagnosis.as_ref()),
        Diagnoses::Any | Diagnoses::Other(_) => {
            at_hand.zip(earlier.diagnosis.as_ref()).is_some_and(|(one, two)| one.same_category(two))
        }
    };
    let stays = sheet.case.earlier.iter();
    let counts = move |earlier: &&Earlier| sheet.book.counts(earlier.insurance) && earlier.care == CareKind::Inpatient;
    stays.filter(counts).filter(same)
}

/// What was borne in the cycle in which the settlement falls. A cycle begins on the day on which a deductible is
/// borne that no running cycle covers.
fn of_cycle(sheet: &mut Worksheet<'_>, row: &Row<Deductible>) -> Money {
    let (rule, today) = (&row.value, sheet.case.settled_on);
    let mut days: Vec<(Date, Money)> = if is_per_disease(sheet, rule) && sheet.facts.care == CareKind::Inpatient {
        same_diagnosis(sheet, row).map(|earlier| (earlier.day, earlier.deductible)).collect()
    } else {
        let disease = sheet.facts.disease.filter(|_| is_per_disease(sheet, rule));
        let usages = sheet.case.usages.iter().filter(|used| {
            sheet.book.counts(used.usage.insurance)
                && rule.counts(&used.usage)
                && disease.is_none_or(|disease| used.usage.disease.as_ref().is_some_and(|of| of.same_disease(disease)))
        });
        usages.map(|used| (used.day, used.usage.sums.deductible)).collect()
    };
    days.retain(|(day, borne)| *day <= today && !borne.is_zero());
    days.sort_unstable_by_key(|(day, _)| *day);
    let end = |from: Date| from.saturating_add(rule.cycle_days.days());
    let mut cycle: Option<(Date, Money)> = None;
    for (day, borne) in days {
        cycle = match cycle {
            Some((from, before)) if day < end(from) => Some((from, before + borne)),
            Some(_) | None => Some((day, borne)),
        };
    }
    let Some((from, borne)) = cycle.filter(|(from, _)| today < end(*from)) else { return Money::ZERO };
    sheet.note(Step::Derived(Derived::Cycle { clause: row.clause, from, days: rule.cycle_days, borne }));
    borne
}
