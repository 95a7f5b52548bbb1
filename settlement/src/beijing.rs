//! Beijing time: the calendar of every date at a desk, in Xinjiang too. Instants are UTC; only here do they become
//! days. A fixed offset, since the country has one zone and no summer time.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::{Offset, TimeZone};

const OFFSET: Offset = Offset::constant(8);

/// The day of an instant.
///
/// ```
/// use settlement::beijing;
/// let late = "2025-06-30T16:30:00Z".parse().expect("an instant");
/// assert_eq!(beijing::day_of(late), jiff::civil::date(2025, 7, 1));
/// ```
pub fn day_of(instant: Timestamp) -> Date {
    at_desk(instant).date()
}

/// What a clock at a desk shows at an instant.
pub fn at_desk(instant: Timestamp) -> DateTime {
    OFFSET.to_datetime(instant)
}

/// The instant at which a clock at a desk shows a time; none beyond the range of instants.
pub fn instant_of(shown: DateTime) -> Option<Timestamp> {
    shown.to_zoned(TimeZone::fixed(OFFSET)).ok().map(|zoned| zoned.timestamp())
}
