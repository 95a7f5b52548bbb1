//! People. Their dated facts are kept in versions that never change, so that a decision can be replayed on the facts
//! that it saw; name, document and card are sealed by the caller and found by keyed digest only. Replaced as a whole
//! at every load of the people's files.

use std::collections::HashMap;

use jiff::civil::Date;
use settlement::account::SharedAccount;
use settlement::ids::{PersonNumber, PoolCode};
use settlement::person::{DatedIdentity, Entitlement, Person, Qualification};

use super::row::Columns;
use super::{HomeStore, versions};
use crate::engine::{Sql, list};
use crate::store::StoreError;
use crate::values;

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
    /// Day of death.
    pub died: Option<Date>,
    /// Stretches of insurance.
    pub entitlements: Vec<EntitlementRow>,
    /// Special identities.
    pub identities: Vec<DatedIdentity>,
    /// Chronic qualifications.
    pub qualifications: Vec<QualificationRow>,
    /// Relatives' accounts that may pay, in the order in which they are used.
    pub family: Vec<SharedAccount>,
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
            self.engine.write(move |sql| people.iter().try_for_each(|enrollee| replace(sql, enrollee))).await?;
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
        const HOMES: &str = "SELECT enrollees.person AS person, enrollees.home AS home FROM json_each(?1) AS wanted
               CROSS JOIN enrollees WHERE enrollees.person = wanted.value";
        let people = list(people.iter().map(PersonNumber::as_str));
        let homes = move |sql: &Sql<'_>| {
            sql.query(HOMES, values![&people], |row| {
                let columns = Columns::of(row, "enrollees");
                Ok((columns.id("person", PersonNumber::new)?, columns.pool("home")?))
            })
        };
        Ok(self.engine.read(homes).await?.into_iter().collect())
    }

    /// Finds a person of a pool.
    ///
    /// # Errors
    /// When a statement fails or a row is corrupt.
    pub async fn enrollee_find(&self, home: PoolCode, by: Credential) -> Result<Option<Enrollee>, StoreError> {
        self.engine.read(move |sql| find(sql, home, &by)).await
    }
}

impl EnrolleeFacts {
    /// What rules see.
    pub fn person(self) -> Person {
        Person {
            number: self.number,
            home: self.home,
            birth: self.birth,
            died: self.died,
            entitlements: self.entitlements.into_iter().map(|row| row.entitlement).collect(),
            identities: self.identities,
            qualifications: self.qualifications.into_iter().map(|row| row.qualification).collect(),
            family: self.family,
        }
    }
}

macro_rules! enrollee_where {
    ($condition:literal) => {
        concat!(
            "SELECT person, enrollee, home, content, sex, document_type, document_digest, card_digest, name, document,
                    card FROM enrollees WHERE home = ?1 AND ",
            $condition,
            " ORDER BY person LIMIT 1"
        )
    };
}

fn find(sql: &Sql<'_>, home: PoolCode, by: &Credential) -> Result<Option<Enrollee>, StoreError> {
    let home = home.0.as_str();
    let (text, values) = match by {
        Credential::Number(number) => (enrollee_where!("person = ?2"), values![home, number.as_str()]),
        Credential::Document(digest) => (enrollee_where!("document_digest = ?2"), values![home, digest.as_slice()]),
        Credential::Card(digest) => (enrollee_where!("card_digest = ?2"), values![home, digest.as_slice()]),
    };
    let found = sql.find(text, values, |row| kept(&Columns::of(row, "enrollees")))?;
    let Some(Kept { number, version, content, sex, sealed }) = found else {
        return Ok(None);
    };
    let missing = || StoreError::Corrupt { table: "enrollees", id: number, problem: "has no version".into() };
    let facts = versions::find(sql, version)?.ok_or_else(missing)?;
    Ok(Some(Enrollee { facts, sex, sealed, content }))
}

/// The row of a person.
struct Kept {
    number: String,
    version: i64,
    content: Vec<u8>,
    sex: String,
    sealed: Sealed,
}

fn kept(columns: &Columns<'_>) -> Result<Kept, StoreError> {
    let (number, version) = (columns.text("person")?.to_owned(), columns.number("enrollee")?);
    let _home = columns.text("home")?;
    let (content, sex) = (columns.blob("content")?.to_owned(), columns.text("sex")?.to_owned());
    let sealed = Sealed {
        document_type: columns.text("document_type")?.to_owned(),
        document_digest: columns.blob("document_digest")?.to_owned(),
        card_digest: columns.blob("card_digest")?.to_owned(),
        name: columns.blob("name")?.to_owned(),
        document: columns.blob("document")?.to_owned(),
        card: columns.blob("card")?.to_owned(),
    };
    Ok(Kept { number, version, content, sex, sealed })
}

fn replace(sql: &Sql<'_>, enrollee: &Enrollee) -> Result<(), StoreError> {
    let known = sql.find(
        "SELECT enrollee, content FROM enrollees WHERE person = ?1",
        values![enrollee.facts.number.as_str()],
        |row| Ok((row.number(0)?, row.bytes(1)?.to_owned())),
    )?;
    let version = match known {
        Some((_, content)) if content == enrollee.content => return Ok(()),
        Some((version, _)) if versions::find(sql, version)?.as_ref() == Some(&enrollee.facts) => version,
        Some(_) | None => versions::append(sql, &enrollee.facts)?,
    };
    upsert(sql, version, enrollee)
}

fn upsert(sql: &Sql<'_>, version: i64, enrollee: &Enrollee) -> Result<(), StoreError> {
    let Enrollee { facts, sex, sealed, content } = enrollee;
    let Sealed { document_type, document_digest, card_digest, name, document, card } = sealed;
    sql.execute(
        "INSERT INTO enrollees (person, enrollee, home, content, sex, document_type, document_digest, card_digest,
                                name, document, card)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
         ON CONFLICT (person) DO UPDATE SET enrollee = excluded.enrollee, home = excluded.home,
             content = excluded.content, sex = excluded.sex, document_type = excluded.document_type,
             document_digest = excluded.document_digest, card_digest = excluded.card_digest, name = excluded.name,
             document = excluded.document, card = excluded.card",
        values![
            facts.number.as_str(),
            version,
            facts.home.0.as_str(),
            content.as_slice(),
            sex,
            document_type,
            document_digest.as_slice(),
            card_digest.as_slice(),
            name.as_slice(),
            document.as_slice(),
            card.as_slice(),
        ],
    )?;
    Ok(())
}
