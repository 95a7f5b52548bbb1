//! The whole line on loopback in one process: a private CA, the hub, one home node a province with rule books, and one
//! treatment side, each with its own store, certificate and port. The demo, the benchmark and the tests run it;
//! in service every role is a process of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use identity::name::{ParticipantName, Role};
use identity::pki::{CA_FILE, CA_KEY_FILE, CertificateAuthority, Issue};
use ledger::clock::Clock;
use settlement::ids::{MemberCode, PoolCode, RegionCode};
use settlement::region::RegionTable;

use crate::verify::Stores;

/// How long the certificates of a line are good for.
const CERTIFICATE_DAYS: u32 = 365;

/// Where the hub reaches a home region that listens on an address: there, or at something that a test put between.
pub type Detour = Arc<dyn Fn(PoolCode, SocketAddr) -> SocketAddr + Send + Sync>;

/// How many operations a node of a line works on at once.
const IN_FLIGHT: usize = 1_024;
/// How often the hub asks what became of an operation in doubt.
/// How often what is due of periods is done: a sandbox clock leaps.
const CLEAR_EVERY_MS: u64 = 1_000;
/// How often books are compared.
const COMPARE_EVERY_MS: u64 = 5_000;
const RESOLVE_EVERY_MS: u64 = 500;
/// How long making a connection may take.
const CONNECT_MS: u64 = 2_000;

/// What a line is built from.
#[derive(Clone)]
pub struct Plan {
    /// Where its stores and certificates are kept.
    pub folder: PathBuf,
    /// Rule books, the table of regions and the demo's data: `deploy/`.
    pub deploy: PathBuf,
    /// Port of the national interface; 0 for any.
    pub desk_port: u16,
    /// Port of the hub; 0 for any.
    pub hub_port: u16,
    /// How long the treatment side and the hub wait for an answer, in milliseconds.
    pub patience_ms: u64,
    /// The time.
    pub clock: Clock,
    /// The way from the hub to a home region; see [`straight`].
    pub detour: Detour,
}

/// No detour.
pub fn straight() -> Detour {
    Arc::new(|_, address| address)
}

/// The whole line, running.
pub struct Line {
    /// The hub.
    pub hub: broker::Running,
    /// The home nodes, each by the first of its pools.
    pub homes: BTreeMap<PoolCode, region::Running>,
    /// The treatment side.
    pub treatment: his::Running,
    plan: Plan,
    nodes: Nodes,
    addresses: BTreeMap<PoolCode, SocketAddr>,
}

/// The pools of each home node, by the first of them.
type Nodes = BTreeMap<PoolCode, Vec<PoolCode>>;

impl Line {
    /// Issues what certificates are missing and starts every role, the innermost first.
    ///
    /// # Errors
    /// When a role cannot start; the text says which, and why.
    pub async fn start(plan: Plan) -> Result<Line> {
        let regions = read_regions(&plan.deploy)?;
        let homes = home_nodes(&plan.deploy, &regions)?;
        let treated = treatment_pools(&plan.deploy, &regions)?;
        plan.issue_certificates(&homes, &treated)?;

        let mut running = BTreeMap::new();
        let mut addresses = BTreeMap::new();
        for (name, pools) in &homes {
            let home = plan.start_home(*name, pools, 0).await?;
            addresses.insert(*name, home.address());
            running.insert(*name, home);
        }
        let hub = plan.start_hub(&homes, &addresses).await?;
        for home in running.values() {
            home.open_mailboxes(&hub.address().to_string())?;
        }
        let treatment = plan.start_treatment(&treated, hub.address()).await?;
        Ok(Line { hub, homes: running, treatment, plan, nodes: homes, addresses })
    }

    /// The address of the national interface.
    pub fn desk(&self) -> String {
        format!("http://{}", self.treatment.address())
    }

    /// The books of every role.
    pub fn stores(&self) -> Stores {
        let homes = self.homes.iter().map(|(pool, home)| (format!("home {pool}"), home.store().clone()));
        Stores { hub: self.hub.store().clone(), homes: homes.collect(), treatment: self.treatment.store().clone() }
    }

    /// The folder of the operator's certificates.
    pub fn operator(&self) -> PathBuf {
        self.credentials("operator")
    }

    /// The folder of a participant's certificates: `hub`, `treatment`, `operator`, `home-` and its pool.
    pub fn credentials(&self, participant: &str) -> PathBuf {
        self.plan.credentials(participant)
    }

    /// Stops the node of a home region as if its process had died.
    ///
    /// # Errors
    /// When no such home region runs.
    pub fn kill_home(&mut self, pool: PoolCode) -> Result<()> {
        drop(self.take_home(pool)?);
        Ok(())
    }

