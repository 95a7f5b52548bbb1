//! A home region's book restored from an older copy, from end to end: the alarm, what is missing, giving it back. And
//! what a late change affects, asked through the hub.

use std::path::PathBuf;

use broker::directory::Fallen;
use clearing::breaks::{Book, Kind, Proposal};
use jiff::civil::date;
use ledger::leaves::Scope;
use proto::v1;
use proto::v1::home_books_client::HomeBooksClient;
use settlement::ids::PoolCode;
use tonic::transport::Channel;
use world::hospital::Hospital;
use world::{EMPLOYEE, RESIDENT, World, copy_store, eventually, pool};

fn home() -> PoolCode {
    pool(EMPLOYEE.home)
}

fn operator(world: &World) -> HomeBooksClient<Channel> {
    HomeBooksClient::new(world.channel())
}

fn book_of(home: PoolCode) -> v1::BookRequest {
    v1::BookRequest { home: home.to_string(), request_id: String::new() }
}

async fn settle(hospital: &Hospital, patient: &world::Enrollee, days: (&str, &str)) -> (String, String) {
    hospital.settle(patient, "8000.00", days).await
}

/// Stops the region, puts a copy of its store in its place or takes one, and starts it again.
async fn with_store_at_rest(world: &mut World, work: impl FnOnce(PathBuf)) {
    let store = world.line().home_store(home()).expect("it is a home region");
    world.line_mut().stop_home(home()).await.expect("it runs");
    work(store);
    world.line_mut().restart_home(home()).await.expect("it starts again");
}

fn fallen(world: &World) -> Option<Fallen> {
    let homes = world.line().hub.hub().directory.homes();
    homes.iter().find(|one| one.pools().contains(&home())).and_then(|one| one.book().fallen())
}

