//! Prefunds at work: the yearly re-set from last year's fourth quarter, the watch, and emergency increases. Clearing never
//! consumes a prefund: what is in use is what is owed and not paid yet. Called by operators, through [`super::service`].

use std::collections::BTreeMap;

use clearing::calendar::PaymentDays;
use clearing::month::Month;
use clearing::period::{Pair, Side};
use clearing::prefund::{Reset, Usage, Watch, may_suspend, yearly_size};
use jiff::Timestamp;
use ledger::hub::{PrefundChange, PrefundKey, PrefundKind};
use ledger::store::StoreError;
use settlement::beijing;
use settlement::money::Money;
use settlement::person::Insurance;

use super::Clearing;

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
    /// Nothing, or less than nothing.
    #[error("an increase is above zero")]
    NotPositive,
}

impl Clearing {
    /// Every prefund, and every pair that owes, with how much is in use.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn prefunds_watched(&self, now: Timestamp) -> Result<BTreeMap<PrefundKey, Watched>, StoreError> {
        let Some(month) = Month::of(beijing::day_of(now)) else { return Ok(BTreeMap::new()) };
        let rules = &self.calendar.rules(month).prefund;
        let balances = self.store.prefund_balances().await?;
        let outstanding = self.outstanding().await?;
        let keys: std::collections::BTreeSet<PrefundKey> = balances.keys().chain(outstanding.keys()).copied().collect();
        let watched = |key: PrefundKey| {
            let prefund = balances.get(&key).copied().unwrap_or_default();
            let usage = Usage { prefund, outstanding: outstanding.get(&key).copied().unwrap_or_default() };
            (key, Watched { usage, watch: usage.watch(rules) })
        };
        Ok(keys.into_iter().map(watched).collect())
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
        for month in [january.moved(-3), january.moved(-2), january.moved(-1)] {
            let Some(period) = self.store.clearing_period_of(month).await? else { continue };
            for (key, amount) in self.booked(period).await? {
                *owed.entry(key).or_default().entry(month).or_default() += amount;
            }
        }
        let keys: std::collections::BTreeSet<PrefundKey> = balances.keys().chain(owed.keys()).copied().collect();
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
        let mut changed = 0;
        for ResetRow { key, basis, reset } in self.prefund_table(year).await? {
            let (kind, amount) = (PrefundKind::Reset, reset.difference());
            let (id, reason) = (format!("reset {year}"), format!("{year}年度额度调整"));
            let change = PrefundChange { key, id, kind, amount, basis, reason, at: by.1 };
            changed += usize::from(self.store.prefund_change(change, by.0.clone()).await?);
        }
        Ok(changed)
    }

    /// Increases a prefund that is in the red, under an id that its sender made.
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
        if self.store.prefund_changes().await?.iter().any(|change| change.key == key && change.id == id) {
            return Ok(Ok(()));
        }
        if amount <= Money::ZERO {
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
        self.calendar.prefund_days(Month::of(made)?, made).ok()
    }

    /// The months that each home member has left unpaid after their last day, the newest in a row; whether it may be
    /// suspended for them. A pair that has paid its newest is not here.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn unpaid(&self, now: Timestamp) -> Result<BTreeMap<Pair, Unpaid>, StoreError> {
        let today = beijing::day_of(now);
        let mut paid: BTreeMap<Pair, Vec<(Month, bool)>> = BTreeMap::new();
        // What is closed is paid; only what follows the last closed month counts in a row.
        for (period, month) in self.store.clearing_unfinished().await? {
            let (Some(month), Some(standing)) = (month, self.standing(period).await?) else { continue };
            for (pair, held) in standing.record.pairs {
                let Some(noticed_on) = held.noticed_on.filter(|_| held.payer() == Some(Side::Home)) else { continue };
                let days = self.calendar.payment_days(month, noticed_on);
                if days.is_ok_and(|days| days.pay_by < today) {
                    paid.entry(pair).or_default().push((month, held.paid.is_some()));
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

    /// What is owed and not paid: by every period whose pair is not settled.
    async fn outstanding(&self) -> Result<BTreeMap<PrefundKey, Money>, StoreError> {
        let mut outstanding: BTreeMap<PrefundKey, Money> = BTreeMap::new();
        for (period, _) in self.store.clearing_unfinished().await? {
            let standing = self.standing(period).await?;
            let settled = |pair: &Pair| {
                let record = standing.as_ref().and_then(|standing| standing.record.pairs.get(pair));
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

    async fn booked(&self, period: ledger::hub::PeriodNumber) -> Result<BTreeMap<PrefundKey, Money>, StoreError> {
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
