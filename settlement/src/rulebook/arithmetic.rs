//! An arithmetic as it is written beside an example: numbers, `+ - * /`, parentheses, `min(a, b)`, `max(a, b)` and
//! `round(a)` to the fen, half up. It knows no names and no rule, and the engine does not use it; `parse/working.rs`
//! reads it. The tests of books and demo have a reader of their own, so that they share nothing with this crate.

use rust_decimal::{Decimal, RoundingStrategy};

/// How many parentheses an arithmetic may have: more than anybody writes, and few enough to be read safely.
const MOST_PARENTHESES: usize = 64;

/// An arithmetic that has a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arithmetic {
    text: String,
    numbers: Vec<Decimal>,
    value: Decimal,
}

impl Arithmetic {
    /// Reads an arithmetic.
    ///
    /// ```
    /// use settlement::rulebook::arithmetic::Arithmetic;
    /// let basic = Arithmetic::read("min((20000 - 2000) * 0.85, 100000)").expect("an arithmetic");
    /// assert_eq!(basic.value(), 15_300.into());
    /// assert!(Arithmetic::read("(20000 - 2000 * 0.85").is_err());
    /// ```
    ///
    /// # Errors
    /// What cannot be read in it, or has no value.
    pub fn read(text: &str) -> Result<Arithmetic, String> {
        if text.matches('(').count() > MOST_PARENTHESES {
            return Err(format!("has more than {MOST_PARENTHESES} parentheses"));
        }
        let mut tokens = Tokens(tokens(text)?.into_iter().rev().collect());
        let numbers = tokens.0.iter().rev().filter_map(Token::number).collect();
        let value = tokens.sum()?;
        match tokens.0.pop() {
            None => Ok(Arithmetic { text: text.to_owned(), numbers, value }),
            Some(token) => Err(format!("{} was not expected", token.text())),
        }
    }

    /// As it is written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The numbers in it, in their order.
    pub fn numbers(&self) -> &[Decimal] {
        &self.numbers
    }

    /// What it comes to, exactly.
    pub fn value(&self) -> Decimal {
        self.value
    }

    /// What it comes to, to the fen, half up.
    pub fn to_the_fen(&self) -> Decimal {
        half_up(self.value)
    }
}

fn half_up(value: Decimal) -> Decimal {
    value.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)
}

/// What an arithmetic is made of.
#[derive(Clone, Copy)]
enum Token<'t> {
    Number(&'t str, Decimal),
    /// The name of a function.
    Word(&'t str),
    /// `+ - * / ( ) ,`
    Sign(&'t str),
}

impl Token<'_> {
    fn number(&self) -> Option<Decimal> {
        match self {
            Token::Number(_, value) => Some(*value),
            Token::Word(_) | Token::Sign(_) => None,
        }
    }

    fn text(&self) -> &str {
        match self {
            Token::Number(text, _) | Token::Word(text) | Token::Sign(text) => text,
        }
    }
}

fn tokens(text: &str) -> Result<Vec<Token<'_>>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let in_number = |character: char| character.is_ascii_digit() || character == '.';
        let (token, after) = if in_number(first) {
            let (number, after) = split(rest, in_number);
            let value = Decimal::from_str_exact(number).map_err(|_| format!("{number} is not a number"))?;
            (Token::Number(number, value), after)
        } else if first.is_ascii_lowercase() {
            let (word, after) = split(rest, |character| character.is_ascii_lowercase());
            (Token::Word(word), after)
        } else if "+-*/(),".contains(first) {
            let (sign, after) = rest.split_at(1);
            (Token::Sign(sign), after)
        } else {
            return Err(format!("{first} was not expected"));
        };
        tokens.push(token);
        rest = after.trim_start();
    }
    Ok(tokens)
}

fn split(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|character| !belongs(character)).unwrap_or(text.len()))
}

/// What is still to be read, the next last.
struct Tokens<'t>(Vec<Token<'t>>);

