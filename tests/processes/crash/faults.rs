//! What is done to a deployment under load: each role killed at random and started again, wires cut, slowed and half
//! closed, and stores left without room. Every choice comes from the seed.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use world::relay::Mode;

use super::chance::Chance;
use super::deployment::{Deployment, Storage};
use super::node::Node;
use super::told::Told;
use crate::process::PATIENCE;

/// A fault comes after at most so many answers.
const MOST_ANSWERS_BETWEEN: u64 = 25;
/// Or, where answers stay away, after so long.
const LONGEST_BETWEEN: Duration = Duration::from_millis(2_500);
/// A process is away for less than this, in milliseconds.
const AWAY_MS: u64 = 700;
/// A wire is broken, or a disk full, for less than this, in milliseconds: some calls run into their deadline meanwhile.
const BROKEN_MS: u64 = 2_500;
/// A store without room: no file may grow, and most writes go beyond this many bytes.
const NO_ROOM: u64 = 4_096;
/// So often hospitals are not answered, or told to come again, before a full store counts as noticed.
const ENOUGH_TROUBLES: usize = 10;
/// More than the start of a process makes.
const MANY_TROUBLES: usize = 300;
/// Bytes of a store's page.
const PAGE: u64 = 4_096;
/// How many pages a store may grow by before it is full.
const FEW_PAGES: u64 = 30;

/// What is done to a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Kill,
    RestartDatabase,
    BreakWire,
    FillDisk,
}

/// The faults that do something where stores are files, each so many times in a hundred.
const ON_FILES: [(u64, Fault); 3] = [(65, Fault::Kill), (20, Fault::BreakWire), (15, Fault::FillDisk)];
/// The same where they are databases: no process keeps a file there that could run out of room.
const ON_POSTGRES: [(u64, Fault); 3] = [(65, Fault::Kill), (15, Fault::RestartDatabase), (20, Fault::BreakWire)];

impl Fault {
    /// One of those that do something on a storage.
    fn draw(storage: Storage, chance: &mut Chance) -> Fault {
        let faults = match storage {
            Storage::Files => ON_FILES,
            Storage::Postgres => ON_POSTGRES,
        };
        let mut drawn = chance.below(faults.iter().map(|(share, _)| share).sum());
        for (share, fault) in faults {
            match drawn.checked_sub(share) {
                Some(left) => drawn = left,
                None => return fault,
            }
        }
        unreachable!("what was drawn is below the sum of the shares")
    }
}

/// Injects faults until so many processes were killed, and says what it did. Everything is mended at the end.
pub fn inject(
    deployment: &mut Deployment,
    told: &Told,
    chance: &mut Chance,
    kills: usize,
) -> BTreeMap<&'static str, usize> {
    let mut done = BTreeMap::new();
    let mut killed = 0;
    while killed < kills {
        wait_a_while(told, chance);
        let fault = match Fault::draw(deployment.storage(), chance) {
            Fault::Kill => {
                killed += 1;
                kill_one(deployment, chance)
            }
            Fault::RestartDatabase => restart_database(deployment, chance),
            Fault::BreakWire => break_wire(deployment, chance),
            Fault::FillDisk => fill_disk(deployment, chance),
        };
        *done.entry(fault).or_default() += 1;
    }
    done
}

fn wait_a_while(told: &Told, chance: &mut Chance) {
    let wanted = told.answers() + usize::try_from(chance.below(MOST_ANSWERS_BETWEEN)).expect("a small number");
    let begun = Instant::now();
    while told.answers() < wanted && begun.elapsed() < LONGEST_BETWEEN {
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// kill -9; sometimes again while it is starting.
fn kill_one(deployment: &mut Deployment, chance: &mut Chance) -> &'static str {
    let index = usize::try_from(chance.below(deployment.nodes.len() as u64)).expect("a small number");
    let node = &mut deployment.nodes[index];
    let name = match node.name.as_str() {
        "hub" | "hub-2" => "kill hub",
        "treatment" => "kill treatment side",
        _ => "kill home region",
    };
    node.kill();
    std::thread::sleep(chance.time_below(AWAY_MS));
    node.start();
    if chance.percent(20) {
        std::thread::sleep(chance.time_below(AWAY_MS));
        node.kill();
        node.start();
    }
    if chance.percent(70) {
        node.wait_until_ready();
    }
    name
}

/// The database server dies, or is restarted without tidying up; the processes find it again by themselves.
fn restart_database(deployment: &Deployment, chance: &mut Chance) -> &'static str {
    let server = deployment.postgres.as_ref().expect("it was asked for where there is one");
    let killed = chance.percent(50);
    if killed {
        server.kill();
        std::thread::sleep(chance.time_below(AWAY_MS));
    }
    server.restart().unwrap_or_else(|fault| panic!("the database does not come back: {fault}"));
    if killed { "kill database" } else { "restart database" }
}

