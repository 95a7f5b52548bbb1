//! 就医身份: whether the person is treated at home or elsewhere, and under what class of filing (policy.md A.3, A.4, A.7).
//! Called by the gate.

use jiff::civil::Date;

use super::explanation::{Standing, Step};
use super::{Case, filing_term};
use crate::filing::{Filing, FilingClass};
use crate::refusal::{Reason, Refusal};
use crate::rulebook::clause::{Clause, Setting};
use crate::rulebook::conditions::{Facts, Footing};
use crate::rulebook::sections::Unfiled;
use crate::rulebook::{RuleBook, unknown};

/// The footing, and what it rests on. A filing in force decides, and
/// so does one that the book deems lodged, whichever is better; where its class is not known, a filing or mark that is better
/// than the last class decides. Without either the hospital's emergency mark counts as filed
/// (procedure of 2022, article 34); without that the book says. At home only a long-term filing makes a difference, where
/// the book says so.
pub(super) fn of(
    book: &RuleBook,
    case: &Case<'_>,
    facts: &Facts<'_>,
    filing: Option<&Filing>,
    steps: &mut Vec<Step>,
) -> Result<(Footing, Standing), Refusal> {
    let encounter = &case.settle.encounter;
    if encounter.pool == case.person.home {
        return Ok(at_home(book, facts, filing, steps));
    }
    if let Some(place) = book.admission.places.at(facts.place) {
        steps.push(Step::Place { clause: place.clause });
    }
    let filed = filing.map(|filing| filing.class);
    let marked = encounter.marks.emergency.then_some(FilingClass::Emergency).filter(|_| filed.is_none());
    let known = filed.or(marked);
    if let Some(row) = book.admission.deemed.find(facts) {
        // A class that nobody knows is at least the last one: what is better than that one counts by itself.
        let counts = |class: FilingClass| known.is_none_or(|known| class < known);
        match row.value {
            Setting::Known(class) if counts(class) => {
                let footing = Footing::OffSite(class);
                steps.push(Step::DeemedFiled { clause: row.clause, footing });
                return Ok((footing, Standing::Deemed));
            }
            Setting::Unset if known.is_none_or(|known| known == FilingClass::OtherTemporary) => {
                return Err(unknown::deemed(book, row.clause));
            }
            Setting::Known(_) | Setting::Unset => {}
        }
    }
    if let Some(class) = known {
        return Ok((Footing::OffSite(class), Standing::Filed));
    }
    let row = book.unfiled.needed(facts)?;
    match row.value {
        Unfiled::Refuse => Err(Refusal::new(Reason::NotFiled).because(encounter.area.to_string())),
        Unfiled::TreatAs(footing) => {
            steps.push(Step::Unfiled { clause: row.clause, footing });
            // What is paid as at home needs no filing.
            Ok((footing, if footing == Footing::Local { Standing::Deemed } else { Standing::Unfiled }))
        }
    }
}

/// The first of the filings that came with the case which has not ended: one without an end holds as long as the book says.
pub(super) fn in_force<'a>(
    book: &RuleBook,
    case: &Case<'a>,
    facts: &Facts<'_>,
    steps: &mut Vec<Step>,
) -> Result<Option<&'a Filing>, Refusal> {
    for filing in case.filings {
        let Some((clause, last)) = ended(book, case, facts, filing)? else { return Ok(Some(filing)) };
        steps.push(Step::FilingEnded { clause, last });
    }
    Ok(None)
}

/// The last day of a filing that had ended before the visit, and the rule by which it had.
fn ended(
    book: &RuleBook,
    case: &Case<'_>,
    facts: &Facts<'_>,
    filing: &Filing,
) -> Result<Option<(Clause, Date)>, Refusal> {
    if filing.validity.to.is_some() {
        return Ok(None);
    }
    let Some((term, clause)) = filing_term::under(book, filing.class, filing.validity.from, facts)? else {
        return Ok(None);
    };
    Ok(term.last_day.filter(|last| *last < case.settle.encounter.admitted).map(|last| (clause, last)))
}

/// 双向享受: home care is local care, unless the book treats people who live elsewhere otherwise (policy.md A.4).
fn at_home(book: &RuleBook, facts: &Facts<'_>, filing: Option<&Filing>, steps: &mut Vec<Step>) -> (Footing, Standing) {
    let long_term = filing.filter(|filing| filing.class == FilingClass::LongTerm);
    let Some(row) = long_term.and_then(|_| book.admission.back_home.find(facts)) else {
        return (Footing::Local, Standing::Filed);
    };
    steps.push(Step::BackHome { clause: row.clause, footing: row.value });
    (row.value, Standing::Deemed)
}
