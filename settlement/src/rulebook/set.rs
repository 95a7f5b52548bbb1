//! The rule books of one node: which is in force for a settlement, and which one decided an old one.

use std::collections::HashMap;

use jiff::civil::Date;

use crate::encounter::Encounter;
use crate::ids::PoolCode;
use crate::person::Insurance;
use crate::refusal::{Reason, Refusal};
use crate::rulebook::{DecisionDate, RuleBook, RuleBookHash};

/// The days of a settlement, of which a rule book names the one that decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecidingDates {
    /// Admission or visit.
    pub admission: Date,
    /// Discharge; none for a mid-way settlement, whose day of settlement stands in.
    pub discharge: Option<Date>,
    /// Settlement, in Beijing time.
    pub settlement: Date,
}

impl DecidingDates {
    /// The days of a visit or stay.
    pub fn of(encounter: &Encounter, settlement: Date) -> DecidingDates {
        DecidingDates { admission: encounter.admitted, discharge: encounter.discharged, settlement }
    }

    /// One day that is all of them.
    pub fn on(day: Date) -> DecidingDates {
        DecidingDates { admission: day, discharge: Some(day), settlement: day }
    }

    /// The same for somebody who died: what comes after the day of death is decided by that day.
    pub fn until(self, died: Option<Date>) -> DecidingDates {
        let Some(died) = died else { return self };
        let by_then = |day: Date| day.min(died.max(self.admission));
        DecidingDates {
            admission: self.admission,
            discharge: self.discharge.map(by_then),
            settlement: by_then(self.settlement),
        }
    }

    /// The day that a rule names.
    pub fn day(&self, decision: DecisionDate) -> Date {
        match decision {
            DecisionDate::Admission => self.admission,
            DecisionDate::Discharge => self.discharge.unwrap_or(self.settlement),
            DecisionDate::Settlement => self.settlement,
        }
    }
}

/// A set of rule books, by region and insurance and by content.
#[derive(Clone, Debug, Default)]
pub struct RuleBooks {
    by_home: HashMap<(PoolCode, Insurance), Vec<RuleBookHash>>,
    by_hash: HashMap<RuleBookHash, RuleBook>,
}

impl RuleBooks {
    /// A set of books. A book that stands twice counts once.
    pub fn new(books: impl IntoIterator<Item = RuleBook>) -> RuleBooks {
        let mut set = RuleBooks::default();
        for book in books {
            set.insert(book);
        }
        set
    }

    /// Adds a book.
    pub fn insert(&mut self, book: RuleBook) {
        let (home, hash) = ((book.pool(), book.insurance()), book.hash());
        if self.by_hash.insert(hash, book).is_none() {
            self.by_home.entry(home).or_default().push(hash);
        }
    }

    /// The book that decides a settlement: in force on the day that it itself names. Where several are, the one that
    /// took force last has replaced the others.
    ///
    /// # Errors
    /// [`Reason::NoRuleBook`] when none is in force.
    pub fn in_force(&self, home: PoolCode, insurance: Insurance, dates: DecidingDates) -> Result<&RuleBook, Refusal> {
        let books = self.by_home.get(&(home, insurance)).map(Vec::as_slice).unwrap_or_default();
        books
            .iter()
            .filter_map(|hash| self.by_hash.get(hash))
            .filter(|book| book.validity().covers(dates.day(book.decision_date())))
            .max_by_key(|book| book.validity().from)
            .ok_or_else(|| {
                Refusal::new(Reason::NoRuleBook).because(format!("{home} {} {}", insurance.word(), dates.settlement))
            })
    }

    /// The book of some content: what replays a stored settlement.
    pub fn by_hash(&self, hash: RuleBookHash) -> Option<&RuleBook> {
        self.by_hash.get(&hash)
    }

    /// Every book, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &RuleBook> {
        self.by_hash.values()
    }
}
