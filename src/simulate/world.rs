//! A simulated world: one hub, two home regions, one treatment side, each the real thing on a simulated disk behind a
//! simulated network. Here they are built, started, killed and started again; nothing of what they do is here.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use broker::breaker;
use broker::directory::{Book, Directory, Home};
use broker::limits::{Limits, Terms};
use identity::permit::MailboxPermit;
use jiff::Timestamp;
use ledger::engine::Location;
use ledger::home::HomeStore;
use ledger::hub::{HubStore, Lodging, PeriodNumber};
use ledger::store::StoreOptions;
use ledger::treatment::TreatmentStore;
use region::committer::Committer;
use region::in_force::RulesInForce;
use settlement::filing::{Filing, FilingClass, Proof};
use settlement::ids::{FilingId, PersonNumber};
use settlement::person::Validity;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::climate::Context;
use super::fixtures::{Fixtures, PEOPLE, TREATMENT, pool};
use super::mail::{self, SimulatedMailboxes};
use super::network::{SimulatedHome, SimulatedHub, Way};
use super::node::Node;
use super::planted::{self, Planted};
use crate::verify::Stores;

/// How long the treatment side waits for the hub.
pub const TREATMENT_PATIENCE_MS: u64 = 4_500;
/// How long the hub waits for a home region.
const HUB_PATIENCE: Duration = Duration::from_millis(4_000);
/// How often the hub asks what became of what is in doubt.
const RESOLVE_EVERY: Duration = Duration::from_secs(5);
/// How many operations a node takes at once.
const IN_FLIGHT: usize = 64;
/// When a world begins.
const BEGINS: &str = "2025-06-20T01:00:00Z";

/// A home region, and which edition of its rule books it goes by.
pub struct HomeNode {
    /// The node.
    pub node: Arc<Node<region::door::Door>>,
    /// What stands before its door.
    door: planted::Home,
    edition: AtomicUsize,
}

/// See the file.
pub struct World {
    /// What everything shares.
    pub context: Arc<Context>,
    /// The hub.
    pub hub: Arc<Node<broker::door::Door>>,
    /// The home regions.
    pub homes: BTreeMap<&'static str, HomeNode>,
    /// The treatment side.
    pub treatment: Arc<Node<his::Door>>,
    fixtures: Arc<Fixtures>,
    /// The number of the next letter.
    letters: AtomicU64,
}

/// One of a world's nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The hub.
    Hub,
    /// A home region.
    Home(&'static str),
    /// The treatment side.
    Treatment,
}

impl fmt::Display for Which {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Which::Hub => f.write_str("hub"),
            Which::Home(pool) => write!(f, "home {pool}"),
            Which::Treatment => f.write_str("treatment"),
        }
    }
}