impl Tokens<'_> {
    fn sum(&mut self) -> Result<Decimal, String> {
        let mut value = self.product()?;
        loop {
            let result = if self.take("+") {
                value.checked_add(self.product()?)
            } else if self.take("-") {
                value.checked_sub(self.product()?)
            } else {
                return Ok(value);
            };
            value = result.ok_or("is too large")?;
        }
    }

    fn product(&mut self) -> Result<Decimal, String> {
        let mut value = self.factor()?;
        loop {
            let result = if self.take("*") {
                value.checked_mul(self.factor()?)
            } else if self.take("/") {
                value.checked_div(self.factor()?)
            } else {
                return Ok(value);
            };
            value = result.ok_or("is too large, or divides by 0")?;
        }
    }

    fn factor(&mut self) -> Result<Decimal, String> {
        match self.0.pop() {
            Some(Token::Number(_, value)) => Ok(value),
            Some(Token::Sign("(")) => {
                let value = self.sum()?;
                self.expect(")")?;
                Ok(value)
            }
            Some(Token::Word(name)) => self.function(name),
            Some(Token::Sign(sign)) => Err(format!("a number was expected before {sign}")),
            None => Err("ends where a number was expected".to_owned()),
        }
    }

    fn function(&mut self, name: &str) -> Result<Decimal, String> {
        self.expect("(")?;
        let first = self.sum()?;
        let second = if self.take(",") { Some(self.sum()?) } else { None };
        self.expect(")")?;
        match (name, second) {
            ("round", None) => Ok(half_up(first)),
            ("min", Some(second)) => Ok(first.min(second)),
            ("max", Some(second)) => Ok(first.max(second)),
            ("round", Some(_)) => Err("round takes one value".to_owned()),
            ("min" | "max", None) => Err(format!("{name} takes two values")),
            _ => Err(format!("{name} is not min, max or round")),
        }
    }

    fn take(&mut self, sign: &str) -> bool {
        let next = matches!(self.0.last(), Some(Token::Sign(next)) if *next == sign);
        if next {
            self.0.pop();
        }
        next
    }

    fn expect(&mut self, sign: &str) -> Result<(), String> {
        if self.take(sign) { Ok(()) } else { Err(format!("{sign} was expected")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_has_the_value_of_school_arithmetic_or_a_reason_why_not() {
        for (text, says) in [
            ("2 + 3 * 4", Ok("14")),
            ("(2+3)*4 - 6 / 3", Ok("18")),
            ("10 - 4 - 3", Ok("3")),
            ("round(2.345) + round(0.005)", Ok("2.36")),
            ("min(8, 5) + max(1, min(2, 3))", Ok("7")),
            ("max(500 - 800, 0)", Ok("0")),
            ("min(1)", Err("min takes two values")),
            ("round(1, 2)", Err("round takes one value")),
            ("sum(1, 2)", Err("sum is not min, max or round")),
            ("round 2", Err("( was expected")),
            ("(2", Err(") was expected")),
            ("1 / 0", Err("divides by 0")),
            ("2 +", Err("ends where a number was expected")),
            ("2 * * 3", Err("a number was expected before *")),
            ("", Err("ends where")),
            ("2 3", Err("3 was not expected")),
            ("1.2.3", Err("1.2.3 is not a number")),
            ("5 %", Err("% was not expected")),
            ("9999999999999999999999999999 * 9999999999999999999999999999", Err("too large")),
            (&"(".repeat(100_000), Err("parentheses")),
        ] {
            match (Arithmetic::read(text), says) {
                (Ok(read), Ok(value)) => assert_eq!(read.value(), value.parse().expect("a decimal"), "{text}"),
                (Err(problem), Err(part)) => assert!(problem.contains(part), "{text}: {problem}"),
                (read, _) => panic!("{text}: {read:?}"),
            }
        }
    }
}
