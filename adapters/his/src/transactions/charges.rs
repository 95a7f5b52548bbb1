//! 2204 and 2301: charge lines come in, all or nothing, and are split once and for all. Faults are told by `feedetl_sn`.

mod line;
mod posting;

use ledger::treatment::{Charge, EncounterKind};
use serde_json::{Map, Value, json};
use settlement::bill::ItemClass;
use settlement::money::Money;
use settlement::refusal::{Reason, Refusal};

use crate::answer::Reply;
use crate::content::Noted;
use crate::edge::{Call, Shared};
use crate::local::{Done, key_of, once};
use crate::node::{Node, Sheet, together};
use crate::setlinfo::amount;
use crate::visit;
use line::UploadedLine;
use posting::Posting;

/// The ceiling told for an item without one.
const NO_CEILING: i64 = 999_999;
/// How many items are named in a warning.
const MOST_NAMED: usize = 5;

/// 2204.
///
/// # Errors
/// See [`upload`].
pub async fn outpatient(edge: Shared, call: Call) -> Result<Reply, Refusal> {
    upload(edge, call, EncounterKind::Visit).await
}

/// 2301.
///
/// # Errors
/// See [`upload`].
pub async fn inpatient(edge: Shared, call: Call) -> Result<Reply, Refusal> {
    upload(edge, call, EncounterKind::Stay).await
}

/// Takes the lines of a message. None is kept when one is at fault.
///
/// # Errors
/// Every line at fault; the visit being closed, settled, or another kind.
async fn upload(edge: Shared, call: Call, kind: EncounterKind) -> Result<Reply, Refusal> {
    let (lines, noted) = read(&call, kind)?;
    let first = one_visit(&lines)?;
    let key = key_of(&call, &first.person, Some(&first.encounter), first.batch.as_ref());
    let institution = call.envelope.institution.clone();
    let pool = call.institution.pool;
    let (own, own_call) = (edge.clone(), call.clone());
    once(&edge, &call, key, noted, move |session, stamp| {
        let first = &lines[0];
        let encounter = visit::find_open(session, &institution, &first.person, &first.encounter)?;
        if encounter.kind != kind {
            let detail = "门诊就诊用2204,住院用2301";
            return Err(Refusal::new(Reason::InvalidField).of_field("mdtrt_id").because(detail).into());
        }
        visit::ensure_nothing_pending(session, &encounter.id)?;
        let mut posting = Posting::open(session, &encounter, &own.catalogue, pool, &lines)?;
        let mut faults = Vec::new();
        let mut charges = Vec::new();
        for line in &lines {
            match posting.split(line)? {
                Ok(charge) => charges.push(charge),
                Err(fault) => faults.push(fault),
            }
        }
        if !faults.is_empty() {
            return Err(together(faults).into());
        }
        session.charge_insert(&encounter.id, &charges, stamp.message)?;
        let result: Value =
            lines.iter().zip(&charges).map(|(line, charge)| row(line, charge, &own, &own_call)).collect();
        let mut output = Map::new();
        output.insert("result".into(), result);
        let warning = posting.warning(MOST_NAMED);
        Ok(Done { output, warning, encounter: encounter.id.to_string() })
    })
    .await
}

fn read(call: &Call, kind: EncounterKind) -> Result<(Vec<UploadedLine>, Noted), Refusal> {
    let sheet = Sheet::on(call.today());
    let nodes = Node::new(&call.input, &sheet).lines("feedetail", "feedetl_sn");
    if nodes.is_empty() {
        sheet.fault(Refusal::new(Reason::MissingField).of_field("feedetail"));
    }
    let lines = nodes.iter().filter_map(|node| line::read(node, kind)).collect();
    sheet.finish(Some(lines))
}

/// That all lines are of one visit and one person.
fn one_visit(lines: &[UploadedLine]) -> Result<&UploadedLine, Refusal> {
    let Some(first) = lines.first() else { return Err(Refusal::new(Reason::MissingField).of_field("feedetail")) };
    for line in lines {
        for (field, same) in [("mdtrt_id", line.encounter == first.encounter), ("psn_no", line.person == first.person)]
        {
            if !same {
                let field = format!("feedetail[feedetl_sn={}].{field}", line.number);
                return Err(Refusal::new(Reason::InvalidField).of_field(field).because("一次上传只能是一次就诊的明细"));
            }
        }
    }
    Ok(first)
}

/// A line of the answer.
fn row(line: &UploadedLine, charge: &Charge, edge: &Shared, call: &Call) -> Value {
    let item = edge.catalogue.find(call.institution.pool, &charge.item, charge.charged_on);
    let ceiling = item.and_then(|item| item.ceiling).map_or(NO_CEILING.to_string(), |ceiling| ceiling.to_string());
    let coverage = charge.coverage;
    json!({
        "feedetl_sn": charge.number.as_str(),
        "det_item_fee_sumamt": amount(coverage.total()),
        "cnt": number(&charge.quantity.to_string()),
        "pric": number(&line.price.to_string()),
        "pric_uplmt_amt": number(&ceiling),
        "selfpay_prop": number(&charge.share.to_string()),
        "fulamt_ownpay_amt": amount(coverage.self_paid),
        "overlmt_amt": amount(coverage.over_limit),
        "preselfpay_amt": amount(coverage.first_self_pay),
        "inscp_scp_amt": amount(coverage.in_policy),
        "chrgitm_lv": class_code(charge.item_class),
        "med_chrgitm_type": format!("{:02}", charge.category.number()),
        "bas_medn_flag": "0",
        "hi_nego_drug_flag": "0",
        "chld_medc_flag": "0",
        "list_sp_item_flag": "0",
        "lmt_used_flag": if item.is_some_and(|item| item.usage == crate::catalogue::Use::Restricted) { "1" } else { "0" },
        "drt_reim_flag": "0",
        "memo": if item.is_none() { "目录外,按丙类自费" } else { "" },
        "exp_content": "{}",
    })
}

fn number(text: &str) -> Value {
    text.parse().map_or_else(|_| amount(Money::ZERO), Value::Number)
}

fn class_code(class: ItemClass) -> &'static str {
    match class {
        ItemClass::A => "01",
        ItemClass::B => "02",
        ItemClass::C => "03",
    }
}
