//! What pools owe each other in a period of a simulated quarter: by the journal, what was carried, and what was posted
//! afterwards and counts there on one side, by what pairs clear on the other. Held against one another for [`super::holds`] and
//! [`super::watch`].

use std::collections::BTreeMap;

use broker::clearing::Standing;
use clearing::cleared::sum;
use clearing::obligation::{Lot, Posting};
use clearing::statement::{Pairs, payable_and_receivable};
use ledger::hub::{Afterwards, CarriedEntry, PeriodNumber};
use settlement::ids::PoolCode;
use settlement::money::Money;
use settlement::region::RegionTable;

use crate::verify::clearing::Counted;

/// What pools owe each other in a period.
pub(super) type Owed = BTreeMap<(PoolCode, PoolCode), Money>;

/// What is carried goes from one period into another.
fn add_carried(owed: &mut Owed, period: PeriodNumber, carried: &[CarriedEntry]) {
    for entry in carried {
        let Posting { lot, sums } = entry.posting.posting;
        let (of, amount) = ((lot.home, lot.treatment), sums.owed());
        if entry.from == Some(period) {
            *owed.entry(of).or_default() -= amount;
        }
        if entry.into == Some(period) {
            *owed.entry(of).or_default() += amount;
        }
    }
}

/// What is deducted in a period goes off it, and what is corrected in it is added.
fn add_afterwards(owed: &mut Owed, period: PeriodNumber, counted: &Counted) {
    for (lot, sums) in counted.within(Afterwards::Deduction, period).iter() {
        *owed.entry((lot.home, lot.treatment)).or_default() -= sums.owed();
    }
    for (lot, sums) in counted.within(Afterwards::Correction, period).iter() {
        *owed.entry((lot.home, lot.treatment)).or_default() += sums.owed();
    }
}

/// What a period's pairs clear.
fn cleared_of(pairs: &Pairs) -> Owed {
    let mut owed = Owed::new();
    for (Lot { home, treatment, .. }, cleared) in pairs.values().flatten() {
        *owed.entry((*home, *treatment)).or_default() += cleared.owed();
    }
    owed.retain(|_, amount| !amount.is_zero());
    owed
}

/// Entries − carried out + carried in − deductions + corrections is what pairs clear; `booked` is what the period's entries
/// come to, and what counts of deductions and corrections is followed from where each was posted.
pub(super) fn what_is_cleared_is_owed(
    regions: &RegionTable,
    Standing { record, pairs, .. }: &Standing,
    booked: Owed,
    moved: (PeriodNumber, &[CarriedEntry], &Counted),
) -> Option<String> {
    let (mut owed, (period, carried, counted)) = (booked, moved);
    add_carried(&mut owed, period, carried);
    add_afterwards(&mut owed, period, counted);
    let member = |pool: PoolCode| regions.member_of(pool);
    owed.retain(|(home, treatment), amount| member(*home) != member(*treatment) && !amount.is_zero());
    let cleared = cleared_of(pairs);
    let what = "a period clears its entries − carried out + carried in − deductions + corrections does not hold for";
    (owed != cleared).then(|| format!("{what} {}: {owed:?} by the journal, {cleared:?} cleared", record.month))
}

/// What members owe is what members are owed, and what pairs clear.
pub(super) fn payable_is_receivable<'s>(
    regions: &RegionTable,
    periods: impl IntoIterator<Item = &'s Standing>,
) -> Vec<String> {
    let mut findings = Vec::new();
    for Standing { pairs, record, .. } in periods {
        let (payable, receivable) = payable_and_receivable(record.month, pairs, regions);
        let owed: Money = pairs.values().map(|lots| sum(lots).owed()).sum();
        if payable != receivable || payable != owed {
            let what = "payable is receivable does not hold for";
            findings.push(format!("{what} {}: {payable} payable, {receivable} receivable, {owed} owed", record.month));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::holds::tests::carried;
    use super::*;
    use crate::simulate::fixtures::pool;

    #[test]
    fn what_is_carried_is_taken_off_one_period_and_added_to_the_next() {
        let between = (pool("410700"), pool("310000"));
        for (period, fen) in [(1, Some(-7)), (2, Some(7)), (3, None)] {
            let mut owed = Owed::new();
            add_carried(&mut owed, PeriodNumber(period), &[carried(1, Some(2))]);
            assert_eq!(owed.get(&between).copied(), fen.map(Money::from_fen));
        }
    }
}
