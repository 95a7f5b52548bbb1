//! How long a home region may be asked: as long as the caller waits, less what the hub keeps to itself for saying that
//! the result is not known yet, and never longer than the hub's own patience. Asked at the door, before anything is
//! written, and again before anything is sent.

use std::time::Duration;

use identity::deadline;
use settlement::refusal::{Reason, Refusal};

/// No region answers in less, so whoever has less would only be left in doubt.
const LEAST: Duration = Duration::from_millis(5);

/// What is left for a home region, of the time that the caller waits where it says so.
///
/// # Errors
/// Busy, when too little is left.
pub fn for_home(caller_waits: Option<Duration>, own_patience: Duration) -> Result<Duration, Refusal> {
    enough(caller_waits.map_or(own_patience, |patience| deadline::passed_on(patience).min(own_patience)))
}

/// The same time, if it is enough to send anything.
///
/// # Errors
/// Busy, when it is not.
pub fn enough(left: Duration) -> Result<Duration, Refusal> {
    if left >= LEAST { Ok(left) } else { Err(Refusal::new(Reason::Busy).because("剩余时间不足")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_asked_for_no_longer_than_anybody_waits() {
        for (caller_ms, own_ms, home_ms) in [
            (None, 8_000, Some(8_000)),
            (Some(9_000), 8_000, Some(8_000)),
            (Some(8_000), 8_000, Some(7_500)),
            (Some(800), 8_000, Some(700)),
            (Some(15), 8_000, Some(5)),
            (Some(14), 8_000, None),
            (Some(0), 8_000, None),
            (Some(9_000), 0, None),
        ] {
            let milliseconds = Duration::from_millis;
            let left = for_home(caller_ms.map(milliseconds), milliseconds(own_ms));
            match home_ms {
                Some(left_ms) => assert_eq!(left, Ok(milliseconds(left_ms)), "{caller_ms:?} {own_ms}"),
                None => assert_eq!(left.expect_err("a refusal").reason, Reason::Busy, "{caller_ms:?} {own_ms}"),
            }
        }
    }
}
