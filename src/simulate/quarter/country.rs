//! The country of a simulated quarter: twelve members with their pools, people, hospitals, pharmacies, rule books and
//! permits. Regions are the real table's; rule books are three of the demo's under the pools' own codes. Read once.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use broker::reconcile::notary::Notary;
use identity::name::{ParticipantName, Role};
use identity::permit::{HubPermit, TreatmentPermit};
use identity::pki::{CertificateAuthority, Issue};
use identity::signing::Signer;
use ledger::home::Enrollee;
use region::rules::Rules;
use region::sealing::Sealing;
use settlement::ids::{MemberCode, PoolCode};
use settlement::region::RegionTable;
use tempfile::TempDir;

use crate::simulate::fixtures::{DRUGS, credentials, pool, rows_with, settings};

/// Folders of rule books.
const TIANJIN: &str = "120000-tianjin";
const XINXIANG: &str = "410700-xinxiang";
const SHENZHEN: &str = "440300-shenzhen";
/// A chronic disease that the rule books of Tianjin and Xinxiang know.
pub const DISEASE: &str = "M03900";

/// A member: what it clears as, where its hospitals are, and its pools with their rule books.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The member.
    pub code: &'static str,
    /// The pool that holds its hospitals' contracts.
    pub treatment: &'static str,
    /// Where its hospitals stand.
    pub area: &'static str,
    /// The pools that insure its people.
    pub homes: &'static [(&'static str, &'static str)],
}

/// The members.
pub const MEMBERS: [Plan; 12] = [
    Plan { code: "110000", treatment: "110000", area: "110101", homes: &[("110000", TIANJIN)] },
    Plan { code: "120000", treatment: "120000", area: "120101", homes: &[("120000", TIANJIN)] },
    Plan { code: "310000", treatment: "310000", area: "310101", homes: &[("310000", SHENZHEN)] },
    Plan { code: "320000", treatment: "320100", area: "320102", homes: &[("320100", XINXIANG)] },
    Plan { code: "330000", treatment: "330100", area: "330102", homes: &[("330100", SHENZHEN)] },
    Plan { code: "370000", treatment: "370100", area: "370102", homes: &[("370100", XINXIANG)] },
    Plan { code: "410000", treatment: "410100", area: "410102", homes: &[("410100", XINXIANG), ("410700", XINXIANG)] },
    Plan { code: "420000", treatment: "420100", area: "420102", homes: &[("420100", XINXIANG)] },
    Plan { code: "440000", treatment: "440100", area: "440103", homes: &[("440100", SHENZHEN), ("440300", SHENZHEN)] },
    Plan { code: "500000", treatment: "500000", area: "500103", homes: &[("500000", TIANJIN)] },
    Plan { code: "510000", treatment: "510100", area: "510104", homes: &[("510100", XINXIANG)] },
    Plan { code: "610000", treatment: "610100", area: "610102", homes: &[("610100", XINXIANG)] },
];

/// By number in [`MEMBERS`]: confirms on the last day, and once long after it.
pub const CONFIRMS_LATE: usize = 2;
/// Objects.
pub const OBJECTS: usize = 8;
/// Has its home region's book put back from an older copy.
pub const DAMAGED: usize = 7;
/// Chongqing and Sichuan: nothing happens between them but what the story says.
pub const BY_HAND: [usize; 2] = [9, 10];
/// Home and treatment member, by number: only the story sends somebody from one to the other, and the first does not pay
/// for three months.
pub const DEBTOR: [usize; 2] = [0, 4];
/// The same: what one side pays, the bank of the other records with its own number and day.
pub const TWO_BANKS: [usize; 2] = [5, 6];
/// The same: what is deducted of a bill goes alone.
pub const ALONE: [usize; 2] = [5, 3];
/// Has no business at all.
pub const IDLE: usize = 11;
/// A pool whose first employee and whose resident are treated only when the story says so; no other resident goes to the
/// hospital of the latter.
pub const BY_STORY: &str = "370100";

/// Somebody who falls ill away from home.
#[derive(Clone, Debug)]
pub struct Person {
    /// `psn_no`.
    pub number: String,
    /// The pool.
    pub home: &'static str,
    /// The member of the pool, by its number.
    pub member: usize,
    /// `insutype`.
    pub insurance: &'static str,
    /// The member to whose hospitals the person goes, by its number.
    pub goes_to: usize,
    /// Whether the person may have chronic care.
    pub chronic: bool,
    /// Whether only the story sends the person anywhere.
    pub by_hand: bool,
}

/// What a member has.
pub struct Member {
    /// Its home pools.
    pub pools: BTreeSet<PoolCode>,
    /// Its people.
    pub enrollees: Vec<Enrollee>,
    /// Its rule books.
    pub rules: Rules,
    /// Its key.
    pub sealing: Arc<Sealing>,
    /// Its treatment side's settings.
    pub treatment: his::Config,
    /// Its treatment side's tables.
    pub tables: his::Tables,
    /// What its treatment side may ask of the hub.
    pub permit: TreatmentPermit,
    /// Who signs for its home region and for its treatment side.
    pub signers: Signers,
}

