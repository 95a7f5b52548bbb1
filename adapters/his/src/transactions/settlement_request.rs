//! What a desk asks to have settled (2206, 2207, 2303, 2304), and the bill that is sent for it. An estimate and a
//! settlement go through here alike, so that they can only differ where the facts do.

use jiff::civil::Date;
use ledger::treatment::{
    ChargeRange, EncounterKind, EncounterStanding, KnownPerson, Session, Statement, StoredEncounter, StoredSettlement,
};
use settlement::encounter::{CareKind, Encounter, Marks};
use settlement::ids::{BatchNumber, DiseaseCode, EncounterId, PersonNumber, PoolCode, RegionCode, SettlementId};
use settlement::money::Money;
use settlement::operation::{AccountUse, Settle};
use settlement::person::Insurance;
use settlement::refusal::{Reason, Refusal};
use settlement::what_if::WhatIf;

use super::registration::optional_insurance;
use super::visit_details::disease;
use crate::bill::{self, Lines};
use crate::config::Discharge;
use crate::content::Noted;
use crate::edge::{Call, Edge};
use crate::node::{Node, Sheet, flag};
use crate::stop::Stop;
use crate::{home_of, marks, told_person, visit, what_if};

/// What a desk asks to have settled.
#[derive(Clone, Debug)]
pub struct SettlementRequest {
    /// `psn_no`.
    pub person: PersonNumber,
    /// `mdtrt_id`.
    pub encounter: EncounterId,
    /// `chrg_bchno`; outpatient only.
    pub batch: Option<BatchNumber>,
    /// Visit or stay.
    pub kind: EncounterKind,
    /// `medfee_sumamt`.
    pub total: Money,
    /// `med_type`, where the message names it.
    pub category: Option<String>,
    /// `insutype`, where the message names it.
    pub insurance: Option<Insurance>,
    /// `acct_used_flag`.
    pub account: AccountUse,
    /// `mid_setl_flag`.
    pub interim: bool,
    /// `dscgTime`.
    pub discharged: Option<Date>,
    /// `dise_codg`, where the message names it.
    pub disease: Option<DiseaseCode>,
    /// Marks of the message.
    pub statement: Statement,
    /// The pool that insures the person, where the message names one that counts.
    pub home: Option<PoolCode>,
    /// What the message says of the person; shown, never sent.
    pub told: KnownPerson,
    /// On which other footings an estimate is worked as well.
    pub what_if: Vec<WhatIf>,
}

/// A bill ready to be sent.
pub struct Billed {
    /// What to ask for.
    pub settle: Settle,
    /// The lines in it.
    pub ranges: Vec<ChargeRange>,
    /// `med_type`.
    pub category: String,
    /// The visit.
    pub encounter: StoredEncounter,
    /// What is shown of the person.
    pub person: KnownPerson,
}

/// Reads a request.
///
/// # Errors
/// Every field at fault.
pub fn read(
    edge: &Edge,
    call: &Call,
    kind: EncounterKind,
    purpose: Purpose,
) -> Result<(SettlementRequest, Noted), Refusal> {
    let sheet = Sheet::on(call.today());
    let data = Node::new(&call.input, &sheet).object("data");
    let read = read_fields(&data, kind, purpose);
    let ((mut request, told), mut noted) = sheet.finish(read)?;
    request.home = home_of::at_settlement(edge, call, told)?;
    if let Some(home) = request.home {
        noted.note("insuplc_admdvs", home.0.as_str());
    }
    Ok((request, noted))
}

