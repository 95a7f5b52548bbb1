//! National bounds that a region's rules should keep. They are warnings on a book, never a step of a calculation.

use jiff::civil::{Date, date};
use rust_decimal::{Decimal, dec};

use crate::filing::FilingClass;
use crate::rulebook::RuleBook;
use crate::rulebook::clause::Setting;
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
