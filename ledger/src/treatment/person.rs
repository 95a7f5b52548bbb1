//! What a look-up (1101) answered about a person, because settlement answers repeat it. The only table of this store
//! with names and documents.

use std::fmt;

use super::Session;
use crate::engine::Row;
use crate::store::StoreError;
use crate::values;

/// A person who was looked up here.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct KnownPerson {
    /// `psn_no`.
    pub person: String,
    /// `psn_name`.
    pub name: String,
    /// `psn_cert_type`.
    pub document_type: String,
    /// `certno`.
    pub document: String,
    /// `gend`.
    pub sex: String,
    /// `brdy`.
    pub birth: String,
    /// `psn_type`.
    pub category: String,
    /// `cvlserv_flag`.
    pub civil_servant: bool,
}

impl fmt::Debug for KnownPerson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KnownPerson").field("person", &self.person).finish_non_exhaustive()
    }
}

const KEEP: &str = "INSERT INTO people VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (person, known_from) DO
    UPDATE SET name = excluded.name, document_type = excluded.document_type, document = excluded.document,
    sex = excluded.sex, birth = excluded.birth, category = excluded.category, civil_servant = excluded.civil_servant";
const FIND: &str = "SELECT person, name, document_type, document, sex, birth, category, civil_servant FROM people
    WHERE person = ?1 AND known_from <= ?2 ORDER BY known_from DESC LIMIT 1";

impl Session<'_, '_> {
    /// Keeps what a look-up answered, for the messages from now on.
    ///
    /// # Errors
    /// When a statement fails.
    pub fn person_keep(&self, known: &KnownPerson) -> Result<(), StoreError> {
        if self.person_find(&known.person, None)?.as_ref() == Some(known) {
            return Ok(());
        }
        let values = values![
            &known.person,
            self.message_next_number()?,
            &known.name,
            &known.document_type,
            &known.document,
            &known.sex,
            &known.birth,
            &known.category,
            known.civil_servant,
        ];
        self.sql.execute(KEEP, values)?;
        Ok(())
    }

    /// What was known of a person when a message came, or is known now. A repeated message is answered with the person
    /// as it was answered at first.
    ///
    /// # Errors
    /// When the statement fails.
    pub fn person_find(&self, person: &str, message: Option<i64>) -> Result<Option<KnownPerson>, StoreError> {
        Ok(self.sql.find(FIND, values![person, message.unwrap_or(i64::MAX)], |row| read(row, 0))?.flatten())
    }
}

/// Reads a person from eight columns, where there is one.
pub(super) fn read(row: Row<'_>, first: usize) -> Result<Option<KnownPerson>, StoreError> {
    let Some(person) = row.optional_text(first)? else { return Ok(None) };
    let text = |place: usize| row.text(first + place).map(ToOwned::to_owned);
    Ok(Some(KnownPerson {
        person: person.to_owned(),
        name: text(1)?,
        document_type: text(2)?,
        document: text(3)?,
        sex: text(4)?,
        birth: text(5)?,
        category: text(6)?,
        civil_servant: row.flag(first + 7)?,
    }))
}
