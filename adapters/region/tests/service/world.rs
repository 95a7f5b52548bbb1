//! An authority, a region with its files, a hub that calls it, and short ways to write operations.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use identity::client::{Expected, channel};
use identity::credentials::Credentials;
use identity::pki::{CertificateAuthority, Issue};
use ledger::clock::Clock;
use ledger::engine::migrate;
use ledger::home::{Arrival, AttachedFilings, SCHEMA};
use ledger::testing::{Database, PrivatePostgres};
use proto::v1::home_region_client::HomeRegionClient;
use proto::v1::region_book_client::RegionBookClient;
use proto::v1::region_corrections_client::RegionCorrectionsClient;
use proto::{convert, status, v1};
use region::{Config, Running, start};
use settlement::bill::{Bill, CategorySum, Coverage, FeeCategory};
use settlement::encounter::{CareKind, Encounter, HospitalLevel, Marks};
use settlement::filing::{Filing, FilingClass, Proof};
use settlement::ids::*;
use settlement::money::Money;
use settlement::operation::*;
use settlement::outcome::{Done, Outcome, Settled};
use settlement::person::{Insurance, Validity};
use settlement::refusal::{Reason, Refusal};
use tempfile::TempDir;
use tonic::transport::Channel;

pub const HUB: &str = "yidi://000000/hub";
pub const HOME: &str = "yidi://410700/home";
pub const TREATMENT: &str = "yidi://310000/treatment";
pub const WORKING: &str = "41070000001";
pub const RETIRED: &str = "41070000002";
pub const HOSPITAL: &str = "H31010400102";

const PEOPLE: [(&str, &str); 4] = [
    (
        "people.csv",
        "psn_no,name,document_type,document,card,sex,birth,home\n\
         41070000001,张工,01,41070019800101001x,C0001,1,1980-01-01,410700\n\
         41070000002,李退,01,410700195501010028,,2,1955-01-01,410700\n\
         41070000003,王停,01,410700198001010035,,1,1980-01-01,410700\n\
         44030000001,赵远,01,440300198001010017,C0009,1,1980-01-01,440300\n",
    ),
    (
        "entitlements.csv",
        "psn_no,insurance,psn_type,from,to,continuous_since,tier,civil_servant,suspended_from,suspended_to,employer\n\
         41070000001,resident,1501,2015-01-01,2019-12-31,,,0,,,\n\
         41070000001,employee,11,2020-01-01,,,,0,,,某厂\n\
         41070000002,employee,1204,2016-01-01,,2000-01-01,,0,,,\n\
         41070000003,employee,11,2016-01-01,,2000-01-01,,0,2025-01-01,,\n\
         44030000001,employee,11,2016-01-01,,2000-01-01,first,0,,,\n",
    ),
    ("identities.csv", "psn_no,class,from,to\n41070000003,low-income,2025-01-01,\n"),
    ("qualifications.csv", "psn_no,disease,name,from,to\n41070000001,M03900,高血压,2025-01-01,\n"),
];

pub const POSTINGS_HEADER: &str = "id,psn_no,kind,date,insurance,care,disease,stays,deductible,in_policy,basic,\
    large_sum,catastrophic_base,catastrophic,civil_servant,assistance,account,institution,encounter,cancels,note\n";

/// Runs each test on both databases.
macro_rules! on_both {
    ($($test:ident,)+) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                super::$test(crate::world::On::Sqlite).await;
            })+
        }

        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                super::$test(crate::world::On::Postgres).await;
            })+
        }
    };
}

/// The kind of database under a region.
#[derive(Clone, Copy)]
pub enum On {
    Sqlite,
    /// As in production: migrated by its owner, served by a role that owns nothing.
    Postgres,
}

pub struct World {
    pub folder: TempDir,
    pub database: Option<Database>,
    pub authority: CertificateAuthority,
    pub clock: Clock,
    pub region: Option<Running>,
    /// The folder of its rule books.
    pub rulebooks: PathBuf,
    hub: Arc<Credentials>,
}

impl World {
    /// A region at noon of 20 June 2025 in Beijing, with 1,000 yuan on the working person's account.
    pub async fn new(on: On) -> World {
        let mut world = World::stopped_on(on);
        world.write(
            "postings.csv",
            &format!("{POSTINGS_HEADER}D1,{WORKING},account-deposit,2025-01-02,,,,,,,,,,,,,1000.00,,,,\n"),
        );
        world.start().await;
        world
    }

