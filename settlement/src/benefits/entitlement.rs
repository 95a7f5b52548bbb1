//! 待遇资格: whether the person is insured on a day, and neither suspended, held back by another insurance, nor waiting;
//! and which days of a stay are asked about. Called by the gate; whoever looks a person up asks it without a visit.

use jiff::ToSpan;
use jiff::civil::Date;

use super::explanation::Step;
use super::filing_term::before_any_visit;
use super::gate::At;
use crate::encounter::CareKind;
use crate::person::{Entitlement, Insurance, Joining, Person};
use crate::refusal::{Reason, Refusal};
use crate::rulebook::RuleBook;
use crate::rulebook::admission::{StayEntitlement, Wait, Waiting};
use crate::rulebook::clause::Clause;
use crate::rulebook::conditions::{Facts, Footing};
use crate::rulebook::table::Row;
use crate::rulebook::unknown;
use crate::year_to_date::BenefitYear;

/// Why benefits are not due on a day under a stretch of insurance that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeldBack {
    /// 双重参保: the other insurance, which runs too, prevails.
    DoubleCover {
        /// The insurance that prevails.
        by: Insurance,
        /// The first day on which both run.
        since: Date,
    },
    /// 待遇等待期: benefits begin later.
    Waiting {
        /// The first day of benefits.
        first: Date,
    },
}

/// Why benefits are not due on a day, as far as a book says so of whoever has not come for any visit yet; none where they
/// are due, and where the stretch does not run. A waiting period that a visit decides about is not looked for.
///
/// # Errors
/// [`Reason::RuleUnset`], naming the rule, when nobody knows how long the person waits, or since when.
pub fn held_back(
    book: &RuleBook,
    person: &Person,
    entitlement: &Entitlement,
    day: Date,
) -> Result<Option<HeldBack>, Refusal> {
    if entitlement.insurance != book.insurance() || !entitlement.runs_on(day) {
        return Ok(None);
    }
    if let Some((prevailing, _)) = prevailing(book, person, entitlement.insurance, day) {
        let since = prevailing.validity.from.max(entitlement.validity.from);
        return Ok(Some(HeldBack::DoubleCover { by: prevailing.insurance, since }));
    }
    let facts = before_any_visit(book, person, entitlement, day, Footing::Local);
    let row = waiting(book, entitlement, day, || facts, |row| !row.when.is_of_a_visit())?;
    let first = row.map(|row| waits_until(book, row, entitlement)).transpose()?.flatten();
    Ok(first.filter(|(_, first)| day < *first).map(|(_, first)| HeldBack::Waiting { first }))
}

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
    if let Some((_, clause)) = prevailing(at.book, person, insurance, day) {
        let detail = format!("{day} {}", at.book.path(clause));
        return Err(Refusal::new(Reason::BenefitsSuspended).because(detail));
    }
    if let Some(row) = waiting(at.book, entitlement, day, || at.facts(entitlement, day), |_| true)? {
        steps.extend(waited(at.book, row, entitlement, day)?);
    }
    Ok(entitlement)
}

/// The other insurance that holds one back on a day, and the rule by which it does.
fn prevailing<'a>(
    book: &RuleBook,
    person: &'a Person,
    insurance: Insurance,
    day: Date,
) -> Option<(&'a Entitlement, Clause)> {
    let (prevails, clause) = book.admission.double_cover.filter(|(prevails, _)| *prevails != insurance)?;
    let runs = |held: &&Entitlement| held.insurance == prevails && held.runs_on(day);
    person.entitlements.iter().find(runs).map(|held| (held, clause))
}

/// The waiting period that a stretch of insurance is held to, of those that are asked about.
///
/// # Errors
/// After a lapse, where one that lasts on the day would hold but for the day of payment, which nobody knows.
fn waiting<'b, 'f>(
    book: &'b RuleBook,
    entitlement: &Entitlement,
    day: Date,
    facts: impl FnOnce() -> Facts<'f>,
    asked: impl Fn(&Row<Waiting>) -> bool,
) -> Result<Option<&'b Row<Waiting>>, Refusal> {
    let rows = &book.admission.waiting.rows;
    if rows.is_empty() {
        return Ok(None);
    }
    let facts = facts();
    let known = rows.iter().find(|row| row.value.concerns(entitlement) && row.when.hold(&facts));
    if known.is_some() {
        return Ok(known.filter(|row| asked(row)));
    }
    let may_hold = |row: &&Row<Waiting>| asked(row) && row.value.may_concern(entitlement) && row.when.hold(&facts);
    for row in rows.iter().filter(may_hold) {
        if may_last(book, row, entitlement, day)? {
            return Err(unknown::table(book.path(row.clause), Some("缴费日期")));
        }
    }
    Ok(None)
}

/// Whether a waiting period whose payment nobody knows may last on a day: paid on the last day that there could be, it
/// does. A stretch is paid in the benefit year in which it begins, and before the day on which it is asked about.
fn may_last(book: &RuleBook, row: &Row<Waiting>, entitlement: &Entitlement, day: Date) -> Result<bool, Refusal> {
    let BenefitYear(year) = book.year_of(entitlement.validity.from);
    let end = book.first_day_of(BenefitYear(year.saturating_add(1))).and_then(|next| next.yesterday().ok());
    let Ok(before) = day.yesterday() else { return Ok(false) };
    let until = end.map_or(before, |end| end.min(before));
    let Some(paid_on) = row.value.last_payment(until) else { return Ok(false) };
    let joining = Joining { paid_on: Some(paid_on), ..entitlement.joining.clone() };
    let paid = Entitlement { joining, ..entitlement.clone() };
    Ok(waits_until(book, row, &paid)?.is_some_and(|(_, first)| day < first))
}

/// That the waiting period is over; a refusal while it lasts.
fn waited(book: &RuleBook, row: &Row<Waiting>, entitlement: &Entitlement, day: Date) -> Result<Option<Step>, Refusal> {
    let Some((began, first)) = waits_until(book, row, entitlement)? else { return Ok(None) };
    if day < first {
        let detail = format!("{}: {first}", book.path(row.clause));
        return Err(Refusal::new(Reason::BenefitsSuspended).because(detail));
    }
    Ok(Some(Step::Waited { clause: row.clause, began, first }))
}

/// The day from which a waiting period counts, and the first day of benefits after it; none where nobody waits.
fn waits_until(
    book: &RuleBook,
    row: &Row<Waiting>,
    entitlement: &Entitlement,
) -> Result<Option<(Date, Date)>, Refusal> {
    let Some(began) = row.value.begins_on(entitlement) else { return Ok(None) };
    let joining = &entitlement.joining;
    let (months, days) = match row.value.wait {
        Wait::None => return Ok(None),
        Wait::Days(days) => (0, days.needed(book, row.clause)?),
        Wait::Months(months) => (months.needed(book, row.clause)?, 0),
    };
    let months = months + row.value.lapse_months(joining);
    let months = row.value.least_months(joining).map_or(months, |least| least.max(months));
    let beyond = |_| Refusal::new(Reason::BenefitsSuspended).because(book.path(row.clause));
    let span = 0.days().try_months(months).and_then(|span| span.try_days(days)).map_err(beyond)?;
    Ok(Some((began, began.checked_add(span).map_err(beyond)?)))
}
