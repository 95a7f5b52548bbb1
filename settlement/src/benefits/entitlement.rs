//! 待遇资格: whether the person is insured on a day, and neither suspended, held back by another insurance, nor waiting;
//! and which days of a stay are asked about. Called by the gate.

use jiff::ToSpan;
use jiff::civil::Date;

use super::explanation::Step;
use super::gate::At;
use crate::encounter::CareKind;
use crate::person::Entitlement;
use crate::refusal::{Reason, Refusal};
use crate::rulebook::admission::{StayEntitlement, Wait, Waiting};
use crate::rulebook::table::Row;

/// The stretch of insurance that a case is settled under, as the book has it.
pub(super) fn deciding<'a>(at: &At<'a>, day: Date, steps: &mut Vec<Step>) -> Result<&'a Entitlement, Refusal> {
    let encounter = &at.case.settle.encounter;
    if let Some(died) = at.case.person.died {
        if died < encounter.admitted {
            return Err(Refusal::new(Reason::NotInsured).because(encounter.admitted.to_string()));
        }
        if died < at.case.settled_on {
            steps.push(Step::Died { day: died });
        }
    }
    let rule = at.book.admission.stay_entitlement.filter(|_| encounter.care == CareKind::Inpatient);
    match rule {
        None | Some((StayEntitlement::Decision, _)) => due(at, day, steps),
        Some((StayEntitlement::Admission, clause)) => {
            let on_admission = due(at, encounter.admitted, steps)?;
            steps.push(Step::StayEntitlement { clause, on: StayEntitlement::Admission, day: encounter.admitted });
            // What a person is in the meantime (retired) counts; that cover ended in the meantime does not.
            Ok(at.case.person.entitlement(at.case.settle.insurance, day).unwrap_or(on_admission))
        }
        Some((StayEntitlement::Whole, clause)) => {
            for change in changes(at) {
                due(at, change, &mut Vec::new())?;
            }
            steps.push(Step::StayEntitlement { clause, on: StayEntitlement::Whole, day: last_day(at) });
            due(at, day, steps)
        }
    }
}

/// The last day of a stay so far.
fn last_day(at: &At<'_>) -> Date {
    let encounter = &at.case.settle.encounter;
    let last = encounter.discharged.unwrap_or(at.case.settled_on);
    at.case.person.died.map_or(last, |died| died.min(last)).max(encounter.admitted)
}

/// The first day of a stay, its last one, and every day in between on which somebody may stop being entitled.
fn changes(at: &At<'_>) -> Vec<Date> {
    let (first, last) = (at.case.settle.encounter.admitted, last_day(at));
    let of_one = |held: &Entitlement| {
        let after = |last: Date| last.tomorrow().ok();
        let suspended = held.suspended;
        let restored = suspended.and_then(|suspended| suspended.to).and_then(after);
        [Some(held.validity.from), held.validity.to.and_then(after), suspended.map(|days| days.from), restored]
    };
    let inside = at.case.person.entitlements.iter().flat_map(of_one).flatten();
    let mut days: Vec<Date> = inside.filter(|day| first < *day && *day < last).chain([first, last]).collect();
    days.sort_unstable();
    days.dedup();
    days
}

/// The stretch of insurance by which benefits are due on a day.
fn due<'a>(at: &At<'a>, day: Date, steps: &mut Vec<Step>) -> Result<&'a Entitlement, Refusal> {
    let refuse = |reason: Reason| Refusal::new(reason).because(day.to_string());
    let (person, insurance) = (at.case.person, at.case.settle.insurance);
    let entitlement = person.entitlement(insurance, day).ok_or_else(|| refuse(Reason::NotInsured))?;
    if !entitlement.runs_on(day) {
        return Err(refuse(Reason::BenefitsSuspended));
    }
    if let Some((prevails, clause)) = at.book.admission.double_cover {
        let runs = |held: &Entitlement| held.insurance == prevails && held.runs_on(day);
        if prevails != insurance && person.entitlements.iter().any(runs) {
            let detail = format!("{day} {}", at.book.path(clause));
            return Err(Refusal::new(Reason::BenefitsSuspended).because(detail));
        }
    }
    if let Some(row) = waiting(at, entitlement, day) {
        steps.extend(waited(at, row, entitlement, day)?);
    }
    Ok(entitlement)
}

/// The waiting period that a stretch of insurance is held to.
fn waiting<'a>(at: &At<'a>, entitlement: &'a Entitlement, day: Date) -> Option<&'a Row<Waiting>> {
    let rows = &at.book.admission.waiting.rows;
    if rows.is_empty() {
        return None;
    }
    let facts = at.facts(entitlement, day);
    rows.iter().find(|row| row.value.concerns(entitlement) && row.when.hold(&facts))
}

/// That the waiting period is over; a refusal while it lasts.
fn waited(at: &At<'_>, row: &Row<Waiting>, entitlement: &Entitlement, day: Date) -> Result<Option<Step>, Refusal> {
    let Some(began) = row.value.begins_on(entitlement) else { return Ok(None) };
    let joining = &entitlement.joining;
    let (months, days) = match row.value.wait {
        Wait::None => return Ok(None),
        Wait::Days(days) => (0, days.needed(at.book, row.clause)?),
        Wait::Months(months) => (months.needed(at.book, row.clause)?, 0),
    };
    let months = months + row.value.lapse_months(joining);
    let months = row.value.least_months(joining).map_or(months, |least| least.max(months));
    let beyond = |_| Refusal::new(Reason::BenefitsSuspended).because(at.book.path(row.clause));
    let span = 0.days().try_months(months).and_then(|span| span.try_days(days)).map_err(beyond)?;
    let first = began.checked_add(span).map_err(beyond)?;
    if day < first {
        let detail = format!("{}: {first}", at.book.path(row.clause));
        return Err(Refusal::new(Reason::BenefitsSuspended).because(detail));
    }
    Ok(Some(Step::Waited { clause: row.clause, began, first }))
}
