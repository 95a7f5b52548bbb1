//! What a developer and CI type: `cargo xtask test`, and `cargo xtask soak` for the long runs. Each step is a public
//! command that can be run by hand; nothing here is known to CI alone.

mod soak;
mod steps;
mod test;
mod tools;

use std::process::ExitCode;

use anyhow::{Result, bail};

/// What there is to type.
const TASKS: &str = "test; soak [--minutes N] [--seeds N] [--kills N]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            announce(&format!("{fault:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<()> {
    match arguments {
        [task] if task == "test" => test::run(),
        [task, options @ ..] if task == "soak" => soak::run(&soak::Length::read(options)?),
        [task, ..] => bail!("no such task: {task}. There is: {TASKS}"),
        [] => bail!("which task? There is: {TASKS}"),
    }
}

fn announce(line: &str) {
    eprintln!("xtask: {line}");
}
