//! 9101 and 9102: a hospital uploads a file, and fetches its own and those that were made for it. Files are kept as they
//! came; what is in them is read when a transaction names them.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use jiff::{Timestamp, ToSpan as _};
use ledger::treatment::{KeptFile, MessageKey};
use serde_json::{Map, Value};
use settlement::ids::InstitutionCode;
use settlement::refusal::{Reason, Refusal};
use sha2::{Digest as _, Sha256};

use crate::answer::Reply;
use crate::content::Noted;
use crate::edge::{Call, Shared};
use crate::local::{Done, once};
use crate::node::{Node, Sheet};
use crate::{desk_time, ids, text_zip};

/// A file can be fetched for at least so long.
const KEPT_HOURS: i64 = 90 * 24;
/// `filename` has at most so many characters.
const LONGEST_NAME: usize = 200;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

struct Upload {
    name: String,
    content: Bytes,
}

/// 9101.
///
/// # Errors
/// What is missing, is no ZIP with one text, or is meant for another institution.
pub async fn upload(edge: Shared, call: Call) -> Result<Reply, Refusal> {
    // Unpacking it to see what it is takes a moment.
    let own = call.clone();
    let read = tokio::task::spawn_blocking(move || read_upload(&own)).await;
    let (Upload { name, content }, noted) = read.map_err(|_| Refusal::new(Reason::Internal))??;
    let file = KeptFile {
        number: file_number(&call),
        institution: call.envelope.institution.to_string(),
        name,
        content,
        kept_at: call.received,
    };
    once(&edge, &call, key_of(&call), noted, move |session, _| {
        session.file_insert(&file)?;
        let mut output = told(&file);
        output.insert("fixmedins_code".into(), file.institution.as_str().into());
        Ok(Done { output, warning: None, encounter: String::new() })
    })
    .await
}

/// 9102.
///
/// # Errors
/// When the institution has no such file.
pub async fn download(edge: Shared, call: Call) -> Result<Bytes, Refusal> {
    let number = read_download(&call)?;
    let institution = call.envelope.institution.to_string();
    let found = edge.look(move |session| Ok(session.file_find(&number, &institution)?)).await?;
    Ok(found.ok_or_else(|| unknown_file("fsDownloadIn.file_qury_no"))?.content)
}

/// That an institution has no such file; whether another has it is not told.
pub fn unknown_file(field: &'static str) -> Refusal {
    let detail = "本机构没有这个文件,请先用9101上传或核对file_qury_no";
    Refusal::new(Reason::InvalidField).of_field(field).because(detail)
}

/// `file_qury_no` of the file that a message brings.
pub fn file_number(call: &Call) -> String {
    ids::reference(call.institution.pool.0.as_str(), call.received, call.number)
}

/// What a file is told by.
pub fn told(file: &KeptFile) -> Map<String, Value> {
    let mut told = Map::new();
    told.insert("file_qury_no".into(), file.number.as_str().into());
    told.insert("filename".into(), file.name.as_str().into());
    told.insert("dld_endtime".into(), desk_time::write(kept_until(file.kept_at)).into());
    told
}

fn kept_until(since: Timestamp) -> Timestamp {
    since.saturating_add(KEPT_HOURS.hours()).unwrap_or(since)
}

/// The key of a message about no person.
pub fn key_of(call: &Call) -> MessageKey {
    MessageKey {
        institution: call.envelope.institution.clone(),
        message: call.envelope.message.clone(),
        transaction: call.envelope.transaction.clone(),
        subject: String::new(),
        encounter: String::new(),
        batch: String::new(),
    }
}

fn read_download(call: &Call) -> Result<String, Refusal> {
    let sheet = Sheet::default();
    let number = Node::new(&call.input, &sheet).object("fsDownloadIn").required(&["file_qury_no"]);
    Ok(sheet.finish(number)?.0)
}

