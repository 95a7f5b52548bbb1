//! Prefunds at work: the yearly re-set from last year's fourth quarter, and the watch. Requests are in
//! [`super::prefund_requests`]. Clearing never
//! consumes a prefund: what is in use is what is owed and not paid yet. Called by operators, through
//! [`super::prefund_service`], and by [`crate::jobs`].

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use clearing::calendar::{Calendar, PaymentDays};
use clearing::month::Month;
use clearing::payment::dues;
use clearing::period::{Pair, Proof};
use clearing::prefund::account::{Account, Watched};
use clearing::prefund::change::{Standing, payment_days, reset_id, year_of_reset};
use clearing::prefund::quarter::{Quarter, Source};
use clearing::prefund::{Reset, Usage, Watch, is_late};
use jiff::Timestamp;
use jiff::civil::Date;
use ledger::hub::{PeriodNumber, PrefundChange, PrefundEntry, PrefundKey, PrefundKind};
use ledger::store::StoreError;
use settlement::beijing;
use settlement::money::Money;
use settlement::person::Insurance;

use super::{Clearing, THE_CALENDAR};

/// A row of the yearly table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResetRow {
    /// Which prefund.
    pub key: PrefundKey,
    /// Last year's fourth quarter, month by month.
    pub basis: Quarter,
    /// Before and after.
    pub reset: Reset,
}

/// What a re-set of a year came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct YearSet {
    /// The table as it is set.
    pub rows: Vec<ResetRow>,
    /// How many prefunds changed; the others stood so already.
    pub changed: usize,
}

/// What was settled in months that were not cleared here, as who re-sets prefunds gives it.
pub type QuarterSums = BTreeMap<(PrefundKey, Month), Money>;

/// The prefunds, by what is recorded of each.
pub(super) type Accounts = BTreeMap<PrefundKey, Account>;

/// What was settled in the months of a quarter.
#[derive(Debug, Default)]
struct Basis {
    /// Of whom nothing was settled: nothing in each month, and where each is known from.
    nothing: Quarter,
    /// Of the others.
    of: BTreeMap<PrefundKey, Quarter>,
}

/// Why prefunds are not re-set. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResetFault {
    /// Months of the quarter were not cleared by this hub.
    #[error(
        "{} of last year's fourth quarter were not cleared here: give what was settled in them (本期结算金额)",
        named(.0)
    )]
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

/// The list is looked at so many entries at once.
const A_PAGE: u32 = 1_000;

