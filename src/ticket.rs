//! `yidi ticket …`: 问题工单 between two regions. Whoever is asked first is responsible until it is answered (首问负责).

use anyhow::Result;
use clap::{Subcommand, ValueEnum};
use proto::v1;

use crate::cli::Ending;
use crate::filing::Access;
use crate::inquiry::{client, life};
use crate::status;

/// What to do about tickets.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Ask the other side, as either; asking the same id twice asks once.
    Open {
        /// How to reach the hub.
        #[command(flatten)]
        access: Access,
        /// The ticket's id, made by you.
        #[arg(long)]
        id: String,
        /// On which side you are.
        #[arg(long, value_enum)]
        side: AskingSide,
        /// The settlement (setl_id) that it is about; it says which regions are meant.
        #[arg(long, default_value = "", conflicts_with_all = ["from", "to"], required_unless_present = "to")]
        settlement: String,
        /// Your region.
        #[arg(long, default_value = "", requires = "to")]
        from: String,
        /// The region that is asked.
        #[arg(long, default_value = "", requires = "from")]
        to: String,
        /// It cannot wait: to be answered within fewer working days.
        #[arg(long)]
        urgent: bool,
        /// What the problem is; no names, no documents, no diagnoses.
        #[arg(long)]
        words: String,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Answer, as who is asked.
    Answer {
        /// How to reach the hub.
        #[command(flatten)]
        access: Access,
        /// The ticket's id.
        id: String,
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
}

/// The side of a region that asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AskingSide {
    /// 参保地.
    Home,
    /// 就医地.
    Treatment,
}

/// Runs the command.
///
/// # Errors
/// When the hub is not to be reached or refuses.
pub async fn run(command: Command) -> Result<Ending> {
    match command {
        Command::Open { access, id, side, settlement, from, to, urgent, words, json } => {
            let kind = if urgent { "urgent" } else { "ordinary" }.to_owned();
            let side = match side {
                AskingSide::Home => "home",
                AskingSide::Treatment => "treatment",
            };
            let request = v1::OpenInquiryRequest { id, kind, settlement, side: side.into(), from, to, words };
            let opened = client(&access)?.open(request).await.map_err(|refused| status::to_refusal(&refused))?;
            crate::inquiry::print(&opened.into_inner(), json)
        }
        Command::Answer { access, id, words, json } => {
            let request = v1::AnswerInquiryRequest { id, words, ..v1::AnswerInquiryRequest::default() };
            let answered = client(&access)?.answer(request).await.map_err(|refused| status::to_refusal(&refused))?;
            crate::inquiry::print(&answered.into_inner(), json)
        }
        Command::Life(command) => life::run(command, "ticket").await,
    }
}