/// Every process dies together with the database, and comes back before it.
pub fn start_before_the_database(deployment: &mut Deployment) {
    let server = deployment.postgres.as_ref().expect("it was asked for where there is one");
    server.kill();
    for node in &mut deployment.nodes {
        node.kill();
        node.start();
    }
    // Long enough for each of them to have found nobody.
    std::thread::sleep(Duration::from_secs(2));
    deployment.nodes.iter_mut().for_each(Node::assert_alive);
    server.restart().unwrap_or_else(|fault| panic!("the database does not come back: {fault}"));
    deployment.wait_until_ready();
}

fn break_wire(deployment: &Deployment, chance: &mut Chance) -> &'static str {
    let wire = usize::try_from(chance.below(deployment.wires() as u64)).expect("a small number");
    let slow = Mode::Slow(chance.time_below(300));
    let modes = [
        (Mode::Cut, "cut wire"),
        (Mode::LosesAnswers, "lose answers"),
        (Mode::LosesRequests, "lose requests"),
        (Mode::HalfClosed, "half-close wire"),
        (slow, "slow wire"),
    ];
    let (mode, name) = *chance.one_of(&modes);
    deployment.set_wire(wire, mode);
    std::thread::sleep(chance.time_below(BROKEN_MS));
    deployment.set_wire(wire, Mode::Whole);
    name
}

/// No file of a process may grow for a while; afterwards it goes on without a restart.
fn fill_disk(deployment: &mut Deployment, chance: &mut Chance) -> &'static str {
    let index = usize::try_from(chance.below(deployment.nodes.len() as u64)).expect("a small number");
    let node = &mut deployment.nodes[index];
    node.wait_until_ready();
    node.limit_files(Some(NO_ROOM));
    std::thread::sleep(chance.time_below(BROKEN_MS));
    node.limit_files(None);
    node.assert_alive();
    "no room in store"
}

/// Lets no file of a process grow until hospitals have noticed.
///
/// # Panics
/// When nobody notices, or the process ends.
pub fn fill_disk_until_refused(node: &mut Node, told: &Told) {
    let before = told.troubles();
    node.limit_files(Some(NO_ROOM));
    wait_for(|| told.troubles() > before + ENOUGH_TROUBLES, &format!("{} without room is noticed", node.name));
    node.limit_files(None);
    node.assert_alive();
}

/// Starts a process anew with a store that may grow by a few pages only, until hospitals have noticed, and then without
/// a bound again.
///
/// # Panics
/// When nobody notices, or the process does not stop in good order with its store full.
pub fn fill_pages_until_refused(deployment: &mut Deployment, index: usize, told: &Told) {
    let store = PathBuf::from(deployment.store(&deployment.nodes[index].name));
    let node = &mut deployment.nodes[index];
    node.stop();
    let bytes = fs::metadata(&store).unwrap_or_else(|fault| panic!("{}: {fault}", store.display())).len();
    node.set(&format!("max_store_pages = {}", bytes / PAGE + FEW_PAGES));
    node.start();
    let before = told.troubles();
    wait_for(|| told.troubles() > before + MANY_TROUBLES, &format!("{} without pages is noticed", node.name));
    node.stop();
    node.set("");
    node.start();
}

/// Waits until hospitals have had so many answers more.
///
/// # Panics
/// When they do not come.
pub fn wait_for_answers(told: &Told, more: usize) {
    let wanted = told.answers() + more;
    wait_for(|| told.answers() >= wanted, "hospitals are answered");
}

/// Waits until so many settlements are in force as hospitals know them.
///
/// # Panics
/// When that does not come to be: mended or not, the deployment does not go on.
pub fn wait_for_settlements(told: &Told, wanted: usize) {
    wait_for(|| told.in_force() >= wanted, "enough is settled");
}

fn wait_for(mut holds: impl FnMut() -> bool, fact: &str) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "still not so: {fact}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn every_fault_that_is_drawn_does_something_on_its_storage() {
    let mut chance = Chance::new(1);
    let mut drawn = |storage| -> Vec<Fault> { (0..1_000).map(|_| Fault::draw(storage, &mut chance)).collect() };
    let (files, postgres) = (drawn(Storage::Files), drawn(Storage::Postgres));
    let has = |drawn: &[Fault], fault| drawn.contains(&fault);
    assert!(!has(&files, Fault::RestartDatabase) && !has(&postgres, Fault::FillDisk));
    assert!(has(&files, Fault::FillDisk) && has(&postgres, Fault::RestartDatabase));
    for drawn in [&files, &postgres] {
        assert!(has(drawn, Fault::Kill) && has(drawn, Fault::BreakWire));
    }
}
