//! `yidi filing lodge | list | hand-in | cancel | import`: an operator's work on the hub's registry of filings.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use identity::client::{Expected, channel};
use identity::credentials::Credentials;
use identity::name::{ParticipantName, Role};
use proto::convert;
use proto::v1::filings_client::FilingsClient;
use proto::v1::{CancelFilingRequest, Filing, HandInProofRequest, ListFilingsRequest, LodgeRequest};
use region::sheet::{Faults, Row};
use serde_json::{Value, json};
use settlement::ids::RegionCode;
use tonic::transport::Channel;

use crate::cli::Ending;
use crate::demo::player::Lodge;
use crate::demo::story::FilingRow;
use crate::{output, rows, status};

/// How long the hub may take to be reached.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// The most filings that one listing shows.
const LISTED: u32 = 1000;

/// Where the hub is, and who the operator is.
#[derive(Debug, Args)]
pub struct Access {
    /// The hub's address.
    #[arg(long, default_value = "127.0.0.1:7701", env = "YIDI_HUB")]
    hub: String,
    /// The folder of the operator's certificates. What a member answers, pays or decides of clearing takes a certificate of
    /// the member, such as yidi://410000/operator for Henan: whoever operates for every region does not speak for one.
    #[arg(long, default_value = "yidi-demo/pki/operator", env = "YIDI_CREDENTIALS")]
    credentials: PathBuf,
}

