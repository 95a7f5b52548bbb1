//! Carrying out what is due of each period. What is due, `clearing::period` says from what is recorded; each step records
//! that it was taken, so that whoever dies in between, or does it at the same time, changes nothing. Called by
//! [`crate::jobs`] and by operators.

pub mod deductions;
pub mod leftovers;
mod moved;
pub mod news;
mod pairs;
pub mod prefund_requests;
pub mod prefund_service;
pub mod prefunds;
mod reports;
pub mod service;
pub(crate) mod texts;
mod trace;
mod uncompared;
pub mod unpaid;
mod year;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use clearing::breaks::{Books, reason};
use clearing::calendar::{Calendar, HospitalDifferences};
use clearing::carry::{Carried, carry};
use clearing::cleared::{Cleared, by_pair, pair_of};
use clearing::listed::{self, Verdict, owner_of_break};
use clearing::members::{Members, PeriodMembers};
use clearing::month::Month;
use clearing::obligation::Lot;
use clearing::payment::dues;
use clearing::period::{Pair, PairRecord, Plan, Proof, Record, Side, Step, plan};
use futures_util::future::try_join_all;
use identity::permit::OperatorPermit;
use jiff::Timestamp;
use ledger::hub::{AsOf, Carrying, Disputed, HubStore, Listed, PeriodNumber, Reply, StatementFault, StepTaken};
use ledger::store::StoreError;
use reconciliation::book::READING;
use settlement::beijing;
use settlement::region::RegionTable;

use crate::scope;

/// Who says what a member does not say by the last day.
const THE_CALENDAR: &str = "calendar";

/// What is due of so many pairs is carried out at once and shares its commits. What decides what comes after it is due
/// alone (`clearing::period::plan`).
const AT_ONCE: usize = 64;

/// Clearing on one hub's book.
#[derive(Clone)]
pub struct Clearing {
    store: HubStore,
    regions: Arc<RegionTable>,
    calendar: Arc<Calendar>,
    /// The unfinished periods whose every pair was seen stated, each as of when: nothing is to be stated of them as long as
    /// nothing moves their lots.
    stated: Arc<Mutex<BTreeMap<PeriodNumber, AsOf>>>,
}

/// A period as it stands.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Which period.
    pub period: PeriodNumber,
    /// What is recorded of it.
    pub record: Record,
    /// What each pair clears, lot by lot.
    pub pairs: BTreeMap<Pair, BTreeMap<Lot, Cleared>>,
}

impl Clearing {
    /// Clears a book by a calendar.
    pub fn new(store: HubStore, regions: Arc<RegionTable>, calendar: Arc<Calendar>) -> Clearing {
        Clearing { store, regions, calendar, stated: Arc::default() }
    }

    /// The calendar that it clears by.
    pub fn calendar(&self) -> &Arc<Calendar> {
        &self.calendar
    }

    /// Folds everything that is answered by now. Whoever advances at the time that a clock shows folds before he reads it:
    /// then little is left to fold, and a period is cut off at about the time that is recorded of it.
    ///
    /// # Errors
    /// When the store fails; what was folded stays so.
    pub async fn fold(&self) -> Result<(), StoreError> {
        self.store.journal_fold(READING).await
    }

    /// Carries out everything that is due at an instant; tells what was done, in order.
    ///
    /// # Errors
    /// When the store fails; what was done stays done.
    pub async fn advance(&self, now: Timestamp) -> Result<Vec<(PeriodNumber, Step)>, StoreError> {
        let mut done = Vec::new();
        self.advance_telling(now, |period, step| done.push((period, step))).await?;
        Ok(done)
    }

    /// The same, telling of each step as soon as it is done.
    ///
    /// # Errors
    /// When the store fails; what was done stays done.
    pub async fn advance_telling(
        &self,
        now: Timestamp,
        mut done: impl FnMut(PeriodNumber, Step) + Send,
    ) -> Result<(), StoreError> {
        // Whoever closed a period may have died before all were told.
        self.store.clearing_tell_closed().await?;
        self.fold().await?;
        self.store.afterwards_follow(crate::corrections::carry::letter, now).await?;
        // Cutting off begins another period, which may be due as well: a hub that was down for months.
        let mut next = self.first_unfinished().await?;
        while let Some(period) = next {
            self.advance_period(period, now, &mut done).await?;
            let unfinished = self.store.clearing_unfinished().await?;
            next = unfinished.into_iter().map(|(other, _)| other).find(|other| *other > period);
        }
        Ok(())
    }

