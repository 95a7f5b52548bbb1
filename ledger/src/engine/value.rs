//! What goes into a statement. Three types serve every table, so that both databases keep the same: numbers (fen, days,
//! UTC microseconds, flags), texts and bytes.

use bytes::Bytes;

/// One value of a statement.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// `INTEGER`, or null.
    Number(Option<i64>),
    /// `TEXT`, or null.
    Text(Option<&'a str>),
    /// `BLOB`, or null.
    Bytes(Option<&'a [u8]>),
}

impl<'a> Value<'a> {
    /// What PostgreSQL calls its type.
    pub(super) fn kind(self) -> &'static str {
        match self {
            Value::Number(_) => "BIGINT",
            Value::Text(_) => "TEXT",
            Value::Bytes(_) => "BYTEA",
        }
    }

    pub(super) fn number(self) -> Option<i64> {
        match self {
            Value::Number(number) => number,
            Value::Text(_) | Value::Bytes(_) => None,
        }
    }

    pub(super) fn text(self) -> Option<&'a str> {
        match self {
            Value::Text(text) => text,
            Value::Number(_) | Value::Bytes(_) => None,
        }
    }

    pub(super) fn bytes(self) -> Option<&'a [u8]> {
        match self {
            Value::Bytes(bytes) => bytes,
            Value::Number(_) | Value::Text(_) => None,
        }
    }
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Value::Number(Some(number))
    }
}

impl From<Option<i64>> for Value<'_> {
    fn from(number: Option<i64>) -> Self {
        Value::Number(number)
    }
}

impl From<bool> for Value<'_> {
    fn from(flag: bool) -> Self {
        Value::Number(Some(flag.into()))
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Value::Text(Some(text))
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(text: &'a String) -> Self {
        Value::Text(Some(text))
    }
}

impl<'a> From<Option<&'a str>> for Value<'a> {
    fn from(text: Option<&'a str>) -> Self {
        Value::Text(text)
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Value::Bytes(Some(bytes))
    }
}

impl<'a> From<&'a Bytes> for Value<'a> {
    fn from(bytes: &'a Bytes) -> Self {
        Value::Bytes(Some(bytes))
    }
}

impl<'a> From<Option<&'a [u8]>> for Value<'a> {
    fn from(bytes: Option<&'a [u8]>) -> Self {
        Value::Bytes(bytes)
    }
}

/// The values of a statement, in the order of their numbers: `values![position, key, bytes]`.
#[macro_export]
macro_rules! values {
    ($($value:expr),* $(,)?) => { &[$($crate::engine::Value::from($value)),*] };
}

/// A list as one value, to be read with `json_each(?1)`, whose column is `value`.
pub fn list<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let mut list = String::from("[");
    for text in texts {
        if list.len() > 1 {
            list.push(',');
        }
        push_quoted(&mut list, text);
    }
    list.push(']');
    list
}

fn push_quoted(list: &mut String, text: &str) {
    list.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => list.extend(['\\', character]),
            control if control < ' ' => list.push_str(&format!("\\u{:04x}", u32::from(control))),
            other => list.push(other),
        }
    }
    list.push('"');
}