impl World {
    /// A world in which nothing is on yet.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn new(context: Arc<Context>, fixtures: Arc<Fixtures>, planted: Option<Planted>) -> Result<Arc<World>> {
        let now: Timestamp = BEGINS.parse()?;
        let mut homes = BTreeMap::new();
        for pool in fixtures.homes.keys() {
            let node = Arc::new(Node::new(&format!("home {pool}"), &context, now)?);
            homes.insert(*pool, HomeNode { node, door: planted::Home::with(planted), edition: AtomicUsize::new(0) });
        }
        Ok(Arc::new(World {
            hub: Arc::new(Node::new("hub", &context, now)?),
            treatment: Arc::new(Node::new("treatment", &context, now)?),
            homes,
            context,
            fixtures,
            letters: AtomicU64::new(1),
        }))
    }

    /// Every node.
    pub fn nodes(&self) -> Vec<Which> {
        let homes = self.homes.keys().map(|pool| Which::Home(pool));
        [Which::Hub, Which::Treatment].into_iter().chain(homes).collect()
    }

    /// Enrols the people and lodges their filings, which nothing disturbs.
    ///
    /// # Errors
    /// When a store fails.
    pub async fn settle_in(&self) -> Result<()> {
        for which in self.nodes() {
            self.start(which).await?;
        }
        for (pool, home) in &self.homes {
            let store = open_home(&home.node.location())?;
            store.enrollee_load(self.fixtures.homes[pool].people.clone()).await?;
        }
        let hub = open_hub(&self.hub.location())?;
        for patient in PEOPLE {
            hub.filing_lodge(filing(patient.number, patient.home), lodging(self.hub.clock.now()), Vec::new()).await?;
        }
        Ok(())
    }

    /// Starts a node that is off.
    ///
    /// # Errors
    /// When its store fails, which it may: then it stays off.
    pub async fn start(&self, which: Which) -> Result<()> {
        match which {
            Which::Hub => self.start_hub().await,
            Which::Home(pool) => self.start_home(pool).await,
            Which::Treatment => self.start_treatment(),
        }
    }

    /// Kills a node.
    pub fn kill(&self, which: Which) {
        match which {
            Which::Hub => self.hub.kill(),
            Which::Home(pool) => self.homes[pool].node.kill(),
            Which::Treatment => self.treatment.kill(),
        }
    }

    /// Whether a node serves.
    pub fn serves(&self, which: Which) -> bool {
        match which {
            Which::Hub => self.hub.opened().is_some(),
            Which::Home(pool) => self.homes[pool].node.opened().is_some(),
            Which::Treatment => self.treatment.opened().is_some(),
        }
    }

    /// Moves a node's clock.
    pub fn move_clock(&self, which: Which, by: jiff::SignedDuration) {
        let clock = match which {
            Which::Hub => &self.hub.clock,
            Which::Home(pool) => &self.homes[pool].node.clock,
            Which::Treatment => &self.treatment.clock,
        };
        clock.set(clock.now() + by);
    }

    /// Has a home region go by the other edition of its rule books, now if it serves, else when it starts.
    pub async fn change_rules(&self, pool: &'static str) {
        let home = &self.homes[pool];
        let edition = home.edition.fetch_xor(1, Ordering::Relaxed) ^ 1;
        if let Some(door) = home.node.opened() {
            let rules = self.fixtures.homes[pool].editions[edition].clone();
            // Where the store fails, the old ones stay in force until the next start.
            let replaced = door.rules.replace(&door.store, rules, door.clock.now());
            let _ = tokio::time::timeout(HUB_PATIENCE, replaced).await;
        }
    }

    /// Cuts the open period off, as an operator does who comes to the hub's book beside it; the one that is open then.
    ///
    /// # Errors
    /// When the store fails; it may have been cut off all the same.
    pub async fn cut_off(&self) -> Result<PeriodNumber> {
        let hub = open_hub(&self.hub.location())?;
        let open = hub.period_open().await?;
        let cut_off = hub.period_cut_off(open.number, self.hub.clock.now());
        Ok(tokio::time::timeout(HUB_PATIENCE, cut_off).await??.number)
    }

    /// Posts a letter into one of the mailboxes, as somebody does who comes to the hub's book beside it.
    ///
    /// # Errors
    /// When the store fails; it may lie there all the same.
    pub async fn post_letter(&self) -> Result<()> {
        let hub = open_hub(&self.hub.location())?;
        let homes: Vec<&str> = self.homes.keys().copied().collect();
        let number = self.letters.fetch_add(1, Ordering::Relaxed);
        let posted = mail::post(&self.context, &hub, &homes, number, self.hub.clock.now());
        tokio::time::timeout(HUB_PATIENCE, posted).await??;
        Ok(())
    }

    /// The hub's door, for a treatment side that has no business here.
    pub fn strangers_way_to_hub(&self) -> SimulatedHub {
        let way = Way { context: self.context.clone(), to: self.hub.clone() };
        SimulatedHub { way, permit: self.fixtures.stranger_permit.clone() }
    }

    /// The hub's door, for a treatment side that is not one of the nodes.
    pub fn way_to_hub(&self) -> SimulatedHub {
        let way = Way { context: self.context.clone(), to: self.hub.clone() };
        SimulatedHub { way, permit: self.fixtures.treatment_permit.clone() }
    }

    /// The books as they lie on the disks.
    ///
    /// # Errors
    /// When they cannot be opened.
    pub fn stores(&self) -> Result<Stores> {
        let homes =
            self.homes.iter().map(|(pool, home)| Ok((format!("home {pool}"), open_home(&home.node.location())?)));
        Ok(Stores {
            hub: open_hub(&self.hub.location())?,
            homes: homes.collect::<Result<_>>()?,
            treatment: open_treatment(&self.treatment.location())?,
        })
    }

    async fn start_hub(&self) -> Result<()> {
        let alive = self.hub.power_on();
        let store = open_hub(&self.hub.location())?;
        let mut homes = Vec::new();
        for (code, home) in &self.homes {
            let way = Way { context: self.context.clone(), to: home.node.clone() };
            let pools = self.fixtures.homes[code].pools.clone();
            let (permit, home) = (self.fixtures.hub_permit.clone(), home.door.clone());
            let port = Arc::new(SimulatedHome { way, permit, pools: pools.clone(), home });
            let book = Book::known_up_to(0);
            broker::jobs::books::learn(&store, &pools, &book).await?;
            homes.push(Arc::new(Home::new(pools, port, terms(), book)));
        }
        let directory = Directory::new(self.fixtures.regions.clone(), homes);
        let limits = Limits::new(IN_FLIGHT);
        let hub = broker::hub::Hub::new(store, directory, limits, self.hub.clock.clone(), HUB_PATIENCE);
        for home in hub.directory.homes() {
            let job = broker::jobs::resolve::run(hub.clone(), home.clone(), RESOLVE_EVERY, CancellationToken::new());
            self.hub.spawn(job);
        }
        self.hub.spawn(broker::jobs::sweep::run(hub.clone(), RESOLVE_EVERY, CancellationToken::new()));
        self.hub.open(broker::door::Door::new(hub, TaskTracker::new(), alive));
        Ok(())
    }

    fn mailboxes(&self, permit: &MailboxPermit) -> SimulatedMailboxes {
        let way = Way { context: self.context.clone(), to: self.hub.clone() };
        SimulatedMailboxes { way, permit: permit.clone() }
    }

    async fn start_home(&self, code: &'static str) -> Result<()> {
        let (home, fixture) = (&self.homes[code], &self.fixtures.homes[code]);
        home.node.power_on();
        let edition = &fixture.editions[home.edition.load(Ordering::Relaxed)];
        let (store, clock) = (open_home(&home.node.location())?, home.node.clock.clone());
        let rules = RulesInForce::new(&store, edition.clone(), clock.now()).await?;
        let (committer, work) = Committer::new(store.clone(), rules.clone(), clock.clone(), IN_FLIGHT);
        home.node.spawn(work);
        self.mailboxes(&fixture.mailbox_permit).keep_open(&home.node, store.inbox());
        let sealing = fixture.sealing.clone();
        let door = region::door::Door { pools: fixture.pools.clone(), committer, store, rules, sealing, clock };
        home.node.open(door);
        Ok(())
    }

    fn start_treatment(&self) -> Result<()> {
        let alive = self.treatment.power_on();
        let store = open_treatment(&self.treatment.location())?;
        let port = Arc::new(self.way_to_hub());
        self.mailboxes(&self.fixtures.mailbox_permit).keep_open(&self.treatment, store.inbox());
        let (config, tables) = (self.fixtures.treatment.clone(), self.fixtures.tables.clone());
        self.treatment.open(his::Door::new(config, tables, store, port, self.treatment.clock.clone(), alive));
        Ok(())
    }
}

