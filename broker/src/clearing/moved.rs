//! What a pair's period is cleared with or without besides what was booked in it, settlement by settlement: carried in,
//! carried out, deducted, corrected. Asked by [`super::service`].

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use clearing::cleared::pair_of;
use clearing::members::{Members, PeriodMembers};
use clearing::obligation::{Lot, Sums};
use clearing::period::Pair;
use ledger::hub::{
    Afterwards, Between, CarriedEntry, CarriedOne, CarriedSide, LotPosting, MovedAlone, PeriodNumber, PostedCorrection,
    PostedDeduction,
};
use ledger::store::StoreError;
use proto::convert::cleared::{write_funds, write_lot, write_sums};
use proto::v1;
use settlement::adjudication::FundShares;
use settlement::beijing;
use settlement::ids::{MemberCode, PoolCode, SettlementId};
use settlement::money::Money;
use settlement::region::RegionTable;

use super::Clearing;
use super::deductions::write_objection;

/// So many are read at once where all are wanted.
const A_PAGE: u32 = 1_000;

/// Where what is moved in a period is read on: kind by kind, each after the keys of the last one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MovedPlace {
    /// Entries that were carried, in or out.
    Carried(CarriedSide, (i64, i64, i64)),
    /// What was carried by itself, in or out, by id, step and the period that it left.
    Alone(CarriedSide, Afterwards, (String, i64, i64)),
    /// Deductions, by id and step.
    Deducted(String, i64),
    /// Corrections, by id and step.
    Recomputed(String, i64),
}

impl MovedPlace {
    /// The beginning.
    pub const FIRST: MovedPlace = MovedPlace::Carried(CarriedSide::Into, (i64::MIN, i64::MIN, i64::MIN));

    /// The place that a text names, as it is written.
    pub fn from_text(text: &str) -> Option<MovedPlace> {
        let (kind, key) = text.split_once('.')?;
        let carried = |side| {
            let mut parts = key.split('.').map(|part| part.parse().ok());
            let mut next = || parts.next().flatten();
            Some(MovedPlace::Carried(side, (next()?, next()?, next()?)))
        };
        let alone = |side| {
            let mut parts = key.splitn(4, '.');
            let of = parts.next().and_then(|word| Afterwards::ALL.into_iter().find(|of| of.word() == word))?;
            let (step, from) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
            Some(MovedPlace::Alone(side, of, (parts.next()?.to_owned(), step, from)))
        };
        let posted = || key.split_once('.').and_then(|(step, id)| Some((id.to_owned(), step.parse().ok()?)));
        match kind {
            "in" => carried(CarriedSide::Into),
            "out" => carried(CarriedSide::OutOf),
            "alone-in" => alone(CarriedSide::Into),
            "alone-out" => alone(CarriedSide::OutOf),
            "deducted" => posted().map(|(id, step)| MovedPlace::Deducted(id, step)),
            "recomputed" => posted().map(|(id, step)| MovedPlace::Recomputed(id, step)),
            _ => None,
        }
    }

    /// The beginning of the next kind.
    fn next_kind(&self) -> Option<MovedPlace> {
        let alone = |side, of| Some(MovedPlace::Alone(side, of, (String::new(), 0, i64::MIN)));
        match self {
            MovedPlace::Carried(CarriedSide::Into, _) => {
                Some(MovedPlace::Carried(CarriedSide::OutOf, (i64::MIN, i64::MIN, i64::MIN)))
            }
            MovedPlace::Carried(CarriedSide::OutOf, _) => alone(CarriedSide::Into, Afterwards::Deduction),
            MovedPlace::Alone(side, Afterwards::Deduction, _) => alone(*side, Afterwards::Correction),
            MovedPlace::Alone(CarriedSide::Into, Afterwards::Correction, _) => {
                alone(CarriedSide::OutOf, Afterwards::Deduction)
            }
            MovedPlace::Alone(CarriedSide::OutOf, Afterwards::Correction, _) => {
                Some(MovedPlace::Deducted(String::new(), 0))
            }
            MovedPlace::Deducted(_, _) => Some(MovedPlace::Recomputed(String::new(), 0)),
            MovedPlace::Recomputed(_, _) => None,
        }
    }
}

