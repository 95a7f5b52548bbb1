//! Clerks' sign-ins (9001) and sign-outs (9002).

use jiff::Timestamp;

use super::{Session, stored};
use crate::store::StoreError;
use crate::values;

/// A sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignIn {
    /// `sign_no`.
    pub number: String,
    /// Where.
    pub institution: String,
    /// `opter_no`.
    pub operator: String,
    /// When.
    pub signed_in: Timestamp,
    /// When it ended, where it has.
    pub signed_out: Option<Timestamp>,
}

const INSERT: &str = "INSERT INTO sign_ins VALUES (?1, ?2, ?3, ?4, NULL)";
const FIND: &str = "SELECT number, institution, operator, signed_in, signed_out FROM sign_ins WHERE number = ?1";
const END: &str = "UPDATE sign_ins SET signed_out = ?2 WHERE number = ?1";

impl Session<'_, '_> {
    /// Keeps a sign-in.
    ///
    /// # Errors
    /// When the statement fails.
    pub fn sign_in_insert(&self, sign_in: &SignIn) -> Result<(), StoreError> {
        let SignIn { number, institution, operator, signed_in, signed_out: _ } = sign_in;
        self.sql.execute(INSERT, values![number, institution, operator, signed_in.as_microsecond()])?;
        Ok(())
    }

    /// A sign-in by its number.
    ///
    /// # Errors
    /// When the statement fails, or the row does not read back.
    pub fn sign_in_find(&self, number: &str) -> Result<Option<SignIn>, StoreError> {
        self.sql.find(FIND, values![number], |row| {
            let text = |place: usize| row.text(place).map(ToOwned::to_owned);
            Ok(SignIn {
                number: text(0)?,
                institution: text(1)?,
                operator: text(2)?,
                signed_in: stored::instant("sign_ins", row.number(3)?)?,
                signed_out: row.optional_number(4)?.map(|micros| stored::instant("sign_ins", micros)).transpose()?,
            })
        })
    }

    /// Notes the end of a sign-in.
    ///
    /// # Errors
    /// When the statement fails.
    pub fn sign_in_end(&self, number: &str, at: Timestamp) -> Result<(), StoreError> {
        self.sql.execute(END, values![number, at.as_microsecond()])?;
        Ok(())
    }
}
