//! Visits and stays: opened once, then told by events. What holds now is the fold of the events.

use jiff::Timestamp;
use jiff::civil::Date;
use rusqlite::{OptionalExtension, Row, params};
use settlement::encounter::Marks;
use settlement::ids::{DiseaseCode, EncounterId, InstitutionCode, PersonNumber, PoolCode};
use settlement::person::Insurance;

use super::{Session, stored};
use crate::store::StoreError;

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
#[derive(Clone, Debug)]
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

impl Session<'_> {
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
        self.connection.prepare_cached("INSERT INTO encounters VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")?.execute(
            params![
                encounter.id.as_str(),
                encounter.kind.word(),
                encounter.institution.as_str(),
                encounter.person.as_str(),
                encounter.home.0.as_str(),
                encounter.insurance.word(),
                encounter.hospital_number,
                at.as_microsecond(),
                message,
            ],
        )?;
        self.encounter_note(&encounter.id, &EncounterEvent::Stated(statement), message, at)
    }

    /// Notes what happened to a visit.
    ///
    /// # Errors
    /// When the statement fails.
    pub fn encounter_note(
        &self,
        encounter: &EncounterId,
        event: &EncounterEvent,
        message: i64,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let nothing = Statement::default();
        let (kind, ended, stated, disease) = match event {
            EncounterEvent::Stated(statement) => ("stated", None, statement, statement.disease.as_ref()),
            EncounterEvent::Discharged { on, disease } => ("discharged", Some(*on), &nothing, disease.as_ref()),
            EncounterEvent::DischargeUndone => ("discharge-undone", None, &nothing, None),
            EncounterEvent::Cancelled => ("cancelled", None, &nothing, None),
        };
        self.connection
            .prepare_cached(
                "INSERT INTO encounter_events (encounter, kind, began, ended, category, disease, emergency, referral,
                 injury, third_party, at, message) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            )?
            .execute(params![
                encounter.as_str(),
                kind,
                stated.began.map(|day| day.to_string()),
                ended.map(|day| day.to_string()),
                stated.category,
                disease.map(DiseaseCode::as_str),
                stated.emergency,
                stated.referral,
                stated.injury,
                stated.third_party,
                at.as_microsecond(),
                message,
            ])?;
        Ok(())
    }

    /// A visit as it stands now.
    ///
    /// # Errors
    /// When a statement fails, or a row does not read back.
    pub fn encounter_find(&self, id: &EncounterId) -> Result<Option<StoredEncounter>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT kind, institution, person, home, insurance, hospital_number FROM encounters WHERE id = ?1",
        )?;
        let found = statement.query_row([id.as_str()], |row| Ok(read(id, row))).optional()?;
        let Some(mut encounter) = found.transpose()? else { return Ok(None) };
        let mut statement = self.connection.prepare_cached(
            "SELECT kind, began, ended, category, disease, emergency, referral, injury, third_party
             FROM encounter_events WHERE encounter = ?1 ORDER BY number",
        )?;
        let mut events = statement.query([id.as_str()])?;
        while let Some(event) = events.next()? {
            fold(&mut encounter, event)?;
        }
        Ok(Some(encounter))
    }
}

fn read(id: &EncounterId, row: &Row<'_>) -> Result<StoredEncounter, StoreError> {
    const TABLE: &str = "encounters";
    let text = |column| row.get_ref(column)?.as_str().map_err(rusqlite::Error::from).map_err(StoreError::from);
    Ok(StoredEncounter {
        id: id.clone(),
        kind: stored::word(TABLE, text(0)?, EncounterKind::from_word)?,
        institution: stored::id(TABLE, text(1)?, InstitutionCode::new)?,
        person: stored::id(TABLE, text(2)?, PersonNumber::new)?,
        home: stored::pool(TABLE, text(3)?)?,
        insurance: stored::word(TABLE, text(4)?, Insurance::from_word)?,
        hospital_number: row.get(5)?,
        began: Date::ZERO,
        category: String::new(),
        disease: None,
        marks: Marks::default(),
        standing: EncounterStanding::Open,
    })
}

fn fold(encounter: &mut StoredEncounter, event: &Row<'_>) -> Result<(), StoreError> {
    const TABLE: &str = "encounter_events";
    let date = |column| -> Result<Option<Date>, StoreError> {
        let text: Option<String> = event.get(column)?;
        text.map(|text| stored::civil(TABLE, &text)).transpose()
    };
    let kind: String = event.get(0)?;
    match (kind.as_str(), date(2)?) {
        ("discharged", Some(on)) => encounter.standing = EncounterStanding::Discharged(on),
        ("discharge-undone", _) => encounter.standing = EncounterStanding::Open,
        ("cancelled", _) => encounter.standing = EncounterStanding::Cancelled,
        _ => {}
    }
    if let Some(began) = date(1)? {
        encounter.began = began;
    }
    if let Some(category) = event.get(3)? {
        encounter.category = category;
    }
    if let Some(disease) = event.get::<_, Option<String>>(4)? {
        encounter.disease = Some(stored::id(TABLE, &disease, DiseaseCode::new)?);
    }
    let marks = &mut encounter.marks;
    let flags = [&mut marks.emergency, &mut marks.referral, &mut marks.injury, &mut marks.third_party];
    for (column, flag) in (5..).zip(flags) {
        if let Some(stated) = event.get(column)? {
            *flag = stated;
        }
    }
    Ok(())
}
