//! 就医身份: whether the person is treated at home or elsewhere, and under what class of filing (policy.md A.3, A.4, A.7).
//! Called by the gate.

use jiff::civil::Date;

use super::explanation::{Standing, Step};
use super::{Case, filing_term};
use crate::filing::{Filing, FilingClass, Proof};
use crate::refusal::{Reason, Refusal};
use crate::rulebook::clause::{Clause, Setting};
use crate::rulebook::conditions::{Facts, Footing};
use crate::rulebook::sections::Unfiled;
use crate::rulebook::{RuleBook, unknown};

/// A filing that covers the visit and has not ended, and the class that the book takes it for.
#[derive(Clone, Copy)]
pub(super) struct InForce<'a> {
    pub(super) filing: &'a Filing,
    class: FilingClass,
}

impl InForce<'_> {
    /// Whether the book takes it for what it is.
    fn is_whole(&self) -> bool {
        self.class == self.filing.class
    }
}

/// The footing, and what it rests on. A filing in force decides, and
/// so does one that the book deems lodged, whichever is better; where its class is not known, a filing or mark that is better
/// than the last class decides. Without either the hospital's emergency mark counts as filed (procedure of 2022, article 34),
/// as it does beside a filing that the book takes for less than it is; without that the book says. At home only a long-term
/// filing makes a difference, where the book says so.
pub(super) fn of(
    book: &RuleBook,
    case: &Case<'_>,
    facts: &Facts<'_>,
    filing: Option<InForce<'_>>,
    steps: &mut Vec<Step>,
) -> Result<(Footing, Standing), Refusal> {
    let encounter = &case.settle.encounter;
    if encounter.pool == case.person.home {
        return Ok(at_home(book, facts, filing, steps));
    }
    if let Some(place) = book.admission.places.at(facts.place) {
        steps.push(Step::Place { clause: place.clause });
    }
    let filed = filing.map(|held| held.class);
    let is_taken_whole = filing.is_some_and(|held| held.is_whole());
    let marked = encounter.marks.emergency.then_some(FilingClass::Emergency).filter(|_| !is_taken_whole);
    // The better of the two, in the order of the classes.
    let known = filed.into_iter().chain(marked).min();
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
                return Err(unknown::deemed(book, row.clause, filing.is_some_and(|held| !held.is_whole())));
            }
            Setting::Known(_) | Setting::Unset => {}
        }
    }
    if let Some(class) = known {
        let committed = filing.is_some_and(|held| is_taken_whole && held.filing.proof == Proof::Commitment);
        let standing = if committed { Standing::Committed } else { Standing::Filed };
        return Ok((Footing::OffSite(class), standing));
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

/// The best of the filings that came with the case and have not ended: one without an end holds as long as the book says. They
/// come the most favourable class first, so a later one is looked at only where the book takes an earlier one for less; of two of one class the one that is of it counts.
pub(super) fn in_force<'a>(
    book: &RuleBook,
    case: &Case<'a>,
    facts: &Facts<'_>,
    steps: &mut Vec<Step>,
) -> Result<Option<InForce<'a>>, Refusal> {
    let mut best: Option<InForce<'a>> = None;
    for filing in case.filings {
        if best.is_some_and(|best| best.class < filing.class || best.class == filing.class && best.is_whole()) {
            break;
        }
        if let Some((clause, last)) = ended(book, case, facts, filing)? {
            steps.push(Step::FilingEnded { clause, last });
            continue;
        }
        let next = InForce { filing, class: taken_for(book, facts, filing, steps) };
        let is_better = |best: InForce<'_>| {
            next.class < best.class || next.class == best.class && next.is_whole() && !best.is_whole()
        };
        if best.is_none_or(is_better) {
            best = Some(next);
        }
    }
    Ok(best)
}

/// 以承诺方式备案: whoever has not handed in the proof that was promised has the benefits of temporary absence, where the book
/// says so (policy.md A.3).
fn taken_for(book: &RuleBook, facts: &Facts<'_>, filing: &Filing, steps: &mut Vec<Step>) -> FilingClass {
    if filing.proof == Proof::HandedIn {
        return filing.class;
    }
    let Some(row) = book.admission.commitment.find(facts).filter(|row| row.value != filing.class) else {
        return filing.class;
    };
    steps.push(Step::Commitment { clause: row.clause, class: row.value });
    row.value
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

/// 双向享受: home care is local care, unless the book treats people who live elsewhere otherwise (policy.md A.4). Whoever is
/// away for a time only has local care at home.
fn at_home(
    book: &RuleBook,
    facts: &Facts<'_>,
    filing: Option<InForce<'_>>,
    steps: &mut Vec<Step>,
) -> (Footing, Standing) {
    let long_term = filing.filter(|held| held.class == FilingClass::LongTerm);
    let Some(row) = long_term.and_then(|_| book.admission.back_home.find(facts)) else {
        return (Footing::Local, Standing::Filed);
    };
    steps.push(Step::BackHome { clause: row.clause, footing: row.value });
    (row.value, Standing::Deemed)
}
