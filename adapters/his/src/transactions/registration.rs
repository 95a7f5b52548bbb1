//! 2201 outpatient registration; 2202 and 2404, which take a registration or an admission back.

use jiff::civil::Date;
use ledger::treatment::{EncounterEvent, EncounterKind, NewEncounter, Session, Statement};
use serde_json::{Map, json};
use settlement::ids::{EncounterId, InstitutionCode, PersonNumber, RegionCode};
use settlement::person::Insurance;
use settlement::refusal::{Reason, Refusal};

use super::filing_warning::{self, Urgency};
use crate::answer::Reply;
use crate::content::Noted;
use crate::edge::{Call, Shared};
use crate::institutions::Agreement;
use crate::local::{Done, Stamp, echo, key_of, node, once, repeated};
use crate::node::{Node, Sheet};
use crate::stop::Stop;
use crate::{home_of, ids, marks, visit};

/// 2201.
///
/// # Errors
/// When the message is not whole, or the institution may not register.
pub async fn register(edge: Shared, call: Call) -> Result<Reply, Refusal> {
    let (registration, mut noted) = read_registration(&call)?;
    let Registration { person, insurance, began, hospital_number, told, mut statement } = registration;
    let home = home_of::at_registration(&edge, &call, told)?;
    noted.note("insuplc_admdvs", home.0.as_str());
    let key = key_of(&call, &person, None, None);
    if let Some(reply) = repeated(&edge, &key, &noted).await? {
        return Ok(reply);
    }
    let institution = edge.institutions.on(&call.envelope.institution, began)?;
    if institution.agreement == Agreement::Suspended {
        return Err(institution.suspended());
    }
    let urgency = if statement.emergency == Some(true) { Urgency::Emergency } else { Urgency::Ordinary };
    let warning = filing_warning::ask(&edge, &call, &person, home, began, urgency).await?;

    statement.began = Some(began);
    let id = ids::encounter_id(call.institution.pool, call.received, call.number);
    let id = id.map_err(|_| Refusal::new(Reason::Internal))?;
    let encounter = NewEncounter {
        id,
        kind: EncounterKind::Visit,
        institution: call.envelope.institution.clone(),
        person,
        home,
        insurance,
        hospital_number,
    };
    once(&edge, &call, key, noted, move |session, stamp| {
        session.encounter_open(&encounter, statement.clone(), stamp.message, stamp.at)?;
        let mut data = Map::new();
        data.insert("mdtrt_id".into(), encounter.id.as_str().into());
        data.insert("psn_no".into(), encounter.person.as_str().into());
        data.insert("ipt_otp_no".into(), encounter.hospital_number.as_str().into());
        data.insert("exp_content".into(), json!("{}"));
        Ok(Done { output: node("data", data), warning: warning.clone(), encounter: encounter.id.to_string() })
    })
    .await
}

struct Registration {
    person: PersonNumber,
    insurance: Insurance,
    began: Date,
    hospital_number: String,
    told: Option<RegionCode>,
    statement: Statement,
}

fn read_registration(call: &Call) -> Result<(Registration, Noted), Refusal> {
    let sheet = Sheet::on(call.today());
    let data = Node::new(&call.input, &sheet).object("data");
    let person = data.id("psn_no", PersonNumber::new);
    let insurance = insurance(&data);
    let began = data.time("begntime");
    let hospital_number = data.optional(&["ipt_otp_no", "ipt_no"]).unwrap_or_default();
    let told = home_of::told(&data);
    let mut statement = Statement::default();
    marks::read(&data, None, &mut statement);
    let read = (|| {
        let began = began?.date();
        Some(Registration { person: person?, insurance: insurance?, began, hospital_number, told: told?, statement })
    })();
    sheet.finish(read)
}

/// `insutype` that must be there and be one of the two insurances that settle across regions.
pub fn insurance(node: &Node<'_>) -> Option<Insurance> {
    let code = node.required(&["insutype"])?;
    known_insurance(node, &code)
}

/// `insutype` that may be empty. The outer option is none only where there is a fault.
pub fn optional_insurance(node: &Node<'_>) -> Option<Option<Insurance>> {
    match node.optional(&["insutype"]) {
        None => Some(None),
        Some(code) => known_insurance(node, &code).map(Some),
    }
}

fn known_insurance(node: &Node<'_>, code: &str) -> Option<Insurance> {
    let insurance = Insurance::of_code(code);
    if insurance.is_none() {
        node.invalid("insutype", "异地直接结算只有310职工和390居民");
    }
    insurance
}

/// 2202 and 2404.
///
/// # Errors
/// When there is no such visit, or charges or a settlement have to be undone first.
pub async fn cancel(edge: Shared, call: Call) -> Result<Reply, Refusal> {
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

/// The person and the visit that a node `data` names.
///
/// # Errors
/// What is missing.
pub fn read_visit(call: &Call) -> Result<((PersonNumber, EncounterId), Noted), Refusal> {
    let sheet = Sheet::on(call.today());
    let data = Node::new(&call.input, &sheet).object("data");
    let person = data.id("psn_no", PersonNumber::new);
    let encounter = data.id("mdtrt_id", EncounterId::new);
    sheet.finish(person.zip(encounter))
}

/// Takes a registration or an admission back. Also what reversing its message does.
///
/// # Errors
/// When there is no such visit, or charges or a settlement have to be undone first.
pub fn take_back(
    session: &Session<'_, '_>,
    institution: &InstitutionCode,
    person: &PersonNumber,
    encounter: &EncounterId,
    stamp: Stamp,
) -> Result<(), Stop> {
    visit::find_open(session, institution, person, encounter)?;
    visit::ensure_unsettled(session, encounter)?;
    let lines = session.charge_list(encounter)?.len();
    if lines > 0 {
        let detail = format!("尚有{lines}条费用明细");
        return Err(Refusal::new(Reason::UndoFirst).of_field("mdtrt_id").because(detail).into());
    }
    session.encounter_note(encounter, &EncounterEvent::Cancelled, stamp.message, stamp.at)?;
    Ok(())
}