impl fmt::Display for MovedPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MovedPlace::Carried(side, (position, part, from)) => {
                write!(f, "{}.{position}.{part}.{from}", word_of(*side))
            }
            MovedPlace::Alone(side, of, (id, step, from)) => {
                write!(f, "alone-{}.{}.{step}.{from}.{id}", word_of(*side), of.word())
            }
            MovedPlace::Deducted(id, step) => write!(f, "deducted.{step}.{id}"),
            MovedPlace::Recomputed(id, step) => write!(f, "recomputed.{step}.{id}"),
        }
    }
}

fn word_of(side: CarriedSide) -> &'static str {
    match side {
        CarriedSide::Into => "in",
        CarriedSide::OutOf => "out",
    }
}

/// Of what it is asked what is moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MovedOf {
    /// Everything between two members.
    Pair(Pair),
    /// One lot.
    Lot(Lot),
}

/// What is moved of some lots, with the place of each; among it what is not told.
type Found = Vec<(Option<v1::MovedEntry>, MovedPlace)>;

/// Which lots are asked about, by the members of the period.
struct Wanted {
    of: MovedOf,
    /// The pools between which they are.
    between: Between,
    members: PeriodMembers<Arc<RegionTable>>,
}

impl Wanted {
    fn has(&self, lot: &Lot) -> bool {
        match self.of {
            MovedOf::Pair(pair) => pair_of(lot, &self.members) == pair,
            MovedOf::Lot(wanted) => *lot == wanted,
        }
    }
}

