//! What a message says of the person beside the number: name and document, which some clients send with every settlement.
//! They are shown in its answer, never kept, never sent on.

use ledger::treatment::{KnownPerson, Session};
use settlement::ids::PersonNumber;

use crate::node::Node;
use crate::stop::Stop;

/// Reads what a node says of the person. It does not count as content.
pub fn read(node: &Node<'_>) -> KnownPerson {
    let text = |names: &[&str]| node.aside(names).unwrap_or_default();
    let document_type = text(&["psn_cert_type", "cert_type"]);
    KnownPerson {
        person: String::new(),
        name: text(&["psn_name"]),
        document_type: if document_type == "1" { "01".into() } else { document_type },
        document: text(&["certno"]),
        sex: String::new(),
        birth: String::new(),
        category: text(&["psn_type"]),
        civil_servant: false,
    }
}

/// What is shown of a person: what a look-up before the message answered, or where there was none what the message
/// says. Without a message, what is known now.
///
/// # Errors
/// When the store fails.
pub fn shown(
    session: &Session<'_, '_>,
    person: &PersonNumber,
    told: &KnownPerson,
    message: Option<i64>,
) -> Result<KnownPerson, Stop> {
    let known = session.person_find(person.as_str(), message)?.unwrap_or_default();
    Ok(of_known(known, person, told))
}

/// What is shown of a person of whom this is known.
pub fn of_known(known: KnownPerson, person: &PersonNumber, told: &KnownPerson) -> KnownPerson {
    let either = |known: String, told: &str| if known.is_empty() { told.to_owned() } else { known };
    KnownPerson {
        person: person.to_string(),
        name: either(known.name, &told.name),
        document_type: either(known.document_type, &told.document_type),
        document: either(known.document, &told.document),
        category: either(known.category, &told.category),
        sex: known.sex,
        birth: known.birth,
        civil_servant: known.civil_servant,
    }
}
