//! A share or factor of a rule book: `0.85`, at most four decimal places. Exact; never rounded here.

use std::fmt;

use rust_decimal::Decimal;

use crate::money::{Fraction, Money};

/// A share of an amount, or a factor on one. Never negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ratio(Decimal);

impl Ratio {
    /// Nothing.
    pub const ZERO: Ratio = Ratio(Decimal::ZERO);
    /// The whole.
    pub const ONE: Ratio = Ratio(Decimal::ONE);

    /// Takes a decimal between 0 and `most`, with at most four decimal places.
    pub fn new(value: Decimal, most: u32) -> Option<Ratio> {
        let fits = !value.is_sign_negative() && value <= Decimal::from(most) && value.normalize().scale() <= 4;
        fits.then(|| Ratio(value.normalize()))
    }

    /// The number.
    pub fn value(self) -> Decimal {
        self.0
    }

    /// The number as a fraction.
    pub fn fraction(self) -> Fraction {
        Fraction::of(self.0)
    }

    /// This share of an amount, in exact fen.
    pub fn of(self, amount: Money) -> Decimal {
        let fen = amount.exact();
        if self == Ratio::ONE { fen } else { self.0 * fen }
    }

    /// This share less a number of percentage points, not below zero.
    pub fn less(self, points: Ratio) -> Ratio {
        Ratio((self.0 - points.0).max(Decimal::ZERO))
    }

    /// This share and a number of times some more, not above the whole.
    pub fn grown(self, by: Ratio, times: i64) -> Ratio {
        Ratio((self.0 + by.0 * Decimal::from(times)).min(Decimal::ONE))
    }

    /// This share times a factor, not above the whole.
    pub fn times(self, factor: Ratio) -> Ratio {
        if factor == Ratio::ONE { self } else { Ratio((self.0 * factor.0).min(Decimal::ONE)) }
    }
}

impl fmt::Display for Ratio {
    /// As a percentage: `85%`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", (self.0 * Decimal::ONE_HUNDRED).normalize())
    }
}

#[cfg(test)]
mod tests {
    use rust_decimal::dec;

    use super::*;

    #[test]
    fn a_ratio_is_between_nothing_and_its_bound() {
        for (value, most, taken) in [
            (dec!(0.961), 1, true),
            (dec!(1.00), 1, true),
            (dec!(1.01), 1, false),
            (dec!(2.5), 10, true),
            (dec!(-0.1), 1, false),
            (dec!(0.00001), 1, false),
        ] {
            assert_eq!(Ratio::new(value, most).is_some(), taken, "{value} up to {most}");
        }
    }

    #[test]
    fn a_reduction_stays_within_nothing_and_the_whole() {
        let ratio = |value| Ratio::new(value, 10).expect("a ratio");
        assert_eq!(ratio(dec!(0.05)).less(ratio(dec!(0.20))), Ratio::ZERO);
        assert_eq!(ratio(dec!(0.90)).times(ratio(dec!(0.80))), ratio(dec!(0.72)));
        assert_eq!(ratio(dec!(0.90)).times(ratio(dec!(1.30))), Ratio::ONE);
        assert_eq!(ratio(dec!(0.75)).grown(ratio(dec!(0.002)), 60), ratio(dec!(0.87)));
        assert_eq!(ratio(dec!(0.90)).grown(ratio(dec!(0.01)), 60), Ratio::ONE);
        assert_eq!(ratio(dec!(0.961)).to_string(), "96.1%");
    }
}
