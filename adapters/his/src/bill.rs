//! The bill of a visit or batch, added up from the tallies of its lines. No line is read or split again, unless the
//! message carries them. Called where a settlement or an estimate is prepared.

use std::collections::BTreeMap;

use ledger::treatment::{ChargeRange, ChargeSums, ChargeTally, Session, sums_of};
use settlement::bill::{Bill, BillError, CategorySum, Coverage, FeeCategory, ItemClass};
use settlement::ids::{BatchNumber, EncounterId};
use settlement::money::Money;
use settlement::refusal::{Reason, Refusal};

use crate::stop::Stop;

/// Whether a bill carries its lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lines {
    /// Outpatient messages do.
    Carried,
    /// Inpatient messages carry fee categories only.
    Left,
}

/// Builds the bill of some ranges of lines.
///
/// # Errors
/// When there is nothing to settle, or a sum is negative.
pub fn build(
    session: &Session<'_, '_>,
    encounter: &EncounterId,
    batch: Option<&BatchNumber>,
    tallies: &[ChargeTally],
    ranges: &[ChargeRange],
    carry: Lines,
) -> Result<Bill, Stop> {
    let sums = sums_of(tallies, ranges);
    let mut lines = Vec::new();
    match carry {
        Lines::Carried => {
            for range in ranges {
                lines.extend(session.charge_lines(encounter, batch, *range)?);
            }
        }
        Lines::Left => {}
    }
    let (coverage, categories) = add_up(&sums);
    Bill::new(coverage, categories, lines).map_err(|fault| refusal_of(&fault).into())
}

fn add_up(sums: &[ChargeSums]) -> (Coverage, Vec<CategorySum>) {
    let mut categories: BTreeMap<FeeCategory, CategorySum> = BTreeMap::new();
    for ChargeSums { category, class, lines: _, coverage } in sums {
        let sum = categories.entry(*category).or_insert_with(|| empty(*category));
        let within = coverage.total() - coverage.over_limit;
        match class {
            ItemClass::A => sum.class_a += within,
            ItemClass::B => sum.class_b += within,
            ItemClass::C => sum.class_c += within,
        }
        sum.over_limit += coverage.over_limit;
    }
    (sums.iter().map(|sum| sum.coverage).sum(), categories.into_values().collect())
}

fn empty(category: FeeCategory) -> CategorySum {
    let zero = Money::ZERO;
    CategorySum { category, class_a: zero, class_b: zero, class_c: zero, over_limit: zero }
}

fn refusal_of(fault: &BillError) -> Refusal {
    match fault {
        BillError::Empty => Refusal::new(Reason::NoCharges),
        BillError::Negative { field, amount } => {
            Refusal::new(Reason::SumsDiffer).of_field(*field).because(format!("合计为负{amount}"))
        }
        BillError::Categories { categories, total } => {
            Refusal::new(Reason::SumsDiffer).because(format!("费用大类合计{categories},总额{total}"))
        }
        BillError::Lines { lines, total } => {
            Refusal::new(Reason::SumsDiffer).because(format!("明细合计{lines},总额{total}"))
        }
    }
}

/// That the hospital's total is the total of its lines.
///
/// # Errors
/// When it is not, with both sums.
pub fn ensure_total(bill: &Bill, told: Money) -> Result<(), Refusal> {
    if bill.total() == told {
        return Ok(());
    }
    let sums = format!("报文{told},明细合计{}", bill.total());
    Err(Refusal::new(Reason::TotalDiffers).of_field("medfee_sumamt").because(sums))
}
