//! What a pair's period is cleared with or without besides what was booked in it, settlement by settlement: carried in,
//! carried out, deducted, corrected. Asked by [`super::service`].

use std::collections::{BTreeMap, BTreeSet};

use clearing::cleared::pair_of;
use clearing::obligation::{Lot, Sums};
use clearing::period::Pair;
use ledger::hub::{CarriedEntry, LotPosting, PeriodNumber, PostedCorrection, PostedDeduction};
use ledger::store::StoreError;
use proto::convert::cleared::{write_funds, write_lot, write_sums};
use proto::v1;
use settlement::adjudication::FundShares;
use settlement::beijing;
use settlement::ids::SettlementId;
use settlement::money::Money;

use super::Clearing;
use super::deductions::write_objection;

impl Clearing {
    /// What is carried into a pair's period, out of it, deducted and corrected in it; each with the sign with which it counts.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn moved(&self, period: PeriodNumber, pair: Pair) -> Result<Vec<v1::MovedEntry>, StoreError> {
        let members = self.members(period).await?;
        self.moved_of(period, |lot| pair_of(lot, &members) == pair).await
    }

    /// The same of one lot.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn moved_of_lot(&self, period: PeriodNumber, lot: Lot) -> Result<Vec<v1::MovedEntry>, StoreError> {
        self.moved_of(period, |other| *other == lot).await
    }

    async fn moved_of(
        &self,
        period: PeriodNumber,
        is_theirs: impl Fn(&Lot) -> bool,
    ) -> Result<Vec<v1::MovedEntry>, StoreError> {
        let mut carried = self.store.carried_entries(period).await?;
        carried.retain(|carried| is_theirs(&carried.posting.posting.lot));
        let (deducted, corrected) = self.changed_since(period, is_theirs).await?;
        let mut others: BTreeSet<PeriodNumber> = deducted.iter().filter_map(|(_, cleared_in)| *cleared_in).collect();
        others.extend(corrected.iter().filter_map(|(_, cleared_in)| *cleared_in));
        for CarriedEntry { from, into, .. } in &carried {
            others.extend(from.iter().chain(into));
        }
        let own = self.store.clearing_month_of(period).await?;
        let mut months = BTreeMap::new();
        for other in others {
            // A period to come has no month yet; it will be the one that is as far away.
            let away = i16::try_from(other.0 - period.0).unwrap_or_default();
            let named = self.store.clearing_month_of(other).await?.or(own.map(|own| own.moved(away)));
            months.extend(named.map(|month| (other, month.to_string())));
        }
        let month =
            |other: Option<PeriodNumber>| other.and_then(|other| months.get(&other).cloned()).unwrap_or_default();
        let mut along = match &carried[..] {
            [] => BTreeMap::new(),
            _ => self.store.carried_along(period).await?,
        };
        let carried = carried.iter().map(|carried| {
            let CarriedEntry { posting, from, into, .. } = carried;
            // What goes along is of the settlement's own lot, and is told once.
            let [from, into] = [from, into].map(|place| place.unwrap_or(PeriodNumber(0)));
            let along = match posting.part {
                0 => along.remove(&(posting.settlement.clone(), from, into)).unwrap_or_default(),
                _ => Money::ZERO,
            };
            write_carried(carried, period, &month, along)
        });
        let deducted = deducted.iter().map(|(deducted, cleared_in)| write_deducted(deducted, month(*cleared_in)));
        let corrected = corrected.iter().map(|(corrected, cleared_in)| write_corrected(corrected, month(*cleared_in)));
        Ok(carried.chain(deducted).chain(corrected).collect())
    }

    /// What is deducted and what is corrected in a period of some lots, each with the period that clears its settlement.
    /// Corrections that move no money are left out: their settlements were worked out again and came to the same.
    async fn changed_since(&self, period: PeriodNumber, of: impl Fn(&Lot) -> bool) -> Result<ChangedSince, StoreError> {
        let mut deducted = self.store.deduction_postings(period).await?;
        deducted.retain(|deducted| of(&deducted.lot));
        let mut corrected = self.store.correction_postings(period).await?;
        corrected.retain(|corrected| of(&corrected.lot) && corrected.moves != FundShares::default());
        if deducted.is_empty() && corrected.is_empty() {
            return Ok(ChangedSince::default());
        }
        let carried = self.store.carried_all().await?;
        let deducted = deducted.into_iter().map(|deducted| {
            let cleared_in = cleared_in(&deducted.settlement, deducted.booked_in, &carried);
            (deducted, cleared_in)
        });
        let corrected = corrected.into_iter().map(|corrected| {
            let cleared_in = cleared_in(&corrected.correction.settlement, corrected.booked_in, &carried);
            (corrected, cleared_in)
        });
        Ok((deducted.collect(), corrected.collect()))
    }
}

