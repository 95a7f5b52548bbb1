//! What sides that were asked for a change of a prefund said to it. Who may say what, `clearing::prefund::change` decides.

use std::collections::BTreeMap;

use clearing::period::Side;
use clearing::prefund::change::{AnswerFault, answer};
use jiff::Timestamp;
use jiff::civil::Date;
use settlement::beijing;

use super::super::told::Telling;
use super::super::{HubStore, instant};
use super::{PrefundAnswer, PrefundKey, find, read_key, tell};
use crate::engine::{Row, Sql};
use crate::store::StoreError;
use crate::values;

impl HubStore {
    /// Records what a side says to a change that the other asked for, if it may by its last day. The same again changes
    /// nothing.
    ///
    /// # Errors
    /// When the store fails. Inside: why it cannot be recorded; nothing was changed then.
    pub async fn prefund_answer(
        &self,
        (key, id, side): (PrefundKey, String, Side),
        (is_accepted, reason): (bool, String),
        answer_by: Option<Date>,
        by: (String, Timestamp),
    ) -> Result<Result<(), AnswerFault>, StoreError> {
        let said = PrefundAnswer { is_accepted, reason, at: by.1 };
        let telling = self.telling.clone();
        let work = move |sql: &Sql<'_>| record((sql, telling.as_deref()), (&key, &id, side), &said, answer_by, &by.0);
        self.engine.change(work).await
    }
}

/// What was said to every change.
pub(super) fn read(sql: &Sql<'_>) -> Result<BTreeMap<(PrefundKey, String), PrefundAnswer>, StoreError> {
    const ANSWERS: &str = "SELECT home, treatment, insurance, id, is_accepted, reason, done_at FROM prefund_answers";
    let read = |row: Row<'_>| {
        let id = row.text(3)?.to_owned();
        let at = instant("prefund_answers", &id, row.number(6)?)?;
        let answer = PrefundAnswer { is_accepted: row.flag(4)?, reason: row.text(5)?.to_owned(), at };
        Ok(((read_key(row)?, id), answer))
    };
    Ok(sql.query(ANSWERS, values![], read)?.into_iter().collect())
}

fn record(
    (sql, telling): (&Sql<'_>, Option<&Telling>),
    (key, id, side): (&PrefundKey, &str, Side),
    said: &PrefundAnswer,
    answer_by: Option<Date>,
    by: &str,
) -> Result<Result<(), AnswerFault>, StoreError> {
    const ANSWER: &str = "INSERT INTO prefund_answers
            (home, treatment, insurance, id, is_accepted, reason, done_by, done_at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let Some(entry) = find(sql, key, id)? else { return Ok(Err(AnswerFault::Unknown)) };
    let standing = entry.recorded().standing(answer_by, beijing::day_of(said.at));
    let is_theirs = entry.change.asked_by == Some(side.other());
    if is_theirs && entry.answer.as_ref().is_some_and(|before| before.is_accepted == said.is_accepted) {
        return Ok(Ok(()));
    }
    if let Err(fault) = answer(entry.change.kind, entry.change.asked_by, side, standing) {
        return Ok(Err(fault));
    }
    let PrefundKey { pair, insurance } = key;
    let (home, treatment, insurance) = (pair.home.0.as_str(), pair.treatment.0.as_str(), insurance.word());
    let (reason, at) = (said.reason.as_str(), said.at.as_microsecond());
    sql.execute(ANSWER, values![home, treatment, insurance, id, said.is_accepted, reason, by, at])?;
    tell(sql, telling, key, id)?;
    Ok(Ok(()))
}