/// Compares the hub's book of the days around with the region's: how many branches agree, and which breaks stand.
async fn compare(world: &World) -> (usize, Vec<(Kind, Proposal)>) {
    let hub = world.line().hub.hub();
    let region = hub.directory.home(home()).expect("a region");
    let compared = hub.compare(region, home(), (date(2025, 6, 1), date(2025, 6, 30))).await.expect("both can be read");
    let breaks = hub.store.break_list(Scope::default()).await.expect("a list");
    assert_eq!((compared.breaks, compared.pending), (breaks.len(), 0));
    (compared.agreed, breaks.into_iter().map(|open| (open.found.kind, open.found.proposed)).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_copy_raises_the_alarm_and_is_made_whole_from_the_hubs_answers() {
    let (mut world, hospital) = World::with_a_hospital().await;
    let copy = world.deploy().join("older.db");
    settle(&hospital, &EMPLOYEE, ("2025-05-02", "2025-05-05")).await;
    let kept = copy.clone();
    with_store_at_rest(&mut world, |store| copy_store(&store, &kept)).await;

    let (stay, second) = settle(&hospital, &EMPLOYEE, ("2025-06-02", "2025-06-05")).await;
    settle(&hospital, &RESIDENT, ("2025-06-02", "2025-06-05")).await;
    let cancel = hospital.cancel_message(&EMPLOYEE, &stay, &second);
    assert!(hospital.send(&cancel).await.succeeded());
    let reverse = hospital.reverse_message(&EMPLOYEE, &cancel);
    assert!(hospital.send(&reverse).await.succeeded());
    assert_eq!(compare(&world).await, (1, vec![]), "a day between two pools");
    let before = (hospital.totals(&EMPLOYEE).await, hospital.totals(&RESIDENT).await);
    let last = world.line().homes[&home()].store().last_seq().await.expect("a book").0;

    with_store_at_rest(&mut world, |store| copy_store(&copy, &store)).await;
    let next = hospital.stay_between(&EMPLOYEE, "8000.00", ("2025-06-10", "2025-06-12")).await;
    let settle_next = hospital.settle_message(&EMPLOYEE, &next, "8000.00");
    eventually("the region is asked and says that its book ends too early", || async {
        let refused = hospital.send(&settle_next).await;
        assert!(refused.text("/err_msg").starts_with("[701]"), "{}", refused.text("/err_msg"));
        refused.text("/err_msg").contains("恢复账簿")
    })
    .await;
    assert_eq!(fallen(&world), Some(Fallen { from: last, to: last - 4 }));
    eventually("the alarm is kept", || async {
        world.line().hub.store().fall_list().await.is_ok_and(|falls| falls.len() == 1)
    })
    .await;

    // A restart of everything forgets nothing.
    world.restart().await;
    let hospital = hospital.moved_to(world.desk());
    assert_eq!(fallen(&world), Some(Fallen { from: last, to: last - 4 }));
    let health = world.line().hub.hub().health().await.expect("health");
    assert!(health.homes.iter().any(|home| home.book_fell.is_some()));
    assert!(hospital.send(&settle_next).await.text("/err_msg").starts_with("[701]"));

    let (agreed, mut breaks) = compare(&world).await;
    breaks.sort_unstable();
    let lacking = (Kind::Missing(Book::Inner), Proposal::Reinstate);
    let otherwise = (Kind::StateDiffers, Proposal::Reinstate);
    assert_eq!((agreed, breaks), (0, vec![lacking, lacking, otherwise, otherwise]));
    let mut operator = operator(&world);
    let missing = operator.missing(book_of(home())).await.expect("a list").into_inner();
    assert_eq!((missing.fallen, missing.held, missing.missing), (true, last - 4, 4));
    let kinds: Vec<&str> = missing.entries.iter().map(|entry| entry.kind.as_str()).collect();
    assert_eq!(kinds, ["settle", "settle", "cancel", "reverse"]);

    let restored = operator.restore(book_of(home())).await.expect("an answer").into_inner();
    assert_eq!((restored.taken_back, restored.known, restored.whole), (4, 0, true), "{restored:?}");
    assert_eq!(fallen(&world), None);
    assert_eq!(compare(&world).await, (1, vec![]), "what was given back is no break any more");
    assert_eq!((hospital.totals(&EMPLOYEE).await, hospital.totals(&RESIDENT).await), before);
    world.assert_sound().await;

    let settled = hospital.send(&settle_next).await;
    assert!(settled.succeeded(), "{}", settled.text("/err_msg"));
    world.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_lists_what_a_cancellation_affects() {
    let (world, hospital) = World::with_a_hospital().await;
    let (stay, first) = settle(&hospital, &EMPLOYEE, ("2025-05-02", "2025-05-05")).await;
    let (_, second) = settle(&hospital, &EMPLOYEE, ("2025-06-02", "2025-06-05")).await;
    let asked = v1::AffectedRequest { home: EMPLOYEE.home.into(), ..v1::AffectedRequest::default() };
    let list = async || operator(&world).affected(asked.clone()).await.expect("a list").into_inner().settlements;
    assert_eq!(list().await, []);
    let totals = hospital.totals(&EMPLOYEE).await;
    let cancel = hospital.cancel_message(&EMPLOYEE, &stay, &first);
    assert!(hospital.send(&cancel).await.succeeded());
    let affected = list().await;
    assert_eq!(affected.iter().map(|one| one.settlement.as_str()).collect::<Vec<_>>(), [second]);
    let (told, now) = (affected[0].told.unwrap_or_default(), affected[0].now.unwrap_or_default());
    assert!(now.basic < told.basic, "the first stay of a year bears the higher deductible: {told:?} {now:?}");
    assert!(hospital.send(&hospital.reverse_message(&EMPLOYEE, &cancel)).await.succeeded());
    assert_eq!(list().await, []);
    assert_eq!(hospital.totals(&EMPLOYEE).await, totals);
    world.assert_sound().await;
}
