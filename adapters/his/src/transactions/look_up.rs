//! 1101: finds a person at home. The document is routed and kept nowhere but where the answer's own is: see
//! `ledger/src/treatment/person.rs`.

use ledger::treatment::KnownPerson;
use proto::v1::{CoverageRow, IdentityRow, LookUpReply, LookUpRequest};
use serde_json::{Map, Value, json};
use settlement::money::Money;
use settlement::person::AssistanceClass;
use settlement::refusal::{Reason, Refusal};

use crate::answer::Reply;
use crate::edge::{Call, Shared};
use crate::home_of;
use crate::node::{Node, Sheet};
use crate::setlinfo::{age, amount, insurance_code};

/// 1101.
///
/// # Errors
/// When the message is not whole, or nobody is found.
pub async fn look_up(edge: Shared, call: Call) -> Result<Reply, Refusal> {
    let request = read(&edge, &call)?;
    let reply = edge.hub.look_up(request).await?;
    if reply.coverages.is_empty() {
        return Err(Refusal::new(Reason::NotInsured));
    }
    let known = known(&reply);
    edge.change(move |session| Ok(session.person_keep(&known)?)).await?;
    Ok(Reply::of(&output(&reply, &call)))
}

fn read(edge: &Shared, call: &Call) -> Result<LookUpRequest, Refusal> {
    let sheet = Sheet::on(call.today());
    let data = Node::new(&call.input, &sheet).object("data");
    let document = data.aside(&["certno"]);
    let kind = data.aside(&["mdtrt_cert_type"]).or_else(|| document.as_ref().map(|_| "02".into()));
    let credential = data.aside(&["mdtrt_cert_no"]).or(document);
    if kind.is_none() {
        data.missing("mdtrt_cert_type");
    }
    if credential.is_none() {
        data.missing("mdtrt_cert_no");
    }
    let on = data.optional_day(&["begntime"]);
    let told = home_of::told(&data);
    let name = data.aside(&["psn_name"]).unwrap_or_default();
    let read = (|| Some((kind?, credential?, on?, told?)))();
    let ((credential_type, credential, on, told), _) = sheet.finish(read)?;
    Ok(LookUpRequest {
        home: home_of::at_registration(edge, call, told)?.to_string(),
        credential_type,
        credential,
        name,
        on: on.unwrap_or(call.today()).to_string(),
        request_id: call.reference.clone(),
        treatment: call.institution.pool.to_string(),
    })
}

fn known(reply: &LookUpReply) -> KnownPerson {
    let first = reply.coverages.first();
    KnownPerson {
        person: reply.person.clone(),
        name: reply.name.clone(),
        document_type: reply.document_type.clone(),
        document: reply.document.clone(),
        sex: reply.sex.clone(),
        birth: reply.birth.clone(),
        category: first.map(|row| row.person_category.clone()).unwrap_or_default(),
        civil_servant: first.is_some_and(|row| row.civil_servant),
    }
}

fn output(reply: &LookUpReply, call: &Call) -> Map<String, Value> {
    let mut output = Map::new();
    output.insert(
        "baseinfo".into(),
        json!({
            "psn_no": reply.person,
            "psn_cert_type": reply.document_type,
            "certno": reply.document,
            "psn_name": reply.name,
            "gend": reply.sex,
            "naty": "",
            "brdy": reply.birth,
            "age": age(&reply.birth, call.received).unwrap_or_default(),
            "exp_content": held_back(reply).to_string(),
        }),
    );
    output.insert("insuinfo".into(), reply.coverages.iter().map(coverage).collect());
    output.insert("idetinfo".into(), reply.identities.iter().map(identity).collect());
    output
}

/// Why benefits are not due under a coverage, in the extension bag: the interface has no field for it.
fn held_back(reply: &LookUpReply) -> Value {
    let of_one = |row: &CoverageRow| {
        let mut held = Map::new();
        if !row.benefits_from.is_empty() {
            held.insert("benefits_from".into(), json!(row.benefits_from));
        }
        if !row.held_back_by.is_empty() {
            held.insert("held_back_by".into(), json!(insurance_code(&row.held_back_by)));
        }
        (!held.is_empty()).then(|| {
            held.insert("insutype".into(), json!(insurance_code(&row.insurance)));
            Value::Object(held)
        })
    };
    let held: Vec<Value> = reply.coverages.iter().filter_map(of_one).collect();
    if held.is_empty() { json!({}) } else { json!({ "no_benefits": held }) }
}

fn coverage(row: &CoverageRow) -> Value {
    json!({
        "balc": amount(Money::from_fen(row.account_balance)),
        "insutype": insurance_code(&row.insurance),
        "psn_type": row.person_category,
        "psn_insu_stas": row.status,
        "psn_insu_date": row.from,
        "paus_insu_date": row.suspended_from,
        "cvlserv_flag": if row.civil_servant { "1" } else { "0" },
        "insuplc_admdvs": row.home,
        "emp_name": row.employer,
    })
}

/// A special identity. The interface leaves the codes to regions; the name goes into the remark.
fn identity(row: &IdentityRow) -> Value {
    let class = AssistanceClass::from_word(&row.kind);
    let code = class.map_or("99", |class| match class {
        AssistanceClass::Destitute => "01",
        AssistanceClass::LowIncome => "02",
        AssistanceClass::LowIncomeMargin => "03",
        AssistanceClass::ReturnedPoor => "04",
        AssistanceClass::AtRisk => "05",
        AssistanceClass::HighCost => "06",
        AssistanceClass::Veteran => "07",
    });
    let time = |day: &str| if day.is_empty() { String::new() } else { format!("{day} 00:00:00") };
    json!({
        "psn_idet_type": code,
        "psn_type_lv": "",
        "memo": class.map_or_else(|| row.kind.clone(), |class| class.name().to_owned()),
        "begntime": time(&row.from),
        "endtime": time(&row.to),
    })
}