/// A breaker that opens soon, so that it does within a run.
pub(super) fn terms() -> Terms {
    let breaker = breaker::Settings {
        failures_in_a_row: 3,
        lies: 3,
        slow_after: Duration::from_secs(3),
        open_for: Duration::from_secs(2),
        open_for_at_most: Duration::from_secs(8),
        probes: 2,
    };
    Terms { operations: IN_FLIGHT, breaker }
}

fn open_hub(location: &Location) -> Result<HubStore> {
    HubStore::open(location, &StoreOptions::default()).context("the hub's store")
}

fn open_home(location: &Location) -> Result<HomeStore> {
    region::open_location(location).context("a home region's store")
}

fn open_treatment(location: &Location) -> Result<TreatmentStore> {
    TreatmentStore::open(location, &StoreOptions::default()).context("the treatment side's store")
}

fn filing(person: &str, home: &str) -> Filing {
    Filing {
        id: FilingId::new(&format!("BA-{person}")).expect("an id"),
        person: PersonNumber::new(person).expect("a number"),
        home: pool(home),
        class: FilingClass::LongTerm,
        proof: Proof::HandedIn,
        destination: pool(TREATMENT).0,
        validity: Validity { from: jiff::civil::date(2024, 1, 1), to: None },
    }
}

fn lodging(at: Timestamp) -> Lodging {
    Lodging { by: "simulation".to_owned(), at }
}
