//! Prefunds at work: the yearly re-set from last year's fourth quarter, the watch, and emergency increases. Clearing never
//! consumes a prefund: what is in use is what is owed and not paid yet. Called by operators, through
//! [`super::prefund_service`], and by [`crate::jobs`].

use std::collections::{BTreeMap, BTreeSet};

use clearing::calendar::PaymentDays;
use clearing::month::Month;
use clearing::period::{Pair, Proof, Side};
use clearing::prefund::{Reset, Usage, Watch, may_suspend, yearly_size};
use jiff::Timestamp;
use ledger::hub::{PeriodNumber, PrefundChange, PrefundKey, PrefundKind};
use ledger::store::StoreError;
use settlement::beijing;
use settlement::money::Money;
use settlement::person::Insurance;

use super::{Clearing, THE_CALENDAR};

/// A prefund as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watched {
    /// What it is, and what is in use.
    pub usage: Usage,
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
}

/// What a home member has left unpaid.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unpaid {
    /// The months, oldest first.
    pub months: Vec<Month>,
    /// Whether they are enough for the treatment member to suspend.
    pub may_suspend: bool,
}

/// Why a prefund cannot be topped up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TopUpFault {
    /// It is not in the red.
    #[error("it is {}: only from red on may more be asked for", .0.word())]
    NotRed(Watch),
    /// Nothing, less than nothing, or more than there is.
    #[error("an increase is above zero, and no more than an amount may be")]
    NotPositive,
    /// The id was asked for with another amount.
    #[error("the id was asked for with {0}")]
    AskedOtherwise(Money),
}

