//! `yidi hub | region | his --config FILE`: one role a process. Read the configuration, start, serve until asked to
//! stop, say so, drain.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Args;
use ledger::clock::Clock;
use ledger::store::StoreError;
use serde::de::DeserializeOwned;

use crate::watch::Watch;

/// How long a database may take to come up: recovery after a crash included. After that a supervisor should know.
const DATABASE_COMES_WITHIN: Duration = Duration::from_secs(60);
const DATABASE_PAUSE: Duration = Duration::from_millis(200);

/// What every role is started with.
#[derive(Clone, Debug, Args)]
pub struct Serve {
    /// The role's configuration file.
    #[arg(long)]
    pub config: PathBuf,
    /// Where health, readiness and metrics are served.
    #[arg(long, default_value = "127.0.0.1:7703")]
    pub watch: SocketAddr,
    /// For how many milliseconds `/ready` says no before connections are closed, so that balancers notice.
    #[arg(long, default_value_t = 500)]
    pub notice_ms: u64,
}

/// Serves as the hub.
///
/// # Errors
/// When the configuration cannot be read or the role cannot start.
pub async fn hub(serve: &Serve) -> Result<()> {
    let watch = serve.watch().await?;
    let config = read::<broker::Config>(&serve.config)?;
    let running = start_when_reached(|| broker::start(config.clone(), Clock::real())).await?;
    watch.show_hub(running.hub());
    serve.until_asked_to_stop(&watch, running.retire()).await?;
    running.stop().await;
    Ok(())
}

/// Serves as a home region.
///
/// # Errors
/// As [`hub`].
pub async fn region(serve: &Serve) -> Result<()> {
    let watch = serve.watch().await?;
    let config = read::<region::Config>(&serve.config)?;
    let running = start_when_reached(|| region::start(config.clone(), Clock::real())).await?;
    serve.until_asked_to_stop(&watch, running.retire()).await?;
    running.stop().await;
    Ok(())
}

/// Serves as a treatment side.
///
/// # Errors
/// As [`hub`].
pub async fn his(serve: &Serve) -> Result<()> {
    let watch = serve.watch().await?;
    let config = read::<his::Config>(&serve.config)?;
    let running = start_when_reached(|| his::start(config.clone(), Clock::real())).await?;
    serve.until_asked_to_stop(&watch, std::future::ready(())).await?;
    running.stop().await;
    Ok(())
}

impl Serve {
    async fn watch(&self) -> Result<Watch> {
        let watch = Watch::new(None)?;
        watch.clone().serve(self.watch).await?;
        Ok(watch)
    }

    /// Is ready until asked to stop; then says that it is not any more, and gives others time to see it.
    async fn until_asked_to_stop(&self, watch: &Watch, retire: impl Future<Output = ()>) -> Result<()> {
        watch.set_ready(true);
        asked_to_stop().await?;
        watch.set_ready(false);
        retire.await;
        tokio::time::sleep(Duration::from_millis(self.notice_ms)).await;
        Ok(())
    }
}

/// Starts a role. A database that is only just coming up, or is restarted meanwhile, is waited for: a role and its
/// database may be started by the same supervisor, in any order.
async fn start_when_reached<T, E, F>(start: impl Fn() -> F) -> Result<T>
where
    E: std::error::Error + Send + Sync + 'static,
    F: Future<Output = Result<T, E>>,
{
    let since = Instant::now();
    loop {
        let fault = match start().await {
            Ok(running) => return Ok(running),
            Err(fault) => anyhow::Error::from(fault),
        };
        let passing = fault.chain().filter_map(|cause| cause.downcast_ref()).any(StoreError::is_passing);
        if !passing || since.elapsed() > DATABASE_COMES_WITHIN {
            return Err(fault);
        }
        tracing::warn!(error = fault.as_ref() as &dyn std::error::Error, "waiting for the database");
        tokio::time::sleep(DATABASE_PAUSE).await;
    }
}

/// Reads a configuration file.
///
/// # Errors
/// When it is missing or has a fault; the text names the line.
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    toml::from_str(&text).with_context(|| format!("in {}", path.display()))
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
