//! The whole line for tests: hub, home regions, treatment side and CA in one process, each world with its own folder,
//! ports, clock and people. Nothing is mocked.

pub mod arithmetic;
pub mod hospital;
pub mod months;
pub mod plain_toml;
pub mod relay;

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use identity::client::{Expected, channel};
use identity::credentials::Credentials;
use jiff::civil::DateTime;
use ledger::clock::Clock;
use settlement::beijing;
use settlement::ids::{PoolCode, RegionCode};
use tempfile::TempDir;
use tonic::transport::Channel;
use yidi::desk::Desk;
use yidi::filing::Operator;
use yidi::line::{Line, Plan};

use crate::hospital::Hospital;
use crate::relay::Relay;

/// How long a test waits for a fact before it fails. Not a measure of speed.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a test waits for the hub to answer.
const HUB_PATIENCE: Duration = Duration::from_secs(3);
/// How long the world's nodes wait for one another: short, so that a lost answer is soon in doubt.
const NODE_PATIENCE_MS: u64 = 1_500;

/// A world of its own.
pub struct World {
    /// The line; taken while it is stopped.
    line: Option<Line>,
    folder: TempDir,
    clock: Clock,
    relays: Arc<Mutex<BTreeMap<PoolCode, Relay>>>,
}

/// An enrollee that every world has beside the demo's people.
#[derive(Clone, Copy, Debug)]
pub struct Enrollee {
    /// `psn_no`.
    pub number: &'static str,
    /// The pool that insures the person.
    pub home: &'static str,
    /// `insutype`.
    pub insurance: &'static str,
    /// The name, which must show up nowhere.
    pub name: &'static str,
    /// The document, which must show up nowhere.
    pub document: &'static str,
}

/// In work, insured in Xinxiang, filed for Shanghai for long.
pub const EMPLOYEE: Enrollee = Enrollee {
    number: "41070000990001",
    home: "410700",
    insurance: "310",
    name: "甄在职",
    document: "41070219800101990X",
};
/// Resident of Xinxiang, filed for Shanghai for long.
pub const RESIDENT: Enrollee = Enrollee {
    number: "41070000990003",
    home: "410700",
    insurance: "390",
    name: "任居民",
    document: "410702197501019902",
};
/// Resident of Xinxiang, filed nowhere.
pub const UNFILED: Enrollee = Enrollee {
    number: "41070000990002",
    home: "410700",
    insurance: "390",
    name: "贾未备",
    document: "410702197001019901",
};

impl World {
    /// A world in which nothing has happened, at nine in the morning of 20 June 2025.
    pub async fn start() -> World {
        World::start_with(|_| {}).await
    }

    /// A world in which the demo's filings are lodged.
    pub async fn start_with_filings() -> World {
        let world = World::start().await;
        world.lodge_filings().await;
        world
    }

    /// The same, with a hospital whose desk it serves.
    pub async fn with_a_hospital() -> (World, Hospital) {
        let world = World::start_with_filings().await;
        let hospital = Hospital::new(world.desk());
        (world, hospital)
    }

    /// Lodges the filings in this world's `deploy`.
    pub async fn lodge_filings(&self) {
        let filings = self.deploy().join("demo/filings.csv");
        let refused = yidi::filing::lodge_all(&self.operator(), &filings).await.expect("the file can be read");
        assert!(refused.is_empty(), "{refused:?}");
    }

    /// A world whose `deploy` folder was edited before its first start.
    pub async fn start_with(edit: impl FnOnce(&Path)) -> World {
        identity::install_crypto_provider();
        let folder = tempfile::tempdir().expect("a folder");
        let deploy = folder.path().join("deploy");
        copy(&repository().join("deploy"), &deploy);
        add_people(&deploy);
        edit(&deploy);
        let clock = Clock::starting_at(instant("2025-06-20T09:00:00"));
        let mut world = World { line: None, folder, clock, relays: Arc::default() };
        world.begin().await;
        world
    }

    async fn begin(&mut self) {
        let relays = self.relays.clone();
        let detour = move |home, address| {
            let relay = Relay::to(address);
            let seen = relay.address;
            relays.lock().expect("no test panics here").insert(home, relay);
            seen
        };
        let plan = Plan {
            folder: self.folder.path().join("line"),
            deploy: self.deploy(),
            desk_port: 0,
            hub_port: 0,
            patience_ms: NODE_PATIENCE_MS,
            clock: self.clock.clone(),
            detour: Arc::new(detour),
        };
        let line = Line::start(plan).await.unwrap_or_else(|fault| panic!("the line does not start: {fault:#}"));
        self.line = Some(line);
    }

    /// Stops everything in good order and starts it again on the same stores.
    pub async fn restart(&mut self) {
        if let Some(line) = self.line.take() {
            line.stop().await;
        }
        self.begin().await;
    }

    /// The running line.
    pub fn line(&self) -> &Line {
        self.line.as_ref().expect("a world runs between its steps")
    }

