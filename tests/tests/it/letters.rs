//! Letters from end to end: posted with a filing, kept by both regions before they are acknowledged, waiting for whoever
//! is away, and dead ones in the hands of an operator.

use jiff::Timestamp;
use ledger::inbox::Inbox;
use ledger::mailbox::{Ended, Letter, Mailbox, Part, Posted};
use proto::v1;
use proto::v1::dead_letters_client::DeadLettersClient;
use proto::v1::mailboxes_client::MailboxesClient;
use settlement::ids::PoolCode;
use settlement::refusal::Reason;
use tonic::Code;
use tonic::transport::Channel;
use world::{EMPLOYEE, World, eventually, pool};
use yidi::demo::player::Lodge;
use yidi::demo::story::FilingRow;

fn home() -> PoolCode {
    pool(EMPLOYEE.home)
}

/// Shanghai, whose pool has a mailbox.
const DESTINATION: &str = "310000";

async fn lodge(world: &World, id: &str) {
    let filing = FilingRow {
        id: id.into(),
        psn_no: EMPLOYEE.number.into(),
        home: EMPLOYEE.home.into(),
        class: "long-term".into(),
        destination: DESTINATION.into(),
        from: "2025-01-01".into(),
        to: String::new(),
        proof: String::new(),
    };
    world.operator().lodge(&filing).await.expect("it is lodged");
}

/// The subjects that an inbox knows of, in the order of their names.
async fn subjects(inbox: Inbox) -> Vec<String> {
    let kept = inbox.letter_newest(100).await.expect("an inbox");
    let mut subjects: Vec<_> = kept.into_iter().map(|kept| kept.letter.subject).collect();
    subjects.sort();
    subjects
}

async fn home_knows(world: &World, expected: &[&str]) {
    eventually("the home region keeps the letters", async || {
        subjects(world.line().homes[&home()].store().inbox()).await == expected
    })
    .await;
}

/// How many letters wait in all mailboxes, and how many are dead.
async fn counts(world: &World) -> (u64, u64) {
    let (waiting, _, dead) = world.line().hub.store().mailboxes().letter_counts().await.expect("counts");
    (waiting, dead)
}

async fn nothing_waits(world: &World) {
    eventually("everything is acknowledged", async || counts(world).await == (0, 0)).await;
}

/// The next letter that the home region would get.
async fn next_letter(mailboxes: &mut MailboxesClient<Channel>) -> v1::Letter {
    let mut letters = mailboxes.open(v1::OpenMailboxesRequest {}).await.expect("they open").into_inner();
    letters.message().await.expect("no fault").expect("a letter")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filing_is_told_to_both_regions_once() {
    let world = World::start().await;
    lodge(&world, "F1").await;
    lodge(&world, "F1").await;
    home_knows(&world, &["filing F1"]).await;
    eventually("the treatment side keeps the letter", async || {
        subjects(world.line().treatment.store().inbox()).await == ["filing F1"]
    })
    .await;
    nothing_waits(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_wait_for_a_region_that_is_away_and_for_a_hub_that_starts_again() {
    let mut world = World::start().await;
    world.line_mut().stop_home(home()).await.expect("it runs");
    lodge(&world, "F1").await;
    lodge(&world, "F2").await;
    eventually("the others have theirs", async || counts(&world).await == (2, 0)).await;
    world.restart().await;
    home_knows(&world, &["filing F1", "filing F2"]).await;
    nothing_waits(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_letter_is_dead_until_an_operator_has_it_replayed() {
    let mut world = World::start().await;
    let mut own = MailboxesClient::new(world.channel_as(&world.line().credentials("home-410700")));
    let operator = world.channel();
    world.line_mut().stop_home(home()).await.expect("it runs");
    lodge(&world, "F1").await;
    let letter = next_letter(&mut own).await;
    assert_eq!((letter.subject.as_str(), letter.version, letter.deliveries), ("filing F1", 1, 1));

    let mut others = MailboxesClient::new(world.channel_as(&world.line().credentials("home-440300")));
    let foreign = others.acknowledge(v1::AcknowledgeLetterRequest { number: letter.number }).await;
    assert_eq!(foreign.expect_err("it is not theirs").code(), Code::InvalidArgument);
    let mut dead = DeadLettersClient::new(world.channel_as(&world.line().credentials("home-410700")));
    let listed = dead.list(v1::ListDeadLettersRequest { after: 0, limit: 0 }).await;
    assert_eq!(listed.expect_err("it is no operator").code(), Code::PermissionDenied);

    let long = own.reject(v1::RejectLetterRequest { number: letter.number, problem: "长".repeat(501) }).await;
    let refusal = proto::status::to_refusal(&long.expect_err("it would be kept for good"));
    assert_eq!((refusal.reason, refusal.field.as_deref()), (Reason::InvalidField, Some("problem")));

    let problem = "no such person".to_owned();
    own.reject(v1::RejectLetterRequest { number: letter.number, problem }).await.expect("it is rejected");
    let mut dead = DeadLettersClient::new(operator);
    let list = dead.list(v1::ListDeadLettersRequest { after: 0, limit: 0 }).await.expect("a list").into_inner();
    assert_eq!(list.letters.iter().map(|dead| dead.problem.as_str()).collect::<Vec<_>>(), ["no such person"]);
    dead.replay(v1::ReplayLetterRequest { number: letter.number }).await.expect("it is replayed");
    let again = dead.replay(v1::ReplayLetterRequest { number: letter.number }).await;
    assert_eq!(again.expect_err("it is alive").code(), Code::InvalidArgument);

    world.line_mut().restart_home(home()).await.expect("it starts again");
    home_knows(&world, &["filing F1"]).await;
    nothing_waits(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_listed_however_heavy_they_are() {
    let world = World::start().await;
    let mailboxes = world.line().hub.store().mailboxes();
    // Nobody has this one open.
    let mailbox = Mailbox { pool: pool("110000"), part: Part::Treatment };
    for id in ["1", "2", "3", "4"] {
        let letter = Letter {
            id: id.into(),
            subject: format!("filing {id}"),
            version: 1,
            kind: "filing".into(),
            body: vec![0; 1_500_000].into(),
        };
        let posted = mailboxes.letter_post(mailbox, letter, Timestamp::UNIX_EPOCH).await.expect("no fault");
        let Posted::Queued(number) = posted else { panic!("it is new: {posted:?}") };
        let (own, problem) = (vec![mailbox.to_string()], "长".repeat(300_000));
        let rejected = mailboxes.letter_reject(own, number, problem, "us".into(), Timestamp::UNIX_EPOCH).await;
        assert_eq!(rejected.expect("no fault"), Ended::Now);
    }
    let operator = DeadLettersClient::new(world.channel());
    let listed = yidi::mailbox::dead(operator).await.expect("a list");
    let ids = listed.iter().filter_map(|dead| dead.letter.as_ref()).map(|letter| letter.id.as_str());
    assert_eq!(ids.collect::<Vec<_>>(), ["1", "2", "3", "4"]);
}
