//! Which messages this process is sending right now. Nothing about money rests on it: it only keeps a query, or another
//! message of the visit, from asking the hub about an operation that is just on its way, and thereby voiding it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The messages on their way, as a reversal would name them.
#[derive(Debug, Default)]
pub struct InFlight {
    /// How often each is on its way: a repeat may come while the first is out.
    targets: Mutex<HashMap<String, u32>>,
}

/// A message is on its way for as long as this lives.
pub struct Mark<'a> {
    in_flight: &'a InFlight,
    target: String,
}

impl InFlight {
    /// Marks a message. To be taken before its operation is written down.
    pub fn mark(&self, target: String) -> Mark<'_> {
        *self.lock().entry(target.clone()).or_default() += 1;
        Mark { in_flight: self, target }
    }

    /// Whether a message is on its way.
    pub fn has(&self, target: &str) -> bool {
        self.lock().contains_key(target)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, u32>> {
        // The map is right after every statement, so a panic elsewhere has not spoilt it.
        self.targets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Mark<'_> {
    fn drop(&mut self) {
        let mut targets = self.in_flight.lock();
        if let Some(times) = targets.get_mut(&self.target) {
            *times -= 1;
            if *times == 0 {
                targets.remove(&self.target);
            }
        }
    }
}
