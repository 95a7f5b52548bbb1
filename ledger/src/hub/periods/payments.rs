//! What is paid for statements, each insurance's money by itself: the notices, and the payments as both sides record them.
//! A record is never changed: who corrects itself adds one. What may be recorded, `clearing::payment` says.

use std::collections::BTreeMap;

use clearing::payment::{
    Acceptance, Asked, ByInsurance, Payable, Payment, PaymentFault, Recording, Records, accept, record,
};
use clearing::period::{Pair, PairRecord, Side};
use jiff::Timestamp;
use jiff::civil::Date;
use settlement::beijing;
use settlement::money::Money;
use settlement::person::Insurance;

use super::super::told::News;
use super::super::{HubStore, instant};
use super::PeriodNumber;
use super::course::read_pair;
use super::statements::{StatementFault, read_date};
use crate::engine::{Row, Sql};
use crate::store::StoreError;
use crate::values;

/// What is paid: a pair's money of one insurance in a period.
pub type PaidPlace = (PeriodNumber, Pair, Insurance);

impl HubStore {
    /// Issues the notices of a pair: what is paid for the newest version, of each insurance's money of which something is
    /// due. Once they are out they stay.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn notice_issue(
        &self,
        (period, pair): (PeriodNumber, Pair),
        version: u32,
        dues: ByInsurance<Money>,
        issued_on: Date,
    ) -> Result<(), StoreError> {
        const BEFORE: &str = "SELECT 1 FROM notices WHERE period = ?1 AND home = ?2 AND treatment = ?3 LIMIT 1";
        const NOTICE: &str = "INSERT INTO notices (period, home, treatment, insurance, version, due, issued_on)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING";
        let telling = self.telling.clone();
        self.engine
            .write(move |sql| {
                let (home, treatment, on) = (pair.home.0.as_str(), pair.treatment.0.as_str(), issued_on.to_string());
                if sql.find(BEFORE, values![period.0, home, treatment], |_| Ok(()))?.is_some() {
                    return Ok(());
                }
                for (insurance, due) in dues.iter().filter(|(_, due)| !due.is_zero()) {
                    let values =
                        values![period.0, home, treatment, insurance.word(), i64::from(version), due.fen(), &on];
                    if sql.execute(NOTICE, values)? > 0
                        && let Some(telling) = telling.as_deref()
                    {
                        let news = News::Notice { insurance, version, due: *due };
                        telling.within(sql).tell_of((period, pair), news)?;
                    }
                }
                Ok(())
            })
            .await
    }

    /// Records a payment of an insurance's money as one side has it. The same again changes nothing; another corrects it,
    /// until both sides have recorded the same.
    ///
    /// # Errors
    /// When the store fails. Inside: why it cannot be recorded; nothing was changed then.
    pub async fn payment_record(
        &self,
        place: PaidPlace,
        side: Side,
        payment: Payment,
        (recorded_by, at): (String, Timestamp),
    ) -> Result<Result<(), StatementFault>, StoreError> {
        self.engine.change(move |sql| record_payment(sql, (place, side), &payment, (&recorded_by, at))).await
    }

    /// Records that a side accepts the newest records of a payment, which it has seen, as of one payment although they
    /// differ. Once both sides have, it is paid. The same again changes nothing.
    ///
    /// # Errors
    /// When the store fails. Inside: why it cannot be recorded; nothing was changed then.
    pub async fn payment_accept(
        &self,
        place: PaidPlace,
        (side, seen): (Side, Records),
        reason: String,
        by: (String, Timestamp),
    ) -> Result<Result<(), StatementFault>, StoreError> {
        let telling = self.telling.clone();
        self.engine
            .change(move |sql| {
                let accepted = accept_records(sql, place, (side, seen), &reason, (&by.0, by.1))?;
                let (Ok(Recording::New), Some(telling)) = (&accepted, telling.as_deref()) else {
                    return Ok(accepted.map(drop));
                };
                let (period, pair, insurance) = place;
                let held = payable(sql, place)?.unwrap_or_default();
                let (is_settled, step) = (held.is_settled(), acceptances(sql, place)?);
                telling.within(sql).tell_of((period, pair), News::Acceptance { insurance, side, step, is_settled })?;
                Ok(Ok(()))
            })
            .await
    }
}

impl HubStore {
    /// When each side first recorded each payment of a period, by the hub's clock, whatever it has corrected since.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn payment_first_records(
        &self,
        period: PeriodNumber,
    ) -> Result<BTreeMap<(Pair, Insurance, Side), Timestamp>, StoreError> {
        const FIRST: &str = "SELECT home, treatment, insurance, side, recorded_at FROM payments
            WHERE period = ?1 AND record = 1";
        let read = |row: Row<'_>| {
            let pair = read_pair(row, 0)?;
            let at = instant("payments", pair.home, row.number(4)?)?;
            Ok(((pair, read_insurance(row, 2)?, read_side(row, 3)?), at))
        };
        Ok(self.engine.read(move |sql| sql.query(FIRST, values![period.0], read)).await?.into_iter().collect())
    }
}

