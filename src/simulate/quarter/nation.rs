//! The nodes of a simulated quarter: the hub with its jobs, and of each member a home region and a treatment side, the
//! real things on simulated disks behind a simulated network. Here they are built, started, silenced, and put back
//! from copies; nothing of what they do is here.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use broker::clearing::Clearing;
use broker::directory::{Book, Directory, Home};
use broker::hub::Hub;
use broker::limits::Limits;
use broker::reconcile::notary::OwnNotary;
use clearing::calendar::Calendar;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use ledger::hub::{HubStore, Lodging};
use ledger::store::StoreOptions;
use ledger::treatment::TreatmentStore;
use region::committer::Committer;
use region::in_force::RulesInForce;
use region::post::Poster;
use settlement::beijing;
use settlement::filing::{Filing, FilingClass, Proof};
use settlement::ids::{FilingId, PersonNumber};
use settlement::person::Validity;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::altered::Altering;
use super::country::{Country, MEMBERS, Person};
use super::lines::{HomeLine, HubLine};
use super::watch::{Hand, Watch};
use crate::simulate::books::HubBook;
use crate::simulate::climate::Context;
use crate::simulate::fixtures::pool;
use crate::simulate::network::{SimulatedHome, SimulatedHub, Way};
use crate::simulate::node::Node;
use crate::simulate::planted;
use crate::simulate::world::terms;
use crate::verify::Stores;

/// How long the hub waits for a home region.
const HUB_PATIENCE: Duration = Duration::from_secs(4);
/// How many operations a node takes at once.
const IN_FLIGHT: usize = 64;
/// How often the hub asks what became of what is in doubt.
const RESOLVE_EVERY: Duration = Duration::from_secs(2 * 3_600);
/// How often the hub folds, and does what is due of periods.
const CLEAR_EVERY: Duration = Duration::from_secs(6 * 3_600);
/// How often books are compared.
const COMPARE_EVERY: Duration = Duration::from_secs(24 * 3_600);

/// The nodes of a member.
pub struct MemberNodes {
    /// Its home region.
    pub home: Arc<Node<region::door::Door>>,
    /// Its treatment side.
    pub treatment: Arc<Node<his::Door>>,
    /// While it is set, the home region's answers to operations do not come back to the hub.
    pub home_silent: Arc<AtomicBool>,
    /// While it is set, the hub's answers to operations do not come back to the treatment side.
    pub hub_silent: Arc<AtomicBool>,
    /// What alters the home region's answers on their way to the hub.
    pub home_altering: Arc<Altering>,
    /// What alters the hub's answers on their way to the treatment side.
    pub hub_altering: Arc<Altering>,
}

/// See the file.
pub struct Nation {
    /// What everything shares.
    pub context: Arc<Context>,
    /// What it is made of.
    pub country: Arc<Country>,
    /// The hub.
    hub_node: Arc<Node<broker::door::Door>>,
    /// The members, as in [`MEMBERS`].
    pub members: Vec<MemberNodes>,
    calendar: Arc<Calendar>,
    running: OnceLock<(Arc<Hub>, Clearing, Arc<Watch>)>,
    /// What a test does to the hub's book.
    hand: Option<Hand>,
}

