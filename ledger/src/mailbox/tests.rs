//! The promises of a mailbox, on both databases.

use jiff::SignedDuration;
use settlement::ids::RegionCode;

use super::delivery::MOST_DELIVERIES;
use super::*;
use crate::engine::{Fence, Location, Schema, migrate};
use crate::inbox::{self, Inbox, Kept};
use crate::store::StoreOptions;
use crate::testing::PrivatePostgres;

static SCHEMA: Schema = Schema { name: "mail", versions: &[TABLES, inbox::TABLES], fence: Fence::OneWriter };

/// Mailboxes on one of the databases, and an inbox beside them.
struct Ground {
    mailboxes: Mailboxes,
    inbox: Inbox,
    _folder: tempfile::TempDir,
}

impl Ground {
    fn both() -> [Ground; 2] {
        let database = PrivatePostgres::shared().database().expect("a database");
        let at = |url: &str| url.parse::<Location>().expect("a location");
        migrate(&at(&database.owner_url), &SCHEMA, Some(&database.app_role)).expect("a migration");
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("mail.db");
        [Ground::at(&file.into(), folder), Ground::at(&at(&database.app_url), tempfile::tempdir().expect("a folder"))]
    }

    fn at(location: &Location, folder: tempfile::TempDir) -> Ground {
        let engine = Engine::open(location, &SCHEMA, &StoreOptions::default()).expect("a store");
        Ground { mailboxes: Mailboxes::new(engine.clone()), inbox: Inbox::new(engine), _folder: folder }
    }

    async fn post(&self, id: &str, subject: &str, version: u64) -> Posted {
        self.mailboxes.letter_post(xinxiang(), letter(id, subject, version), at(0)).await.expect("no fault")
    }

    /// The ids of the letters that are due at a second.
    async fn take(&self, second: i64) -> Vec<String> {
        let taken = self.mailboxes.letter_take(own(), at(second), 100).await.expect("no fault");
        taken.into_iter().map(|delivery| delivery.posted.letter.id).collect()
    }

    async fn acknowledge(&self, number: i64) -> Ended {
        self.mailboxes.letter_acknowledge(own(), number, "us".into(), at(1)).await.expect("no fault")
    }

    async fn reject(&self, number: i64) -> Ended {
        self.mailboxes
            .letter_reject(own(), number, "no such person".into(), "us".into(), at(1))
            .await
            .expect("no fault")
    }

    async fn replay(&self, number: i64) -> Replayed {
        self.mailboxes.letter_replay(number, "operator".into(), at(2)).await.expect("no fault")
    }

    async fn dead(&self) -> Vec<(String, String)> {
        let dead = self.mailboxes.letter_dead(0, 100).await.expect("no fault");
        dead.into_iter().map(|dead| (dead.posted.letter.id, dead.problem)).collect()
    }
}

fn xinxiang() -> Mailbox {
    Mailbox { pool: PoolCode(RegionCode::new("410700").expect("a code")), part: Part::Home }
}

fn own() -> Vec<String> {
    vec!["410700/home".into()]
}

fn at(second: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second)
}

fn letter(id: &str, subject: &str, version: u64) -> Letter {
    Letter { id: id.into(), subject: subject.into(), version, kind: "filing".into(), body: Bytes::from_static(b"x") }
}

fn number(posted: Posted) -> i64 {
    match posted {
        Posted::Queued(number) => number,
        Posted::Known | Posted::Older => panic!("it was queued"),
    }
}

#[tokio::test]
async fn a_letter_is_posted_once_and_never_behind_a_newer_one() {
    for ground in Ground::both() {
        number(ground.post("a2", "a", 2).await);
        for (id, version, expected) in [("a2", 2, Posted::Known), ("a1", 1, Posted::Older), ("a2'", 2, Posted::Older)] {
            assert_eq!(ground.post(id, "a", version).await, expected, "{id}");
        }
        number(ground.post("a3", "a", 3).await);
        assert_eq!(ground.mailboxes.letter_counts().await.expect("counts"), (2, 0, 0));
    }
}

#[tokio::test]
async fn letters_of_one_subject_come_one_after_the_other_and_others_do_not_wait() {
    for ground in Ground::both() {
        let first = number(ground.post("a1", "a", 1).await);
        ground.post("a2", "a", 2).await;
        ground.post("b1", "b", 1).await;
        assert_eq!(ground.take(1).await, ["a1", "b1"]);
        assert_eq!(ground.take(1).await, [""; 0], "what is on its way is not sent twice");
        assert_eq!(ground.acknowledge(first).await, Ended::Now);
        assert_eq!(ground.acknowledge(first).await, Ended::Before);
        assert_eq!(ground.take(1).await, ["a2"]);
    }
}

