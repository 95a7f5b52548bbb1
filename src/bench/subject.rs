//! Something that settlements are sent through, over several connections: a hub, several, or the bare forward. Used by
//! the closed and the open loop alike, so that both ends cost the same whatever stands between.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use identity::client::{Expected, channel};

use super::crew::Crew;
use super::ground::{Ground, OTHER_HOME, pool};
use super::operations::{Operations, Wrapping};
use super::raw::{Caller, HUB_OPERATE};

/// Connections from the load tool.
pub const CONNECTIONS: usize = 8;
/// The number of the first settlement that is sent.
const FIRST_NUMBER: u64 = 100_000_000;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Whose enrollee is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// The home region's.
    Home,
    /// The other home region's, which may be cut off.
    OtherHome,
}

/// What is measured. Clones send through the same connections.
#[derive(Clone)]
pub struct Subject {
    /// Who works.
    pub crew: Crew,
    callers: Vec<Caller>,
    operations: Arc<Operations>,
    elsewhere: Arc<Operations>,
    wrapping: Wrapping,
    next: Arc<AtomicU64>,
}

impl Subject {
    /// Connects to where settlements are taken, with the connections spread over the addresses.
    ///
    /// # Errors
    /// When a certificate cannot be read.
    pub fn new(
        ground: &Ground,
        to: &[SocketAddr],
        crew: Crew,
        operations: Arc<Operations>,
        wrapping: Wrapping,
    ) -> Result<Subject> {
        let credentials = ground.treatment()?;
        let callers = (0..CONNECTIONS)
            .map(|connection| {
                let address = to[connection % to.len()].to_string();
                let channel = channel(&address, credentials.clone(), Expected::Hub, CONNECT_TIMEOUT)?;
                Ok(Caller::new(channel, HUB_OPERATE))
            })
            .collect::<Result<Vec<_>>>()?;
        let elsewhere = Arc::new(Operations::new(pool(OTHER_HOME)?, operations.people())?);
        // What a book was filled with has the numbers below.
        let next = Arc::new(AtomicU64::new(FIRST_NUMBER));
        Ok(Subject { crew, callers, operations, elsewhere, wrapping, next })
    }

    /// Settles one more stay over one of the connections.
    ///
    /// # Errors
    /// When it is not accepted.
    pub async fn settle(&self, lane: usize, to: To) -> Result<()> {
        let operations = match to {
            To::Home => &self.operations,
            To::OtherHome => &self.elsewhere,
        };
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let caller = &self.callers[lane % self.callers.len()];
        let reply = caller.call(operations.envelope(number)).await.context("a settlement got no answer")?;
        ensure!(operations.accepts(&reply, number, self.wrapping), "settlement {number} was not accepted");
        Ok(())
    }
}
