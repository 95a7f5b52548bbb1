//! `pgbench -N` with 16 clients on the server that keeps the hub's book: what the database does for a program that sends
//! one small transaction after another.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use ledger::testing::PrivatePostgres;

/// A hundred thousand rows each.
const SCALE: &str = "10";
const CLIENTS: &str = "16";

/// Makes pgbench's tables in a database of their own, and says where.
///
/// # Errors
/// When the server refuses.
pub fn prepare(server: &PrivatePostgres) -> Result<String> {
    let url = server.database()?.owner_url;
    run(server, &["--initialize", "--quiet", "--scale", SCALE, &url])?;
    Ok(url)
}

/// Transactions a second.
///
/// # Errors
/// When pgbench fails, or prints no rate.
pub fn measure(server: &PrivatePostgres, url: &str, measured: Duration) -> Result<f64> {
    let seconds = measured.as_secs().max(1).to_string();
    let arguments = ["--skip-some-updates", "--client", CLIENTS, "--jobs", "2", "--no-vacuum", "--time", &seconds, url];
    let said = run(server, &arguments)?;
    let rate = said.lines().find_map(|line| line.strip_prefix("tps = ")).context("pgbench printed no rate")?;
    rate.split_whitespace().next().and_then(|rate| rate.parse().ok()).context("pgbench printed no rate")
}

fn run(server: &PrivatePostgres, arguments: &[&str]) -> Result<String> {
    let ran = Command::new(server.program("pgbench")).args(arguments).output().context("cannot run pgbench")?;
    ensure!(ran.status.success(), "pgbench failed: {}", String::from_utf8_lossy(&ran.stderr));
    Ok(String::from_utf8_lossy(&ran.stdout).into_owned())
}