/// Who signs documents for a member.
pub struct Signers {
    /// For its home region, in the name of each of its pools.
    pub home: Signer,
    /// For its treatment side.
    pub treatment: Signer,
}

/// See the file.
pub struct Country {
    /// The table of regions.
    pub regions: Arc<RegionTable>,
    /// The members, as in [`MEMBERS`].
    pub members: Vec<Member>,
    /// The people.
    pub people: Vec<Person>,
    /// What the hub may ask of home regions.
    pub hub_permit: HubPermit,
    /// The folder of the hub's certificates.
    pub hub_credentials: PathBuf,
    /// What the hub certifies with.
    pub notary: Notary,
    /// Where the files are.
    pub folder: TempDir,
}

impl Country {
    /// Reads everything, from a `deploy` folder.
    ///
    /// # Errors
    /// What cannot be read.
    pub fn read(deploy: &Path) -> Result<Country> {
        let folder = tempfile::tempdir()?;
        let known = |row: &str| MEMBERS.iter().any(|plan| plan.codes().any(|code| row.starts_with(code)));
        let regions = uncommented(&deploy.join("regions.csv"))?;
        let regions: String = regions
            .lines()
            .enumerate()
            .filter(|(at, row)| *at == 0 || known(row))
            .map(|(_, row)| format!("{row}\n"))
            .collect();
        fs::write(folder.path().join("regions.csv"), &regions)?;
        let regions = RegionTable::from_csv(&regions).or_else(|faults| bail!("the regions: {faults:?}"))?;
        let drugs = rows_with(&deploy.join("demo/catalogue.csv"), |row| DRUGS.iter().any(|drug| row.contains(drug)))?;
        fs::write(folder.path().join("catalogue.csv"), drugs)?;
        fs::write(folder.path().join("institutions.csv"), institutions())?;
        let people = people();
        write_people(folder.path(), &people)?;
        let authority = CertificateAuthority::init(&folder.path().join("ca"), "simulation")?;
        let certified = folder.path().join("credentials");
        let issue = |name: ParticipantName| credentials(&authority, &certified, name);
        let signer = |name: ParticipantName| Signer::load(&certified.join(name.to_string()));
        let hub_permit = HubPermit::of_our_own(&issue(ParticipantName::hub())?)?;
        let hub_credentials = certified.join(ParticipantName::hub().to_string());
        let notary = Notary::load(&hub_credentials)?;
        let mut members = Vec::new();
        for plan in &MEMBERS {
            let name = ParticipantName::new(pool(plan.treatment).0, Role::Treatment)?;
            let permit = TreatmentPermit::of_our_own(&issue(name)?)?;
            let signers = Signers { home: home_signer(plan, &authority, &certified)?, treatment: signer(name)? };
            members.push(member(plan, deploy, folder.path(), &regions, (permit, signers))?);
        }
        Ok(Country { regions: Arc::new(regions), members, people, hub_permit, hub_credentials, notary, folder })
    }
}

impl Plan {
    /// The member's code as a type.
    pub fn member(&self) -> MemberCode {
        MemberCode(pool(self.code).0)
    }

    /// `fixmedins_code` of its hospital.
    pub fn hospital(&self) -> String {
        format!("H{}00001", self.area)
    }

    /// `fixmedins_code` of its pharmacy.
    pub fn pharmacy(&self) -> String {
        format!("P{}00002", self.area)
    }

    fn codes(&self) -> impl Iterator<Item = &'static str> {
        [self.code, self.treatment, self.area].into_iter().chain(self.homes.iter().map(|(pool, _)| *pool))
    }
}

/// One certificate in the name of all of a member's pools.
fn home_signer(plan: &Plan, authority: &CertificateAuthority, certified: &Path) -> Result<Signer> {
    let names = plan.homes.iter().map(|(code, _)| ParticipantName::new(pool(code).0, Role::Home));
    let names = names.collect::<Result<Vec<_>, _>>()?;
    let folder = certified.join(format!("home-{}", plan.code));
    authority.issue(&folder, &Issue { names, hosts: Vec::new(), days: 1 })?;
    Ok(Signer::load(&folder)?)
}

fn institutions() -> String {
    let mut rows = "code,name,area,kind,level,from,to,care,chronic,agreement\n".to_owned();
    for plan in &MEMBERS {
        let (hospital, pharmacy, area) = (plan.hospital(), plan.pharmacy(), plan.area);
        rows += &format!(
            "{hospital},甲医院,{area},hospital,5,2021-01-01,,inpatient;outpatient;chronic,all,active\n\
             {pharmacy},乙药店,{area},pharmacy,11,2021-01-01,,purchase,,active\n"
        );
    }
    rows
}

