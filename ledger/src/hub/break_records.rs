//! Recording what two books were found to differ in, beside what stands between them. A book may have lost all that it
//! had: what is found and what stands are both long then, and nothing here holds each against each.

use std::collections::BTreeSet;

use clearing::breaks::Books;
use clearing::digest::Branch;
use clearing::stretch::Stretch;
use jiff::Timestamp;
use jiff::civil::Date;

use super::breaks::{FoundBreak, OpenBreak, end, open, texts};
use super::{break_actions, break_decisions};
use crate::engine::Sql;
use crate::leaves::Scope;
use crate::store::StoreError;
use crate::values;

/// Where two books were looked at: what is found there no more has gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Looked {
    /// The places.
    pub within: Stretch,
    /// The branches of which it is known how the books compare; all where none are given. What stands of another stands on.
    pub at: Option<BTreeSet<Branch>>,
}

impl From<Stretch> for Looked {
    fn from(within: Stretch) -> Looked {
        Looked { within, at: None }
    }
}

impl From<(Date, Date)> for Looked {
    fn from(days: (Date, Date)) -> Looked {
        Stretch::from(days).into()
    }
}

impl Looked {
    fn has_seen(&self, found: &FoundBreak) -> bool {
        self.within.holds(found.branch.day, found.place)
            && self.at.as_ref().is_none_or(|branches| branches.contains(&found.branch))
    }
}

/// See [`super::HubStore::break_record`].
pub(super) fn record(
    sql: &Sql<'_>,
    books: Books,
    looked: &Looked,
    scope: Scope,
    found: &[FoundBreak],
    at: Timestamp,
) -> Result<(), StoreError> {
    const OPEN: &str = "INSERT INTO breaks (number, books, day, home, treatment, place, kind, settlement, operation,
            outer_total, outer_owed, inner_total, inner_owed, proposed, found_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)";
    let (first, last) = looked.within.days();
    let days = (&*first.to_string(), &*last.to_string());
    let found_again: BTreeSet<&FoundBreak> = found.iter().collect();
    break_decisions::look_again(sql, books, days, scope, at, |decided| {
        looked.has_seen(decided) && !found_again.contains(decided)
    })?;
    let mut standing = open(sql, Some(books), days, scope)?;
    standing.retain(|open| looked.within.holds(open.found.branch.day, open.found.place));
    let decided = match books {
        Books::HospitalTreatment => break_decisions::decided(sql, books, days, scope)?,
        Books::TreatmentHub | Books::HubHome => Vec::new(),
    };
    let has_gone = |open: &&OpenBreak| looked.has_seen(&open.found) && !found_again.contains(&open.found);
    for gone in standing.iter().filter(has_gone) {
        match break_actions::mended_by(sql, gone.number)? {
            Some(by) => end(sql, gone.number, "mended", "", (&by, at))?,
            None => end(sql, gone.number, "vanished", "", ("comparison", at))?,
        };
    }
    let known = standing.iter().chain(&decided).map(|known| &known.found);
    for new in told_first(found, known) {
        let ([day, home, treatment], settlement) = (texts(&new.branch), new.settlement.to_time_first());
        let values = values![
            sql.position()?,
            books.word(),
            &day,
            &home,
            &treatment,
            new.place.cast_signed(),
            new.kind.word(),
            &settlement,
            &new.operation,
            new.outer.0.fen(),
            new.outer.1.fen(),
            new.inner.0.fen(),
            new.inner.1.fen(),
            new.proposed.word(),
            at.as_microsecond(),
        ];
        sql.execute(OPEN, values)?;
    }
    Ok(())
}

/// What of all that is found is not known yet, in its order: a row that is told twice is one break.
fn told_first<'f, T: Ord>(found: &'f [T], known: impl Iterator<Item = &'f T>) -> impl Iterator<Item = &'f T> {
    let mut known: BTreeSet<&T> = known.collect();
    found.iter().filter(move |found| known.insert(found))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::cmp::Ordering;

    use super::*;

    thread_local! {
        static LOOKED_AT: Cell<usize> = const { Cell::new(0) };
    }

    /// A row that counts how often it is looked at.
    struct Counted(usize);

    impl Ord for Counted {
        fn cmp(&self, other: &Counted) -> Ordering {
            LOOKED_AT.set(LOOKED_AT.get() + 1);
            self.0.cmp(&other.0)
        }
    }

    impl PartialOrd for Counted {
        fn partial_cmp(&self, other: &Counted) -> Option<Ordering> {
            Some(self.cmp(other))
        }
    }

    impl PartialEq for Counted {
        fn eq(&self, other: &Counted) -> bool {
            self.cmp(other) == Ordering::Equal
        }
    }

    impl Eq for Counted {}

    #[test]
    fn what_is_new_of_many_is_found_without_holding_each_against_each() {
        let found: Vec<Counted> = (0..4_000).map(|number| Counted(number % 3_000)).collect();
        let known: Vec<Counted> = (0..1_000).map(Counted).collect();
        LOOKED_AT.set(0);
        let new: Vec<usize> = told_first(&found, known.iter()).map(|found| found.0).collect();
        assert_eq!(new, (1_000..3_000).collect::<Vec<_>>(), "each once, in their order");
        assert!(LOOKED_AT.get() < 40 * (found.len() + known.len()), "{} times", LOOKED_AT.get());
    }
}