    /// Stops the node of a home region in good order.
    ///
    /// # Errors
    /// When no such home region runs.
    pub async fn stop_home(&mut self, pool: PoolCode) -> Result<()> {
        self.take_home(pool)?.stop().await;
        Ok(())
    }

    /// The file of a home region's store.
    ///
    /// # Errors
    /// When the line has no such home region.
    pub fn home_store(&self, pool: PoolCode) -> Result<PathBuf> {
        Ok(self.plan.store(&format!("home-{}", self.node_of(pool)?)))
    }

    /// Starts the node of a home region again, on the address and the store that it had.
    ///
    /// # Errors
    /// When it cannot start.
    pub async fn restart_home(&mut self, pool: PoolCode) -> Result<()> {
        let name = self.node_of(pool)?;
        let home = self.plan.start_home(name, &self.nodes[&name], self.addresses[&name].port()).await?;
        home.open_mailboxes(&self.hub.address().to_string())?;
        self.homes.insert(name, home);
        Ok(())
    }

    /// The node that answers for a pool, by the first of its pools.
    fn node_of(&self, pool: PoolCode) -> Result<PoolCode> {
        let node = self.nodes.iter().find(|(_, pools)| pools.contains(&pool));
        node.map(|(name, _)| *name).with_context(|| format!("{pool} is no home region of this line"))
    }

    fn take_home(&mut self, pool: PoolCode) -> Result<region::Running> {
        let name = self.node_of(pool)?;
        self.homes.remove(&name).with_context(|| format!("no home region {pool} runs"))
    }

    /// Lets what is in flight finish, and stops every role, the outermost first.
    pub async fn stop(self) {
        self.treatment.stop().await;
        self.hub.stop().await;
        for home in self.homes.into_values() {
            home.stop().await;
        }
    }
}

impl Plan {
    fn credentials(&self, participant: &str) -> PathBuf {
        self.folder.join("pki").join(participant)
    }

    fn store(&self, role: &str) -> PathBuf {
        self.folder.join(format!("{role}.db"))
    }

    fn regions(&self) -> PathBuf {
        self.deploy.join("regions.csv")
    }

    /// Certificates are made anew at every start: what a participant serves may have been edited since.
    fn issue_certificates(&self, homes: &Nodes, treated: &BTreeSet<PoolCode>) -> Result<()> {
        let authority = open_authority(&self.credentials("ca"))?;
        let named = |pool: PoolCode, role| ParticipantName::new(pool.0, role);
        let treatment = treated.iter().map(|pool| named(*pool, Role::Treatment)).collect::<Result<Vec<_>, _>>()?;
        let everywhere = ParticipantName::new(identity::name::all_regions(), Role::Operator)?;
        let mut participants = vec![
            ("hub".to_owned(), vec![ParticipantName::hub()]),
            ("treatment".to_owned(), treatment),
            ("operator".to_owned(), vec![everywhere]),
        ];
        for (name, pools) in homes {
            let names = pools.iter().map(|pool| named(*pool, Role::Home)).collect::<Result<_, _>>()?;
            participants.push((format!("home-{name}"), names));
        }
        for (participant, names) in participants {
            let folder = self.credentials(&participant);
            if folder.exists() {
                fs::remove_dir_all(&folder).with_context(|| format!("cannot replace {}", folder.display()))?;
            }
            let hosts = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
            authority.issue(&folder, &Issue { names, hosts, days: CERTIFICATE_DAYS })?;
        }
        Ok(())
    }

    async fn start_home(&self, name: PoolCode, pools: &[PoolCode], port: u16) -> Result<region::Running> {
        let demo = self.deploy.join("demo");
        let config = region::Config {
            listen: loopback(port),
            store: self.store(&format!("home-{name}")).display().to_string(),
            key: None,
            credentials: self.credentials(&format!("home-{name}")),
            hub: None,
            regions: self.regions(),
            pools: pools.iter().map(PoolCode::to_string).collect(),
            rulebooks: self.deploy.join("rulebooks"),
            people: demo.join("people"),
            postings: vec![demo.join("postings.csv")],
            waiting: IN_FLIGHT,
            commit_delay_ms: 0,
            max_store_pages: None,
        };
        region::start(config, self.clock.clone()).await.with_context(|| format!("home node {name}"))
    }

