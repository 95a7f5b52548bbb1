//! What a developer and CI type: `cargo xtask test`. Each step is a public command that can be run by hand; nothing
//! here is known to CI alone.

use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

/// A step: its name, the program, its arguments and its environment.
struct Step {
    name: &'static str,
    program: &'static str,
    arguments: &'static [&'static str],
    environment: &'static [(&'static str, &'static str)],
}

/// Everything that has to hold before a change lands, the quickest to fail first.
const TEST: &[Step] = &[
    Step { name: "format", program: "cargo", arguments: &["fmt", "--all", "--check"], environment: &[] },
    Step {
        name: "clippy",
        program: "cargo",
        arguments: &["clippy", "--workspace", "--all-targets", "--locked", "--", "--deny", "warnings"],
        environment: &[],
    },
    Step {
        name: "documentation",
        program: "cargo",
        arguments: &["doc", "--workspace", "--no-deps", "--locked"],
        environment: &[("RUSTDOCFLAGS", "--deny warnings")],
    },
    Step {
        name: "tests",
        program: "cargo",
        arguments: &["test", "--workspace", "--locked", "--no-fail-fast"],
        environment: &[],
    },
];

/// What the tests use beside Rust and gcc, with the Debian package that brings it.
const TOOLS: &[(&str, &str)] = &[("openssl", "openssl"), ("curl", "curl")];

fn main() -> ExitCode {
    match run(std::env::args().nth(1).as_deref()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            announce(&format!("{fault:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(task: Option<&str>) -> Result<()> {
    match task {
        Some("test") => test(),
        Some(other) => bail!("no such task: {other}. There is: test"),
        None => bail!("which task? There is: test"),
    }
}

fn test() -> Result<()> {
    install_missing_tools()?;
    let begun = Instant::now();
    for step in TEST {
        announce(&format!("{} …", step.name));
        let status = Command::new(step.program)
            .args(step.arguments)
            .envs(step.environment.iter().copied())
            .status()
            .with_context(|| format!("cannot start {}", step.program))?;
        ensure!(status.success(), "{} failed: {} {}", step.name, step.program, step.arguments.join(" "));
    }
    announce(&format!("everything passed in {} s", begun.elapsed().as_secs()));
    Ok(())
}

fn install_missing_tools() -> Result<()> {
    for (tool, package) in TOOLS {
        if Command::new(tool).arg("--help").output().is_ok() {
            continue;
        }
        announce(&format!("installing {package}"));
        for arguments in [&["update"][..], &["install", "--yes", package][..]] {
            let status = Command::new("apt-get").args(arguments).status().context("cannot start apt-get")?;
            ensure!(status.success(), "the tests need {tool}: apt-get {} failed", arguments.join(" "));
        }
    }
    Ok(())
}

fn announce(line: &str) {
    eprintln!("xtask: {line}");
}
