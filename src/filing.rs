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
use proto::v1::filings_client::FilingsClient;
use proto::v1::{CancelFilingRequest, Filing, HandInProofRequest, ListFilingsRequest, LodgeRequest};
use region::sheet::{Faults, Row, Sheet};
use serde_json::{Value, json};
use settlement::ids::RegionCode;
use tonic::transport::Channel;

use crate::cli::Ending;
use crate::demo::player::Lodge;
use crate::demo::story::FilingRow;
use crate::{output, status};

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
    /// commitment) and report row by row.
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

    async fn lodge_row(&self, row: &FilingRow) -> Result<Filing> {
        let filing = Filing {
            id: row.id.clone(),
            person: row.psn_no.clone(),
            home: row.home.clone(),
            class: row.class.clone(),
            destination: row.destination.clone(),
            from: row.from.clone(),
            to: row.to.clone(),
            lodged_at: 0,
            state: String::new(),
            others: Vec::new(),
            proof: row.proof.clone(),
        };
        let request = LodgeRequest { filing: Some(filing) };
        Ok(self.client.clone().lodge(request).await.map_err(|refused| status::to_refusal(&refused))?.into_inner())
    }
}

impl Lodge for Operator {
    async fn lodge(&self, filing: &FilingRow) -> Result<()> {
        self.lodge_row(filing).await.map(|_| ())
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
            let lodged = access.operator()?.lodge_row(&row).await?;
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
/// off or not as it should be, nothing is lodged; what a row says, the hub judges.
async fn lodge_rows(operator: &Operator, file: &Path) -> Result<Vec<(usize, Result<String, String>)>> {
    let sheet = Sheet::read_whole_with(file, COLUMNS, &[PROOF]).map_err(Faults).context("nothing was lodged")?;
    let read = |row: &mut Row<'_>| {
        let [id, psn_no, home, class, destination, from, to] =
            ["id", "psn_no", "home", "class", "destination", "from", "to"].map(|column| row.text(column).to_owned());
        let proof = row.text(PROOF).to_owned();
        Some((row.line(), FilingRow { id, psn_no, home, class, destination, from, to, proof }))
    };
    let mut report = Vec::new();
    for (line, row) in sheet.rows(&mut Vec::new(), read) {
        let outcome = operator.lodge_row(&row).await.map(|filing| filing.state).map_err(|refused| refused.to_string());
        report.push((usize::try_from(line).unwrap_or(usize::MAX), outcome));
    }
    Ok(report)
}

async fn import(operator: &Operator, file: &Path, as_json: bool) -> Result<Ending> {
    let report = lodge_rows(operator, file).await?;
    Ok(Ending::of(output::by_line(&report, ("state", "lodged"), as_json)?))
}
