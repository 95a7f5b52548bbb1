//! From a settlement to everything that clearing made of it: its entries, where they were carried or how they ended on the
//! list, what is taken off it or added to it since, and the statements behind whose rows it stands, with what became of
//! these. The way back is the lists behind statements. Asked by [`super::service`].

use std::collections::{BTreeMap, BTreeSet};

use clearing::cleared::pair_of;
use clearing::details::rows_of;
use clearing::obligation::{Lot, Sums};
use clearing::period::{Pair, PairRecord};
use jiff::civil::Date;
use ledger::hub::{
    Afterwards, CarriedEntry, CorrectedIn, DeductedIn, Deduction, Followed, Gone, Listed, LotPosting, PeriodNumber,
    Stands, WentAlone,
};
use ledger::store::StoreError;
use proto::convert::cleared::{write_funds, write_lot, write_sums};
use proto::v1;
use settlement::beijing;
use settlement::ids::SettlementId;
use settlement::person::Insurance;

use super::Clearing;
use super::deductions::{is_returned, write_deduction};
use super::leftovers::write_leftover;
use super::service::write_pair;

/// Months by period; a period that has none yet is not in it.
type Months = BTreeMap<PeriodNumber, String>;

impl Clearing {
    /// A settlement's way, in the lots that may be seen; none where it is not booked or not folded yet. Where nothing of it
    /// may be seen it has no entry. Of a statement of which the pair may not be seen, how far it is.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn trace(
        &self,
        settlement: &SettlementId,
        (may_see, may_see_pair): (impl Fn(&Lot) -> bool, impl Fn(&Pair) -> bool),
        today: Date,
    ) -> Result<Option<v1::TraceReply>, StoreError> {
        let mut followed = self.store.settlement_follow(settlement.clone()).await?;
        if followed.entries.is_empty() {
            return Ok(None);
        }
        followed.entries.retain(|entry| may_see(&entry.posting.lot));
        followed.carried.retain(|carried| may_see(&carried.posting.posting.lot));
        let mut deductions = self.store.deduction_list(Some(settlement.clone())).await?;
        deductions.retain(|held| may_see(&held.lot));
        let lots: BTreeMap<&str, Lot> = deductions.iter().map(|held| (held.lodging.id.as_str(), held.lot)).collect();
        followed.deducted.retain(|deducted| lots.contains_key(deducted.id.as_str()));
        followed.corrected.retain(|corrected| may_see(&corrected.posted.lot));
        followed.alone.retain(|went| match went.of {
            Afterwards::Deduction => lots.contains_key(went.id.as_str()),
            Afterwards::Correction => !followed.corrected.is_empty(),
        });
        let places = places(&followed, &lots);
        let months = self.months(&followed, &deductions).await?;
        let deductions = deductions.iter().map(|held| {
            let own = followed.deducted.iter().filter(|deducted| deducted.id == held.lodging.id);
            let month = month(&months, held.period);
            let returned = is_returned(held, &followed.deducted);
            v1::TracedDeduction {
                deduction: Some(v1::DeductionView { month, returned, ..write_deduction(held) }),
                taken: own.map(|deducted| write_taking(deducted, &months)).collect(),
            }
        });
        let carried = followed.carried.iter().map(|carried| write_carried(carried, &months));
        let alone = followed.alone.iter().map(|went| write_alone(went, &months));
        Ok(Some(v1::TraceReply {
            settlement: settlement.to_string(),
            entries: write_entries(&followed, &months),
            carried: carried.chain(alone).collect(),
            listed: self.listings(settlement, &followed, (&months, today)).await?,
            deductions: deductions.collect(),
            lines: self.lines(places, &months, may_see_pair).await?,
            corrections: followed.corrected.iter().map(|corrected| write_correcting(corrected, &months)).collect(),
        }))
    }

    async fn months(&self, followed: &Followed, deductions: &[Deduction]) -> Result<Months, StoreError> {
        let mut periods: BTreeSet<PeriodNumber> = BTreeSet::new();
        for entry in &followed.entries {
            periods.extend(entry.corrects.iter().chain([&entry.period]));
        }
        for carried in &followed.carried {
            periods.extend(carried.from.iter().chain(&carried.into));
        }
        for went in &followed.alone {
            periods.extend(went.from.iter().chain(&went.into));
        }
        periods.extend(followed.deducted.iter().filter_map(|deducted| deducted.stands.period()));
        periods.extend(followed.corrected.iter().filter_map(|corrected| corrected.stands.period()));
        periods.extend(deductions.iter().filter_map(|held| held.period));
        let mut months = Months::new();
        for period in periods {
            if let Some(month) = self.store.clearing_month_of(period).await? {
                months.insert(period, month.to_string());
            }
        }
        Ok(months)
    }

    /// What of it is or was on the list.
    async fn listings(
        &self,
        settlement: &SettlementId,
        followed: &Followed,
        (months, today): (&Months, Date),
    ) -> Result<Vec<v1::Leftover>, StoreError> {
        let carried = followed.carried.iter().filter(|carried| carried.into.is_none());
        let alone = followed.alone.iter().filter(|went| went.into.is_none());
        let parts: BTreeSet<i64> =
            carried.map(|carried| carried.posting.part).chain(alone.map(|_| Listed::AFTERWARDS)).collect();
        if parts.is_empty() {
            return Ok(Vec::new());
        }
        let listed = self.store.listed_of(settlement.clone()).await?.into_iter();
        let own = listed.filter(|held| parts.contains(&held.part));
        let write = |held: Listed| v1::Leftover {
            booked_in: month(months, Some(held.booked_in)),
            listed_from: month(months, Some(held.listed_from)),
            ..write_leftover(&self.pair_of(&held.lot), &held, today)
        };
        Ok(own.map(write).collect())
    }

    /// The statements behind which it stands, each as it stands itself. Inside one member nothing is stated.
    async fn lines(
        &self,
        places: BTreeMap<(PeriodNumber, Lot), Sums>,
        months: &Months,
        may_see_pair: impl Fn(&Pair) -> bool,
    ) -> Result<Vec<v1::TracedLine>, StoreError> {
        let mut lines = Vec::new();
        for ((period, lot), counts) in places {
            let pair = pair_of(&lot, &self.members(period).await?);
            if pair.home == pair.treatment {
                continue;
            }
            let held = self.pair_record(period, pair).await?;
            let nothing = held.statement.is_none() && self.comes_to_nothing(period, pair).await?;
            lines.push(v1::TracedLine {
                month: month(months, Some(period)),
                lot: Some(write_lot(&lot)),
                // A pair of which nothing is left is in no paper.
                rows: if nothing { Vec::new() } else { rows_of(&pair, &lot).into() },
                counts: Some(write_sums(&counts)),
                pair: may_see_pair(&pair).then(|| write_pair(&pair, &held)),
                course: Some(v1::TracedCourse { nothing, ..write_course(&pair, &held, lot.insurance) }),
            });
        }
        Ok(lines)
    }
}

