//! Prefunds at work: the yearly re-set from last year's fourth quarter, and the watch. Requests are in
//! [`super::prefund_requests`]. Clearing never
//! consumes a prefund: what is in use is what is owed and not paid yet. Called by operators, through
//! [`super::prefund_service`], and by [`crate::jobs`].

use std::collections::{BTreeMap, BTreeSet};

use clearing::calendar::PaymentDays;
use clearing::listed;
use clearing::month::Month;
use clearing::payment::dues;
use clearing::period::{Pair, Proof};
use clearing::prefund::change::{Standing, reset_id, year_of_reset};
use clearing::prefund::{Reset, Usage, Watch, yearly_size};
use jiff::Timestamp;
use jiff::civil::Date;
use ledger::hub::{PeriodNumber, PrefundChange, PrefundEntry, PrefundKey, PrefundKind};
use ledger::store::StoreError;
use settlement::beijing;
use settlement::money::Money;
use settlement::person::Insurance;

use super::{Clearing, THE_CALENDAR};

/// A prefund as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watched {
    /// What both sides have recorded as held, and what is in use.
    pub usage: Usage,
    /// What is asked for, and has no answer yet.
    pub asked: Money,
    /// What is still to be paid of what was set and accepted; below zero where it is to be returned.
    pub due: Money,
    /// How it stands.
    pub watch: Watch,
}

/// A row of the yearly table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResetRow {
    /// Which prefund.
    pub key: PrefundKey,
    /// What last year's fourth quarter came to.
    pub basis: Money,
    /// Before and after.
    pub reset: Reset,
    /// How many of the year were made before the one that this is or would be.
    pub before: usize,
}

/// What was re-set of a prefund for a year.
#[derive(Clone, Copy, Debug)]
struct YearReset {
    /// How many were made.
    made: usize,
    /// When the first was.
    first: Timestamp,
    /// Whether an opening balance was accepted since the last: it was worked out without what was held, and is made anew.
    is_outdated: bool,
}

/// What was owed in months that were not cleared here, as who re-sets prefunds gives it.
pub type QuarterSums = BTreeMap<(PrefundKey, Month), Money>;

/// Why prefunds are not re-set. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResetFault {
    /// Months of the quarter were not cleared by this hub.
    #[error("{} of last year's fourth quarter were not cleared here: give what was owed in them", named(.0))]
    Missing(Vec<Month>),
    /// Months of the quarter are not proved yet.
    #[error("{} of last year's fourth quarter are not proved yet", named(.0))]
    NotProved(Vec<Month>),
    /// What is given was cleared here, and is known better.
    #[error("{0} was cleared here: its sums are the journal's")]
    ClearedHere(Month),
    /// What is given is not of the quarter.
    #[error("{0} is not of last year's fourth quarter")]
    NotOfQuarter(Month),
}

