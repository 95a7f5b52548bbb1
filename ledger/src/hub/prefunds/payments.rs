//! What was paid for changes of prefunds, as each side has it, and which home members a treatment member has suspended.

use std::collections::BTreeMap;

use clearing::period::{Pair, Payment, Side};
use jiff::Timestamp;
use settlement::money::Money;
use settlement::person::Insurance;

use super::super::periods::{read_pair, read_payment, read_side};
use super::super::{HubStore, corrupt, instant};
use super::PrefundKey;
use crate::engine::{Row, Sql};
use crate::store::StoreError;
use crate::values;

/// The payments of a change, by who recorded it.
pub type ChangePayments = BTreeMap<(PrefundKey, String), BTreeMap<Side, Payment>>;

/// Why a payment of a change cannot be recorded. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrefundPaymentFault {
    /// There is no such change.
    #[error("there is no change of this id")]
    Unknown,
    /// Nothing is due for it.
    #[error("nothing is due for it")]
    NothingDue,
    /// This side has recorded another payment.
    #[error("this side has recorded another payment already")]
    PaidOtherwise,
    /// The payment is not what is due.
    #[error("{due} is due, and not {amount}")]
    OtherAmount {
        /// What is due.
        due: Money,
        /// What was to be recorded.
        amount: Money,
    },
}

/// A home member that a treatment member has suspended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspension {
    /// Who does not pay, and who suspends.
    pub pair: Pair,
    /// Why.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
}

impl HubStore {
    /// Records what was paid for a change of a prefund, as one side has it. The same again changes nothing.
    ///
    /// # Errors
    /// When the store fails. Inside: why it cannot be recorded.
    pub async fn prefund_pay(
        &self,
        (key, id, side): (PrefundKey, String, Side),
        payment: Payment,
        by: (String, Timestamp),
    ) -> Result<Result<(), PrefundPaymentFault>, StoreError> {
        self.engine.change(move |sql| pay(sql, (&key, &id, side), &payment, (&by.0, by.1))).await
    }

    /// What was paid for changes of prefunds.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn prefund_payments(&self) -> Result<ChangePayments, StoreError> {
        const PAYMENTS: &str =
            "SELECT home, treatment, insurance, id, side, serial, bank, paid_on, amount FROM prefund_payments";
        let read =
            |row: Row<'_>| Ok(((read_key(row)?, row.text(3)?.to_owned()), read_side(row, 4)?, read_payment(row, 5)?));
        let rows = self.engine.read(move |sql| sql.query(PAYMENTS, values![], read)).await?;
        let mut payments = ChangePayments::new();
        for (change, side, payment) in rows {
            payments.entry(change).or_default().insert(side, payment);
        }
        Ok(payments)
    }

    /// Suspends a home member for a treatment member, or takes it back; tells whether that changes anything.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn suspension_set(
        &self,
        pair: Pair,
        is_suspended: bool,
        reason: String,
        (by, at): (String, Timestamp),
    ) -> Result<bool, StoreError> {
        const SET: &str = "INSERT INTO suspensions (home, treatment, step, is_suspended, reason, done_by, done_at)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        const LAST: &str = "SELECT step, is_suspended FROM suspensions WHERE home = ?1 AND treatment = ?2
            ORDER BY step DESC LIMIT 1";
        self.engine
            .write(move |sql| {
                let (home, treatment) = (pair.home.0.as_str(), pair.treatment.0.as_str());
                let last = sql.find(LAST, values![home, treatment], |row| Ok((row.number(0)?, row.flag(1)?)))?;
                let (step, was) = last.unwrap_or((0, false));
                if was == is_suspended {
                    return Ok(false);
                }
                let at = at.as_microsecond();
                sql.execute(SET, values![home, treatment, step + 1, is_suspended, &reason, &by, at])?;
                Ok(true)
            })
            .await
    }

    /// Who is suspended, and by whom.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn suspension_list(&self) -> Result<Vec<Suspension>, StoreError> {
        const SUSPENDED: &str = "SELECT home, treatment, reason, done_at FROM suspensions AS last
            WHERE is_suspended = 1 AND NOT EXISTS (
                SELECT 1 FROM suspensions AS later WHERE later.home = last.home AND later.treatment = last.treatment
                AND later.step > last.step)
            ORDER BY home, treatment";
        let read = |row: Row<'_>| {
            let pair = read_pair(row, 0)?;
            let since = instant("suspensions", pair.home, row.number(3)?)?;
            Ok(Suspension { pair, reason: row.text(2)?.to_owned(), since })
        };
        self.engine.read(move |sql| sql.query(SUSPENDED, values![], read)).await
    }
}

fn pay(
    sql: &Sql<'_>,
    (key, id, side): (&PrefundKey, &str, Side),
    payment: &Payment,
    (by, at): (&str, Timestamp),
) -> Result<Result<(), PrefundPaymentFault>, StoreError> {
    const DUE: &str = "SELECT amount FROM prefund_changes
        WHERE home = ?1 AND treatment = ?2 AND insurance = ?3 AND id = ?4";
    const BEFORE: &str = "SELECT serial, bank, paid_on, amount FROM prefund_payments
        WHERE home = ?1 AND treatment = ?2 AND insurance = ?3 AND id = ?4 AND side = ?5";
    const PAY: &str = "INSERT INTO prefund_payments
            (home, treatment, insurance, id, side, serial, bank, paid_on, amount, recorded_by, recorded_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
    let PrefundKey { pair, insurance } = key;
    let (home, treatment, insurance) = (pair.home.0.as_str(), pair.treatment.0.as_str(), insurance.word());
    let (on, amount) = (payment.on.to_string(), payment.amount);
    let due = sql.find(DUE, values![home, treatment, insurance, id], |row| row.number(0).map(Money::from_fen))?;
    match due.map(|due| due.max(-due)) {
        None => return Ok(Err(PrefundPaymentFault::Unknown)),
        Some(due) if due.is_zero() => return Ok(Err(PrefundPaymentFault::NothingDue)),
        Some(due) if due != amount => return Ok(Err(PrefundPaymentFault::OtherAmount { due, amount })),
        Some(_) => {}
    }
    let place = values![home, treatment, insurance, id, side.word()];
    match sql.find(BEFORE, place, |row| read_payment(row, 0))? {
        Some(before) if before == *payment => return Ok(Ok(())),
        Some(_) => return Ok(Err(PrefundPaymentFault::PaidOtherwise)),
        None => {}
    }
    let values = values![
        home,
        treatment,
        insurance,
        id,
        side.word(),
        &payment.serial,
        &payment.bank,
        &on,
        amount.fen(),
        by,
        at.as_microsecond()
    ];
    sql.execute(PAY, values)?;
    Ok(Ok(()))
}

fn read_key(row: Row<'_>) -> Result<PrefundKey, StoreError> {
    let pair = read_pair(row, 0)?;
    let insurance = Insurance::from_word(row.text(2)?);
    let insurance =
        insurance.ok_or_else(|| corrupt("prefund_payments", pair.home, "its insurance is not one of ours"))?;
    Ok(PrefundKey { pair, insurance })
}
