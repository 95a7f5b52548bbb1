//! What a pair's period is cleared with or without besides what was booked in it, settlement by settlement: carried in,
//! carried out, deducted. Asked by [`super::service`].

use std::collections::{BTreeMap, BTreeSet};

use clearing::obligation::{Lot, Sums};
use clearing::period::Pair;
use ledger::hub::{CarriedEntry, LotPosting, PeriodNumber, PostedDeduction};
use ledger::store::StoreError;
use proto::convert::cleared::{write_lot, write_sums};
use proto::v1;
use settlement::beijing;

use super::Clearing;

impl Clearing {
    /// What is carried into a pair's period, out of it, and deducted in it; each with the sign with which it counts.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn moved(&self, period: PeriodNumber, pair: Pair) -> Result<Vec<v1::MovedEntry>, StoreError> {
        let carried = self.store.carried_entries(period).await?;
        let deducted = self.store.deduction_postings(period).await?;
        let mut others: BTreeSet<PeriodNumber> = deducted.iter().map(|deducted| deducted.booked_in).collect();
        for CarriedEntry { from, into, .. } in &carried {
            others.extend(from.iter().chain(into));
        }
        others.remove(&period);
        let mut months = BTreeMap::new();
        for other in others {
            if let Some(month) = self.store.clearing_month_of(other).await? {
                months.insert(other, month.to_string());
            }
        }
        let month =
            |other: Option<PeriodNumber>| other.and_then(|other| months.get(&other).cloned()).unwrap_or_default();
        let is_theirs = |lot: &Lot| self.pair_of(lot) == pair;
        let carried = carried.iter().filter(|carried| is_theirs(&carried.posting.posting.lot));
        let carried = carried.map(|carried| write_carried(carried, period, &month));
        let deducted = deducted.iter().filter(|deducted| is_theirs(&deducted.lot));
        let deducted = deducted.map(|deducted| write_deducted(deducted, month(Some(deducted.booked_in))));
        Ok(carried.chain(deducted).collect())
    }
}

fn write_carried(
    carried: &CarriedEntry,
    period: PeriodNumber,
    month: &impl Fn(Option<PeriodNumber>) -> String,
) -> v1::MovedEntry {
    let CarriedEntry { posting, from, into, reason } = carried;
    let LotPosting { settlement, day, posting, .. } = posting;
    let (movement, other, sums) = if *into == Some(period) {
        ("carried-in", month(*from), posting.sums)
    } else {
        ("carried-out", month(*into), -posting.sums)
    };
    v1::MovedEntry {
        settlement: settlement.to_string(),
        lot: Some(write_lot(&posting.lot)),
        movement: movement.into(),
        day: day.to_string(),
        other,
        reason: reason.clone(),
        sums: Some(write_sums(&sums)),
        deduction: String::new(),
    }
}

fn write_deducted(deducted: &PostedDeduction, other: String) -> v1::MovedEntry {
    v1::MovedEntry {
        settlement: deducted.settlement.to_string(),
        lot: Some(write_lot(&deducted.lot)),
        movement: "deducted".into(),
        day: beijing::day_of(deducted.at).to_string(),
        other,
        reason: deducted.reason.clone(),
        sums: Some(write_sums(&Sums { funds: -deducted.taken, ..Sums::default() })),
        deduction: deducted.id.clone(),
    }
}
