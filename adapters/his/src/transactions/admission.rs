//! 2401 admission and 2403 its correction. Taking an admission back (2404) is in `registration.rs`.

use ledger::treatment::{Diagnosis, EncounterEvent, EncounterKind, NewEncounter, Statement};
use serde_json::Map;
use settlement::encounter::CareKind;
use settlement::ids::{PersonNumber, RegionCode};
use settlement::person::Insurance;
use settlement::refusal::{Reason, Refusal};

use super::filing_warning::{self, Urgency};
use super::registration::insurance;
use super::visit_details::{VisitDetails, diagnoses_with_main, read_details, statement};
use crate::answer::Reply;
use crate::content::Noted;
use crate::edge::{Call, Shared};
use crate::local::{Done, echo, key_of, node, once, repeated};
use crate::node::{Node, Sheet};
use crate::{home_of, ids, visit};

/// 2401.
///
/// # Errors
/// When the message is not whole, or the institution takes no inpatients on the day.
pub async fn admit(edge: Shared, call: Call) -> Result<Reply, Refusal> {
    let (admission, mut noted) = read_admission(&call)?;
    let Admission { person, insurance, statement, hospital_number, told, diagnoses } = admission;
    let home = home_of::at_registration(&edge, &call, told)?;
    noted.note("insuplc_admdvs", home.0.as_str());
    let key = key_of(&call, &person, None, None);
    if let Some(reply) = repeated(&edge, &key, &noted).await? {
        return Ok(reply);
    }
    let began = statement.began.unwrap_or(call.today());
    edge.institutions.on(&call.envelope.institution, began)?.may_settle(CareKind::Inpatient, None)?;
    let urgency = if statement.emergency == Some(true) { Urgency::Emergency } else { Urgency::Ordinary };
    let warning = filing_warning::ask(&edge, &call, &person, home, began, urgency).await?;

    let id = ids::encounter_id(call.institution.pool, call.received, call.number);
    let encounter = NewEncounter {
        id: id.map_err(|_| Refusal::new(Reason::Internal))?,
        kind: EncounterKind::Stay,
        institution: call.envelope.institution.clone(),
        person,
        home,
        insurance,
        hospital_number,
    };
    once(&edge, &call, key, noted, move |session, stamp| {
        session.encounter_open(&encounter, statement.clone(), stamp.message, stamp.at)?;
        for diagnosis in &diagnoses {
            session.diagnosis_note(&encounter.id, diagnosis, stamp.message)?;
        }
        let mut result = Map::new();
        result.insert("mdtrt_id".into(), encounter.id.as_str().into());
        Ok(Done { output: node("result", result), warning: warning.clone(), encounter: encounter.id.to_string() })
    })
    .await
}

struct Admission {
    person: PersonNumber,
    insurance: Insurance,
    statement: Statement,
    hospital_number: String,
    told: Option<RegionCode>,
    diagnoses: Vec<Diagnosis>,
}

fn read_admission(call: &Call) -> Result<(Admission, Noted), Refusal> {
    let sheet = Sheet::on(call.today());
    let input = Node::new(&call.input, &sheet);
    let info = input.object("mdtrtinfo");
    let person = info.id("psn_no", PersonNumber::new);
    let insurance = insurance(&info);
    let statement = statement(&info);
    let hospital_number = info.optional(&["ipt_no", "ipt_otp_no"]).unwrap_or_default();
    let told = home_of::told(&info);
    let diagnoses = diagnoses_with_main(&input, &info);
    let category = statement.as_ref().and_then(|statement| statement.category.clone());
    if category.is_some_and(|category| CareKind::of_medical_category(&category) != Some(CareKind::Inpatient)) {
        info.invalid("med_type", "入院应为住院类别(2开头、52、54)");
    }
    let read = (|| {
        let (person, insurance, statement) = (person?, insurance?, statement?);
        Some(Admission { person, insurance, statement, hospital_number, told: told?, diagnoses })
    })();
    sheet.finish(read)
}

/// 2403.
///
/// # Errors
/// When the message is not whole, or the stay is closed.
pub async fn change(edge: Shared, call: Call) -> Result<Reply, Refusal> {
    let (details, noted) = read_details(&call, "adminfo")?;
    let VisitDetails { person, encounter, statement, diagnoses } = details;
    let key = key_of(&call, &person, Some(&encounter), None);
    let output = echo(&call, Some(&encounter));
    let institution = call.envelope.institution.clone();
    once(&edge, &call, key, noted, move |session, stamp| {
        visit::find_open(session, &institution, &person, &encounter)?;
        visit::ensure_nothing_pending(session, &encounter)?;
        let event = EncounterEvent::Stated(statement.clone());
        session.encounter_note(&encounter, &event, stamp.message, stamp.at)?;
        for diagnosis in &diagnoses {
            session.diagnosis_note(&encounter, diagnosis, stamp.message)?;
        }
        Ok(Done { output: output.clone(), warning: None, encounter: encounter.to_string() })
    })
    .await
}
