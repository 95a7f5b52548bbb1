//! Diagnoses of a visit, by code. A diagnosis is withdrawn by stating it again as void. Never sent anywhere.

use settlement::ids::EncounterId;

use super::Session;
use crate::store::StoreError;
use crate::values;

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

const NOTE: &str = "INSERT INTO diagnoses (encounter, kind, ordinal, code, main, valid, message)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";

impl Session<'_, '_> {
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
        let Diagnosis { kind, ordinal, code, main, valid } = diagnosis;
        self.sql.execute(NOTE, values![encounter.as_str(), kind, ordinal, code, *main, *valid, message])?;
        Ok(())
    }
}
