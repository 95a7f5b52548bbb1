//! Which days are compared again each time: as far back as an entry may be cleared yet. An entry that comes later than
//! that is found by whoever asks for its day.

use jiff::ToSpan as _;
use jiff::civil::Date;

/// So many days are compared in one exchange.
const AT_ONCE: i64 = 40;

/// So often that what happens on the first of a month, and is carried over twice, is compared until its third clearing.
const TIMES: i64 = 3;

/// The days that are compared on a day, first and last of each exchange, the newest first. Yesterday's book is whole once
/// everything of it is answered.
///
/// ```
/// use jiff::civil::date;
/// let days: Vec<_> = reconciliation::days::days_compared(date(2025, 9, 21)).collect();
/// assert_eq!(days[0], (date(2025, 8, 12), date(2025, 9, 20)));
/// assert_eq!(days[2], (date(2025, 5, 24), date(2025, 7, 2)));
/// ```
pub fn days_compared(today: Date) -> impl Iterator<Item = (Date, Date)> {
    let back = move |days: i64| today.saturating_sub(days.days());
    (0..TIMES).map(move |time| (back((time + 1) * AT_ONCE), back(time * AT_ONCE + 1)))
}
