//! Many new filings in one statement, for books that are filled before something is measured.

use std::sync::OnceLock;

use settlement::filing::Filing;

use super::{Lodging, day_text};
use crate::engine::{Sql, Value};
use crate::store::StoreError;

/// How many rows one statement has.
pub(super) const AT_ONCE: usize = 100;
const COLUMNS: usize = 10;

/// Inserts a chunk; the last one, which is shorter, row by row.
pub(super) fn insert(sql: &Sql<'_>, filings: &[Filing], lodging: &Lodging) -> Result<(), StoreError> {
    if filings.len() < AT_ONCE {
        return filings.iter().try_for_each(|filing| super::insert(sql, filing, lodging));
    }
    let days: Vec<(String, Option<String>)> =
        filings.iter().map(|filing| (filing.validity.from.to_string(), day_text(filing.validity.to))).collect();
    let mut values: Vec<Value<'_>> = Vec::with_capacity(AT_ONCE * COLUMNS);
    for (filing, (first_day, last_day)) in filings.iter().zip(&days) {
        values.extend([
            Value::from(filing.id.as_str()),
            Value::from(filing.home.0.as_str()),
            Value::from(filing.person.as_str()),
            Value::from(filing.class.word()),
            Value::from(filing.destination.as_str()),
            Value::from(first_day.as_str()),
            Value::from(last_day.as_deref()),
            Value::from(filing.proof.word()),
            Value::from(lodging.at.as_microsecond()),
            Value::from(&lodging.by),
        ]);
    }
    sql.execute(statement(), &values).map(drop)
}

/// Put together once.
fn statement() -> &'static str {
    static STATEMENT: OnceLock<String> = OnceLock::new();
    STATEMENT.get_or_init(|| {
        let row = |row: usize| {
            let places: Vec<String> = (1..=COLUMNS).map(|column| format!("?{}", row * COLUMNS + column)).collect();
            format!("({})", places.join(", "))
        };
        let rows: Vec<String> = (0..AT_ONCE).map(row).collect();
        let columns = "id, home, person, class, destination, first_day, last_day, proof, lodged_at, lodged_by";
        format!("INSERT INTO filings ({columns}) VALUES {}", rows.join(", "))
    })
}