impl Nation {
    /// A nation in which nothing is on yet.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn new(
        context: Arc<Context>,
        country: Arc<Country>,
        calendar: Calendar,
        begins: DateTime,
        hand: Option<Hand>,
    ) -> Result<Arc<Nation>> {
        let now = instant(begins)?;
        let mut members = Vec::new();
        for plan in &MEMBERS {
            members.push(MemberNodes {
                home: Arc::new(Node::new(&format!("home {}", plan.code), &context, now)?),
                treatment: Arc::new(Node::new(&format!("treatment {}", plan.code), &context, now)?),
                home_silent: Arc::default(),
                hub_silent: Arc::default(),
                home_altering: Arc::default(),
                hub_altering: Arc::default(),
            });
        }
        let hub_node = Arc::new(Node::new("hub", &context, now)?);
        let (calendar, running) = (Arc::new(calendar), OnceLock::new());
        Ok(Arc::new(Nation { context, country, hub_node, members, calendar, running, hand }))
    }

    /// Starts every node, enrols the people, fills their accounts and lodges their filings.
    ///
    /// # Errors
    /// When a store fails.
    pub async fn settle_in(&self) -> Result<()> {
        self.start_hub().await?;
        for member in 0..MEMBERS.len() {
            self.start_home(member).await?;
            self.enrol(member).await?;
            self.start_treatment(member)?;
        }
        for person in &self.country.people {
            let lodging = Lodging { by: "simulation".to_owned(), at: self.now() };
            self.hub().store.filing_lodge(filing(person), lodging, Vec::new()).await?;
        }
        Ok(())
    }

    /// The hub that runs.
    pub fn hub(&self) -> &Arc<Hub> {
        &self.running.get().expect("the hub is started first of all").0
    }

    /// Clearing on its book.
    pub fn clearing(&self) -> &Clearing {
        &self.running.get().expect("the hub is started first of all").1
    }

    /// Who looks at the hub's book after every step.
    pub fn watch(&self) -> &Arc<Watch> {
        &self.running.get().expect("the hub is started first of all").2
    }

    /// The calendar.
    pub fn calendar(&self) -> &Calendar {
        &self.calendar
    }

    /// The time, which is the same everywhere.
    pub fn now(&self) -> Timestamp {
        self.hub_node.clock.now()
    }

    /// The day in Beijing.
    pub fn today(&self) -> Date {
        beijing::day_of(self.now())
    }

    /// Lets time pass until a clock at a desk shows this; not at all where it has.
    ///
    /// # Errors
    /// When there is no such time.
    pub async fn until(&self, shown: DateTime) -> Result<()> {
        let left = instant(shown)?.duration_since(self.now());
        tokio::time::sleep(Duration::try_from(left).unwrap_or_default()).await;
        Ok(())
    }

    /// The way to a member's treatment side, for its hospitals.
    pub fn desk(&self, member: usize) -> Way<his::Door> {
        Way { context: self.context.clone(), to: self.members[member].treatment.clone() }
    }

    /// The hub's book, as a member's treatment side reaches it.
    pub fn hub_book(&self, member: usize) -> HubBook {
        let (store, permit) = (self.hub().store.clone(), self.country.members[member].permit.clone());
        HubBook { way: self.way_to_hub(), store, permit }
    }

    /// A member's treatment side's store, for comparing.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn treatment_store(&self, member: usize) -> Result<TreatmentStore> {
        let location = self.members[member].treatment.location();
        TreatmentStore::open(&location, &StoreOptions::default()).context("a treatment side's store")
    }

    /// Copies a home region's disk, as a nightly backup does.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn back_up(&self, member: usize) -> Result<PathBuf> {
        let file = self.copy_of(member, "home");
        self.members[member].home.back_up(&file)?;
        Ok(file)
    }

    /// Copies a treatment side's disk.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn back_up_treatment(&self, member: usize) -> Result<PathBuf> {
        let file = self.copy_of(member, "treatment");
        self.members[member].treatment.back_up(&file)?;
        Ok(file)
    }

    fn copy_of(&self, member: usize, node: &str) -> PathBuf {
        let file = self.country.folder.path().join(format!("{node}-{}-{}.db", MEMBERS[member].code, self.today()));
        // The same country is used by several runs.
        let _ = std::fs::remove_file(&file);
        file
    }

    /// Puts a copy in the place of a home region's disk, and starts it again.
    ///
    /// # Errors
    /// When the copy cannot be used.
    pub async fn put_back(&self, member: usize, file: &Path) -> Result<()> {
        self.members[member].home.kill();
        self.members[member].home.put_back(file)?;
        self.start_home(member).await
    }

    /// Puts a copy in the place of a treatment side's disk, and starts it again.
    ///
    /// # Errors
    /// When the copy cannot be used.
    pub fn put_back_treatment(&self, member: usize, file: &Path) -> Result<()> {
        self.members[member].treatment.kill();
        self.members[member].treatment.put_back(file)?;
        self.start_treatment(member)
    }

    /// The books as they lie on the disks, with the first member's treatment side; the others beside it.
    ///
    /// # Errors
    /// When they cannot be opened.
    pub fn stores(&self) -> Result<(Stores, Vec<TreatmentStore>)> {
        let homes =
            self.members.iter().zip(&MEMBERS).map(|(nodes, plan)| {
                Ok((format!("home {}", plan.code), region::open_location(&nodes.home.location())?))
            });
        let homes = homes.collect::<Result<_>>()?;
        let treatment = self.treatment_store(0)?;
        let others = (1..MEMBERS.len()).map(|member| self.treatment_store(member)).collect::<Result<_>>()?;
        Ok((Stores { hub: self.hub().store.clone(), homes, treatment }, others))
    }

    fn way_to_hub(&self) -> Way<broker::door::Door> {
        Way { context: self.context.clone(), to: self.hub_node.clone() }
    }

    async fn start_hub(&self) -> Result<()> {
        let alive = self.hub_node.power_on();
        let store = HubStore::open(&self.hub_node.location(), &StoreOptions::default()).context("the hub's store")?;
        let mut homes = Vec::new();
        for (nodes, member) in self.members.iter().zip(&self.country.members) {
            let way = Way { context: self.context.clone(), to: nodes.home.clone() };
            let permit = self.country.hub_permit.clone();
            let pools = member.pools.clone();
            let home = SimulatedHome { way, permit, pools, home: planted::Home::default() };
            let (silent, altering) = (nodes.home_silent.clone(), nodes.home_altering.clone());
            let line = Arc::new(HomeLine { home, silent, altering, signer: member.signers.home.clone() });
            homes.push(Arc::new(Home::new(member.pools.clone(), line, terms(), Book::known_up_to(0))));
        }
        let directory = Directory::new(self.country.regions.clone(), homes);
        let (limits, clock) = (Limits::new(IN_FLIGHT), self.hub_node.clock.clone());
        let hub = Hub::new(store.clone(), directory, limits, clock, HUB_PATIENCE);
        let clearing = Clearing::new(store.clone(), self.country.regions.clone(), self.calendar.clone());
        let (book, clock) = ((clearing.clone(), store), self.hub_node.clock.clone());
        let hand = self.hand.clone().map(|hand| (self.hub_node.location(), hand));
        let regions = self.country.regions.clone();
        let watch = Watch::new(self.context.clone(), regions, book, move || clock.now(), hand);
        let never = CancellationToken::new;
        for home in hub.directory.homes() {
            self.hub_node.spawn(broker::jobs::resolve::run(hub.clone(), home.clone(), RESOLVE_EVERY, never()));
        }
        self.hub_node.spawn(broker::jobs::sweep::run(hub.clone(), RESOLVE_EVERY, never()));
        self.hub_node.spawn(broker::jobs::books::run(hub.clone(), RESOLVE_EVERY, never()));
        let stepped = {
            let watch = watch.clone();
            move |_, step| watch.stepped(step)
        };
        let clears = broker::jobs::clearing::run(hub.clone(), clearing.clone(), CLEAR_EVERY, never(), stepped);
        self.hub_node.spawn(clears);
        let notary = OwnNotary::load(&self.country.hub_credentials)?;
        self.hub_node.spawn(broker::jobs::compare::run(hub.clone(), notary, COMPARE_EVERY, never()));
        self.hub_node.open(broker::door::Door::new(hub.clone(), TaskTracker::new(), alive));
        self.running.set((hub, clearing, watch)).map_err(|_| anyhow!("the hub is started once"))
    }

    async fn start_home(&self, member: usize) -> Result<()> {
        let (node, member) = (&self.members[member].home, &self.country.members[member]);
        node.power_on();
        let (store, clock) = (region::open_location(&node.location())?, node.clock.clone());
        let rules = RulesInForce::new(&store, member.rules.clone(), clock.now()).await?;
        let (committer, work) = Committer::new(store.clone(), rules.clone(), clock.clone(), IN_FLIGHT);
        node.spawn(work);
        let (pools, sealing) = (member.pools.clone(), member.sealing.clone());
        node.open(region::door::Door { pools, committer, store, rules, sealing, clock });
        Ok(())
    }

    async fn enrol(&self, member: usize) -> Result<()> {
        let (node, member) = (&self.members[member].home, &self.country.members[member]);
        let store = region::open_location(&node.location())?;
        store.enrollee_load(member.enrollees.clone()).await?;
        let known = member.enrollees.iter().map(|enrollee| enrollee.facts.number.clone());
        let known: BTreeSet<PersonNumber> = known.collect();
        let everybody = self.country.people.iter().filter_map(|person| PersonNumber::new(&person.number).ok());
        let others = everybody.filter(|person| !known.contains(person)).collect();
        let poster = Poster { pools: &member.pools, others: &others, books: &member.rules.books };
        let file = self.country.folder.path().join("people/postings.csv");
        let report = region::post::post(&store, &file, poster, self.now()).await?;
        anyhow::ensure!(report.faults.is_empty(), "accounts cannot be filled: {report}");
        Ok(())
    }

    fn start_treatment(&self, member: usize) -> Result<()> {
        let (nodes, fixture) = (&self.members[member], &self.country.members[member]);
        let alive = nodes.treatment.power_on();
        let store = self.treatment_store(member)?;
        let hub = SimulatedHub { way: self.way_to_hub(), permit: fixture.permit.clone() };
        let (silent, altering) = (nodes.hub_silent.clone(), nodes.hub_altering.clone());
        let line = Arc::new(HubLine { hub, silent, altering });
        let (config, tables, clock) =
            (fixture.treatment.clone(), fixture.tables.clone(), nodes.treatment.clock.clone());
        nodes.treatment.open(his::Door::new(config, tables, store, line, clock, alive));
        Ok(())
    }
}

/// The instant of a time at a desk.
///
/// # Errors
/// When there is none.
pub fn instant(shown: DateTime) -> Result<Timestamp> {
    beijing::instant_of(shown).with_context(|| format!("{shown} is no time"))
}

/// Silences a line, or opens it again.
pub fn set_silent(line: &AtomicBool, silent: bool) {
    line.store(silent, Ordering::Relaxed);
}

fn filing(person: &Person) -> Filing {
    Filing {
        id: FilingId::new(&format!("BA-{}", person.number)).expect("an id"),
        person: PersonNumber::new(&person.number).expect("a number"),
        home: pool(person.home),
        class: FilingClass::LongTerm,
        proof: Proof::HandedIn,
        destination: pool(MEMBERS[person.goes_to].treatment).0,
        validity: Validity { from: jiff::civil::date(2024, 1, 1), to: None },
    }
}