    /// The running line, to stop and start parts of it.
    pub fn line_mut(&mut self) -> &mut Line {
        self.line.as_mut().expect("a world runs between its steps")
    }

    /// From now on requests reach a home region and its answers do not come back.
    pub fn lose_answers(&self, home: PoolCode) {
        self.relays.lock().expect("no test panics here")[&home].lose_answers();
    }

    /// Mends what [`World::lose_answers`] broke.
    pub fn mend(&self, home: PoolCode) {
        self.relays.lock().expect("no test panics here")[&home].mend();
    }

    /// This world's own copy of `deploy`, to be edited between restarts.
    pub fn deploy(&self) -> PathBuf {
        self.folder.path().join("deploy")
    }

    /// A desk at the national interface.
    pub fn desk(&self) -> Desk {
        Desk::new(self.line().desk())
    }

    /// An operator of filings.
    pub fn operator(&self) -> Operator {
        Operator::new(&self.line().hub.address().to_string(), &self.line().operator())
            .expect("the operator has certificates")
    }

    /// A channel to the hub, with the certificate in a folder.
    pub fn channel_as(&self, certificate: &Path) -> Channel {
        let credentials = Arc::new(Credentials::load(certificate).expect("credentials"));
        let hub = self.line().hub.address().to_string();
        channel(&hub, credentials, Expected::Hub, HUB_PATIENCE).expect("a channel")
    }

    /// The same, as whoever operates for every region.
    pub fn channel(&self) -> Channel {
        self.channel_as(&self.line().operator())
    }

    /// The clock of every node.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Asserts that what must always hold does hold in every book.
    pub async fn assert_sound(&self) {
        let findings = yidi::verify::findings(&self.line().stores()).await.expect("the books can be read");
        let told: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert!(told.is_empty(), "what must always hold does not:\n  {}", told.join("\n  "));
    }
}

/// The root of the repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace is the parent folder").to_owned()
}

/// A pool's code.
pub fn pool(code: &str) -> PoolCode {
    PoolCode(RegionCode::new(code).expect("six digits"))
}

/// An instant from a Beijing time.
pub fn instant(shown: &str) -> jiff::Timestamp {
    beijing::instant_of(shown.parse::<DateTime>().expect("a time")).expect("an instant")
}

/// Waits until a fact holds.
pub async fn eventually<F: Future<Output = bool>>(fact: &str, mut holds: impl FnMut() -> F) {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < PATIENCE, "still not so: {fact}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Has days cleared that were not compared, for tests that wait for no comparison.
pub fn clear_uncompared(deploy: &Path) {
    let file = deploy.join("calendar.toml");
    let calendar = std::fs::read_to_string(&file).expect("a calendar");
    let cleared = calendar.replace("uncompared = \"carried\"", "uncompared = \"cleared\"");
    assert_ne!(cleared, calendar, "the setting is there");
    std::fs::write(file, cleared).expect("it is written");
}

/// Appends a line to a file of `deploy/demo`. The columns that it lacks at its end are empty.
pub fn append(deploy: &Path, file: &str, row: &str) {
    let path = deploy.join("demo").join(file);
    let text = fs::read_to_string(&path).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()));
    let columns = |line: &str| line.matches(',').count();
    let lacking = columns(text.lines().next().unwrap_or_default()).saturating_sub(columns(row));
    let mut file =
        OpenOptions::new().append(true).open(&path).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()));
    writeln!(file, "{row}{}", ",".repeat(lacking)).expect("a row can be written");
}

/// Copies a store at rest, in the place of another: it is its file, and its log where that was not folded into it yet.
pub fn copy_store(from: &Path, to: &Path) {
    for end in ["db", "db-wal", "db-shm"] {
        let _ = fs::remove_file(to.with_extension(end));
    }
    for end in ["db", "db-wal"] {
        let file = from.with_extension(end);
        if file.exists() {
            fs::copy(file, to.with_extension(end)).expect("a copy");
        }
    }
}

fn add_people(deploy: &Path) {
    for person in [EMPLOYEE, RESIDENT, UNFILED] {
        let Enrollee { number, home, insurance, name, document } = person;
        append(deploy, "people/people.csv", &format!("{number},{name},01,{document},C{number},1,1980-01-01,{home}"));
        let (insurance, class) = if insurance == "310" { ("employee", "11") } else { ("resident", "1501") };
        append(
            deploy,
            "people/entitlements.csv",
            &format!("{number},{insurance},{class},2010-01-01,,2010-01-01,,0,,,"),
        );
    }
    for (id, person) in [("WORLD-1", EMPLOYEE), ("WORLD-3", RESIDENT)] {
        append(deploy, "filings.csv", &format!("{id},{},410700,long-term,310000,2025-01-01,", person.number));
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder can be made");
    for entry in fs::read_dir(from).expect("a folder can be listed") {
        let path = entry.expect("an entry can be read").path();
        let target = to.join(path.file_name().expect("an entry has a name"));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).expect("a file can be copied");
        }
    }
}
