//! The rules of a visit's life on this side: whose it is, what may still be done with it, what is settled of it
//! (his-interface.md section 3, order of transactions). Called inside transactions of the store.

use ledger::treatment::{
    ChargeRange, ChargeTally, EncounterStanding, KnownPerson, Session, StoredEncounter, StoredOperation,
    StoredSettlement, VisitOperations,
};
use settlement::ids::{BatchNumber, EncounterId, InstitutionCode, PersonNumber};
use settlement::lifecycle::Standing;
use settlement::refusal::{Reason, Refusal};

use crate::stop::Stop;

/// A visit of this institution and person.
///
/// # Errors
/// When there is none.
pub fn find(
    session: &Session<'_, '_>,
    institution: &InstitutionCode,
    person: &PersonNumber,
    id: &EncounterId,
) -> Result<StoredEncounter, Stop> {
    own(session.encounter_find(id)?, institution, person)
}

/// That a visit is there, of this institution and person.
fn own(
    found: Option<StoredEncounter>,
    institution: &InstitutionCode,
    person: &PersonNumber,
) -> Result<StoredEncounter, Stop> {
    let unknown = || Refusal::new(Reason::UnknownEncounter).of_field("mdtrt_id");
    let encounter = found.filter(|encounter| encounter.institution == *institution).ok_or_else(unknown)?;
    if encounter.person == *person {
        Ok(encounter)
    } else {
        Err(unknown().of_field("psn_no").because("人员与就诊登记不符").into())
    }
}

/// A visit that was not taken back.
///
/// # Errors
/// When there is none, or it was taken back.
pub fn find_standing(
    session: &Session<'_, '_>,
    institution: &InstitutionCode,
    person: &PersonNumber,
    id: &EncounterId,
) -> Result<StoredEncounter, Stop> {
    standing(find(session, institution, person, id)?)
}

/// A visit that was not taken back, with what is known of its person now.
///
/// # Errors
/// When there is none, or it was taken back.
pub fn find_standing_with_person(
    session: &Session<'_, '_>,
    institution: &InstitutionCode,
    person: &PersonNumber,
    id: &EncounterId,
) -> Result<(StoredEncounter, KnownPerson), Stop> {
    let (encounter, known) = session.encounter_find_with_person(id, None)?.unzip();
    Ok((standing(own(encounter, institution, person)?)?, known.unwrap_or_default()))
}

fn standing(encounter: StoredEncounter) -> Result<StoredEncounter, Stop> {
    match encounter.standing {
        EncounterStanding::Cancelled => Err(closed("登记已撤销")),
        EncounterStanding::Open | EncounterStanding::Discharged(_) => Ok(encounter),
    }
}

/// A visit that goes on.
///
/// # Errors
/// When there is none, it was taken back, or the patient was discharged.
pub fn find_open(
    session: &Session<'_, '_>,
    institution: &InstitutionCode,
    person: &PersonNumber,
    id: &EncounterId,
) -> Result<StoredEncounter, Stop> {
    let encounter = find_standing(session, institution, person, id)?;
    match encounter.standing {
        EncounterStanding::Discharged(on) => Err(closed(&format!("已于{on}出院"))),
        EncounterStanding::Open | EncounterStanding::Cancelled => Ok(encounter),
    }
}

fn closed(why: &str) -> Stop {
    Refusal::new(Reason::EncounterClosed).of_field("mdtrt_id").because(why).into()
}

/// The settlements of a visit that count, of one batch where given.
///
/// # Errors
/// When the store fails.
pub fn in_force(
    session: &Session<'_, '_>,
    encounter: &EncounterId,
    batch: Option<&BatchNumber>,
) -> Result<Vec<StoredSettlement>, Stop> {
    Ok(that_count(session.settlement_list(encounter)?, batch))
}

/// Those of a visit's settlements that count, of one batch where given.
pub fn that_count(mut settlements: Vec<StoredSettlement>, batch: Option<&BatchNumber>) -> Vec<StoredSettlement> {
    settlements.retain(|stored| {
        stored.standing == Standing::InForce && batch.is_none_or(|batch| stored.settlement.batch == batch.as_str())
    });
    settlements
}

