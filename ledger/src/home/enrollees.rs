//! People. Their dated facts are kept in versions that never change, so that a decision can be replayed on the facts
//! that it saw; name, document and card are sealed by the caller and found by keyed digest only. Replaced as a whole
//! at every load of the people's files.

use std::collections::HashMap;

use jiff::civil::Date;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, Transaction};
use settlement::ids::{DiseaseCode, PersonNumber, PoolCode};
use settlement::person::{
    AssistanceClass, DatedIdentity, Entitlement, Insurance, Person, PersonClass, Qualification, Validity,
};

use super::HomeStore;
use super::row::{Columns, date_text, number_list};
use crate::store::StoreError;

/// How many people are written in one transaction while a file is loaded.
const PEOPLE_A_WRITE: usize = 256;

/// What identifies a person, sealed by the caller: this crate never sees a name or a document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sealed {
    /// `psn_cert_type`.
    pub document_type: String,
    /// Keyed digest of the document number.
    pub document_digest: Vec<u8>,
    /// Keyed digest of the card number; empty without a card.
    pub card_digest: Vec<u8>,
    /// The name, encrypted.
    pub name: Vec<u8>,
    /// The document number, encrypted.
    pub document: Vec<u8>,
    /// The card number, encrypted; empty without a card.
    pub card: Vec<u8>,
}

/// A stretch of insurance with what only a desk wants to know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntitlementRow {
    /// The entitlement.
    pub entitlement: Entitlement,
    /// `psn_type`.
    pub category: String,
    /// `emp_name`; may be empty.
    pub employer: String,
}

/// A qualification with the name of its disease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QualificationRow {
    /// The qualification.
    pub qualification: Qualification,
    /// The disease's name.
    pub name: String,
}

/// The dated facts of a person; rules see them without the names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnrolleeFacts {
    /// `psn_no`.
    pub number: PersonNumber,
    /// The pool.
    pub home: PoolCode,
    /// Date of birth.
    pub birth: Date,
    /// Stretches of insurance.
    pub entitlements: Vec<EntitlementRow>,
    /// Special identities.
    pub identities: Vec<DatedIdentity>,
    /// Chronic qualifications.
    pub qualifications: Vec<QualificationRow>,
}

/// A person with everything that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrollee {
    /// The dated facts.
    pub facts: EnrolleeFacts,
    /// `gend`.
    pub sex: String,
    /// Who it is.
    pub sealed: Sealed,
    /// Keyed digest of all that the files say of the person; a load that finds the same writes nothing.
    pub content: Vec<u8>,
}

/// By what a person is looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// By number.
    Number(PersonNumber),
    /// By the keyed digest of a document number.
    Document(Vec<u8>),
    /// By the keyed digest of a card number.
    Card(Vec<u8>),
}

impl HomeStore {
    /// Takes people in, and replaces what was known of them. Who is there already unchanged is passed over.
    ///
    /// # Errors
    /// When a statement fails; what was written before stays.
    pub async fn enrollee_load(&self, people: Vec<Enrollee>) -> Result<(), StoreError> {
        for people in people.chunks(PEOPLE_A_WRITE).map(<[Enrollee]>::to_vec) {
            self.writer
                .write(move |transaction| people.iter().try_for_each(|enrollee| replace(transaction, enrollee)))
                .await?;
        }
        Ok(())
    }

    /// The pools of some people; who is not enrolled here is left out.
    ///
    /// # Errors
    /// When a statement fails or a row is corrupt.
    pub async fn enrollee_home_list(
        &self,
        people: Vec<PersonNumber>,
    ) -> Result<HashMap<PersonNumber, PoolCode>, StoreError> {
        self.readers
            .read(move |connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT person, home FROM enrollees WHERE person IN (SELECT value FROM json_each(?1))",
                )?;
                let mut rows = statement.query([super::row::list(people.iter().map(PersonNumber::as_str))])?;
                let mut homes = HashMap::new();
                while let Some(row) = rows.next()? {
                    let columns = Columns::of(row, "enrollees");
                    homes.insert(columns.id("person", PersonNumber::new)?, columns.pool("home")?);
                }
                Ok(homes)
            })
            .await
    }

    /// Finds a person of a pool.
    ///
    /// # Errors
    /// When a statement fails or a row is corrupt.
    pub async fn enrollee_find(&self, home: PoolCode, by: Credential) -> Result<Option<Enrollee>, StoreError> {
        self.readers.read(move |connection| find(connection, home, &by)).await
    }
}

/// The versions in force of some people, with what rules see of them.
pub(super) fn current<'a>(
    connection: &Connection,
    people: impl Iterator<Item = &'a str>,
) -> Result<HashMap<i64, Person>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT enrollee_versions.enrollee AS enrollee, enrollee_versions.person AS person,
                enrollee_versions.home AS home, enrollee_versions.birth AS birth
           FROM json_each(?1) AS wanted
           CROSS JOIN enrollees
           CROSS JOIN enrollee_versions
          WHERE enrollees.person = wanted.value AND enrollee_versions.enrollee = enrollees.enrollee",
    )?;
    let mut people_found = HashMap::new();
    let mut rows = statement.query([super::row::list(people)])?;
    while let Some(row) = rows.next()? {
        let (enrollee, facts) = version(row)?;
        people_found.insert(enrollee, facts);
    }
    dated(connection, &mut people_found)?;
    Ok(people_found.into_iter().map(|(enrollee, facts)| (enrollee, facts.person())).collect())
}

