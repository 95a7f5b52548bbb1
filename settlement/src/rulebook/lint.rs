//! What somebody should look at in a book that has no fault: rules beyond national bounds, codes of diseases that look
//! mistyped, and assumptions that are marked as read somewhere. They are warnings, never a step of a calculation.

use jiff::civil::{Date, date};
use rust_decimal::{Decimal, dec};

use crate::filing::FilingClass;
use crate::ids::DiseaseCode;
use crate::rulebook::RuleBook;
use crate::rulebook::clause::{ClauseText, Setting, Trust};
use crate::rulebook::conditions::{Footing, footing_position};
use crate::rulebook::ratio::Ratio;
use crate::rulebook::sections::OffSite;
use crate::rulebook::table::Row;

/// The first day of the national procedure of 2022: what a book said before it is no concern of it.
const PROCEDURE_IN_FORCE: Date = date(2023, 1, 1);

/// The largest reduction in percentage points that the national procedure of 2022 allows (policy.md A.6).
fn ceiling(class: FilingClass) -> Decimal {
    match class {
        FilingClass::LongTerm => dec!(0),
        FilingClass::Referral | FilingClass::Emergency => dec!(0.10),
        FilingClass::OtherTemporary => dec!(0.20),
    }
}

/// Off-site reductions above the national ceilings. A factor is held against its effect on the whole.
pub(super) fn national_ceilings(book: &RuleBook) -> Vec<String> {
    if book.validity().to.is_some_and(|last| last < PROCEDURE_IN_FORCE) {
        return Vec::new();
    }
    let broken = |row: &Row<OffSite>, class: FilingClass| {
        let points = row.value.points.and_then(Setting::known).unwrap_or(Ratio::ZERO).value();
        let factor = row.value.factor.and_then(Setting::known).unwrap_or(Ratio::ONE).value();
        let applies = row.when.filing.has(footing_position(Footing::OffSite(class)));
        applies && points + (Decimal::ONE - factor) > ceiling(class)
    };
    let each = book.off_site.rows.iter().flat_map(|row| FilingClass::ALL.into_iter().map(move |class| (row, class)));
    each.filter(|(row, class)| broken(row, *class))
        .filter_map(|(row, class)| {
            let clause = book.clause(row.clause)?;
            let most = (ceiling(class) * Decimal::ONE_HUNDRED).normalize();
            Some(format!("line {}: {}: lowers {} by more than {most} points", clause.line, clause.path, class.word()))
        })
        .collect()
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
