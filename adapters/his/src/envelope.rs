//! The request envelope (his-interface.md 1.4) and the ways in which a transaction's number comes. Fields that nobody
//! decides by (clerk, device, times, layout) are not read.

use axum::http::HeaderMap;
use serde_json::{Map, Value};
use settlement::ids::{IdError, InstitutionCode, MessageId, RegionCode, TransactionNumber};
use settlement::refusal::{Reason, Refusal};

use crate::node::plain;
use crate::paths;

/// A request's envelope.
#[derive(Clone, Debug)]
pub struct Envelope {
    /// `infno` without its variant letter.
    pub transaction: TransactionNumber,
    /// `msgid`.
    pub message: MessageId,
    /// `fixmedins_code`.
    pub institution: InstitutionCode,
    /// `insuplc_admdvs`.
    pub insured: Option<RegionCode>,
    /// `sign_no`.
    pub sign_number: Option<String>,
}

/// Reads the envelope of a message.
///
/// # Errors
/// The first field that is missing or malformed.
pub fn read(body: &Map<String, Value>, path: &str, headers: &HeaderMap) -> Result<Envelope, Refusal> {
    let field = |name: &str| body.get(name).and_then(plain);
    let infno = field("infno").or_else(|| number_outside(path, headers));
    let infno = infno.ok_or_else(|| missing("infno"))?;
    let base = without_variant(&infno);
    let id_of = |name: &'static str| field(name).ok_or_else(|| missing(name));
    let insured =
        field("insuplc_admdvs").map(|code| RegionCode::new(&code).map_err(|_| unknown_region(&code))).transpose()?;
    Ok(Envelope {
        transaction: TransactionNumber::new(base)
            .map_err(|_| Refusal::new(Reason::UnknownTransaction).of_field("infno"))?,
        message: MessageId::new(&id_of("msgid")?).map_err(|fault| invalid("msgid", fault))?,
        institution: InstitutionCode::new(&id_of("fixmedins_code")?)
            .map_err(|fault| invalid("fixmedins_code", fault))?,
        insured,
        sign_number: field("sign_no"),
    })
}

/// The institution that a body names, before anything else of it is believed.
pub fn institution_of(body: &Map<String, Value>) -> String {
    body.get("fixmedins_code").and_then(plain).unwrap_or_default()
}

/// The transaction's nodes. Some clients send them as a JSON text.
///
/// # Errors
/// When there are none.
pub fn take_input(body: &mut Map<String, Value>) -> Result<Map<String, Value>, Refusal> {
    let malformed = || Refusal::new(Reason::Malformed).of_field("input");
    match body.remove("input") {
        Some(Value::Object(input)) => Ok(input),
        Some(Value::String(text)) => serde_json::from_str(&text).map_err(|_| malformed()),
        None | Some(Value::Null) => Err(missing("input")),
        Some(Value::Bool(_) | Value::Number(_) | Value::Array(_)) => Err(malformed()),
    }
}

/// That a code is none of a region.
pub fn unknown_region(code: &str) -> Refusal {
    Refusal::new(Reason::UnknownRegion).of_field("insuplc_admdvs").because(code.chars().take(12).collect::<String>())
}

fn number_outside(path: &str, headers: &HeaderMap) -> Option<String> {
    paths::transaction_of(path).or_else(|| {
        let name = headers.get("_api_name")?.to_str().ok()?.trim();
        Some(name.strip_prefix("api_").unwrap_or(name).to_owned())
    })
}

/// 2203A is 2203: both do the same, and the answer does not differ either.
fn without_variant(infno: &str) -> &str {
    infno.strip_suffix(['A', 'a']).unwrap_or(infno)
}

fn missing(field: &'static str) -> Refusal {
    Refusal::new(Reason::MissingField).of_field(field)
}

fn invalid(field: &'static str, fault: IdError) -> Refusal {
    let problem = match fault {
        IdError::Empty => "为空".to_owned(),
        IdError::TooLong(longest) => format!("超过{longest}个字符"),
        IdError::ControlCharacter => "含控制字符".to_owned(),
        IdError::Form(_) => "格式不正确".to_owned(),
    };
    Refusal::new(Reason::InvalidField).of_field(field).because(problem)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn body(infno: Value) -> Map<String, Value> {
        let body =
            json!({"infno": infno, "msgid": "m", "fixmedins_code": "H1", "insuplc_admdvs": "", "sign_no": "null"});
        body.as_object().expect("an object").clone()
    }

    #[test]
    fn the_transaction_is_named_by_body_then_path_then_header() {
        let mut csb = HeaderMap::new();
        csb.insert("_api_name", "api_1101".parse().expect("a header"));
        let none = HeaderMap::new();
        for (infno, path, headers, expected) in [
            (json!("2203A"), "/fsi/api/rsfComIfsService/callService/9001", &none, "2203"),
            (json!(2204), "/", &none, "2204"),
            (json!(""), "/ebus/app/fsi/api/rsfComIfsService/callService/2304", &none, "2304"),
            (json!(null), "/2206A", &none, "2206"),
            (json!(null), "/fsi/api/outpatientSettleService/saveSettletment", &none, "2207"),
            (json!(null), "/fsi/api/hospSettService/settV2", &none, "2304"),
            (json!(null), "/CSB", &csb, "1101"),
        ] {
            let envelope = read(&body(infno), path, headers).expect("an envelope");
            assert_eq!(envelope.transaction.as_str(), expected, "{path}");
            assert_eq!((envelope.insured, envelope.sign_number), (None, None));
        }
    }

    #[test]
    fn the_input_may_be_a_text() {
        let mut body = body(json!("1101"));
        body.insert("input".into(), json!("{\"data\":{\"psn_no\":\"1\"}}"));
        assert_eq!(take_input(&mut body).expect("an input")["data"]["psn_no"], json!("1"));
        assert_eq!(take_input(&mut body).expect_err("none left").reason, Reason::MissingField);
    }
}
