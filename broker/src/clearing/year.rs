//! How far a year's clearing is. Asked by [`super::service`].

use std::collections::{BTreeMap, BTreeSet};

use clearing::cleared::pair_of;
use clearing::month::Month;
use clearing::period::Stage;
use clearing::year::{Rest, Why, YearEnd};
use ledger::hub::{Between, CameAlone, CarriedOne, CarriedSide, LotPosting, MovedPosting, PeriodNumber};
use ledger::store::StoreError;
use settlement::ids::SettlementId;
use settlement::money::Money;

use super::Clearing;

/// The list, and what was carried, deducted and corrected, is looked at so many entries at once.
const A_PAGE: u32 = 1_000;
/// Before the first entry that was carried.
const FIRST: (i64, i64, i64) = (i64::MIN, i64::MIN, i64::MIN);

impl Clearing {
    /// How far a year is: its months, what of them is not paid, what was carried out of them and is not closed, and what
    /// is on the list.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn year_end(&self, year: i16) -> Result<YearEnd, StoreError> {
        let by = self.calendar.year_cleared_by(year);
        let mut end = YearEnd { by, months: Vec::new(), rests: Vec::new() };
        let mut periods: BTreeMap<PeriodNumber, Month> = BTreeMap::new();
        for month in (1..=12).filter_map(|month| Month::new(year, month)) {
            let Some(period) = self.store.clearing_period_of(month).await? else { continue };
            periods.insert(period, month);
            let Some(standing) = self.standing(period).await? else { continue };
            end.months.push((month, standing.record.stage()));
            let unsettled = standing.record.pairs.iter().filter(|(_, held)| !held.is_settled());
            let rest =
                unsettled.map(|(pair, held)| Rest { pair: *pair, month, why: Why::Unsettled, owed: held.unpaid() });
            end.rests.extend(rest.filter(|_| standing.record.stage() != Stage::Closed));
        }
        let Some(last) = periods.keys().last().copied() else { return Ok(end) };
        for (period, month) in self.store.clearing_unfinished().await? {
            let Some(month) = month.filter(|_| period > last) else { continue };
            let members = self.members(period).await?;
            let came = self.store.came_alone(period).await?;
            let own: BTreeSet<&SettlementId> =
                came.iter().filter(|came| periods.contains_key(&came.posted_in)).map(|came| &came.settlement).collect();
            // What was posted on the list was posted in no period: it takes back, or brings again, what came there before it.
            let follows = |came: &CameAlone| MovedPosting::is_list(came.posted_in) && own.contains(&came.settlement);
            let alone = came.iter().filter(|came| periods.contains_key(&came.posted_in) || follows(came));
            end.rests.extend(alone.map(|CameAlone { lot, moves, .. }| Rest {
                pair: pair_of(lot, &members),
                month,
                why: Why::Carried,
                owed: *moves,
            }));
            let (left, mut along) = (self.left(period).await?, self.along(period, &came).await?);
            let mut after = FIRST;
            loop {
                let page = self.carried_beyond(period, CarriedSide::Into, after).await?;
                let Some(last) = page.last() else { break };
                after = last.key;
                let stays = |one: &&CarriedOne| !left.contains(&place(one));
                let of_year = |one: &&CarriedOne| periods.contains_key(&one.entry.posting.period);
                end.rests.extend(page.iter().filter(stays).filter(of_year).map(|one| {
                    let LotPosting { settlement, part, posting, .. } = &one.entry.posting;
                    // What goes along is of the settlement's own lot, and is told once.
                    let along = if *part == 0 { along.remove(settlement).unwrap_or_default() } else { Money::ZERO };
                    let (pair, owed) = (pair_of(&posting.lot, &members), posting.sums.owed() + along);
                    Rest { pair, month, why: Why::Carried, owed }
                }));
            }
        }
        let mut after = None;
        loop {
            // What has ended, and is to be cleared after all, stands among what was carried.
            let (listed, next) = self.store.listed_page(after, false, A_PAGE).await?;
            for listed in listed {
                let Some(month) = periods.get(&listed.booked_in) else { continue };
                let (pair, owed) = (self.pair_of(&listed.lot), listed.net());
                end.rests.push(Rest { pair, month: *month, why: Why::Listed, owed });
            }
            after = next;
            if after.is_none() {
                break;
            }
        }
        // What stays inside one member is owed by nobody.
        end.rests.retain(|rest| rest.pair.home != rest.pair.treatment);
        end.rests.retain(|rest| rest.why == Why::Unsettled || rest.owed != Money::ZERO);
        Ok(end)
    }

    /// The entries that were carried on out of a period.
    async fn left(&self, period: PeriodNumber) -> Result<BTreeSet<(i64, i64)>, StoreError> {
        let (mut left, mut after) = (BTreeSet::new(), FIRST);
        loop {
            let page = self.carried_beyond(period, CarriedSide::OutOf, after).await?;
            let Some(last) = page.last() else { return Ok(left) };
            after = last.key;
            left.extend(page.iter().map(place));
        }
    }

    async fn carried_beyond(
        &self,
        period: PeriodNumber,
        side: CarriedSide,
        after: (i64, i64, i64),
    ) -> Result<Vec<CarriedOne>, StoreError> {
        self.store.carried_page((period, side), Between::default(), after, A_PAGE).await
    }

    /// What deductions and corrections of a period come to, settlement by settlement: they go with what is carried into it,
    /// but for what came there by itself.
    async fn along(
        &self,
        period: PeriodNumber,
        came: &[CameAlone],
    ) -> Result<BTreeMap<SettlementId, Money>, StoreError> {
        let mut along: BTreeMap<SettlementId, Money> = BTreeMap::new();
        let (store, mut after) = (&self.store, (String::new(), 0));
        loop {
            let page = store.deduction_postings_page(period, Between::default(), after, A_PAGE).await?;
            let Some(last) = page.last() else { break };
            after = (last.id.clone(), last.step);
            for deducted in page {
                *along.entry(deducted.settlement).or_default() -= deducted.taken.total();
            }
        }
        after = (String::new(), 0);
        loop {
            let page = store.correction_postings_page(period, Between::default(), after, A_PAGE).await?;
            let Some(last) = page.last() else { break };
            after = (last.id.clone(), last.step);
            for corrected in page {
                *along.entry(corrected.correction.settlement).or_default() += corrected.moves.total();
            }
        }
        for CameAlone { settlement, moves, .. } in came {
            *along.entry(settlement.clone()).or_default() -= *moves;
        }
        Ok(along)
    }
}

/// The entry that was carried, by its place in the journal and its part.
fn place(one: &CarriedOne) -> (i64, i64) {
    let (position, part, _) = one.key;
    (position, part)
}
