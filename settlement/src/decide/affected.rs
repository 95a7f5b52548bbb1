//! 受影响的结算: settlements that built on something which was changed after them. They stay as they are; they are marked in
//! the commit that changed it, listed, and worked out anew on demand ([`super::rework`]). Called by undoing, and by the
//! store for what a region posts late.
//!
//! A settlement builds on the year-to-date that it read: whatever came before it, of the same person and benefit year, of
//! either insurance, since a book may let a change of insurance go on with what was used. Money on a personal account is no part of that: it is there or not when somebody pays.

use jiff::civil::Date;

use super::book::{BookSeq, Used};
use crate::ids::SettlementId;
use crate::year_to_date::{BenefitYear, Usage, UsagePosting, UsageSums};

/// A settlement as one that read a person's year-to-date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reader {
    /// Where it was decided.
    pub seq: BookSeq,
    /// Which.
    pub settlement: SettlementId,
    /// The benefit year that it read.
    pub year: BenefitYear,
    /// The day that it counts under.
    pub day: Date,
}

impl Reader {
    /// A settlement by what it uses up itself: it read the year that it is counted in.
    pub fn new(seq: BookSeq, settlement: SettlementId, used: &UsagePosting) -> Reader {
        Reader { seq, settlement, year: used.usage.year, day: used.day }
    }
}

/// Who has read, or should have read, what is changed now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// Whatever was decided after this place read it.
    pub after: Option<BookSeq>,
    /// Whatever counts under this day or a later one should have read it.
    pub from: Option<Date>,
}

impl Reach {
    fn covers(self, reader: &Reader) -> bool {
        self.after.is_some_and(|after| reader.seq > after) || self.from.is_some_and(|from| reader.day >= from)
    }
}

/// The settlements that built on a usage which is now added or taken away. What uses nothing affects nobody.
///
/// ```
/// use settlement::decide::{BookSeq, Reach, Reader, UsagePosting, built_on};
/// use settlement::{encounter::CareKind, ids::SettlementId, money::Money, person::Insurance, year_to_date::*};
/// let sums = UsageSums { deductible: Money::from_yuan(900), ..UsageSums::default() };
/// let month = settlement::month::Month::new(2025, 6).expect("a month");
/// let usage = Usage { year: BenefitYear(2025), insurance: Insurance::Employee, care: CareKind::Inpatient, disease: None, month, sums };
/// let used = UsagePosting { usage, day: jiff::civil::date(2025, 6, 20) };
/// let later = Reader::new(BookSeq(7), SettlementId::new("s7").expect("an id"), &used);
/// let undone_at = |place| Reach { after: Some(BookSeq(place)), from: None };
/// assert_eq!(built_on(&[later.clone()], &used, undone_at(3)), [later.settlement.clone()]);
/// assert!(built_on(&[later], &used, undone_at(7)).is_empty());
/// ```
pub fn built_on(readers: &[Reader], changed: &UsagePosting, reach: Reach) -> Vec<SettlementId> {
    let Usage { year, insurance: _, care: _, disease: _, month: _, sums } = &changed.usage;
    if *sums == UsageSums::default() {
        return Vec::new();
    }
    // A stay, or a cycle, reaches from one benefit year into the next, and with it the deductible that was borne.
    let borne_on = BenefitYear(year.0 + i16::from(!sums.deductible.is_zero()));
    let same_year = |reader: &&Reader| (*year..=borne_on).contains(&reader.year);
    let affected = readers.iter().filter(same_year).filter(|reader| reach.covers(reader));
    affected.map(|reader| reader.settlement.clone()).collect()
}

/// Whether something still differs from what a settlement read, after everything that was changed since. A cancellation
/// that was itself reversed leaves nothing.
pub fn still_differs<'a>(changes: impl IntoIterator<Item = &'a UsagePosting>) -> bool {
    !Used::fold(changes).usages().is_empty()
}
