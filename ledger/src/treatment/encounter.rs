//! Visits and stays: opened once, then told by events. An event says how the visit stands after it, so that reading one
//! is reading its last event.

use jiff::Timestamp;
use jiff::civil::Date;
use settlement::encounter::Marks;
use settlement::ids::{DiseaseCode, EncounterId, InstitutionCode, PersonNumber, PoolCode};
use settlement::person::Insurance;

use super::person::{self, KnownPerson};
use super::{Session, stored};
use crate::engine::Row;
use crate::store::StoreError;
use crate::values;

/// What was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncounterKind {
    /// An inpatient stay (2401).
    Stay,
    /// An outpatient visit (2201).
    Visit,
}

impl EncounterKind {
    fn word(self) -> &'static str {
        match self {
            EncounterKind::Stay => "stay",
            EncounterKind::Visit => "visit",
        }
    }

    fn from_word(word: &str) -> Option<EncounterKind> {
        match word {
            "stay" => Some(EncounterKind::Stay),
            "visit" => Some(EncounterKind::Visit),
            _ => None,
        }
    }
}

/// A visit or stay to be opened.
#[derive(Clone, Debug)]
pub struct NewEncounter {
    /// `mdtrt_id`.
    pub id: EncounterId,
    /// Stay or visit.
    pub kind: EncounterKind,
    /// Where.
    pub institution: InstitutionCode,
    /// Whose.
    pub person: PersonNumber,
    /// The pool that insures the person.
    pub home: PoolCode,
    /// Under which insurance.
    pub insurance: Insurance,
    /// The hospital's own number of it.
    pub hospital_number: String,
}

/// What a message states of a visit; what it leaves out stays as it was.
#[derive(Clone, Debug, Default)]
pub struct Statement {
    /// First day.
    pub began: Option<Date>,
    /// `med_type`.
    pub category: Option<String>,
    /// The chronic disease.
    pub disease: Option<DiseaseCode>,
    /// 急诊抢救.
    pub emergency: Option<bool>,
    /// 转诊.
    pub referral: Option<bool>,
    /// 外伤.
    pub injury: Option<bool>,
    /// 涉及第三方.
    pub third_party: Option<bool>,
}

/// What happened to a visit.
#[derive(Clone, Debug)]
pub enum EncounterEvent {
    /// Something was stated or corrected.
    Stated(Statement),
    /// Discharged on a day.
    Discharged {
        /// The day.
        on: Date,
        /// What was stated with it.
        disease: Option<DiseaseCode>,
    },
    /// The discharge was taken back.
    DischargeUndone,
    /// The registration was taken back.
    Cancelled,
}

/// Where a visit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncounterStanding {
    /// It goes on.
    Open,
    /// The patient has left.
    Discharged(Date),
    /// It was taken back.
    Cancelled,
}

/// A visit as it stands now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEncounter {
    /// `mdtrt_id`.
    pub id: EncounterId,
    /// Stay or visit.
    pub kind: EncounterKind,
    /// Where.
    pub institution: InstitutionCode,
    /// Whose.
    pub person: PersonNumber,
    /// The pool that insures the person, as the registration said.
    pub home: PoolCode,
    /// Under which insurance, as the registration said.
    pub insurance: Insurance,
    /// The hospital's own number.
    pub hospital_number: String,
    /// First day.
    pub began: Date,
    /// `med_type`; empty until something states it.
    pub category: String,
    /// The chronic disease.
    pub disease: Option<DiseaseCode>,
    /// How the person came.
    pub marks: Marks,
    /// Where it stands.
    pub standing: EncounterStanding,
}

const TABLE: &str = "encounters";
const OPEN: &str = "INSERT INTO encounters VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
const NOTE: &str =
    "INSERT INTO encounter_events (encounter, message, kind, began, ended, cancelled, category, disease, emergency,
    referral, injury, third_party, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";

macro_rules! find {
    ($columns:literal, $people:literal) => {
        concat!(
            "SELECT encounters.kind, institution, encounters.person, home, insurance, hospital_number, began, ended,
             cancelled, events.category, disease, emergency, referral, injury, third_party",
            $columns,
            " FROM encounters JOIN encounter_events AS events ON events.encounter = encounters.id AND events.message =
             (SELECT MAX(message) FROM encounter_events AS own WHERE own.encounter = encounters.id)",
            $people,
            " WHERE encounters.id = ?1"
        )
    };
}

const FIND: &str = find!("", "");
const FIND_WITH_PERSON: &str = find!(
    ", people.person AS known, name, document_type, document, sex, birth, people.category, civil_servant",
    " LEFT JOIN people ON people.person = encounters.person AND known_from =
      (SELECT MAX(known_from) FROM people AS times WHERE times.person = encounters.person AND known_from <= ?2)"
);
/// Where the columns of the person begin.
const PERSON: usize = 15;

impl Session<'_, '_> {
    /// Opens a visit.
    ///
    /// # Errors
    /// When a statement fails.
    pub fn encounter_open(
        &self,
        encounter: &NewEncounter,
        statement: Statement,
        message: i64,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let values = values![
            encounter.id.as_str(),
            encounter.kind.word(),
            encounter.institution.as_str(),
            encounter.person.as_str(),
            encounter.home.0.as_str(),
            encounter.insurance.word(),
            &encounter.hospital_number,
            at.as_microsecond(),
            message,
        ];
        self.sql.execute(OPEN, values)?;
        self.note(&opened(encounter), &EncounterEvent::Stated(statement), message, at)
    }