fn read_fields(
    data: &Node<'_>,
    kind: EncounterKind,
    purpose: Purpose,
) -> Option<(SettlementRequest, Option<RegionCode>)> {
    let person = data.id("psn_no", PersonNumber::new);
    let encounter = data.id("mdtrt_id", EncounterId::new);
    let batch = match kind {
        EncounterKind::Visit => data.id("chrg_bchno", BatchNumber::new).map(Some),
        EncounterKind::Stay => Some(None),
    };
    let total = data.money("medfee_sumamt");
    if total.is_some_and(Money::is_negative) {
        data.invalid("medfee_sumamt", "总额为负");
    }
    let category = data.optional(&["med_type"]);
    let insurance = optional_insurance(data);
    let account = account_use(data);
    let interim = flag(data.optional(&["mid_setl_flag"]).as_deref()).unwrap_or(false);
    let discharged = data.optional_day(&["dscgTime", "dscg_time"]);
    let disease = disease(data);
    let mut statement = Statement::default();
    marks::read(data, category.as_deref(), &mut statement);
    let told = home_of::told(data);
    let what_if = match purpose {
        Purpose::Estimate => what_if::read(data),
        Purpose::Settlement => Some(Vec::new()),
    };
    let request = SettlementRequest {
        person: person?,
        encounter: encounter?,
        batch: batch?,
        kind,
        total: total?,
        category,
        insurance: insurance?,
        account: account?,
        interim,
        discharged: discharged?,
        disease: disease?,
        statement,
        home: None,
        told: told_person::read(data),
        what_if: what_if?,
    };
    Some((request, told?))
}

fn account_use(data: &Node<'_>) -> Option<AccountUse> {
    match data.optional(&["acct_used_flag"]).as_deref() {
        None | Some("0") => Some(AccountUse::None),
        Some("1") => Some(AccountUse::Own),
        Some("2") => Some(AccountUse::Family),
        Some(_) => {
            data.invalid("acct_used_flag", "应为0、1或2");
            None
        }
    }
}

/// Whether the order of transactions counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// 2206, 2303: any time.
    Estimate,
    /// 2207, 2304: after discharge, or mid-way.
    Settlement,
}

/// The bill of a request, from the visit as it stands and its settlements.
///
/// # Errors
/// Why the visit cannot be settled like this.
pub fn bill(
    session: &Session<'_, '_>,
    edge: &Edge,
    call: &Call,
    request: &SettlementRequest,
    purpose: Purpose,
    settlements: Vec<StoredSettlement>,
    id: &SettlementId,
) -> Result<Billed, Stop> {
    let institution = &call.envelope.institution;
    let (encounter, known) =
        visit::find_standing_with_person(session, institution, &request.person, &request.encounter)?;
    if encounter.kind != request.kind {
        let detail = "门诊就诊用2206/2207,住院用2303/2304";
        return Err(Refusal::new(Reason::InvalidField).of_field("mdtrt_id").because(detail).into());
    }
    let in_force = visit::that_count(settlements, request.batch.as_ref());
    ensure_not_settled(&in_force)?;
    let discharged = discharge_day(call, request, &encounter, purpose)?;
    let category = request.category.clone().unwrap_or_else(|| encounter.category.clone());
    let care = care(&category, request.kind)?;
    let disease = chronic_disease(session, request, &encounter, care)?;
    let institution = edge.institutions.on(institution, encounter.began)?;
    institution.may_settle(care, disease.as_ref())?;
    let tallies = session.charge_tallies(&encounter.id, request.batch.as_ref())?;
    let ranges = visit::unsettled(&tallies, &in_force);
    let carry = match request.kind {
        EncounterKind::Visit => Lines::Carried,
        EncounterKind::Stay => Lines::Left,
    };
    let bill = bill::build(session, &encounter.id, request.batch.as_ref(), &tallies, &ranges, carry)?;
    bill::ensure_total(&bill, request.total)?;
    let settle = Settle {
        settlement: id.clone(),
        home: request.home.unwrap_or(encounter.home),
        insurance: request.insurance.unwrap_or(encounter.insurance),
        encounter: Encounter {
            id: encounter.id.clone(),
            institution: institution.code.clone(),
            area: institution.area,
            pool: institution.pool,
            member: institution.member,
            level: institution.level,
            care,
            admitted: encounter.began,
            discharged,
            disease,
            diagnosis: session.diagnosis_main(&encounter.id)?,
            batch: request.batch.clone(),
            interim: request.interim,
            marks: marks_of(&encounter.marks, &request.statement),
        },
        bill,
        account: request.account,
    };
    let person = told_person::of_known(known, &request.person, &request.told);
    Ok(Billed { settle, ranges, category, encounter, person })
}

