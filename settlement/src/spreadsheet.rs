//! What a spreadsheet does to a cell of a CSV file that somebody opens and saves again, and how words are kept from it. Called
//! where tables are written for people and where theirs are read.

use std::borrow::Cow;

/// What is said of an id that [`is_spoilt`].
pub const SPOILT: &str = "表格软件改坏了编号: 该列请设为文本";

/// What a spreadsheet would take for a formula begins so.
const FORMULAS: [char; 4] = ['=', '+', '-', '@'];
/// A number of more digits it shows, and saves again, as a few of them and an exponent.
const DIGITS: usize = 11;

/// Whether a spreadsheet has made a number of many digits, an id for example, into one of a few and an exponent. What it was
/// cannot be known any more: taken for an id it would be nobody's, or somebody else's.
///
/// ```
/// use settlement::spreadsheet::is_spoilt;
/// assert!(["3.10000175039009E+029", "3.1E+29", "3E+29"].into_iter().all(is_spoilt));
/// assert!(!["310000175039009", "E+29", "A3.1E+29", "3.1E29", "12.5E+2", "3.E+2", ""].into_iter().any(is_spoilt));
/// ```
pub fn is_spoilt(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && are_digits(text);
    let Some((number, exponent)) = text.split_once("E+") else { return false };
    let (whole, rest) = number.split_once('.').unwrap_or((number, "0"));
    whole.len() == 1 && [whole, rest, exponent].into_iter().all(digits)
}

/// Words as a cell that a spreadsheet leaves as it is: what it would work out as a formula, and what it would take for a
/// number and write otherwise, follows an apostrophe.
///
/// ```
/// use settlement::spreadsheet::{as_words, of_words};
/// for (text, cell) in [
///     ("6228480402564890018", "'6228480402564890018"),
///     ("0007", "'0007"),
///     ("=1+1", "'=1+1"),
///     ("41070000001", "41070000001"),
///     ("第17号", "第17号"),
///     ("0", "0"),
/// ] {
///     assert_eq!((&*as_words(text), of_words(cell)), (cell, text));
/// }
/// ```
pub fn as_words(text: &str) -> Cow<'_, str> {
    if is_changed(text) { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) }
}

/// The words of such a cell.
pub fn of_words(cell: &str) -> &str {
    cell.strip_prefix('\'').filter(|text| is_changed(text)).unwrap_or(cell)
}

fn is_changed(text: &str) -> bool {
    let is_number = are_digits(text) && (text.len() > DIGITS || text.len() > 1 && text.starts_with('0'));
    is_number || text.starts_with(FORMULAS)
}

fn are_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}
