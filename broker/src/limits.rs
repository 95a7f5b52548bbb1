//! How large a message may be, and how much is carried out at once: in all, and for each home, so that a slow region
//! leaves room for the others. Asked before anything is written. There is no queue: what does not fit is refused at
//! once.

use settlement::refusal::{Reason, Refusal};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::breaker;
use crate::directory::Home;
use crate::measures;

/// The largest message, in bytes. A long stay has thousands of charge lines, which gRPC's own 4 MiB may not hold; the
/// treatment side and the home regions allow as much.
pub const LARGEST_MESSAGE: usize = 16 * 1024 * 1024;
/// Beside the operations, so many questions are carried out at once: one for so many operations.
const OPERATIONS_A_QUESTION: usize = 4;
/// However many homes there are, none has less than such a part.
const PARTS: usize = 4;

/// What is asked for. Each kind has places and breakers of its own, so that questions never starve settlements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traffic {
    /// Settlements and their undoing, and what became of them.
    Operation,
    /// What leaves no trace: estimates, people, queries.
    Question,
}

impl Traffic {
    /// As it is written in measures.
    pub fn word(self) -> &'static str {
        match self {
            Traffic::Operation => "operations",
            Traffic::Question => "questions",
        }
    }
}

/// The hub's limits.
#[derive(Debug)]
pub struct Limits {
    operations: Semaphore,
    questions: Semaphore,
}

/// On what terms one home region is asked.
#[derive(Clone, Debug)]
pub struct Terms {
    /// How many operations at once.
    pub operations: usize,
    /// When it is not asked at all.
    pub breaker: breaker::Settings,
}

/// A place at the hub and one at a home, taken for as long as this lives.
pub struct Place<'a> {
    _at_hub: SemaphorePermit<'a>,
    _at_home: SemaphorePermit<'a>,
}

impl Limits {
    /// The limit on how many operations are in flight at the hub; it takes a quarter as many questions beside them.
    pub fn new(in_flight: usize) -> Limits {
        Limits { operations: Semaphore::new(in_flight), questions: Semaphore::new(questions_beside(in_flight)) }
    }

    /// Takes a place for an operation.
    ///
    /// # Errors
    /// Busy, when there is none.
    pub fn operation<'a>(&'a self, home: &'a Home) -> Result<Place<'a>, Refusal> {
        let _at_home = home.gate(Traffic::Operation).enter()?;
        Ok(Place { _at_home, _at_hub: at_hub(&self.operations, Traffic::Operation)? })
    }

    /// Takes a place for a question at the hub. Where it goes on to a home, that has places of its own.
    ///
    /// # Errors
    /// Busy, when there is none.
    pub fn question(&self) -> Result<SemaphorePermit<'_>, Refusal> {
        at_hub(&self.questions, Traffic::Question)
    }
}

impl Terms {
    /// How many questions at once.
    pub(crate) fn questions(&self) -> usize {
        questions_beside(self.operations)
    }
}

/// The part of what is in flight that one of so many homes may have. Up to four homes share equally, so one that is
/// silent takes nothing that is another's; of more, each may have a quarter, so it takes three to be in the way of
/// others, and then only until their breakers open.
pub fn part_of_one_home(in_flight: usize, homes: usize) -> usize {
    (in_flight / homes.clamp(1, PARTS)).max(1)
}

fn questions_beside(operations: usize) -> usize {
    (operations / OPERATIONS_A_QUESTION).max(1)
}

fn at_hub(places: &Semaphore, traffic: Traffic) -> Result<SemaphorePermit<'_>, Refusal> {
    places.try_acquire().map_err(|_| {
        measures::shed("hub", traffic);
        Refusal::new(Reason::Busy).because("平台待办已满")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_home_never_takes_what_is_anothers() {
        for (homes, part) in [(0, 1_024), (1, 1_024), (2, 512), (3, 341), (4, 256), (5, 256), (400, 256)] {
            assert_eq!(part_of_one_home(1_024, homes), part, "{homes} homes");
        }
        assert_eq!(part_of_one_home(2, 4), 1);
    }
}