impl Clearing {
    /// Every prefund, and every pair that owes, with how much is in use.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn prefunds_watched(&self, now: Timestamp) -> Result<BTreeMap<PrefundKey, Watched>, StoreError> {
        let accounts = accounts(&self.store.prefund_entries().await?);
        let outstanding = self.outstanding().await?;
        Ok(self.watched(&accounts, &outstanding, now))
    }

    /// The same of prefunds alone: a pair that owes and has none set is none to be watched. Beside them, how many of their
    /// payments are unpaid after their last day.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn prefunds_set(&self, now: Timestamp) -> Result<(BTreeMap<PrefundKey, Watched>, usize), StoreError> {
        let entries = self.store.prefund_entries().await?;
        let (accounts, overdue) = (accounts(&entries), self.overdue(&entries, beijing::day_of(now)));
        if accounts.is_empty() {
            return Ok((BTreeMap::new(), overdue));
        }
        let outstanding = self.outstanding().await?;
        let mut watched = self.watched(&accounts, &outstanding, now);
        watched.retain(|key, _| accounts.contains_key(key));
        Ok((watched, overdue))
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
    /// the quarter that were not cleared here, what was settled is given. Who holds nothing and settled nothing has no row.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn prefund_table(&self, year: i16, given: &QuarterSums) -> Result<Vec<ResetRow>, StoreError> {
        let basis = self.basis(year, given).await?;
        let table = table(year, &accounts(&self.store.prefund_entries().await?), &basis, &self.calendar);
        Ok(table.into_iter().map(|(row, _)| row).collect())
    }

    /// Re-sets every prefund for a year; what was re-set for it before stays, unless an opening balance was accepted since:
    /// then it is re-set anew. What an opening balance waits for an answer of is re-set once it is answered or has lapsed.
    ///
    /// # Errors
    /// When the store fails; nothing was re-set then. Inside: why it cannot be; nothing was either.
    pub async fn prefund_reset(
        &self,
        year: i16,
        given: &QuarterSums,
        by: (String, Timestamp),
    ) -> Result<Result<YearSet, ResetFault>, StoreError> {
        if let Err(fault) = self.check_quarter(year, given).await? {
            return Ok(Err(fault));
        }
        let (basis, calendar, today) = (self.basis(year, given).await?, self.calendar.clone(), beijing::day_of(by.1));
        let rows = move |accounts: &Accounts| {
            unless_opening(table(year, accounts, &basis, &calendar), accounts, (today, &calendar))
        };
        self.reset_by(year, rows, by).await.map(Ok)
    }

    /// Re-sets every prefund where the calendar does so by itself, once: as soon as January's table is due, all of last
    /// year's fourth quarter is proved, and no operator was first. What a hub knows of a quarter within which it began is
    /// less than what was settled, so there it does nothing, and [`Clearing::prefund_reset_waits`] says so. A prefund that was
    /// first paid this year, by an emergency increase without anything behind it in the quarter, stays as it is. One of which
    /// an opening balance waited for its answer follows once that is over, and one of which an opening balance was accepted
    /// since is re-set anew. Tells how many changed.
    ///
    /// # Errors
    /// When the store fails; nothing was re-set then.
    pub async fn prefund_reset_due(&self, now: Timestamp) -> Result<usize, StoreError> {
        let (calendar, today) = (self.calendar.clone(), beijing::day_of(now));
        let due = calendar.prefunds_set_on(today);
        let Some((year, january)) = due.and_then(|year| Some((year, Month::new(year, 1)?))) else { return Ok(0) };
        let entries = self.store.prefund_entries().await?;
        let is_over = to_be_set(year, &accounts(&entries), (today, &calendar)).is_some_and(|left| left.is_empty());
        if is_over || self.check_quarter(year, &QuarterSums::new()).await?.is_err() {
            return Ok(0);
        }
        let basis = self.basis(year, &QuarterSums::new()).await?;
        let rows = move |accounts: &Accounts| {
            let to_be_set = to_be_set(year, accounts, (today, &calendar));
            let mut rows = unless_opening(table(year, accounts, &basis, &calendar), accounts, (today, &calendar));
            rows.retain(|(row, _)| to_be_set.as_ref().is_none_or(|left| left.contains(&row.key)));
            let was_held = |key: &PrefundKey| {
                let before = |at| beijing::day_of(at) < january.first_day();
                accounts.get(key).is_some_and(|account| account.changes.iter().any(|made| before(made.at)))
            };
            rows.retain(|(row, _)| !row.basis.sum().is_zero() || was_held(&row.key));
            rows
        };
        let changed = self.reset_by(year, rows, (THE_CALENDAR.to_owned(), now)).await?.changed;
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
        payment_days(change.kind, &change.id, beijing::day_of(change.at), &self.calendar)
    }

    /// By when a change is paid that was accepted, or else answered.
    pub fn prefund_days_of(&self, entry: &PrefundEntry) -> Option<PaymentDays> {
        self.prefund_days(&PrefundChange { at: entry.due_since(), ..entry.change.clone() })
    }

    /// How far a change is on a day.
    pub fn prefund_standing(&self, entry: &PrefundEntry, today: Date) -> Standing {
        entry.made().standing(today, &self.calendar)
    }

    /// How many payments are unpaid after their last day.
    fn overdue(&self, entries: &[PrefundEntry], today: Date) -> usize {
        let is_overdue = |entry: &&PrefundEntry| {
            let is_due = self.prefund_standing(entry, today) == Standing::Due;
            is_late(entry.change.amount, !is_due, self.prefund_days_of(entry), today)
        };
        entries.iter().filter(is_overdue).count()
    }

    fn watched(
        &self,
        accounts: &Accounts,
        outstanding: &BTreeMap<PrefundKey, Money>,
        now: Timestamp,
    ) -> BTreeMap<PrefundKey, Watched> {
        let (today, nothing) = (beijing::day_of(now), Account::default());
        let keys: BTreeSet<PrefundKey> = accounts.keys().chain(outstanding.keys()).copied().collect();
        let watched = |key: PrefundKey| {
            let (account, owed) = (accounts.get(&key).unwrap_or(&nothing), outstanding.get(&key).copied());
            Some((key, account.watched(owed.unwrap_or_default(), today, &self.calendar)?))
        };
        keys.into_iter().filter_map(watched).collect()
    }

    /// What was settled in the months of the quarter before a year: as it was cleared here, or else as it is given.
    async fn basis(&self, year: i16, given: &QuarterSums) -> Result<Basis, StoreError> {
        let mut basis = Basis::default();
        let Some(january) = Month::new(year, 1) else { return Ok(basis) };
        let mut settled = Vec::new();
        for (place, month) in Quarter::before(january).into_iter().enumerate() {
            let of_month = given.iter().filter(|((_, given), _)| *given == month);
            let mut of_month: BTreeMap<PrefundKey, Money> = of_month.map(|((key, _), sum)| (*key, *sum)).collect();
            let mut source = if of_month.is_empty() { Source::Unknown } else { Source::Given };
            if let Some(period) = self.store.clearing_period_of(month).await? {
                (of_month, source) = (self.booked(period).await?, Source::Cleared);
            }
            basis.nothing.months[place].source = source;
            settled.extend(of_month.into_iter().map(|(key, amount)| (key, place, amount)));
        }
        for (key, place, amount) in settled {
            basis.of.entry(key).or_insert(basis.nothing).months[place].amount = amount;
        }
        Ok(basis)
    }

    /// Whether all three months of the quarter before a year are known: cleared here and proved, or given.
    async fn check_quarter(&self, year: i16, given: &QuarterSums) -> Result<Result<(), ResetFault>, StoreError> {
        let Some(january) = Month::new(year, 1) else { return Ok(Ok(())) };
        let quarter = Quarter::before(january);
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

    /// What is owed and not paid: by every period whose pair is not settled, and what waits on the list. What stays inside
    /// one member is owed by nobody.
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
        let mut after = None;
        loop {
            let (waiting, next) = self.store.listed_page(after, false, A_PAGE).await?;
            for held in waiting {
                let pair = self.pair_of(&held.lot);
                if pair.home != pair.treatment {
                    *outstanding.entry(PrefundKey { pair, insurance: held.lot.insurance }).or_default() += held.net();
                }
            }
            after = next;
            if after.is_none() {
                return Ok(outstanding);
            }
        }
    }

    /// Re-sets what follows from what is recorded of prefunds in the same step: a payment that comes at the same time is
    /// counted, or comes after it. The quarter is proved, and stays what it was.
    async fn reset_by(
        &self,
        year: i16,
        rows: impl Fn(&Accounts) -> Vec<(ResetRow, String)> + Send + 'static,
        (by, at): (String, Timestamp),
    ) -> Result<YearSet, StoreError> {
        let change = move |(ResetRow { key, basis, reset }, id)| {
            let (kind, amount, reason) = (PrefundKind::Reset, reset.difference(), format!("{year}年度额度调整"));
            PrefundChange { key, id, kind, amount, basis, held: reset.previous, reason, asked_by: None, at }
        };
        let changes =
            move |entries: &[PrefundEntry]| Ok(rows(&accounts(entries)).into_iter().map(change).collect::<Vec<_>>());
        let made: Result<Vec<_>, Infallible> = self.store.prefund_change_by(changes, by).await?;
        let made = made.unwrap_or_else(|never| match never {});
        let changed = made.iter().filter(|(_, is_new)| *is_new).count();
        let row = |change: PrefundChange| {
            let reset = Reset { previous: change.held, new: change.held + change.amount };
            ResetRow { key: change.key, basis: change.basis, reset }
        };
        Ok(YearSet { rows: made.into_iter().map(|(change, _)| row(change)).collect(), changed })
    }

    /// What a period's entries come to, by funds and accounts together: 本期结算金额 of its statements.
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

