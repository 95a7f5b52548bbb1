//! 5301: a person's qualifications for chronic diseases, from the home region.

use proto::v1::query_request::About;
use proto::v1::{QualificationRow, Qualifications, QueryRequest};
use serde_json::{Map, Value, json};
use settlement::ids::PersonNumber;
use settlement::refusal::Refusal;

use crate::answer::Reply;
use crate::edge::{Call, Shared};
use crate::home_of;
use crate::node::{Node, Sheet};

/// 5301.
///
/// # Errors
/// When the message is not whole, or the home region refuses or is not to be had.
pub async fn query(edge: Shared, call: Call) -> Result<Reply, Refusal> {
    let request = read(&edge, &call)?;
    let reply = edge.hub.query(request).await?;
    let mut output = Map::new();
    output.insert("feedetail".into(), reply.qualifications.iter().map(row).collect());
    Ok(Reply::of(&output))
}

fn read(edge: &Shared, call: &Call) -> Result<QueryRequest, Refusal> {
    let sheet = Sheet::on(call.today());
    let data = Node::new(&call.input, &sheet).object("data");
    let person = data.id("psn_no", PersonNumber::new);
    let told = home_of::told(&data);
    let ((person, told), _) = sheet.finish(person.zip(told))?;
    Ok(QueryRequest {
        home: home_of::at_registration(edge, call, told)?.to_string(),
        person: person.to_string(),
        treatment: call.institution.pool.to_string(),
        request_id: call.reference.clone(),
        about: Some(About::Qualifications(Qualifications {})),
    })
}

fn row(qualification: &QualificationRow) -> Value {
    json!({
        "opsp_dise_code": qualification.disease,
        "opsp_dise_name": qualification.name,
        "begndate": qualification.from,
        "enddate": qualification.to,
    })
}