impl Clearing {
    /// Every prefund, and every pair that owes, with how much is in use.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn prefunds_watched(&self, now: Timestamp) -> Result<BTreeMap<PrefundKey, Watched>, StoreError> {
        let balances = self.store.prefund_balances().await?;
        let outstanding = self.outstanding().await?;
        Ok(self.watched(&balances, &outstanding, now))
    }

    /// The same of prefunds alone: a pair that owes and has none set is none to be watched.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn prefunds_set(&self, now: Timestamp) -> Result<BTreeMap<PrefundKey, Watched>, StoreError> {
        let balances = self.store.prefund_balances().await?;
        if balances.is_empty() {
            return Ok(BTreeMap::new());
        }
        let outstanding = self.outstanding().await?;
        let mut watched = self.watched(&balances, &outstanding, now);
        watched.retain(|key, _| balances.contains_key(key));
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

    /// 《预付金额度调整明细表》 of a year: what each prefund is, and what it is to be.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn prefund_table(&self, year: i16) -> Result<Vec<ResetRow>, StoreError> {
        let Some(january) = Month::new(year, 1) else { return Ok(Vec::new()) };
        let rules = &self.calendar.rules(january).prefund;
        let balances = self.store.prefund_balances().await?;
        let mut owed: BTreeMap<PrefundKey, BTreeMap<Month, Money>> = BTreeMap::new();
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
            ResetRow { key, basis: months.values().copied().sum(), reset }
        };
        Ok(keys.into_iter().map(row).collect())
    }

    /// Re-sets every prefund for a year; what was re-set for it before stays. Tells how many changed.
    ///
    /// # Errors
    /// When the store fails; what was re-set stays so.
    pub async fn prefund_reset(&self, year: i16, by: (String, Timestamp)) -> Result<usize, StoreError> {
        let rows = self.prefund_table(year).await?;
        self.reset_all(year, rows, by).await
    }

    /// Re-sets every prefund where the calendar does so by itself, once: as soon as January's table is due, all of last
    /// year's fourth quarter is proved, and no operator was first. What a hub knows of a quarter within which it began is
    /// less than what was owed, so there an operator decides. A prefund that was first paid this year, by an emergency
    /// increase without anything behind it in the quarter, stays as it is. Tells how many changed.
    ///
    /// # Errors
    /// When the store fails; nothing was re-set then.
    pub async fn prefund_reset_due(&self, now: Timestamp) -> Result<usize, StoreError> {
        let due = self.calendar.prefunds_set_on(beijing::day_of(now));
        let Some((year, january)) = due.and_then(|year| Some((year, Month::new(year, 1)?))) else { return Ok(0) };
        let changes = self.store.prefund_changes().await?;
        let id = reset_id(year);
        if changes.iter().any(|change| change.id == id) || !self.is_proved(quarter_before(january)).await? {
            return Ok(0);
        }
        let before = |change: &&PrefundChange| beijing::day_of(change.at) < january.first_day();
        let held: BTreeSet<PrefundKey> = changes.iter().filter(before).map(|change| change.key).collect();
        let mut rows = self.prefund_table(year).await?;
        rows.retain(|row| !row.basis.is_zero() || held.contains(&row.key));
        let changed = self.reset_all(year, rows, (THE_CALENDAR.to_owned(), now)).await?;
        if changed > 0 {
            tracing::info!(year, changed, "{changed} prefunds of {year} are set by the calendar");
        }
        Ok(changed)
    }

    /// Increases a prefund that is in the red, under an id that its sender made. The rule also counts working days after the
    /// clearing period until it is to be asked for, and does not say which period of a prefund that several months use; what
    /// is red today is short today, so being red is all that is asked here.
    ///
    /// # Errors
    /// When the store fails. Inside: why it cannot be.
    pub async fn prefund_top_up(
        &self,
        key: PrefundKey,
        (id, amount, reason): (String, Money, String),
        by: (String, Timestamp),
    ) -> Result<Result<(), TopUpFault>, StoreError> {
        let id = format!("top-up {id}");
        let changes = self.store.prefund_changes().await?;
        if let Some(before) = changes.iter().find(|change| change.key == key && change.id == id) {
            return Ok(if before.amount == amount { Ok(()) } else { Err(TopUpFault::AskedOtherwise(before.amount)) });
        }
        if amount <= Money::ZERO || !amount.is_bounded() {
            return Ok(Err(TopUpFault::NotPositive));
        }
        let watch = self.prefunds_watched(by.1).await?.get(&key).map_or(Watch::Green, |watched| watched.watch);
        if watch != Watch::Red {
            return Ok(Err(TopUpFault::NotRed(watch)));
        }
        let (kind, basis, (by, at)) = (PrefundKind::TopUp, Money::ZERO, by);
        let change = PrefundChange { key, id, kind, amount, basis, reason, at };
        self.store.prefund_change(change, by).await.map(|_| Ok(()))
    }

    /// By when a change of a prefund is paid; none where the year's holidays are not listed.
    pub fn prefund_days(&self, change: &PrefundChange) -> Option<PaymentDays> {
        let made = beijing::day_of(change.at);
        match change.kind {
            PrefundKind::Reset => {
                let january = Month::new(year_of_reset(&change.id).unwrap_or(made.year()), 1)?;
                self.calendar.prefund_reset_days(january, made).ok()
            }
            PrefundKind::TopUp => self.calendar.prefund_top_up_days(Month::of(made)?, made).ok(),
        }
    }

    /// The months that each home member has left unpaid after their last day, the newest in a row; whether it may be
    /// suspended for them. A month that was paid, closed or not, ends the row; one in which nothing was due to be paid is
    /// passed over. A pair that has paid its newest is not here.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn unpaid(&self, now: Timestamp) -> Result<BTreeMap<Pair, Unpaid>, StoreError> {
        let today = beijing::day_of(now);
        let mut paid: BTreeMap<Pair, Vec<(Month, bool)>> = BTreeMap::new();
        // Before the oldest that is not closed nothing is unpaid. Between it and the newest, closed ones were paid.
        let Some(oldest) = self.first_unfinished().await? else { return Ok(BTreeMap::new()) };
        let newest = self.store.period_open().await?.number;
        for period in (oldest.0..=newest.0).map(PeriodNumber) {
            let Some(record) = self.store.clearing_record(period, BTreeMap::new()).await? else { continue };
            for (pair, held) in record.pairs {
                let Some(noticed_on) = held.noticed_on.filter(|_| held.payer() == Some(Side::Home)) else { continue };
                let days = self.calendar.payment_days(record.month, noticed_on);
                if days.is_ok_and(|days| days.pay_by < today) {
                    paid.entry(pair).or_default().push((record.month, held.paid.is_some()));
                }
            }
        }
        let in_a_row = |(pair, months): (Pair, Vec<(Month, bool)>)| {
            let newest = months.last()?.0;
            let after = self.calendar.rules(newest).clearing.suspended_after;
            let flags: Vec<bool> = months.iter().map(|(_, paid)| *paid).collect();
            let unpaid: Vec<Month> =
                months.iter().rev().take_while(|(_, paid)| !paid).map(|(month, _)| *month).collect();
            let may_suspend = may_suspend(&flags, after);
            (!unpaid.is_empty()).then(|| (pair, Unpaid { months: unpaid.into_iter().rev().collect(), may_suspend }))
        };
        Ok(paid.into_iter().filter_map(in_a_row).collect())
    }

    fn watched(
        &self,
        balances: &BTreeMap<PrefundKey, Money>,
        outstanding: &BTreeMap<PrefundKey, Money>,
        now: Timestamp,
    ) -> BTreeMap<PrefundKey, Watched> {
        let Some(month) = Month::of(beijing::day_of(now)) else { return BTreeMap::new() };
        let rules = &self.calendar.rules(month).prefund;
        let keys: BTreeSet<PrefundKey> = balances.keys().chain(outstanding.keys()).copied().collect();
        let watched = |key: PrefundKey| {
            let prefund = balances.get(&key).copied().unwrap_or_default();
            let usage = Usage { prefund, outstanding: outstanding.get(&key).copied().unwrap_or_default() };
            (key, Watched { usage, watch: usage.watch(rules) })
        };
        keys.into_iter().map(watched).collect()
    }

    /// What is owed and not paid: by every period whose pair is not settled.
    async fn outstanding(&self) -> Result<BTreeMap<PrefundKey, Money>, StoreError> {
        let mut outstanding: BTreeMap<PrefundKey, Money> = BTreeMap::new();
        for (period, _) in self.store.clearing_unfinished().await? {
            let record = self.store.clearing_record(period, BTreeMap::new()).await?;
            let settled = |pair: &Pair| {
                let record = record.as_ref().and_then(|record| record.pairs.get(pair));
                record.is_some_and(clearing::period::PairRecord::is_settled)
            };
            for (pair, lots) in self.pairs(period).await? {
                if settled(&pair) {
                    continue;
                }
                for (lot, cleared) in lots {
                    let key = PrefundKey { pair, insurance: lot.insurance };
                    *outstanding.entry(key).or_default() += cleared.owed();
                }
            }
        }
        Ok(outstanding)
    }

    async fn reset_all(&self, year: i16, rows: Vec<ResetRow>, by: (String, Timestamp)) -> Result<usize, StoreError> {
        let change = |ResetRow { key, basis, reset }| {
            let (kind, amount) = (PrefundKind::Reset, reset.difference());
            let (id, reason) = (reset_id(year), format!("{year}年度额度调整"));
            PrefundChange { key, id, kind, amount, basis, reason, at: by.1 }
        };
        self.store.prefund_change_all(rows.into_iter().map(change).collect(), by.0.clone()).await
    }

    /// Whether what this book has of the quarter before a year is proved. Of a quarter within which it began it has less.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn quarter_is_ready(&self, year: i16) -> Result<bool, StoreError> {
        let Some(january) = Month::new(year, 1) else { return Ok(false) };
        for month in quarter_before(january) {
            if self.store.clearing_period_of(month).await?.is_some() && !self.is_proved([month; 3]).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether months are all this book's, with totals that are the journal's.
    async fn is_proved(&self, months: [Month; 3]) -> Result<bool, StoreError> {
        for month in months {
            let Some(period) = self.store.clearing_period_of(month).await? else { return Ok(false) };
            let record = self.store.clearing_record(period, BTreeMap::new()).await?;
            if record.is_none_or(|record| record.proof != Some(Proof::Holds)) {
                return Ok(false);
            }
        }
        Ok(true)
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

/// The id of a year's re-set: the same for every prefund, so that each is re-set once.
fn reset_id(year: i16) -> String {
    format!("reset {year}")
}

fn year_of_reset(id: &str) -> Option<i16> {
    id.strip_prefix("reset ")?.parse().ok()
}
