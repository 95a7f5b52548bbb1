//! What a look-up (1101) answered about a person, because settlement answers repeat it. The only table of this store
//! with names and documents.

use std::fmt;

use rusqlite::{OptionalExtension, params};

use super::Session;
use crate::store::StoreError;

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

impl Session<'_> {
    /// Keeps what a look-up answered, for the messages from now on.
    ///
    /// # Errors
    /// When the statement fails.
    pub fn person_keep(&self, known: &KnownPerson) -> Result<(), StoreError> {
        if self.person_find(&known.person, None)?.as_ref() == Some(known) {
            return Ok(());
        }
        self.connection
            .prepare_cached(
                "INSERT INTO people VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (person, known_from) DO
                 UPDATE SET name = excluded.name, document_type = excluded.document_type,
                 document = excluded.document, sex = excluded.sex, birth = excluded.birth,
                 category = excluded.category, civil_servant = excluded.civil_servant",
            )?
            .execute(params![
                known.person,
                self.message_next_number()?,
                known.name,
                known.document_type,
                known.document,
                known.sex,
                known.birth,
                known.category,
                known.civil_servant,
            ])?;
        Ok(())
    }

    /// What was known of a person when a message came, or is known now. A repeated message is answered with the person
    /// as it was answered at first.
    ///
    /// # Errors
    /// When the statement fails.
    pub fn person_find(&self, person: &str, message: Option<i64>) -> Result<Option<KnownPerson>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT person, name, document_type, document, sex, birth, category, civil_servant FROM people
             WHERE person = ?1 AND known_from <= ?2 ORDER BY known_from DESC LIMIT 1",
        )?;
        let found = statement.query_row(params![person, message.unwrap_or(i64::MAX)], |row| {
            Ok(KnownPerson {
                person: row.get(0)?,
                name: row.get(1)?,
                document_type: row.get(2)?,
                document: row.get(3)?,
                sex: row.get(4)?,
                birth: row.get(5)?,
                category: row.get(6)?,
                civil_servant: row.get(7)?,
            })
        });
        Ok(found.optional()?)
    }
}
