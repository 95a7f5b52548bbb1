//! The time that shells hand to the core. Real in service; in a demo or a test it can be set and then runs on; in the
//! simulator it runs as the simulator's runtime does.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;
use jiff::civil::Date;
use settlement::beijing;
use tokio::time::Instant;

/// A clock that every part of one process shares.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    source: Source,
    ahead_micros: Arc<AtomicI64>,
}

/// What moves a clock.
#[derive(Clone, Copy, Debug, Default)]
enum Source {
    #[default]
    Machine,
    /// The timers of the runtime, which stand still or leap in a simulation. They began at this instant.
    Timers { began: Instant },
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

    /// A clock that shows a given instant now and runs on as the runtime's timers do.
    pub fn of_timers(instant: Timestamp) -> Clock {
        let clock = Clock { source: Source::Timers { began: Instant::now() }, ahead_micros: Arc::default() };
        clock.set(instant);
        clock
    }

    /// The instant, in whole microseconds, which is what the books keep.
    pub fn now(&self) -> Timestamp {
        let micros = self.source.micros() + self.ahead_micros.load(Ordering::Relaxed);
        Timestamp::from_microsecond(micros).expect("a clock is set to instants only")
    }

    /// The day in Beijing.
    pub fn today(&self) -> Date {
        beijing::day_of(self.now())
    }

    /// Sets the clock.
    pub fn set(&self, instant: Timestamp) {
        self.ahead_micros.store(instant.as_microsecond() - self.source.micros(), Ordering::Relaxed);
    }
}

impl Source {
    fn micros(self) -> i64 {
        match self {
            Source::Machine => Timestamp::now().as_microsecond(),
            Source::Timers { began } => i64::try_from(began.elapsed().as_micros()).unwrap_or(i64::MAX),
        }
    }
}
