//! `yidi bench settle | clearing | isolation | adjudicate`: speed, as ratios taken in one run, because this machine and its neighbours change
//! from minute to minute and a ratio does not.

mod adjudicate;
mod book;
mod byte_line;
mod chain;
mod chain_stage;
mod chain_stores;
mod clearing;
mod comparison;
mod crew;
mod forward;
mod ground;
mod hub_stage;
mod isolation;
mod load;
mod long_run;
mod measured;
mod open_loop;
mod open_stage;
mod operations;
pub mod part;
mod pgbench;
mod prepare;
mod prepared_home;
mod process;
mod raw;
mod report;
mod rest;
mod rig;
mod settle;
mod spare;
mod subject;
mod traffic;
pub(crate) mod usage;

use anyhow::Result;
use clap::Subcommand;

use crate::cli::Ending;

/// What to measure.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Settlements through the hub and through the whole line, against bare forwards over the same hops.
    Settle(Box<settle::Arguments>),
    /// Reconciling books and closing a month: what it takes beside plain statements, and what live traffic notices.
    Clearing(clearing::Arguments),
    /// What three regions notice when the fourth is stalled.
    Isolation(isolation::Arguments),
    /// Pure adjudications on one core, without and with explanation, and reading the books of a country.
    Adjudicate(adjudicate::Arguments),
}

/// Runs the command.
///
/// # Errors
/// When the line cannot be started, or an answer is not what it has to be.
pub async fn run(command: Command) -> Result<Ending> {
    match command {
        Command::Settle(arguments) => settle::run(&arguments).await.map(Ending::of),
        Command::Clearing(arguments) => clearing::run(&arguments).await.map(Ending::of),
        Command::Isolation(arguments) => isolation::run(&arguments).await.map(Ending::of),
        Command::Adjudicate(arguments) => adjudicate::run(&arguments).map(Ending::of),
    }
}
