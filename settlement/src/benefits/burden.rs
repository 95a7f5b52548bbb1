//! What the person still bears of a bill, part by part, while one payer after the other takes some of it.

use crate::money::Money;
use crate::rulebook::conditions::Cases;
use crate::rulebook::sections::Part;

/// The parts of the in-policy amount that the catastrophic layer of some region looks at: all but what a cap sets apart.
pub(super) const IN_POLICY: [Part; 4] = [Part::AboveCap, Part::RatioShare, Part::Deductible, Part::PreDeduction];

/// The order in which a payment takes parts off the person: what later layers look at least goes first, so that a
/// layer that excludes the deductible finds it untouched. An assumption of ours; no published text says. An explanation
/// tells it where it decides.
pub(super) const RELIEVED_FIRST: [Part; 8] = [
    Part::AboveCapApart,
    Part::AboveCap,
    Part::RatioShare,
    Part::Deductible,
    Part::PreDeduction,
    Part::FirstSelfPay,
    Part::OverLimit,
    Part::SelfPaid,
];

/// The parts that a guaranteed share is taken off: what is above a cap is left to the layer that pays it.
pub(super) const BELOW_CAP: [Part; 3] = [Part::RatioShare, Part::Deductible, Part::PreDeduction];

/// The person's burden.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Burden([Money; RELIEVED_FIRST.len()]);

impl Burden {
    /// Puts a part on the person.
    pub(super) fn set(&mut self, part: Part, amount: Money) {
        self.0[part as usize] = amount;
    }

    /// What is left of one part.
    pub(super) fn of(&self, part: Part) -> Money {
        self.0[part as usize]
    }

    /// What is left of some parts.
    pub(super) fn of_parts(&self, parts: Cases) -> Money {
        RELIEVED_FIRST.into_iter().filter(|part| parts.has(*part as usize)).map(|part| self.of(part)).sum()
    }

    /// All that is left.
    pub(super) fn total(&self) -> Money {
        self.0.into_iter().sum()
    }

    /// Takes a payment off some parts. The caller pays no more than they hold.
    pub(super) fn relieve(&mut self, parts: Cases, amount: Money) {
        let mut left = amount;
        for part in RELIEVED_FIRST.into_iter().filter(|part| parts.has(*part as usize)) {
            let taken = left.min(self.of(part));
            self.0[part as usize] -= taken;
            left -= taken;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payment_takes_the_ratio_share_before_the_deductible() {
        let mut burden = Burden::default();
        burden.set(Part::Deductible, Money::from_yuan(500));
        burden.set(Part::RatioShare, Money::from_yuan(300));
        burden.set(Part::SelfPaid, Money::from_yuan(70));
        burden.relieve(Cases::at([Part::Deductible as usize, Part::RatioShare as usize]), Money::from_yuan(400));
        assert_eq!(burden.of(Part::RatioShare), Money::ZERO);
        assert_eq!(burden.of(Part::Deductible), Money::from_yuan(400));
        assert_eq!(burden.total(), Money::from_yuan(470));
    }
}
