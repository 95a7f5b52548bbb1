//! How the person came, as clients say it: keys of `exp_content`, which comes as a JSON text, sometimes broken, or as an
//! object, in either case of letters (his-interface.md section 6). What cannot be parsed is ignored.

use ledger::treatment::Statement;
use serde_json::{Map, Value};

use crate::node::{Node, plain};

/// Reads the marks of a node into a statement, and what the medical category says by itself: 13 is an emergency, 22 and
/// 9903 are injuries.
pub fn read(node: &Node<'_>, category: Option<&str>, statement: &mut Statement) {
    let bag = bag(node);
    let told = |name: &str| {
        let value = bag.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).and_then(|(_, value)| plain(value))?;
        node.note(&format!("exp_content.{name}"), &value);
        Some(value)
    };
    if let Some(kind) = told("IPT_TYPE") {
        statement.emergency = Some(kind == "2");
        statement.referral = Some(kind == "3");
    }
    if let Some(kind) = told("OTP_ER_REFL_FLAG") {
        statement.emergency = Some(matches!(kind.as_str(), "1" | "3"));
        statement.referral = Some(matches!(kind.as_str(), "2" | "3"));
    }
    if let Some(flag) = told("TRUM_FLAG") {
        statement.injury = Some(flag == "1");
    }
    if let Some(flag) = told("REL_TTP_FLAG") {
        statement.third_party = Some(flag == "1");
    }
    let category = category.unwrap_or_default();
    if category.starts_with("13") && statement.emergency.is_none() {
        statement.emergency = Some(true);
    }
    if (category.starts_with("22") || category == "9903") && statement.injury.is_none() {
        statement.injury = Some(true);
    }
}

/// The keys of a node's `exp_content`.
pub fn bag(node: &Node<'_>) -> Map<String, Value> {
    match node.raw(&["exp_content", "expContent"]) {
        Some(Value::Object(bag)) => bag.clone(),
        Some(Value::String(text)) => serde_json::from_str(text).unwrap_or_else(|_| lenient(text)),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_)) | None => Map::new(),
    }
}

/// Pairs out of broken JSON: quotes and braces are dropped, pairs parted at commas.
fn lenient(text: &str) -> Map<String, Value> {
    let bare = text.replace(['{', '}', '"', '\'', '“', '”', '\\'], "").replace('，', ",").replace('：', ":");
    let pairs = bare.split(',').filter_map(|pair| pair.split_once(':'));
    pairs.map(|(key, value)| (key.trim().to_owned(), Value::String(value.trim().to_owned()))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::node::Sheet;

    #[test]
    fn marks_are_read_from_text_object_broken_text_and_category() {
        let yes = Some(true);
        let no = Some(false);
        // node, category: emergency, referral, injury, third party
        for (node, category, expected) in [
            (json!({"exp_content": "{\"IPT_TYPE\":\"2\"}"}), None, [yes, no, None, None]),
            (json!({"expContent": {"ipt_type": 3}}), None, [no, yes, None, None]),
            (json!({"exp_content": "{\"OTP_ER_REFL_FLAG\":\"3\""}), None, [yes, yes, None, None]),
            (json!({"exp_content": "{“TRUM_FLAG”：“1”，“REL_TTP_FLAG”：“1”}"}), None, [None, None, yes, yes]),
            (json!({}), Some("13"), [yes, None, None, None]),
            (json!({}), Some("9903"), [None, None, yes, None]),
            (json!({"exp_content": "hello"}), Some("11"), [None; 4]),
        ] {
            let object = node.as_object().expect("an object");
            let sheet = Sheet::default();
            let mut statement = Statement::default();
            read(&Node::new(object, &sheet), category, &mut statement);
            let Statement { emergency, referral, injury, third_party, .. } = statement;
            assert_eq!([emergency, referral, injury, third_party], expected, "{node}");
        }
    }
}
