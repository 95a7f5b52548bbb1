//! What was paid for changes of prefunds, as each side has it. A record is never changed: who corrects itself adds one.

use std::collections::BTreeMap;

use clearing::payment::{AcceptFault, Asked, Payable, Payment, PaymentFault, Recording, Records, accept};
use clearing::period::Side;
use clearing::prefund::change::Standing;
use jiff::Timestamp;
use jiff::civil::Date;
use settlement::beijing;

use super::super::HubStore;
use super::super::periods::{add_acceptance, add_record, next_record, read_payment, read_side};
use super::super::told::Telling;
use super::{PrefundChange, PrefundEntry, PrefundKey, find, read_key, tell};
use crate::engine::{Row, Sql};
use crate::store::StoreError;
use crate::values;

/// How changes were paid.
pub(super) type Payments = BTreeMap<(PrefundKey, String), Payable>;

/// Why a payment of a change cannot be recorded or accepted. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrefundPaymentFault {
    /// There is no such change.
    #[error("there is no change of this id: write it as the list has it, such as 'opening O1' or 'top-up T1'")]
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
    /// Its records cannot be accepted as of one payment.
    #[error(transparent)]
    Accept(#[from] AcceptFault),
}

impl HubStore {
    /// Records what was paid for a change of a prefund, as one side has it. The same again changes nothing; another corrects
    /// it, until both sides have recorded the same or accepted two records as of one payment.
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

    /// Records that a side accepts the newest records of a change's payment, which it has seen, as of one payment although
    /// they differ. Once both sides have, it is paid. The same again changes nothing.
    ///
    /// # Errors
    /// When the store fails. Inside: why it cannot be recorded.
    pub async fn prefund_accept_payment(
        &self,
        (key, id): (PrefundKey, String),
        (side, seen): (Side, Records),
        reason: String,
        by: (String, Timestamp),
    ) -> Result<Result<(), PrefundPaymentFault>, StoreError> {
        let telling = self.telling.clone();
        let work = move |sql: &Sql<'_>| {
            accept_records((sql, telling.as_deref()), (&key, &id), (side, seen), &reason, (&by.0, by.1))
        };
        self.engine.change(work).await
    }
}

/// How these changes were paid.
pub(super) fn read(sql: &Sql<'_>, changes: &[PrefundChange]) -> Result<Payments, StoreError> {
    const PAYMENTS: &str =
        "SELECT home, treatment, insurance, id, side, serial, bank, paid_on, amount, record FROM prefund_payments
        ORDER BY record";
    const ACCEPTED: &str =
        "SELECT home, treatment, insurance, id, side, paid_record, received_record, accepted_by, reason,
            accepted_at
        FROM prefund_payment_acceptances";
    let place = |row: Row<'_>| Ok::<_, StoreError>((read_key(row)?, row.text(3)?.to_owned()));
    let due = changes.iter().map(|change| ((change.key, change.id.clone()), Payable::of(change.amount)));
    let mut payments: Payments = due.collect();
    sql.query(PAYMENTS, values![], |row| {
        if let Some(payable) = payments.get_mut(&place(row)?) {
            add_record(payable, (read_side(row, 4)?, read_payment(row, 5)?), row.number(9)?);
        }
        Ok(())
    })?;
    sql.query(ACCEPTED, values![], |row| {
        payments.get_mut(&place(row)?).map_or(Ok(()), |payable| add_acceptance(payable, row, 4))
    })?;
    Ok(payments)
}

/// A change of which something is paid on a day, or was.
fn to_be_paid(
    sql: &Sql<'_>,
    (key, id): (&PrefundKey, &str),
    today: Date,
) -> Result<Result<PrefundEntry, PrefundPaymentFault>, StoreError> {
    let Some(entry) = find(sql, key, id)? else { return Ok(Err(PrefundPaymentFault::Unknown)) };
    Ok(match entry.recorded().standing(None, today) {
        _ if entry.change.amount.is_zero() => Err(PrefundPaymentFault::NothingDue),
        Standing::Due => Ok(entry),
        // What is held may be said again.
        Standing::Held if entry.payment.is_recorded() => Ok(entry),
        other @ (Standing::Asked | Standing::Lapsed | Standing::Refused | Standing::Held | Standing::Overtaken) => {
            Err(PrefundPaymentFault::NotDue(other))
        }
    })
}

fn accept_records(
    (sql, telling): (&Sql<'_>, Option<&Telling>),
    (key, id): (&PrefundKey, &str),
    (side, seen): (Side, Records),
    reason: &str,
    (by, at): (&str, Timestamp),
) -> Result<Result<(), PrefundPaymentFault>, StoreError> {
    const ACCEPT: &str = "INSERT INTO prefund_payment_acceptances
            (home, treatment, insurance, id, side, paid_record, received_record, reason, accepted_by, accepted_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    let entry = match to_be_paid(sql, (key, id), beijing::day_of(at))? {
        Ok(entry) => entry,
        Err(fault) => return Ok(Err(fault)),
    };
    match accept(&entry.payment, side, seen, by) {
        Ok(Recording::New) => {}
        Ok(Recording::Known) => return Ok(Ok(())),
        Err(fault) => return Ok(Err(fault.into())),
    }
    let PrefundKey { pair, insurance } = key;
    let (home, treatment, insurance) = (pair.home.0.as_str(), pair.treatment.0.as_str(), insurance.word());
    let [paid, received] = [seen.paid, seen.received].map(i64::from);
    let at = at.as_microsecond();
    sql.execute(ACCEPT, values![home, treatment, insurance, id, side.word(), paid, received, reason, by, at])?;
    tell(sql, telling, key, id)?;
    Ok(Ok(()))
}

fn pay(
    (sql, telling): (&Sql<'_>, Option<&Telling>),
    (key, id, side): (&PrefundKey, &str, Side),
    payment: &Payment,
    (by, at): (&str, Timestamp),
) -> Result<Result<(), PrefundPaymentFault>, StoreError> {
    const PAY: &str = "INSERT INTO prefund_payments
            (home, treatment, insurance, id, side, record, serial, bank, paid_on, amount, recorded_by, recorded_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
    let today = beijing::day_of(at);
    let entry = match to_be_paid(sql, (key, id), today)? {
        Ok(entry) => entry,
        Err(fault) => return Ok(Err(fault)),
    };
    let (PrefundKey { pair, insurance }, since) = (key, beijing::day_of(entry.due_since()));
    let (home, treatment, insurance) = (pair.home.0.as_str(), pair.treatment.0.as_str(), insurance.word());
    let asked = Asked { due: entry.payment.amount(), since, today };
    let number = match next_record(&entry.payment, (side, payment), asked) {
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
