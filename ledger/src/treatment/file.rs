//! Files that hospitals upload (9101) and that are made for them (3202): kept as they are, and given to the institution
//! alone that they are of (9102). What is in them is read by `adapters/his`.

use bytes::Bytes;
use jiff::Timestamp;

use super::{Session, stored};
use crate::store::StoreError;
use crate::values;

/// A file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptFile {
    /// `file_qury_no`.
    pub number: String,
    /// Whose it is.
    pub institution: String,
    /// `filename`.
    pub name: String,
    /// The bytes.
    pub content: Bytes,
    /// Since when.
    pub kept_at: Timestamp,
}

const INSERT: &str = "INSERT INTO kept_files (number, institution, name, content, kept_at) VALUES (?1, ?2, ?3, ?4, ?5)";
const FIND: &str =
    "SELECT number, institution, name, content, kept_at FROM kept_files WHERE number = ?1 AND institution = ?2";

impl Session<'_, '_> {
    /// Keeps a file.
    ///
    /// # Errors
    /// When the statement fails.
    pub fn file_insert(&self, file: &KeptFile) -> Result<(), StoreError> {
        let KeptFile { number, institution, name, content, kept_at } = file;
        self.sql.execute(INSERT, values![number, institution, name, content, kept_at.as_microsecond()])?;
        Ok(())
    }

    /// A file of an institution by its number; none where it is another's.
    ///
    /// # Errors
    /// When the statement fails, or the row does not read back.
    pub fn file_find(&self, number: &str, institution: &str) -> Result<Option<KeptFile>, StoreError> {
        self.sql.find(FIND, values![number, institution], |row| {
            Ok(KeptFile {
                number: row.text(0)?.to_owned(),
                institution: row.text(1)?.to_owned(),
                name: row.text(2)?.to_owned(),
                content: stored::bytes(row, 3)?,
                kept_at: stored::instant("kept_files", row.number(4)?)?,
            })
        })
    }
}
