//! Fen as an exact fraction: what is left once a sum was divided by a ratio. A decimal would round the quotient, and
//! half a fen could come out as less. It becomes money by [`Money::round_fraction`] alone.

use std::cmp::Ordering;
use std::ops::{Add, Sub};

use rust_decimal::Decimal;

use super::Money;

/// A number of fen. Kept in lowest terms, so that equal numbers are equal values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fraction {
    numerator: i128,
    /// Above zero.
    denominator: i128,
}

impl Fraction {
    /// Nothing.
    pub const ZERO: Fraction = Fraction { numerator: 0, denominator: 1 };

    /// A fraction of two whole numbers, the second above zero.
    fn new(numerator: i128, denominator: i128) -> Fraction {
        let divisor = greatest_common_divisor(numerator, denominator).max(1);
        Fraction { numerator: numerator / divisor, denominator: denominator / divisor }
    }

    /// A decimal, exactly.
    pub fn of(decimal: Decimal) -> Fraction {
        let decimal = decimal.normalize();
        Fraction::new(decimal.mantissa(), 10_i128.pow(decimal.scale()))
    }

    /// This many fen times a number.
    pub fn times(self, factor: Fraction) -> Fraction {
        // Crosswise first: the products stay as small as they can be.
        let (one, other) =
            (Fraction::new(self.numerator, factor.denominator), Fraction::new(factor.numerator, self.denominator));
        Fraction::new(one.numerator * other.numerator, one.denominator * other.denominator)
    }

    /// This many fen divided by a number; nothing where the number is not above zero.
    pub fn divided_by(self, divisor: Fraction) -> Fraction {
        if divisor.numerator <= 0 {
            return Fraction::ZERO;
        }
        self.times(Fraction { numerator: divisor.denominator, denominator: divisor.numerator })
    }

    /// This number, or nothing if it is negative.
    pub fn at_least_zero(self) -> Fraction {
        self.max(Fraction::ZERO)
    }

    /// Whether it is zero.
    pub fn is_zero(self) -> bool {
        self.numerator == 0
    }

    /// The nearest whole number of fen, half a fen away from zero.
    pub(super) fn rounded(self) -> i128 {
        let (half_up, sign) = (2 * self.numerator.abs() + self.denominator, self.numerator.signum());
        sign * (half_up / (2 * self.denominator))
    }
}

impl From<Money> for Fraction {
    fn from(money: Money) -> Fraction {
        Fraction { numerator: money.fen().into(), denominator: 1 }
    }
}

impl Add for Fraction {
    type Output = Fraction;
    fn add(self, other: Fraction) -> Fraction {
        let common = greatest_common_divisor(self.denominator, other.denominator);
        let (left, right) = (other.denominator / common, self.denominator / common);
        Fraction::new(self.numerator * left + other.numerator * right, self.denominator * left)
    }
}

impl Sub for Fraction {
    type Output = Fraction;
    fn sub(self, other: Fraction) -> Fraction {
        self + Fraction { numerator: -other.numerator, denominator: other.denominator }
    }
}

impl Ord for Fraction {
    fn cmp(&self, other: &Fraction) -> Ordering {
        (*self - *other).numerator.cmp(&0)
    }
}

impl PartialOrd for Fraction {
    fn partial_cmp(&self, other: &Fraction) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

fn greatest_common_divisor(one: i128, other: i128) -> i128 {
    let (mut one, mut other) = (one.abs(), other.abs());
    while other != 0 {
        (one, other) = (other, one % other);
    }
    one
}

#[cfg(test)]
mod tests {
    use rust_decimal::dec;

    use super::*;

    fn fen(decimal: Decimal) -> Fraction {
        Fraction::of(decimal)
    }

    #[test]
    fn a_quotient_times_its_divisor_is_the_whole_again() {
        let left = fen(dec!(150)) - fen(dec!(28)).divided_by(fen(dec!(0.85)));
        assert_eq!(left.times(fen(dec!(0.85))), fen(dec!(99.5)));
        assert_eq!(Money::round_fraction(left.times(fen(dec!(0.85)))), Money::from_fen(100));
    }

    #[test]
    fn half_a_fen_rounds_away_from_zero_in_fractions_too() {
        for (exact, rounded) in [(dec!(0.5), 1), (dec!(0.49), 0), (dec!(2.5), 3), (dec!(-0.5), -1), (dec!(-2.4), -2)] {
            assert_eq!(Money::round_fraction(fen(exact)), Money::from_fen(rounded), "{exact}");
        }
    }

    #[test]
    fn fractions_compare_by_value() {
        let third = fen(dec!(1)).divided_by(fen(dec!(3)));
        assert!(third < fen(dec!(0.34)) && third > fen(dec!(0.33)));
        assert_eq!(third + third + third, fen(dec!(1)));
        assert_eq!((third - fen(dec!(1))).at_least_zero(), Fraction::ZERO);
        assert_eq!(fen(dec!(5)).divided_by(Fraction::ZERO), Fraction::ZERO);
    }

    #[test]
    fn the_largest_amounts_do_not_overflow() {
        let most = Fraction::from(Money::MAX);
        let ratio = fen(dec!(0.99999999));
        let paid = most.times(ratio);
        let beyond = most - most.times(Fraction::from(Money::MAX)).divided_by(paid);
        assert!(beyond < Fraction::ZERO);
        assert_eq!(Money::round_fraction(beyond.at_least_zero().times(fen(dec!(0.8765)))), Money::ZERO);
    }
}