    /// Proves a period again whose proof failed, for a person who has found out why; tells whether it was. A proof that
    /// holds stays; none where it was never proved, which is due by itself.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn prove_again(&self, period: PeriodNumber, now: Timestamp) -> Result<Option<bool>, StoreError> {
        let record = self.store.clearing_record(period, BTreeMap::new()).await?;
        let Some(proof) = record.and_then(|record| record.proof) else { return Ok(None) };
        if proof == Proof::Fails {
            self.prove(period, now).await?;
        }
        Ok(Some(proof == Proof::Fails))
    }

    /// What is due of a period, and what it waits for.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn plan(&self, period: PeriodNumber, now: Timestamp) -> Result<Plan, StoreError> {
        let standing = self.standing(period).await?;
        Ok(standing.map(|standing| plan(&standing.record, now, &self.calendar)).unwrap_or_default())
    }

    /// A period as it stands; none where it has no month yet.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn standing(&self, period: PeriodNumber) -> Result<Option<Standing>, StoreError> {
        // First what is recorded: sums that were read before another hub carried something out would be stated without it.
        let Some(mut record) = self.store.clearing_record(period, BTreeMap::new()).await? else { return Ok(None) };
        let pairs = self.pairs(period).await?;
        for (pair, lots) in &pairs {
            record.pairs.entry(*pair).or_insert_with(|| PairRecord::of(dues(lots)));
        }
        Ok(Some(Standing { period, record, pairs }))
    }

    /// A period as far as what is due of it follows from it: its lots only where a pair may have to be stated, since there
    /// may be many entries behind them, and this is looked at all the time. Tells as of when they were read.
    async fn standing_to_advance(&self, period: PeriodNumber) -> Result<Option<(Standing, AsOf)>, StoreError> {
        let stated = || self.stated.lock().unwrap_or_else(PoisonError::into_inner);
        let as_of = self.store.clearing_as_of(period).await?;
        let Some(record) = self.store.clearing_record(period, BTreeMap::new()).await? else { return Ok(None) };
        if !record.is_carried || stated().get(&period) == Some(&as_of) {
            return Ok(Some((Standing { period, record, pairs: BTreeMap::new() }, as_of)));
        }
        let Some(standing) = self.standing(period).await? else { return Ok(None) };
        let is_stated = |held: &PairRecord| held.statement.is_some_and(|statement| !statement.is_objected);
        if standing.record.pairs.values().all(is_stated) {
            stated().insert(period, as_of);
        }
        Ok(Some((standing, as_of)))
    }

    /// What is recorded of a pair of a period. It reads no lots: what is due is what was stated.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn pair_record(&self, period: PeriodNumber, pair: Pair) -> Result<PairRecord, StoreError> {
        let record = self.store.clearing_record(period, BTreeMap::new()).await?;
        Ok(record.and_then(|mut record| record.pairs.remove(&pair)).unwrap_or_default())
    }

    /// Whether a period was stated, and what it holds of a pair comes to nothing in each lot: no statement of it is issued.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn comes_to_nothing(&self, period: PeriodNumber, pair: Pair) -> Result<bool, StoreError> {
        let standing = self.standing(period).await?;
        if standing.is_none_or(|standing| !standing.record.is_carried || standing.record.pairs.contains_key(&pair)) {
            return Ok(false);
        }
        let members = self.members(period).await?;
        Ok(self.store.period_lots(period).await?.iter().any(|lot| pair_of(lot, &members) == pair))
    }

    /// The pairs of members of which a period holds something, or did until it was carried on by itself, that comes to nothing
    /// in each lot, and of which nothing is recorded.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn nothing_left(&self, standing: &Standing) -> Result<BTreeSet<Pair>, StoreError> {
        let (period, members) = (standing.period, self.members(standing.period).await?);
        let mut lots = self.store.period_lots(period).await?;
        lots.extend(self.store.moved_alone_lots(period).await?);
        let mut pairs: BTreeSet<Pair> = lots.iter().map(|lot| pair_of(lot, &members)).collect();
        pairs.retain(|pair| !pair.is_one() && !standing.record.pairs.contains_key(pair));
        Ok(pairs)
    }

    /// What each pair clears in a period, lot by lot.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn pairs(&self, period: PeriodNumber) -> Result<BTreeMap<Pair, BTreeMap<Lot, Cleared>>, StoreError> {
        let members = self.members(period).await?;
        Ok(by_pair(&self.store.clearing_movements(period).await?, &members))
    }

    /// The members of a period: as it was stated, or as they are by now.
    ///
    /// # Errors
    /// When the store fails.
    async fn members(&self, period: PeriodNumber) -> Result<PeriodMembers<Arc<RegionTable>>, StoreError> {
        Ok(PeriodMembers::new(self.store.period_members(period).await?, self.regions.clone()))
    }

    /// Records which members the pools of a period are of: from now on it is cleared by that, whatever the table of regions
    /// says later. What was recorded before stays.
    async fn record_members(&self, period: PeriodNumber) -> Result<(), StoreError> {
        let lots = self.store.period_lots(period).await?.into_iter();
        let members =
            lots.flat_map(|lot| [lot.home, lot.treatment]).map(|pool| (pool, self.regions.member_for(pool))).collect();
        self.store.period_members_record(period, members).await
    }

    /// The pair that a lot is of by now.
    pub(crate) fn pair_of(&self, lot: &Lot) -> Pair {
        pair_of(lot, &self.regions)
    }

    /// Whether a lot is between pools, or members, of an operator's.
    fn sees_lot(&self, permit: &OperatorPermit, lot: &Lot) -> bool {
        scope::sees_between(permit, &self.regions, lot.home, lot.treatment)
    }

    /// Records what a member says to a version of a statement.
    ///
    /// # Errors
    /// When the store fails. Inside: why it cannot be recorded.
    pub async fn reply(
        &self,
        (period, pair, side): (PeriodNumber, Pair, Side),
        version: u32,
        reply: Reply,
        (by, at): (String, Timestamp),
    ) -> Result<Result<(), StatementFault>, StoreError> {
        let Some(month) = self.store.clearing_month_of(period).await? else {
            return Ok(Err(StatementFault::Unknown));
        };
        loop {
            let carrying = (self.carrying(period, month).await?, self.members(period).await?);
            let (place, by) = ((period, pair, side), (by.clone(), at));
            match self.store.statement_reply(place, version, reply.clone(), carrying, by).await? {
                // There is a later one to carry into now.
                Err(StatementFault::NextIsStated) => {}
                Err(StatementFault::Unknown) if self.comes_to_nothing(period, pair).await? => {
                    return Ok(Err(StatementFault::Nothing));
                }
                replied => return Ok(replied),
            }
        }
    }

    async fn first_unfinished(&self) -> Result<Option<PeriodNumber>, StoreError> {
        Ok(self.store.clearing_unfinished().await?.first().map(|(period, _)| *period))
    }

    async fn advance_period(
        &self,
        period: PeriodNumber,
        now: Timestamp,
        done: &mut (impl FnMut(PeriodNumber, Step) + Send),
    ) -> Result<(), StoreError> {
        self.name(period, now).await?;
        loop {
            let Some((standing, as_of)) = self.standing_to_advance(period).await? else { return Ok(()) };
            let due = plan(&standing.record, now, &self.calendar).due;
            if due.is_empty() {
                return Ok(());
            }
            for some in due.chunks(AT_ONCE) {
                try_join_all(some.iter().map(|step| self.carry_out((&standing, as_of), *step, now))).await?;
                for step in some {
                    tracing::info!(period = period.0, month = %standing.record.month, step = ?step, "{step:?} of {} is done", standing.record.month);
                    done(period, *step);
                }
            }
        }
    }

    /// A period without a month is the one after the period before it; the first is the month in which it is first looked
    /// at.
    async fn name(&self, period: PeriodNumber, now: Timestamp) -> Result<(), StoreError> {
        if self.store.clearing_month_of(period).await?.is_some() {
            return Ok(());
        }
        let before = self.store.clearing_month_of(PeriodNumber(period.0 - 1)).await?;
        let month = before.map(Month::next).or_else(|| Month::of(beijing::day_of(now)));
        match month {
            Some(month) => self.store.clearing_name(period, month).await,
            None => Ok(()),
        }
    }

    async fn carry_out(
        &self,
        (standing, as_of): (&Standing, AsOf),
        step: Step,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (period, today) = (standing.period, beijing::day_of(now));
        let newest = |pair: &Pair| standing.record.pairs.get(pair).and_then(|held| held.statement);
        match step {
            Step::CutOff => self.store.period_cut_off(period, now).await.map(drop),
            Step::Fold => {
                self.fold().await?;
                let report = reports::folded(&self.store.lot_totals(period).await?);
                self.store.clearing_step(period, StepTaken::Folded, report, now).await
            }
            Step::Prove => self.prove(period, now).await,
            Step::CarryOut => {
                self.record_members(period).await?;
                let carrying = self.carrying(period, standing.record.month).await?;
                // First what was not compared: what is compared meanwhile has its breaks by the time they are listed.
                let uncompared = self.uncompared(period, standing.record.month).await?;
                let disputed = (self.disputed(period, standing.record.month).await?, uncompared);
                // Where the next period was stated, or something moved meanwhile, it is due again.
                self.store.entry_carry_out(period, disputed, carrying, now).await.map(drop)
            }
            Step::State(pair) => {
                let version = newest(&pair).map_or(1, |statement| statement.version + 1);
                let lots = standing.pairs.get(&pair).cloned().unwrap_or_default();
                self.store.statement_issue((period, pair), version, (lots, as_of), today).await
            }
            Step::TakeSilence(pair, side) => {
                let version = newest(&pair).map_or(1, |statement| statement.version);
                let by = (THE_CALENDAR.to_owned(), now);
                // A member that has spoken meanwhile is heard.
                self.reply((period, pair, side), version, Reply::Silent, by).await.map(drop)
            }
            Step::Notify(pair) => {
                let version = newest(&pair).map_or(1, |statement| statement.version);
                let dues = standing.record.pairs.get(&pair).map(PairRecord::dues).unwrap_or_default();
                self.store.notice_issue((period, pair), version, dues, today).await
            }
            Step::Close => {
                let report = reports::closed(&standing.record);
                self.store.clearing_step(period, StepTaken::Closed, report, now).await
            }
        }
    }

    async fn prove(&self, period: PeriodNumber, now: Timestamp) -> Result<(), StoreError> {
        let (folded, journal) = (self.store.lot_totals(period), self.store.journal_totals(period, READING));
        let folded = folded.await?;
        let differences = folded.differences(&journal.await?);
        let (proof, report) = if differences.is_empty() {
            (Proof::Holds, reports::agreed(&folded))
        } else {
            (Proof::Fails, reports::apart(&differences))
        };
        self.store.clearing_step(period, StepTaken::Proved(proof), report, now).await
    }

    /// Settlements that books do not agree on, as far as they are of the pools whose books were compared. Those that
    /// hospitals' books differ in are cleared where the month's days say so.
    async fn disputed(&self, period: PeriodNumber, month: Month) -> Result<Vec<Disputed>, StoreError> {
        let of_hospitals = self.calendar.rules(month).clearing.hospital_differences;
        // One person's decision ends the work on a break, and clears nothing: that takes the books, or two people.
        let breaks = self.store.break_disputing().await?.into_iter().filter(|open| match open.books {
            Books::HospitalTreatment => of_hospitals == HospitalDifferences::Carried,
            Books::TreatmentHub | Books::HubHome => true,
        });
        let disputed = breaks.map(|open| {
            let reason = reason::of_break(open.books, open.found.kind);
            Disputed { settlement: open.found.settlement, reason, owner: owner_of_break(open.books) }
        });
        let disputed: Vec<Disputed> = disputed.collect();
        // What becomes of a settlement on the list is not cleared without it, and of a returned one never.
        let listed = self.store.listed_beside(period).await?.into_iter();
        // What was deducted or corrected later is there by itself: its settlement was cleared.
        let listed = listed.filter(|listed| listed.part != Listed::AFTERWARDS);
        let kept = listed.filter(|listed| listed.standing != listed::Standing::Ended(Verdict::Clear));
        let kept = kept.map(|Listed { settlement, reason, owner, .. }| Disputed { settlement, reason, owner });
        Ok(disputed.into_iter().chain(kept).collect())
    }

    /// Where what is disputed in a period goes, by the period in which it was booked: into the first later one that is not
    /// stated yet, as far as the calendar lets it.
    async fn carrying(&self, period: PeriodNumber, month: Month) -> Result<Carrying, StoreError> {
        let into = self.store.period_unstated_after(period).await?;
        let months = |periods: i64| i16::try_from(periods).unwrap_or(i16::MAX);
        let last_without = month.moved(months(into.0 - period.0 - 1));
        // However old it is, what this period clears goes somewhere.
        let carried = (1..=period.0).map(|booked| {
            let into = match carry(month.moved(-months(period.0 - booked)), last_without, &self.calendar) {
                Carried::Into(_) => Some(into),
                Carried::Listed => None,
            };
            (PeriodNumber(booked), into)
        });
        Ok(carried.collect())
    }
}