/// What to do with filings.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Lodge one filing.
    Lodge {
        /// How to reach the hub.
        #[command(flatten)]
        access: Access,
        /// The filing's number; lodging the same number twice lodges once.
        #[arg(long)]
        id: String,
        /// Whom it is for (psn_no).
        #[arg(long)]
        person: String,
        /// The person's pooling region.
        #[arg(long)]
        home: String,
        /// long-term | referral | emergency | other-temporary.
        #[arg(long)]
        class: String,
        /// Where to: a district, a city, a municipality or a whole province.
        #[arg(long)]
        destination: String,
        /// First day, yyyy-mm-dd; a late filing may begin before today.
        #[arg(long)]
        from: String,
        /// Last day; without it the filing has no end.
        #[arg(long, default_value = "")]
        to: String,
        /// handed-in | commitment: whether the proof was handed in, or a long-term filing is lodged by a written commitment
        /// 承诺书 in its place.
        #[arg(long, default_value = "handed-in")]
        proof: String,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Note that the proof of a filing by commitment was handed in. What is settled from now on sees it; what was settled
    /// before stays.
    HandIn {
        /// How to reach the hub.
        #[command(flatten)]
        access: Access,
        /// The filing's number.
        #[arg(long)]
        id: String,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// List filings.
    List {
        /// How to reach the hub.
        #[command(flatten)]
        access: Access,
        /// Of one person only.
        #[arg(long, default_value = "")]
        person: String,
        /// Of one pooling region only.
        #[arg(long, default_value = "")]
        home: String,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// End a filing.
    Cancel {
        /// How to reach the hub.
        #[command(flatten)]
        access: Access,
        /// The filing's number.
        #[arg(long)]
        id: String,
        /// The last day on which it covers an admission; without it the filing never held.
        #[arg(long, default_value = "")]
        last_day: String,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Lodge every row of a CSV file (id,psn_no,home,class,destination,from,to, and proof where one is lodged by
    /// commitment; UTF-8) and report row by row. Where a row cannot be read, nothing is lodged.
    Import {
        /// How to reach the hub.
        #[command(flatten)]
        access: Access,
        /// The file.
        file: PathBuf,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

/// An operator's connection to the hub.
#[derive(Clone)]
pub struct Operator {
    client: FilingsClient<Channel>,
}

impl Operator {
    /// Prepares the connection; it is made with the first call.
    ///
    /// # Errors
    /// When the certificates cannot be read or the address is none.
    pub fn new(hub: &str, credentials: &Path) -> Result<Operator> {
        Ok(Operator { client: FilingsClient::new(connect(hub, credentials)?) })
    }

    /// Notes that the proof of a filing by commitment was handed in.
    ///
    /// # Errors
    /// When the hub is not to be reached or refuses.
    pub async fn hand_in(&self, id: String) -> Result<Filing> {
        let request = HandInProofRequest { id };
        Ok(self.client.clone().hand_in(request).await.map_err(|refused| status::to_refusal(&refused))?.into_inner())
    }

    async fn lodge_one(&self, filing: Filing) -> Result<Filing> {
        let request = LodgeRequest { filing: Some(filing) };
        Ok(self.client.clone().lodge(request).await.map_err(|refused| status::to_refusal(&refused))?.into_inner())
    }
}

impl Lodge for Operator {
    async fn lodge(&self, filing: &FilingRow) -> Result<()> {
        self.lodge_one(filing_of(filing.clone())).await.map(drop)
    }
}

/// Runs the command.
///
/// # Errors
/// When the hub is not to be reached or refuses. Rows of an import that were refused are a finding.
pub async fn run(command: Command) -> Result<Ending> {
    match command {
        Command::Lodge { access, id, person, home, class, destination, from, to, proof, json } => {
            let row = FilingRow { id, psn_no: person, home, class, destination, from, to, proof };
            let lodged = access.operator()?.lodge_one(filing_of(row)).await?;
            print_one(&lodged, json, &format!("{} {}", lodged.id, lodged.state))?;
        }
        Command::HandIn { access, id, json } => {
            let filing = access.operator()?.hand_in(id).await?;
            print_one(&filing, json, &format!("{} {}", filing.id, filing.proof))?;
        }
        Command::List { access, person, home, json } => {
            let request = ListFilingsRequest { person, home, limit: LISTED };
            let reply =
                access.operator()?.client.list(request).await.map_err(|refused| status::to_refusal(&refused))?;
            print_list(&reply.into_inner().filings, json)?;
        }
        Command::Cancel { access, id, last_day, json } => {
            let request = CancelFilingRequest { id, last_day };
            let reply =
                access.operator()?.client.cancel(request).await.map_err(|refused| status::to_refusal(&refused))?;
            let filing = reply.into_inner();
            print_one(&filing, json, &format!("{} {} {}", filing.id, filing.state, filing.to))?;
        }
        Command::Import { access, file, json } => return import(&access.operator()?, &file, json).await,
    }
    Ok(Ending::Good)
}

/// A filing as it is lodged; what the hub says of it comes back.
fn filing_of(row: FilingRow) -> Filing {
    let FilingRow { id, psn_no: person, home, class, destination, from, to, proof } = row;
    Filing { id, person, home, class, destination, from, to, proof, ..Filing::default() }
}

/// A channel to the hub under an operator's certificate.
fn connect(hub: &str, credentials: &Path) -> Result<Channel> {
    Ok(channel(hub, Arc::new(load(credentials)?), Expected::Hub, CONNECT_TIMEOUT)?)
}

fn load(credentials: &Path) -> Result<Credentials> {
    Credentials::load(credentials).with_context(|| format!("the operator's certificates in {}", credentials.display()))
}

/// The longest answer that a command takes, in bytes. What grows with the books comes page by page.
pub const LARGEST_LIST: usize = 64 * 1024 * 1024;

impl Access {
    /// Prepares a channel to the hub; it connects with the first call.
    ///
    /// # Errors
    /// When the certificates cannot be read or the address is none.
    pub fn channel(&self) -> Result<Channel> {
        connect(&self.hub, &self.credentials)
    }

    /// The regions that the operator's certificate speaks for; every one where that of the hub itself is among them.
    ///
    /// # Errors
    /// When the certificates cannot be read.
    pub fn speaks_for(&self) -> Result<BTreeSet<RegionCode>> {
        let names = load(&self.credentials)?.names();
        Ok(names.into_iter().filter(|name| name.role() == Role::Operator).map(ParticipantName::code).collect())
    }

    fn operator(&self) -> Result<Operator> {
        Operator::new(&self.hub, &self.credentials)
    }
}

fn print_one(filing: &Filing, as_json: bool, told: &str) -> Result<()> {
    output::line(&if as_json { serde_json::to_string_pretty(&json_of(filing))? } else { told.to_owned() });
    Ok(())
}

fn json_of(row: &Filing) -> Value {
    json!({ "id": row.id, "psn_no": row.person, "home": row.home, "class": row.class,
        "destination": row.destination, "from": row.from, "to": row.to, "proof": row.proof, "state": row.state })
}

fn print_list(filings: &[Filing], as_json: bool) -> Result<()> {
    if as_json {
        let rows: Vec<Value> = filings.iter().map(json_of).collect();
        output::line(&serde_json::to_string_pretty(&rows)?);
        return Ok(());
    }
    let mut table = output::table(["id", "psn_no", "home", "class", "destination", "from", "to", "proof", "state"]);
    for row in filings {
        let days = [&row.from, &row.to];
        table.add_row(
            [&row.id, &row.person, &row.home, &row.class, &row.destination]
                .into_iter()
                .chain(days)
                .chain([&row.proof, &row.state]),
        );
    }
    output::line(&table.to_string());
    Ok(())
}

/// Lodges every row of a file; what is lodged already stays as it is. Tells of the rows that were refused: a filing
/// that was lodged is not edited but cancelled, and lodged anew under another number; a proof that comes later is handed in.
///
/// # Errors
/// When the file cannot be read.
pub async fn lodge_all(operator: &Operator, file: &Path) -> Result<Vec<String>> {
    let rows = lodge_rows(operator, file).await?.into_iter();
    Ok(rows.filter_map(|(line, outcome)| Some(format!("{} line {line}: {}", file.display(), outcome.err()?))).collect())
}

/// The columns of a file of filings, in any order.
const COLUMNS: &[&str] = &["id", "psn_no", "home", "class", "destination", "from", "to"];
/// The column of a file in which some are lodged by commitment.
const PROOF: &str = "proof";

/// Lodges every row and tells of each, by its line in the file, its state or why it was refused. Of a file that is cut
/// off, or of which a row cannot be read, nothing is lodged; what a row says, the hub judges.
async fn lodge_rows(operator: &Operator, file: &Path) -> Result<Vec<(usize, Result<String, String>)>> {
    let rows = read_file(file).context("nothing was lodged")?;
    let mut report = Vec::new();
    for (line, filing) in rows {
        let lodged = operator.lodge_one(filing).await;
        report.push((line, lodged.map(|filing| filing.state).map_err(|refused| refused.to_string())));
    }
    Ok(report)
}

fn read_file(file: &Path) -> Result<Vec<(usize, Filing)>, Faults> {
    rows::read(file, (COLUMNS, &[PROOF]), |row, _| read_row(row))
}

/// A row as the hub reads what is lodged.
fn read_row(row: &mut Row<'_>) -> Option<Filing> {
    let [id, psn_no, home, class, destination, from, to, proof] =
        ["id", "psn_no", "home", "class", "destination", "from", "to", PROOF].map(|column| row.text(column).to_owned());
    let filing = filing_of(FilingRow { id, psn_no, home, class, destination, from, to, proof });
    let Err(unread) = convert::read_filing(&filing) else { return Some(filing) };
    unread.faults.iter().for_each(|fault| row.fault(column_of(&fault.field), &fault.problem));
    None
}

/// The column that a field of a filing comes from.
fn column_of(field: &str) -> &'static str {
    match field {
        "person" => "psn_no",
        other => COLUMNS.iter().copied().chain([PROOF]).find(|column| *column == other).unwrap_or_default(),
    }
}

async fn import(operator: &Operator, file: &Path, as_json: bool) -> Result<Ending> {
    let report = lodge_rows(operator, file).await?;
    Ok(Ending::of(output::by_line(&report, ("state", "lodged"), as_json)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<(usize, Filing)>, Faults> {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("filings.csv");
        std::fs::write(&file, text).expect("a file");
        read_file(&file)
    }

    #[test]
    fn every_row_of_a_file_as_a_spreadsheet_writes_it_is_read() {
        let rows = read(
            "\u{feff}psn_no,id,home,class,destination,to,from,proof,\r\n\
             41070000001,BA-1,410700,long-term,310000,,2025-01-01,commitment,\r\n\
             41070000002,BA-2,410700,referral,310000,2025-06-30,2025-01-01,,\r\n,,,,,,,,\r\n",
        );
        let rows = rows.expect("rows");
        let told: Vec<_> = rows.iter().map(|(line, row)| (*line, row.id.as_str(), row.to.as_str())).collect();
        assert_eq!(told, [(2, "BA-1", ""), (3, "BA-2", "2025-06-30")]);
        assert_eq!((rows[0].1.person.as_str(), rows[0].1.proof.as_str()), ("41070000001", "commitment"));
    }

    #[test]
    fn a_row_that_cannot_be_read_is_told_by_line_and_column_and_nothing_is_lodged() {
        let good = "BA-1,41070000001,410700,long-term,310000,2025-01-01,";
        for (row, at) in [
            ("BA-2,４１０70000001,410700,long-term,310000,2025-01-01,", vec![(3, "psn_no")]),
            ("BA-2,4.1E+10,410700,long-term,310000,2025-01-01,", vec![(3, "psn_no")]),
            ("BA-2,,41070,long,310000,2025/1/1,", vec![(3, "psn_no"), (3, "home"), (3, "class"), (3, "from")]),
            ("BA-2,41070000001,410700,referral,310000,2025-01-02,2025-01-01", vec![(3, "to")]),
            ("BA-2,41070000001,410700,long-term,310000,２０２５-01-01,", vec![(3, "from")]),
            ("BA-2,41070000001,410700", vec![(3, "")]),
        ] {
            let Faults(faults) =
                read(&format!("id,psn_no,home,class,destination,from,to\n{good}\n{row}\n")).expect_err(row);
            assert_eq!(faults.iter().map(|fault| (fault.line, fault.column)).collect::<Vec<_>>(), at, "{row}");
        }
    }
}
