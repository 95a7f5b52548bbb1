//! The time that shells hand to the core. Real in service; in a demo or a test it can be set and then runs on.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;
use jiff::civil::Date;
use settlement::beijing;

/// A clock that every part of one process shares.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    ahead_micros: Arc<AtomicI64>,
}

impl Clock {
    /// The machine's own time.
    pub fn real() -> Clock {
        Clock::default()
    }

    /// A clock that shows a given instant now and runs on from there.
    pub fn starting_at(instant: Timestamp) -> Clock {
        let clock = Clock::default();
        clock.set(instant);
        clock
    }

    /// The instant, in whole microseconds, which is what the books keep.
    pub fn now(&self) -> Timestamp {
        let micros = Timestamp::now().as_microsecond() + self.ahead_micros.load(Ordering::Relaxed);
        Timestamp::from_microsecond(micros).expect("a clock is set to instants only")
    }

    /// The day in Beijing.
    pub fn today(&self) -> Date {
        beijing::day_of(self.now())
    }

    /// Sets the clock.
    pub fn set(&self, instant: Timestamp) {
        self.ahead_micros.store(instant.as_microsecond() - Timestamp::now().as_microsecond(), Ordering::Relaxed);
    }
}
