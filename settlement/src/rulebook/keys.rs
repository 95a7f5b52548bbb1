//! Every key that a rule book may have, with what it may hold. There is no list of them: the reader itself is asked, by
//! letting it read a text that opens every table. The schema for editors and the manual are held against it.

use std::collections::BTreeSet;

use super::parse;
pub use crate::spanned::{Asked, Form};

/// A text that opens every table once, with what has to be there for a key to be asked for. It is no rule book.
const OPENS_EVERY_TABLE: &str = include_str!("keys.toml");

/// A text that has none of the sections that a region may do without: what they ask for then.
const HAS_NO_SECTION: &str = "inpatient = { none = true }\nchronic = { none = true }\noutpatient = { none = true }\n\
    purchase = { none = true }\nlarge_sum = { none = true }\ncatastrophic = { none = true }\n\
    civil_servant = { none = true }\nassistance = { none = true }\n";

/// Every key, by table and name. Where several forms are possible, each is told.
pub fn keys() -> BTreeSet<Asked> {
    [OPENS_EVERY_TABLE, HAS_NO_SECTION].into_iter().flat_map(asked_by).collect()
}

/// What reading a text asks for, whether it has faults or not.
pub fn asked_by(text: &str) -> BTreeSet<Asked> {
    parse::asked(text)
}
