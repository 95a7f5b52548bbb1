//! A test's own world: an authority, tables, a scripted hub, a treatment side, and a desk.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use his::config::{Config, Profile, Secret};
use his::{Running, start};
use identity::credentials::Credentials;
use identity::name::{ParticipantName, Role};
use identity::pki::{CertificateAuthority, Issue};
use identity::server::{MtlsListener, builder};
use ledger::clock::Clock;
use proto::v1::comparisons_server::ComparisonsServer;
use proto::v1::hub_server::HubServer;
use proto::v1::reconciliation_server::ReconciliationServer;
use serde_json::{Value, json};
use settlement::ids::RegionCode;
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::comparing::FakeComparisons;
use crate::fake_hub::FakeHub;
use crate::http::{Response, post};

const REGIONS: &str = "code,name,level,pool,member\n310000,上海市,pool,310000,310000\n\
    310106,静安区,county,310000,310000\n410000,河南省,province,,410000\n410700,新乡市,pool,410700,410000\n\
    440300,深圳市,pool,440300,440000\n440000,广东省,province,,440000\n";
const INSTITUTIONS: &str = "code,name,area,kind,level,from,to,care,chronic,agreement\n\
    H31010600104,静苑医院,310106,hospital,5,2021-01-01,,inpatient;outpatient;chronic,M03900;M01600,active\n\
    H31010600105,暂停医院,310106,hospital,5,2021-01-01,,inpatient;outpatient,,suspended\n\
    H44030000001,深圳医院,440300,hospital,2,2021-01-01,,inpatient,,active\n\
    P31010400108,济仁药房,310106,pharmacy,11,2022-01-01,,purchase,,active\n";
const CATALOGUE: &str = "pool,code,name,list_type,class,category,price_ceiling,first_self_pay,restricted,valid_from,valid_to\n\
     *,XA,甲类药,101,01,09,,0,0,2023-01-01,\n*,XB,乙类药,101,02,09,,0.10,0,2023-01-01,\n\
     *,XC,丙类,201,03,14,,1,0,2023-01-01,\n*,XL,限价材料,301,02,08,50,0.20,0,2023-01-01,\n\
     *,BED,床位费,201,01,01,40,0,0,2023-01-01,\n";

pub const HOSPITAL: &str = "H31010600104";
pub const PHARMACY: &str = "P31010400108";
pub const PERSON: &str = "41070000001";

pub struct World {
    folder: TempDir,
    pub hub: FakeHub,
    pub comparisons: FakeComparisons,
    hub_address: SocketAddr,
    served: Option<JoinHandle<()>>,
    pub config: Config,
    pub clock: Clock,
    running: Option<Running>,
    messages: AtomicU32,
}

impl World {
    pub async fn new() -> World {
        World::with(|_| ()).await
    }

    /// A world whose institutions all have the same habits.
    pub async fn with_profile(profile: Profile) -> World {
        World::with(|config| config.profiles = [("*".to_owned(), profile)].into()).await
    }

    /// A world with other settings.
    pub async fn with(set: impl FnOnce(&mut Config)) -> World {
        crate::log::capture();
        identity::install_crypto_provider();
        let folder = tempfile::tempdir().expect("a folder");
        let authority = CertificateAuthority::init(&folder.path().join("ca"), "test").expect("an authority");
        issue(&authority, &folder.path().join("hub"), ParticipantName::hub());
        let region = RegionCode::new("310000").expect("a code");
        let treatment = ParticipantName::new(region, Role::Treatment).expect("a name");
        issue(&authority, &folder.path().join("his"), treatment);
        for (file, text) in [("regions", REGIONS), ("institutions", INSTITUTIONS), ("catalogue", CATALOGUE)] {
            std::fs::write(folder.path().join(format!("{file}.csv")), text).expect("a table");
        }
        let (hub, comparisons) = (FakeHub::default(), FakeComparisons::default());
        let (hub_address, served) = serve((&hub, &comparisons), "127.0.0.1:0", &folder.path().join("hub")).await;
        let mut config = config(folder.path(), hub_address);
        set(&mut config);
        let clock = Clock::starting_at("2025-06-20T01:00:00Z".parse().expect("an instant"));
        let running = start(config.clone(), clock.clone()).await.expect("a treatment side");
        let messages = AtomicU32::new(0);
        let (served, running) = (Some(served), Some(running));
        World { folder, hub, comparisons, hub_address, served, config, clock, running, messages }
    }

    pub fn running(&self) -> &Running {
        self.running.as_ref().expect("a treatment side that runs")
    }

