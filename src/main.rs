//! `yidi`, the one executable: every role and every operator's command is a subcommand of it.

use std::process::ExitCode;

use clap::Parser;
use yidi::cli::{Cli, Ending};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// 0 done, 1 a finding, 2 wrong use, or a command that could not do its work.
fn main() -> ExitCode {
    let cli = Cli::parse();
    cli.start_logging();
    identity::install_crypto_provider();
    let ran =
        tokio::runtime::Runtime::new().map_err(anyhow::Error::from).and_then(|runtime| runtime.block_on(cli.run()));
    match ran {
        Ok(Ending::Good) => ExitCode::SUCCESS,
        Ok(Ending::Found) => ExitCode::from(1),
        Err(fault) => {
            yidi::output::complaint(&fault);
            ExitCode::from(2)
        }
    }
}