fn read_upload(call: &Call) -> Result<(Upload, Noted), Refusal> {
    let sheet = Sheet::default();
    let node = Node::new(&call.input, &sheet).object("fsUploadIn");
    let name = node.required(&["filename"]);
    if name.as_ref().is_some_and(|name| name.chars().count() > LONGEST_NAME) {
        node.invalid("filename", format!("超过{LONGEST_NAME}个字符"));
    }
    let institution = node.optional_id("fixmedins_code", InstitutionCode::new).flatten();
    if institution.is_some_and(|named| named != call.envelope.institution) {
        node.invalid("fixmedins_code", "与报文头的机构不一致");
    }
    let content = content(&node);
    let read = name.zip(content).map(|(name, content)| Upload { name, content });
    sheet.finish(read)
}

/// The bytes of a file, as Base64 or as a list of bytes with or without a sign.
fn content(node: &Node<'_>) -> Option<Bytes> {
    let read = match node.raw(&["in"]) {
        None => {
            node.missing("in");
            return None;
        }
        Some(Value::Array(list)) => list.iter().map(byte).collect::<Option<Vec<u8>>>(),
        Some(Value::String(text)) => from_text(text),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) => None,
    };
    let Some(bytes) = read else {
        node.invalid("in", "应为文件字节的Base64,或-128至255的整数数组");
        return None;
    };
    if let Err(fault) = text_zip::unpack(&bytes) {
        node.invalid("in", fault.to_string());
        return None;
    }
    node.note("in", &Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    Some(bytes.into())
}

fn byte(value: &Value) -> Option<u8> {
    let number: i16 = value.as_number()?.to_string().parse().ok()?;
    u8::try_from(number).ok().or_else(|| i8::try_from(number).ok().map(i8::cast_unsigned))
}

/// Base64 with or without padding, line breaks and a prefix that says what it is; or a list of bytes as a text.
fn from_text(text: &str) -> Option<Vec<u8>> {
    if text.trim_start().starts_with('[') {
        let list: Vec<Value> = serde_json::from_str(text).ok()?;
        return list.iter().map(byte).collect();
    }
    let digits = if text.starts_with("data:") { text.split_once(',')?.1 } else { text };
    let plain = digits.chars().filter(|digit| !digit.is_whitespace()).map(|digit| match digit {
        '-' => '+',
        '_' => '/',
        other => other,
    });
    BASE64.decode(plain.collect::<String>()).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_clothing_of_bytes_is_taken_off() {
        let zip = text_zip::pack("a.txt", "1\n").expect("a ZIP");
        let unsigned: Vec<i16> = zip.iter().copied().map(i16::from).collect();
        let signed: Vec<i8> = zip.iter().copied().map(u8::cast_signed).collect();
        let base64 = BASE64.encode(&zip);
        let url_safe = base64.replace('+', "-").replace('/', "_");
        let (first, rest) = base64.split_at(20);
        for (what, value) in [
            ("unsigned", json!(unsigned)),
            ("signed", json!(signed)),
            ("a text of numbers", json!(json!(unsigned).to_string())),
            ("base64", json!(base64)),
            ("no padding", json!(base64.trim_end_matches('='))),
            ("lines", json!(format!("{first}\r\n{rest}\n"))),
            ("for addresses", json!(url_safe)),
            ("a data address", json!(format!("data:application/zip;base64,{base64}"))),
        ] {
            let input = json!({ "in": value });
            let sheet = Sheet::default();
            let read = content(&Node::new(input.as_object().expect("an object"), &sheet));
            assert_eq!(read.as_deref(), Some(zip.as_slice()), "{what}");
        }
    }

    #[test]
    fn what_is_no_file_is_refused_by_field() {
        for value in [json!(null), json!([256]), json!([-129]), json!(["a"]), json!("***"), json!({}), json!([1, 2])] {
            let input = json!({ "in": value });
            let sheet = Sheet::default();
            let read = content(&Node::new(input.as_object().expect("an object"), &sheet));
            let refusal = sheet.finish(read).expect_err("no file");
            assert_eq!(refusal.field.as_deref(), Some("in"), "{input}");
        }
    }
}
