//! A table of a rule book: rows with conditions, of which at most one applies.

use crate::person::PersonClass;
use crate::refusal::Refusal;
use crate::rulebook::clause::Clause;
use crate::rulebook::conditions::{Conditions, Facts};
use crate::rulebook::unknown;

/// A row: when it applies, where it stands, what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row<T> {
    /// When it applies.
    pub when: Conditions,
    /// Where it stands.
    pub clause: Clause,
    /// What it says.
    pub value: T,
}

/// The rows of one table, under its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table<T> {
    /// For example `inpatient.deductible`.
    pub path: String,
    /// In the order of the file, which decides nothing.
    pub rows: Vec<Row<T>>,
}

impl<T> Table<T> {
    /// The row that applies, if any.
    pub fn find(&self, facts: &Facts<'_>) -> Option<&Row<T>> {
        self.rows.iter().find(|row| row.when.hold(facts))
    }

    /// The row that applies, for a settlement that cannot go on without one.
    ///
    /// # Errors
    /// [`Reason::RuleUnset`](crate::refusal::Reason::RuleUnset), naming the table, when none applies, and what is not known of the person where that decides.
    pub fn needed(&self, facts: &Facts<'_>) -> Result<&Row<T>, Refusal> {
        self.find(facts).ok_or_else(|| self.refusal(facts))
    }

    /// That none of its rows says what is asked.
    pub(crate) fn refusal(&self, facts: &Facts<'_>) -> Refusal {
        unknown::table(&self.path, self.unknown(facts))
    }

    /// What the rows ask about a person of whom it is not known.
    fn unknown(&self, facts: &Facts<'_>) -> Option<&'static str> {
        let asks = |of: fn(&Conditions) -> bool| self.rows.iter().any(|row| of(&row.when));
        if facts.tier.is_none() && asks(|when| !when.tier.is_empty()) {
            return Some("缴费档次");
        }
        let is_retired = facts.person == PersonClass::Retired && facts.retired_on.is_none();
        (is_retired && asks(|when| when.retired.is_some())).then_some("退休日期")
    }

    /// Every row that applies: several segments of a ratio, several caps one inside another.
    pub fn matching<'a>(&'a self, facts: &'a Facts<'a>) -> impl Iterator<Item = &'a Row<T>> {
        self.rows.iter().filter(|row| row.when.hold(facts))
    }
}
