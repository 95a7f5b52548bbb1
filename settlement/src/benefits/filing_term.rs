//! 备案有效期: how long a filing holds, and for how long it may not be changed. A region's rule, asked at the gate and by
//! whoever lodges a filing; the hub itself knows no rule book.

use jiff::ToSpan;
use jiff::civil::Date;

use super::gate::full_months;
use crate::encounter::{CareKind, HospitalLevel};
use crate::filing::{Filing, FilingClass, Proof};
use crate::ids::{DiagnosisCode, DiseaseCode};
use crate::person::{Entitlement, Person, Validity};
use crate::refusal::{Reason, Refusal};
use crate::rulebook::RuleBook;
use crate::rulebook::clause::Clause;
use crate::rulebook::conditions::{Facts, Footing};

/// The days that a rule gives a filing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FilingTerm {
    /// The last day of admission that it covers; none for good.
    pub last_day: Option<Date>,
    /// The first day on which it may be changed or cancelled.
    pub free_from: Date,
}

/// A filing that somebody wants to lodge.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Why the person is cared for elsewhere.
    pub class: FilingClass,
    /// Its first day.
    pub from: Date,
    /// The chronic disease that it is for, if any.
    pub disease: Option<&'a DiseaseCode>,
    /// The main diagnosis, if one is known.
    pub diagnosis: Option<&'a DiagnosisCode>,
}

/// What is to be done to a filing that counts.
#[derive(Clone, Copy, Debug)]
pub enum Change<'a> {
    /// It is to cover no admission after a day.
    EndsAfter(Date),
    /// Another one is to be lodged, which changes it.
    ReplacedBy(&'a Filing),
}

/// 变更锁定: whether a book lets a filing be changed so (policy.md A.3). Days on which it may not be changed begin with its
/// first one.
///
/// # Errors
/// [`Reason::FilingLocked`], naming the first day on which it may be and the rule; [`Reason::RuleUnset`] when nobody knows
/// the rule.
pub fn may_change(book: &RuleBook, person: &Person, held: &Filing, change: Change<'_>) -> Result<(), Refusal> {
    let Filing { class, validity, .. } = held;
    // Whoever was not insured under the book is not held to it.
    let Some(entitlement) = person.entitlement(book.insurance(), validity.from) else { return Ok(()) };
    let facts = before_any_visit(book, person, entitlement, validity.from, Footing::OffSite(*class));
    let Some((term, clause)) = under(book, *class, validity.from, &facts)? else { return Ok(()) };
    let Ok(last) = term.free_from.yesterday() else { return Ok(()) };
    let locked = Validity { from: validity.from, to: Some(validity.to.map_or(last, |to| to.min(last))) };
    let is_locked = locked.to >= Some(locked.from);
    let (breaks, field) = match change {
        Change::EndsAfter(day) => (locked.to.is_some_and(|to| day < to), "last_day"),
        Change::ReplacedBy(other) => (locked.meets(&other.validity), "destination"),
    };
    if is_locked && breaks {
        let detail = format!("{}: {}", term.free_from, book.path(clause));
        return Err(Refusal::new(Reason::FilingLocked).of_field(field).because(detail));
    }
    Ok(())
}

/// What a book says of a filing; none where it says nothing.
///
/// # Errors
/// [`Reason::NotInsured`] on its first day; [`Reason::RuleUnset`], naming the rule, when nobody knows it.
///
/// ```
/// use jiff::civil::date;
/// use settlement::benefits::filing_term;
/// use settlement::filing::FilingClass;
/// use settlement::rulebook::RuleBook;
///
/// let text = include_str!(concat!(
///     env!("CARGO_MANIFEST_DIR"),
///     "/../deploy/rulebooks/410700-xinxiang/employee-2024-01-01.toml"
/// ));
/// let book = RuleBook::parse(text).expect("a book without faults");
/// let example = book.examples()[0].clone();
/// let from = date(2025, 1, 31);
/// let wanted = |class| filing_term::Wanted { class, from, disease: None, diagnosis: None };
/// let term = |class| filing_term::of(&book, &example.person, wanted(class));
/// let long = term(FilingClass::LongTerm).expect("known").expect("a rule");
/// assert_eq!((long.last_day, long.free_from), (None, date(2025, 7, 31)));
/// let other = term(FilingClass::OtherTemporary).expect("known").expect("a rule");
/// assert_eq!((other.last_day, other.free_from), (Some(date(2025, 7, 30)), date(2025, 1, 31)));
/// ```
pub fn of(book: &RuleBook, person: &Person, wanted: Wanted<'_>) -> Result<Option<FilingTerm>, Refusal> {
    let Wanted { class, from, disease, diagnosis } = wanted;
    let Some(entitlement) = person.entitlement(book.insurance(), from) else {
        return Err(Refusal::new(Reason::NotInsured).because(from.to_string()));
    };
    let facts = before_any_visit(book, person, entitlement, from, Footing::OffSite(class));
    let facts = Facts { disease, diagnosis, ..facts };
    Ok(under(book, class, from, &facts)?.map(|(term, _)| term))
}

/// What is known of a person under a stretch of insurance on a day without any visit. What only a visit has stands there for
/// rows that do not depend on it.
pub(super) fn before_any_visit<'a>(
    book: &RuleBook,
    person: &Person,
    entitlement: &'a Entitlement,
    day: Date,
    footing: Footing,
) -> Facts<'a> {
    Facts {
        person: entitlement.class,
        level: HospitalLevel::Primary,
        care: CareKind::Inpatient,
        footing,
        identity: person.identities_on(day).find(|class| book.knows(*class)),
        age: person.age_on(day).into(),
        stay: 1,
        enrolled_months: full_months(entitlement.continuous_since, day),
        claim_free_years: entitlement.claim_free_years,
        tier: entitlement.tier.as_deref(),
        disease: None,
        diagnosis: None,
        retired_on: entitlement.retired_on,
        place: 0,
        referred: false,
        filed: true,
        proof: Proof::HandedIn,
        joined_as: entitlement.joining.joined_as.as_deref(),
    }
}

/// The same under the facts of a visit, with the rule.
pub(super) fn under(
    book: &RuleBook,
    class: FilingClass,
    from: Date,
    facts: &Facts<'_>,
) -> Result<Option<(FilingTerm, Clause)>, Refusal> {
    let facts = Facts { footing: Footing::OffSite(class), ..*facts };
    let rows = book.admission.filing_validity.matching(&facts);
    let Some(row) = rows.max_by_key(|row| row.when.closeness()) else { return Ok(None) };
    let beyond = |_| Refusal::new(Reason::Internal).because(format!("a filing from {from} has no end in the calendar"));
    let after = |months: i64| 0.days().try_months(months).and_then(|span| from.checked_add(span)).map_err(beyond);
    let last_day = match row.value.months.needed(book, row.clause)? {
        Some(months) => Some(after(months)?.yesterday().map_err(beyond)?),
        None => None,
    };
    let free_from = after(row.value.lock_months.needed(book, row.clause)?)?;
    Ok(Some((FilingTerm { last_day, free_from }, row.clause)))
}
