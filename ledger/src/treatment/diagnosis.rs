//! Diagnoses of a visit, by code. A diagnosis is withdrawn by stating it again as void. Only the main one is sent with a
//! bill: some regions' rules depend on it.

use std::collections::BTreeMap;

use settlement::ids::{DiagnosisCode, EncounterId};

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
const OF_VISIT: &str = "SELECT kind, ordinal, code, main, valid FROM diagnoses WHERE encounter = ?1 ORDER BY number";

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

    /// The main diagnosis of a visit as last stated: of those that stand a western one (`diag_type` 1) before others,
    /// the one marked so before the one that comes first. None where none stands, or its code is none.
    ///
    /// # Errors
    /// When the statement fails.
    pub fn diagnosis_main(&self, encounter: &EncounterId) -> Result<Option<DiagnosisCode>, StoreError> {
        let mut stated: BTreeMap<(String, String), Diagnosis> = BTreeMap::new();
        self.sql.query(OF_VISIT, values![encounter.as_str()], |row| {
            let (kind, ordinal) = (row.text(0)?.to_owned(), row.text(1)?.to_owned());
            let (code, main, valid) = (row.text(2)?.to_owned(), row.flag(3)?, row.flag(4)?);
            stated.insert((kind.clone(), ordinal.clone()), Diagnosis { kind, ordinal, code, main, valid });
            Ok(())
        })?;
        let first = |one: &Diagnosis| (one.kind != "1", !one.main, one.ordinal.parse().unwrap_or(u32::MAX));
        let main = stated.into_values().filter(|one| one.valid).min_by_key(first);
        Ok(main.and_then(|one| DiagnosisCode::new(one.code.trim()).ok()))
    }
}
