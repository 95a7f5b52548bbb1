//! What is due of a pair's money by insurance, and the payment as both sides have recorded it: as words and as JSON. Shown by
//! [`super`].

use proto::v1;
use serde_json::{Value, json};
use settlement::money::Money;
use settlement::person::Insurance;

/// What is to be paid of some pairs, each insurance's money by itself.
pub fn due_of(pairs: &[v1::PairView]) -> impl Iterator<Item = (&v1::PairView, &v1::PayableView)> {
    pairs.iter().flat_map(|pair| pair.payables.iter().filter(|due| due.due != 0).map(move |payable| (pair, payable)))
}

/// A payment as one side recorded it: its serial number and day.
pub fn recorded(payment: &Option<v1::PaymentView>) -> String {
    payment.as_ref().map(|payment| format!("{} {}", payment.serial, payment.on)).unwrap_or_default()
}

/// Whether both sides have recorded the same payment.
pub fn agreement(payable: &v1::PayableView) -> &'static str {
    match (&payable.paid, &payable.received) {
        _ if !payable.apart.is_empty() => "不一致",
        (Some(_), Some(_)) => "一致",
        (Some(_), None) => "待收款方登记",
        (None, Some(_)) => "待付款方登记",
        (None, None) => "",
    }
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

/// A payment as JSON.
pub fn json_of_payment(payment: &Option<v1::PaymentView>) -> Option<Value> {
    payment.as_ref().map(|payment| {
        json!({ "serial": payment.serial, "bank": payment.bank, "on": payment.on,
            "amount": Money::from_fen(payment.amount).to_string() })
    })
}
