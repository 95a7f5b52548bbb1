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

/// Whether a treatment member may suspend, by all that was due of a home member, whatever was paid of it. Policy.md B.1 says
/// unpaid for three consecutive months, which is read in two ways, and either is enough:
///
/// - so many months in a row are overdue and count: a month in which nothing was due is in no row and breaks none, one that
///   was paid, is not late yet or does not count ends it;
/// - the oldest that is overdue and counts has been so for so many months of the calendar from its last day, so that newer
///   ones that were paid do not take a debt out of the row.
///
/// `counts` tells whether an unpaid month [does](DueMonth::counts), `suspended_after` how many months the calendar says for a
/// month of settlement: the first of the row, or the oldest.
///
/// ```
/// use clearing::month::Month;
/// use clearing::prefund::unpaid::{DueMonth, may_suspend};
/// use jiff::civil::{Date, date};
/// let due = |month, pay_by| {
///     let month = Month::from_text(month).expect("a month");
///     DueMonth { month, pay_by: Some(pay_by), is_paid: false, claim: None }
/// };
/// let months = [
///     due("2025-07", date(2025, 9, 18)),
///     due("2025-08", date(2025, 10, 27)),
///     due("2025-09", date(2025, 11, 18)),
/// ];
/// let may = |today: Date| may_suspend(&months, today, |due| !due.is_paid, |_| Some(3));
/// assert!(!may(date(2025, 11, 18)) && may(date(2025, 11, 19)));
/// ```
pub fn may_suspend(
    months: &[DueMonth],
    today: Date,
    counts: impl Fn(&DueMonth) -> bool,
    suspended_after: impl Fn(Month) -> Option<u16>,
) -> bool {
    let is_late = |due: &DueMonth| due.pay_by.is_some_and(|last| last < today) && counts(due);
    let after = |due: &DueMonth| suspended_after(due.month).filter(|months| *months > 0);
    let mut in_order = months.to_vec();
    in_order.sort_by_key(|due| due.month);
    let is_row = |row: &[DueMonth]| {
        let first = row.first().filter(|due| is_late(due));
        first.and_then(after).is_some_and(|months| row.len() >= usize::from(months))
    };
    let has_row = in_order.chunk_by(|one, next| is_late(one) && is_late(next)).any(is_row);
    let oldest = months.iter().filter(|due| is_late(due)).min_by_key(|due| (due.pay_by, due.month));
    let is_old = oldest.is_some_and(|oldest| {
        oldest.pay_by.zip(after(oldest)).is_some_and(|(pay_by, months)| {
            // A day of no calendar never comes.
            pay_by.checked_add(i32::from(months).months()).is_ok_and(|last| last < today)
        })
    });
    has_row || is_old
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

    /// The month on whose last day each is paid at the latest.
    const LAST_DAYS: [(&str, Date); 5] = [
        ("2025-06", date(2025, 8, 18)),
        ("2025-07", date(2025, 9, 18)),
        ("2025-08", date(2025, 10, 27)),
        ("2025-09", date(2025, 11, 18)),
        ("2025-10", date(2025, 12, 19)),
    ];

    /// What was due of June to October: `-` nothing, `u` unpaid, `p` paid, `c` claimed by its payer, `?` by no known day.
    fn months(told: &str) -> Vec<DueMonth> {
        let of = |((month, pay_by), how)| match how {
            'u' | 'p' | 'c' => Some(due(month, pay_by, how == 'p', how == 'c')),
            '?' => Some(DueMonth { pay_by: None, ..due(month, pay_by, false, false) }),
            _ => None,
        };
        LAST_DAYS.into_iter().zip(told.chars()).filter_map(of).collect()
    }

    fn may(months: &[DueMonth], today: Date, after: Option<u16>) -> bool {
        may_suspend(months, today, |due| due.counts(today, 30, false), |_| after)
    }

    #[test]
    fn months_in_a_row_or_the_oldest_for_as_long_allow_suspension() {
        let (third_is_late, oldest_is_old) = (date(2025, 11, 19), date(2025, 12, 19));
        for (told, today, after, allowed) in [
            // July, August and September: the last of them is late from 19 November on.
            ("-uuu", date(2025, 11, 18), Some(3), false),
            ("-uuu", third_is_late, Some(3), true),
            ("-uuu", date(2025, 11, 25), Some(3), true),
            ("-uuu", third_is_late, Some(4), false),
            // In August nothing was due: that is no month of the row, and no end of it.
            ("uu-u", third_is_late, Some(3), true),
            ("-u-uu", date(2025, 12, 18), Some(3), false),
            // What its payer says it has paid is in no row.
            ("puu--", date(2025, 10, 28), Some(2), true),
            ("puc--", date(2025, 10, 28), Some(2), false),
            ("pu?--", date(2025, 10, 28), Some(2), false),
            // One alone, once it has been late for three months.
            ("-u", date(2025, 12, 18), Some(3), false),
            ("-u", oldest_is_old, Some(3), true),
            ("-uppp", oldest_is_old, Some(3), true),
            ("-c", date(2028, 1, 1), Some(3), false),
            ("-?", date(2028, 1, 1), Some(3), false),
            ("-u", date(2028, 1, 1), Some(3), true),
            ("uuuuu", date(2028, 1, 1), None, false),
            ("uuuuu", date(2028, 1, 1), Some(0), false),
            ("ppppp", date(2028, 1, 1), Some(3), false),
            ("", date(2028, 1, 1), Some(3), false),
        ] {
            let mut months = months(told);
            assert_eq!(may(&months, today, after), allowed, "{told} on {today}");
            months.reverse();
            assert_eq!(may(&months, today, after), allowed, "{told} on {today}, in another order");
        }
    }

    #[test]
    fn a_month_that_was_paid_ends_a_row_and_one_without_a_debt_does_not() {
        let (july, september) = (due("2025-07", date(2025, 10, 20), false, false), date(2025, 11, 18));
        let august = |is_paid, is_claimed| due("2025-08", date(2025, 10, 27), is_paid, is_claimed);
        let september = due("2025-09", september, false, false);
        let undated = DueMonth { pay_by: None, ..august(false, false) };
        for (between, allowed) in [
            (None, true),
            (Some(august(true, true)), false),
            (Some(august(false, true)), false),
            (Some(undated), false),
            (Some(august(false, false)), true),
        ] {
            let months: Vec<DueMonth> = [Some(july), between, Some(september)].into_iter().flatten().collect();
            assert_eq!(may(&months, date(2025, 11, 19), Some(2)), allowed, "{between:?}");
        }
    }

    #[test]
    fn a_month_that_is_shorter_ends_the_oldest_on_its_last_day() {
        let months = [due("2025-09", date(2025, 11, 30), false, false)];
        assert!(!may(&months, date(2026, 2, 28), Some(3)) && may(&months, date(2026, 3, 1), Some(3)));
    }
}