/// Reads the notices and payments of a period into what is recorded of its pairs.
pub(super) fn read_into(
    sql: &Sql<'_>,
    period: PeriodNumber,
    pairs: &mut BTreeMap<Pair, PairRecord>,
) -> Result<(), StoreError> {
    const NOTICES: &str = "SELECT home, treatment, issued_on FROM notices WHERE period = ?1";
    const PAYMENTS: &str =
        "SELECT home, treatment, insurance, side, serial, bank, paid_on, amount, record FROM payments
        WHERE period = ?1 ORDER BY record";
    const ACCEPTED: &str = "SELECT home, treatment, insurance, side, paid_record, received_record, accepted_by, reason,
            accepted_at
        FROM payment_acceptances WHERE period = ?1";
    sql.query(NOTICES, values![period.0], |row| {
        pairs.entry(read_pair(row, 0)?).or_default().noticed_on = Some(read_date(row, 2)?);
        Ok(())
    })?;
    sql.query(PAYMENTS, values![period.0], |row| {
        let payable = pairs.entry(read_pair(row, 0)?).or_default().payables.of_mut(read_insurance(row, 2)?);
        add_record(payable, (read_side(row, 3)?, read_payment(row, 4)?), row.number(8)?);
        Ok(())
    })?;
    sql.query(ACCEPTED, values![period.0], |row| {
        let payable = pairs.entry(read_pair(row, 0)?).or_default().payables.of_mut(read_insurance(row, 2)?);
        add_acceptance(payable, row, 3)
    })?;
    Ok(())
}

/// What is due of an insurance's money by its notice, and how it was paid; none where no notice was issued.
fn payable(sql: &Sql<'_>, (period, pair, insurance): PaidPlace) -> Result<Option<Payable>, StoreError> {
    const DUE: &str = "SELECT due FROM notices WHERE period = ?1 AND home = ?2 AND treatment = ?3 AND insurance = ?4";
    const RECORDS: &str = "SELECT side, serial, bank, paid_on, amount, record FROM payments
        WHERE period = ?1 AND home = ?2 AND treatment = ?3 AND insurance = ?4 ORDER BY record";
    const ACCEPTED: &str = "SELECT side, paid_record, received_record, accepted_by, reason, accepted_at
        FROM payment_acceptances WHERE period = ?1 AND home = ?2 AND treatment = ?3 AND insurance = ?4";
    let (home, treatment, insurance) = (pair.home.0.as_str(), pair.treatment.0.as_str(), insurance.word());
    let place = values![period.0, home, treatment, insurance];
    let Some(due) = sql.find(DUE, place, |row| row.number(0))? else { return Ok(None) };
    let mut payable = Payable::of(Money::from_fen(due));
    sql.query(RECORDS, place, |row| {
        add_record(&mut payable, (read_side(row, 0)?, read_payment(row, 1)?), row.number(5)?);
        Ok(())
    })?;
    sql.query(ACCEPTED, place, |row| add_acceptance(&mut payable, row, 0))?;
    Ok(Some(payable))
}

/// Puts the next record of a side in the place of the one before it.
pub(in crate::hub) fn add_record(payable: &mut Payable, (side, payment): (Side, Payment), number: i64) {
    let number = u32::try_from(number).unwrap_or(u32::MAX);
    if payable.payer() == Some(side) {
        (payable.paid, payable.records.paid) = (Some(payment), number);
    } else {
        (payable.received, payable.records.received) = (Some(payment), number);
    }
}

/// Counts what a side has accepted, where these records are the newest still.
pub(in crate::hub) fn add_acceptance(payable: &mut Payable, row: Row<'_>, first: usize) -> Result<(), StoreError> {
    let number = |place: usize| Ok::<_, StoreError>(u32::try_from(row.number(place)?).unwrap_or(u32::MAX));
    let records = Records { paid: number(first + 1)?, received: number(first + 2)? };
    if records == payable.records {
        let at = instant("payment_acceptances", row.text(first + 3)?, row.number(first + 5)?)?;
        let (by, reason) = (row.text(first + 3)?.to_owned(), row.text(first + 4)?.to_owned());
        let acceptance = Acceptance { by, reason, on: beijing::day_of(at) };
        payable.accepted.insert(read_side(row, first)?, acceptance);
    }
    Ok(())
}

