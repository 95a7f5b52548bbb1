//! What every simulated world has: two home regions with their rule books, of which there are two editions each, a few
//! people, two hospitals, and the permits of the nodes. Read once a process, from the demo's own files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use identity::credentials::Credentials;
use identity::name::{ParticipantName, Role};
use identity::permit::{HubPermit, MailboxPermit, TreatmentPermit};
use identity::pki::{CertificateAuthority, Issue};
use ledger::home::Enrollee;
use region::rules::Rules;
use region::sealing::Sealing;
use settlement::ids::{PoolCode, RegionCode};
use settlement::region::RegionTable;
use tempfile::TempDir;

/// The treatment place.
pub const TREATMENT: &str = "310000";
/// The place of a treatment side that has no business here.
const STRANGER: &str = "440300";
/// The home regions, with the folders of their rule books.
const HOMES: [(&str, &str); 2] = [("410700", "410700-xinxiang"), ("440300", "440300-shenzhen")];
/// What the second edition of every rule book pays otherwise: the ratios that begin with 0.9 pay a bit less.
const SECOND_EDITION: (&str, &str) = ("ratio = \"0.9", "ratio = \"0.8");

/// The people who fall ill: number, home, insurance.
pub const PEOPLE: [Patient; 5] = [
    Patient { number: "410700990001", home: "410700", insurance: "310" },
    Patient { number: "410700990008", home: "410700", insurance: "310" },
    Patient { number: "410700990003", home: "410700", insurance: "390" },
    Patient { number: "440300990001", home: "440300", insurance: "310" },
    Patient { number: "440300990003", home: "440300", insurance: "310" },
];

/// Somebody who falls ill.
#[derive(Clone, Copy, Debug)]
pub struct Patient {
    /// `psn_no`.
    pub number: &'static str,
    /// The pool.
    pub home: &'static str,
    /// `insutype`.
    pub insurance: &'static str,
}

/// The hospitals.
pub const HOSPITALS: [&str; 2] = ["H31010100001", "H31010100002"];
/// Class-A drugs without a ceiling.
pub const DRUGS: [&str; 2] = ["XA10BAA019A001010161209", "XA10BBF018A001010146684"];

const REGIONS: &str = "code,name,level,pool,member\n310000,上海市,pool,310000,310000\n\
    310101,黄浦区,county,310000,310000\n410000,河南省,province,,410000\n410700,新乡市,pool,410700,410000\n\
    440000,广东省,province,,440000\n440300,深圳市,pool,440300,440000\n";
const INSTITUTIONS: &str = "code,name,area,kind,level,from,to,care,chronic,agreement\n\
    H31010100001,甲医院,310101,hospital,2,2021-01-01,,inpatient;outpatient;chronic,,active\n\
    H31010100002,乙医院,310101,hospital,5,2021-01-01,,inpatient;outpatient;chronic,,active\n";

/// One home region.
pub struct HomeFixture {
    /// Its pools.
    pub pools: BTreeSet<PoolCode>,
    /// Its people.
    pub people: Vec<Enrollee>,
    /// The editions of its rule books.
    pub editions: [Rules; 2],
    /// Its key.
    pub sealing: Arc<Sealing>,
    /// What it may ask of its mailboxes.
    pub mailbox_permit: MailboxPermit,
}

/// See the file.
pub struct Fixtures {
    /// The table of regions.
    pub regions: Arc<RegionTable>,
    /// The treatment side's tables.
    pub tables: his::Tables,
    /// The treatment side's settings.
    pub treatment: his::Config,
    /// The home regions, by their pool.
    pub homes: BTreeMap<&'static str, HomeFixture>,
    /// What the hub may ask of home regions.
    pub hub_permit: HubPermit,
    /// What the treatment side may ask of the hub.
    pub treatment_permit: TreatmentPermit,
    /// What the treatment side may ask of its mailboxes.
    pub mailbox_permit: MailboxPermit,
    /// What a treatment side of other pools may ask of the hub.
    pub stranger_permit: TreatmentPermit,
    /// Where the files are.
    _folder: TempDir,
}