    /// Notes what happened to a visit; a message does one thing to it.
    ///
    /// # Errors
    /// When a statement fails, or there is no such visit.
    pub fn encounter_note(
        &self,
        encounter: &EncounterId,
        event: &EncounterEvent,
        message: i64,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let before = self.encounter_find(encounter)?;
        let before = before.ok_or_else(|| stored::corrupt(TABLE, encounter, "is not open"))?;
        self.note(&before, event, message, at)
    }

    fn note(
        &self,
        before: &StoredEncounter,
        event: &EncounterEvent,
        message: i64,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let after = after(before, event);
        let began = after.began.to_string();
        let ended = match after.standing {
            EncounterStanding::Discharged(on) => Some(on.to_string()),
            EncounterStanding::Open | EncounterStanding::Cancelled => None,
        };
        let values = values![
            after.id.as_str(),
            message,
            event.word(),
            &began,
            ended.as_deref(),
            after.standing == EncounterStanding::Cancelled,
            &after.category,
            after.disease.as_ref().map(DiseaseCode::as_str),
            after.marks.emergency,
            after.marks.referral,
            after.marks.injury,
            after.marks.third_party,
            at.as_microsecond(),
        ];
        self.sql.execute(NOTE, values)?;
        Ok(())
    }

    /// A visit as it stands now.
    ///
    /// # Errors
    /// When the statement fails, or the row does not read back.
    pub fn encounter_find(&self, id: &EncounterId) -> Result<Option<StoredEncounter>, StoreError> {
        self.sql.find(FIND, values![id.as_str()], |row| read(id, row))
    }

    /// A visit as it stands now, with what was known of its person when a message came, or is known now.
    ///
    /// # Errors
    /// When the statement fails, or the row does not read back.
    pub fn encounter_find_with_person(
        &self,
        id: &EncounterId,
        message: Option<i64>,
    ) -> Result<Option<(StoredEncounter, KnownPerson)>, StoreError> {
        self.sql.find(FIND_WITH_PERSON, values![id.as_str(), message.unwrap_or(i64::MAX)], |row| {
            Ok((read(id, row)?, person::read(row, PERSON)?.unwrap_or_default()))
        })
    }
}

impl EncounterEvent {
    fn word(&self) -> &'static str {
        match self {
            EncounterEvent::Stated(_) => "stated",
            EncounterEvent::Discharged { .. } => "discharged",
            EncounterEvent::DischargeUndone => "discharge-undone",
            EncounterEvent::Cancelled => "cancelled",
        }
    }
}

/// A visit before anything is stated of it.
fn opened(encounter: &NewEncounter) -> StoredEncounter {
    let NewEncounter { id, kind, institution, person, home, insurance, hospital_number } = encounter.clone();
    StoredEncounter {
        id,
        kind,
        institution,
        person,
        home,
        insurance,
        hospital_number,
        began: Date::ZERO,
        category: String::new(),
        disease: None,
        marks: Marks::default(),
        standing: EncounterStanding::Open,
    }
}

/// How a visit stands after an event.
fn after(before: &StoredEncounter, event: &EncounterEvent) -> StoredEncounter {
    let mut after = before.clone();
    match event {
        EncounterEvent::Stated(statement) => state(&mut after, statement),
        EncounterEvent::Discharged { on, disease } => {
            after.standing = EncounterStanding::Discharged(*on);
            after.disease = disease.clone().or(after.disease);
        }
        EncounterEvent::DischargeUndone => after.standing = EncounterStanding::Open,
        EncounterEvent::Cancelled => after.standing = EncounterStanding::Cancelled,
    }
    after
}

fn state(visit: &mut StoredEncounter, said: &Statement) {
    visit.began = said.began.unwrap_or(visit.began);
    if let Some(category) = &said.category {
        visit.category.clone_from(category);
    }
    visit.disease = said.disease.clone().or_else(|| visit.disease.take());
    let marks = &mut visit.marks;
    for (flag, stated) in [
        (&mut marks.emergency, said.emergency),
        (&mut marks.referral, said.referral),
        (&mut marks.injury, said.injury),
        (&mut marks.third_party, said.third_party),
    ] {
        *flag = stated.unwrap_or(*flag);
    }
}

fn read(id: &EncounterId, row: Row<'_>) -> Result<StoredEncounter, StoreError> {
    let ended = row.optional_text(7)?.map(|text| stored::civil(TABLE, text)).transpose()?;
    let standing = match (row.flag(8)?, ended) {
        (true, _) => EncounterStanding::Cancelled,
        (false, Some(on)) => EncounterStanding::Discharged(on),
        (false, None) => EncounterStanding::Open,
    };
    Ok(StoredEncounter {
        id: id.clone(),
        kind: stored::word(TABLE, row.text(0)?, EncounterKind::from_word)?,
        institution: stored::id(TABLE, row.text(1)?, InstitutionCode::new)?,
        person: stored::id(TABLE, row.text(2)?, PersonNumber::new)?,
        home: stored::pool(TABLE, row.text(3)?)?,
        insurance: stored::word(TABLE, row.text(4)?, Insurance::from_word)?,
        hospital_number: row.text(5)?.to_owned(),
        began: stored::civil(TABLE, row.text(6)?)?,
        category: row.text(9)?.to_owned(),
        disease: row.optional_text(10)?.map(|code| stored::id(TABLE, code, DiseaseCode::new)).transpose()?,
        marks: Marks {
            emergency: row.flag(11)?,
            referral: row.flag(12)?,
            injury: row.flag(13)?,
            third_party: row.flag(14)?,
        },
        standing,
    })
}
