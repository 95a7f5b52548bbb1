//! What was paid for changes of prefunds, as each side has it. A record is never changed: who corrects itself adds one.

use std::collections::BTreeMap;

use clearing::payment::{Asked, Payment, PaymentFault};
use clearing::period::Side;
use clearing::prefund::change::Standing;
use jiff::Timestamp;
use settlement::beijing;

use super::super::HubStore;
use super::super::periods::{next_record, read_payment, read_side};
use super::super::told::Telling;
use super::{PrefundKey, find, read_key, tell};
use crate::engine::{Row, Sql};
use crate::store::StoreError;
use crate::values;

/// The payments of changes, each side's newest record.
pub(super) type Payments = BTreeMap<(PrefundKey, String), BTreeMap<Side, Payment>>;

/// Why a payment of a change cannot be recorded. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrefundPaymentFault {
    /// There is no such change.
    #[error("there is no change of this id")]
    Unknown,
    /// Nothing is due for it.
    #[error("nothing is due for it")]
    NothingDue,
    /// It is not, or no longer, to be paid.
    #[error("it is {}: nothing is paid for it", .0.word())]
    NotDue(Standing),
    /// The payment cannot be what was asked for.
    #[error(transparent)]
    Payment(#[from] PaymentFault),
}

impl HubStore {
    /// Records what was paid for a change of a prefund, as one side has it. The same again changes nothing; another corrects
    /// it, until both sides have recorded the same.
    ///
    /// # Errors
    /// When the store fails. Inside: why it cannot be recorded.
    pub async fn prefund_pay(
        &self,
        (key, id, side): (PrefundKey, String, Side),
        payment: Payment,
        by: (String, Timestamp),
    ) -> Result<Result<(), PrefundPaymentFault>, StoreError> {
        let telling = self.telling.clone();
        let work = move |sql: &Sql<'_>| pay((sql, telling.as_deref()), (&key, &id, side), &payment, (&by.0, by.1));
        self.engine.change(work).await
    }
}

/// What was paid for every change.
pub(super) fn read(sql: &Sql<'_>) -> Result<Payments, StoreError> {
    const PAYMENTS: &str =
        "SELECT home, treatment, insurance, id, side, serial, bank, paid_on, amount FROM prefund_payments
        ORDER BY record";
    let read =
        |row: Row<'_>| Ok(((read_key(row)?, row.text(3)?.to_owned()), read_side(row, 4)?, read_payment(row, 5)?));
    let mut payments = Payments::new();
    for (change, side, payment) in sql.query(PAYMENTS, values![], read)? {
        payments.entry(change).or_default().insert(side, payment);
    }
    Ok(payments)
}

fn pay(
    (sql, telling): (&Sql<'_>, Option<&Telling>),
    (key, id, side): (&PrefundKey, &str, Side),
    payment: &Payment,
    (by, at): (&str, Timestamp),
) -> Result<Result<(), PrefundPaymentFault>, StoreError> {
    const BEFORE: &str = "SELECT side, serial, bank, paid_on, amount FROM prefund_payments
        WHERE home = ?1 AND treatment = ?2 AND insurance = ?3 AND id = ?4 ORDER BY record";
    const PAY: &str = "INSERT INTO prefund_payments
            (home, treatment, insurance, id, side, record, serial, bank, paid_on, amount, recorded_by, recorded_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
    let Some(entry) = find(sql, key, id)? else { return Ok(Err(PrefundPaymentFault::Unknown)) };
    let (amount, today) = (entry.change.amount, beijing::day_of(at));
    let (PrefundKey { pair, insurance }, since) = (key, beijing::day_of(entry.due_since()));
    let (home, treatment, insurance) = (pair.home.0.as_str(), pair.treatment.0.as_str(), insurance.word());
    match entry.recorded().standing(None, today) {
        _ if amount.is_zero() => return Ok(Err(PrefundPaymentFault::NothingDue)),
        Standing::Due => {}
        // What is held may be said again.
        Standing::Held if !entry.payments.is_empty() => {}
        other @ (Standing::Asked | Standing::Lapsed | Standing::Refused | Standing::Held | Standing::Overtaken) => {
            return Ok(Err(PrefundPaymentFault::NotDue(other)));
        }
    }
    let read = |row: Row<'_>| Ok((read_side(row, 0)?, read_payment(row, 1)?));
    let before: Vec<(Side, Payment)> = sql.query(BEFORE, values![home, treatment, insurance, id], read)?;
    let number = match next_record(&before, (side, payment), Asked { due: amount.max(-amount), since, today }) {
        Ok(Some(number)) => number,
        Ok(None) => return Ok(Ok(())),
        Err(fault) => return Ok(Err(fault.into())),
    };
    let on = payment.on.to_string();
    let values = values![
        home,
        treatment,
        insurance,
        id,
        side.word(),
        number,
        &payment.serial,
        &payment.bank,
        &on,
        payment.amount.fen(),
        by,
        at.as_microsecond()
    ];
    sql.execute(PAY, values)?;
    tell(sql, telling, key, id)?;
    Ok(Ok(()))
}