impl Clearing {
    /// What is carried into a pair's period, out of it, deducted and corrected in it; each with the sign with which it counts.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn moved(&self, period: PeriodNumber, pair: Pair) -> Result<Vec<v1::MovedEntry>, StoreError> {
        let (mut entries, mut after) = (Vec::new(), Some(MovedPlace::FIRST));
        while let Some(place) = after {
            let (page, next) = self.moved_page(period, MovedOf::Pair(pair), place, A_PAGE).await?;
            entries.extend(page);
            after = next;
        }
        Ok(entries)
    }

    /// A page of the same after a place, of a pair or of one lot; and where the next one begins, none where this is the last.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn moved_page(
        &self,
        period: PeriodNumber,
        of: MovedOf,
        mut place: MovedPlace,
        limit: u32,
    ) -> Result<(Vec<v1::MovedEntry>, Option<MovedPlace>), StoreError> {
        let wanted = self.wanted(period, of).await?;
        let (mut entries, mut left) = (Vec::new(), limit);
        loop {
            let found = match &place {
                MovedPlace::Carried(side, key) => self.carried_page(period, &wanted, (*side, *key), left).await?,
                MovedPlace::Alone(side, of, key) => self.alone_page(period, &wanted, (*side, *of, key), left).await?,
                MovedPlace::Deducted(id, step) => self.deducted_page(period, &wanted, (id, *step), left).await?,
                MovedPlace::Recomputed(id, step) => self.corrected_page(period, &wanted, (id, *step), left).await?,
            };
            left -= u32::try_from(found.len()).unwrap_or(left).min(left);
            let last = found.last().map(|(_, place)| place.clone());
            entries.extend(found.into_iter().filter_map(|(entry, _)| entry));
            match (left, last, place.next_kind()) {
                (0, Some(last), _) => return Ok((entries, Some(last))),
                (_, _, Some(next)) => place = next,
                (_, _, None) => return Ok((entries, None)),
            }
        }
    }

    async fn carried_page(
        &self,
        period: PeriodNumber,
        wanted: &Wanted,
        (side, key): (CarriedSide, (i64, i64, i64)),
        limit: u32,
    ) -> Result<Found, StoreError> {
        let page = self.store.carried_page((period, side), wanted.between.clone(), key, limit).await?;
        let others = page.iter().flat_map(|one| one.entry.from.into_iter().chain(one.entry.into));
        let months = self.months_beside(period, others.collect()).await?;
        // What goes along is of the settlement's own lot, and is told once.
        let tells = |one: &&CarriedOne| one.entry.posting.part == 0 && one.is_first;
        let own = page.iter().filter(tells).map(|one| one.entry.posting.settlement.clone()).collect();
        let along = self.store.carried_along(period, own).await?;
        let write = |one: &CarriedOne| {
            let CarriedEntry { posting, from, into, .. } = &one.entry;
            let [from, into] = [from, into].map(|place| place.unwrap_or(PeriodNumber(0)));
            let way = (posting.settlement.clone(), from, into);
            let along = along.get(&way).copied().filter(|_| tells(&one)).unwrap_or_default();
            let told = wanted.has(&posting.posting.lot);
            (told.then(|| write_carried(&one.entry, side, &months, along)), MovedPlace::Carried(side, one.key))
        };
        Ok(page.iter().map(write).collect())
    }

    async fn alone_page(
        &self,
        period: PeriodNumber,
        wanted: &Wanted,
        (side, of, key): (CarriedSide, Afterwards, &(String, i64, i64)),
        limit: u32,
    ) -> Result<Found, StoreError> {
        let (between, place) = (wanted.between.clone(), (period, side));
        let page = self.store.moved_alone_page(of, place, between, key.clone(), limit).await?;
        let others = page.iter().flat_map(|one| one.from.into_iter().chain(one.into));
        let months = self.months_beside(period, others.collect()).await?;
        let write = |one: &MovedAlone| {
            let told = wanted.has(&one.lot);
            (told.then(|| write_alone(one, (side, of), &months)), MovedPlace::Alone(side, of, one.key.clone()))
        };
        Ok(page.iter().map(write).collect())
    }

    async fn deducted_page(
        &self,
        period: PeriodNumber,
        wanted: &Wanted,
        (id, step): (&str, i64),
        limit: u32,
    ) -> Result<Found, StoreError> {
        let page =
            self.store.deduction_postings_page(period, wanted.between.clone(), (id.to_owned(), step), limit).await?;
        let named = page.iter().map(|one| one.settlement.clone()).collect();
        let cleared = self.cleared_months(period, named).await?;
        let write = |one: &PostedDeduction| {
            let told = wanted.has(&one.lot);
            let other = cleared.get(&one.settlement).cloned().unwrap_or_default();
            (told.then(|| write_deducted(one, other)), MovedPlace::Deducted(one.id.clone(), one.step))
        };
        Ok(page.iter().map(write).collect())
    }

    /// Corrections that move no money are left out: their settlements were worked out again and came to the same.
    async fn corrected_page(
        &self,
        period: PeriodNumber,
        wanted: &Wanted,
        (id, step): (&str, i64),
        limit: u32,
    ) -> Result<Found, StoreError> {
        let page =
            self.store.correction_postings_page(period, wanted.between.clone(), (id.to_owned(), step), limit).await?;
        let named = page.iter().map(|one| one.correction.settlement.clone()).collect();
        let cleared = self.cleared_months(period, named).await?;
        let write = |one: &PostedCorrection| {
            let told = wanted.has(&one.lot) && one.moves != FundShares::default();
            let other = cleared.get(&one.correction.settlement).cloned().unwrap_or_default();
            (told.then(|| write_corrected(one, other)), MovedPlace::Recomputed(one.id.clone(), one.step))
        };
        Ok(page.iter().map(write).collect())
    }

    async fn wanted(&self, period: PeriodNumber, of: MovedOf) -> Result<Wanted, StoreError> {
        let members = self.members(period).await?;
        let pools = |member: MemberCode| {
            let known = self.regions.iter().filter_map(|region| region.pool).chain(members.recorded());
            let theirs = known.filter(|pool| members.member_for(*pool) == member);
            // A pool that nothing is known of is its own member.
            theirs.chain([PoolCode(member.0)]).collect()
        };
        let (homes, treatments) = match of {
            MovedOf::Pair(pair) => (pools(pair.home), pools(pair.treatment)),
            MovedOf::Lot(lot) => (BTreeSet::from([lot.home]), BTreeSet::from([lot.treatment])),
        };
        let between = Between { homes: Some(homes), treatments: Some(treatments) };
        Ok(Wanted { of, between, members })
    }

    /// The months of periods, of which one is that which is asked about.
    async fn months_beside(&self, period: PeriodNumber, others: BTreeSet<PeriodNumber>) -> Result<Months, StoreError> {
        let own = self.store.clearing_month_of(period).await?;
        let mut months = Months::new();
        for other in others {
            // A period to come has no month yet; it will be the one that is as far away.
            let away = i16::try_from(other.0 - period.0).unwrap_or_default();
            let named = self.store.clearing_month_of(other).await?.or(own.map(|own| own.moved(away)));
            months.extend(named.map(|month| (other, month.to_string())));
        }
        Ok(months)
    }

    /// The months that clear settlements; none for those on the list, and for those that left it for no period.
    async fn cleared_months(
        &self,
        period: PeriodNumber,
        settlements: BTreeSet<SettlementId>,
    ) -> Result<BTreeMap<SettlementId, String>, StoreError> {
        let places = self.store.settlement_places(settlements).await?;
        let months = self.months_beside(period, places.values().flatten().copied().collect()).await?;
        let month = |place: Option<PeriodNumber>| place.and_then(|place| months.get(&place).cloned());
        Ok(places.into_iter().filter_map(|(settlement, place)| Some((settlement, month(place)?))).collect())
    }
}

