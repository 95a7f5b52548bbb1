//! Nothing lost and nothing doubled, with real processes, real sockets and real TLS, however they are killed. CI runs a
//! few kills; `cargo xtask soak` many, by `YIDI_KILLS`. `YIDI_SEED` chooses the same faults again.

mod chance;
mod clerk;
mod deployment;
mod faults;
mod node;
mod told;

use std::sync::Arc;

use world::hospital::Hospital;
use yidi::desk::Desk;

use chance::Chance;
use clerk::{Clerk, STAYS_EACH};
use deployment::Deployment;
use told::Told;

/// How many clerks work at once.
const CLERKS: usize = 12;
/// How many stays are at hand for each kill; a run that needs more says so.
const STAYS_A_KILL: usize = 120;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is {text:?}")))
}

fn seed() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("it is after 1970");
    number("YIDI_SEED", u64::from(now.subsec_nanos()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_lost_or_doubled_when_processes_are_killed() {
    let (seed, kills) = (seed(), usize::try_from(number("YIDI_KILLS", 20)).expect("a number of kills"));
    println!("seed {seed}: YIDI_SEED={seed} YIDI_KILLS={kills} chooses the same faults again");
    let each = (STAYS_A_KILL * kills).div_ceil(STAYS_EACH * CLERKS).max(2);
    let mut deployment = Deployment::start(each * CLERKS).await;
    let told = Arc::new(Told::default());
    let clerks = start_clerks(&deployment, &told, seed);

    let (mut chance, watched) = (Chance::new(seed), told.clone());
    let injecting = tokio::task::spawn_blocking(move || {
        let done = faults::inject(&mut deployment, &watched, &mut chance, kills);
        (deployment, done)
    });
    let (mut deployment, done) = injecting.await.expect("every process does as it should");
    told.end();
    faults::wait_for_clerks(clerks).await;
    deployment.stop();

    let compared = told.compare(&deployment);
    let (unknown, later) = told.troubles();
    println!(
        "{} answers, {unknown} times none, {later} times later; {} settlements told, {} in force; {done:?}",
        told.answers(),
        compared.settlements,
        compared.in_force
    );
    if !compared.complaints.is_empty() {
        let kept = deployment.keep();
        panic!("seed {seed}, files in {}:\n  {}", kept.display(), compared.complaints.join("\n  "));
    }
    assert!(compared.in_force > kills, "too little was settled under load");
}

fn start_clerks(deployment: &Deployment, told: &Arc<Told>, seed: u64) -> Vec<tokio::task::JoinHandle<()>> {
    let desk = Desk::new(deployment.desk.clone());
    let hospital = Arc::new(Hospital::new(desk.clone()));
    let rooms = deployment.people.chunks(deployment.people.len() / CLERKS);
    let clerks = rooms.enumerate().map(|(number, patients)| {
        let chance = Chance::new(seed).branch(number as u64 + 1);
        let mut clerk = Clerk { hospital: hospital.clone(), desk: desk.clone(), told: told.clone(), chance };
        let patients = patients.to_vec();
        tokio::spawn(async move { clerk.see(&patients).await })
    });
    clerks.collect()
}
