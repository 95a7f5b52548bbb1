//! The one question that deciding asks of a region's rules, and how rule books answer it. Tests bring a tiny rule of
//! their own in their place.

use super::settle::refuse_during_stay;
use crate::adjudication::Adjudication;
use crate::benefits::explanation::{Step, digest};
use crate::benefits::{Case, adjudicate};
use crate::filing::FilingClass;
use crate::outcome::Applied;
use crate::person::PersonClass;
use crate::refusal::{Reason, Refusal};
use crate::rulebook::conditions::Footing;
use crate::rulebook::{DecidingDates, DuringStay, RuleBook, RuleBooks};

/// Works a bill out, or refuses it. The same question always has the same answer.
pub type Judge<'a> = dyn Fn(&Question<'_>) -> Result<Judgement, Refusal> + 'a;

/// A bill to be worked out, with everything that rules may look at.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The case.
    pub case: Case<'a>,
    /// Whether the person lies in another hospital on the day of an outpatient visit.
    pub during_stay: bool,
}

/// A bill worked out, and what was applied beside it.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// The result.
    pub adjudication: Adjudication,
    /// What was applied beside the bill.
    pub applied: Applied,
}

/// Judges by the book that is in force among some.
///
/// # Errors
/// Why the region's rules do not let the bill be settled.
pub fn judge_by(books: &RuleBooks, question: &Question<'_>) -> Result<Judgement, Refusal> {
    let case = &question.case;
    let dates = DecidingDates::of(&case.settle.encounter, case.settled_on).until(case.person.died);
    judge_with(books.in_force(case.settle.home, case.settle.insurance, dates)?, question)
}

/// Judges by one book, whether or not it is in force.
///
/// # Errors
/// As [`judge_by`].
pub fn judge_with(book: &RuleBook, question: &Question<'_>) -> Result<Judgement, Refusal> {
    let case = &question.case;
    let dates = DecidingDates::of(&case.settle.encounter, case.settled_on).until(case.person.died);
    let adjudication = adjudicate(book, case)?;
    let warned = match book.outpatient_during_stay() {
        DuringStay::Refuse if question.during_stay => return Err(refuse_during_stay(case)),
        DuringStay::Refuse | DuringStay::Pay => false,
        DuringStay::Warn => question.during_stay,
    };
    let applied = applied(book, case, dates, &adjudication)?;
    Ok(Judgement { adjudication, applied: Applied { during_stay: warned, ..applied } })
}

fn applied(
    book: &RuleBook,
    case: &Case<'_>,
    dates: DecidingDates,
    adjudication: &Adjudication,
) -> Result<Applied, Refusal> {
    let on = |day| case.person.entitlement(case.settle.insurance, day);
    // A stay that is paid to its end may outlive the cover that it began under.
    let entitlement = on(dates.day(book.decision_date())).or_else(|| on(dates.admission));
    let civil_servant = entitlement.is_some_and(|entitlement| entitlement.civil_servant);
    let (class, filing) = footing(&adjudication.steps)
        .ok_or_else(|| Refusal::new(Reason::Internal).because("the explanation does not begin with the gate"))?;
    Ok(Applied { filing, class, civil_servant, during_stay: false, explanation: digest(&adjudication.steps) })
}

/// The class of person, and the class of filing that was applied; none at home and where the region pays without.
fn footing(steps: &[Step]) -> Option<(PersonClass, Option<FilingClass>)> {
    let unfiled = steps.iter().any(|step| matches!(step, Step::Unfiled { .. }));
    steps.iter().find_map(|step| {
        let Step::Gate { person, footing, .. } = step else {
            return None;
        };
        let filing = match footing {
            Footing::OffSite(class) if !unfiled => Some(*class),
            Footing::OffSite(_) | Footing::Local => None,
        };
        Some((*person, filing))
    })
}