impl Fixtures {
    /// Reads everything, from a `deploy` folder.
    ///
    /// # Errors
    /// What cannot be read.
    pub fn read(deploy: &Path) -> Result<Fixtures> {
        let folder = tempfile::tempdir()?;
        let regions = RegionTable::from_csv(REGIONS).or_else(|faults| bail!("the regions: {faults:?}"))?;
        let tables = tables(&regions, deploy, folder.path())?;
        write_people(deploy, folder.path())?;
        let authority = CertificateAuthority::init(&folder.path().join("ca"), "simulation")?;
        let issue = |name: ParticipantName| credentials(&authority, &folder.path().join("credentials"), name);
        let mut homes = BTreeMap::new();
        for (code, rule_books) in HOMES {
            let permit = MailboxPermit::of_our_own(&issue(ParticipantName::new(pool(code).0, Role::Home)?)?)?;
            let rule_books = deploy.join("rulebooks").join(rule_books);
            homes.insert(code, home(code, &rule_books, folder.path(), &regions, permit)?);
        }
        let treatment = issue(ParticipantName::new(pool(TREATMENT).0, Role::Treatment)?)?;
        let stranger = issue(ParticipantName::new(pool(STRANGER).0, Role::Treatment)?)?;
        Ok(Fixtures {
            regions: Arc::new(regions),
            treatment: settings(folder.path()),
            tables,
            homes,
            hub_permit: HubPermit::of_our_own(&issue(ParticipantName::hub())?)?,
            treatment_permit: TreatmentPermit::of_our_own(&treatment)?,
            mailbox_permit: MailboxPermit::of_our_own(&treatment)?,
            stranger_permit: TreatmentPermit::of_our_own(&stranger)?,
            _folder: folder,
        })
    }
}

/// The pool of a code.
pub fn pool(code: &str) -> PoolCode {
    PoolCode(RegionCode::new(code).expect("six digits"))
}

pub(super) fn settings(folder: &Path) -> his::Config {
    his::Config {
        listen: ([127, 0, 0, 1], 0).into(),
        tls: None,
        store: his::config::Secret::new("treatment.db"),
        credentials: folder.join("treatment"),
        regions: folder.join("regions.csv"),
        pools: vec![TREATMENT.to_owned()],
        hub: String::new(),
        catalogue: folder.join("catalogue.csv"),
        institutions: folder.join("institutions.csv"),
        deadline_ms: super::world::TREATMENT_PATIENCE_MS,
        compare_every_ms: 3_600_000,
        gateways: BTreeMap::new(),
        profiles: BTreeMap::new(),
        statement_codes: BTreeMap::new(),
        commit_delay_ms: 0,
        max_store_pages: None,
    }
}

fn tables(regions: &RegionTable, deploy: &Path, folder: &Path) -> Result<his::Tables> {
    fs::write(folder.join("regions.csv"), REGIONS)?;
    fs::write(folder.join("institutions.csv"), INSTITUTIONS)?;
    let catalogue = rows_with(&deploy.join("demo/catalogue.csv"), |row| DRUGS.iter().any(|drug| row.contains(drug)))?;
    fs::write(folder.join("catalogue.csv"), catalogue)?;
    debug_assert!(regions.pool_of(pool(TREATMENT).0).is_some());
    Ok(his::Tables::read(&settings(folder))?)
}

fn write_people(deploy: &Path, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder.join("people"))?;
    for file in ["people.csv", "entitlements.csv", "identities.csv", "qualifications.csv"] {
        let ours = |row: &str| PEOPLE.iter().any(|patient| row.starts_with(patient.number));
        fs::write(folder.join("people").join(file), rows_with(&deploy.join("demo/people").join(file), ours)?)?;
    }
    Ok(())
}

/// The header of a table, and those of its rows that are wanted.
pub(super) fn rows_with(path: &Path, wanted: impl Fn(&str) -> bool) -> Result<String> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let rows = text.lines().enumerate().filter(|(index, row)| *index == 0 || wanted(row));
    Ok(rows.map(|(_, row)| format!("{row}\n")).collect())
}

fn home(
    code: &str,
    rule_books: &Path,
    folder: &Path,
    regions: &RegionTable,
    mailbox_permit: MailboxPermit,
) -> Result<HomeFixture> {
    let pools = BTreeSet::from([pool(code)]);
    let sealing = Sealing::of_key(&folder.join(format!("{code}.key")))?;
    let people = region::people::read(&folder.join("people"), regions, &pools, &sealing)?.own;
    let second = folder.join(format!("second-{code}"));
    fs::create_dir_all(&second)?;
    for entry in fs::read_dir(rule_books).with_context(|| format!("cannot read {}", rule_books.display()))? {
        let path = entry?.path();
        let text = fs::read_to_string(&path)?.replace(SECOND_EDITION.0, SECOND_EDITION.1);
        fs::write(second.join(path.file_name().context("a file has a name")?), text)?;
    }
    let editions = [region::rules::read(rule_books, &pools)?, region::rules::read(&second, &pools)?];
    Ok(HomeFixture { pools, people, editions, sealing: Arc::new(sealing), mailbox_permit })
}

/// Permits come from certificates, in a simulation too.
pub(super) fn credentials(
    authority: &CertificateAuthority,
    folder: &Path,
    name: ParticipantName,
) -> Result<Credentials> {
    let folder = folder.join(name.to_string());
    authority.issue(&folder, &Issue { names: vec![name], hosts: vec!["localhost".to_owned()], days: 1 })?;
    Ok(Credentials::load(&folder)?)
}