/// How often a side has accepted records of a payment.
fn acceptances(sql: &Sql<'_>, (period, pair, insurance): PaidPlace) -> Result<u64, StoreError> {
    const COUNT: &str = "SELECT COUNT(*) FROM payment_acceptances
        WHERE period = ?1 AND home = ?2 AND treatment = ?3 AND insurance = ?4";
    let values = values![period.0, pair.home.0.as_str(), pair.treatment.0.as_str(), insurance.word()];
    Ok(sql.get(COUNT, values, |row| row.number(0))?.unsigned_abs())
}

fn accept_records(
    sql: &Sql<'_>,
    place: PaidPlace,
    (side, seen): (Side, Records),
    reason: &str,
    (by, at): (&str, Timestamp),
) -> Result<Result<Recording, StatementFault>, StoreError> {
    const ACCEPT: &str = "INSERT INTO payment_acceptances
            (period, home, treatment, insurance, side, paid_record, received_record, reason, accepted_by, accepted_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    let Some(held) = payable(sql, place)? else { return Ok(Err(StatementFault::NoNotice)) };
    match accept(&held, side, seen, by) {
        Ok(Recording::New) => {}
        Ok(Recording::Known) => return Ok(Ok(Recording::Known)),
        Err(fault) => return Ok(Err(fault.into())),
    }
    let (period, pair, insurance) = place;
    let values = values![
        period.0,
        pair.home.0.as_str(),
        pair.treatment.0.as_str(),
        insurance.word(),
        side.word(),
        i64::from(seen.paid),
        i64::from(seen.received),
        reason,
        by,
        at.as_microsecond()
    ];
    sql.execute(ACCEPT, values)?;
    Ok(Ok(Recording::New))
}

fn record_payment(
    sql: &Sql<'_>,
    ((period, pair, insurance), side): (PaidPlace, Side),
    payment: &Payment,
    (recorded_by, at): (&str, Timestamp),
) -> Result<Result<(), StatementFault>, StoreError> {
    const NOTICED: &str =
        "SELECT issued_on FROM notices WHERE period = ?1 AND home = ?2 AND treatment = ?3 AND insurance = ?4";
    const PAYMENT: &str = "INSERT INTO payments
            (period, home, treatment, insurance, side, record, serial, bank, paid_on, amount, recorded_by, recorded_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
    let Some(held) = payable(sql, (period, pair, insurance))? else { return Ok(Err(StatementFault::NoNotice)) };
    let (home, treatment, insurance) = (pair.home.0.as_str(), pair.treatment.0.as_str(), insurance.word());
    let since = sql.get(NOTICED, values![period.0, home, treatment, insurance], |row| read_date(row, 0))?;
    let asked = Asked { due: held.amount(), since, today: beijing::day_of(at) };
    let number = match next_record(&held, (side, payment), asked) {
        Ok(Some(number)) => number,
        Ok(None) => return Ok(Ok(())),
        Err(fault) => return Ok(Err(fault.into())),
    };
    let on = payment.on.to_string();
    let values = values![
        period.0,
        home,
        treatment,
        insurance,
        side.word(),
        number,
        &payment.serial,
        &payment.bank,
        &on,
        payment.amount.fen(),
        recorded_by,
        at.as_microsecond()
    ];
    sql.execute(PAYMENT, values)?;
    Ok(Ok(()))
}

/// The number of the record that a side adds to what is recorded of a payment so far; none where it adds nothing.
pub(in crate::hub) fn next_record(
    held: &Payable,
    (side, payment): (Side, &Payment),
    asked: Asked,
) -> Result<Option<i64>, PaymentFault> {
    let (own, other, number) = match held.payer() {
        Some(payer) if payer == side => (&held.paid, &held.received, held.records.paid),
        Some(_) | None => (&held.received, &held.paid, held.records.received),
    };
    match record(payment, (own.as_ref(), other.as_ref()), asked)? {
        Recording::Known => Ok(None),
        // What both have accepted stands, as what both have said alike does.
        Recording::New if held.is_accepted() => Err(PaymentFault::AgreedOtherwise),
        Recording::New => Ok(Some(i64::from(number) + 1)),
    }
}

pub(in crate::hub) fn read_side(row: Row<'_>, place: usize) -> Result<Side, StoreError> {
    let word = row.text(place)?;
    Side::from_word(word).ok_or_else(|| StoreError::Column { column: "side".into(), problem: word.to_owned() })
}

pub(in crate::hub) fn read_insurance(row: Row<'_>, place: usize) -> Result<Insurance, StoreError> {
    let word = row.text(place)?;
    let malformed = || StoreError::Column { column: "insurance".into(), problem: word.to_owned() };
    Insurance::from_word(word).ok_or_else(malformed)
}

pub(in crate::hub) fn read_payment(row: Row<'_>, first: usize) -> Result<Payment, StoreError> {
    Ok(Payment {
        serial: row.text(first)?.to_owned(),
        bank: row.text(first + 1)?.to_owned(),
        on: read_date(row, first + 2)?,
        amount: Money::from_fen(row.number(first + 3)?),
    })
}
