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

fn steps() -> [Step; 4] {
    [
        Step::cargo("format", "fmt --all --check"),
        Step::cargo("clippy", "clippy --workspace --all-targets --locked -- --deny warnings"),
        Step::cargo("documentation", "doc --workspace --no-deps --locked").with("RUSTDOCFLAGS", "--deny warnings"),
        Step::cargo("tests and 2,000 simulated worlds", "test --workspace --locked --no-fail-fast")
            .with("YIDI_SEEDS", 2_000),
    ]
}
