//! What books differ in, mended from end to end: what a rule may mend is mended in the run that found it, and the day is
//! certified; what only a person can judge stands until a person ends it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use broker::reconcile::notary::Notary;
use clearing::breaks::Books;
use identity::name::{ParticipantName, Role};
use identity::pki::{CertificateAuthority, Issue, SIGNING_FILE, SIGNING_KEY_FILE};
use jiff::civil::{Date, date};
use ledger::hub::{BreakHistory, PeriodNumber};
use ledger::leaves::Scope;
use prost::Message;
use proto::v1;
use proto::v1::breaks_client::BreaksClient;
use reconciliation::book::READING;
use serde_json::Value;
use settlement::decide::BookSeq;
use settlement::ids::PoolCode;
use tonic::transport::Channel;
use world::hospital::Hospital;
use world::{EMPLOYEE, RESIDENT, World, copy_store, eventually, pool};

const DAYS: (Date, Date) = (date(2025, 6, 1), date(2025, 6, 30));

fn home() -> PoolCode {
    pool(EMPLOYEE.home)
}

fn operator(world: &World) -> BreaksClient<Channel> {
    BreaksClient::new(world.channel())
}

/// What the hub's job does, which by itself waits for the day to end.
async fn compare_with_home(world: &World) -> (usize, usize) {
    let hub = world.line().hub.hub();
    let region = hub.directory.home(home()).expect("a region");
    let outcome = hub.compare_and_mend(region, home(), DAYS).await.expect("both can be read");
    (outcome.breaks, outcome.pending)
}

/// What the treatment side's run does.
async fn compare_with_hub(world: &World) -> (u64, u64) {
    let outcomes = world.line().treatment.comparing().compare(DAYS).await.expect("both can be read");
    outcomes.iter().fold((0, 0), |(breaks, pending), (_, told)| (breaks + told.breaks, pending + told.pending))
}

/// How many certificates of agreement bear the signatures of all three.
async fn certified(world: &World) -> usize {
    let notary = Notary::load(&world.line().credentials("hub")).expect("a signer");
    world.line().hub.hub().certify(&notary, DAYS, None).await.expect("they are certified");
    compare_with_hub(world).await;
    let listed = world.line().hub.store().certificate_list(DAYS, Scope::default()).await.expect("certificates");
    listed.iter().filter(|certificate| certificate.signatures.len() == 3).count()
}

async fn history(world: &World, number: i64) -> Option<BreakHistory> {
    world.line().hub.store().break_history(number).await.expect("a history")
}

/// The breaks that stand, each with what was done about it.
async fn standing(world: &World) -> Vec<BreakHistory> {
    let open = world.line().hub.store().break_list(Scope::default()).await.expect("a list");
    let mut standing = Vec::new();
    for number in open.iter().map(|open| open.number) {
        standing.extend(history(world, number).await);
    }
    standing
}

/// Which books were not compared on what the open period holds of the region's.
async fn uncompared(world: &World) -> Vec<Vec<Books>> {
    let store = world.line().hub.store();
    store.journal_fold(READING).await.expect("it is folded");
    let found = store.uncompared_branches(PeriodNumber(1)).await.expect("branches").into_iter();
    found.filter(|found| found.branch.home == home()).map(|found| found.books).collect()
}

