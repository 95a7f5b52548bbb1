//! Lets the databases and the disk finish what was left to them, so that nothing is measured beside another's leavings:
//! what the hub under measurement itself leaves counts.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use ledger::testing::PrivatePostgres;

/// As many segments as `min_wal_size` keeps (2 GiB): a server in service writes its log into old ones.
const LOG_SEGMENTS: usize = 128;

/// Has a server be as one in service, with a log that was written before.
///
/// # Errors
/// When the server refuses.
pub fn season(server: &PrivatePostgres) -> Result<()> {
    Ok(server.season(LOG_SEGMENTS)?)
}

/// Waits until server and disk are at rest.
///
/// # Errors
/// When the server refuses.
pub fn rest(server: Option<&PrivatePostgres>) -> Result<()> {
    server.map(PrivatePostgres::rest).transpose()?;
    ensure!(Command::new("sync").status().context("cannot run sync")?.success(), "sync failed");
    Ok(())
}
