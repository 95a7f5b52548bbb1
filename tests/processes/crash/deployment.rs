//! Hub, two home regions and a treatment side as they would run apart: a process each, with certificates and settings
//! in files, and between them wires that can be cut.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use identity::name::{ParticipantName, Role, all_regions};
use identity::pki::{CertificateAuthority, Issue};
use ledger::testing::{Durability, PostgresOptions, PrivatePostgres, own_port};
use tempfile::TempDir;
use world::relay::{Mode, Relay};
use world::{Enrollee, pool};
use yidi::filing::{Operator, lodge_all};

use super::node::Node;
use crate::process::repository;

/// The home regions, with the folders of their rule books.
pub const HOMES: [(&str, &str); 2] = [("410700", "410700-xinxiang"), ("360100", "360100-nanchang")];
/// Whose institutions the treatment side acts for.
const TREATMENT: &str = "310000";

/// What the stores of a deployment are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// SQLite files.
    Files,
    /// Databases on one durable PostgreSQL server, as application roles that own nothing; two hubs share theirs.
    Postgres,
}

impl Storage {
    /// The hubs' names.
    fn hubs(self) -> &'static [&'static str] {
        match self {
            Storage::Files => &["hub"],
            Storage::Postgres => &["hub", "hub-2"],
        }
    }
}

/// A running deployment. Its processes end with it.
pub struct Deployment {
    /// The database server, where there is one.
    pub postgres: Option<PrivatePostgres>,
    /// Where the stores are, by the names of their roles.
    stores: BTreeMap<String, String>,
    /// The home regions, the hubs, the treatment side: in the order in which they start.
    pub nodes: Vec<Node>,
    wires: Vec<Relay>,
    /// Its people, in turn of either region.
    pub people: Vec<Enrollee>,
    /// Where hospitals send to.
    pub desk: String,
    folder: TempDir,
}

/// Ports that nobody has now.
struct Ports {
    listen: Vec<u16>,
    watch: Vec<u16>,
}

impl Deployment {
    /// Issues certificates, writes settings and people, starts everything, and lodges everybody's filing.
    pub async fn start(storage: Storage, people: usize) -> Deployment {
        identity::install_crypto_provider();
        let folder = tempfile::tempdir().expect("a folder");
        issue_certificates(&folder.path().join("pki"));
        let people: Vec<Enrollee> = (0..people).map(person).collect();
        write_people(&folder.path().join("people"), &people);
        let hubs = storage.hubs();
        let ports = free_ports(HOMES.len() + hubs.len() + 1);
        let treatment = HOMES.len() + hubs.len();
        let (home_ports, hub_ports) = (&ports.listen[..HOMES.len()], &ports.listen[HOMES.len()..treatment]);
        let mut wires: Vec<Relay> = home_ports.iter().map(|port| Relay::to(loopback(*port))).collect();
        wires.push(Relay::among(hub_ports.iter().map(|port| loopback(*port)).collect()));
        let (postgres, stores) = prepare_stores(storage, folder.path());
        let mut deployment = Deployment {
            postgres,
            stores,
            nodes: Vec::new(),
            wires,
            people,
            desk: format!("http://127.0.0.1:{}", ports.listen[treatment]),
            folder,
        };
        for (index, (home, rulebooks)) in HOMES.iter().enumerate() {
            let settings = deployment.home_settings(home, rulebooks, ports.listen[index]);
            deployment.add(&format!("home-{home}"), "region", &settings, ports.watch[index]);
        }
        for (index, hub) in hubs.iter().enumerate() {
            let settings = deployment.hub_settings(hub_ports[index]);
            deployment.add(hub, "hub", &settings, ports.watch[HOMES.len() + index]);
        }
        let settings = deployment.treatment_settings(ports.listen[treatment], deployment.wires[HOMES.len()].address);
        deployment.add("treatment", "his", &settings, ports.watch[treatment]);
        for node in &mut deployment.nodes {
            node.start();
        }
        deployment.wait_until_ready();
        deployment.lodge_filings(hub_ports[0]).await;
        deployment
    }

