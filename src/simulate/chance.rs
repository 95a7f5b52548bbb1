//! Chance that a seed decides: the same seed, the same draws. The only source of chance in a simulation.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A stream of draws. Clones draw from the same stream.
#[derive(Clone, Debug)]
pub struct Chance(Arc<Mutex<u64>>);

impl Chance {
    /// The stream of a seed.
    pub fn of(seed: u64) -> Chance {
        Chance(Arc::new(Mutex::new(seed)))
    }

    /// A number below a bound; 0 where the bound is.
    pub fn below(&self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.draw() % bound }
    }

    /// Whether something happens that does so many times in a thousand.
    pub fn happens(&self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }

    /// One of several.
    pub fn one_of<T: Copy>(&self, several: &[T]) -> T {
        let index = usize::try_from(self.below(several.len() as u64)).expect("below a length");
        several[index]
    }

    /// A while between two bounds in milliseconds; short ones are as likely as long ones.
    pub fn pause(&self, least_ms: u64, most_ms: u64) -> Duration {
        let octaves = (most_ms / least_ms.max(1)).max(1).ilog2() + 1;
        let low = least_ms << self.below(u64::from(octaves));
        Duration::from_millis(low + self.below(low.max(1)))
    }

    /// SplitMix64.
    fn draw(&self) -> u64 {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = *state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
