//! 连续未拨付: what a home member has left unpaid after its last day, and whether the treatment member may suspend it for
//! that (policy.md B.1: home unpaid for three consecutive months). Read by `broker`, which knows the notices.

use jiff::ToSpan;
use jiff::civil::Date;

use crate::month::Month;

/// A month that a home member was to pay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueMonth {
    /// Which.
    pub month: Month,
    /// Its last day; none where the calendar lists no working days of the year into which it falls. It is due then, and
    /// not late.
    pub pay_by: Option<Date>,
    /// Whether both sides have recorded the payment. The payer's word alone leaves it unpaid.
    pub is_paid: bool,
    /// What the payer alone says of what is not paid of it yet; none before it has recorded all of that.
    pub claim: Option<Claim>,
}

/// 仅付款方登记: the payer's word that it has paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The hub's day on which it was first recorded. Correcting it does not renew it.
    pub since: Date,
    /// Whether the receiver has recorded another payment of what is not paid yet, and has not accepted both as one.
    pub is_contradicted: bool,
}

impl DueMonth {
    /// Whether it counts toward suspension. A month whose payer has recorded its payment does not, so that a receiver cannot
    /// bring a suspension about by recording nothing. It counts again once two things hold: the claim is more than
    /// `stands_for` days old, which is time to find the money, and the receiver has said otherwise: it recorded another
    /// payment, or it says by name that nothing came (`is_denied`). So a payer cannot put a suspension off for good by a
    /// payment that it never made, and whoever says what is not so has said it on the record.
    pub fn counts(&self, today: Date, stands_for: u16, is_denied: bool) -> bool {
        let is_over = |claim: &Claim| {
            let last = claim.since.checked_add(i32::from(stands_for).days());
            // A day of no calendar never comes.
            last.is_ok_and(|last| last < today)
        };
        !self.is_paid && self.claim.is_none_or(|claim| is_over(&claim) && (claim.is_contradicted || is_denied))
    }
}

/// What is unpaid after its last day, oldest first, whatever was paid since.
pub fn overdue(months: &[DueMonth], today: Date) -> Vec<DueMonth> {
    let is_over = |due: &&DueMonth| !due.is_paid && due.pay_by.is_some_and(|last| last < today);
    let mut overdue: Vec<DueMonth> = months.iter().filter(is_over).copied().collect();
    overdue.sort_by_key(|due| (due.pay_by, due.month));
    overdue
}

/// What is unpaid, and by when it is to be paid is not known, oldest first.
pub fn undated(months: &[DueMonth]) -> Vec<DueMonth> {
    let mut undated: Vec<DueMonth> =
        months.iter().filter(|due| !due.is_paid && due.pay_by.is_none()).copied().collect();
    undated.sort_by_key(|due| due.month);
    undated
}

/// Whether a treatment member may suspend: the oldest unpaid notice that [counts](DueMonth::counts) has been overdue for so
/// many months. They are counted by the calendar from its last day, so that months in which nothing was due, and newer ones
/// that were paid, do not take a debt out of the row. The rule says months in a row and no more: counting from the oldest
/// debt is the reading in which a debt that stays unpaid stays in it.
///
/// ```
/// use clearing::prefund::unpaid::may_suspend;
/// use jiff::civil::date;
/// assert!(!may_suspend(Some(date(2025, 8, 15)), date(2025, 11, 15), Some(3)));
/// assert!(may_suspend(Some(date(2025, 8, 15)), date(2025, 11, 16), Some(3)));
/// ```
pub fn may_suspend(oldest_pay_by: Option<Date>, today: Date, suspended_after: Option<u16>) -> bool {
    oldest_pay_by.zip(suspended_after.filter(|months| *months > 0)).is_some_and(|(pay_by, months)| {
        // A day of no calendar never comes.
        pay_by.checked_add(i32::from(months).months()).is_ok_and(|last| last < today)
    })
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn due(month: &str, pay_by: Date, is_paid: bool, is_claimed: bool) -> DueMonth {
        let claim = is_claimed.then_some(Claim { since: pay_by, is_contradicted: false });
        DueMonth { month: Month::from_text(month).expect("a month"), pay_by: Some(pay_by), is_paid, claim }
    }

    #[test]
    fn a_claim_holds_a_month_back_until_it_is_old_and_the_receiver_says_otherwise() {
        let since = date(2025, 9, 1);
        let (last, after) = (date(2025, 10, 1), date(2025, 10, 2));
        for (is_claimed, is_contradicted, is_denied, today, counts) in [
            (false, false, false, since, true),
            // The receiver's silence, however long, is no word against the payer's.
            (true, false, false, date(2028, 1, 1), false),
            (true, true, true, last, false),
            (true, true, false, after, true),
            (true, false, true, after, true),
        ] {
            let claim = is_claimed.then_some(Claim { since, is_contradicted });
            let month = DueMonth { claim, ..due("2025-06", date(2025, 8, 15), false, false) };
            assert_eq!(month.counts(today, 30, is_denied), counts, "{month:?} on {today}");
            assert!(!DueMonth { is_paid: true, ..month }.counts(today, 30, is_denied));
        }
    }

    #[test]
    fn what_is_unpaid_is_listed_however_much_was_paid_since() {
        let months = [
            due("2025-06", date(2025, 8, 15), false, true),
            due("2025-07", date(2025, 9, 18), true, true),
            due("2025-09", date(2025, 11, 20), false, false),
        ];
        let listed = |today| overdue(&months, today).iter().map(|due| due.month.to_string()).collect::<Vec<_>>();
        assert_eq!(listed(date(2025, 8, 15)), [""; 0], "its last day is not over");
        assert_eq!(listed(date(2025, 10, 1)), ["2025-06"], "a claim pays nothing");
        assert_eq!(listed(date(2025, 12, 1)), ["2025-06", "2025-09"]);
    }

    #[test]
    fn what_has_no_known_last_day_is_due_and_never_late() {
        let of = |month, pay_by| DueMonth { pay_by, ..due(month, date(2027, 1, 20), false, false) };
        let months = [of("2026-12", None), of("2026-11", Some(date(2027, 1, 20))), of("2026-10", None)];
        let named = |months: Vec<DueMonth>| months.iter().map(|due| due.month.to_string()).collect::<Vec<_>>();
        assert_eq!(named(overdue(&months, date(2030, 1, 1))), ["2026-11"]);
        assert_eq!(named(undated(&months)), ["2026-10", "2026-12"]);
        let paid = months.map(|month| DueMonth { is_paid: true, ..month });
        assert_eq!(named(undated(&paid)), [""; 0]);
    }

    #[test]
    fn three_months_after_the_oldest_last_day_allow_suspension() {
        let oldest = Some(date(2025, 8, 15));
        for (oldest, today, after, may) in [
            (oldest, date(2025, 11, 15), Some(3), false),
            (oldest, date(2025, 11, 16), Some(3), true),
            // Years later, with nothing due since, it is still unpaid.
            (oldest, date(2028, 1, 1), Some(3), true),
            (oldest, date(2028, 1, 1), None, false),
            (oldest, date(2028, 1, 1), Some(0), false),
            (None, date(2028, 1, 1), Some(3), false),
            // A month that is shorter ends the row on its last day.
            (Some(date(2025, 11, 30)), date(2026, 2, 28), Some(3), false),
            (Some(date(2025, 11, 30)), date(2026, 3, 1), Some(3), true),
        ] {
            assert_eq!(may_suspend(oldest, today, after), may, "{oldest:?} on {today}");
        }
    }
}
