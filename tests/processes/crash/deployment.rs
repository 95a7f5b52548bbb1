//! Hub, two home regions and a treatment side as they would run apart: a process each, with certificates and settings
//! in files, and between them wires that can be cut.

use std::fmt::Write as _;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use identity::name::{ParticipantName, Role, all_regions};
use identity::pki::{CertificateAuthority, Issue};
use tempfile::TempDir;
use world::relay::{Mode, Relay};
use world::{Enrollee, pool};
use yidi::filing::{Operator, lodge_all};

use super::node::Node;
use crate::process::repository;

/// The home regions, with the folders of their rule books.
const HOMES: [(&str, &str); 2] = [("410700", "410700-xinxiang"), ("440300", "440300-shenzhen")];
/// Whose institutions the treatment side acts for.
const TREATMENT: &str = "310000";

/// What the stores of a deployment are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// SQLite files.
    Files,
}

/// A running deployment. Its processes end with it.
pub struct Deployment {
    storage: Storage,
    /// The home regions, the hub, the treatment side: in the order in which they start.
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
        let ports = free_ports(HOMES.len() + 2);
        let (hub, treatment) = (HOMES.len(), HOMES.len() + 1);
        let mut deployment = Deployment {
            storage,
            nodes: Vec::new(),
            wires: ports.listen[..=hub].iter().map(|port| Relay::to(loopback(*port))).collect(),
            people,
            desk: format!("http://127.0.0.1:{}", ports.listen[treatment]),
            folder,
        };
        for (index, (home, rulebooks)) in HOMES.iter().enumerate() {
            let settings = deployment.home_settings(home, rulebooks, ports.listen[index]);
            deployment.add(&format!("home-{home}"), "region", &settings, ports.watch[index]);
        }
        let settings = deployment.hub_settings(ports.listen[hub]);
        deployment.add("hub", "hub", &settings, ports.watch[hub]);
        let settings = deployment.treatment_settings(ports.listen[treatment], deployment.wires[hub].address);
        deployment.add("treatment", "his", &settings, ports.watch[treatment]);
        for node in &mut deployment.nodes {
            node.start();
        }
        deployment.wait_until_ready();
        deployment.lodge_filings(ports.listen[hub]).await;
        deployment
    }

    fn add(&mut self, name: &str, role: &'static str, settings: &str, watch: u16) {
        let config = self.folder.path().join(format!("{name}.toml"));
        fs::write(&config, settings).expect("settings can be written");
        self.nodes.push(Node::new(name, role, config, watch));
    }

    /// Waits until every process takes requests.
    pub fn wait_until_ready(&mut self) {
        self.nodes.iter_mut().for_each(Node::wait_until_ready);
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
    pub fn store(&self, name: &str) -> String {
        match self.storage {
            Storage::Files => self.folder.path().join(format!("{name}.db")).display().to_string(),
        }
    }

    /// The stores of the home regions.
    pub fn home_stores(&self) -> impl Iterator<Item = String> + '_ {
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
        format!(
            "{}pools = [{home:?}]\nrulebooks = {rulebooks:?}\npeople = {people:?}\npostings = []\n",
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
        let tier = if *home == "440300" { "first" } else { "" };
        writeln!(rows, "{number},{name},01,{document},C{number},1,1980-01-01,{home}").expect("it is text");
        writeln!(entitlements, "{number},employee,11,2010-01-01,,2010-01-01,{tier},0,,,").expect("it is text");
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
    let bind = |_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let held: Vec<TcpListener> = (0..2 * nodes).map(bind).collect();
    let ports: Vec<u16> = held.iter().map(|held| held.local_addr().expect("it is bound").port()).collect();
    Ports { listen: ports[..nodes].to_vec(), watch: ports[nodes..].to_vec() }
}

fn loopback(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}
