//! The hub's parts in one place, shared by its services and jobs. What it does with them is in [`crate::settle`],
//! [`crate::doubt`] and the services.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use clearing::calendar::Calendar;
use ledger::clock::Clock;
use ledger::hub::HubStore;

use crate::directory::Directory;
use crate::in_flight::InFlight;
use crate::limits::Limits;
use crate::mailbox::Mailroom;
use crate::suspensions::Suspensions;

/// The hub.
pub struct Hub {
    /// Its book.
    pub store: HubStore,
    /// Regions, and the way to their homes.
    pub directory: Directory,
    /// How much at once.
    pub limits: Limits,
    /// Who is suspended.
    pub suspensions: Suspensions,
    /// What is being asked right now.
    pub in_flight: InFlight,
    /// The regions' mailboxes.
    pub mailroom: Mailroom,
    /// The calendar that it clears by; none where it does not clear.
    pub calendar: OnceLock<Arc<Calendar>>,
    /// The time.
    pub clock: Clock,
    /// How long the sender of an operation waits at most.
    pub patience: Duration,
}

impl Hub {
    /// Puts the parts together.
    pub fn new(store: HubStore, directory: Directory, limits: Limits, clock: Clock, patience: Duration) -> Arc<Hub> {
        let mailroom = Mailroom::new(store.mailboxes(), clock.clone());
        let (suspensions, in_flight) = (Suspensions::default(), InFlight::default());
        let calendar = OnceLock::new();
        Arc::new(Hub { store, directory, limits, suspensions, in_flight, mailroom, calendar, clock, patience })
    }
}
