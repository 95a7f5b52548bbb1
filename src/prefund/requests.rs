//! What members ask of one another about prefunds and how they answer, and the file of what was owed in months that the hub
//! did not clear.

use std::path::Path;

use anyhow::Result;
use clap::Args;
use proto::v1;

use super::{client, papers};
use crate::clearing::pay::Accepting;
use crate::cli::Ending;
use crate::filing::Access;
use crate::rows;
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

/// The columns of the file of what was owed.
const QUARTER: &[&str] = &["home", "treatment", "insurance", "month", "owed"];

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

/// Reads the file of what was owed, below zero where the treatment member gave back; nothing where there is none.
///
/// # Errors
/// With every fault of the file, by line and column.
pub fn read_quarter(file: Option<&Path>) -> Result<Vec<v1::QuarterSum>> {
    let Some(file) = file else { return Ok(Vec::new()) };
    let rows = rows::read(file, (QUARTER, &[]), |row, before| {
        let cells = ["home", "treatment", "insurance", "month"].map(|column| row.needed(column));
        let owed = row.needed("owed").and_then(|_| row.signed_money("owed"));
        let [Some(home), Some(treatment), Some(insurance), Some(month)] = cells else { return None };
        before.ensure_new(row, "month", [&*home, &*treatment, &*insurance, &*month].join(","));
        Some(v1::QuarterSum { home, treatment, insurance, month, owed: owed?.fen() })
    })?;
    Ok(rows.into_iter().map(|(_, sum)| sum).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_of_what_was_owed_is_read_as_spreadsheets_write_it_or_refused_by_line_and_column() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("quarter.csv");
        let read = |rows: &str| {
            let header = "home,treatment,insurance,month,owed";
            std::fs::write(&file, format!("\u{feff}{header}\r\n{rows}")).expect("a file");
            read_quarter(Some(&file)).map(|sums| sums.iter().map(|sum| sum.owed).collect::<Vec<_>>())
        };
        let two = "# 2024\r\n410000,310000,employee,2024-10,100.5\r\n410000,310000,employee,2024-11,-20.00\r\n";
        assert_eq!(read(two).expect("two rows"), [10_050, -2_000]);
        for (row, wrong) in [
            ("410000,310000,employee,2024-10,--1\n", ":2 owed"),
            ("410000,310000,employee,2024-10,\n", ":2 owed"),
            ("410000,310000,employee,2024-10,-\n", ":2 owed"),
            ("410000,310000,employee,2024-10,1.005\n", ":2 owed"),
            ("410000,,employee,2024-10,1\n", ":2 treatment"),
            ("410000,310000,employee,2024-10,1\n410000,310000,employee,2024-10,2\n", ":3 month"),
        ] {
            let refused = format!("{:#}", read(row).expect_err(row));
            assert!(refused.contains(wrong), "{refused}");
        }
        assert_eq!(read_quarter(None).expect("nothing"), []);
    }
}