    async fn start_hub(&self, homes: &Nodes, addresses: &BTreeMap<PoolCode, SocketAddr>) -> Result<broker::Running> {
        let routes = homes.iter().map(|(name, pools)| broker::HomeConfig {
            pools: pools.iter().map(PoolCode::to_string).collect(),
            address: (self.detour)(*name, addresses[name]).to_string(),
        });
        let config = broker::Config {
            listen: loopback(self.hub_port),
            store: self.store("hub").into(),
            commit_delay_ms: 0,
            max_store_pages: None,
            credentials: self.credentials("hub"),
            regions: self.regions(),
            calendar: Some(self.deploy.join("calendar.toml")),
            clear_every_ms: CLEAR_EVERY_MS,
            compare_every_ms: COMPARE_EVERY_MS,
            homes: routes.collect(),
            deadline_ms: self.patience_ms,
            in_flight: IN_FLIGHT,
            in_flight_per_home: None,
            resolve_every_ms: RESOLVE_EVERY_MS,
            connect_ms: CONNECT_MS.min(self.patience_ms / 4),
            breaker: broker::BreakerConfig::default(),
        };
        broker::start(config, self.clock.clone()).await.context("the hub")
    }

    async fn start_treatment(&self, pools: &BTreeSet<PoolCode>, hub: SocketAddr) -> Result<his::Running> {
        let demo = self.deploy.join("demo");
        let config = his::Config {
            listen: loopback(self.desk_port),
            tls: None,
            store: his::config::Secret::new(self.store("treatment").display().to_string()),
            credentials: self.credentials("treatment"),
            regions: self.regions(),
            pools: pools.iter().map(PoolCode::to_string).collect(),
            hub: hub.to_string(),
            catalogue: demo.join("catalogue.csv"),
            institutions: demo.join("institutions.csv"),
            deadline_ms: self.patience_ms + self.patience_ms / 8,
            compare_every_ms: COMPARE_EVERY_MS,
            gateways: BTreeMap::new(),
            profiles: BTreeMap::new(),
            statement_codes: BTreeMap::new(),
            commit_delay_ms: 0,
            max_store_pages: None,
        };
        his::start(config, self.clock.clone()).await.context("the treatment side")
    }
}

/// Opens the CA, or makes it. One that a kill left half made has issued nothing yet and is made anew.
fn open_authority(folder: &Path) -> Result<CertificateAuthority> {
    if [CA_FILE, CA_KEY_FILE].iter().all(|file| folder.join(file).exists()) {
        return Ok(CertificateAuthority::open(folder)?);
    }
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot replace {}", folder.display()))?;
    }
    Ok(CertificateAuthority::init(folder, "Yidi private CA")?)
}

fn loopback(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// Reads the table of regions of a `deploy` folder.
///
/// # Errors
/// When it cannot be read; every fault in it.
pub fn read_regions(deploy: &Path) -> Result<RegionTable> {
    let path = deploy.join("regions.csv");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}; give --deploy", path.display()))?;
    RegionTable::from_csv(&text).or_else(|faults| {
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        bail!("{}: {}", path.display(), faults.join("; "))
    })
}

/// The folders of `deploy/rulebooks`, each named `<pool>-<name>`: every region with a shipped book is a home region,
/// those of one province on one node.
fn home_nodes(deploy: &Path, regions: &RegionTable) -> Result<Nodes> {
    let folder = deploy.join("rulebooks");
    let entries = fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut provinces: BTreeMap<MemberCode, BTreeSet<PoolCode>> = BTreeMap::new();
    for path in entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).filter(|path| path.is_dir()) {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let code = name.split('-').next().unwrap_or_default();
        let code = RegionCode::new(code).with_context(|| format!("{} is not named <pool>-<name>", path.display()))?;
        let member = regions.member_of(PoolCode(code));
        let member = member.with_context(|| format!("{code} is no pool of the table of regions"))?;
        provinces.entry(member).or_default().insert(PoolCode(code));
    }
    let named = |pools: BTreeSet<PoolCode>| pools.first().copied().map(|first| (first, pools.into_iter().collect()));
    Ok(provinces.into_values().filter_map(named).collect())
}

/// The pools of every institution in the demo's table: the treatment side acts for them all.
fn treatment_pools(deploy: &Path, regions: &RegionTable) -> Result<BTreeSet<PoolCode>> {
    let path = deploy.join("demo/institutions.csv");
    let mut reader = csv::Reader::from_path(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let header = reader.headers().with_context(|| format!("in {}", path.display()))?;
    let column = header.iter().position(|name| name == "area").context("institutions.csv has no column area")?;
    let mut pools = BTreeSet::new();
    for (index, row) in reader.records().enumerate() {
        let row = row.with_context(|| format!("in {}", path.display()))?;
        let area = row.get(column).unwrap_or_default();
        let pool = RegionCode::new(area).ok().and_then(|code| regions.pool_of(code));
        let fault = || format!("{}:{} area: {area} is in no pool of the table of regions", path.display(), index + 2);
        pools.insert(pool.with_context(fault)?);
    }
    Ok(pools)
}
