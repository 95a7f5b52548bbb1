//! Something that settlements are sent through, over several connections: a hub, several, or the bare forward. Used by
//! the closed and the open loop alike, so that both ends cost the same whatever stands between.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use conversation::Spoken;
use identity::client::{Expected, channel};
use prost::Message as _;
use proto::v1;

use super::crew::Crew;
use super::ground::{Ground, OTHER_HOME, pool};
use super::operations::{Operations, Wrapping};
use super::raw::{self, HUB_OPERATE};

/// Connections from the load tool.
pub const CONNECTIONS: usize = 8;
/// The number of the first settlement that is sent.
const FIRST_NUMBER: u64 = 100_000_000;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a treatment side waits for an answer.
pub const PATIENCE: Duration = Duration::from_secs(9);
/// Above what any message here comes to.
pub const LARGEST_MESSAGE: usize = 1024 * 1024;

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
    connections: Arc<[Connection]>,
    operations: Arc<Operations>,
    elsewhere: Arc<Operations>,
    next: Arc<AtomicU64>,
}

/// How settlements are sent.
enum Connection {
    /// As bytes, by a call each: the bare forward.
    Calls(raw::Caller),
    /// As a treatment side does.
    Conversation(conversation::Caller),
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
        let connections = (0..CONNECTIONS)
            .map(|connection| {
                let address = to[connection % to.len()].to_string();
                let channel = channel(&address, credentials.clone(), Expected::Hub, CONNECT_TIMEOUT)?;
                Ok(match wrapping {
                    Wrapping::Answer => Connection::Calls(raw::Caller::new(channel, HUB_OPERATE)),
                    Wrapping::Reply => Connection::Conversation(conversation::Caller::new(channel, LARGEST_MESSAGE)),
                })
            })
            .collect::<Result<Arc<[_]>>>()?;
        let elsewhere = Arc::new(Operations::new(pool(OTHER_HOME)?, operations.people())?);
        // What a book was filled with has the numbers below.
        let next = Arc::new(AtomicU64::new(FIRST_NUMBER));
        Ok(Subject { crew, connections, operations, elsewhere, next })
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
        let accepted = match &self.connections[lane % self.connections.len()] {
            Connection::Calls(caller) => {
                let reply = caller.call(operations.envelope(number)).await.context("a settlement got no answer")?;
                operations.accepts(&reply, number, Wrapping::Answer)
            }
            Connection::Conversation(caller) => {
                let request = v1::OperateRequest::decode(operations.envelope(number))?;
                match caller.say(request, PATIENCE).await {
                    Spoken::Ended(Ok(reply)) => operations.accepts_told(&reply, number),
                    Spoken::Ended(Err(why)) => bail!("a settlement got no answer: {why:?}"),
                    Spoken::Unspeakable(_) => bail!("the hub speaks no conversation"),
                }
            }
        };
        ensure!(accepted, "settlement {number} was not accepted");
        Ok(())
    }
}
