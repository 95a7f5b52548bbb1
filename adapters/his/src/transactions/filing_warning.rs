//! What is asked at registration: whether the home region knows the person, and whether a filing covers an off-site
//! visit, with its proof. Only an unknown person and a region that nobody serves are refused; a hub that does not answer in time costs
//! no more than the warning.

use jiff::civil::Date;
use proto::v1::query_request::About;
use proto::v1::{CoveringFiling, Qualifications, QueryRequest};
use settlement::filing::Proof;
use settlement::ids::{PersonNumber, PoolCode};
use settlement::refusal::{Reason, Refusal};

use crate::edge::{Call, Edge};

const NOT_FILED: &str =
    "未查到覆盖本次就诊的异地就医备案:请提醒参保人在出院结算前补办,否则参保地可能不予直接结算或降低比例";
const COMMITTED: &str =
    "覆盖本次就诊的长期备案以承诺书办理,证明材料尚未补交:请提醒参保人在出院结算前补交,否则参保地可能按临时外出就医支付";

/// Whether an emergency was marked: it counts as filed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// It was.
    Emergency,
    /// It was not.
    Ordinary,
}

/// The warning for a visit that began on a day.
///
/// # Errors
/// When nobody of the number is insured there, or the hub says that nobody serves the patient's region.
pub async fn ask(
    edge: &Edge,
    call: &Call,
    person: &PersonNumber,
    home: PoolCode,
    admitted: Date,
    urgency: Urgency,
) -> Result<Option<String>, Refusal> {
    ensure_known(edge, call, person, home).await?;
    if home == call.institution.pool || urgency == Urgency::Emergency {
        return Ok(None);
    }
    let about = CoveringFiling { area: call.institution.area.to_string(), admitted: admitted.to_string() };
    let request = QueryRequest {
        home: home.to_string(),
        person: person.to_string(),
        treatment: call.institution.pool.to_string(),
        request_id: call.reference.clone(),
        about: Some(About::CoveringFiling(about)),
    };
    match edge.hub.query_for_warning(request).await {
        Ok(reply) => Ok(match reply.filing {
            Some(filing) if filing.proof == Proof::Commitment.word() => Some(COMMITTED.to_owned()),
            Some(_) => None,
            None => Some(NOT_FILED.to_owned()),
        }),
        Err(refusal) if refusal.reason == Reason::RegionNotServed => Err(refusal.of_field("insuplc_admdvs")),
        Err(_) => Ok(None),
    }
}

/// That the home region knows the person, as far as it answers.
async fn ensure_known(edge: &Edge, call: &Call, person: &PersonNumber, home: PoolCode) -> Result<(), Refusal> {
    let request = QueryRequest {
        home: home.to_string(),
        person: person.to_string(),
        treatment: call.institution.pool.to_string(),
        request_id: call.reference.clone(),
        about: Some(About::Qualifications(Qualifications {})),
    };
    match edge.hub.query_for_warning(request).await {
        Err(refusal) if refusal.reason == Reason::UnknownPerson => Err(refusal),
        Ok(_) | Err(_) => Ok(()),
    }
}
