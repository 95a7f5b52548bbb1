//! The people's files: who is enrolled, under what, with what identities and qualifications. Read at every start; a
//! row of another region's people is that region's matter. Names and documents are sealed here and never go further.
//!
//! | file | columns |
//! |---|---|
//! | `people.csv` | `psn_no,name,document_type,document,card,sex,birth,home`, and where needed `died` |
//! | `entitlements.csv` | `psn_no,insurance,psn_type,from,to,continuous_since,tier,civil_servant,suspended_from,suspended_to,employer`, and where needed `paid_on,lapsed_months,lapsed_years,repaired_years,joined_as,retired_on,claim_free_years` |
//! | `identities.csv` | `psn_no,class,from,to` |
//! | `qualifications.csv` | `psn_no,disease,name,from,to` |
//! | `family.csv`, which may be lacking | `psn_no,owner,owner_home,insurance,from,to`: relatives' accounts in the order of their use |

mod family;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use ledger::home::{Enrollee, EnrolleeFacts, EntitlementRow, QualificationRow, Sealed};
use settlement::ids::{DiseaseCode, PersonNumber, PoolCode, RegionCode};
use settlement::person::{
    AssistanceClass, DatedIdentity, Entitlement, Insurance, Joining, PersonClass, Qualification, Validity,
};
use settlement::region::RegionTable;

use crate::sealing::{Matter, Sealing};
use crate::sheet::{Fault, Faults, Row, Sheet};

/// The people of the files.
pub struct People {
    /// Those of the region's own pools.
    pub own: Vec<Enrollee>,
    /// The others, by number.
    pub others: BTreeSet<PersonNumber>,
}

/// Reads a folder's files.
///
/// # Errors
/// Every fault in any of them.
pub fn read(
    folder: &Path,
    regions: &RegionTable,
    pools: &BTreeSet<PoolCode>,
    sealing: &Sealing,
) -> Result<People, Faults> {
    let mut reading = Reading { folder, regions, pools, sealing, people: BTreeMap::new(), faults: Vec::new() };
    reading.people();
    reading.entitlements();
    reading.identities();
    reading.qualifications();
    reading.family();
    reading.finish()
}

struct Reading<'a> {
    folder: &'a Path,
    regions: &'a RegionTable,
    pools: &'a BTreeSet<PoolCode>,
    sealing: &'a Sealing,
    people: BTreeMap<PersonNumber, Known>,
    faults: Vec<Fault>,
}

enum Known {
    /// Of one of our pools, with all that the files say, as text.
    Own(Box<Enrollee>, String),
    Other,
}

/// A person's row before anything is sealed.
struct PersonRow {
    facts: EnrolleeFacts,
    sex: String,
    document_type: String,
    document: String,
    card: String,
    name: String,
    content: String,
    line: u64,
}