fn ensure_not_settled(in_force: &[StoredSettlement]) -> Result<(), Stop> {
    match in_force.iter().find(|stored| !stored.settlement.interim) {
        Some(stored) => {
            let detail = format!("原结算setl_id={}", stored.settlement.id);
            Err(Refusal::new(Reason::AlreadySettled).of_field("mdtrt_id").because(detail).into())
        }
        None => Ok(()),
    }
}

/// The day of discharge: the visit's own day; none for a mid-way settlement; what 2402 said; or, where a stay may be
/// worked out before it, what the message says, or today.
fn discharge_day(
    call: &Call,
    request: &SettlementRequest,
    encounter: &StoredEncounter,
    purpose: Purpose,
) -> Result<Option<Date>, Refusal> {
    match (encounter.kind, encounter.standing) {
        (EncounterKind::Visit, _) => return Ok(Some(encounter.began)),
        (EncounterKind::Stay, _) if request.interim => return Ok(None),
        (EncounterKind::Stay, EncounterStanding::Discharged(on)) => return Ok(Some(on)),
        (EncounterKind::Stay, EncounterStanding::Open | EncounterStanding::Cancelled) => {}
    }
    if purpose == Purpose::Settlement && call.profile.discharge == Discharge::First {
        return Err(Refusal::new(Reason::NotDischarged).of_field("mdtrt_id"));
    }
    let on = request.discharged.unwrap_or_else(|| call.today().max(encounter.began));
    if on < encounter.began {
        let detail = format!("出院{on}早于入院{}", encounter.began);
        return Err(Refusal::new(Reason::InvalidField).of_field("dscgTime").because(detail));
    }
    Ok(Some(on))
}

fn care(category: &str, kind: EncounterKind) -> Result<CareKind, Refusal> {
    if category.is_empty() {
        return Err(Refusal::new(Reason::MissingField).of_field("med_type"));
    }
    let invalid = |why: &str| Refusal::new(Reason::InvalidField).of_field("med_type").because(why);
    let care = CareKind::of_medical_category(category).ok_or_else(|| invalid("不是可结算的医疗类别"))?;
    match (kind, care) {
        (EncounterKind::Stay, CareKind::Inpatient)
        | (EncounterKind::Visit, CareKind::Chronic | CareKind::Outpatient | CareKind::Purchase) => Ok(care),
        (EncounterKind::Stay, CareKind::Chronic | CareKind::Outpatient | CareKind::Purchase)
        | (EncounterKind::Visit, CareKind::Inpatient) => Err(invalid("与就诊登记的类别不符")),
    }
}

/// The disease that chronic care is settled under: what the message says, else the batch's lines, else the visit.
fn chronic_disease(
    session: &Session<'_, '_>,
    request: &SettlementRequest,
    encounter: &StoredEncounter,
    care: CareKind,
) -> Result<Option<DiseaseCode>, Stop> {
    let Some(batch) = request.batch.as_ref().filter(|_| care == CareKind::Chronic) else { return Ok(None) };
    let of_lines = session.charge_diseases(&encounter.id, batch)?;
    if let Some((first, others)) = of_lines.split_first()
        && others.iter().any(|other| other != first)
    {
        let detail = "一个批次只能结算一个病种";
        return Err(Refusal::new(Reason::InvalidField).of_field("dise_codg").because(detail).into());
    }
    let disease = request.disease.clone().or_else(|| of_lines.first().cloned()).or_else(|| encounter.disease.clone());
    match disease {
        Some(disease) => Ok(Some(disease)),
        None => Err(Refusal::new(Reason::DiseaseMissing).of_field("dise_codg").into()),
    }
}

fn marks_of(visit: &Marks, said: &Statement) -> Marks {
    Marks {
        emergency: said.emergency.unwrap_or(visit.emergency),
        referral: said.referral.unwrap_or(visit.referral),
        injury: said.injury.unwrap_or(visit.injury),
        third_party: said.third_party.unwrap_or(visit.third_party),
    }
}
