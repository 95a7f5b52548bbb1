//! That the database itself refuses to change or remove evidence, whoever asks.

use super::*;
use crate::mailbox::{Letter, Mailbox, Part, Posted};
use crate::testing::append_only::all_is_append_only_but;

/// Worklists, and hints about who does a job: they can be made again from the evidence.
const CHANGING: [&str; 15] = [
    "doubts",
    "leases",
    "letters_waiting",
    "sweeps",
    "lot_totals",
    "period_branches",
    "buckets",
    "folds",
    "roots",
    "new_leaves",
    "stale_roots",
    "unfolded",
    "mailbox_nodes",
    "turned_settlements",
    "closings_untold",
];

pub(super) async fn nobody_changes_or_removes_evidence(world: World) {
    // Rows that cannot be made up, since the tables say what they may hold.
    world.receive_fresh(&reverse("9", "8")).await;
    let mailbox = Mailbox { pool: pool("410700"), part: Part::Home };
    let letter = Letter {
        id: "1".into(),
        subject: "a filing".into(),
        version: 1,
        kind: "filing".into(),
        body: Bytes::from_static(b"a body"),
    };
    let mailboxes = world.store.mailboxes();
    let posted = mailboxes.letter_post(mailbox, letter, at(1)).await.expect("no fault");
    let Posted::Queued(number) = posted else { panic!("it is new: {posted:?}") };
    let acknowledged = mailboxes.letter_acknowledge(vec![mailbox.to_string()], number, "us".into(), at(1)).await;
    acknowledged.expect("no fault");

    all_is_append_only_but(&CHANGING, &world.store.engine, world.place.database()).await;
}

impl Place {
    fn database(&self) -> Option<&Database> {
        match self {
            Place::Sqlite(_) => None,
            Place::Postgres(database) => Some(database),
        }
    }
}
