//! A message that comes as a form with a file in it, as one large client sends 9101: the file becomes the `in` of
//! `fsUploadIn`, as Base64; a part that is a JSON object is the message; any other part is one of its fields. Called by
//! [`super::body`] for whatever begins like a form.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

/// The message in a form. None where the bytes are no form.
pub fn message(bytes: &[u8]) -> Option<Map<String, Value>> {
    let end = position(bytes, b"\r\n")?;
    let boundary = bytes.get(..end)?.strip_prefix(b"--").filter(|boundary| !boundary.is_empty())?;
    let separator = [b"\r\n--".as_slice(), boundary].concat();
    let mut message = Map::new();
    let mut rest = bytes.get(end + 2..)?;
    loop {
        let length = position(rest, &separator)?;
        take(&mut message, rest.get(..length)?)?;
        rest = rest.get(length + separator.len()..)?;
        match rest.strip_prefix(b"\r\n") {
            Some(next) => rest = next,
            None => return rest.starts_with(b"--").then_some(message),
        }
    }
}

fn take(message: &mut Map<String, Value>, part: &[u8]) -> Option<()> {
    let head = position(part, b"\r\n\r\n")?;
    let headers = String::from_utf8_lossy(part.get(..head)?);
    let content = part.get(head + 4..)?;
    if let Some(file) = parameter(&headers, "filename") {
        let node = upload_node(message)?;
        node.insert("in".into(), STANDARD.encode(content).into());
        node.entry("filename").or_insert_with(|| file.into());
        return Some(());
    }
    let text = std::str::from_utf8(content).ok()?.trim();
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) if parameter(&headers, "name").as_deref() != Some("input") => merge(message, object),
        Ok(value @ Value::Object(_)) => merge(message, Map::from_iter([("input".to_owned(), value)])),
        _ => {
            let name = parameter(&headers, "name")?;
            if matches!(name.as_str(), "filename" | "in") {
                upload_node(message)?.insert(name, text.into());
            } else {
                message.insert(name, text.into());
            }
        }
    }
    Some(())
}

/// Adds fields; what a file brought before into the same nodes stays.
fn merge(message: &mut Map<String, Value>, more: Map<String, Value>) {
    for (name, value) in more {
        match (message.get_mut(&name), value) {
            (Some(Value::Object(known)), Value::Object(inner)) => merge(known, inner),
            (Some(known), value) if name != "in" => *known = value,
            (Some(_), _) => {}
            (None, value) => drop(message.insert(name, value)),
        }
    }
}

fn upload_node(message: &mut Map<String, Value>) -> Option<&mut Map<String, Value>> {
    let input = message.entry("input").or_insert_with(|| Map::new().into()).as_object_mut()?;
    input.entry("fsUploadIn").or_insert_with(|| Map::new().into()).as_object_mut()
}

/// A parameter of `content-disposition`.
fn parameter(headers: &str, name: &str) -> Option<String> {
    let line = headers.lines().find(|line| line.to_ascii_lowercase().starts_with("content-disposition:"))?;
    let found = line.split(';').find_map(|part| part.trim().strip_prefix(name)?.trim_start().strip_prefix('='))?;
    Some(found.trim().trim_matches('"').to_owned())
}

fn position(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn form(parts: &[(&str, &[u8])]) -> Vec<u8> {
        let mut form = Vec::new();
        for (disposition, content) in parts {
            let head = format!("--x9\r\nContent-Disposition: form-data; {disposition}\r\n\r\n");
            form.extend([head.as_bytes(), content, b"\r\n"].concat());
        }
        form.extend(b"--x9--\r\n");
        form
    }

    #[test]
    fn a_form_is_a_message_whatever_comes_first() {
        let json = json!({ "infno": "9101", "input": { "fsUploadIn": { "fixmedins_code": "H1" } } }).to_string();
        let file: (&str, &[u8]) = ("name=\"file\"; filename=\"a.zip\"", b"PK\r\n--\x00\xff");
        let whole: (&str, &[u8]) = ("name=\"message\"", json.as_bytes());
        for parts in [[file, whole], [whole, file]] {
            let read = message(&form(&parts)).expect("a message");
            let node = &read["input"]["fsUploadIn"];
            assert_eq!((&read["infno"], &node["fixmedins_code"]), (&json!("9101"), &json!("H1")));
            assert_eq!((&node["in"], &node["filename"]), (&json!(STANDARD.encode(file.1)), &json!("a.zip")));
        }
        let inner = json!({ "fsUploadIn": { "filename": "b.zip" } }).to_string();
        let fields: [(&str, &[u8]); 3] =
            [("name=\"infno\"", b"9101"), ("name=\"input\"", inner.as_bytes()), ("name=\"fixmedins_code\"", b"H1")];
        let read = message(&form(&fields)).expect("a message");
        assert_eq!((&read["infno"], &read["fixmedins_code"]), (&json!("9101"), &json!("H1")));
        assert_eq!(read["input"]["fsUploadIn"]["filename"], json!("b.zip"));
    }

    #[test]
    fn what_breaks_off_or_is_no_form_is_none() {
        let whole = form(&[("name=\"infno\"", b"9101")]);
        for broken in [&whole[..whole.len() - 8], b"--", b"{}", b"--\r\n\r\n", b"--x\r\nno head\r\n--x--"] {
            assert_eq!(message(broken), None);
        }
    }
}
