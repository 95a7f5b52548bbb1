//! Amounts of money: whole fen at rest, exact decimals while computing, rounded in one place.

mod fraction;

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};

use rust_decimal::{Decimal, RoundingStrategy};

pub use fraction::Fraction;

/// An amount in fen (1 yuan = 100 fen). It may be negative: undoing a settlement shows its sums that way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money(i64);

/// Why a decimal is not an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// More than two decimal places: a part of a fen.
    #[error("an amount has at most two decimal places")]
    PartOfAFen,
    /// Beyond [`Money::MAX`] in either direction.
    #[error("an amount is at most 100,000,000,000.00 yuan")]
    TooLarge,
}

impl Money {
    /// No money.
    pub const ZERO: Money = Money(0);
    /// The largest amount that a border lets in: 100 billion yuan. A bill of a hundred thousand such lines still
    /// fits an `i64`, so sums inside the core cannot overflow.
    pub const MAX: Money = Money(10_000_000_000_000);

    /// An amount from whole fen.
    pub const fn from_fen(fen: i64) -> Money {
        Money(fen)
    }

    /// An amount from whole yuan.
    pub const fn from_yuan(yuan: i64) -> Money {
        Money(yuan * 100)
    }

    /// The amount in fen.
    pub const fn fen(self) -> i64 {
        self.0
    }

    /// Reads an amount of yuan exactly.
    ///
    /// # Errors
    /// When the value has a part of a fen or is beyond [`Money::MAX`].
    pub fn from_decimal(yuan: Decimal) -> Result<Money, MoneyError> {
        let fen = yuan.checked_mul(Decimal::ONE_HUNDRED).ok_or(MoneyError::TooLarge)?;
        if !fen.fract().is_zero() {
            return Err(MoneyError::PartOfAFen);
        }
        let fen = i64::try_from(fen.trunc()).map_err(|_| MoneyError::TooLarge)?;
        if Money(fen).is_bounded() { Ok(Money(fen)) } else { Err(MoneyError::TooLarge) }
    }

    /// The amount in yuan with two decimal places, as messages write it.
    pub fn to_decimal(self) -> Decimal {
        Decimal::new(self.0, 2)
    }

    /// The amount in fen as an exact number, for computing.
    pub fn exact(self) -> Decimal {
        Decimal::from(self.0)
    }

    /// The one way in which a computed number of fen becomes money: half up, away from zero.
    ///
    /// ```
    /// use rust_decimal::dec;
    /// use settlement::money::Money;
    /// assert_eq!(Money::round(dec!(1462289.5)), Money::from_fen(1_462_290));
    /// ```
    pub fn round(exact_fen: Decimal) -> Money {
        let rounded = exact_fen.round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero);
        Money(i64::try_from(rounded).expect("a share of an amount is an amount, and amounts are bounded at the border"))
    }

    /// As [`Money::round`], of a fraction.
    pub fn round_fraction(exact_fen: Fraction) -> Money {
        let rounded = i64::try_from(exact_fen.rounded());
        Money(rounded.expect("a share of an amount is an amount, and amounts are bounded at the border"))
    }

    /// This amount, or nothing if it is negative.
    pub fn at_least_zero(self) -> Money {
        self.max(Money::ZERO)
    }

    /// Whether it is within [`Money::MAX`] in either direction: what a border lets in.
    pub fn is_bounded(self) -> bool {
        (-Money::MAX..=Money::MAX).contains(&self)
    }

    /// Whether it is below zero.
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// Whether it is zero.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let fen = self.0.unsigned_abs();
        let (yuan, fen) = (fen / 100, fen % 100);
        match (f.width(), f.precision()) {
            // Answers, explanations and journals are full of amounts, and none of them is padded.
            (None, None) => write!(f, "{sign}{yuan}.{fen:02}"),
            (_, _) => f.pad(&format!("{sign}{yuan}.{fen:02}")),
        }
    }
}

impl Add for Money {
    type Output = Money;
    fn add(self, other: Money) -> Money {
        Money(self.0 + other.0)
    }
}

impl Sub for Money {
    type Output = Money;
    fn sub(self, other: Money) -> Money {
        Money(self.0 - other.0)
    }
}

impl Neg for Money {
    type Output = Money;
    fn neg(self) -> Money {
        Money(-self.0)
    }
}

impl AddAssign for Money {
    fn add_assign(&mut self, other: Money) {
        self.0 += other.0;
    }
}

impl SubAssign for Money {
    fn sub_assign(&mut self, other: Money) {
        self.0 -= other.0;
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Money>>(amounts: I) -> Money {
        amounts.fold(Money::ZERO, Add::add)
    }
}

#[cfg(test)]
mod tests {
    use rust_decimal::dec;

    use super::*;

    #[test]
    fn half_a_fen_rounds_away_from_zero() {
        for (exact, fen) in [(dec!(0.5), 1), (dec!(0.49), 0), (dec!(2.5), 3), (dec!(-0.5), -1), (dec!(-2.4), -2)] {
            assert_eq!(Money::round(exact), Money::from_fen(fen), "{exact}");
        }
    }

    #[test]
    fn a_part_of_a_fen_is_refused_and_trailing_zeros_are_not() {
        assert_eq!(Money::from_decimal(dec!(0.001)), Err(MoneyError::PartOfAFen));
        assert_eq!(Money::from_decimal(dec!(12.3400)), Ok(Money::from_fen(1_234)));
    }

    #[test]
    fn an_amount_is_bounded_in_both_directions() {
        for (yuan, read) in [
            (dec!(100000000000.00), Ok(Money::MAX)),
            (dec!(-100000000000.00), Ok(-Money::MAX)),
            (dec!(100000000000.01), Err(MoneyError::TooLarge)),
            (dec!(-100000000000.01), Err(MoneyError::TooLarge)),
            (Decimal::new(i64::MAX, 2), Err(MoneyError::TooLarge)),
            (Decimal::new(i64::MIN, 2), Err(MoneyError::TooLarge)),
        ] {
            assert_eq!(Money::from_decimal(yuan), read, "{yuan}");
        }
    }

    #[test]
    fn an_amount_is_written_with_two_places() {
        assert_eq!(Money::from_fen(-5).to_string(), "-0.05");
        assert_eq!(format!("{:>8}", Money::from_fen(123_400)), " 1234.00");
    }
}