/// Where it stands, period by period and lot by lot, and what it counts there by now.
fn places(followed: &Followed, lots: &BTreeMap<&str, Lot>) -> BTreeMap<(PeriodNumber, Lot), Sums> {
    let mut places: BTreeMap<(PeriodNumber, Lot), Sums> = BTreeMap::new();
    for entry in &followed.entries {
        *places.entry((entry.period, entry.posting.lot)).or_default() += entry.posting.sums;
    }
    for CarriedEntry { posting, from, into, reason: _ } in &followed.carried {
        let (lot, sums) = (posting.posting.lot, posting.posting.sums);
        if let Some(from) = from {
            *places.entry((*from, lot)).or_default() -= sums;
        }
        if let Some(into) = into {
            *places.entry((*into, lot)).or_default() += sums;
        }
    }
    for deducted in &followed.deducted {
        if let (Some(period), Some(lot)) = (deducted.stands.period(), lots.get(deducted.id.as_str())) {
            *places.entry((period, *lot)).or_default() -= Sums { funds: deducted.taken, ..Sums::default() };
        }
    }
    for CorrectedIn { posted, stands } in &followed.corrected {
        if let Some(period) = stands.period() {
            *places.entry((period, posted.lot)).or_default() += Sums { funds: posted.moves, ..Sums::default() };
        }
    }
    places
}

