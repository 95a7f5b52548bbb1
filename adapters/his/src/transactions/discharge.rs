//! 2402 discharge and 2405 its undoing.

use jiff::civil::Date;
use ledger::treatment::{Diagnosis, EncounterEvent, EncounterStanding, Session};
use settlement::ids::{DiseaseCode, EncounterId, InstitutionCode, PersonNumber};
use settlement::refusal::{Reason, Refusal};

use super::registration::read_visit;
use super::visit_details::{diagnoses, disease};
use crate::answer::Reply;
use crate::content::Noted;
use crate::edge::{Call, Shared};
use crate::local::{Done, Stamp, echo, key_of, once};
use crate::node::{Node, Sheet};
use crate::stop::Stop;
use crate::visit;

/// 2402.
///
/// # Errors
/// When the message is not whole, the stay is closed, or it would end before it began.
pub async fn discharge(edge: Shared, call: Call) -> Result<Reply, Refusal> {
    let (leaving, noted) = read_leaving(&call)?;
    let Leaving { person, encounter, on, disease, diagnoses } = leaving;
    let key = key_of(&call, &person, Some(&encounter), None);
    let output = echo(&call, Some(&encounter));
    let institution = call.envelope.institution.clone();
    once(&edge, &call, key, noted, move |session, stamp| {
        let stay = visit::find_open(session, &institution, &person, &encounter)?;
        if on < stay.began {
            let detail = format!("出院{on}早于入院{}", stay.began);
            return Err(Refusal::new(Reason::InvalidField).of_field("dscginfo.endtime").because(detail).into());
        }
        let event = EncounterEvent::Discharged { on, disease: disease.clone() };
        session.encounter_note(&encounter, &event, stamp.message, stamp.at)?;
        for diagnosis in &diagnoses {
            session.diagnosis_note(&encounter, diagnosis, stamp.message)?;
        }
        Ok(Done { output: output.clone(), warning: None, encounter: encounter.to_string() })
    })
    .await
}

struct Leaving {
    person: PersonNumber,
    encounter: EncounterId,
    on: Date,
    disease: Option<DiseaseCode>,
    diagnoses: Vec<Diagnosis>,
}

fn read_leaving(call: &Call) -> Result<(Leaving, Noted), Refusal> {
    let sheet = Sheet::on(call.today());
    let input = Node::new(&call.input, &sheet);
    let info = input.object("dscginfo");
    let person = info.id("psn_no", PersonNumber::new);
    let encounter = info.id("mdtrt_id", EncounterId::new);
    let ended = info.time("endtime");
    let disease = disease(&info);
    let diagnoses = diagnoses(&input);
    let read = (|| {
        let on = ended?.date();
        Some(Leaving { person: person?, encounter: encounter?, on, disease: disease?, diagnoses })
    })();
    sheet.finish(read)
}

/// 2405.
///
/// # Errors
/// When the stay is not discharged, or its settlement has to be undone first.
pub async fn undo(edge: Shared, call: Call) -> Result<Reply, Refusal> {
    let ((person, encounter), noted) = read_visit(&call)?;
    let key = key_of(&call, &person, Some(&encounter), None);
    let output = echo(&call, Some(&encounter));
    let institution = call.envelope.institution.clone();
    once(&edge, &call, key, noted, move |session, stamp| {
        take_back(session, &institution, &person, &encounter, stamp)?;
        Ok(Done { output: output.clone(), warning: None, encounter: encounter.to_string() })
    })
    .await
}

/// Takes a discharge back. Also what reversing its message does. Mid-way settlements may stand.
///
/// # Errors
/// When the stay is not discharged, or its final settlement has to be undone first.
pub fn take_back(
    session: &Session<'_, '_>,
    institution: &InstitutionCode,
    person: &PersonNumber,
    encounter: &EncounterId,
    stamp: Stamp,
) -> Result<(), Stop> {
    let stay = visit::find_standing(session, institution, person, encounter)?;
    match stay.standing {
        EncounterStanding::Discharged(_) => {}
        EncounterStanding::Open | EncounterStanding::Cancelled => {
            return Err(Refusal::new(Reason::NotDischarged).of_field("mdtrt_id").into());
        }
    }
    visit::ensure_nothing_pending(session, encounter)?;
    let settled = visit::in_force(session, encounter, None)?;
    if let Some(stored) = settled.iter().find(|stored| !stored.settlement.interim) {
        return Err(visit::undo_first(&stored.settlement.id));
    }
    session.encounter_note(encounter, &EncounterEvent::DischargeUndone, stamp.message, stamp.at)?;
    Ok(())
}
