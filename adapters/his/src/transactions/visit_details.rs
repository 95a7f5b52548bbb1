//! 2203 and 2203A: category, diagnoses and marks of a visit. Sent again, they correct what was stated.

use ledger::treatment::{Diagnosis, EncounterEvent, Statement};
use settlement::encounter::CareKind;
use settlement::ids::{DiseaseCode, EncounterId, PersonNumber};
use settlement::refusal::Refusal;

use crate::answer::Reply;
use crate::content::Noted;
use crate::edge::{Call, Shared};
use crate::local::{Done, echo, key_of, once};
use crate::marks;
use crate::node::{Node, Sheet, flag};
use crate::visit;

/// 2203.
///
/// # Errors
/// When the message is not whole, or the visit is closed.
pub async fn state(edge: Shared, call: Call) -> Result<Reply, Refusal> {
    let (details, noted) = read_details(&call, "mdtrtinfo")?;
    let VisitDetails { person, encounter, statement, diagnoses } = details;
    let key = key_of(&call, &person, Some(&encounter), None);
    let output = echo(&call, Some(&encounter));
    let institution = call.envelope.institution.clone();
    once(&edge, &call, key, noted, move |session, stamp| {
        visit::find_open(session, &institution, &person, &encounter)?;
        let event = EncounterEvent::Stated(statement.clone());
        session.encounter_note(&encounter, &event, stamp.message, stamp.at)?;
        for diagnosis in &diagnoses {
            session.diagnosis_note(&encounter, diagnosis, stamp.message)?;
        }
        Ok(Done { output: output.clone(), warning: None, encounter: encounter.to_string() })
    })
    .await
}

/// What a message states of a visit, with its diagnoses.
pub struct VisitDetails {
    /// `psn_no`.
    pub person: PersonNumber,
    /// `mdtrt_id`.
    pub encounter: EncounterId,
    /// Category, first day, disease, marks.
    pub statement: Statement,
    /// Its diagnoses.
    pub diagnoses: Vec<Diagnosis>,
}

/// Reads what a message states of a visit under a node's name.
///
/// # Errors
/// Every field at fault.
pub fn read_details(call: &Call, name: &str) -> Result<(VisitDetails, Noted), Refusal> {
    let sheet = Sheet::on(call.today());
    let input = Node::new(&call.input, &sheet);
    let node = input.object(name);
    let person = node.id("psn_no", PersonNumber::new);
    let encounter = node.id("mdtrt_id", EncounterId::new);
    let statement = statement(&node);
    let diagnoses = diagnoses_with_main(&input, &node);
    let read = (|| Some(VisitDetails { person: person?, encounter: encounter?, statement: statement?, diagnoses }))();
    sheet.finish(read)
}

/// What a node states of a visit: category, first day, disease, marks. None only where there is a fault.
pub fn statement(node: &Node<'_>) -> Option<Statement> {
    let category = node.required(&["med_type"]);
    if let Some(category) = &category
        && CareKind::of_medical_category(category).is_none()
    {
        node.invalid("med_type", "不是可结算的医疗类别");
    }
    let began = node.time("begntime");
    let disease = disease(node);
    let mut statement = Statement::default();
    marks::read(node, category.as_deref(), &mut statement);
    Some(Statement { category: Some(category?), began: Some(began?.date()), disease: disease?, ..statement })
}

/// The chronic disease that a node names. The outer option is none only where there is a fault.
pub fn disease(node: &Node<'_>) -> Option<Option<DiseaseCode>> {
    let Some(code) = node.optional(&["dise_codg", "dise_code"]) else { return Some(None) };
    let disease = DiseaseCode::new(&code).ok();
    if disease.is_none() {
        node.invalid("dise_codg", "超过30个字符");
    }
    disease.map(Some)
}

/// The diagnoses of a message about a stay, and the one that its own node calls the main one. That one comes after those of
/// the list: hospitals that fill the list know more there.
pub fn diagnoses_with_main(input: &Node<'_>, node: &Node<'_>) -> Vec<Diagnosis> {
    let of_node = |code| Diagnosis { code, kind: "1".to_owned(), ordinal: String::new(), main: false, valid: true };
    let mut diagnoses = diagnoses(input);
    diagnoses.extend(node.optional(&["dscg_maindiag_code"]).map(of_node));
    diagnoses
}

/// The diagnoses of a message. One without a code says nothing.
pub fn diagnoses(input: &Node<'_>) -> Vec<Diagnosis> {
    let read = |node: &Node<'_>| {
        Some(Diagnosis {
            code: node.optional(&["diag_code"])?,
            kind: node.optional(&["diag_type"]).unwrap_or_default(),
            ordinal: node.optional(&["diag_srt_no"]).unwrap_or_default(),
            main: flag(node.optional(&["maindiag_flag"]).as_deref()).unwrap_or(false),
            valid: flag(node.optional(&["vali_flag"]).as_deref()).unwrap_or(true),
        })
    };
    input.list("diseinfo").iter().filter_map(read).collect()
}
