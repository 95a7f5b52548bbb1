//! What runs by itself. Every job takes no input, is safe to run twice at once, and leaves a trace in the measures.

pub mod books;
pub mod clearing;
pub mod compare;
pub mod corrections;
pub mod letters;
pub mod prefunds;
pub mod resolve;
pub mod suspensions;
pub mod sweep;

use std::time::Duration;

/// How long a hub that does a job keeps the others from it. Where it dies, another goes on after that.
pub(crate) fn lease(every: Duration) -> Duration {
    (every * 3).max(Duration::from_secs(2))
}
