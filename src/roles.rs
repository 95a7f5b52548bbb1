//! `yidi hub | region | his --config FILE`: one role a process. Read the configuration, start, serve until asked to
//! stop, drain.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, Result};
use ledger::clock::Clock;
use serde::de::DeserializeOwned;

use crate::watch::Watch;

/// Serves as the hub.
///
/// # Errors
/// When the configuration cannot be read or the role cannot start.
pub async fn hub(config: &Path, watch: SocketAddr) -> Result<()> {
    let config = read(config)?;
    serve(watch, async { Ok(broker::start(config, Clock::real()).await?) }, broker::Running::stop).await
}

/// Serves as a home region.
///
/// # Errors
/// As [`hub`].
pub async fn region(config: &Path, watch: SocketAddr) -> Result<()> {
    let config = read(config)?;
    serve(watch, async { Ok(region::start(config, Clock::real()).await?) }, region::Running::stop).await
}

/// Serves as a treatment side.
///
/// # Errors
/// As [`hub`].
pub async fn his(config: &Path, watch: SocketAddr) -> Result<()> {
    let config = read(config)?;
    serve(watch, async { Ok(his::start(config, Clock::real()).await?) }, his::Running::stop).await
}

/// Reads a configuration file.
///
/// # Errors
/// When it is missing or has a fault; the text names the line.
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    toml::from_str(&text).with_context(|| format!("in {}", path.display()))
}

async fn serve<R, S: Future<Output = ()>>(
    address: SocketAddr,
    start: impl Future<Output = Result<R>>,
    stop: impl FnOnce(R) -> S,
) -> Result<()> {
    let watch = Watch::new(None)?;
    watch.clone().serve(address).await?;
    let running = start.await?;
    watch.set_ready(true);
    asked_to_stop().await?;
    watch.set_ready(false);
    stop(running).await;
    Ok(())
}

/// Returns when the process is asked to end: by Ctrl-C, or by its supervisor.
///
/// # Errors
/// When the operating system does not let us listen for it.
pub async fn asked_to_stop() -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed?,
        _ = terminate.recv() => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_configurations_can_be_read() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/config");
        read::<broker::Config>(&folder.join("hub.toml")).expect("hub.toml");
        read::<region::Config>(&folder.join("region.toml")).expect("region.toml");
        read::<his::Config>(&folder.join("his.toml")).expect("his.toml");
    }
}
