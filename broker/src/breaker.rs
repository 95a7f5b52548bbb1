//! Whether a home region is asked at the moment: a circuit breaker as a state machine that is told the time and what
//! became of each call. It knows neither clock nor network. Asked by [`crate::gate`].
//!
//! ```text
//! closed ──failures in a row, half of the last twenty, or lies──► open ──after a while──► half open ──► closed
//!                                                                  ▲                         │
//!                                                                  └──────── a failure ──────┘
//! ```

mod recent;
#[cfg(test)]
mod tests;

use std::time::Duration;

use tokio::time::Instant;

use recent::Recent;

/// When a breaker opens, and how it closes again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// So many calls in a row without an answer open it.
    pub failures_in_a_row: u32,
    /// So many answers that were none, among the last 64 calls, open it. 0 for never.
    pub lies: u32,
    /// An answer that takes longer is slow: it breaks a row of failures, but half of the last twenty open the breaker.
    /// A call given up within half of it says nothing about the region; its caller was in a hurry.
    pub slow_after: Duration,
    /// How long it stays open the first time. Each time after that twice as long, until the region has been steady.
    pub open_for: Duration,
    /// How long it stays open at most. What is in doubt waits no longer than this for a region that is back.
    pub open_for_at_most: Duration,
    /// How many calls are let through at once when half open, and how many fresh ones have to succeed to close it.
    pub probes: u32,
}

/// What a call is to the breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Something new: were it to fail, somebody at a desk would be left waiting.
    Fresh,
    /// A question what became of something that waits already. It risks nothing, so it goes first when the breaker is
    /// half open; it shows that the region speaks, but not that it works, so it does not close it.
    FollowUp,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With an answer, in time.
    Good,
    /// With an answer that took too long.
    Slow,
    /// With none.
    Failed,
    /// In a way that says nothing about the region: it was not sent after all, or its caller had no patience.
    Unsaid,
}

/// Leave to make one call. It is to be given back with the call's ending.
#[derive(Debug, PartialEq, Eq)]
pub struct Leave {
    call: Call,
    /// In which life of the breaker it was given: what ends in a later one says nothing about that.
    turn: u64,
}

/// How a breaker stands, for whoever watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Calls go through.
    Closed,
    /// A few go through, to see.
    HalfOpen,
    /// None goes through.
    Open,
}

impl Standing {
    /// As it is written on pages.
    pub fn word(self) -> &'static str {
        match self {
            Standing::Closed => "closed",
            Standing::HalfOpen => "half-open",
            Standing::Open => "open",
        }
    }
}

/// The breaker.
#[derive(Debug)]
pub struct Breaker {
    settings: Settings,
    state: State,
    turn: u64,
    /// How often it opened since the region was last steady.
    openings: u32,
}

#[derive(Debug)]
enum State {
    Closed { recent: Recent },
    Open { until: Instant },
    HalfOpen(Probing),
}

#[derive(Debug)]
struct Probing {
    /// Since when it is half open.
    since: Instant,
    /// Calls that are out.
    out: u32,
    /// Fresh ones that succeeded.
    good: u32,
    /// Whether the region has spoken at all.
    spoke: bool,
}

impl Breaker {
    /// A closed breaker.
    pub fn new(settings: Settings) -> Breaker {
        Breaker { settings, state: State::Closed { recent: Recent::default() }, turn: 0, openings: 0 }
    }

    /// Asks for leave to make a call. None: the region is not to be asked now.
    pub fn ask(&mut self, call: Call, now: Instant) -> Option<Leave> {
        if let State::Open { until } = self.state
            && now >= until
        {
            self.enter(State::HalfOpen(Probing { since: until, out: 0, good: 0, spoke: false }));
        }
        match &mut self.state {
            State::Closed { recent: _ } => {}
            State::Open { until: _ } => return None,
            State::HalfOpen(probing) => {
                let begun = probing.since + self.settings.open_for;
                let in_turn = call == Call::FollowUp || probing.spoke || now >= begun;
                if !in_turn || probing.out >= self.settings.probes {
                    return None;
                }
                probing.out += 1;
            }
        }
        Some(Leave { call, turn: self.turn })
    }

    /// Whether leave that was given still holds: between asking and sending, the breaker may have opened.
    pub fn holds(&self, leave: &Leave) -> bool {
        leave.turn == self.turn || matches!(self.state, State::Closed { .. })
    }

    /// Takes note of how a call ended. Says whether this opened the breaker.
    pub fn ended(&mut self, leave: Leave, ending: Ending, now: Instant) -> bool {
        if leave.turn != self.turn {
            return false;
        }
        match &mut self.state {
            State::Closed { recent } => {
                recent.note(leave.call, ending);
                let bad = matches!(ending, Ending::Failed | Ending::Slow);
                let opens = bad && recent.failing(self.settings.failures_in_a_row);
                if !opens && recent.is_steady() {
                    self.openings = 0;
                }
                self.open_if(opens, now)
            }
            State::Open { until: _ } => false,
            State::HalfOpen(probing) => {
                probing.note(leave.call, ending);
                if probing.good >= self.settings.probes {
                    self.enter(State::Closed { recent: Recent::default() });
                    return false;
                }
                self.open_if(ending == Ending::Failed, now)
            }
        }
    }

    /// Takes note that an answer was none, after its call had ended well. Says whether this opened the breaker.
    pub fn lied(&mut self, now: Instant) -> bool {
        let lies = self.settings.lies;
        match &mut self.state {
            State::Closed { recent } => {
                let opens = recent.note_lie() >= lies && lies > 0;
                self.open_if(opens, now)
            }
            State::Open { until: _ } => false,
            State::HalfOpen(_) => self.open_if(lies > 0, now),
        }
    }

    /// How it stands.
    pub fn standing(&self) -> Standing {
        match self.state {
            State::Closed { .. } => Standing::Closed,
            State::Open { .. } => Standing::Open,
            State::HalfOpen(_) => Standing::HalfOpen,
        }
    }

    fn open_if(&mut self, opens: bool, now: Instant) -> bool {
        if opens {
            let doubled = 2_u32.saturating_pow(self.openings);
            let open_for = self.settings.open_for.saturating_mul(doubled).min(self.settings.open_for_at_most);
            self.openings = self.openings.saturating_add(1);
            self.enter(State::Open { until: now + open_for });
        }
        opens
    }

    fn enter(&mut self, state: State) {
        self.state = state;
        self.turn += 1;
    }
}

impl Probing {
    fn note(&mut self, call: Call, ending: Ending) {
        self.out = self.out.saturating_sub(1);
        match (ending, call) {
            (Ending::Good | Ending::Slow, Call::Fresh) => {
                self.spoke = true;
                self.good += 1;
            }
            (Ending::Good | Ending::Slow, Call::FollowUp) => self.spoke = true,
            (Ending::Failed | Ending::Unsaid, Call::Fresh | Call::FollowUp) => {}
        }
    }
}
