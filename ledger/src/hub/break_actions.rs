//! What was done about breaks, by whom and when, and how each ended. What is to be done, `clearing::breaks` says; doing
//! it is for `broker`.

use clearing::breaks::{Action, Done};
use jiff::Timestamp;
use jiff::civil::Date;

use super::breaks::{OpenBreak, breaks, read_break};
use super::{HubStore, corrupt, instant};
use crate::engine::{Row, Sql, Version};
use crate::leaves::Scope;
use crate::store::StoreError;
use crate::values;

/// The tables.
pub(super) const TABLES: Version = Version { tables: TEXT, append_only: &["break_actions"], postgres: "" };

const TEXT: &str = "CREATE TABLE break_actions (
        place INTEGER PRIMARY KEY, number INTEGER NOT NULL, action TEXT NOT NULL, done TEXT NOT NULL,
        acted_by TEXT NOT NULL, acted_at INTEGER NOT NULL) STRICT;
    CREATE INDEX break_actions_by_break ON break_actions (number);";

/// Something that was done about a break.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acted {
    /// What.
    pub action: Action,
    /// What it came to.
    pub done: Done,
    /// Who did it: an operator's certificate, or a rule.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// How a break ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BreakEnd {
    /// mended, vanished or decided.
    pub ending: String,
    /// Why, where a person decided.
    pub reason: String,
    /// Who ended it; `comparison` where it vanished.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// A break from its finding to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BreakHistory {
    /// As it was found.
    pub found: OpenBreak,
    /// What was done about it, oldest first.
    pub acted: Vec<Acted>,
    /// How it ended; none while it stands.
    pub end: Option<BreakEnd>,
}

impl HubStore {
    /// Records what was done about breaks.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn break_act(&self, numbers: Vec<i64>, acted: Acted) -> Result<(), StoreError> {
        self.engine.write(move |sql| numbers.iter().try_for_each(|number| act(sql, *number, &acted))).await
    }

    /// The breaks of some days that have ended, the oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn break_ended(&self, days: (Date, Date), scope: Scope) -> Result<Vec<BreakHistory>, StoreError> {
        self.engine.read(move |sql| ended(sql, days, scope)).await
    }

    /// A break from its finding to its end; none where there is none of this number.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn break_history(&self, number: i64) -> Result<Option<BreakHistory>, StoreError> {
        self.engine.read(move |sql| history(sql, number)).await
    }
}

/// Who mended a break, where somebody did.
pub(super) fn mended_by(sql: &Sql<'_>, number: i64) -> Result<Option<String>, StoreError> {
    const MENDED: &str = "SELECT acted_by FROM break_actions WHERE number = ?1 AND done = ?2
        ORDER BY acted_at DESC, place DESC LIMIT 1";
    sql.find(MENDED, values![number, Done::Mended.word()], |row| Ok(row.text(0)?.to_owned()))
}

fn act(sql: &Sql<'_>, number: i64, acted: &Acted) -> Result<(), StoreError> {
    const ACT: &str = "INSERT INTO break_actions (place, number, action, done, acted_by, acted_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let Acted { action, done, by, at } = acted;
    let values = values![sql.position()?, number, action.word(), done.word(), by, at.as_microsecond()];
    sql.execute(ACT, values).map(drop)
}

fn ended(sql: &Sql<'_>, (first, last): (Date, Date), scope: Scope) -> Result<Vec<BreakHistory>, StoreError> {
    const ENDED: &str = "SELECT breaks.number FROM breaks JOIN break_ends ON break_ends.number = breaks.number
        WHERE day >= ?1 AND day <= ?2 AND (?3 IS NULL OR home = ?3) AND (?4 IS NULL OR treatment = ?4)
        ORDER BY found_at, breaks.number";
    let (first, last) = (first.to_string(), last.to_string());
    let (home, treatment) = (scope.home.map(|pool| pool.to_string()), scope.treatment.map(|pool| pool.to_string()));
    let values = values![&first, &last, home.as_deref(), treatment.as_deref()];
    let numbers = sql.query(ENDED, values, |row| row.number(0))?;
    numbers.into_iter().filter_map(|number| history(sql, number).transpose()).collect()
}

fn history(sql: &Sql<'_>, number: i64) -> Result<Option<BreakHistory>, StoreError> {
    const FOUND: &str = breaks!("number = ?1");
    const ACTED: &str = "SELECT action, done, acted_by, acted_at FROM break_actions WHERE number = ?1
        ORDER BY acted_at, place";
    const END: &str = "SELECT ending, reason, ended_by, ended_at FROM break_ends WHERE number = ?1";
    let Some(found) = sql.find(FOUND, values![number], read_break)? else { return Ok(None) };
    let acted = sql.query(ACTED, values![number], |row| read_acted(row, number))?;
    let end = sql.find(END, values![number], |row| {
        let (ending, reason, by) = (row.text(0)?.to_owned(), row.text(1)?.to_owned(), row.text(2)?.to_owned());
        Ok(BreakEnd { ending, reason, by, at: instant("break_ends", number, row.number(3)?)? })
    })?;
    Ok(Some(BreakHistory { found, acted, end }))
}

fn read_acted(row: Row<'_>, number: i64) -> Result<Acted, StoreError> {
    let malformed = |what: &str| corrupt("break_actions", number, format!("its {what} is not one of ours"));
    Ok(Acted {
        action: Action::from_word(row.text(0)?).ok_or_else(|| malformed("action"))?,
        done: Done::from_word(row.text(1)?).ok_or_else(|| malformed("outcome"))?,
        by: row.text(2)?.to_owned(),
        at: instant("break_actions", number, row.number(3)?)?,
    })
}
