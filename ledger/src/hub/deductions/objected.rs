//! 异议 of hospitals, as their letters say them: one a deduction, beside the event that records it. Whether one is heard is
//! for [`super`] to say, which alone calls this.

use clearing::review::Objection;
use settlement::ids::{InstitutionCode, SettlementId};
use settlement::postings::Account;

use crate::engine::{Row, Sql};
use crate::hub::{corrupt, lines};
use crate::store::StoreError;
use crate::values;

/// Keeps what a hospital's letter says.
pub(super) fn keep(sql: &Sql<'_>, id: &str, objection: &Objection) -> Result<(), StoreError> {
    const KEEP: &str =
        "INSERT INTO deduction_objections (id, hospital, letter, written_on, reason) VALUES (?1, ?2, ?3, ?4, ?5)";
    let Objection { hospital, letter, written_on, reason } = objection;
    sql.execute(KEEP, values![id, hospital.as_str(), letter, &written_on.to_string(), reason]).map(drop)
}

/// Reads `deduction_objections.hospital, letter, written_on, reason` from a column on; none where they are null.
pub(super) fn read(row: Row<'_>, first: usize, id: &str) -> Result<Option<Objection>, StoreError> {
    let malformed = |what: &str| corrupt("deduction_objections", id, format!("its {what} is not one of ours"));
    let text = |place: usize| Ok::<_, StoreError>(row.optional_text(first + place)?.unwrap_or_default().to_owned());
    let Some(hospital) = row.optional_text(first)? else { return Ok(None) };
    Ok(Some(Objection {
        hospital: InstitutionCode::new(hospital).map_err(|_| malformed("hospital"))?,
        letter: text(1)?,
        written_on: text(2)?.parse().map_err(|_| malformed("day"))?,
        reason: text(3)?,
    }))
}

/// The hospital that a settlement is of, by the entry that books it.
pub(super) fn hospital_of(sql: &Sql<'_>, settlement: &SettlementId) -> Result<Option<InstitutionCode>, StoreError> {
    const BOOKED: &str = "SELECT lines FROM answers WHERE settlement = ?1 AND step = 1";
    let settlement = settlement.to_time_first();
    let booked = sql.find(BOOKED, values![&settlement], |row| Ok(row.optional_text(0)?.map(str::to_owned)))?;
    let Some(text) = booked.flatten() else { return Ok(None) };
    let lines = lines::read(&text).ok_or_else(|| corrupt("answers", &settlement, "its lines are not ours"))?;
    Ok(lines.into_iter().find_map(|line| match line.account {
        Account::Hospital { institution } => Some(institution),
        Account::HomeFund { .. }
        | Account::Personal { .. }
        | Account::Cash { .. }
        | Account::Treatment { .. }
        | Account::HospitalPart { .. } => None,
    }))
}