/// One version of a person, as a past decision saw it.
pub(super) fn at_version(connection: &Connection, enrollee: i64) -> Result<Option<Person>, StoreError> {
    Ok(facts_of(connection, enrollee)?.map(EnrolleeFacts::person))
}

fn facts_of(connection: &Connection, enrollee: i64) -> Result<Option<EnrolleeFacts>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT * FROM enrollee_versions WHERE enrollee = ?1")?;
    let mut rows = statement.query([enrollee])?;
    let mut found = match rows.next()? {
        Some(row) => HashMap::from([version(row)?]),
        None => return Ok(None),
    };
    dated(connection, &mut found)?;
    Ok(found.remove(&enrollee))
}

fn version(row: &Row<'_>) -> Result<(i64, EnrolleeFacts), StoreError> {
    let columns = Columns::of(row, "enrollee_versions");
    let enrollee = columns.number("enrollee")?;
    let facts = EnrolleeFacts {
        number: columns.id("person", PersonNumber::new)?,
        home: columns.pool("home")?,
        birth: columns.date("birth")?,
        entitlements: Vec::new(),
        identities: Vec::new(),
        qualifications: Vec::new(),
    };
    Ok((enrollee, facts))
}

fn dated(connection: &Connection, people: &mut HashMap<i64, EnrolleeFacts>) -> Result<(), StoreError> {
    let wanted = number_list(people.keys().copied());
    let mut each = |table: &'static str, take: fn(&mut EnrolleeFacts, &Columns<'_>) -> Result<(), StoreError>| {
        let mut statement = connection.prepare_cached(&format!(
            "SELECT {table}.* FROM json_each(?1) AS wanted
               CROSS JOIN {table} WHERE {table}.enrollee = wanted.value ORDER BY wanted.key, position"
        ))?;
        let mut rows = statement.query([&wanted])?;
        while let Some(row) = rows.next()? {
            let columns = Columns::of(row, table);
            let (enrollee, _position) = (columns.number("enrollee")?, columns.number("position")?);
            if let Some(facts) = people.get_mut(&enrollee) {
                take(facts, &columns)?;
            }
        }
        Ok::<(), StoreError>(())
    };
    each("entitlements", |facts, columns| {
        facts.entitlements.push(entitlement(columns)?);
        Ok(())
    })?;
    each("identities", |facts, columns| {
        let class = columns.word("class", AssistanceClass::from_word)?;
        facts.identities.push(DatedIdentity { class, validity: columns.validity()? });
        Ok(())
    })?;
    each("qualifications", |facts, columns| {
        let (disease, name) = (columns.id("disease", DiseaseCode::new)?, columns.text("name")?.to_owned());
        let qualification = Qualification { disease, validity: columns.validity()? };
        facts.qualifications.push(QualificationRow { qualification, name });
        Ok(())
    })
}

fn entitlement(columns: &Columns<'_>) -> Result<EntitlementRow, StoreError> {
    let insurance = columns.word("insurance", Insurance::from_word)?;
    let category = columns.text("category")?.to_owned();
    let class = PersonClass::of_code(&category).ok_or_else(|| columns.corrupt("category", "is no class"))?;
    let (validity, continuous_since) = (columns.validity()?, columns.date("continuous_since")?);
    let (tier, civil_servant) = (columns.text("tier")?, columns.flag("civil_servant")?);
    let (from, to) = (columns.optional_date("suspended_from")?, columns.optional_date("suspended_to")?);
    Ok(EntitlementRow {
        entitlement: Entitlement {
            insurance,
            class,
            validity,
            continuous_since,
            tier: (!tier.is_empty()).then(|| tier.to_owned()),
            civil_servant,
            suspended: from.map(|from| Validity { from, to }),
        },
        category,
        employer: columns.text("employer")?.to_owned(),
    })
}

impl EnrolleeFacts {
    /// What rules see.
    pub fn person(self) -> Person {
        Person {
            number: self.number,
            home: self.home,
            birth: self.birth,
            entitlements: self.entitlements.into_iter().map(|row| row.entitlement).collect(),
            identities: self.identities,
            qualifications: self.qualifications.into_iter().map(|row| row.qualification).collect(),
        }
    }
}

