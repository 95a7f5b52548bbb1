//! What is due of a pair's money by insurance, and the payment as both sides have recorded it: as words and as JSON. Shown by
//! [`super`].

use proto::v1;
use serde_json::{Value, json};
use settlement::money::Money;
use settlement::person::Insurance;

use super::told::side_named;

/// What is to be paid of some pairs, each insurance's money by itself.
pub fn due_of(pairs: &[v1::PairView]) -> impl Iterator<Item = (&v1::PairView, &v1::PayableView)> {
    pairs.iter().flat_map(|pair| pair.payables.iter().filter(|due| due.due != 0).map(move |payable| (pair, payable)))
}

/// A payment as one side recorded it: its serial number and day.
pub fn recorded(payment: &Option<v1::PaymentView>) -> String {
    payment.as_ref().map(|payment| format!("{} {}", payment.serial, payment.on)).unwrap_or_default()
}

/// Whether both sides have recorded the same payment.
pub fn agreement(payable: &v1::PayableView) -> String {
    match (&payable.paid, &payable.received) {
        _ if !payable.apart.is_empty() => apart(&payable.accepted, payable.settled),
        (Some(_), Some(_)) => "一致".to_owned(),
        (Some(_), None) => "待收款方登记".to_owned(),
        (None, Some(_)) => "待付款方登记".to_owned(),
        (None, None) => String::new(),
    }
}

/// How two records that differ stand: who has accepted them as of one payment, and whether that is both.
pub fn apart(accepted: &[v1::AcceptanceView], is_settled: bool) -> String {
    match accepted {
        _ if is_settled => "不一致，双方认可为同一笔".to_owned(),
        [] => "不一致".to_owned(),
        some => {
            let sides: Vec<&str> = some.iter().map(|accepted| side_named(&accepted.side)).collect();
            format!("不一致，{}已认可为同一笔", sides.join("、"))
        }
    }
}

/// Whether something of a period is to be paid by a day that is not known: its notices are out, and the calendar does not
/// list the year.
pub fn is_undated(period: &v1::PeriodView) -> bool {
    let is_open = |pair: &v1::PairView| pair.payables.iter().any(|payable| payable.due != 0 && !payable.settled);
    period.pairs.iter().any(|pair| !pair.noticed_on.is_empty() && pair.pay_by.is_empty() && is_open(pair))
}

/// What an insurance is called; its word where it is none of ours.
pub fn named(insurance: &str) -> String {
    Insurance::from_word(insurance).map_or_else(|| insurance.to_owned(), |insurance| insurance.name().to_owned())
}

/// Who pays whom how much.
pub fn who_pays<'p>(pair: &'p v1::PairView, payable: &v1::PayableView) -> (&'p str, &'p str, Money) {
    let due = Money::from_fen(payable.due);
    if due.is_negative() { (&pair.treatment, &pair.home, -due) } else { (&pair.home, &pair.treatment, due) }
}

/// Who has accepted two records as of one payment, as JSON.
pub fn json_of_acceptances(accepted: &[v1::AcceptanceView]) -> Vec<Value> {
    let of =
        |accepted: &v1::AcceptanceView| json!({ "side": accepted.side, "reason": accepted.reason, "on": accepted.on });
    accepted.iter().map(of).collect()
}

/// A payment as JSON.
pub fn json_of_payment(payment: &Option<v1::PaymentView>) -> Option<Value> {
    payment.as_ref().map(|payment| {
        json!({ "serial": payment.serial, "bank": payment.bank, "on": payment.on,
            "amount": Money::from_fen(payment.amount).to_string() })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_alone_has_accepted_two_records_is_told() {
        let by = |side: &str| v1::AcceptanceView { side: side.into(), ..v1::AcceptanceView::default() };
        assert_eq!(apart(&[], false), "不一致");
        assert_eq!(apart(&[by("treatment")], false), "不一致，就医地已认可为同一笔");
        assert_eq!(apart(&[by("home"), by("treatment")], true), "不一致，双方认可为同一笔");
    }

    #[test]
    fn a_period_is_undated_while_a_notice_that_is_out_and_unpaid_has_no_last_day() {
        for (noticed_on, pay_by, due, settled, is_it) in [
            ("", "", 100, false, false),
            ("2026-12-26", "", 100, false, true),
            ("2026-12-26", "", -100, false, true),
            ("2026-12-26", "", 100, true, false),
            ("2026-12-26", "", 0, true, false),
            ("2026-11-26", "2026-12-17", 100, false, false),
        ] {
            let payables = vec![v1::PayableView { due, settled, ..v1::PayableView::default() }];
            let (noticed_on, pay_by) = (noticed_on.to_owned(), pay_by.to_owned());
            let pairs = vec![v1::PairView { noticed_on, pay_by, payables, ..v1::PairView::default() }];
            let period = v1::PeriodView { pairs, ..v1::PeriodView::default() };
            assert_eq!(is_undated(&period), is_it, "{period:?}");
        }
    }
}