impl Reading<'_> {
    fn people(&mut self) {
        const COLUMNS: &[&str] = &["psn_no", "name", "document_type", "document", "card", "sex", "birth", "home"];
        let regions = self.regions;
        let rows = self.sheet("people.csv", (COLUMNS, &["died"]), |row| read_person(row, regions));
        let mut documents: HashMap<(PoolCode, &'static str, String), u64> = HashMap::new();
        for row in rows {
            for (column, value) in [("document", &row.document), ("card", &row.card)] {
                let held = (row.facts.home, column, normalised(value));
                if !value.is_empty() && documents.insert(held, row.line).is_some() {
                    self.fault("people.csv", row.line, column, "is somebody else's in the same pool already");
                }
            }
            let number = row.facts.number.clone();
            let line = row.line;
            let known = if self.pools.contains(&row.facts.home) { self.own(row) } else { Known::Other };
            if self.people.insert(number, known).is_some() {
                self.fault("people.csv", line, "psn_no", "stands twice");
            }
        }
    }

    fn own(&self, row: PersonRow) -> Known {
        let PersonRow { facts, sex, document_type, document, card, name, content, line: _ } = row;
        let seal = |matter, text: &str| if text.is_empty() { Vec::new() } else { self.sealing.seal(matter, text) };
        let sealed = Sealed {
            document_type,
            document_digest: document_digest(self.sealing, &document),
            card_digest: if card.is_empty() { Vec::new() } else { card_digest(self.sealing, &card) },
            name: seal(Matter::Name, &name),
            document: seal(Matter::Document, &document),
            card: seal(Matter::Card, &card),
        };
        Known::Own(Box::new(Enrollee { facts, sex, sealed, content: Vec::new() }), content)
    }

    fn entitlements(&mut self) {
        const COLUMNS: &[&str] = &[
            "psn_no",
            "insurance",
            "psn_type",
            "from",
            "to",
            "continuous_since",
            "tier",
            "civil_servant",
            "suspended_from",
            "suspended_to",
            "employer",
        ];
        const WHERE_NEEDED: &[&str] = &[
            "paid_on",
            "lapsed_months",
            "lapsed_years",
            "repaired_years",
            "joined_as",
            "retired_on",
            "claim_free_years",
        ];
        let rows = self
            .sheet("entitlements.csv", (COLUMNS, WHERE_NEEDED), |row| Some((person_of(row), read_entitlement(row)?)));
        self.attach("entitlements.csv", rows, |facts, row| facts.entitlements.push(row));
    }

    fn identities(&mut self) {
        let rows = self.sheet("identities.csv", (&["psn_no", "class", "from", "to"], &[]), |row| {
            let person = person_of(row);
            let (class, validity) = (row.word("class", AssistanceClass::from_word), row.validity("from", "to"));
            Some((person, DatedIdentity { class: class?, validity: validity? }))
        });
        self.attach("identities.csv", rows, |facts, row| facts.identities.push(row));
    }

    fn qualifications(&mut self) {
        let rows = self.sheet("qualifications.csv", (&["psn_no", "disease", "name", "from", "to"], &[]), |row| {
            let person = person_of(row);
            let (disease, name) = (row.id("disease", DiseaseCode::new), row.needed("name"));
            let validity = row.validity("from", "to");
            let qualification = Qualification { disease: disease?, validity: validity? };
            Some((person, QualificationRow { qualification, name: name? }))
        });
        self.attach("qualifications.csv", rows, |facts, row| facts.qualifications.push(row));
    }

    fn attach<T>(&mut self, file: &str, rows: Vec<(Whose, T)>, put: impl Fn(&mut EnrolleeFacts, T)) {
        for (Whose { person, line, content }, value) in rows {
            let Some(person) = person else { continue };
            match self.people.get_mut(&person) {
                Some(Known::Own(enrollee, all)) => {
                    all.push('\n');
                    all.push_str(&content);
                    put(&mut enrollee.facts, value);
                }
                Some(Known::Other) => {}
                None => self.fault(file, line, "psn_no", "is nobody in people.csv"),
            }
        }
    }

    fn sheet<T>(
        &mut self,
        file: &str,
        (columns, where_needed): (&[&'static str], &[&'static str]),
        read: impl FnMut(&mut Row<'_>) -> Option<T>,
    ) -> Vec<T> {
        match Sheet::read_with(&self.folder.join(file), columns, where_needed) {
            Ok(sheet) => sheet.rows(&mut self.faults, read),
            Err(faults) => {
                self.faults.extend(faults);
                Vec::new()
            }
        }
    }

    fn fault(&mut self, file: &str, line: u64, column: &'static str, problem: &str) {
        self.faults.push(Fault { file: self.folder.join(file), line, column, problem: problem.into() });
    }

    fn finish(self) -> Result<People, Faults> {
        if !self.faults.is_empty() {
            return Err(Faults(self.faults));
        }
        let mut people = People { own: Vec::new(), others: BTreeSet::new() };
        for (number, known) in self.people {
            match known {
                Known::Own(mut enrollee, content) => {
                    enrollee.content = self.sealing.digest(Matter::Content, &content);
                    people.own.push(*enrollee);
                }
                Known::Other => {
                    people.others.insert(number);
                }
            }
        }
        Ok(people)
    }
}

/// The digest by which a document's number is found.
pub(crate) fn document_digest(sealing: &Sealing, document: &str) -> Vec<u8> {
    sealing.digest(Matter::Document, &normalised(document))
}

/// The digest by which a card's number is found.
pub(crate) fn card_digest(sealing: &Sealing, card: &str) -> Vec<u8> {
    sealing.digest(Matter::Card, &normalised(card))
}

/// The check digit of an identity number may be written `x`.
fn normalised(number: &str) -> String {
    number.trim().to_ascii_uppercase()
}

struct Whose {
    person: Option<PersonNumber>,
    line: u64,
    content: String,
}

fn person_of(row: &mut Row<'_>) -> Whose {
    Whose { person: row.id("psn_no", PersonNumber::new), line: row.line(), content: row.content() }
}

fn read_person(row: &mut Row<'_>, regions: &RegionTable) -> Option<PersonRow> {
    let number = row.id("psn_no", PersonNumber::new);
    let (name, document_type, document) = (row.needed("name"), row.needed("document_type"), row.needed("document"));
    let (sex, birth) = (row.needed("sex"), row.date("birth"));
    let died = row.optional_date("died");
    if let (Some(birth), Some(Some(died))) = (birth, died)
        && died < birth
    {
        row.fault("died", "is before the birth");
    }
    let home = row.id("home", RegionCode::new).and_then(|code| {
        let pool = regions.pool_of(code);
        if pool.is_none() {
            row.fault("home", "is no pool of the table of regions");
        }
        pool
    });
    let facts = EnrolleeFacts {
        number: number?,
        home: home?,
        birth: birth?,
        died: died?,
        entitlements: Vec::new(),
        identities: Vec::new(),
        qualifications: Vec::new(),
        family: Vec::new(),
    };
    Some(PersonRow {
        facts,
        sex: sex?,
        document_type: document_type?,
        document: document?,
        card: row.text("card").to_owned(),
        name: name?,
        content: row.content(),
        line: row.line(),
    })
}

fn read_entitlement(row: &mut Row<'_>) -> Option<EntitlementRow> {
    let insurance = row.word("insurance", Insurance::from_word);
    let class = row.word("psn_type", PersonClass::of_code);
    let validity = row.validity("from", "to");
    let continuous_since = row.optional_date("continuous_since");
    let civil_servant = row.flag("civil_servant");
    let suspended = read_suspension(row);
    let tier = row.text("tier").to_owned();
    let joining = read_joining(row);
    let (retired_on, claim_free_years) = (row.optional_date("retired_on"), row.count("claim_free_years"));
    let validity = validity?;
    Some(EntitlementRow {
        entitlement: Entitlement {
            insurance: insurance?,
            class: class?,
            validity,
            continuous_since: continuous_since?.unwrap_or(validity.from),
            tier: (!tier.is_empty()).then_some(tier),
            civil_servant: civil_servant?,
            suspended: suspended?,
            joining: joining?,
            retired_on: retired_on?,
            claim_free_years: claim_free_years?,
        },
        category: row.text("psn_type").to_owned(),
        employer: row.text("employer").to_owned(),
    })
}

fn read_joining(row: &mut Row<'_>) -> Option<Joining> {
    let paid_on = row.optional_date("paid_on");
    let (lapsed_months, lapsed_years) = (row.count("lapsed_months"), row.count("lapsed_years"));
    let repaired_years = row.count("repaired_years");
    let joined_as = row.text("joined_as").to_owned();
    Some(Joining {
        paid_on: paid_on?,
        lapsed_months: lapsed_months?,
        lapsed_years: lapsed_years?,
        repaired_years: repaired_years?,
        joined_as: (!joined_as.is_empty()).then_some(joined_as),
    })
}

fn read_suspension(row: &mut Row<'_>) -> Option<Option<Validity>> {
    if row.text("suspended_from").is_empty() {
        if !row.text("suspended_to").is_empty() {
            row.fault("suspended_to", "has no first day");
            return None;
        }
        return Some(None);
    }
    row.validity("suspended_from", "suspended_to").map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REGIONS: &str = "code,name,level,pool,member\n410000,河南省,province,,410000\n\
        410700,新乡市,pool,410700,410000\n440300,深圳市,pool,440300,440000\n440000,广东省,province,,440000\n";

    fn read_files<const N: usize>(files: [(&str, &str); N]) -> Result<People, Faults> {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).expect("a file");
        }
        let regions = RegionTable::from_csv(REGIONS).expect("a table");
        let sealing = Sealing::of_key(&folder.path().join("store.key")).expect("a key");
        let pools = BTreeSet::from([PoolCode(RegionCode::new("410700").expect("a code"))]);
        read(folder.path(), &regions, &pools, &sealing)
    }

    const PEOPLE: &str = "psn_no,name,document_type,document,card,sex,birth,home\n";
    const ENTITLEMENTS: &str =
        "psn_no,insurance,psn_type,from,to,continuous_since,tier,civil_servant,suspended_from,suspended_to,employer\n";
    const IDENTITIES: &str = "psn_no,class,from,to\n";
    const QUALIFICATIONS: &str = "psn_no,disease,name,from,to\n";
    const FAMILY: &str = "psn_no,owner,owner_home,insurance,from,to\n";

    #[test]
    fn relatives_accounts_are_kept_in_order_and_wrong_owners_are_told() {
        let read = |family: &str| {
            read_files([
                (
                    "people.csv",
                    &format!(
                        "{PEOPLE}P1,张三,01,D1,,1,1960-01-01,410700\nP2,李四,01,D2,,2,1960-01-01,410700\n\
                         P3,王五,01,D3,,2,1960-01-01,440300\n"
                    ),
                ),
                ("entitlements.csv", ENTITLEMENTS),
                ("identities.csv", IDENTITIES),
                ("qualifications.csv", QUALIFICATIONS),
                ("family.csv", &format!("{FAMILY}{family}")),
            ])
        };
        let people = read("P1,P3,440300,employee,2025-01-01,\nP1,P2,410700,employee,2025-01-01,2025-12-31\n")
            .unwrap_or_else(|faults| panic!("{faults}"));
        let family: Vec<_> = people.own[0]
            .facts
            .family
            .iter()
            .map(|shared| (shared.account.owner.as_str(), shared.account.pool.to_string(), shared.kept_here))
            .collect();
        assert_eq!(family, [("P3", "440300".into(), false), ("P2", "410700".into(), true)]);
        for (row, column) in [
            ("P1,P1,410700,employee,2025-01-01,", "owner"),
            ("P1,P2,440300,employee,2025-01-01,", "owner"),
            ("P1,P3,410700,employee,2025-01-01,", "owner"),
            ("P1,P9,410700,employee,2025-01-01,", "owner"),
            ("P1,P2,999999,employee,2025-01-01,", "owner_home"),
            ("P1,P2,410700,everybody,2025-01-01,", "insurance"),
            ("P9,P2,410700,employee,2025-01-01,", "psn_no"),
        ] {
            let faults = read(&format!("{row}\n")).err().expect("faults");
            assert_eq!(faults.0.iter().map(|fault| fault.column).collect::<Vec<_>>(), [column], "{row}");
        }
    }

    #[test]
    fn a_region_takes_its_own_people_and_passes_over_others() {
        let people = read_files([
            ("people.csv", &format!("{PEOPLE}P1,张三,01,41070019600101001x,C1,1,1960-01-01,410700\nP2,李四,01,440300196001010022,,2,1960-01-01,440300\n")),
            ("entitlements.csv", &format!("{ENTITLEMENTS}P1,employee,1201,2020-01-01,,,,1,,,\nP2,employee,11,2020-01-01,,,,0,,,\n")),
            ("identities.csv", &format!("{IDENTITIES}P1,low-income,2025-01-01,\n")),
            ("qualifications.csv", &format!("{QUALIFICATIONS}P1,M03900,高血压,2025-01-01,2026-12-31\n")),
        ])
        .unwrap_or_else(|faults| panic!("{faults}"));
        let [person] = &people.own[..] else { panic!("one of ours") };
        assert_eq!(person.facts.entitlements[0].entitlement.class, PersonClass::Retired);
        assert!(person.facts.entitlements[0].entitlement.civil_servant);
        assert_eq!((person.facts.identities.len(), person.facts.qualifications.len()), (1, 1));
        assert_eq!(people.others.iter().map(PersonNumber::as_str).collect::<Vec<_>>(), ["P2"]);
    }

    #[test]
    fn columns_that_few_people_need_may_be_there() {
        let people = PEOPLE.replace('\n', ",died\n");
        let entitlements = ENTITLEMENTS.replace(
            '\n',
            ",paid_on,lapsed_months,lapsed_years,repaired_years,joined_as,retired_on,claim_free_years\n",
        );
        let read = |died: &str, lapsed_years: &str| {
            read_files([
                ("people.csv", &format!("{people}P1,张三,01,D1,,1,1960-01-01,410700,{died}\n")),
                (
                    "entitlements.csv",
                    &format!(
                        "{entitlements}P1,resident,1501,2025-01-01,,,,0,,,,2025-03-01,,{lapsed_years},1,graduate,2020-12-31,4\n"
                    ),
                ),
                ("identities.csv", &format!("{IDENTITIES}P1,veteran,2025-01-01,\n")),
                ("qualifications.csv", QUALIFICATIONS),
            ])
        };
        let people = read("2025-05-01", "2").unwrap_or_else(|faults| panic!("{faults}"));
        let facts = &people.own[0].facts;
        let entitlement = &facts.entitlements[0].entitlement;
        let day = |text: &str| text.parse().ok();
        let joining = Joining {
            paid_on: day("2025-03-01"),
            lapsed_months: 0,
            lapsed_years: 2,
            repaired_years: 1,
            joined_as: Some("graduate".into()),
        };
        assert_eq!((facts.died, &entitlement.joining), (day("2025-05-01"), &joining));
        assert_eq!((entitlement.retired_on, entitlement.claim_free_years), (day("2020-12-31"), 4));
        let faults = read("1959-12-31", "many").err().expect("faults");
        let columns: Vec<&str> = faults.0.iter().map(|fault| fault.column).collect();
        // Who cannot be read is nobody in the other files.
        assert_eq!(columns, ["died", "lapsed_years", "psn_no"]);
    }

    #[test]
    fn every_fault_of_all_files_is_told_at_once() {
        let faults = read_files([
            ("people.csv", &format!("{PEOPLE}P1,,01,D1,,1,1960-13-01,999999\nP2,李四,01,D2,,2,1960-01-01,410700\nP3,王五,01,d2,,2,1960-01-01,410700\nP2,赵六,01,D4,,2,1960-01-01,410700\n")),
            ("entitlements.csv", &format!("{ENTITLEMENTS}P2,nothing,99,2020-01-01,2019-01-01,,,x,,2020-01-01,\nP9,employee,11,2020-01-01,,,,0,,,\n")),
            ("identities.csv", "psn_no,class\n"),
            ("qualifications.csv", QUALIFICATIONS),
        ])
        .err()
        .expect("faults");
        let told: Vec<String> = faults
            .0
            .iter()
            .map(|fault| {
                format!("{} {} {}", fault.file.file_name().unwrap_or_default().display(), fault.line, fault.column)
            })
            .collect();
        assert_eq!(
            told,
            [
                "people.csv 2 name",
                "people.csv 2 birth",
                "people.csv 2 home",
                "people.csv 4 document",
                "people.csv 5 psn_no",
                "entitlements.csv 2 insurance",
                "entitlements.csv 2 psn_type",
                "entitlements.csv 2 to",
                "entitlements.csv 2 civil_servant",
                "entitlements.csv 2 suspended_to",
                "entitlements.csv 3 psn_no",
                "identities.csv 1 ",
                "identities.csv 1 ",
            ]
        );
        let report = faults.to_string();
        assert!(!report.contains("李四") && !report.contains("D2"), "{report}");
    }
}
