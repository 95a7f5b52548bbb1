//! Works an arithmetic out: `+ - * /`, parentheses, `min(a, b)`, `max(a, b)` and `round(a)` to the fen, half up.
//! Nothing else has a meaning; there are no names, and nothing of ours. Used by `demo_arithmetic.rs` and
//! `rulebook_arithmetic.rs`.

use rust_decimal::{Decimal, RoundingStrategy};

/// The value of an arithmetic.
///
/// # Errors
/// What cannot be read in it, or has no value.
pub fn evaluate(arithmetic: &str) -> Result<Decimal, String> {
    let mut reading = Reading { rest: arithmetic };
    let value = reading.sum()?;
    match reading.peek() {
        None => Ok(value),
        Some(character) => Err(format!("{character} was not expected")),
    }
}

/// The numbers of an arithmetic, as they are written.
pub fn numbers(arithmetic: &str) -> impl Iterator<Item = &str> {
    arithmetic.split(|character| !belongs_to_number(character)).filter(|part| !part.is_empty())
}

/// To the fen, half up.
pub fn half_up(value: Decimal) -> Decimal {
    value.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)
}

fn belongs_to_number(character: char) -> bool {
    character.is_ascii_digit() || character == '.'
}

/// What is still to be read.
struct Reading<'a> {
    rest: &'a str,
}

impl Reading<'_> {
    fn sum(&mut self) -> Result<Decimal, String> {
        let mut value = self.product()?;
        while let Some(sign) = self.take(&['+', '-']) {
            let next = self.product()?;
            value = if sign == '+' { value + next } else { value - next };
        }
        Ok(value)
    }

    fn product(&mut self) -> Result<Decimal, String> {
        let mut value = self.factor()?;
        while let Some(sign) = self.take(&['*', '/']) {
            let next = self.factor()?;
            let result = if sign == '*' { value.checked_mul(next) } else { value.checked_div(next) };
            value = result.ok_or_else(|| format!("{value} {sign} {next} has no value"))?;
        }
        Ok(value)
    }

    fn factor(&mut self) -> Result<Decimal, String> {
        let name = self.word(|character| character.is_ascii_lowercase());
        let number = self.word(belongs_to_number);
        if name.is_empty() && !number.is_empty() {
            return number.parse().map_err(|error| format!("{number}: {error}"));
        }
        let values = self.group()?;
        match (name.as_str(), values.as_slice()) {
            ("", [value]) => Ok(*value),
            ("round", [value]) => Ok(half_up(*value)),
            ("min", [one, two]) => Ok(*one.min(two)),
            ("max", [one, two]) => Ok(*one.max(two)),
            (name, values) => Err(format!("{name} of {} values is not known", values.len())),
        }
    }

    /// One or more values in parentheses.
    fn group(&mut self) -> Result<Vec<Decimal>, String> {
        self.take(&['(']).ok_or("a number or ( was expected")?;
        let mut values = vec![self.sum()?];
        while self.take(&[',']).is_some() {
            values.push(self.sum()?);
        }
        self.take(&[')']).ok_or(") was expected")?;
        Ok(values)
    }

    fn word(&mut self, belongs: impl Fn(char) -> bool) -> String {
        self.peek();
        let end = self.rest.find(|character| !belongs(character)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word.to_owned()
    }

    fn peek(&mut self) -> Option<char> {
        self.rest = self.rest.trim_start();
        self.rest.chars().next()
    }

    fn take(&mut self, wanted: &[char]) -> Option<char> {
        let found = self.peek().filter(|character| wanted.contains(character))?;
        self.rest = &self.rest[found.len_utf8()..];
        Some(found)
    }
}

#[test]
fn the_rules_of_arithmetic_are_followed() {
    for (arithmetic, value) in [
        ("2 + 3 * 4", Some("14")),
        ("(2 + 3) * 4 - 6 / 3", Some("18")),
        ("10 - 4 - 3", Some("3")),
        ("round(2.345) + round(0.005)", Some("2.36")),
        ("min(8, 5) + max(1, 2)", Some("7")),
        ("max(500.00 - 800.00, 0)", Some("0")),
        ("min(1)", None),
        ("1 / 0", None),
        ("2 +", None),
        ("2 3", None),
        ("round 2", None),
        ("sum(1, 2)", None),
    ] {
        let expected = value.map(|value| value.parse().expect("a decimal"));
        assert_eq!(evaluate(arithmetic).ok(), expected, "{arithmetic}");
    }
}