    /// The same, not started and without postings.
    pub fn stopped() -> World {
        World::stopped_on(On::Sqlite)
    }

    pub fn stopped_on(on: On) -> World {
        let folder = tempfile::tempdir().expect("a folder");
        let authority = CertificateAuthority::init(&folder.path().join("ca"), "test authority").expect("an authority");
        let hub = credentials(&authority, &folder, "hub", &[HUB]);
        credentials(&authority, &folder, "home", &[HOME]);
        let clock = Clock::starting_at("2025-06-20T04:00:00Z".parse().expect("an instant"));
        let database = match on {
            On::Sqlite => None,
            On::Postgres => Some(migrated()),
        };
        let rulebooks = repository().join("deploy/rulebooks");
        let world = World { folder, database, authority, clock, region: None, rulebooks, hub };
        for (file, text) in PEOPLE {
            world.write(&format!("people/{file}"), text);
        }
        world.write("postings.csv", POSTINGS_HEADER);
        world
    }

    /// The same with rules beside those of Xinxiang's books.
    pub fn stopped_with_rules(on: On, rules: &str) -> World {
        let mut world = World::stopped_on(on);
        for book in ["employee-2024-01-01.toml", "resident-2025-01-01.toml"] {
            let text = fs::read_to_string(world.rulebooks.join("410700-xinxiang").join(book)).expect("a rule book");
            world.write(&format!("rulebooks/410700-xinxiang/{book}"), &(text + rules));
        }
        world.rulebooks = world.path("rulebooks");
        world
    }

