//! Every key that a rule book may have, with what it may hold. There is no list of them: the reader itself is asked, by
//! letting it read a text that opens every table. The schema for editors and the manual are held against it.

use std::collections::BTreeSet;

use super::parse;
pub use crate::spanned::{Asked, Form};

/// A text that opens every table once, with what has to be there for a key to be asked for. It is no rule book.
const OPENS_EVERY_TABLE: &str = include_str!("keys.toml");

/// Every key, by table and name. Where several forms are possible, each is told.
pub fn keys() -> BTreeSet<Asked> {
    asked_by(OPENS_EVERY_TABLE)
}

/// What reading a text asks for, whether it has faults or not.
pub fn asked_by(text: &str) -> BTreeSet<Asked> {
    parse::asked(text)
}
