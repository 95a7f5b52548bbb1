//! A stretch of a book, from a place of one day to a place of another: a report of what books differ in is cut into parts,
//! each for a stretch of its own, so that whoever takes it has a bound and still sees what is found no more. It knows
//! nothing of what is reported; called by whoever reports and by whoever keeps it.

use jiff::civil::Date;

/// From where to where, both included. A place is one within a day, as in `clearing::digest`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// The first day, and the first place of it.
    pub first: (Date, u64),
    /// The last day, and the last place of it.
    pub last: (Date, u64),
}

impl From<(Date, Date)> for Stretch {
    fn from((first, last): (Date, Date)) -> Stretch {
        Stretch { first: (first, 0), last: (last, u64::MAX) }
    }
}

impl Stretch {
    /// Its first and its last day.
    pub fn days(&self) -> (Date, Date) {
        (self.first.0, self.last.0)
    }

    /// Whether a place of a day lies in it.
    pub fn holds(&self, day: Date, place: u64) -> bool {
        (self.first..=self.last).contains(&(day, place))
    }
}

/// Cuts what is reported of some days into parts of about so many rows: no part has more, but for rows of one place, which
/// stay together. The parts' stretches follow on each other and are the days as a whole, also where nothing is reported.
///
/// ```
/// use clearing::stretch::cut;
/// use jiff::civil::date;
/// let day = date(2025, 6, 20);
/// let parts = cut((day, day), vec![((day, 7), "b"), ((day, 2), "a")], 1);
/// assert_eq!(parts.iter().map(|(_, rows)| rows.clone()).collect::<Vec<_>>(), [["a"], ["b"]]);
/// assert_eq!((parts[0].0.last, parts[1].0.first), ((day, 2), (day, 3)));
/// ```
pub fn cut<R>(days: (Date, Date), mut rows: Vec<((Date, u64), R)>, most: usize) -> Vec<(Stretch, Vec<R>)> {
    let whole = Stretch::from(days);
    rows.sort_by_key(|(place, _)| *place);
    let (mut parts, mut first) = (Vec::new(), whole.first);
    let mut part: Vec<R> = Vec::new();
    let mut reached = None;
    for (place, row) in rows {
        if let Some(last) = reached
            && last != place
            && part.len() >= most
        {
            parts.push((Stretch { first, last }, std::mem::take(&mut part)));
            first = after(last);
        }
        part.push(row);
        reached = Some(place);
    }
    parts.push((Stretch { first, last: whole.last }, part));
    parts
}

fn after((day, place): (Date, u64)) -> (Date, u64) {
    match place.checked_add(1) {
        Some(next) => (day, next),
        None => (day.saturating_add(jiff::Span::new().days(1)), 0),
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    fn places() -> impl Strategy<Value = Vec<(Date, u64)>> {
        let place = prop_oneof![0..4u64, (u64::MAX - 2)..=u64::MAX];
        prop::collection::vec((1..=3i8, place).prop_map(|(day, place)| (date(2025, 6, day), place)), 0..40)
    }

    proptest! {
        #[test]
        fn parts_are_the_whole_and_each_row_is_in_the_part_of_its_place(places in places(), most in 1..9usize) {
            let days = (date(2025, 6, 1), date(2025, 6, 3));
            let parts = cut(days, places.iter().map(|place| (*place, *place)).collect(), most);
            let whole = Stretch::from(days);
            prop_assert_eq!((parts[0].0.first, parts[parts.len() - 1].0.last), (whole.first, whole.last));
            for pair in parts.windows(2) {
                prop_assert_eq!(pair[1].0.first, after(pair[0].0.last), "nothing lies between");
            }
            for (stretch, rows) in &parts {
                prop_assert!(rows.iter().all(|(day, place)| stretch.holds(*day, *place)));
                let of_the_last = rows.iter().filter(|row| rows.last() == Some(row)).count();
                prop_assert!(rows.len() <= most || rows.len() < most + of_the_last, "{} of {most}", rows.len());
            }
            let mut cut: Vec<_> = parts.into_iter().flat_map(|(_, rows)| rows).collect();
            let mut told = places;
            cut.sort_unstable();
            told.sort_unstable();
            prop_assert_eq!(cut, told);
        }
    }
}
