//! `yidi clearing confirm`, `object`, `notice` and `pay`: what a member says of a statement, and what is paid for it.

use anyhow::{Context, Result};
use clap::Args;
use clearing::capitals::capitals;
use proto::v1;
use rust_decimal::Decimal;
use serde_json::json;
use settlement::money::Money;

use super::payables::{agreement, due_of, json_of_acceptances, json_of_payment, named, recorded, who_pays};
use super::printed::{print_json, print_pairs};
use super::{OfMonth, OfPair, client, period};
use crate::cli::Ending;
use crate::{output, status};

/// A payment as one side has it; of statements and of prefunds alike.
#[derive(Debug, Args)]
pub struct Payment {
    /// home | treatment: your side.
    #[arg(long)]
    side: String,
    /// The bank's serial number.
    #[arg(long)]
    serial: String,
    /// Bank and account.
    #[arg(long)]
    bank: String,
    /// The day, yyyy-mm-dd.
    #[arg(long)]
    on: String,
    /// How much, in yuan.
    #[arg(long)]
    amount: Decimal,
}

impl Payment {
    /// Whose it is, and the payment.
    ///
    /// # Errors
    /// When the amount is not one in fen.
    pub fn read(self) -> Result<(String, v1::PaymentView)> {
        let Payment { side, serial, bank, on, amount } = self;
        let amount = Money::from_decimal(amount).context("--amount")?.fen();
        Ok((side, v1::PaymentView { serial, bank, on, amount }))
    }
}

pub(super) async fn answer(
    pair: OfPair,
    side: String,
    version: u32,
    objected: Vec<String>,
    reason: String,
) -> Result<Ending> {
    let OfPair { month: OfMonth { access, month, json: as_json }, home, treatment } = pair;
    let asked = v1::StatementAnswer { month, home, treatment, side, version, objected, reason };
    let told = client(&access)?.answer(asked).await.map_err(|refused| status::to_refusal(&refused))?;
    print_pairs(&[told.into_inner()], as_json)?;
    Ok(Ending::Good)
}

pub(super) async fn pay(pair: OfPair, payment: Payment, insurance: String) -> Result<Ending> {
    let (side, payment) = payment.read()?;
    let OfPair { month: OfMonth { access, month, json: as_json }, home, treatment } = pair;
    let asked = v1::PayRequest { month, home, treatment, side, payment: Some(payment), insurance };
    let told = client(&access)?.pay(asked).await.map_err(|refused| status::to_refusal(&refused))?;
    print_pairs(&[told.into_inner()], as_json)?;
    Ok(Ending::Good)
}

/// Which records of a payment are accepted as of one, by whom and why; of statements and of prefunds alike.
#[derive(Debug, Args)]
pub struct Accepting {
    /// home | treatment: your side.
    #[arg(long)]
    pub side: String,
    /// The number of the payer's record that you have looked at, as the list of notices or of changes has it.
    #[arg(long)]
    pub paid: u32,
    /// The number of the receiver's record that you have looked at.
    #[arg(long)]
    pub received: u32,
    /// Why they are of one payment.
    #[arg(long)]
    pub reason: String,
}

pub(super) async fn accept(pair: OfPair, insurance: String, accepting: Accepting) -> Result<Ending> {
    let Accepting { side, paid: paid_record, received: received_record, reason } = accepting;
    let OfPair { month: OfMonth { access, month, json: as_json }, home, treatment } = pair;
    let asked =
        v1::AcceptPaymentRequest { month, home, treatment, side, insurance, paid_record, received_record, reason };
    let told = client(&access)?.accept_payment(asked).await.map_err(|refused| status::to_refusal(&refused))?;
    print_pairs(&[told.into_inner()], as_json)?;
    Ok(Ending::Good)
}

pub(super) async fn notices(of: &OfMonth) -> Result<Ending> {
    let period = period(of).await?;
    let noticed: Vec<v1::PairView> = period.pairs.into_iter().filter(|pair| !pair.noticed_on.is_empty()).collect();
    if of.json {
        let rows = due_of(&noticed).map(|(pair, payable)| {
            let (payer, receiver, amount) = who_pays(pair, payable);
            json!({ "from": payer, "to": receiver, "insurance": payable.insurance, "amount": amount.to_string(),
                "in_words": capitals(amount), "version": pair.version, "issued_on": pair.noticed_on,
                "paid": json_of_payment(&payable.paid), "received": json_of_payment(&payable.received),
                "apart": payable.apart, "paid_record": payable.paid_record,
                "received_record": payable.received_record, "accepted": json_of_acceptances(&payable.accepted),
                "settled": payable.settled })
        });
        print_json(&rows.collect())?;
        return Ok(Ending::Good);
    }
    let columns =
        ["付款方", "收款方", "险种", "金额", "大写", "版本", "通知日期", "付款流水号", "收款流水号", "两方登记"];
    let mut table = output::table(columns);
    for (pair, payable) in due_of(&noticed) {
        let (payer, receiver, amount) = who_pays(pair, payable);
        table.add_row([
            payer.to_owned(),
            receiver.to_owned(),
            named(&payable.insurance),
            amount.to_string(),
            capitals(amount),
            pair.version.to_string(),
            pair.noticed_on.clone(),
            numbered(payable.paid_record, &payable.paid),
            numbered(payable.received_record, &payable.received),
            agreement(payable),
        ]);
    }
    output::line(&table.to_string());
    Ok(Ending::Good)
}

/// A record with the number by which it is accepted.
pub fn numbered(number: u32, payment: &Option<v1::PaymentView>) -> String {
    if number == 0 { String::new() } else { format!("{} (#{number})", recorded(payment)) }
}
