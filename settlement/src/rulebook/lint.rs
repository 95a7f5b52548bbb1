//! What somebody should look at in a book that has no fault: rules beyond national bounds (`ceilings`), codes of diseases
//! that look mistyped, assumptions that are marked as read somewhere, and a question that a book leaves open. They are
//! warnings, never a step of a calculation.

mod ceilings;

pub(super) use ceilings::national_ceilings;

use crate::encounter::CareKind;
use crate::ids::DiseaseCode;
use crate::rulebook::RuleBook;
use crate::rulebook::clause::{ClauseText, Trust};
use crate::rulebook::deductible::{Deductible, Due};
use crate::rulebook::sections::{InterimDeductible, Per};
use crate::rulebook::table::Row;

/// A book whose inpatient deductible is borne once a benefit year, and once a stay, but which does not say what a stay
/// bears that is settled in parts in two years.
pub(super) fn over_the_year(book: &RuleBook) -> Option<String> {
    let (interim, clause) = book.interim_deductible;
    let once = match interim {
        InterimDeductible::Once => book.cross_year.is_none(),
        InterimDeductible::Each => false,
    };
    let yearly = |row: &Row<Deductible>| row.value.per == Per::Year && row.value.due != Due::Nothing;
    let rules = book.care(CareKind::Inpatient).rules().filter(|_| once)?;
    let row = book.clause(rules.deductible.rows.iter().find(|row| yearly(row))?.clause)?;
    let line = book.clause(clause)?.line;
    Some(format!(
        "line {line}: interim_stay: a stay that is settled in parts over the end of the benefit year bears {} again in the \
         new year, since nothing says otherwise: write [cross_year]",
        row.path
    ))
}

/// Rows whose clause speaks of an assumption, and whose trust says that they were read in a text.
pub(super) fn assumptions(book: &RuleBook) -> Vec<String> {
    let assumes = |text: &String| text.contains("假设");
    let doubtful = book
        .clauses()
        .iter()
        .filter(|clause| clause.trust != Trust::Assumed && clause.text.as_ref().is_some_and(assumes));
    let said = |clause: &ClauseText| {
        let (line, path, trust) = (clause.line, &clause.path, clause.trust.word());
        format!("line {line}: {path}: its clause speaks of an assumption 假设 and its trust is {trust}")
    };
    doubtful.map(said).collect()
}

/// The code of a chronic disease, and where a book names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NamedDisease {
    /// The line, counted from 1.
    pub(super) line: usize,
    /// The tables and the key, without the ids of rows: `cap.disease`.
    pub(super) path: String,
    /// The code.
    pub(super) code: DiseaseCode,
}

/// Codes of chronic diseases that look mistyped: those that are not in the national form, and those that a rule names
/// though nothing else in the book does. Regions may have codes of their own, so neither is wrong in itself.
pub(super) fn diseases(book: &RuleBook) -> Vec<String> {
    let problem = |named: &NamedDisease| {
        let NamedDisease { path, code, .. } = named;
        let elsewhere = |other: &NamedDisease| other != named && other.code.same_disease(code);
        if !code.is_national() {
            Some(format!("{code} is not the letter M and five digits"))
        } else if is_condition(path) && !book.diseases.iter().any(elsewhere) {
            Some(format!("{code} is named nowhere else, neither in chronic.disease nor in another row or an example"))
        } else {
            None
        }
    };
    let said = |named| problem(named).map(|problem| format!("line {}: {}: {problem}", named.line, named.path));
    book.diseases.iter().filter_map(said).collect()
}

/// Whether a rule depends on it: not a disease that is declared, nor one of an example.
fn is_condition(path: &str) -> bool {
    !path.starts_with("example") && !path.ends_with(".code")
}
