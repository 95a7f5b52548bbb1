//! Finds the chronic diseases that a book names, and on which line: a mistyped code is no fault, its row only never
//! applies. `lint.rs` looks at them.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::ids::DiseaseCode;
use crate::rulebook::lint::NamedDisease;
use crate::spanned::Report;

/// The keys under which codes of chronic diseases stand, in rules and examples.
const KEYS: [&str; 4] = ["code", "disease", "counts_diseases", "diseases_qualified"];

/// The diseases that a book opens, `[[chronic.disease]]`: found before rows are read, since a table that leaves one out
/// has a gap.
pub(super) fn declared(root: &DeTable<'_>) -> Vec<DiseaseCode> {
    let chronic = root.get("chronic").and_then(|chronic| chronic.get_ref().as_table());
    let rows = chronic.and_then(|chronic| chronic.get("disease")?.get_ref().as_array());
    let of_row = |row: &Spanned<DeValue<'_>>| code(row.get_ref().as_table()?.get("code")?);
    rows.map_or(&[][..], |rows| &rows[..]).iter().filter_map(of_row).collect()
}

/// Every code of a chronic disease in a book, in the order of the text.
pub(super) fn named(root: &DeTable<'_>, report: &Report) -> Vec<NamedDisease> {
    let mut named = Vec::new();
    under("", root, report, &mut named);
    named.sort_by_key(|disease| disease.line);
    named
}

fn under(path: &str, table: &DeTable<'_>, report: &Report, named: &mut Vec<NamedDisease>) {
    for (key, value) in table {
        let key = key.get_ref().as_ref();
        let path = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
        let one = std::slice::from_ref(value);
        for value in value.get_ref().as_array().map_or(one, |list| &list[..]) {
            match (value.get_ref().as_table(), code(value)) {
                (Some(table), _) => under(&path, table, report, named),
                (None, Some(code)) if KEYS.contains(&key) => {
                    named.push(NamedDisease { line: report.line(value.span().start), path: path.clone(), code });
                }
                (None, Some(_) | None) => {}
            }
        }
    }
}

fn code(value: &Spanned<DeValue<'_>>) -> Option<DiseaseCode> {
    DiseaseCode::new(value.get_ref().as_str()?).ok()
}
