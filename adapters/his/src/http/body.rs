//! From bytes to JSON, whatever the content type says: UTF-8 with or without a BOM, else GB18030; JSON, or a form whose
//! empty key holds it, or one with a file. Called by [`super`].

use axum::body::{Body, Bytes};
use encoding_rs::GB18030;
use futures_util::StreamExt as _;
use serde_json::{Map, Value};
use settlement::refusal::{Reason, Refusal};

use super::multipart;

/// A message larger than this is refused. Lists of hundreds of lines stay well below.
pub const LARGEST_BODY: usize = 8 * 1024 * 1024;
/// How much of a refused body is still read, so that the client gets to read the answer.
const LARGEST_DRAIN: usize = 64 * 1024 * 1024;

/// Reads a body.
///
/// # Errors
/// When it is too large, or breaks off.
pub async fn receive(body: Body) -> Result<Bytes, Refusal> {
    let mut frames = body.into_data_stream();
    let mut whole: Vec<u8> = Vec::new();
    let mut size = 0;
    while let Some(frame) = frames.next().await {
        let frame = frame.map_err(|_| Refusal::new(Reason::Malformed).because("报文不完整"))?;
        size += frame.len();
        if size > LARGEST_DRAIN {
            break;
        }
        if size <= LARGEST_BODY {
            whole.extend_from_slice(&frame);
        } else {
            whole = Vec::new();
        }
    }
    if size > LARGEST_BODY { Err(Refusal::new(Reason::TooLarge)) } else { Ok(whole.into()) }
}

/// Reads the JSON object of a message.
///
/// # Errors
/// When there is none.
pub fn decode(bytes: &[u8]) -> Result<Map<String, Value>, Refusal> {
    if bytes.starts_with(b"--") {
        let broken = || Refusal::new(Reason::Malformed).because("表单不完整");
        return multipart::message(bytes).ok_or_else(broken);
    }
    let text = text_of(bytes);
    let text = text.trim_start_matches('\u{feff}').trim();
    let parsed = serde_json::from_str(text).or_else(|fault| form_value(text).ok_or(fault));
    match parsed {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Refusal::new(Reason::Malformed).because("最外层不是对象")),
        Err(fault) => {
            Err(Refusal::new(Reason::Malformed).because(format!("第{}行第{}列", fault.line(), fault.column())))
        }
    }
}

fn text_of(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => GB18030.decode_without_bom_handling(bytes).0,
    }
}

/// The JSON of a form: `=<json>`, or the JSON as a key without a value.
fn form_value(text: &str) -> Option<Value> {
    let text = text.strip_prefix('=').unwrap_or(text);
    let text = text.strip_suffix('=').unwrap_or(text);
    let bytes = percent_decode(text)?;
    serde_json::from_str(text_of(&bytes).trim()).ok()
}

fn percent_decode(text: &str) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'+' => decoded.push(b' '),
            b'%' => {
                let digits = [bytes.next()?, bytes.next()?];
                decoded.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
            }
            other => decoded.push(other),
        }
    }
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_clothing_of_a_message_is_taken_off() {
        let json = r#"{"infno":"1101","opter_name":"张三"}"#;
        let gb = GB18030.encode(json).0.into_owned();
        let form = "=%7B%22infno%22%3A%221101%22%2C%22opter_name%22%3A%22%E5%BC%A0%E4%B8%89%22%7D";
        let pretty = "{\r\n  \"infno\": \"1101\",\r\n  \"opter_name\": \"张三\"\r\n}\r\n";
        let bodies: [Vec<u8>; 6] = [
            json.into(),
            [b"\xef\xbb\xbf".as_slice(), json.as_bytes()].concat(),
            gb,
            form.into(),
            format!("{}=", &form[1..]).into(),
            pretty.into(),
        ];
        for (index, body) in bodies.iter().enumerate() {
            let read = decode(body).expect("a message");
            assert_eq!((read["infno"].as_str(), read["opter_name"].as_str()), (Some("1101"), Some("张三")), "{index}");
        }
    }

    #[test]
    fn what_is_no_object_is_malformed() {
        for body in ["", "{", "[1]", "7", "hello=world", "{\"a\":}"] {
            assert_eq!(decode(body.as_bytes()).map_err(|refusal| refusal.reason), Err(Reason::Malformed), "{body}");
        }
    }
}
