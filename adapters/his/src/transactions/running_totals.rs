//! 5206: a person's running totals, from the home region. Codes of totals are regional; ours are `D`, the insurance, and
//! two digits.

use proto::v1::query_request::About;
use proto::v1::{QueryRequest, RunningTotal, RunningTotals};
use serde_json::{Map, Value, json};
use settlement::ids::PersonNumber;
use settlement::money::Money;
use settlement::refusal::Refusal;

use crate::answer::Reply;
use crate::edge::{Call, Shared};
use crate::home_of;
use crate::node::{Node, Sheet};
use crate::setlinfo::{amount, insurance_code};

/// 5206.
///
/// # Errors
/// When the message is not whole, or the home region refuses or is not to be had.
pub async fn query(edge: Shared, call: Call) -> Result<Reply, Refusal> {
    let request = read(&edge, &call)?;
    let reply = edge.hub.query(request).await?;
    let mut output = Map::new();
    output.insert("cuminfo".into(), reply.totals.iter().map(row).collect());
    Ok(Reply::of(&output))
}

fn read(edge: &Shared, call: &Call) -> Result<QueryRequest, Refusal> {
    let sheet = Sheet::on(call.today());
    let data = Node::new(&call.input, &sheet).object("data");
    let person = data.id("psn_no", PersonNumber::new);
    let month = data.optional(&["cum_ym"]).unwrap_or_default();
    let told = home_of::told(&data);
    let ((person, told), _) = sheet.finish(person.zip(told))?;
    Ok(QueryRequest {
        home: home_of::at_registration(edge, call, told)?.to_string(),
        person: person.to_string(),
        treatment: call.institution.pool.to_string(),
        request_id: call.reference.clone(),
        about: Some(About::RunningTotals(RunningTotals { month })),
    })
}

fn row(total: &RunningTotal) -> Value {
    let insurance = insurance_code(&total.insurance);
    let cum = if total.kind == "stays" { json!(total.amount) } else { amount(Money::from_fen(total.amount)) };
    json!({
        "insutype": insurance,
        "year": total.year.to_string(),
        "cum_ym": total.month,
        "cum_type_code": code(&total.kind, insurance),
        "cum": cum,
    })
}

fn code(kind: &str, insurance: &str) -> String {
    let kinds = [
        "basic",
        "large-sum",
        "catastrophic",
        "civil-servant",
        "assistance",
        "in-policy",
        "deductible",
        "stays",
        "catastrophic-base",
    ];
    let kind = kind.replace('_', "-");
    match kinds.iter().position(|known| *known == kind) {
        Some(index) => format!("D{insurance}{:02}", index + 1),
        None => kind.chars().take(10).collect(),
    }
}
