//! `cargo xtask test`: everything that has to hold before a change lands, the quickest to fail first.

use std::time::Instant;

use anyhow::Result;

use crate::steps::Step;
use crate::{announce, tools};

/// Runs every step until one fails.
///
/// # Errors
/// The first step that fails; a tool that cannot be installed.
pub fn run() -> Result<()> {
    tools::install_missing()?;
    let begun = Instant::now();
    for step in steps() {
        step.run()?;
    }
    announce(&format!("everything passed in {} s", begun.elapsed().as_secs()));
    Ok(())
}

fn steps() -> [Step; 5] {
    [
        Step::cargo("format", "fmt --all --check"),
        Step::cargo("clippy", "clippy --workspace --all-targets --locked -- --deny warnings"),
        Step::cargo("documentation", "doc --workspace --no-deps --locked").with("RUSTDOCFLAGS", "--deny warnings"),
        Step::cargo("tests", "test --workspace --locked --no-fail-fast"),
        // Optimised: a seed takes ten times as long otherwise, which is more than the build.
        Step::cargo("simulation", "run --release --locked --quiet --package yidi -- simulate --seeds 2000"),
    ]
}
