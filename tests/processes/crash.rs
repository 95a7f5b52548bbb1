//! Nothing lost and nothing doubled, with real processes, real sockets and real TLS, however they are killed. CI runs a
//! few kills; `cargo xtask soak` many, by `YIDI_KILLS`. `YIDI_SEED` chooses the same faults again.

mod chance;
mod clerk;
pub mod deployment;
mod faults;
mod node;
mod run;
mod told;

use chance::Chance;
use deployment::Storage;
use run::{in_peace, under_load};

/// How many stays are at hand for each kill; a run that needs more says so.
const STAYS_A_KILL: usize = 120;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is {text:?}")))
}

fn seed() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("it is after 1970");
    number("YIDI_SEED", u64::from(now.subsec_nanos()))
}

async fn kill_at_random(storage: Storage) {
    let (seed, kills) = (seed(), usize::try_from(number("YIDI_KILLS", 20)).expect("a number of kills"));
    under_load(seed, storage, STAYS_A_KILL * kills, move |deployment, told| {
        let done = faults::inject(deployment, told, &mut Chance::new(seed), kills);
        format!("{kills} kills: {done:?}")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_stay_of_a_run_is_settled_where_nothing_fails() {
    in_peace().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_lost_or_doubled_when_processes_are_killed() {
    kill_at_random(Storage::Files).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_store_without_room_refuses_and_goes_on_when_there_is_room() {
    under_load(seed(), Storage::Files, 2_000, |deployment, told| {
        for index in 0..deployment.nodes.len() {
            faults::wait_for_answers(told, 10);
            faults::fill_disk_until_refused(&mut deployment.nodes[index], told);
            // Without a restart: the process goes on as soon as its files may grow again.
            faults::wait_for_answers(told, 30);
        }
        "each store in turn without room".to_owned()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_store_without_pages_refuses_and_stops_in_good_order() {
    under_load(seed(), Storage::Files, 2_000, |deployment, told| {
        for index in 0..deployment.nodes.len() {
            faults::wait_for_answers(told, 10);
            faults::fill_pages_until_refused(deployment, index, told);
            faults::wait_for_answers(told, 30);
        }
        "each store in turn without pages".to_owned()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_lost_or_doubled_on_postgres_with_two_hubs_either() {
    kill_at_random(Storage::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn roles_that_start_before_their_database_wait_for_it() {
    under_load(seed(), Storage::Postgres, 1_000, |deployment, told| {
        faults::wait_for_answers(told, 10);
        faults::start_before_the_database(deployment);
        faults::wait_for_answers(told, 30);
        "every process started while the database was away".to_owned()
    })
    .await;
}
