//! Clerks' sign-ins (9001) and sign-outs (9002).

use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};

use super::{Session, stored};
use crate::store::StoreError;

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

impl Session<'_> {
    /// Keeps a sign-in.
    ///
    /// # Errors
    /// When the statement fails.
    pub fn sign_in_insert(&self, sign_in: &SignIn) -> Result<(), StoreError> {
        self.connection.prepare_cached("INSERT INTO sign_ins VALUES (?1, ?2, ?3, ?4, NULL)")?.execute(params![
            sign_in.number,
            sign_in.institution,
            sign_in.operator,
            sign_in.signed_in.as_microsecond(),
        ])?;
        Ok(())
    }

    /// A sign-in by its number.
    ///
    /// # Errors
    /// When the statement fails, or the row does not read back.
    pub fn sign_in_find(&self, number: &str) -> Result<Option<SignIn>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT number, institution, operator, signed_in, signed_out FROM sign_ins WHERE number = ?1",
        )?;
        let found = statement.query_row([number], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get::<_, i64>(3)?, row.get::<_, Option<i64>>(4)?))
        });
        let Some((number, institution, operator, signed_in, signed_out)) = found.optional()? else { return Ok(None) };
        Ok(Some(SignIn {
            number,
            institution,
            operator,
            signed_in: stored::instant("sign_ins", signed_in)?,
            signed_out: signed_out.map(|micros| stored::instant("sign_ins", micros)).transpose()?,
        }))
    }

    /// Notes the end of a sign-in.
    ///
    /// # Errors
    /// When the statement fails.
    pub fn sign_in_end(&self, number: &str, at: Timestamp) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("UPDATE sign_ins SET signed_out = ?2 WHERE number = ?1")?
            .execute(params![number, at.as_microsecond()])?;
        Ok(())
    }
}
