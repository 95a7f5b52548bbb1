//! Stays that were posted with their days. What a posting used up leads to its stay, so that one statement reads both; one
//! whose posting was taken back is none. Called by [`super::load`], [`super::postings`], [`super::affected`] and
//! [`super::unseen`].

use settlement::decide::{PostedStay, StayChange, StayFacts, UsagePosting};
use settlement::encounter::HospitalLevel;
use settlement::ids::{DiagnosisCode, EncounterId, InstitutionCode};

use super::load::{usage, usage_posting};
use super::row::Columns;
use crate::engine::Sql;
use crate::store::StoreError;
use crate::values;

/// The columns of a stay, in the order in which [`read`] reads them; empty where the usage is no stay's.
macro_rules! stay {
    () => {
        "COALESCE(stay.posting, '') AS posting, COALESCE(stayed.institution, '') AS institution,
    COALESCE(stayed.encounter, '') AS encounter, COALESCE(stay.admitted, '') AS admitted,
    COALESCE(stay.discharged, '') AS discharged, COALESCE(stay.level, '') AS level,
    COALESCE(stay.diagnosis, '') AS diagnosis"
    };
}
pub(super) use stay;

/// Reads the columns behind those of its usage; none where that is no stay's.
pub(super) fn read(columns: &Columns<'_>, used: &UsagePosting) -> Result<Option<PostedStay>, StoreError> {
    let posting = columns.text("posting")?;
    if posting.is_empty() {
        return Ok(None);
    }
    Ok(Some(PostedStay {
        posting: posting.to_owned(),
        institution: columns.id("institution", InstitutionCode::new)?,
        encounter: columns.id("encounter", EncounterId::new)?,
        facts: StayFacts {
            admitted: columns.date("admitted")?,
            discharged: columns.date("discharged")?,
            level: columns.word("level", HospitalLevel::from_word)?,
            diagnosis: columns.optional_id("diagnosis", DiagnosisCode::new)?,
        },
        used: used.clone(),
    }))
}

/// Keeps the days of a posting's stay.
pub(super) fn insert(sql: &Sql<'_>, posting: &str, facts: &StayFacts) -> Result<(), StoreError> {
    let StayFacts { admitted, discharged, level, diagnosis } = facts;
    let (admitted, discharged) = (admitted.to_string(), discharged.to_string());
    let diagnosis = diagnosis.as_ref().map_or("", DiagnosisCode::as_str);
    sql.execute(
        "INSERT INTO posted_stays (posting, admitted, discharged, level, diagnosis) VALUES (?1, ?2, ?3, ?4, ?5)",
        values![posting, &admitted, &discharged, level.word(), diagnosis],
    )?;
    Ok(())
}

/// The stay that a posting brought, whether or not it was taken back.
pub(super) fn of_posting(sql: &Sql<'_>, posting: &str) -> Result<Option<PostedStay>, StoreError> {
    const OF_POSTING: &str = concat!(
        "SELECT ",
        usage!(),
        ", ",
        stay!(),
        " FROM posted_stays AS stay
           CROSS JOIN postings AS stayed
           CROSS JOIN usages
          WHERE stay.posting = ?1 AND stayed.id = stay.posting AND usages.person = stayed.person
            AND usages.after_seq = stayed.after_seq AND usages.posting = stayed.id"
    );
    let found = sql.find(OF_POSTING, values![posting], |row| {
        let columns = Columns::of(row, "posted_stays");
        let used = usage_posting(&columns)?;
        read(&columns, &used)
    })?;
    Ok(found.flatten())
}

/// What a posting changed of the stays in force.
pub(super) fn changed_by(sql: &Sql<'_>, posting: &str) -> Result<Option<StayChange>, StoreError> {
    match taken_back_by(sql, posting)? {
        Some(original) => Ok(Some(StayChange::TakenBack(original))),
        None => Ok(of_posting(sql, posting)?.map(|stay| StayChange::Posted(Box::new(stay)))),
    }
}

/// What undoes that change.
pub(super) fn unchanged(sql: &Sql<'_>, posting: &str) -> Result<Option<StayChange>, StoreError> {
    match taken_back_by(sql, posting)? {
        Some(original) => Ok(of_posting(sql, &original)?.map(|stay| StayChange::Posted(Box::new(stay)))),
        None => Ok(Some(StayChange::TakenBack(posting.to_owned()))),
    }
}

fn taken_back_by(sql: &Sql<'_>, posting: &str) -> Result<Option<String>, StoreError> {
    const CANCELS: &str = "SELECT cancels FROM postings WHERE id = ?1 AND cancels <> ''";
    sql.find(CANCELS, values![posting], |row| Ok(row.text(0)?.to_owned()))
}
