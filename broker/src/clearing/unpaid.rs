//! What home members leave unpaid. Whether that is enough to suspend one, `clearing::prefund::unpaid` says; who does, is for
//! [`super::prefund_service`].

use std::collections::{BTreeMap, BTreeSet};

use clearing::month::Month;
use clearing::payment::Payable;
use clearing::period::{Pair, Side};
use clearing::prefund::unpaid::{Claim, DueMonth, may_suspend, overdue, undated};
use jiff::Timestamp;
use jiff::civil::Date;
use ledger::hub::PeriodNumber;
use ledger::store::StoreError;
use settlement::beijing;

use super::Clearing;

/// What a home member has left unpaid.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unpaid {
    /// The months, oldest first.
    pub months: Vec<Month>,
    /// Those of them of which the home member says that it has paid, and the treatment member does not.
    pub claimed: Vec<Month>,
    /// Months beside these that are unpaid, and whose last day is not known: the calendar lists no working days of its year.
    /// They are due and not late, and do not count.
    pub undated: Vec<Month>,
    /// Whether they are enough for the treatment member to suspend, without its saying that nothing came.
    pub may_suspend: bool,
}

impl Clearing {
    /// The months that each home member has left unpaid after their last day, whatever it has paid since, and whether it may
    /// be suspended for them. A month of which both insurances' money was due is unpaid until both are paid.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn unpaid(&self, now: Timestamp) -> Result<BTreeMap<Pair, Unpaid>, StoreError> {
        let today = beijing::day_of(now);
        let left = |(pair, due): (Pair, Vec<DueMonth>)| {
            let (late, undated) = (overdue(&due, today), undated(&due));
            let months: Vec<Month> = late.iter().map(|due| due.month).collect();
            let claimed = late.iter().filter(|due| due.claim.is_some()).map(|due| due.month).collect();
            let may_suspend = self.may_suspend(&due, &BTreeSet::new(), today);
            let undated: Vec<Month> = undated.iter().map(|due| due.month).collect();
            let is_any = !months.is_empty() || !undated.is_empty();
            is_any.then_some((pair, Unpaid { months, claimed, undated, may_suspend }))
        };
        Ok(self.due_by_pair().await?.into_iter().filter_map(left).collect())
    }

    /// Whether a treatment member may suspend a home member if it says of months that nothing came, although the home member
    /// has recorded their payment.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn may_suspend_denying(
        &self,
        pair: Pair,
        nothing_came: &BTreeSet<Month>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (due, today) = (self.due_by_pair().await?.remove(&pair).unwrap_or_default(), beijing::day_of(now));
        Ok(self.may_suspend(&due, nothing_came, today))
    }

    fn may_suspend(&self, due: &[DueMonth], nothing_came: &BTreeSet<Month>, today: Date) -> bool {
        let counts = |due: &DueMonth| {
            let stands_for = self.calendar.rules(due.month).clearing.claim_stands_for;
            due.counts(today, stands_for, nothing_came.contains(&due.month))
        };
        may_suspend(due, today, counts, |month| self.calendar.rules(month).clearing.suspended_after)
    }

    /// What home members were to pay from the oldest month on that is not closed.
    async fn due_by_pair(&self) -> Result<BTreeMap<Pair, Vec<DueMonth>>, StoreError> {
        let mut due: BTreeMap<Pair, Vec<DueMonth>> = BTreeMap::new();
        let unfinished = self.store.clearing_unfinished().await?;
        let (Some((oldest, _)), Some((newest, _))) = (unfinished.first(), unfinished.last()) else { return Ok(due) };
        // Closed periods were paid; before the oldest that is not, nothing is unpaid. One that closed after it ends a row.
        for period in oldest.0..=newest.0 {
            for (pair, month) in self.due_by_home(PeriodNumber(period)).await? {
                due.entry(pair).or_default().push(month);
            }
        }
        Ok(due)
    }

    /// What home members were to pay of a period.
    async fn due_by_home(&self, period: PeriodNumber) -> Result<Vec<(Pair, DueMonth)>, StoreError> {
        let Some(record) = self.store.clearing_record(period, BTreeMap::new()).await? else { return Ok(Vec::new()) };
        let first = self.store.payment_first_records(period).await?;
        let month = record.month;
        let due = record.pairs.into_iter().filter_map(|(pair, held)| {
            let owed: Vec<_> = held.to_be_paid().filter(|(_, payable)| payable.payer() == Some(Side::Home)).collect();
            let noticed_on = held.noticed_on.filter(|_| !owed.is_empty())?;
            let pay_by = self.calendar.payment_days(month, noticed_on).ok().map(|days| days.pay_by);
            // What is settled is paid and contradicted by nobody, however its two records differ.
            let open: Vec<_> = owed.into_iter().filter(|(_, payable)| !payable.is_settled()).collect();
            let is_paid = open.is_empty();
            let claimed = open.iter().map(|(insurance, _)| first.get(&(pair, *insurance, Side::Home)).copied());
            // It is claimed once all that is open of it is.
            let since = claimed.collect::<Option<Vec<_>>>().and_then(|claimed| claimed.into_iter().max());
            // Whoever has accepted the payer's record as of the same payment says nothing else.
            let contradicts = |payable: &Payable| {
                payable.open_difference().is_some() && !payable.accepted.contains_key(&Side::Treatment)
            };
            let is_contradicted = open.iter().any(|(_, payable)| contradicts(payable));
            let claim = since.map(|at| Claim { since: beijing::day_of(at), is_contradicted });
            Some((pair, DueMonth { month, pay_by, is_paid, claim }))
        });
        Ok(due.collect())
    }
}
