//! Mailboxes in a simulation: participants have theirs open at the hub through the network, and letters come into them
//! that concern no settlement. What is acknowledged lies in its owner's inbox.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use futures_util::StreamExt as _;
use identity::permit::MailboxPermit;
use jiff::Timestamp;
use ledger::hub::HubStore;
use ledger::inbox::Inbox;
use ledger::mailbox::{Letter, Mailbox, Part, Posted};
use mailbox::OwnMailboxes;
use mailbox::port::{Call, Letters, MailboxPort};
use proto::status::{NoReply, of_refusal, to_refusal};
use proto::v1;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::climate::Context;
use super::fixtures::{TREATMENT, pool};
use super::network::Way;
use super::node::Node;
use crate::verify::Stores;

/// After so long without a letter a participant opens its mailboxes anew.
const LONGEST_SILENCE: Duration = Duration::from_secs(15);
/// How long acknowledging may take.
const PATIENCE: Duration = Duration::from_secs(7);
/// How many subjects letters are about.
const SUBJECTS: u64 = 3;

/// The hub's mailboxes, as a participant reaches them.
pub struct SimulatedMailboxes {
    /// The way to the hub.
    pub way: Way<broker::door::Door>,
    /// The participant's permit.
    pub permit: MailboxPermit,
}

impl SimulatedMailboxes {
    /// Has a node keep its mailboxes open for as long as it lives.
    pub fn keep_open<D>(self, node: &Node<D>, inbox: Inbox) {
        let mailboxes = OwnMailboxes::new(Arc::new(self), inbox, node.clock.clone());
        node.spawn(mailboxes.keep_open(CancellationToken::new()));
    }
}

impl MailboxPort for SimulatedMailboxes {
    fn open(&self) -> Call<'_, Box<dyn Letters>> {
        let permit = self.permit.clone();
        let opened = self.way.call(PATIENCE, move |door| {
            let letters = door.mailroom().open(&permit, CancellationToken::new());
            Box::pin(async move { Ok(Arc::new(Mutex::new(letters))) })
        });
        Box::pin(async move {
            let letters = SimulatedLetters { way: self.way.clone(), letters: opened.await.map_err(status)? };
            Ok(Box::new(letters) as Box<dyn Letters>)
        })
    }

    fn acknowledge(&self, number: u64) -> Call<'_, ()> {
        let permit = self.permit.clone();
        let acknowledged = self.way.call(PATIENCE, move |door| {
            let permit = permit.clone();
            Box::pin(async move {
                let reply = door.mailroom().acknowledge(&permit, number).await;
                reply.map(drop).map_err(|status| to_refusal(&status))
            })
        });
        Box::pin(async move { acknowledged.await.map_err(status) })
    }
}

/// Mailboxes that are open. A letter whose way is cut is lost here, and comes again.
struct SimulatedLetters {
    way: Way<broker::door::Door>,
    letters: Arc<Mutex<broker::mailbox::Letters>>,
}

impl Letters for SimulatedLetters {
    fn next(&mut self) -> Call<'_, Option<v1::Letter>> {
        let (letters, gone) = (self.letters.clone(), CancellationToken::new());
        let waits = gone.clone().drop_guard();
        let next = self.way.call(LONGEST_SILENCE, move |_| {
            let (letters, gone) = (letters.clone(), gone.clone());
            Box::pin(async move {
                let next = async { letters.lock().await.next().await };
                let next = gone.run_until_cancelled(next).await.flatten();
                next.transpose().map_err(|status| to_refusal(&status))
            })
        });
        Box::pin(async move {
            let _waits = waits;
            next.await.map_err(status)
        })
    }
}

fn status(why: NoReply) -> Status {
    of_refusal(&why.into_refusal())
}

/// Posts a letter into one of the mailboxes.
///
/// # Errors
/// When the store fails; it may lie there all the same.
pub async fn post(context: &Context, hub: &HubStore, homes: &[&str], number: u64, at: Timestamp) -> Result<Posted> {
    let home = |code| Mailbox { pool: pool(code), part: Part::Home };
    let mut mailboxes = vec![Mailbox { pool: pool(TREATMENT), part: Part::Treatment }];
    mailboxes.extend(homes.iter().copied().map(home));
    let letter = Letter {
        id: format!("letter {number}"),
        subject: format!("subject {}", context.chance.below(SUBJECTS)),
        version: number,
        kind: "filing".to_owned(),
        body: Bytes::from_static(b"as it stands"),
    };
    Ok(hub.mailboxes().letter_post(context.chance.one_of(&mailboxes), letter, at).await?)
}

/// A letter that was acknowledged lies in its owner's inbox.
///
/// # Errors
/// When a store fails.
pub async fn what_is_acknowledged_is_kept(stores: &Stores) -> Result<Vec<String>> {
    let mut kept = BTreeSet::new();
    let inboxes = stores.homes.iter().map(|(_, home)| home.inbox());
    for inbox in inboxes.chain([stores.treatment.inbox()]) {
        kept.extend(inbox.letter_ids().await?);
    }
    let acknowledged = stores.hub.mailboxes().letter_acknowledged().await?;
    let missing = acknowledged.into_iter().filter(|letter| !kept.contains(letter));
    Ok(missing
        .map(|(mailbox, id)| format!("what is acknowledged is kept does not hold for {id} of {mailbox}"))
        .collect())
}