    pub fn write(&self, file: &str, text: &str) {
        let path = self.path(file);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    pub fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    pub fn config(&self) -> Config {
        Config {
            listen: "127.0.0.1:0".parse().expect("an address"),
            store: match &self.database {
                Some(database) => database.app_url.clone(),
                None => self.path("region/store.db").display().to_string(),
            },
            key: Some(self.path("region/store.key")),
            credentials: self.path("home"),
            regions: repository().join("deploy/regions.csv"),
            pools: vec!["410700".into()],
            hub: None,
            rulebooks: self.rulebooks.clone(),
            people: self.path("people"),
            postings: vec![self.path("postings.csv")],
            waiting: 4096,
            commit_delay_ms: 0,
            max_store_pages: None,
        }
    }

    pub async fn start(&mut self) {
        let region = start(self.config(), self.clock.clone()).await;
        self.region = Some(region.unwrap_or_else(|fault| panic!("{fault}: {:?}", std::error::Error::source(&fault))));
    }

    pub async fn stop(&mut self) {
        if let Some(region) = self.region.take() {
            region.stop().await;
        }
    }

    pub fn running(&self) -> &Running {
        self.region.as_ref().expect("it runs")
    }

    /// A channel to the region as somebody.
    pub fn channel_as(&self, credentials: Arc<Credentials>) -> Channel {
        let pools = [pool("410700")].into();
        let address = self.running().address().to_string();
        channel(&address, credentials, Expected::HomeOf(pools), Duration::from_secs(5)).expect("a channel")
    }

    pub fn client(&self) -> HomeRegionClient<Channel> {
        HomeRegionClient::new(self.channel_as(self.hub.clone()))
    }

    pub fn book_client(&self) -> RegionBookClient<Channel> {
        RegionBookClient::new(self.channel_as(self.hub.clone()))
    }

    pub fn corrections_client(&self) -> RegionCorrectionsClient<Channel> {
        self.corrections_client_as(self.hub.clone())
    }

    pub fn corrections_client_as(&self, credentials: Arc<Credentials>) -> RegionCorrectionsClient<Channel> {
        RegionCorrectionsClient::new(self.channel_as(credentials))
    }

    pub fn credentials(&self, name: &str, names: &[&str]) -> Arc<Credentials> {
        credentials(&self.authority, &self.folder, name, names)
    }

    pub async fn answer(&self, operation: &Operation) -> v1::Answer {
        self.try_answer(operation).await.unwrap_or_else(|refusal| panic!("{refusal}"))
    }

    pub async fn try_answer(&self, operation: &Operation) -> Result<v1::Answer, Refusal> {
        operate(self.client(), operation).await
    }

    pub async fn outcome(&self, operation: &Operation) -> Outcome {
        read(&self.answer(operation).await)
    }

    pub async fn settled(&self, operation: &Operation) -> Settled {
        match self.outcome(operation).await {
            Outcome::Accepted { decided_at: _, done: Done::Settled(settled) } => *settled,
            other @ (Outcome::Accepted { .. } | Outcome::Refused(_)) => panic!("not settled: {other:?}"),
        }
    }

    pub async fn refused(&self, operation: &Operation) -> Reason {
        self.outcome(operation).await.refusal().unwrap_or_else(|| panic!("not refused")).reason
    }

    pub async fn resolve(&self, operation: &Operation) -> v1::Answer {
        let key = Some(convert::write_key(&operation.key));
        let request = v1::ResolveRequest { key, home: "410700".into(), ..Default::default() };
        self.client().resolve(request).await.expect("an answer").into_inner()
    }

    /// Everything that must hold of the book.
    pub async fn prove(&self) {
        let store = self.running().store();
        let mut findings = store.proof_run().await.expect("a proof");
        findings.extend(region::replay::a_replay_of_any_stored_decision_is_identical(store).await.expect("replays"));
        assert!(findings.is_empty(), "{findings:#?}");
    }
}

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn migrated() -> Database {
    let database = PrivatePostgres::shared().database().expect("a database");
    let owner = database.owner_url.parse().expect("a location");
    migrate(&owner, &SCHEMA, Some(&database.app_role)).expect("it is migrated");
    database
}

pub async fn operate(client: HomeRegionClient<Channel>, operation: &Operation) -> Result<v1::Answer, Refusal> {
    operate_on(client, operation, 8_000, (0, 0)).await
}

/// The same from a hub that waits so long.
pub async fn operate_within(
    client: HomeRegionClient<Channel>,
    operation: &Operation,
    deadline_ms: i64,
) -> Result<v1::Answer, Refusal> {
    operate_on(client, operation, deadline_ms, (0, 0)).await
}

/// The same from a hub that has heard of so much of the book.
pub async fn operate_knowing(
    client: HomeRegionClient<Channel>,
    operation: &Operation,
    known_book_seq: u64,
) -> Result<v1::Answer, Refusal> {
    operate_on(client, operation, 8_000, (known_book_seq, 0)).await
}

/// The same from a hub that has heard of so many batches of corrections besides.
pub async fn operate_knowing_batches(
    client: HomeRegionClient<Channel>,
    operation: &Operation,
    known: (u64, u64),
) -> Result<v1::Answer, Refusal> {
    operate_on(client, operation, 8_000, known).await
}

async fn operate_on(
    mut client: HomeRegionClient<Channel>,
    operation: &Operation,
    deadline_ms: i64,
    (known_book_seq, known_batches): (u64, u64),
) -> Result<v1::Answer, Refusal> {
    let filing = Some(convert::write_filing(&filing_of(operation)));
    let hub = v1::HubFields { filing, deadline_ms, position: 1, known_book_seq, known_batches };
    let operation = convert::write_operation(operation);
    let request = v1::OperateRequest { operation, hub: Some(hub), request_id: String::new() };
    let answer = client.operate(request).await;
    answer.map(tonic::Response::into_inner).map_err(|status| status::to_refusal(&status))
}

/// A long-term filing of the operation's person for Shanghai.
pub fn filing_of(operation: &Operation) -> Filing {
    Filing {
        id: FilingId::new("F1").expect("an id"),
        person: operation.key.person.clone(),
        home: pool("410700"),
        class: FilingClass::LongTerm,
        proof: Proof::HandedIn,
        destination: RegionCode::new("310000").expect("a code"),
        validity: Validity { from: jiff::civil::date(2024, 1, 1), to: None },
    }
}

/// The operation as the store gets it from the service.
pub fn arrival(operation: &Operation) -> Arrival {
    let filing = filing_of(operation);
    let bytes = prost::Message::encode_to_vec(&convert::write_filing(&filing)).into();
    Arrival {
        operation: operation.clone().into(),
        bytes: convert::write_operation(operation),
        filings: Some(AttachedFilings { filings: vec![filing], bytes }),
    }
}

pub fn read(answer: &v1::Answer) -> Outcome {
    convert::read_outcome(&answer.outcome).expect("an outcome")
}

fn credentials(authority: &CertificateAuthority, folder: &TempDir, name: &str, names: &[&str]) -> Arc<Credentials> {
    let dir = folder.path().join(name);
    let names = names.iter().map(|name| name.parse().expect("a name")).collect();
    authority.issue(&dir, &Issue { names, hosts: vec!["127.0.0.1".into()], days: 30 }).expect("certificates");
    Arc::new(Credentials::load(&dir).expect("credentials"))
}

pub fn pool(code: &str) -> PoolCode {
    PoolCode(RegionCode::new(code).expect("six digits"))
}

fn key(person: &str, message: &str, transaction: &str, encounter: Option<&str>, batch: Option<&str>) -> OperationKey {
    OperationKey {
        institution: InstitutionCode::new(HOSPITAL).expect("a code"),
        message: MessageId::new(message).expect("a message id"),
        transaction: TransactionNumber::new(transaction).expect("a number"),
        person: PersonNumber::new(person).expect("a number"),
        encounter: encounter.map(|id| EncounterId::new(id).expect("an id")),
        batch: batch.map(|id| BatchNumber::new(id).expect("a batch")),
    }
}

/// An outpatient batch of 300 yuan on 20 June, paid from the account as far as it goes; `m1` makes settlement `s-m1`.
pub fn settle(person: &str, message: &str, encounter: &str) -> Operation {
    settle_yuan(person, message, encounter, 300)
}

pub fn settle_yuan(person: &str, message: &str, encounter: &str, yuan: i64) -> Operation {
    let visit = key(person, message, "2207", Some(encounter), Some("1"));
    settlement_of(visit, message, yuan, CareKind::Outpatient, (20, Some(20)))
}

/// A stay in June.
pub fn stay(person: &str, message: &str, encounter: &str, days: (i8, i8), yuan: i64) -> Operation {
    let stay = key(person, message, "2304", Some(encounter), None);
    settlement_of(stay, message, yuan, CareKind::Inpatient, (days.0, Some(days.1)))
}

fn settlement_of(
    key: OperationKey,
    message: &str,
    yuan: i64,
    care: CareKind,
    (from, to): (i8, Option<i8>),
) -> Operation {
    let amount = Money::from_yuan(yuan);
    let category = CategorySum {
        category: FeeCategory::new(9).expect("western drugs"),
        class_a: amount,
        class_b: Money::ZERO,
        class_c: Money::ZERO,
        over_limit: Money::ZERO,
    };
    let coverage = Coverage { in_policy: amount, ..Coverage::default() };
    let encounter = Encounter {
        id: key.encounter.clone().expect("a visit"),
        institution: key.institution.clone(),
        area: RegionCode::new("310104").expect("a code"),
        pool: pool("310000"),
        member: None,
        level: HospitalLevel::Third,
        care,
        admitted: jiff::civil::date(2025, 6, from),
        discharged: to.map(|to| jiff::civil::date(2025, 6, to)),
        disease: None,
        diagnosis: Some(DiagnosisCode::new("I10.x00").expect("a code")),
        batch: key.batch.clone(),
        interim: false,
        marks: Marks::default(),
    };
    let request = Settle {
        settlement: SettlementId::new(&format!("s-{message}")).expect("an id"),
        home: pool("410700"),
        insurance: Insurance::Employee,
        encounter,
        bill: Bill::new(coverage, vec![category], Vec::new()).expect("a bill"),
        account: AccountUse::Own,
    };
    Operation { key, request: Request::Settle(Box::new(request)) }
}

pub fn cancel(person: &str, message: &str, settlement: &str) -> Operation {
    let request = Cancel {
        counter: SettlementId::new(&format!("s-{message}")).expect("an id"),
        settlement: SettlementId::new(settlement).expect("an id"),
        home: pool("410700"),
        treatment: pool("310000"),
    };
    Operation { key: key(person, message, "2208", None, None), request: Request::Cancel(request) }
}

pub fn reverse(person: &str, message: &str, target: &str, transaction: &str) -> Operation {
    let target = key(person, target, transaction, None, None).as_target();
    let request = Reverse { target, home: pool("410700"), treatment: pool("310000") };
    Operation { key: key(person, message, "2601", None, None), request: Request::Reverse(request) }
}
