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
    /// Breaks that were ended by decision while the books still differ, as far as anybody has looked since.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn break_decided(&self) -> Result<Vec<OpenBreak>, StoreError> {
        self.engine.read(|sql| decided(sql, None, ("0000-01-01", "9999-12-31"), Scope::default())).await
    }
}

/// Notes the decided breaks of some days that have gone: those that a comparison could find, and found no more.
pub(super) fn look_again(
    sql: &Sql<'_>,
    books: Books,
    days: (&str, &str),
    scope: Scope,
    at: Timestamp,
    has_gone: impl Fn(&FoundBreak) -> bool,
) -> Result<(), StoreError> {
    const GONE: &str = "INSERT INTO break_gone (number, seen_at) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    let decided = decided(sql, Some(books), days, scope)?;
    for gone in decided.iter().filter(|decided| has_gone(&decided.found)) {
        sql.execute(GONE, values![gone.number, at.as_microsecond()])?;
    }
    Ok(())
}

/// See [`HubStore::break_decided`]; of some books alone where any are given, of some days and pools.
pub(super) fn decided(
    sql: &Sql<'_>,
    books: Option<Books>,
    days: (&str, &str),
    scope: Scope,
) -> Result<Vec<OpenBreak>, StoreError> {
    const DECIDED: &str = breaks_that!(
        "EXISTS (SELECT 1 FROM break_ends WHERE break_ends.number = breaks.number AND ending = 'decided')
          AND NOT EXISTS (SELECT 1 FROM break_gone WHERE break_gone.number = breaks.number)"
    );
    breaks::query(sql, DECIDED, books, days, scope)
}
