//! A participant's side of its mailboxes: open at the hub for as long as the process runs, every letter kept durably
//! before it is acknowledged. It acts on none of them: it passes on the new ones of a kind ([`OwnMailboxes::telling`]), and
//! [`inquiries`], [`clearing`] and [`corrections`] list what they say of those. Used by home regions and treatment sides alike.

pub mod clearing;
pub mod corrections;
pub mod inquiries;
pub mod port;

use std::sync::Arc;
use std::time::Duration;

use ledger::clock::Clock;
use ledger::inbox::{Inbox, Kept};
use ledger::mailbox::Letter;
use proto::v1;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use port::MailboxPort;

/// How soon a mailbox that was lost is opened again, the first time; the wait doubles from there.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// The longest wait between two tries.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// The mailboxes of a participant, by its certificate.
pub struct OwnMailboxes {
    port: Arc<dyn MailboxPort>,
    inbox: Inbox,
    clock: Clock,
    told: Option<(&'static str, mpsc::Sender<Letter>)>,
}

impl OwnMailboxes {
    /// The mailboxes at the other end of a port, and where their letters are kept.
    pub fn new(port: Arc<dyn MailboxPort>, inbox: Inbox, clock: Clock) -> OwnMailboxes {
        OwnMailboxes { port, inbox, clock, told: None }
    }

    /// The same; each new letter of a kind is passed on as well, once it is kept and before it is acknowledged. Nobody is
    /// waited for: while the other end is full, letters are kept alone.
    #[must_use]
    pub fn telling(self, kind: &'static str, told: mpsc::Sender<Letter>) -> OwnMailboxes {
        OwnMailboxes { told: Some((kind, told)), ..self }
    }

    /// Keeps the mailboxes open until the process stops, whatever becomes of the hub meanwhile.
    pub async fn keep_open(self, stop: CancellationToken) {
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
    async fn open(&self, wait: &mut Duration) -> Result<(), Status> {
        let mut letters = self.port.open().await?;
        while let Some(letter) = letters.next().await? {
            *wait = FIRST_WAIT;
            self.take(letter).await?;
        }
        Ok(())
    }

    /// Durable first, then acknowledged. What cannot be kept comes again.
    async fn take(&self, letter: v1::Letter) -> Result<(), Status> {
        let number = letter.number;
        let (mailbox, letter) = read(letter);
        let kind = letter.kind.clone();
        match self.inbox.letter_keep(mailbox, letter.clone(), self.clock.now()).await {
            Ok(kept) => {
                let word = match kept {
                    Kept::Fresh => "fresh",
                    Kept::Known => "known",
                    Kept::Older => "older",
                };
                metrics::counter!("yidi_inbox_letters_total", "kept" => word).increment(1);
                tracing::debug!(number, kind, "letter {number} is kept ({word})");
                if kept == Kept::Fresh {
                    self.pass_on(number, letter);
                }
                self.port.acknowledge(number).await
            }
            Err(fault) => {
                tracing::error!(number, error = &fault as &dyn std::error::Error, "letter {number} could not be kept");
                Err(Status::unavailable("the inbox is not to be written"))
            }
        }
    }

    fn pass_on(&self, number: u64, letter: Letter) {
        let Some((_, told)) = self.told.as_ref().filter(|(kind, _)| letter.kind == *kind) else { return };
        if told.try_send(letter).is_err() {
            tracing::warn!(number, "letter {number} is kept and nothing more: too many came at once");
        }
    }
}

fn read(letter: v1::Letter) -> (String, Letter) {
    let v1::Letter { number: _, mailbox, id, subject, version, kind, body, posted_at: _, deliveries: _ } = letter;
    (mailbox, Letter { id, subject, version, kind, body })
}
