//! Lives in which the insurance changes: the same rules for both, under a book each.

use super::*;

/// Two books that differ in their insurance alone, and the days on which somebody goes over from the one to the other.
pub(super) struct Turns {
    books: [RuleBook; 2],
    begins: Vec<Date>,
}

impl Turns {
    pub(super) fn new(drawn: &Drawn, somebody: &Somebody) -> Turns {
        let read = |text: &str| RuleBook::parse(text).unwrap_or_else(|faults| panic!("{faults:#?} in\n{text}"));
        let other = drawn.text.replace("insurance = 'employee'", "insurance = 'resident'");
        let mut begins = vec![ALWAYS.from];
        begins.extend(somebody.changes.iter().map(|days| FIRST_DAY.saturating_add(days.days())));
        begins.sort_unstable();
        begins.dedup();
        Turns { books: [read(&drawn.text), read(&other)], begins }
    }

    fn turn(&self, day: Date) -> usize {
        self.begins.iter().rposition(|begins| *begins <= day).unwrap_or(0)
    }

    /// The first day of the stretch of insurance that holds on a day.
    pub(super) fn since(&self, day: Date) -> Date {
        self.begins[self.turn(day)]
    }

    /// The book that holds on a day.
    pub(super) fn book(&self, day: Date) -> &RuleBook {
        &self.books[self.turn(day) % 2]
    }

    pub(super) fn person(&self, somebody: &Somebody) -> Person {
        let stretch = |(turn, from): (usize, Date)| {
            let to = self.begins.get(turn + 1).map(|next| next.saturating_sub(1.days()));
            let held = somebody.insured_by(&self.books[turn % 2]).entitlements;
            held.into_iter().map(move |held| Entitlement { validity: Validity { from, to }, ..held })
        };
        let entitlements = self.begins.iter().copied().enumerate().flat_map(stretch).collect();
        Person { entitlements, ..somebody.insured_by(&self.books[0]) }
    }
}

/// A wait from the beginning of a stretch of insurance on, and for stretches that begin from which day on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waits {
    pub(super) days: i64,
    pub(super) begun_from: Option<Date>,
}

impl Waits {
    /// Once in so many books. Some hold nobody to it whose insurance goes on.
    pub(super) fn drawn(c: &mut Choosing<'_>) -> Option<Waits> {
        if !c.is_one_of(4) {
            return None;
        }
        let day = FIRST_DAY.saturating_add((10 * c.up_to(60)).days());
        Some(Waits { days: 30 * c.up_to(6), begun_from: c.of(&[None, Some(day), Some(day)]) })
    }

    /// As a table of a book.
    pub(super) fn text(self) -> String {
        let begun_from = self.begun_from.map_or(String::new(), |day| format!("begun_from = {day}, "));
        format!("waiting = [{{ id = 'all', days = {}, begins = 'insured', {begun_from}§ }}]\n", self.days)
    }

    /// Whether somebody waits on a day who is insured since another.
    pub(super) fn on(self, day: Date, since: Date) -> bool {
        self.begun_from.is_none_or(|from| from <= since) && day < since.saturating_add(self.days.days())
    }
}
