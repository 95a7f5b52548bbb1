//! How a region's latest calls ended, in a few bits. Kept by a closed breaker.

use super::{Call, Ending};

/// The share of failures is taken of so many calls.
const SHARE_OF: u32 = 20;
/// So many calls are remembered.
const REMEMBERED: u32 = u64::BITS;

/// The latest calls, the newest in the lowest bit.
#[derive(Debug, Default)]
pub(super) struct Recent {
    /// Fresh ones that failed or were slow.
    bad: u64,
    /// Fresh ones whose answer was none.
    lies: u64,
    /// How many fresh ones there are, up to what is remembered.
    calls: u32,
    /// How many fresh ones failed since one last ended well.
    fresh_in_a_row: u32,
    /// How many follow-ups failed since anything last ended well.
    follow_ups_in_a_row: u32,
}

impl Recent {
    /// Takes note of a call. A follow-up that ends well only ends a row of its own: that a region says what became of
    /// things does not show that it can do new ones, and a job that asks often would drown what desks see.
    pub fn note(&mut self, call: Call, ending: Ending) {
        match (ending, call) {
            (Ending::Good, Call::Fresh) => self.went(false),
            (Ending::Slow, Call::Fresh) => self.went(true),
            (Ending::Good | Ending::Slow, Call::FollowUp) => self.follow_ups_in_a_row = 0,
            (Ending::Failed, Call::Fresh) => {
                self.push(true);
                self.fresh_in_a_row += 1;
            }
            (Ending::Failed, Call::FollowUp) => self.follow_ups_in_a_row += 1,
            (Ending::Unsaid, Call::Fresh | Call::FollowUp) => {}
        }
    }

    /// Takes note that an answer was none, and says how many of the remembered were.
    pub fn note_lie(&mut self) -> u32 {
        // Calls end in any order, so another may be the newest by now; what counts is how many there are.
        let free = (!self.lies).trailing_zeros().min(REMEMBERED - 1);
        self.lies |= 1 << free;
        self.lies.count_ones()
    }

    /// Whether the region is failing: so many in a row, or half of the latest.
    pub fn failing(&self, in_a_row: u32) -> bool {
        let latest = (1 << SHARE_OF) - 1;
        let half = (self.bad & latest).count_ones() * 2 >= SHARE_OF;
        self.fresh_in_a_row.max(self.follow_ups_in_a_row) >= in_a_row.max(1) || self.calls >= SHARE_OF && half
    }

    /// Whether as many calls as are remembered ended well.
    pub fn is_steady(&self) -> bool {
        self.calls >= REMEMBERED && self.bad == 0 && self.lies == 0
    }

    fn went(&mut self, slow: bool) {
        self.push(slow);
        (self.fresh_in_a_row, self.follow_ups_in_a_row) = (0, 0);
    }

    fn push(&mut self, bad: bool) {
        self.bad = self.bad << 1 | u64::from(bad);
        self.lies <<= 1;
        self.calls = (self.calls + 1).min(REMEMBERED);
    }
}
