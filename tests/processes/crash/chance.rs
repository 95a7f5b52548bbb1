//! Chance from a seed, so that a run can be had again. Used by everything in this folder.

use std::time::Duration;

/// SplitMix64: small, and good enough to choose faults by.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Chance {
        Chance(seed)
    }

    /// A source of its own, which depends on nothing but the seed and the number.
    pub fn branch(&self, number: u64) -> Chance {
        let mut branch = Chance(self.0 ^ number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        branch.next();
        branch
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below a bound.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// True so many times in a hundred.
    pub fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// A time below a bound.
    pub fn time_below(&mut self, millis: u64) -> Duration {
        Duration::from_millis(self.below(millis))
    }

    /// One of several.
    pub fn one_of<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        let index = usize::try_from(self.below(choices.len() as u64)).expect("it is below a length");
        &choices[index]
    }
}
