//! A run: a deployment under the load of clerks, faults in the middle, and the books held against what hospitals were
//! told when all is quiet again.

use std::sync::Arc;

use tokio::task::JoinHandle;
use world::hospital::Hospital;
use yidi::desk::Desk;

use super::chance::Chance;
use super::clerk::{Clerk, STAYS_EACH};
use super::deployment::{Deployment, HOMES, Storage};
use super::faults;
use super::told::Told;
use crate::process::PATIENCE;

/// How many clerks work at once.
const CLERKS: usize = 12;
/// How many settlements in force a run has before it ends; more than clerks can still undo.
const ENOUGH: usize = 2 * CLERKS;

/// Starts a deployment with patients for so many stays, lets clerks work while faults are injected, mends everything,
/// stops it, and compares.
///
/// # Panics
/// When something was lost, doubled or otherwise not as it should be; the deployment's files are kept then.
pub async fn under_load<F>(seed: u64, storage: Storage, stays: usize, inject: F)
where
    F: FnOnce(&mut Deployment, &Told) -> String + Send + 'static,
{
    eprintln!("seed {seed}: the environment YIDI_SEED={seed} chooses the same faults again");
    let each = stays.div_ceil(STAYS_EACH * CLERKS).max(2);
    let mut deployment = Deployment::start(storage, each * CLERKS).await;
    let told = Arc::new(Told::default());
    let clerks = start_clerks(&deployment, &told, seed);
    let watched = told.clone();
    let injecting = tokio::task::spawn_blocking(move || {
        let done = inject(&mut deployment, &watched);
        deployment.wait_until_ready();
        faults::wait_for_settlements(&watched, ENOUGH);
        (deployment, done)
    });
    let (mut deployment, done) = injecting.await.expect("every process does as it should");
    told.end();
    for clerk in clerks {
        let finished = tokio::time::timeout(PATIENCE, clerk).await;
        finished.expect("a clerk still waits for an answer").expect("no clerk panics");
    }
    deployment.stop();
    eprintln!("{done}");
    conclude(seed, &mut deployment, &told);
}

/// Starts a deployment with a patient of each home region, sees all their stays in peace, and compares: a run is to
/// complain of what its faults did, and not of a region whose rules refuse who was ill too often.
///
/// # Panics
/// When a stay was not settled, or something was lost or doubled.
pub async fn in_peace() {
    let mut deployment = Deployment::start(Storage::Files, HOMES.len()).await;
    let desk = Desk::new(deployment.desk.clone());
    let told = Arc::new(Told::default());
    let hospital = Arc::new(Hospital::new(desk.clone()));
    let mut clerk = Clerk { hospital, desk, told: told.clone(), chance: Chance::new(0) };
    assert!(clerk.see(&deployment.people).await, "every stay is seen");
    deployment.stop();
    conclude(0, &mut deployment, &told);
}

fn conclude(seed: u64, deployment: &mut Deployment, told: &Told) {
    let compared = told.compare(deployment);
    eprintln!("{}; {} settlements told, {} in force", told.summary(), compared.settlements, compared.in_force);
    if !compared.complaints.is_empty() {
        let kept = deployment.keep();
        panic!("seed {seed}, files in {}:\n  {}", kept.display(), compared.complaints.join("\n  "));
    }
}

fn start_clerks(deployment: &Deployment, told: &Arc<Told>, seed: u64) -> Vec<JoinHandle<()>> {
    let desk = Desk::new(deployment.desk.clone());
    let hospital = Arc::new(Hospital::new(desk.clone()));
    let rooms = deployment.people.chunks(deployment.people.len() / CLERKS);
    let clerks = rooms.enumerate().map(|(number, patients)| {
        let chance = Chance::new(seed).branch(number as u64 + 1);
        let mut clerk = Clerk { hospital: hospital.clone(), desk: desk.clone(), told: told.clone(), chance };
        let patients = patients.to_vec();
        tokio::spawn(async move {
            if clerk.see(&patients).await {
                clerk.told.complain("there were too few patients for this run".to_owned());
            }
        })
    });
    clerks.collect()
}