    fn add(&mut self, name: &str, role: &'static str, settings: &str, watch: u16) {
        self.nodes.push(Node::new(self.folder.path(), name, role, settings.to_owned(), watch));
    }

    /// Waits until every process takes requests.
    pub fn wait_until_ready(&mut self) {
        self.nodes.iter_mut().for_each(Node::wait_until_ready);
    }

    /// What its stores are.
    pub fn storage(&self) -> Storage {
        if self.postgres.is_some() { Storage::Postgres } else { Storage::Files }
    }

    /// What one of the wires does from now on; there are [`Deployment::wires`].
    pub fn set_wire(&self, index: usize, mode: Mode) {
        self.wires[index].set(mode);
    }

    /// How many wires there are: one to each home region, one to the hub.
    pub fn wires(&self) -> usize {
        self.wires.len()
    }

    /// Stops every process in good order, the outermost first.
    pub fn stop(&mut self) {
        self.nodes.iter_mut().rev().for_each(Node::stop);
    }

    /// Where a role's store is, as its settings name it.
    pub fn store(&self, name: &str) -> &str {
        &self.stores[name]
    }

    /// The stores of the home regions.
    pub fn home_stores(&self) -> impl Iterator<Item = &str> {
        HOMES.iter().map(|(home, _)| self.store(&format!("home-{home}")))
    }

    /// Keeps its files and says where they are.
    pub fn keep(&mut self) -> PathBuf {
        self.folder.disable_cleanup(true);
        self.folder.path().to_owned()
    }

    fn lines(&self, name: &str, listen: u16) -> String {
        let credentials = self.folder.path().join("pki").join(name);
        let regions = repository().join("deploy/regions.csv");
        format!(
            "listen = \"127.0.0.1:{listen}\"\nstore = {:?}\ncredentials = {credentials:?}\nregions = {regions:?}\n",
            self.store(name)
        )
    }

    fn home_settings(&self, home: &str, rulebooks: &str, listen: u16) -> String {
        let people = self.folder.path().join("people");
        let rulebooks = repository().join("deploy/rulebooks").join(rulebooks);
        let name = format!("home-{home}");
        let key = match self.postgres {
            Some(_) => format!("key = {:?}\n", self.folder.path().join(format!("{name}.key"))),
            None => String::new(),
        };
        format!(
            "{}{key}pools = [{home:?}]\nrulebooks = {rulebooks:?}\npeople = {people:?}\npostings = []\n",
            self.lines(&name, listen)
        )
    }

    /// The hub is patient for less time than in service, so that a lost answer is soon in doubt.
    fn hub_settings(&self, listen: u16) -> String {
        let mut settings = self.lines("hub", listen);
        settings.push_str("deadline_ms = 1500\nresolve_every_ms = 300\nconnect_ms = 400\n");
        for ((home, _), wire) in HOMES.iter().zip(&self.wires) {
            writeln!(settings, "[[homes]]\npools = [{home:?}]\naddress = \"{}\"", wire.address).expect("it is text");
        }
        settings
    }

    fn treatment_settings(&self, listen: u16, hub: SocketAddr) -> String {
        let demo = repository().join("deploy/demo");
        let (catalogue, institutions) = (demo.join("catalogue.csv"), demo.join("institutions.csv"));
        format!(
            "{}pools = [{TREATMENT:?}]\nhub = \"{hub}\"\ncatalogue = {catalogue:?}\ninstitutions = {institutions:?}\n\
             deadline_ms = 1700\n",
            self.lines("treatment", listen)
        )
    }

    async fn lodge_filings(&self, hub: u16) {
        let mut filings = String::from("id,psn_no,home,class,destination,from,to\n");
        for person in &self.people {
            let row = format!("CRASH-{0},{0},{1},long-term,310000,2024-01-01,", person.number, person.home);
            writeln!(filings, "{row}").expect("it is text");
        }
        let file = self.folder.path().join("filings.csv");
        fs::write(&file, filings).expect("filings can be written");
        let operator = Operator::new(&format!("127.0.0.1:{hub}"), &self.folder.path().join("pki/operator"));
        let refused = lodge_all(&operator.expect("the operator has certificates"), &file).await;
        let refused = refused.expect("the file can be read");
        assert!(refused.is_empty(), "{refused:?}");
    }
}