/// Deductions and corrections, each with the period that clears its settlement.
type ChangedSince = (Vec<(PostedDeduction, Option<PeriodNumber>)>, Vec<(PostedCorrection, Option<PeriodNumber>)>);

/// The period that clears a settlement: the one that booked it or, where its own entry was carried on, the last that it
/// came into; none while it is on the list, and where it left the list for no period.
fn cleared_in(settlement: &SettlementId, booked_in: PeriodNumber, carried: &[CarriedEntry]) -> Option<PeriodNumber> {
    let is_own = |posting: &LotPosting| posting.settlement == *settlement && (posting.step, posting.part) == (1, 0);
    let mut moves: Vec<&CarriedEntry> = carried.iter().filter(|carried| is_own(&carried.posting)).collect();
    let mut at = Some(booked_in);
    while let Some(next) = moves.iter().position(|carried| carried.from == at) {
        at = moves.remove(next).into;
    }
    at
}

fn write_carried(
    carried: &CarriedEntry,
    period: PeriodNumber,
    month: &impl Fn(Option<PeriodNumber>) -> String,
    along: Money,
) -> v1::MovedEntry {
    let CarriedEntry { posting, from, into, reason } = carried;
    let LotPosting { settlement, day, posting, .. } = posting;
    let (movement, other, sums, along) = if *into == Some(period) {
        ("carried-in", month(*from), posting.sums, along)
    } else {
        ("carried-out", month(*into), -posting.sums, -along)
    };
    v1::MovedEntry {
        settlement: settlement.to_string(),
        lot: Some(write_lot(&posting.lot)),
        movement: movement.into(),
        day: day.to_string(),
        other,
        reason: reason.clone(),
        sums: Some(write_sums(&sums)),
        along: along.fen(),
        ..v1::MovedEntry::default()
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
        objection: deducted.objection.as_ref().map(write_objection),
        ..v1::MovedEntry::default()
    }
}

fn write_corrected(corrected: &PostedCorrection, other: String) -> v1::MovedEntry {
    let PostedCorrection { batch, correction, lot, moves, reason, at, booked_in: _ } = corrected;
    v1::MovedEntry {
        settlement: correction.settlement.to_string(),
        lot: Some(write_lot(lot)),
        movement: "recomputed".into(),
        day: beijing::day_of(*at).to_string(),
        other,
        reason: reason.clone(),
        sums: Some(write_sums(&Sums { funds: *moves, ..Sums::default() })),
        batch: batch.clone(),
        told: Some(write_funds(&correction.told.funds)),
        now: Some(write_funds(&correction.now.funds)),
        ..v1::MovedEntry::default()
    }
}

#[cfg(test)]
mod tests {
    use clearing::obligation::Posting;
    use ledger::hub::Position;
    use settlement::encounter::CareKind;
    use settlement::ids::{PoolCode, RegionCode};
    use settlement::person::Insurance;

    use super::*;

    fn pool(code: &str) -> PoolCode {
        PoolCode(RegionCode::new(code).expect("a code"))
    }

    /// A step of a settlement, and where its entry is carried from and to.
    fn carried(step: i64, from: Option<i64>, into: Option<i64>) -> CarriedEntry {
        let (insurance, care) = (Insurance::Employee, CareKind::Inpatient);
        let lot = Lot { home: pool("410700"), treatment: pool("310000"), insurance, care };
        let posting = LotPosting {
            position: Position(step),
            part: 0,
            period: PeriodNumber(1),
            settlement: settlement("s1"),
            step,
            day: jiff::civil::date(2025, 4, 1),
            corrects: None,
            posting: Posting { lot, sums: Sums::default() },
        };
        let [from, into] = [from, into].map(|period| period.map(PeriodNumber));
        CarriedEntry { posting, from, into, reason: String::new() }
    }

    fn settlement(id: &str) -> SettlementId {
        SettlementId::new(id).expect("an id")
    }

    #[test]
    fn a_settlement_is_cleared_where_its_own_entry_was_last_carried_to() {
        let twice = [carried(1, Some(2), Some(3)), carried(1, Some(1), Some(2))];
        let listed = [carried(1, Some(1), Some(2)), carried(1, Some(2), None)];
        let off_the_list = [carried(1, None, Some(5)), carried(1, Some(1), None)];
        let returned = [carried(1, None, None), carried(1, Some(1), None)];
        for (moves, cleared) in [
            (&[][..], Some(1)),
            (&twice, Some(3)),
            (&listed, None),
            (&off_the_list, Some(5)),
            (&returned, None),
            // What undoes it is carried by itself.
            (&[carried(2, Some(1), Some(2))], Some(1)),
        ] {
            assert_eq!(cleared_in(&settlement("s1"), PeriodNumber(1), moves), cleared.map(PeriodNumber), "{moves:?}");
        }
        assert_eq!(
            cleared_in(&settlement("s2"), PeriodNumber(2), &twice),
            Some(PeriodNumber(2)),
            "another one's moves"
        );
    }
}