/// What is recorded, prefund by prefund.
pub(super) fn accounts(entries: &[PrefundEntry]) -> Accounts {
    let mut accounts = Accounts::new();
    for entry in entries {
        accounts.entry(entry.change.key).or_default().changes.push(entry.made());
    }
    accounts
}

/// The table of a year, see [`Clearing::prefund_table`], with the id of each re-set.
fn table(year: i16, accounts: &Accounts, basis: &Basis, calendar: &Calendar) -> Vec<(ResetRow, String)> {
    let Some(january) = Month::new(year, 1) else { return Vec::new() };
    let (rules, nothing) = (&calendar.rules(january).prefund, Account::default());
    let keys: BTreeSet<PrefundKey> = accounts.keys().chain(basis.of.keys()).copied().collect();
    let row = |key: PrefundKey| {
        let basis = basis.of.get(&key).copied().unwrap_or(basis.nothing);
        let made = accounts.get(&key).unwrap_or(&nothing).year_reset(year);
        let reset = Reset { previous: made.previous, new: basis.yearly_size(rules) };
        (ResetRow { key, basis, reset }, reset_id(year, made.before))
    };
    let is_empty =
        |row: &ResetRow| row.basis.sum().is_zero() && row.reset.previous.is_zero() && row.reset.new.is_zero();
    keys.into_iter().map(row).filter(|(row, _)| !is_empty(row)).collect()
}

/// Without those of which an opening balance waits for its answer.
fn unless_opening(
    mut rows: Vec<(ResetRow, String)>,
    accounts: &Accounts,
    (today, calendar): (Date, &Calendar),
) -> Vec<(ResetRow, String)> {
    rows.retain(|(row, _)| !accounts.get(&row.key).is_some_and(|account| account.opening_waits(today, calendar)));
    rows
}

/// What the calendar is still to re-set for a year once it was re-set: of which an opening balance waited, or was accepted
/// since. None where nothing was re-set for it: then that is every prefund.
fn to_be_set(year: i16, accounts: &Accounts, (today, calendar): (Date, &Calendar)) -> Option<BTreeSet<PrefundKey>> {
    let is_of_it = |account: &Account| account.changes.iter().any(|made| year_of_reset(&made.id) == Some(year));
    let is_left = |account: &Account| {
        account.was_opened() && !account.year_reset(year).stands && !account.opening_waits(today, calendar)
    };
    let left = || accounts.iter().filter(|(_, account)| is_left(account)).map(|(key, _)| *key);
    accounts.values().any(is_of_it).then(|| left().collect())
}