/// Has the answer to a settlement lost on its way back from home, and waits until the hub has found it out.
async fn lose_an_answer(world: &mut World, hospital: &Hospital) -> Value {
    hospital.settle_a_stay(&RESIDENT).await;
    let stay = hospital.stay(&EMPLOYEE, "8000.00").await;
    let settle = hospital.settle_message(&EMPLOYEE, &stay, "8000.00");
    world.lose_answers(home());
    assert!(hospital.send(&settle).await.text("/err_msg").starts_with("[703]"));
    world.line_mut().kill_home(home()).expect("it runs");
    world.mend(home());
    world.line_mut().restart_home(home()).await.expect("it starts again");
    let hub = world.line().hub.store().clone();
    eventually("the hub has asked", || async { hub.counts().await.is_ok_and(|counts| counts.unanswered == 0) }).await;
    settle
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_that_no_desk_asks_for_is_fetched_by_rule_and_the_day_is_certified() {
    let (mut world, hospital) = World::with_a_hospital().await;
    lose_an_answer(&mut world, &hospital).await;
    assert_eq!(yidi::verify::never_fetched(&world.line().stores()).await.expect("the books can be read").len(), 1);
    assert_eq!(compare_with_home(&world).await, (0, 0));
    assert_eq!(compare_with_hub(&world).await, (0, 0), "found and mended in one run");
    let ended = world.line().hub.store().break_ended(DAYS, Scope::default()).await.expect("a list");
    let ended: Vec<_> = ended.iter().map(|ended| (ended.found.found.proposed.word(), &ended.end)).collect();
    let [("fetch-answer", Some(end))] = ended[..] else { panic!("{ended:?}") };
    assert_eq!((end.ending.as_str(), end.by.as_str()), ("mended", "rule fetch-answer"));
    assert!(yidi::verify::never_fetched(&world.line().stores()).await.expect("the books can be read").is_empty());
    assert_eq!(certified(&world).await, 1);
    world.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_that_was_reversed_before_anybody_fetched_it_is_mended_and_has_no_effect() {
    let (mut world, hospital) = World::with_a_hospital().await;
    let before = hospital.totals(&EMPLOYEE).await;
    let settle = lose_an_answer(&mut world, &hospital).await;
    let reverse = hospital.reverse_message(&EMPLOYEE, &settle);
    eventually("the reversal is confirmed", || async { hospital.send(&reverse).await.succeeded() }).await;
    assert_eq!(compare_with_home(&world).await, (0, 0));
    assert_eq!(compare_with_hub(&world).await, (0, 0));
    assert_eq!(hospital.totals(&EMPLOYEE).await, before);
    let late = hospital.send(&settle).await;
    assert_eq!(late.text("/infcode"), "-1", "the original is refused as before");
    assert_eq!(certified(&world).await, 1);
    world.assert_sound().await;
}

/// Puts another answer into the region's book in the place of the one that it gave: one yuan less from its fund.
async fn damage_the_book(world: &mut World, older: &Path) {
    let last = world.line().homes[&home()].store().last_seq().await.expect("a book");
    let store = world.line().home_store(home()).expect("it is a home region");
    world.line_mut().stop_home(home()).await.expect("it runs");
    copy_store(older, &store);
    world.line_mut().restart_home(home()).await.expect("it starts again");

    let hub = world.line().hub.hub();
    let region = hub.directory.home(home()).expect("a region");
    let given = hub.book_given(region, last).await.expect("what was answered").remove(0);
    let mut outcome = v1::Outcome::decode(given.outcome).expect("an outcome");
    let Some(v1::outcome::Result::Accepted(accepted)) = &mut outcome.result else { panic!("it was accepted") };
    let Some(v1::accepted::Effect::Settled(settled)) = &mut accepted.effect else { panic!("a settlement") };
    settled.basic -= 100;
    settled.cash += 100;
    let BookSeq(last) = last;
    let damaged = v1::ReinstateRequest {
        home: home().to_string(),
        operation: given.bytes,
        outcome: outcome.encode_to_vec().into(),
        book_seq: last,
        after: last - 1,
        filing: proto::convert::write_attached_filings(&given.filings)
            .map(|attached| attached.encode_to_vec().into())
            .unwrap_or_default(),
        answered_at: given.answered_at.as_microsecond(),
        request_id: "damage".into(),
    };
    let taken = region.port().reinstate(damaged, Duration::from_secs(3)).await.unwrap_or_else(|_| panic!("no reply"));
    assert_eq!(taken.clash, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_home_book_is_a_break_that_stands_until_a_person_ends_it() {
    let (mut world, hospital) = World::with_a_hospital().await;
    hospital.settle_a_stay(&RESIDENT).await;
    let (older, store) =
        (world.deploy().join("older.db"), world.line().home_store(home()).expect("it is a home region"));
    world.line_mut().stop_home(home()).await.expect("it runs");
    copy_store(&store, &older);
    world.line_mut().restart_home(home()).await.expect("it starts again");
    eventually("the region is asked again", || async {
        let stay = hospital.stay(&EMPLOYEE, "8000.00").await;
        hospital.send(&hospital.settle_message(&EMPLOYEE, &stay, "8000.00")).await.succeeded()
    })
    .await;
    damage_the_book(&mut world, &older).await;

    assert_eq!(uncompared(&world).await, [[Books::TreatmentHub, Books::HubHome]]);
    for _ in 0..2 {
        assert_eq!(compare_with_home(&world).await, (1, 0), "no rule mends it");
    }
    assert_eq!(uncompared(&world).await, [[Books::TreatmentHub]], "it was compared, though the books differ");
    assert_eq!(compare_with_hub(&world).await, (0, 0));
    assert_eq!(uncompared(&world).await, [[Books::HubHome; 0]; 0]);
    let open = standing(&world).await;
    let [BreakHistory { found, acted, end: None }] = &open[..] else { panic!("{open:?}") };
    assert_eq!((found.found.kind.word(), found.found.proposed.word()), ("amount-differs", "investigate"));
    assert_eq!(acted.len(), 0, "no rule touches it");
    let (number, mut operator) = (found.number, operator(&world));
    let told = operator.carry_out(v1::BreakRequest { number }).await.expect("an answer").into_inner();
    assert_eq!((told.action.as_str(), told.done.as_str(), told.stands), ("investigate", "nothing", true));
    compare_with_hub(&world).await;
    assert_eq!(certified(&world).await, 0, "a day with a break is not certified");
    let reason = "the region restores its book by hand".to_owned();
    operator.resolve(v1::ResolveBreakRequest { number, reason }).await.expect("it is decided");
    let end = history(&world, number).await.expect("a break").end.expect("it has ended");
    assert_eq!((end.ending.as_str(), end.reason.as_str()), ("decided", "the region restores its book by hand"));
}

/// The folder from which the region's node signs.
fn signing(world: &World) -> PathBuf {
    let store = world.line().home_store(home()).expect("a region");
    world.line().credentials(&store.file_stem().expect("a name").to_string_lossy())
}

/// Gives the region's node other files to sign documents with, while it runs.
fn sign_with(world: &World, files: &Path) {
    let node = signing(world);
    for file in [SIGNING_FILE, SIGNING_KEY_FILE] {
        fs::copy(files.join(file), node.join(file)).expect("a copy");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_by_another_authoritys_certificate_is_not_kept_and_the_region_is_asked_again() {
    let (world, hospital) = World::with_a_hospital().await;
    hospital.settle_a_stay(&EMPLOYEE).await;
    let issued = |authority: &str| {
        let folder = tempfile::tempdir().expect("a folder");
        let ca = CertificateAuthority::init(&folder.path().join("ca"), authority).expect("an authority");
        let names = vec![ParticipantName::new(home().0, Role::Home).expect("a name")];
        ca.issue(folder.path(), &Issue { names, hosts: Vec::new(), days: 30 }).expect("certificates");
        folder
    };
    let (foreign, own) = (issued("another"), tempfile::tempdir().expect("a folder"));
    for file in [SIGNING_FILE, SIGNING_KEY_FILE] {
        fs::copy(signing(&world).join(file), own.path().join(file)).expect("a copy");
    }
    sign_with(&world, foreign.path());
    compare_with_home(&world).await;
    compare_with_hub(&world).await;
    assert_eq!(certified(&world).await, 0);
    let listed = world.line().hub.store().certificate_list(DAYS, Scope::default()).await.expect("certificates");
    let party = format!("yidi://{}/home", home());
    assert_eq!((listed.len(), listed[0].signatures.len(), listed[0].signature_of(&party)), (1, 2, None));

    sign_with(&world, own.path());
    eventually("the region is asked again", || async { certified(&world).await == 1 }).await;
}