/// The roles that keep a store.
fn store_names() -> Vec<String> {
    let homes = HOMES.iter().map(|(home, _)| format!("home-{home}"));
    homes.chain(["hub".to_owned(), "treatment".to_owned()]).collect()
}

fn prepare_stores(storage: Storage, folder: &Path) -> (Option<PrivatePostgres>, BTreeMap<String, String>) {
    match storage {
        Storage::Files => {
            let file = |name: String| (name.clone(), folder.join(name + ".db").display().to_string());
            (None, store_names().into_iter().map(file).collect())
        }
        Storage::Postgres => {
            let options = PostgresOptions { durability: Durability::Durable, ..PostgresOptions::default() };
            let server = PrivatePostgres::start(options).unwrap_or_else(|fault| panic!("no PostgreSQL: {fault}"));
            let database = |name: String| {
                let schema = match name.as_str() {
                    "hub" => &ledger::hub::SCHEMA,
                    "treatment" => &ledger::treatment::SCHEMA,
                    _ => &ledger::home::SCHEMA,
                };
                let made = server.migrated(schema).unwrap_or_else(|fault| panic!("{name}: {fault}"));
                (name, made.app_url)
            };
            let stores = store_names().into_iter().map(database).collect();
            (Some(server), stores)
        }
    }
}

fn issue_certificates(folder: &Path) {
    let authority = CertificateAuthority::init(&folder.join("ca"), "a CA for crashes").expect("a CA");
    let named = |code: &str, role| ParticipantName::new(pool(code).0, role).expect("a name");
    let mut participants = vec![
        ("hub".to_owned(), ParticipantName::hub()),
        ("treatment".to_owned(), named(TREATMENT, Role::Treatment)),
        ("operator".to_owned(), ParticipantName::new(all_regions(), Role::Operator).expect("a name")),
    ];
    participants.extend(HOMES.iter().map(|(home, _)| (format!("home-{home}"), named(home, Role::Home))));
    for (folder_name, name) in participants {
        let issue = Issue { names: vec![name], hosts: vec!["127.0.0.1".to_owned()], days: 2 };
        authority.issue(&folder.join(folder_name), &issue).expect("certificates");
    }
}

/// People live as long as the process, as [`Enrollee`] has it.
fn person(index: usize) -> Enrollee {
    let (home, _) = HOMES[index % HOMES.len()];
    let text = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
    Enrollee {
        number: text(format!("{home}{index:08}")),
        home,
        insurance: "310",
        name: text(format!("测试{index}")),
        document: text(format!("CRASH{index:012}")),
    }
}

fn write_people(folder: &Path, people: &[Enrollee]) {
    let mut rows = String::from("psn_no,name,document_type,document,card,sex,birth,home\n");
    let mut entitlements = String::from(
        "psn_no,insurance,psn_type,from,to,continuous_since,tier,civil_servant,suspended_from,suspended_to,employer\n",
    );
    for Enrollee { number, home, insurance: _, name, document } in people {
        writeln!(rows, "{number},{name},01,{document},C{number},1,1980-01-01,{home}").expect("it is text");
        writeln!(entitlements, "{number},employee,11,2010-01-01,,2010-01-01,,0,,,").expect("it is text");
    }
    fs::create_dir_all(folder).expect("a folder can be made");
    for (file, text) in [
        ("people.csv", rows.as_str()),
        ("entitlements.csv", &entitlements),
        ("identities.csv", "psn_no,class,from,to\n"),
        ("qualifications.csv", "psn_no,disease,name,from,to\n"),
    ] {
        fs::write(folder.join(file), text).expect("people can be written");
    }
}

fn free_ports(nodes: usize) -> Ports {
    let ports = || (0..nodes).map(|_| own_port().expect("a free port")).collect();
    Ports { listen: ports(), watch: ports() }
}

fn loopback(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}
