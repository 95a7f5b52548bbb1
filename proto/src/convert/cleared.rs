//! What clearing tells of lots and payments, on the wire.

use clearing::cleared::Cleared;
use clearing::obligation::{Lot, Sums};
use clearing::period::Payment;
use settlement::adjudication::{Fund, FundShares};
use settlement::encounter::CareKind;
use settlement::ids::{PoolCode, RegionCode};
use settlement::money::Money;
use settlement::person::Insurance;

use super::FieldFault;
use crate::v1;

/// Writes a lot.
pub fn write_lot(lot: &Lot) -> v1::Lot {
    v1::Lot {
        home: lot.home.to_string(),
        treatment: lot.treatment.to_string(),
        insurance: lot.insurance.word().into(),
        care: lot.care.word().into(),
    }
}

/// Reads a lot.
///
/// # Errors
/// The first field that is none.
pub fn read_named_lot(lot: &v1::Lot) -> Result<Lot, FieldFault> {
    let fault = |field: &str, problem: String| FieldFault { field: field.to_owned(), problem };
    let pool =
        |field, code: &str| RegionCode::new(code).map(PoolCode).map_err(|problem| fault(field, problem.to_string()));
    let insurance = Insurance::from_word(&lot.insurance);
    let care = CareKind::from_word(&lot.care);
    Ok(Lot {
        home: pool("lot.home", &lot.home)?,
        treatment: pool("lot.treatment", &lot.treatment)?,
        insurance: insurance.ok_or_else(|| fault("lot.insurance", "is not employee or resident".into()))?,
        care: care.ok_or_else(|| fault("lot.care", "is not inpatient, chronic, outpatient or purchase".into()))?,
    })
}

/// Writes what moves.
pub fn write_sums(sums: &Sums) -> v1::MovedSums {
    let fund = |fund| sums.funds.of(fund).fen();
    v1::MovedSums {
        visits: sums.visits,
        total: sums.total.fen(),
        basic: fund(Fund::Basic),
        large_sum: fund(Fund::LargeSum),
        catastrophic: fund(Fund::Catastrophic),
        civil_servant: fund(Fund::CivilServant),
        assistance: fund(Fund::Assistance),
        account: sums.account.fen(),
    }
}

/// Reads what moves; nothing where it is absent.
pub fn read_sums(sums: Option<&v1::MovedSums>) -> Sums {
    let Some(sums) = sums else { return Sums::default() };
    let funds = read_funds(&v1::FundSums {
        basic: sums.basic,
        large_sum: sums.large_sum,
        catastrophic: sums.catastrophic,
        civil_servant: sums.civil_servant,
        assistance: sums.assistance,
    });
    let (total, account) = (Money::from_fen(sums.total), Money::from_fen(sums.account));
    Sums { visits: sums.visits, total, funds, account }
}

/// Writes what funds bear.
pub fn write_funds(shares: &FundShares) -> v1::FundSums {
    let fund = |fund| shares.of(fund).fen();
    v1::FundSums {
        basic: fund(Fund::Basic),
        large_sum: fund(Fund::LargeSum),
        catastrophic: fund(Fund::Catastrophic),
        civil_servant: fund(Fund::CivilServant),
        assistance: fund(Fund::Assistance),
    }
}

/// Reads what funds bear.
pub fn read_funds(sums: &v1::FundSums) -> FundShares {
    let mut shares = FundShares::default();
    for (fund, fen) in [
        (Fund::Basic, sums.basic),
        (Fund::LargeSum, sums.large_sum),
        (Fund::Catastrophic, sums.catastrophic),
        (Fund::CivilServant, sums.civil_servant),
        (Fund::Assistance, sums.assistance),
    ] {
        shares.set(fund, Money::from_fen(fen));
    }
    shares
}

/// Writes what a lot clears.
pub fn write_cleared(lot: &Lot, cleared: &Cleared) -> v1::LotView {
    v1::LotView {
        lot: Some(write_lot(lot)),
        booked: Some(write_sums(&cleared.booked)),
        corrected: Some(write_sums(&cleared.corrected)),
        carried_out: Some(write_sums(&cleared.carried_out)),
        carried_in: Some(write_sums(&cleared.carried_in)),
        deducted: Some(write_sums(&cleared.deducted)),
        recomputed: Some(write_sums(&cleared.recomputed)),
    }
}

/// Reads what a lot clears.
///
/// # Errors
/// The first field that is none.
pub fn read_cleared(view: &v1::LotView) -> Result<(Lot, Cleared), FieldFault> {
    let missing = || FieldFault { field: "lot".into(), problem: "is missing".into() };
    let lot = read_named_lot(view.lot.as_ref().ok_or_else(missing)?)?;
    let cleared = Cleared {
        booked: read_sums(view.booked.as_ref()),
        corrected: read_sums(view.corrected.as_ref()),
        carried_out: read_sums(view.carried_out.as_ref()),
        carried_in: read_sums(view.carried_in.as_ref()),
        deducted: read_sums(view.deducted.as_ref()),
        recomputed: read_sums(view.recomputed.as_ref()),
    };
    Ok((lot, cleared))
}

/// Writes a payment.
pub fn write_payment(payment: &Payment) -> v1::PaymentView {
    v1::PaymentView {
        serial: payment.serial.clone(),
        bank: payment.bank.clone(),
        on: payment.on.to_string(),
        amount: payment.amount.fen(),
    }
}

/// Reads a payment.
///
/// # Errors
/// The first field that is missing or none.
pub fn read_payment(payment: Option<&v1::PaymentView>) -> Result<Payment, FieldFault> {
    let fault = |field: &str, problem: &str| FieldFault { field: field.to_owned(), problem: problem.to_owned() };
    let payment = payment.ok_or_else(|| fault("payment", "is missing"))?;
    let text = |field: &str, text: &str| match text.trim() {
        "" => Err(fault(field, "is missing")),
        text => Ok(text.to_owned()),
    };
    if payment.amount < 0 {
        return Err(fault("payment.amount", "is below zero"));
    }
    Ok(Payment {
        serial: text("payment.serial", &payment.serial)?,
        bank: text("payment.bank", &payment.bank)?,
        on: payment.on.parse().map_err(|_| fault("payment.on", "is not a day such as 2025-08-08"))?,
        amount: Money::from_fen(payment.amount),
    })
}