fn find(connection: &Connection, home: PoolCode, by: &Credential) -> Result<Option<Enrollee>, StoreError> {
    let (text, value) = match by {
        Credential::Number(number) => {
            ("SELECT * FROM enrollees WHERE home = ?1 AND person = ?2", Value::Text(number.as_str().to_owned()))
        }
        Credential::Document(digest) => (
            "SELECT * FROM enrollees WHERE home = ?1 AND document_digest = ?2 ORDER BY person LIMIT 1",
            Value::Blob(digest.clone()),
        ),
        Credential::Card(digest) => (
            "SELECT * FROM enrollees WHERE home = ?1 AND card_digest = ?2 ORDER BY person LIMIT 1",
            Value::Blob(digest.clone()),
        ),
    };
    let mut statement = connection.prepare_cached(text)?;
    let mut rows = statement.query((home.0.as_str(), value))?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let columns = Columns::of(row, "enrollees");
    let _number = columns.text("person")?;
    let facts = facts_of(connection, columns.number("enrollee")?)?;
    let facts = facts.ok_or_else(|| columns.corrupt("enrollee", "has no version"))?;
    let _home = columns.text("home")?;
    let content = columns.blob("content")?.to_owned();
    Ok(Some(Enrollee {
        facts,
        content,
        sex: columns.text("sex")?.to_owned(),
        sealed: Sealed {
            document_type: columns.text("document_type")?.to_owned(),
            document_digest: columns.blob("document_digest")?.to_owned(),
            card_digest: columns.blob("card_digest")?.to_owned(),
            name: columns.blob("name")?.to_owned(),
            document: columns.blob("document")?.to_owned(),
            card: columns.blob("card")?.to_owned(),
        },
    }))
}

fn replace(transaction: &Transaction<'_>, enrollee: &Enrollee) -> Result<(), StoreError> {
    let mut known = transaction.prepare_cached("SELECT enrollee, content FROM enrollees WHERE person = ?1")?;
    let number = enrollee.facts.number.as_str();
    let known: Option<(i64, Vec<u8>)> = known.query_row([number], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let version = match known {
        Some((_, content)) if content == enrollee.content => return Ok(()),
        Some((version, _)) if facts_of(transaction, version)?.as_ref() == Some(&enrollee.facts) => version,
        Some(_) | None => append_version(transaction, &enrollee.facts)?,
    };
    let Sealed { document_type, document_digest, card_digest, name, document, card } = &enrollee.sealed;
    let mut upsert = transaction.prepare_cached(
        "INSERT INTO enrollees (person, enrollee, home, content, sex, document_type, document_digest, card_digest,
                                name, document, card)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
         ON CONFLICT (person) DO UPDATE SET enrollee = excluded.enrollee, home = excluded.home,
             content = excluded.content, sex = excluded.sex, document_type = excluded.document_type,
             document_digest = excluded.document_digest, card_digest = excluded.card_digest, name = excluded.name,
             document = excluded.document, card = excluded.card",
    )?;
    let home = enrollee.facts.home;
    upsert.execute((
        number,
        version,
        home.0.as_str(),
        &enrollee.content,
        &enrollee.sex,
        document_type,
        document_digest,
        card_digest,
        name,
        document,
        card,
    ))?;
    Ok(())
}

fn append_version(transaction: &Transaction<'_>, facts: &EnrolleeFacts) -> Result<i64, StoreError> {
    let mut last = transaction.prepare_cached("SELECT COALESCE(MAX(enrollee), 0) + 1 FROM enrollee_versions")?;
    let enrollee: i64 = last.query_row([], |row| row.get(0))?;
    transaction
        .prepare_cached("INSERT INTO enrollee_versions (enrollee, person, home, birth) VALUES (?1, ?2, ?3, ?4)")?
        .execute((enrollee, facts.number.as_str(), facts.home.0.as_str(), facts.birth.to_string()))?;
    let mut insert = transaction.prepare_cached(
        "INSERT INTO entitlements (enrollee, position, insurance, category, valid_from, valid_to, continuous_since,
                                   tier, civil_servant, suspended_from, suspended_to, employer)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    )?;
    for (position, EntitlementRow { entitlement, category, employer }) in (0_i64..).zip(&facts.entitlements) {
        insert.execute((
            enrollee,
            position,
            entitlement.insurance.word(),
            category,
            entitlement.validity.from.to_string(),
            date_text(entitlement.validity.to),
            entitlement.continuous_since.to_string(),
            entitlement.tier.as_deref().unwrap_or_default(),
            entitlement.civil_servant,
            date_text(entitlement.suspended.map(|suspended| suspended.from)),
            date_text(entitlement.suspended.and_then(|suspended| suspended.to)),
            employer,
        ))?;
    }
    let mut insert = transaction.prepare_cached(
        "INSERT INTO identities (enrollee, position, class, valid_from, valid_to) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    for (position, identity) in (0_i64..).zip(&facts.identities) {
        let (from, to) = (identity.validity.from.to_string(), date_text(identity.validity.to));
        insert.execute((enrollee, position, identity.class.word(), from, to))?;
    }
    let mut insert = transaction.prepare_cached(
        "INSERT INTO qualifications (enrollee, position, disease, name, valid_from, valid_to)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for (position, QualificationRow { qualification, name }) in (0_i64..).zip(&facts.qualifications) {
        let (from, to) = (qualification.validity.from.to_string(), date_text(qualification.validity.to));
        insert.execute((enrollee, position, qualification.disease.as_str(), name, from, to))?;
    }
    Ok(enrollee)
}