#[tokio::test]
async fn a_letter_comes_again_until_it_is_acknowledged_and_not_for_ever() {
    for ground in Ground::both() {
        ground.post("a1", "a", 1).await;
        assert_eq!(ground.take(0).await, ["a1"]);
        assert_eq!(ground.take(29).await, [""; 0]);
        assert_eq!(ground.take(30).await, ["a1"]);
        assert_eq!(ground.take(89).await, [""; 0], "the wait has doubled");
        let day = 86_400;
        for delivery in 2..MOST_DELIVERIES {
            assert_eq!(ground.take(delivery * day).await, ["a1"], "{delivery}");
        }
        assert_eq!(ground.take(MOST_DELIVERIES * day).await, [""; 0]);
        assert_eq!(ground.dead().await, [("a1".into(), "nobody acknowledged it".into())]);
    }
}

#[tokio::test]
async fn a_dead_letter_holds_up_nothing_and_is_replayed_unless_its_subject_moved_on() {
    for ground in Ground::both() {
        let first = number(ground.post("a1", "a", 1).await);
        let second = number(ground.post("a2", "a", 2).await);
        assert_eq!(ground.replay(first).await, Replayed::Alive);
        assert_eq!(ground.replay(first + 100).await, Replayed::Unknown);
        ground.take(1).await;
        assert_eq!(ground.reject(first).await, Ended::Now);
        assert_eq!(ground.dead().await, [("a1".into(), "no such person".into())]);
        assert_eq!(ground.mailboxes.letter_counts().await.expect("counts"), (1, 0, 1));
        assert_eq!(ground.replay(first).await, Replayed::Now);
        assert_eq!(ground.dead().await, []);
        assert_eq!(ground.take(2).await, ["a1"]);
        ground.reject(first).await;
        assert_eq!(ground.take(2).await, ["a2"], "the subject goes on");
        ground.acknowledge(second).await;
        assert_eq!(ground.replay(first).await, Replayed::Superseded);
    }
}

#[tokio::test]
async fn nobody_reads_or_ends_what_is_in_another_mailbox() {
    for ground in Ground::both() {
        let first = number(ground.post("a1", "a", 1).await);
        let others = || vec!["310000/home".to_owned(), "410700/treatment".to_owned()];
        assert_eq!(ground.mailboxes.letter_take(others(), at(1), 9).await.expect("no fault"), []);
        let acknowledged = ground.mailboxes.letter_acknowledge(others(), first, "them".into(), at(1));
        assert_eq!(acknowledged.await.expect("no fault"), Ended::Unknown);
        assert_eq!(ground.take(1).await, ["a1"]);
    }
}

#[tokio::test]
async fn an_inbox_keeps_each_letter_once_and_the_newest_counts() {
    for ground in Ground::both() {
        let keep = |id: &str, version| ground.inbox.letter_keep("410700/home".into(), letter(id, "a", version), at(3));
        assert_eq!(keep("a2", 2).await.expect("no fault"), Kept::Fresh);
        assert_eq!(keep("a2", 2).await.expect("no fault"), Kept::Known);
        assert_eq!(keep("a1", 1).await.expect("no fault"), Kept::Older);
        assert_eq!(keep("a3", 3).await.expect("no fault"), Kept::Fresh);
        let newest = ground.inbox.letter_newest(10).await.expect("letters");
        assert_eq!(newest.into_iter().map(|kept| kept.letter.id).collect::<Vec<_>>(), ["a3"]);

        let keep = |subject: &str| ground.inbox.letter_keep("410700/home".into(), letter(subject, subject, 1), at(3));
        for subject in ["c", "b"] {
            keep(subject).await.expect("no fault");
        }
        let (mut seen, mut last) = (Vec::new(), None);
        loop {
            let page = ground.inbox.letter_newest_of("filing".into(), last, 2).await.expect("letters");
            last = page.last().cloned();
            seen.extend(page.iter().map(|kept| kept.letter.id.clone()));
            if last.is_none() {
                break;
            }
        }
        assert_eq!(seen, ["a3", "b", "c"]);
        assert_eq!(ground.inbox.letter_newest_of("inquiry".into(), None, 2).await.expect("letters"), []);
    }
}
