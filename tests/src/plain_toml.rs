//! Values of a TOML file where they stand, read by a TOML library and nothing of ours: what the checks of written
//! arithmetic look operands up in. Used by `demo_arithmetic.rs` and `rulebook_arithmetic.rs`.

use rust_decimal::Decimal;
use toml::{Table, Value};

/// The table or row at a path such as `inpatient.deductible.off-site`: keys, and the `id` of a row at the end.
pub fn at_path<'a>(book: &'a Table, path: &str) -> Option<&'a Table> {
    let mut steps = path.split('.');
    let mut place = book.get(steps.next()?)?;
    for step in steps {
        place = match place.as_array() {
            Some(rows) => rows.iter().find(|row| row.get("id").and_then(Value::as_str) == Some(step))?,
            None => place.get(step)?,
        };
    }
    place.as_table()
}

/// A sum of money: a decimal with two places.
pub fn money(text: &str) -> Option<Decimal> {
    text.parse().ok().filter(|amount: &Decimal| amount.scale() == 2)
}

/// A text that has to be there.
///
/// # Panics
/// When it is not.
pub fn text<'a>(table: &'a Table, key: &str) -> &'a str {
    table.get(key).and_then(Value::as_str).unwrap_or_else(|| panic!("{key} is missing in {table}"))
}

/// The tables of an array, none where it is missing.
pub fn tables<'a>(table: &'a Table, key: &str) -> impl Iterator<Item = &'a Table> {
    table.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_table)
}

/// Rule books write sums as numbers and ratios as texts.
pub fn decimal(value: &Value) -> Option<Decimal> {
    let written = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    written.parse().ok()
}
