//! Breaks that one person ended by decision, and whether the books have come together since. Ending a break says that the
//! work on it is done; it clears no money, since whoever ends it may gain by it. So its settlement stays disputed until a
//! later comparison of its day finds the difference no more, or is carried onto the list (`clearing::listed`), where two
//! people of two sides decide. A second person at the break itself would decide the same question twice, once without the
//! list's seats and verdicts.

use clearing::breaks::Books;
use jiff::Timestamp;

use super::HubStore;
use super::breaks::{self, FoundBreak, OpenBreak, breaks, breaks_that};
use crate::engine::{Sql, Version};
use crate::leaves::Scope;
use crate::store::StoreError;
use crate::values;

/// The tables.
pub(super) const TABLES: Version = Version { tables: TEXT, append_only: &["break_gone"], postgres: "" };

/// Decided breaks that a later comparison found no more.
const TEXT: &str = "CREATE TABLE break_gone (number INTEGER PRIMARY KEY, seen_at INTEGER NOT NULL) STRICT;";

impl HubStore {
    /// The breaks that hold their settlements back, the oldest first: those that stand, and those that were ended by decision
    /// while the books still differ, as far as anybody has looked since. A break holds back what the hub's own book has
    /// between its own pools: of a settlement that is another pair's, what a book says is nothing to these. A relative's
    /// account is debited in a settlement of somebody else, whose pools count.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn break_disputing(&self) -> Result<Vec<OpenBreak>, StoreError> {
        const DISPUTING: &str = breaks_that!(
            "NOT EXISTS (SELECT 1 FROM break_ends WHERE break_ends.number = breaks.number AND ending <> 'decided')
              AND NOT EXISTS (SELECT 1 FROM break_gone WHERE break_gone.number = breaks.number)
              AND EXISTS (SELECT 1 FROM answers CROSS JOIN lot_postings AS own
                          WHERE answers.settlement = breaks.settlement AND own.position = answers.position
                            AND own.part = 0 AND own.home = breaks.home AND own.treatment = breaks.treatment)"
        );
        let days = ("0000-01-01", "9999-12-31");
        self.engine.read(move |sql| breaks::query(sql, DISPUTING, None, days, Scope::default())).await
    }
}

/// Notes the decided breaks of some days that have gone: those that a comparison looked for, and found no more.
pub(super) fn look_again(
    sql: &Sql<'_>,
    books: Books,
    days: (&str, &str),
    scope: Scope,
    at: Timestamp,
    has_gone: impl Fn(&FoundBreak) -> bool,
) -> Result<(), StoreError> {
    const GONE: &str = "INSERT INTO break_gone (number, seen_at) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    let decided = decided(sql, books, days, scope)?;
    for gone in decided.iter().filter(|decided| has_gone(&decided.found)) {
        sql.execute(GONE, values![gone.number, at.as_microsecond()])?;
    }
    Ok(())
}

/// Breaks that were ended by decision while the books still differ; of some books, days and pools.
pub(super) fn decided(
    sql: &Sql<'_>,
    books: Books,
    days: (&str, &str),
    scope: Scope,
) -> Result<Vec<OpenBreak>, StoreError> {
    const DECIDED: &str = breaks_that!(
        "EXISTS (SELECT 1 FROM break_ends WHERE break_ends.number = breaks.number AND ending = 'decided')
          AND NOT EXISTS (SELECT 1 FROM break_gone WHERE break_gone.number = breaks.number)"
    );
    breaks::query(sql, DECIDED, Some(books), days, scope)
}
