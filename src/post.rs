//! `yidi region post FILE`: opening balances, local settlements, manual claims and account deposits into a home
//! region's book. A row is keyed by its id, so posting a file again posts nothing twice.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Subcommand;
use ledger::clock::Clock;
use region::start::Opened;
use serde_json::json;

use crate::cli::Ending;
use crate::{output, roles};

/// What to do at a home region's desk.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Post every row of a CSV file and report row by row what is wrong with it.
    Post {
        /// The file.
        file: PathBuf,
        /// The region's configuration file. The region must not be serving; it posts its own files when it starts.
        #[arg(long)]
        config: PathBuf,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Runs the command.
///
/// # Errors
/// When the region's files cannot be read, or it is serving.
pub async fn run(command: Command) -> Result<Ending> {
    let Command::Post { file, config, json: as_json } = command;
    let clock = Clock::real();
    let config: region::Config = roles::read(&config)?;
    let opened = Opened::open(&config, &clock).await.context("cannot open the region's book")?;
    let report = opened.post(&file, &std::collections::BTreeSet::new(), &clock).await?;
    if as_json {
        let faults: Vec<String> = report.faults.iter().map(ToString::to_string).collect();
        let told = json!({ "posted": report.posted, "posted_before": report.before, "faults": faults });
        output::line(&serde_json::to_string_pretty(&told)?);
    } else {
        output::line(&report.to_string());
    }
    Ok(Ending::of(report.faults.is_empty()))
}