fn named(months: &[Month]) -> String {
    months.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl Clearing {
    /// Every prefund, and every pair that owes, with how much is in use.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn prefunds_watched(&self, now: Timestamp) -> Result<BTreeMap<PrefundKey, Watched>, StoreError> {
        let entries = self.store.prefund_entries().await?;
        let outstanding = self.outstanding().await?;
        Ok(self.watched(&entries, &outstanding, now))
    }

    /// The same of prefunds alone: a pair that owes and has none set is none to be watched.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn prefunds_set(&self, now: Timestamp) -> Result<BTreeMap<PrefundKey, Watched>, StoreError> {
        let entries = self.store.prefund_entries().await?;
        if entries.is_empty() {
            return Ok(BTreeMap::new());
        }
        let outstanding = self.outstanding().await?;
        let mut watched = self.watched(&entries, &outstanding, now);
        watched.retain(|key, _| entries.iter().any(|entry| entry.change.key == *key));
        Ok(watched)
    }

    /// Records which warnings have come or gone, and has both members told.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn prefunds_turned(
        &self,
        turned: Vec<(PrefundKey, Watch, Usage)>,
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        self.store.prefund_turn_all(turned, now).await
    }

    /// 《预付金额度调整明细表》 of a year: what each prefund holds, with what is on its way, and what it is to be. Of months of
    /// the quarter that were not cleared here, what was owed is given. Who holds nothing and owed nothing has no row.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn prefund_table(&self, year: i16, given: &QuarterSums) -> Result<Vec<ResetRow>, StoreError> {
        let Some(january) = Month::new(year, 1) else { return Ok(Vec::new()) };
        let rules = &self.calendar.rules(january).prefund;
        let entries = self.store.prefund_entries().await?;
        let resets = resets_of(year, &entries);
        let mut balances: BTreeMap<PrefundKey, Money> = BTreeMap::new();
        for PrefundEntry { change, .. } in entries.iter().filter(|entry| entry.recorded().counts_in_reset()) {
            // A re-set that is made anew leaves alone what was increased since the first.
            let outdated = resets.get(&change.key).filter(|reset| reset.is_outdated);
            let is_since = outdated.is_some_and(|reset| change.kind == PrefundKind::TopUp && change.at > reset.first);
            if !is_since {
                *balances.entry(change.key).or_default() += change.amount;
            }
        }
        let mut owed: BTreeMap<PrefundKey, BTreeMap<Month, Money>> = BTreeMap::new();
        for ((key, month), amount) in given {
            *owed.entry(*key).or_default().entry(*month).or_default() += *amount;
        }
        for month in quarter_before(january) {
            let Some(period) = self.store.clearing_period_of(month).await? else { continue };
            for (key, amount) in self.booked(period).await? {
                *owed.entry(key).or_default().entry(month).or_default() += amount;
            }
        }
        let keys: BTreeSet<PrefundKey> = balances.keys().chain(owed.keys()).copied().collect();
        let row = |key: PrefundKey| {
            let months = owed.get(&key).cloned().unwrap_or_default();
            let previous = balances.get(&key).copied().unwrap_or_default();
            let reset = Reset { previous, new: yearly_size(year, &months, rules) };
            let before = resets.get(&key).map_or(0, |reset| reset.made - usize::from(!reset.is_outdated));
            ResetRow { key, basis: months.values().copied().sum(), reset, before }
        };
        let is_empty = |row: &ResetRow| row.basis.is_zero() && row.reset.previous.is_zero() && row.reset.new.is_zero();
        Ok(keys.into_iter().map(row).filter(|row| !is_empty(row)).collect())
    }

    /// Re-sets every prefund for a year; what was re-set for it before stays, unless an opening balance was accepted since:
    /// then it is re-set anew. What an opening balance waits for an answer of is re-set once it is answered or has lapsed.
    /// Tells how many changed.
    ///
    /// # Errors
    /// When the store fails; nothing was re-set then. Inside: why it cannot be; nothing was either.
    pub async fn prefund_reset(
        &self,
        year: i16,
        given: &QuarterSums,
        by: (String, Timestamp),
    ) -> Result<Result<usize, ResetFault>, StoreError> {
        if let Err(fault) = self.check_quarter(year, given).await? {
            return Ok(Err(fault));
        }
        let waiting = self.openings_waiting(by.1).await?;
        let mut rows = self.prefund_table(year, given).await?;
        rows.retain(|row| !waiting.contains(&row.key));
        self.reset_all(year, rows, by).await.map(Ok)
    }

    /// Re-sets every prefund where the calendar does so by itself, once: as soon as January's table is due, all of last
    /// year's fourth quarter is proved, and no operator was first. What a hub knows of a quarter within which it began is
    /// less than what was owed, so there it does nothing, and [`Clearing::prefund_reset_waits`] says so. A prefund that was
    /// first paid this year, by an emergency increase without anything behind it in the quarter, stays as it is. One of which
    /// an opening balance waited for its answer follows once that is over, and one of which an opening balance was accepted
    /// since is re-set anew. Tells how many changed.
    ///
    /// # Errors
    /// When the store fails; nothing was re-set then.
    pub async fn prefund_reset_due(&self, now: Timestamp) -> Result<usize, StoreError> {
        let due = self.calendar.prefunds_set_on(beijing::day_of(now));
        let Some((year, january)) = due.and_then(|year| Some((year, Month::new(year, 1)?))) else { return Ok(0) };
        let entries = self.store.prefund_entries().await?;
        let changes = || entries.iter().map(|entry| &entry.change);
        let resets = resets_of(year, &entries);
        let stands = |key: &PrefundKey| resets.get(key).is_some_and(|reset| !reset.is_outdated);
        let waiting = self.openings_waiting(now).await?;
        let follows = |change: &&PrefundChange| {
            let is_left = !stands(&change.key) && !waiting.contains(&change.key);
            change.kind == PrefundKind::Opening && is_left
        };
        let following: BTreeSet<PrefundKey> = changes().filter(follows).map(|change| change.key).collect();
        let is_over = !resets.is_empty() && following.is_empty();
        if is_over || self.check_quarter(year, &QuarterSums::new()).await?.is_err() {
            return Ok(0);
        }
        let before = |change: &&PrefundChange| beijing::day_of(change.at) < january.first_day();
        let held: BTreeSet<PrefundKey> = changes().filter(before).map(|change| change.key).collect();
        let mut rows = self.prefund_table(year, &QuarterSums::new()).await?;
        rows.retain(|row| !row.basis.is_zero() || held.contains(&row.key));
        rows.retain(|row| !waiting.contains(&row.key) && (resets.is_empty() || following.contains(&row.key)));
        let changed = self.reset_all(year, rows, (THE_CALENDAR.to_owned(), now)).await?;
        if changed > 0 {
            tracing::info!(year, changed, "{changed} prefunds of {year} are set by the calendar");
        }
        Ok(changed)
    }

    /// Why the calendar does not re-set prefunds although the day has come: for an operator, who can. None where it does, has
    /// done so, or is not to.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn prefund_reset_waits(&self, now: Timestamp) -> Result<Option<(i16, ResetFault)>, StoreError> {
        let Some(year) = self.calendar.prefunds_set_on(beijing::day_of(now)) else { return Ok(None) };
        if self.store.prefund_changes().await?.iter().any(|change| year_of_reset(&change.id) == Some(year)) {
            return Ok(None);
        }
        Ok(self.check_quarter(year, &QuarterSums::new()).await?.err().map(|fault| (year, fault)))
    }

    /// By when a change of a prefund is paid, or a request answered; none where the year's holidays are not listed.
    pub fn prefund_days(&self, change: &PrefundChange) -> Option<PaymentDays> {
        let made = beijing::day_of(change.at);
        match change.kind {
            PrefundKind::Reset => {
                let january = Month::new(year_of_reset(&change.id).unwrap_or(made.year()), 1)?;
                self.calendar.prefund_reset_days(january, made).ok()
            }
            PrefundKind::Opening | PrefundKind::TopUp => self.calendar.prefund_top_up_days(Month::of(made)?, made).ok(),
        }
    }

    /// How much more may be asked for of a prefund at an instant.
    pub fn prefund_most(&self, watched: &Watched, now: Timestamp) -> Money {
        let Some(month) = Month::of(beijing::day_of(now)) else { return Money::ZERO };
        watched.usage.most_to_ask(watched.asked + watched.due, &self.calendar.rules(month).prefund)
    }

    /// By when a change is paid that was accepted, or else answered.
    pub fn prefund_days_of(&self, entry: &PrefundEntry) -> Option<PaymentDays> {
        self.prefund_days(&PrefundChange { at: entry.due_since(), ..entry.change.clone() })
    }

    /// How far a change is on a day.
    pub fn prefund_standing(&self, entry: &PrefundEntry, today: Date) -> Standing {
        let answer_by = self.prefund_days(&entry.change).map(|days| days.pay_by);
        entry.recorded().standing(answer_by, today)
    }

    fn watched(
        &self,
        entries: &[PrefundEntry],
        outstanding: &BTreeMap<PrefundKey, Money>,
        now: Timestamp,
    ) -> BTreeMap<PrefundKey, Watched> {
        let today = beijing::day_of(now);
        let Some(month) = Month::of(today) else { return BTreeMap::new() };
        let rules = &self.calendar.rules(month).prefund;
        let changed = entries.iter().map(|entry| entry.change.key);
        let keys: BTreeSet<PrefundKey> = changed.chain(outstanding.keys().copied()).collect();
        let watched = |key: PrefundKey| {
            let own = || entries.iter().filter(move |entry| entry.change.key == key);
            let of = |standing: Standing| -> Money {
                let so = own().filter(|entry| self.prefund_standing(entry, today) == standing);
                so.map(|entry| entry.change.amount).sum()
            };
            let outstanding = outstanding.get(&key).copied().unwrap_or_default();
            let usage = Usage { prefund: of(Standing::Held), outstanding };
            let (asked, due) = (of(Standing::Asked), of(Standing::Due));
            (key, Watched { usage, asked, due, watch: usage.watch(rules) })
        };
        keys.into_iter().map(watched).collect()
    }

    /// The prefunds of which an opening balance waits for the other side's answer: a re-set beside it would ask for all of it
    /// once more.
    ///
    /// # Errors
    /// When the store fails.
    pub(super) async fn openings_waiting(&self, now: Timestamp) -> Result<BTreeSet<PrefundKey>, StoreError> {
        let today = beijing::day_of(now);
        let entries = self.store.prefund_entries().await?;
        let waits = |entry: &&PrefundEntry| {
            entry.change.kind == PrefundKind::Opening && self.prefund_standing(entry, today) == Standing::Asked
        };
        Ok(entries.iter().filter(waits).map(|entry| entry.change.key).collect())
    }

    /// Whether all three months of the quarter before a year are known: cleared here and proved, or given.
    async fn check_quarter(&self, year: i16, given: &QuarterSums) -> Result<Result<(), ResetFault>, StoreError> {
        let Some(january) = Month::new(year, 1) else { return Ok(Ok(())) };
        let quarter = quarter_before(january);
        let given: BTreeSet<Month> = given.keys().map(|(_, month)| *month).collect();
        if let Some(other) = given.iter().find(|month| !quarter.contains(*month)) {
            return Ok(Err(ResetFault::NotOfQuarter(*other)));
        }
        let (mut missing, mut unproved) = (Vec::new(), Vec::new());
        for month in quarter {
            match self.store.clearing_period_of(month).await? {
                None if !given.contains(&month) => missing.push(month),
                None => {}
                Some(_) if given.contains(&month) => return Ok(Err(ResetFault::ClearedHere(month))),
                Some(period) => {
                    let record = self.store.clearing_record(period, BTreeMap::new()).await?;
                    if record.is_none_or(|record| record.proof != Some(Proof::Holds)) {
                        unproved.push(month);
                    }
                }
            }
        }
        Ok(match (missing.is_empty(), unproved.is_empty()) {
            (false, _) => Err(ResetFault::Missing(missing)),
            (true, false) => Err(ResetFault::NotProved(unproved)),
            (true, true) => Ok(()),
        })
    }

    /// What is owed and not paid: by every period whose pair is not settled, and what waits on the list.
    pub(super) async fn outstanding(&self) -> Result<BTreeMap<PrefundKey, Money>, StoreError> {
        let mut outstanding: BTreeMap<PrefundKey, Money> = BTreeMap::new();
        for (period, _) in self.store.clearing_unfinished().await? {
            let record = self.store.clearing_record(period, BTreeMap::new()).await?;
            // One insurance's money may be paid while the other's is not.
            let settled = |pair: &Pair, insurance: Insurance| {
                let held = record.as_ref().and_then(|record| record.pairs.get(pair));
                let agreed = held.filter(|held| held.statement.is_some_and(|statement| statement.is_agreed()));
                agreed.is_some_and(|held| held.payables.of(insurance).is_settled())
            };
            for (pair, lots) in self.pairs(period).await? {
                for (insurance, due) in dues(&lots).iter().filter(|(insurance, _)| !settled(&pair, *insurance)) {
                    if lots.keys().any(|lot| lot.insurance == insurance) {
                        *outstanding.entry(PrefundKey { pair, insurance }).or_default() += *due;
                    }
                }
            }
        }
        let waiting = self.store.listed().await?;
        for held in waiting.iter().filter(|held| !matches!(held.standing, listed::Standing::Ended(_))) {
            let key = PrefundKey { pair: self.pair_of(&held.lot), insurance: held.lot.insurance };
            *outstanding.entry(key).or_default() += held.net();
        }
        Ok(outstanding)
    }

    async fn reset_all(&self, year: i16, rows: Vec<ResetRow>, by: (String, Timestamp)) -> Result<usize, StoreError> {
        let change = |ResetRow { key, basis, reset, before }| {
            let (kind, amount) = (PrefundKind::Reset, reset.difference());
            let (id, reason) = (reset_id(year, before), format!("{year}年度额度调整"));
            PrefundChange { key, id, kind, amount, basis, held: reset.previous, reason, asked_by: None, at: by.1 }
        };
        self.store.prefund_change_all(rows.into_iter().map(change).collect(), by.0.clone()).await
    }

    async fn booked(&self, period: PeriodNumber) -> Result<BTreeMap<PrefundKey, Money>, StoreError> {
        let mut booked: BTreeMap<PrefundKey, Money> = BTreeMap::new();
        for (pair, lots) in self.pairs(period).await? {
            for insurance in Insurance::ALL {
                let of_it = lots.iter().filter(|(lot, _)| lot.insurance == insurance);
                let owed: Money = of_it.map(|(_, cleared)| cleared.booked.owed()).sum();
                if !owed.is_zero() {
                    *booked.entry(PrefundKey { pair, insurance }).or_default() += owed;
                }
            }
        }
        Ok(booked)
    }
}

/// 上年四季度, seen from January.
fn quarter_before(january: Month) -> [Month; 3] {
    [january.moved(-3), january.moved(-2), january.moved(-1)]
}

/// What was re-set for a year, prefund by prefund.
fn resets_of(year: i16, entries: &[PrefundEntry]) -> BTreeMap<PrefundKey, YearReset> {
    let mut resets: BTreeMap<PrefundKey, YearReset> = BTreeMap::new();
    for PrefundEntry { change, .. } in entries.iter().filter(|entry| year_of_reset(&entry.change.id) == Some(year)) {
        let (key, at) = (change.key, change.at);
        let is_accepted_since = |entry: &PrefundEntry| {
            let is_opening = entry.change.key == key && entry.change.kind == PrefundKind::Opening;
            is_opening && entry.answer.as_ref().is_some_and(|answer| answer.is_accepted && answer.at > at)
        };
        let is_outdated = entries.iter().any(is_accepted_since);
        let reset = resets.entry(key).or_insert(YearReset { made: 0, first: at, is_outdated });
        reset.made += 1;
        reset.first = reset.first.min(at);
        // Each comes after what the one before it was made without.
        reset.is_outdated &= is_outdated;
    }
    resets
}
