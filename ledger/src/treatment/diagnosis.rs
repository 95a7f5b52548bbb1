//! Diagnoses of a visit, by code. A diagnosis is withdrawn by stating it again as void. Never sent anywhere.

use rusqlite::params;
use settlement::ids::EncounterId;

use super::Session;
use crate::store::StoreError;

/// One diagnosis as stated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    /// `diag_type`.
    pub kind: String,
    /// `diag_srt_no`.
    pub ordinal: String,
    /// `diag_code`.
    pub code: String,
    /// `maindiag_flag`.
    pub main: bool,
    /// `vali_flag`.
    pub valid: bool,
}

impl Session<'_> {
    /// Notes a diagnosis.
    ///
    /// # Errors
    /// When the statement fails.
    pub fn diagnosis_note(
        &self,
        encounter: &EncounterId,
        diagnosis: &Diagnosis,
        message: i64,
    ) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "INSERT INTO diagnoses (encounter, kind, ordinal, code, main, valid, message)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![
                encounter.as_str(),
                diagnosis.kind,
                diagnosis.ordinal,
                diagnosis.code,
                diagnosis.main,
                diagnosis.valid,
                message,
            ])?;
        Ok(())
    }
}