/// Which months periods are.
type Months = BTreeMap<PeriodNumber, String>;

fn write_carried(carried: &CarriedEntry, side: CarriedSide, months: &Months, along: Money) -> v1::MovedEntry {
    let CarriedEntry { posting, from, into, reason } = carried;
    let LotPosting { settlement, day, posting, .. } = posting;
    let month = |other: &Option<PeriodNumber>| other.and_then(|other| months.get(&other).cloned()).unwrap_or_default();
    let (movement, other, sums, along) = match side {
        CarriedSide::Into => ("carried-in", month(from), posting.sums, along),
        CarriedSide::OutOf => ("carried-out", month(into), -posting.sums, -along),
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

/// It counts among what is deducted or corrected where it stands, so here it moves nothing of its own.
fn write_alone(moved: &MovedAlone, (side, of): (CarriedSide, Afterwards), months: &Months) -> v1::MovedEntry {
    let MovedAlone { key: _, named, settlement, lot, moves, from, into, reason } = moved;
    let month = |other: &Option<PeriodNumber>| other.and_then(|other| months.get(&other).cloned()).unwrap_or_default();
    let (movement, other, along) = match side {
        CarriedSide::Into => ("came-alone", month(from), *moves),
        CarriedSide::OutOf => ("went-alone", month(into), -*moves),
    };
    let [deduction, batch] = match of {
        Afterwards::Deduction => [named.clone(), String::new()],
        Afterwards::Correction => [String::new(), named.clone()],
    };
    v1::MovedEntry {
        settlement: settlement.to_string(),
        lot: Some(write_lot(lot)),
        movement: movement.into(),
        other,
        reason: reason.clone(),
        sums: Some(write_sums(&Sums::default())),
        deduction,
        batch,
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
    let PostedCorrection { batch, correction, lot, moves, reason, at, .. } = corrected;
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
    use super::*;

    #[test]
    fn a_place_is_read_as_it_is_written() {
        for place in [
            MovedPlace::FIRST,
            MovedPlace::Carried(CarriedSide::OutOf, (7, 1, 2)),
            MovedPlace::Alone(CarriedSide::Into, Afterwards::Deduction, ("2025.07 a".into(), 2, 0)),
            MovedPlace::Alone(CarriedSide::OutOf, Afterwards::Correction, ("B-1 310000".into(), 1, 7)),
            MovedPlace::Deducted("2025.07 a".into(), 2),
            MovedPlace::Recomputed("B-1 310000".into(), 1),
        ] {
            assert_eq!(MovedPlace::from_text(&place.to_string()), Some(place));
        }
        for text in ["", "in", "in.1.2", "in.1.2.x", "other.1.2.3", "deducted.x.id"] {
            assert_eq!(MovedPlace::from_text(text), None, "{text}");
        }
    }
}
