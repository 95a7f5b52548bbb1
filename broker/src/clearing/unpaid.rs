//! What home members leave unpaid. Whether that is enough to suspend one, `clearing::prefund::unpaid` says; who does, is for
//! [`super::prefund_service`].

use std::collections::BTreeMap;

use clearing::month::Month;
use clearing::period::{Pair, Side};
use clearing::prefund::unpaid::{DueMonth, may_suspend, overdue};
use jiff::Timestamp;
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
    /// Whether they are enough for the treatment member to suspend.
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
        let mut due: BTreeMap<Pair, Vec<DueMonth>> = BTreeMap::new();
        // Closed periods were paid; before the oldest that is not, nothing is unpaid.
        for (period, _) in self.store.clearing_unfinished().await? {
            for (pair, month) in self.due_by_home(period).await? {
                due.entry(pair).or_default().push(month);
            }
        }
        let left = |(pair, months): (Pair, Vec<DueMonth>)| {
            let unpaid = overdue(&months, today);
            let oldest = unpaid.first()?;
            let after = self.calendar.rules(oldest.month).clearing.suspended_after;
            let claimed = unpaid.iter().filter(|due| due.is_claimed).map(|due| due.month).collect();
            let may_suspend = may_suspend(Some(oldest.pay_by), today, after);
            Some((pair, Unpaid { months: unpaid.iter().map(|due| due.month).collect(), claimed, may_suspend }))
        };
        Ok(due.into_iter().filter_map(left).collect())
    }

    /// What home members were to pay of a period by a day that is known.
    async fn due_by_home(&self, period: PeriodNumber) -> Result<Vec<(Pair, DueMonth)>, StoreError> {
        let Some(record) = self.store.clearing_record(period, BTreeMap::new()).await? else { return Ok(Vec::new()) };
        let month = record.month;
        let due = record.pairs.into_iter().filter_map(|(pair, held)| {
            let owed: Vec<_> = held.to_be_paid().filter(|(_, payable)| payable.payer() == Some(Side::Home)).collect();
            let noticed_on = held.noticed_on.filter(|_| !owed.is_empty())?;
            let pay_by = self.calendar.payment_days(month, noticed_on).ok()?.pay_by;
            let is_paid = owed.iter().all(|(_, payable)| payable.is_settled());
            let is_claimed = owed.iter().all(|(_, payable)| payable.paid.is_some());
            Some((pair, DueMonth { month, pay_by, is_paid, is_claimed }))
        });
        Ok(due.collect())
    }
}