/// That nothing of a visit is settled or on its way.
///
/// # Errors
/// When something is: it has to be undone, or found out, first.
pub fn ensure_unsettled(session: &Session<'_, '_>, encounter: &EncounterId) -> Result<(), Stop> {
    let VisitOperations { pending, settlements } = session.operation_list_of_visit(encounter)?;
    ensure_known(&pending)?;
    match that_count(settlements, None).last() {
        Some(stored) => Err(undo_first(&stored.settlement.id)),
        None => Ok(()),
    }
}

/// That nothing of a visit is on its way.
///
/// # Errors
/// When something is.
pub fn ensure_nothing_pending(session: &Session<'_, '_>, encounter: &EncounterId) -> Result<(), Stop> {
    ensure_known(&session.operation_list_pending(encounter)?)
}

fn ensure_known(pending: &[StoredOperation]) -> Result<(), Stop> {
    if pending.is_empty() { Ok(()) } else { Err(Refusal::new(Reason::NotYetKnown).of_field("mdtrt_id").into()) }
}

/// That a settlement has to be undone first.
pub fn undo_first(settlement: &settlement::ids::SettlementId) -> Stop {
    Refusal::new(Reason::UndoFirst).of_field("setl_id").because(format!("结算{settlement}有效")).into()
}

/// The lines of a visit, or batch, that none of its settlements in force covers.
pub fn unsettled(tallies: &[ChargeTally], in_force: &[StoredSettlement]) -> Vec<ChargeRange> {
    let last = tallies.iter().map(|tally| tally.line).max().unwrap_or_default();
    gaps(last, in_force.iter().flat_map(|stored| stored.settlement.covers.iter().copied()).collect())
}

/// The lines that settlements in force cover. A range counts places among the lines of all visits, but covers only
/// those of its own batch.
#[derive(Debug, Default)]
pub struct Covered(Vec<(String, ChargeRange)>);

impl Covered {
    /// Whether a line of a batch, at a place, is covered.
    pub fn holds(&self, batch: Option<&BatchNumber>, line: i64) -> bool {
        let batch = batch.map_or("", BatchNumber::as_str);
        self.0.iter().any(|(own, range)| own == batch && range.after < line && line <= range.upto)
    }
}

/// The lines of a visit that settlements in force cover.
///
/// # Errors
/// When the store fails.
pub fn covered(session: &Session<'_, '_>, encounter: &EncounterId) -> Result<Covered, Stop> {
    let mut covered = Vec::new();
    for StoredSettlement { settlement, standing: _ } in in_force(session, encounter, None)? {
        covered.extend(settlement.covers.into_iter().map(|range| (settlement.batch.clone(), range)));
    }
    Ok(Covered(covered))
}

/// What ranges leave open from the first place to the last.
fn gaps(last: i64, mut covered: Vec<ChargeRange>) -> Vec<ChargeRange> {
    covered.sort_by_key(|range| range.after);
    let mut open = Vec::new();
    let mut reached = 0;
    for range in covered {
        if range.after > reached {
            open.push(ChargeRange { after: reached, upto: range.after });
        }
        reached = reached.max(range.upto);
    }
    if last > reached {
        open.push(ChargeRange { after: reached, upto: last });
    }
    open
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unsettled_is_what_settlements_in_force_leave_open() {
        let range = |(after, upto)| ChargeRange { after, upto };
        for (last, covered, open) in [
            (0, vec![], vec![]),
            (10, vec![], vec![(0, 10)]),
            (10, vec![(0, 10)], vec![]),
            (25, vec![(10, 20)], vec![(0, 10), (20, 25)]),
            (25, vec![(0, 10), (10, 20), (20, 25)], vec![]),
            (30, vec![(20, 25), (0, 10)], vec![(10, 20), (25, 30)]),
        ] {
            let covered = covered.into_iter().map(range).collect();
            assert_eq!(gaps(last, covered), open.into_iter().map(range).collect::<Vec<_>>(), "{last}");
        }
    }
}