/// Two employees and a resident of each pool, each with one place where they fall ill; Xinxiang's second goes to its own
/// member's hospitals, which is owed by nobody. And an employee of who does not pay.
fn people() -> Vec<Person> {
    let mut people = Vec::new();
    for (member, plan) in MEMBERS.iter().enumerate() {
        for (at, (home, rules)) in plan.homes.iter().enumerate() {
            for which in 0..3 {
                let away = (member + 1 + which * 4 + at * 2) % IDLE;
                let away = if away == member { (away + 1) % IDLE } else { away };
                let goes_to = match (*home, which) {
                    ("410700", 1) => member,
                    ("500000", 0) => BY_HAND[1],
                    ("510100", 0) => BY_HAND[0],
                    _ if BY_HAND.contains(&member) && BY_HAND.contains(&away) => 0,
                    _ => away,
                };
                people.push(Person {
                    number: format!("{home}99{:04}", 1 + which),
                    home,
                    member,
                    insurance: if which == 2 { "390" } else { "310" },
                    goes_to,
                    chronic: *rules != SHENZHEN && which == 1,
                    by_hand: member == IDLE
                        || BY_HAND.contains(&member) && which == 0
                        || *home == BY_STORY && which != 1,
                });
            }
        }
    }
    let (home, insurance) = (MEMBERS[DEBTOR[0]].homes[0].0, "310");
    let (member, goes_to) = (DEBTOR[0], DEBTOR[1]);
    let number = format!("{home}990004");
    people.push(Person { number, home, member, insurance, goes_to, chronic: false, by_hand: true });
    people
}

fn write_people(folder: &Path, people: &[Person]) -> Result<()> {
    let mut files = [
        ("people.csv", "psn_no,name,document_type,document,card,sex,birth,home\n".to_owned()),
        (
            "entitlements.csv",
            "psn_no,insurance,psn_type,from,to,continuous_since,tier,civil_servant,suspended_from,suspended_to,employer\n"
                .to_owned(),
        ),
        ("identities.csv", "psn_no,class,from,to\n".to_owned()),
        ("qualifications.csv", "psn_no,disease,name,from,to\n".to_owned()),
        (
            "postings.csv",
            "id,psn_no,kind,date,insurance,care,disease,stays,deductible,in_policy,basic,large_sum,catastrophic_base,\
             catastrophic,civil_servant,assistance,account,institution,encounter,cancels,note\n"
                .to_owned(),
        ),
    ];
    for Person { number, home, insurance, chronic, .. } in people {
        let tier = if ["310000", "330100", "440100", "440300"].contains(home) { "first" } else { "" };
        let entitled = match *insurance {
            "310" => format!("{number},employee,11,2010-01-01,,2010-01-01,{tier},0,,,\n"),
            _ => format!("{number},resident,1501,2017-01-01,2025-12-31,2017-01-01,,0,,,\n"),
        };
        files[0].1 += &format!("{number},某人,01,D{number},C{number},1,1980-01-01,{home}\n");
        files[1].1 += &entitled;
        if *chronic {
            files[3].1 += &format!("{number},{DISEASE},高血压,2024-01-01,\n");
        }
        if *insurance == "310" {
            files[4].1 += &format!("OB-{number},{number},opening-balance,2025-03-31,employee,,,,,,,,,,,,3000.00,,,,\n");
        }
    }
    fs::create_dir_all(folder.join("people"))?;
    for (file, text) in files {
        fs::write(folder.join("people").join(file), text)?;
    }
    Ok(())
}

fn member(
    plan: &Plan,
    deploy: &Path,
    folder: &Path,
    regions: &RegionTable,
    (permit, signers): (TreatmentPermit, Signers),
) -> Result<Member> {
    let pools: BTreeSet<PoolCode> = plan.homes.iter().map(|(code, _)| pool(code)).collect();
    let sealing = Sealing::of_key(&folder.join(format!("{}.key", plan.code)))?;
    let enrollees = region::people::read(&folder.join("people"), regions, &pools, &sealing)?.own;
    let books = folder.join("rulebooks").join(plan.code);
    for (code, rule_books) in plan.homes {
        let from = deploy.join("rulebooks").join(rule_books);
        fs::create_dir_all(books.join(code))?;
        for entry in fs::read_dir(&from).with_context(|| format!("cannot read {}", from.display()))? {
            let path = entry?.path();
            let own = &rule_books[..6];
            let text = fs::read_to_string(&path)?.replace(&format!("pool = \"{own}\""), &format!("pool = \"{code}\""));
            fs::write(books.join(code).join(path.file_name().context("a file has a name")?), text)?;
        }
    }
    let treatment = his::Config { pools: vec![plan.treatment.to_owned()], ..settings(folder) };
    let tables = his::Tables::read(&treatment)?;
    let rules = region::rules::read(&books, &pools)?;
    Ok(Member { pools, enrollees, rules, sealing: Arc::new(sealing), treatment, tables, permit, signers })
}

/// A table without the lines that say where it is from.
fn uncommented(path: &Path) -> Result<String> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(text.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect())
}