    /// Ends the treatment side as a crash would, and starts it again on the same store.
    pub async fn crash_and_restart(&mut self) {
        let running = self.running.take().expect("a treatment side that runs");
        let closed = running.store().closed();
        drop(running);
        closed.wait().await;
        let running = start(self.config.clone(), self.clock.clone()).await.expect("a treatment side");
        self.running = Some(running);
    }

    pub async fn stop_hub(&mut self) {
        let served = self.served.take().expect("a hub that runs");
        served.abort();
        let _ = served.await;
    }

    pub async fn start_hub(&mut self) {
        let address = self.hub_address.to_string();
        let (_, served) = serve((&self.hub, &self.comparisons), &address, &self.folder.path().join("hub")).await;
        self.served = Some(served);
    }

    /// A message number that was not used before.
    pub fn new_message(&self) -> String {
        let number = self.messages.fetch_add(1, Ordering::Relaxed);
        format!("{HOSPITAL}20250620090000{number:04}")
    }

    /// Sends a transaction under a new message number.
    pub async fn send(&self, infno: &str, input: Value) -> Answer {
        self.send_as(&self.new_message(), infno, input).await
    }

    /// Sends a transaction under a given message number.
    pub async fn send_as(&self, message: &str, infno: &str, input: Value) -> Answer {
        self.send_envelope(envelope(message, infno, input)).await
    }

    pub async fn send_envelope(&self, envelope: Value) -> Answer {
        let response = self.post("/fsi/api/rsfComIfsService/callService", &[], envelope.to_string().as_bytes()).await;
        assert_eq!(response.status, 200, "{response:?}");
        Answer(response.body)
    }

    pub async fn post(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
        post(self.running().address(), path, headers, body).await
    }
}

/// An answer of the interface.
#[derive(Debug)]
pub struct Answer(pub Value);

impl Answer {
    #[track_caller]
    pub fn ok(self) -> Value {
        assert_eq!(self.0["infcode"], json!(0), "{}", self.0);
        assert!(self.0["output"].as_object().is_some_and(|output| !output.is_empty()), "{}", self.0);
        self.0
    }

    /// The code and text of a refusal.
    #[track_caller]
    pub fn refused(&self, code: u16) -> String {
        assert_eq!(self.0["infcode"], json!(-1), "{}", self.0);
        assert!(self.0["output"].is_null(), "{}", self.0);
        let text = self.0["err_msg"].as_str().expect("a text").to_owned();
        assert!(text.starts_with(&format!("[{code}]")), "{text}");
        text
    }
}

pub fn envelope(message: &str, infno: &str, input: Value) -> Value {
    json!({
        "infno": infno, "msgid": message, "mdtrtarea_admvs": "310106", "insuplc_admdvs": "410700",
        "recer_sys_code": "YBXT", "dev_no": "", "signtype": "", "infver": "V1.0", "opter_type": "1", "opter": "001",
        "opter_name": "收费员", "inf_time": "2025-06-20 09:00:00", "fixmedins_code": HOSPITAL,
        "fixmedins_name": "静苑医院", "sign_no": "", "input": input,
    })
}

fn config(folder: &Path, hub: SocketAddr) -> Config {
    let file = |name: &str| -> PathBuf { folder.join(name) };
    Config {
        listen: "127.0.0.1:0".parse().expect("an address"),
        tls: None,
        store: Secret::new(file("his.db").display().to_string()),
        credentials: file("his"),
        regions: file("regions.csv"),
        pools: vec!["310000".into()],
        hub: hub.to_string(),
        catalogue: file("catalogue.csv"),
        institutions: file("institutions.csv"),
        deadline_ms: 5_000,
        compare_every_ms: 3_600_000,
        gateways: Default::default(),
        profiles: Default::default(),
        statement_codes: Default::default(),
        commit_delay_ms: 0,
        max_store_pages: None,
    }
}

fn issue(authority: &CertificateAuthority, dir: &Path, name: ParticipantName) {
    let hosts = vec!["127.0.0.1".into(), "localhost".into()];
    authority.issue(dir, &Issue { names: vec![name], hosts, days: 30 }).expect("certificates");
}

async fn serve(
    (hub, comparisons): (&FakeHub, &FakeComparisons),
    address: &str,
    credentials: &Path,
) -> (SocketAddr, JoinHandle<()>) {
    let credentials = Arc::new(Credentials::load(credentials).expect("credentials"));
    let listener = MtlsListener::bind(address, credentials).await.expect("a port");
    let address = listener.local_addr();
    let service = HubServer::new(hub.clone());
    let (book, told) = (ReconciliationServer::new(comparisons.clone()), ComparisonsServer::new(comparisons.clone()));
    let served = tokio::spawn(async move {
        let _ = builder().add_service(service).add_service(book).add_service(told).serve_with_incoming(listener).await;
    });
    (address, served)
}
