//! Who may ask for what. The certificate says who speaks; nothing in a message is believed about that. Called by the
//! gRPC service before anything else looks at a message.

use identity::name::Role;
use identity::permit::TreatmentPermit;
use settlement::ids::{InstitutionCode, PoolCode, RegionCode};
use settlement::operation::{Operation, OperationKey, Request, Settle};
use settlement::refusal::{Reason, Refusal};
use settlement::region::RegionTable;

use crate::refusing::not_yours;

/// Checks that the peer acts for the operation's institution, and that the operation is of one piece.
///
/// # Errors
/// Institution-not-yours, or the field that contradicts the key.
pub fn of_operation(permit: &TreatmentPermit, regions: &RegionTable, operation: &Operation) -> Result<(), Refusal> {
    of_institution(permit, regions, &operation.key.institution)?;
    of_pool(permit, operation.treatment())?;
    match contradiction(operation) {
        Some(field) => Err(Refusal::new(Reason::InvalidField).of_field(field).because("differs from the key")),
        None => Ok(()),
    }
}

/// Checks that the peer acts for an institution, by the area in the institution's own code.
///
/// # Errors
/// Institution-not-yours.
pub fn of_institution(
    permit: &TreatmentPermit,
    regions: &RegionTable,
    institution: &InstitutionCode,
) -> Result<(), Refusal> {
    match pool_of_institution(regions, institution) {
        Some(pool) if permit.allows(pool) => Ok(()),
        Some(pool) => Err(not_yours("fixmedins_code", Role::Treatment, &[pool.0])),
        None => Err(Refusal::new(Reason::InstitutionNotYours).of_field("fixmedins_code")),
    }
}

/// Checks that the peer acts for the institutions of a pool, given by its code.
///
/// # Errors
/// Institution-not-yours, also for what is no code.
pub fn of_pool_code(permit: &TreatmentPermit, code: &str) -> Result<(), Refusal> {
    match RegionCode::new(code) {
        Ok(code) => of_pool(permit, PoolCode(code)),
        Err(fault) => {
            Err(Refusal::new(Reason::InstitutionNotYours).of_field("mdtrtarea_admvs").because(fault.to_string()))
        }
    }
}

fn of_pool(permit: &TreatmentPermit, pool: PoolCode) -> Result<(), Refusal> {
    if permit.allows(pool) {
        return Ok(());
    }
    Err(not_yours("mdtrtarea_admvs", Role::Treatment, &[pool.0]))
}

/// The pool of an institution: the second to seventh character of its national code are an area's.
fn pool_of_institution(regions: &RegionTable, institution: &InstitutionCode) -> Option<PoolCode> {
    let area = institution.as_str().get(1..7)?;
    regions.pool_of(RegionCode::new(area).ok()?)
}

/// The field in which an operation contradicts its own key.
fn contradiction(operation: &Operation) -> Option<&'static str> {
    let key = &operation.key;
    match &operation.request {
        Request::Settle(settle) => of_settle(key, settle),
        Request::Cancel(_) => None,
        Request::Reverse(reverse) if reverse.target.institution != key.institution => Some("fixmedins_code"),
        Request::Reverse(reverse) if reverse.target.person != key.person => Some("psn_no"),
        Request::Reverse(_) => None,
    }
}

fn of_settle(key: &OperationKey, settle: &Settle) -> Option<&'static str> {
    let encounter = &settle.encounter;
    if encounter.institution != key.institution {
        Some("fixmedins_code")
    } else if key.encounter.as_ref().is_some_and(|id| *id != encounter.id) {
        Some("mdtrt_id")
    } else if key.batch.is_some() && key.batch != encounter.batch {
        Some("chrg_bchno")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_institutions_pool_is_looked_up_by_the_area_in_its_code() {
        let table = "code,name,level,pool,member\n310000,上海市,pool,310000,310000\n\
            310101,黄浦区,county,310000,310000\n410000,河南省,province,,410000\n";
        let regions = RegionTable::from_csv(table).expect("a good table");
        for (institution, pool) in [
            ("H31010100001", Some("310000")),
            ("P31000000001", Some("310000")),
            ("H41000000001", None),
            ("H99999900001", None),
            ("医院310101", None),
            ("H310", None),
        ] {
            let code = InstitutionCode::new(institution).expect("a code");
            let found = pool_of_institution(&regions, &code).map(|pool| pool.to_string());
            assert_eq!(found.as_deref(), pool, "{institution}");
        }
    }
}
