//! `pgbench -N` with 16 clients on the server that keeps the hub's book: what the database does for a program that sends
//! one small transaction after another.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use ledger::testing::PrivatePostgres;

/// A hundred thousand rows each.
const SCALE: &str = "10";
const CLIENTS: &str = "16";

/// pgbench's tables in a database of their own.
pub struct Pgbench {
    server: Arc<PrivatePostgres>,
    url: String,
}

impl Pgbench {
    /// Makes the tables.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn prepare(server: Arc<PrivatePostgres>) -> Result<Pgbench> {
        let url = server.database()?.owner_url;
        let pgbench = Pgbench { server, url };
        pgbench.run(&["--initialize", "--quiet", "--scale", SCALE])?;
        Ok(pgbench)
    }

    /// Transactions a second.
    ///
    /// # Errors
    /// When pgbench fails, or prints no rate.
    pub fn measure(&self, measured: Duration) -> Result<f64> {
        let seconds = measured.as_secs().max(1).to_string();
        let options = ["--skip-some-updates", "--client", CLIENTS, "--jobs", "2", "--no-vacuum", "--time", &seconds];
        let said = self.run(&options)?;
        let rate = said.lines().find_map(|line| line.strip_prefix("tps = ")).context("pgbench printed no rate")?;
        rate.split_whitespace().next().and_then(|rate| rate.parse().ok()).context("pgbench printed no rate")
    }

    fn run(&self, options: &[&str]) -> Result<String> {
        let program = self.server.program("pgbench");
        let ran = Command::new(program).args(options).arg(&self.url).output().context("cannot run pgbench")?;
        ensure!(ran.status.success(), "pgbench failed: {}", String::from_utf8_lossy(&ran.stderr));
        Ok(String::from_utf8_lossy(&ran.stdout).into_owned())
    }
}
