//! The gate before one home region, for one kind of traffic: how much goes through at once, and whether anything does.
//! It sends nothing itself. Asked by the hub before anything is written, and by whatever clears up doubt.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use settlement::refusal::{Reason, Refusal};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use crate::breaker::{Breaker, Call, Ending, Leave, Settings, Standing};
use crate::limits::Traffic;
use crate::measures;

/// The gate.
#[derive(Debug)]
pub struct Gate {
    home: Arc<str>,
    traffic: Traffic,
    room: usize,
    places: Semaphore,
    breaker: Mutex<Breaker>,
    slow_after: Duration,
}

/// Leave to make one call to a home region. Dropped without an ending, it says nothing about the region.
#[derive(Debug)]
pub struct Pass {
    gate: Arc<Gate>,
    leave: Option<Leave>,
}

impl Gate {
    /// An open gate, with room for so many at once.
    pub fn new(home: Arc<str>, traffic: Traffic, room: usize, settings: Settings) -> Arc<Gate> {
        let slow_after = settings.slow_after;
        let (places, breaker) = (Semaphore::new(room), Mutex::new(Breaker::new(settings)));
        measures::breaker(&home, traffic, Standing::Closed);
        Arc::new(Gate { home, traffic, room, places, breaker, slow_after })
    }

    /// Takes a place, for as long as it lives.
    ///
    /// # Errors
    /// Busy, when there is none.
    pub fn enter(&self) -> Result<SemaphorePermit<'_>, Refusal> {
        self.places.try_acquire().map_err(|_| {
            measures::shed("region", self.traffic);
            Refusal::new(Reason::Busy).because("参保地待办已满")
        })
    }

    /// Asks for leave to make a call.
    ///
    /// # Errors
    /// Region-unavailable, while the region is not to be asked. Nothing was sent.
    pub fn pass(self: &Arc<Self>, call: Call) -> Result<Pass, Refusal> {
        match self.change(|breaker, now| breaker.ask(call, now)) {
            Some(leave) => Ok(Pass { gate: self.clone(), leave: Some(leave) }),
            None => Err(closed()),
        }
    }

    /// Takes note that an answer was none, after its call had ended well.
    pub fn lied(&self) {
        self.change(Breaker::lied);
    }

    /// How its breaker stands.
    pub fn standing(&self) -> Standing {
        self.lock().standing()
    }

    /// How many are inside.
    pub fn inside(&self) -> usize {
        self.room - self.places.available_permits().min(self.room)
    }

    /// An answer that takes longer is slow.
    pub fn slow_after(&self) -> Duration {
        self.slow_after
    }

    fn change<T>(&self, change: impl FnOnce(&mut Breaker, Instant) -> T) -> T {
        let mut breaker = self.lock();
        let before = breaker.standing();
        let result = change(&mut breaker, Instant::now());
        let after = breaker.standing();
        if before != after {
            self.tell(after);
        }
        result
    }

    /// Told under the lock, so that what is shown last is what holds.
    fn tell(&self, standing: Standing) {
        let (home, traffic, word) = (&*self.home, self.traffic.word(), standing.word());
        tracing::warn!(home, traffic, standing = word, "the breaker of {home} for {traffic} is {word}");
        measures::breaker(home, self.traffic, standing);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Breaker> {
        // A breaker is right after every step, so a panic elsewhere has not spoilt it.
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pass {
    /// Whether it still holds: between asking for leave and sending, the breaker may have opened.
    ///
    /// # Errors
    /// Region-unavailable, where it does not. Nothing was sent.
    pub fn check(&self) -> Result<(), Refusal> {
        let holds = self.leave.as_ref().is_some_and(|leave| self.gate.lock().holds(leave));
        if holds { Ok(()) } else { Err(closed()) }
    }

    /// Gives the leave back, with the call's ending.
    pub fn ended(mut self, ending: Ending) {
        self.give_back(ending);
    }

    fn give_back(&mut self, ending: Ending) {
        if let Some(leave) = self.leave.take() {
            self.gate.change(|breaker, now| breaker.ended(leave, ending, now));
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.give_back(Ending::Unsaid);
    }
}

fn closed() -> Refusal {
    Refusal::new(Reason::RegionUnavailable).because("参保地暂无应答")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate() -> Arc<Gate> {
        let second = Duration::from_secs(1);
        let settings = Settings {
            failures_in_a_row: 1,
            lies: 1,
            slow_after: second,
            open_for: second,
            open_for_at_most: second,
            probes: 1,
        };
        Gate::new("410700".into(), Traffic::Operation, 2, settings)
    }

    #[test]
    fn there_is_room_for_so_many_and_no_more() {
        let gate = gate();
        let (first, _second) = (gate.enter(), gate.enter().expect("a place"));
        assert_eq!((gate.inside(), gate.enter().expect_err("full").reason), (2, Reason::Busy));
        drop(first);
        assert_eq!(gate.inside(), 1);
        assert!(gate.enter().is_ok(), "a place again");
    }

    #[test]
    fn leave_that_was_given_before_the_breaker_opened_holds_no_more() {
        let gate = gate();
        let early = gate.pass(Call::Fresh).expect("leave");
        early.check().expect("it holds");
        gate.pass(Call::Fresh).expect("leave").ended(Ending::Failed);
        assert_eq!(gate.standing(), Standing::Open);
        assert_eq!(early.check().expect_err("closed").reason, Reason::RegionUnavailable);
        assert_eq!(gate.pass(Call::Fresh).expect_err("closed").reason, Reason::RegionUnavailable);
    }

    #[test]
    fn a_pass_that_is_dropped_gives_its_place_among_the_probes_back() {
        let gate = gate();
        gate.lied();
        let half_open = |breaker: &mut Breaker, now: Instant| breaker.ask(Call::FollowUp, now + Duration::from_secs(9));
        let leave = gate.change(half_open);
        assert!(gate.pass(Call::FollowUp).is_err(), "one at a time");
        drop(Pass { gate: gate.clone(), leave });
        gate.pass(Call::FollowUp).expect("leave");
    }
}
