//! `yidi mailbox dead | replay`: an operator's work on letters that their owners could not take.

use anyhow::Result;
use clap::Subcommand;
use jiff::Timestamp;
use proto::v1::dead_letters_client::DeadLettersClient;
use proto::v1::{DeadLetter, ListDeadLettersRequest, ReplayLetterRequest};
use serde_json::json;
use settlement::beijing;

use crate::cli::Ending;
use crate::filing::Access;
use crate::{output, status};

/// How many dead letters one question brings.
const A_PAGE: u32 = 500;

/// What to do with dead letters.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the letters that are not delivered any more, and why. Exits with 1 where there are some.
    Dead {
        /// How to reach the hub.
        #[command(flatten)]
        access: Access,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Have a dead letter delivered again, unless a newer one about its subject was taken meanwhile.
    Replay {
        /// How to reach the hub.
        #[command(flatten)]
        access: Access,
        /// The letter's number.
        number: u64,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Runs the command.
///
/// # Errors
/// When the hub is not to be reached or refuses.
pub async fn run(command: Command) -> Result<Ending> {
    match command {
        Command::Dead { access, json } => {
            let letters = dead(DeadLettersClient::new(access.channel()?)).await?;
            print(&letters, json)?;
            Ok(Ending::of(letters.is_empty()))
        }
        Command::Replay { access, number, json } => {
            let replayed = DeadLettersClient::new(access.channel()?).replay(ReplayLetterRequest { number }).await;
            replayed.map_err(|refused| status::to_refusal(&refused))?;
            if json {
                output::line(&serde_json::to_string_pretty(&json!({ "number": number, "replayed": true }))?);
            } else {
                output::line(&format!("letter {number} is delivered again"));
            }
            Ok(Ending::Good)
        }
    }
}

/// Every dead letter, page by page.
///
/// # Errors
/// When the hub is not to be reached or refuses.
pub async fn dead(mut client: DeadLettersClient<tonic::transport::Channel>) -> Result<Vec<DeadLetter>> {
    let mut all: Vec<DeadLetter> = Vec::new();
    loop {
        let after = all.last().and_then(|dead| dead.letter.as_ref()).map_or(0, |letter| letter.number);
        let page = client.list(ListDeadLettersRequest { after, limit: A_PAGE }).await;
        let page = page.map_err(|refused| status::to_refusal(&refused))?.into_inner().letters;
        // A page ends where its letters get too heavy, too: only an empty one says that there are no more.
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

fn print(letters: &[DeadLetter], as_json: bool) -> Result<()> {
    let rows = letters.iter().filter_map(|dead| Some((dead.letter.as_ref()?, dead)));
    if as_json {
        let rows: Vec<_> = rows
            .map(|(letter, dead)| {
                json!({ "number": letter.number, "mailbox": letter.mailbox, "id": letter.id, "kind": letter.kind,
                    "subject": letter.subject, "version": letter.version, "problem": dead.problem,
                    "since": time(dead.since) })
            })
            .collect();
        output::line(&serde_json::to_string_pretty(&rows)?);
        return Ok(());
    }
    let mut table = output::table(["number", "mailbox", "kind", "subject", "version", "problem", "since"]);
    for (letter, dead) in rows {
        table.add_row([
            letter.number.to_string(),
            letter.mailbox.clone(),
            letter.kind.clone(),
            letter.subject.clone(),
            letter.version.to_string(),
            dead.problem.clone(),
            time(dead.since),
        ]);
    }
    output::line(&table.to_string());
    Ok(())
}

/// An instant as Beijing reads it.
fn time(micros: i64) -> String {
    Timestamp::from_microsecond(micros).map(|at| beijing::at_desk(at).to_string()).unwrap_or_default()
}
