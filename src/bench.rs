//! `yidi bench settle | adjudicate`: speed, as ratios taken in one run, because this machine and its neighbours change
//! from minute to minute and a ratio does not.

mod adjudicate;
mod cpu;
mod forward;
mod load;
mod prepare;
mod settle;

use anyhow::Result;
use clap::Subcommand;

/// What to measure.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Settlements through the whole line, durable on all three nodes, against a bare forward of the same bytes.
    Settle(settle::Arguments),
    /// Pure adjudications on one core.
    Adjudicate(adjudicate::Arguments),
}

/// Runs the command.
///
/// # Errors
/// When the line cannot be started, or an answer is not what it has to be.
pub async fn run(command: Command) -> Result<()> {
    match command {
        Command::Settle(arguments) => settle::run(arguments).await,
        Command::Adjudicate(arguments) => adjudicate::run(&arguments),
    }
}
