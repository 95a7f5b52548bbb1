//! A participant's side of its mailboxes: open at the hub for as long as the process runs, every letter kept durably
//! before it is acknowledged. It acts on none of them. Used by home regions and treatment sides alike.

use std::sync::Arc;
use std::time::Duration;

use identity::client::{ConnectError, Expected, channel};
use identity::credentials::Credentials;
use ledger::clock::Clock;
use ledger::inbox::{Inbox, Kept};
use ledger::mailbox::Letter;
use proto::v1;
use proto::v1::mailboxes_client::MailboxesClient;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::transport::Channel;

/// How long making a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long an acknowledgement may take. An unacknowledged letter comes again.
const ACKNOWLEDGE_TIMEOUT: Duration = Duration::from_secs(10);
/// How soon a mailbox that was lost is opened again, the first time; the wait doubles from there.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// The longest wait between two tries.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// The mailboxes of a participant, by its certificate.
pub struct OwnMailboxes {
    client: MailboxesClient<Channel>,
    inbox: Inbox,
    clock: Clock,
}

impl OwnMailboxes {
    /// Prepares the connection to the hub; it is made when the mailboxes are opened.
    ///
    /// # Errors
    /// When the address is not of the form `host:port`.
    pub fn new(
        hub: &str,
        credentials: Arc<Credentials>,
        inbox: Inbox,
        clock: Clock,
    ) -> Result<OwnMailboxes, ConnectError> {
        let client = MailboxesClient::new(channel(hub, credentials, Expected::Hub, CONNECT_TIMEOUT)?);
        Ok(OwnMailboxes { client, inbox, clock })
    }

    /// Keeps the mailboxes open until the process stops, whatever becomes of the hub meanwhile.
    pub async fn keep_open(mut self, stop: CancellationToken) {
        let mut wait = FIRST_WAIT;
        loop {
            let Some(lost) = stop.run_until_cancelled(self.open(&mut wait)).await else { return };
            if let Err(status) = lost {
                tracing::debug!(code = ?status.code(), "the mailboxes at the hub are not open");
            }
            if stop.run_until_cancelled(tokio::time::sleep(wait)).await.is_none() {
                return;
            }
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    /// Takes letters until the connection is lost.
    async fn open(&mut self, wait: &mut Duration) -> Result<(), Status> {
        let mut letters = self.client.open(v1::OpenMailboxesRequest {}).await?.into_inner();
        while let Some(letter) = letters.message().await? {
            *wait = FIRST_WAIT;
            self.take(letter).await?;
        }
        Ok(())
    }

    /// Durable first, then acknowledged. What cannot be kept comes again.
    async fn take(&mut self, letter: v1::Letter) -> Result<(), Status> {
        let number = letter.number;
        let (mailbox, letter) = read(letter);
        let kind = letter.kind.clone();
        match self.inbox.letter_keep(mailbox, letter, self.clock.now()).await {
            Ok(kept) => {
                let word = match kept {
                    Kept::Fresh => "fresh",
                    Kept::Known => "known",
                    Kept::Older => "older",
                };
                metrics::counter!("yidi_inbox_letters_total", "kept" => word).increment(1);
                tracing::debug!(number, kind, "letter {number} is kept ({word})");
                self.acknowledge(number).await
            }
            Err(fault) => {
                tracing::error!(number, error = &fault as &dyn std::error::Error, "letter {number} could not be kept");
                Err(Status::unavailable("the inbox is not to be written"))
            }
        }
    }

    async fn acknowledge(&mut self, number: u64) -> Result<(), Status> {
        let mut request = tonic::Request::new(v1::AcknowledgeLetterRequest { number });
        request.set_timeout(ACKNOWLEDGE_TIMEOUT);
        self.client.acknowledge(request).await.map(drop)
    }
}

fn read(letter: v1::Letter) -> (String, Letter) {
    let v1::Letter { number: _, mailbox, id, subject, version, kind, body, posted_at: _, deliveries: _ } = letter;
    (mailbox, Letter { id, subject, version, kind, body })
}