fn month(months: &Months, period: Option<PeriodNumber>) -> String {
    period.and_then(|period| months.get(&period).cloned()).unwrap_or_default()
}

/// How far a pair's statement is, for the money of an insurance.
fn write_course(pair: &Pair, held: &PairRecord, insurance: Insurance) -> v1::TracedCourse {
    let payable = held.payables.of(insurance);
    let paid = payable.paid.as_ref().filter(|_| payable.is_settled());
    let day = |day: Option<Date>| day.map(|day| day.to_string()).unwrap_or_default();
    v1::TracedCourse {
        home: pair.home.to_string(),
        treatment: pair.treatment.to_string(),
        version: held.statement.map_or(0, |statement| statement.version),
        issued_on: day(held.statement.map(|statement| statement.issued_on)),
        noticed_on: day(held.noticed_on),
        paid_on: day(paid.map(|payment| payment.on)),
        nothing: false,
    }
}

fn write_entries(followed: &Followed, months: &Months) -> Vec<v1::TracedEntry> {
    let write = |entry: &LotPosting| v1::TracedEntry {
        turn: entry.turn().word().into(),
        day: entry.day.to_string(),
        month: month(months, Some(entry.period)),
        corrects: month(months, entry.corrects),
        part: entry.part,
        lot: Some(write_lot(&entry.posting.lot)),
        sums: Some(write_sums(&entry.posting.sums)),
    };
    followed.entries.iter().map(write).collect()
}

fn write_carried(carried: &CarriedEntry, months: &Months) -> v1::TracedCarry {
    let CarriedEntry { posting, from, into, reason } = carried;
    let moved = write_way((*from, *into), reason, months);
    v1::TracedCarry { turn: posting.turn().word().into(), part: posting.part, ..moved }
}

fn write_alone(went: &WentAlone, months: &Months) -> v1::TracedCarry {
    let WentAlone { of, id, from, into, reason } = went;
    let turn = format!("{} {id}", of.word());
    v1::TracedCarry { turn, part: Listed::AFTERWARDS, ..write_way((*from, *into), reason, months) }
}

fn write_way(
    (from, into): (Option<PeriodNumber>, Option<PeriodNumber>),
    reason: &str,
    months: &Months,
) -> v1::TracedCarry {
    let way = Gone::between(from, into).word();
    let (from, into) = (month(months, from), month(months, into));
    v1::TracedCarry { way: way.into(), from, into, reason: reason.into(), ..v1::TracedCarry::default() }
}

fn write_taking(deducted: &DeductedIn, months: &Months) -> v1::TracedTaking {
    v1::TracedTaking {
        month: month(months, deducted.stands.period()),
        on: beijing::day_of(deducted.at).to_string(),
        sums: Some(write_funds(&deducted.taken)),
        returned: deducted.stands == Stands::Returned,
    }
}

fn write_correcting(corrected: &CorrectedIn, months: &Months) -> v1::TracedCorrection {
    let CorrectedIn { posted, stands } = corrected;
    v1::TracedCorrection {
        batch: posted.batch.clone(),
        month: month(months, stands.period()),
        on: beijing::day_of(posted.at).to_string(),
        told: Some(write_funds(&posted.correction.told.funds)),
        now: Some(write_funds(&posted.correction.now.funds)),
        reason: posted.reason.clone(),
        returned: *stands == Stands::Returned,
    }
}
