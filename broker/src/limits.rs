//! How large a message may be, and how much is carried out at once: in all, and for each home, so that a slow region
//! leaves room for the others. Asked before anything is written. There is no queue: what does not fit is refused at
//! once.

use settlement::refusal::{Reason, Refusal};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::directory::Home;

/// The largest message, in bytes. A long stay has thousands of charge lines, which gRPC's own 4 MiB may not hold; the
/// treatment side and the home regions allow as much.
pub const LARGEST_MESSAGE: usize = 16 * 1024 * 1024;

/// The hub's limit.
#[derive(Debug)]
pub struct Limits {
    places: Semaphore,
}

/// A place at the hub and one at a home, taken for as long as this lives.
pub struct Place<'a> {
    _at_hub: SemaphorePermit<'a>,
    _at_home: SemaphorePermit<'a>,
}

impl Limits {
    /// The limit on what is in flight at the hub.
    pub fn new(in_flight: usize) -> Limits {
        Limits { places: Semaphore::new(in_flight) }
    }

    /// Takes a place.
    ///
    /// # Errors
    /// Busy, when there is none.
    pub fn enter<'a>(&'a self, home: &'a Home) -> Result<Place<'a>, Refusal> {
        let taken = |places: &'a Semaphore, whose: &str| {
            places.try_acquire().map_err(|_| Refusal::new(Reason::Busy).because(whose.to_owned()))
        };
        Ok(Place { _at_home: taken(home.places(), "region")?, _at_hub: taken(&self.places, "hub")? })
    }
}
