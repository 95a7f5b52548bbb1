//! Which keys are being carried out by this process right now. Nothing about money rests on it: it only keeps the job
//! that clears up doubt from asking about, and thereby voiding, what is just on its way.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use settlement::operation::OperationKey;

/// The keys on their way.
#[derive(Debug, Default)]
pub struct InFlight {
    /// How often each is on its way: a repeat may come while the first is out.
    keys: Mutex<HashMap<OperationKey, u32>>,
}

/// A key is on its way for as long as this lives.
pub struct Mark<'a> {
    in_flight: &'a InFlight,
    key: OperationKey,
}

impl InFlight {
    /// Marks a key. To be taken before the operation is written down.
    pub fn mark(&self, key: &OperationKey) -> Mark<'_> {
        *self.lock().entry(key.clone()).or_default() += 1;
        Mark { in_flight: self, key: key.clone() }
    }

    /// Whether a key is on its way.
    pub fn has(&self, key: &OperationKey) -> bool {
        self.lock().contains_key(key)
    }

    /// How many keys are on their way.
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<OperationKey, u32>> {
        // The map is right after every statement, so a panic elsewhere has not spoilt it.
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Mark<'_> {
    fn drop(&mut self) {
        let mut keys = self.in_flight.lock();
        // Nearly always the last of its key, so it is looked up once.
        if let Some((key, times)) = keys.remove_entry(&self.key)
            && times > 1
        {
            keys.insert(key, times - 1);
        }
    }
}
