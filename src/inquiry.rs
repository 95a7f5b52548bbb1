//! `yidi inquiry …`: 费用协查, a home region's questions about bills and a treatment agency's answers. `yidi ticket` shares
//! what both have of a life.

pub mod life;
mod printed;

use anyhow::{Context, Result};
use clap::{Args, Subcommand, ValueEnum};
use ledger::engine::Location;
use ledger::inbox::Inbox;
use ledger::treatment::TreatmentStore;
use mailbox::inquiries::open_inquiries;
use proto::v1;
use proto::v1::inquiries_client::InquiriesClient;
use rust_decimal::Decimal;
use settlement::money::Money;
use tonic::transport::Channel;

use crate::cli::Ending;
use crate::filing::Access;
use crate::status;
use crate::verify::ensure_there;

/// How many settlements one question brings.
const A_PAGE: u32 = 500;

/// What to do about checks of bills.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Have the treatment agency check a bill, as its home region; asking the same id twice asks once.
    Open {
        /// How to reach the hub.
        #[command(flatten)]
        access: Access,
        /// The inquiry's id, made by you.
        #[arg(long)]
        id: String,
        /// The settlement (setl_id).
        #[arg(long)]
        settlement: String,
        /// What is suspicious; no names, no documents, no diagnoses.
        #[arg(long)]
        words: String,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Say what a check found, as the treatment region. A sum that is not owed proposes a review deduction; lodging it is
    /// another step (`yidi clearing deduction lodge`).
    Answer {
        /// How to reach the hub.
        #[command(flatten)]
        access: Access,
        /// The inquiry's id.
        id: String,
        /// What was found.
        #[command(flatten)]
        found: Found,
        /// The id of the review deduction that was lodged for it.
        #[arg(long, default_value = "", conflicts_with = "right")]
        deduction: String,
        /// In words; no names, no documents, no diagnoses.
        #[arg(long)]
        words: String,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// What checks and tickets have in common.
    #[command(flatten)]
    Life(life::Command),
    /// List the settlements of a month whose bills are large enough to be checked, and are not.
    Expected {
        /// How to reach the hub.
        #[command(flatten)]
        access: Access,
        /// The month of settlement, yyyy-mm.
        #[arg(long)]
        month: String,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// List the open checks and tickets of which a region's own node was told, from its store and without the hub. The node
    /// may be serving.
    Kept {
        /// Whose store it is.
        #[arg(long, value_enum)]
        role: Node,
        /// Where it is.
        #[arg(long)]
        store: Location,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

/// What a check found.
#[derive(Clone, Debug, Args)]
#[group(required = true, multiple = false)]
pub struct Found {
    /// 属实: the bill is right.
    #[arg(long)]
    right: bool,
    /// 不属实: so much, in yuan, of what the funds paid is not owed.
    #[arg(long)]
    wrong: Option<Decimal>,
}

/// The roles that have an inbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Node {
    /// A home region.
    Region,
    /// A treatment side.
    His,
}

impl Node {
    /// The letters that a node keeps, to look at them: it may be serving, and nothing is changed.
    ///
    /// # Errors
    /// When the store is missing, is another role's, or is older than this program.
    pub(crate) fn inbox(self, store: &Location) -> Result<Inbox> {
        ensure_there(store)?;
        let inbox = match self {
            Node::Region => region::look_at(store).map(|book| book.inbox()),
            Node::His => TreatmentStore::open_to_look(store).map(|book| book.inbox()),
        };
        inbox.context("cannot look at the node's store")
    }
}

/// Runs the command.
///
/// # Errors
/// When the hub is not to be reached or refuses, or a store cannot be read.
pub async fn run(command: Command) -> Result<Ending> {
    match command {
        Command::Open { access, id, settlement, words, json } => {
            let kind = "check".to_owned();
            let request = v1::OpenInquiryRequest { id, kind, settlement, words, ..v1::OpenInquiryRequest::default() };
            let opened = client(&access)?.open(request).await.map_err(|refused| status::to_refusal(&refused))?;
            print(&opened.into_inner(), json)
        }
        Command::Answer { access, id, found, deduction, words, json } => {
            let not_owed = found.wrong.map(Money::from_decimal).transpose().context("--wrong")?;
            let (finding, not_owed) = not_owed.map_or(("right", 0), |not_owed| ("wrong", not_owed.fen()));
            let request = v1::AnswerInquiryRequest { id, finding: finding.into(), not_owed, deduction, words };
            let answered = client(&access)?.answer(request).await.map_err(|refused| status::to_refusal(&refused))?;
            print(&answered.into_inner(), json)
        }
        Command::Life(command) => life::run(command, "check").await,
        Command::Expected { access, month, json } => expected(&access, &month, json).await,
        Command::Kept { role, store, json } => kept(role, &store, json).await,
    }
}

pub(crate) fn client(access: &Access) -> Result<InquiriesClient<Channel>> {
    Ok(InquiriesClient::new(access.channel()?))
}

/// Prints one inquiry with its history.
pub(crate) fn print(view: &v1::InquiryView, as_json: bool) -> Result<Ending> {
    printed::one(view, as_json)
}

async fn expected(access: &Access, month: &str, as_json: bool) -> Result<Ending> {
    let mut client = client(access)?;
    let mut all: Vec<v1::ExpectedCheck> = Vec::new();
    let (from, source) = loop {
        let after = all.last().map_or(0, |last| last.position);
        let request = v1::ExpectedChecksRequest { month: month.to_owned(), after, limit: A_PAGE };
        let page = client.expected(request).await.map_err(|refused| status::to_refusal(&refused))?.into_inner();
        if page.settlements.is_empty() {
            break (Money::from_fen(page.from), page.source);
        }
        all.extend(page.settlements);
    };
    printed::expected(&all, from, &source, as_json)
}

async fn kept(role: Node, store: &Location, as_json: bool) -> Result<Ending> {
    printed::told(&open_inquiries(&role.inbox(store)?).await?, as_json)
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use jiff::Timestamp;
    use ledger::mailbox::Letter;
    use ledger::store::StoreOptions;
    use ledger::testing::PrivatePostgres;
    use ledger::{home, treatment};
    use prost::Message;

    use super::*;
    use crate::cli::Cli;

    /// A node's letters in a store that is in service for as long as these are held.
    fn serving(role: Node, location: &Location) -> Inbox {
        match role {
            Node::Region => region::open_location(location).expect("a store").inbox(),
            Node::His => TreatmentStore::open(location, &StoreOptions::default()).expect("a store").inbox(),
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_a_node_was_told_is_listed_while_it_serves_on_both_databases() {
        let folder = tempfile::tempdir().expect("a folder");
        for (role, schema) in [(Node::Region, &home::SCHEMA), (Node::His, &treatment::SCHEMA)] {
            let database = PrivatePostgres::shared().migrated(schema).expect("a database");
            let file = folder.path().join(format!("{role:?}.db")).display().to_string();
            for store in [file, database.app_url.clone()] {
                let location: Location = store.parse().expect("a location");
                let inbox = serving(role, &location);
                let inquiry = v1::Inquiry { id: "X1".into(), standing: "asked".into(), ..v1::Inquiry::default() };
                let [id, subject, kind] = ["L1", "X1", "inquiry"].map(str::to_owned);
                let letter = Letter { id, subject, version: 1, kind, body: inquiry.encode_to_vec().into() };
                inbox.letter_keep("410700/home".into(), letter, Timestamp::UNIX_EPOCH).await.expect("it is kept");
                if matches!(location, Location::File(_)) {
                    assert!(region::open_location(&location).is_err(), "a file has one writer");
                }
                let told = open_inquiries(&role.inbox(&location).expect("it can be looked at")).await.expect("a list");
                assert_eq!(
                    told.iter().map(|told| &told.inquiry).collect::<Vec<_>>(),
                    [&inquiry],
                    "{role:?} at {store}"
                );
                let word = role.to_possible_value().expect("a role").get_name().to_owned();
                for command in [["inquiry", "kept"], ["clearing", "told"]] {
                    let typed = [&["yidi"], &command[..], &["--role", &word, "--store", &store, "--json"]].concat();
                    let ended = Cli::try_parse_from(typed).expect("it is a command").run().await;
                    assert_eq!(ended.map_err(|fault| format!("{fault:#}")), Ok(Ending::Good), "{command:?} of {word}");
                }
                drop(inbox);
            }
        }
    }
}
