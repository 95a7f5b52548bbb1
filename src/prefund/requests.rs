//! What members ask of one another about prefunds and how they answer, and the file of what was owed in months that the hub
//! did not clear.

use std::path::Path;

use anyhow::{Context, Result};
use clap::Args;
use proto::v1;
use rust_decimal::Decimal;
use serde::Deserialize;
use settlement::money::Money;

use super::{client, papers};
use crate::clearing::pay::Accepting;
use crate::cli::Ending;
use crate::filing::Access;
use crate::status;

/// A change of a prefund, and how to reach the hub.
#[derive(Debug, Args)]
pub struct Named {
    #[command(flatten)]
    pub access: Access,
    /// The change's id: made by whoever asks, so that asking twice asks once; as the list has it for everybody else.
    #[arg(long)]
    pub id: String,
    /// The member that advances.
    #[arg(long)]
    pub home: String,
    /// The member that holds it.
    #[arg(long)]
    pub treatment: String,
    /// employee | resident.
    #[arg(long)]
    pub insurance: String,
}

/// What the other side has asked for, and what is said to it.
#[derive(Debug, Args)]
pub struct OfChange {
    #[command(flatten)]
    of: Named,
    /// home | treatment: your side.
    #[arg(long)]
    side: String,
    /// Why; needed to refuse.
    #[arg(long, default_value = "")]
    reason: String,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// A row of the file of what was owed.
#[derive(Debug, Deserialize)]
struct QuarterRow {
    home: String,
    treatment: String,
    insurance: String,
    month: String,
    owed: Decimal,
}

/// Accepts, or refuses.
///
/// # Errors
/// When the hub is not to be reached or refuses.
pub async fn answer(of: OfChange, is_accepted: bool) -> Result<Ending> {
    let OfChange { of: Named { access, id, home, treatment, insurance }, side, reason, json } = of;
    let (mut client, said) = (client(&access)?, v1::PrefundAnswer { home, treatment, insurance, id, side, reason });
    let told = if is_accepted { client.accept(said).await } else { client.refuse(said).await };
    papers::print(&[told.map_err(|refused| status::to_refusal(&refused))?.into_inner()], json)?;
    Ok(Ending::Good)
}

/// Accepts two records of a change's payment as of one.
///
/// # Errors
/// When the hub is not to be reached or refuses.
pub async fn accept_payment(of: Named, accepting: Accepting, as_json: bool) -> Result<Ending> {
    let Named { access, id, home, treatment, insurance } = of;
    let Accepting { side, paid: paid_record, received: received_record, reason } = accepting;
    let asked =
        v1::PrefundAcceptPaymentRequest { home, treatment, insurance, id, side, paid_record, received_record, reason };
    let told = client(&access)?.accept_payment(asked).await.map_err(|refused| status::to_refusal(&refused))?;
    papers::print(&[told.into_inner()], as_json)?;
    Ok(Ending::Good)
}

/// Reads the file of what was owed; nothing where there is none.
///
/// # Errors
/// When it cannot be read, with the row that is wrong.
pub fn read_quarter(file: Option<&Path>) -> Result<Vec<v1::QuarterSum>> {
    let Some(file) = file else { return Ok(Vec::new()) };
    let reader = csv::ReaderBuilder::new().comment(Some(b'#')).trim(csv::Trim::All).from_path(file);
    let mut reader = reader.with_context(|| format!("cannot read {}", file.display()))?;
    let row = |row: csv::Result<QuarterRow>| {
        let QuarterRow { home, treatment, insurance, month, owed } = row.with_context(|| file.display().to_string())?;
        let owed = Money::from_decimal(owed).with_context(|| format!("{}: {home} → {treatment}", file.display()))?;
        Ok(v1::QuarterSum { home, treatment, insurance, month, owed: owed.fen() })
    };
    reader.deserialize().map(row).collect()
}
