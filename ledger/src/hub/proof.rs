//! The sums of a period worked out anew from the journal, which the folded ones are proved by: one pass over the entries
//! in the order in which they lie, each read for what it moves and for nothing else. Called by clearing before a period is
//! stated.

use clearing::obligation::{Lot, Totals, postings};
use settlement::postings::Line;

use super::fold::Reading;
use super::journal::{read_lines, turn_of};
use super::periods::PeriodNumber;
use super::{HubStore, Position, corrupt};
use crate::engine::{Row, Sql, Value, first_place};
use crate::store::StoreError;
use crate::values;

/// So many entries are read in one snapshot, so that none holds up what folds the log into the file.
const A_PAGE: i64 = 10_000;

/// An entry with the operation that booked it; for a settlement's first, that is the one that made the settlement.
macro_rules! entries {
    ($from:literal) => {
        concat!(
            "SELECT answers.position, answers.settlement, answers.step, answers.lines, operations.bytes,
                answers.outcome ",
            $from
        )
    };
}

const ENTRIES: &str = entries!(
    "FROM answers JOIN operations ON operations.position = answers.position
    WHERE answers.position > ?1 AND answers.position <= ?2 AND answers.period = ?3
    ORDER BY answers.position LIMIT ?4"
);
const LATE: &str = entries!(
    "FROM period_late JOIN answers ON answers.position = period_late.position
    JOIN operations ON operations.position = period_late.position
    WHERE period_late.period = ?1 AND answers.period = ?1"
);
const MADE: &str = "SELECT operations.bytes, answers.outcome FROM answers
    JOIN operations ON operations.position = answers.position WHERE answers.settlement = ?1 AND answers.step = 1";

/// Sums of some entries, and how far they go.
struct Summed {
    totals: Totals,
    last: Option<i64>,
}

/// An entry that undoes or brings back; its settlement was made by another operation.
struct Later {
    position: Position,
    settlement: String,
    step: i64,
    lines: Vec<Line>,
}

impl HubStore {
    /// The sums of a period, worked out anew from the journal: what the folded ones are proved by.
    ///
    /// # Errors
    /// When the store fails, or an entry does not read.
    pub async fn journal_totals(&self, period: PeriodNumber, reading: Reading) -> Result<Totals, StoreError> {
        const BOUNDS: &str = "SELECT committers.number, begun.reached, ended.newest FROM committers
            LEFT JOIN period_bounds AS begun ON begun.committer = committers.number AND begun.period = ?1
            LEFT JOIN period_bounds AS ended ON ended.committer = committers.number AND ended.period = ?1 + 1";
        let first = self.engine.read(move |sql| {
            let bounds = sql.query(BOUNDS, values![period.0], |row| {
                let committer = row.number(0)?;
                let after = row.optional_number(1)?.unwrap_or(first_place(committer));
                Ok((after, row.optional_number(2)?.unwrap_or(first_place(committer + 1))))
            })?;
            Ok((bounds, summed(sql, LATE, values![period.0], reading)?))
        });
        let (bounds, Summed { mut totals, last: _ }) = first.await?;
        for (mut after, to) in bounds {
            loop {
                let values = move |after: i64| [after, to, period.0, A_PAGE].map(Value::from);
                let page = self.engine.read(move |sql| summed(sql, ENTRIES, &values(after), reading)).await?;
                let Some(last) = page.last else { break };
                after = last;
                page.totals.iter().for_each(|(lot, sums)| totals.add(lot, sums));
            }
        }
        Ok(totals)
    }
}

fn summed(sql: &Sql<'_>, text: &'static str, values: &[Value<'_>], reading: Reading) -> Result<Summed, StoreError> {
    let (mut summed, mut later) = (Summed { totals: Totals::default(), last: None }, Vec::new());
    sql.each(text, values, |row| {
        let (position, step) = (Position(row.number(0)?), row.number(2)?);
        summed.last = Some(position.0);
        let lines = read_lines(position, row.text(3)?)?;
        if step == 1 {
            summed.totals.extend(postings(lot_of(row, 4, position, reading)?, turn_of(step), &lines));
        } else {
            later.push(Later { position, settlement: row.text(1)?.to_owned(), step, lines });
        }
        Ok(())
    })?;
    for Later { position, settlement, step, lines } in later {
        let lot = sql.find(MADE, values![&settlement], |row| lot_of(row, 0, position, reading))?;
        let lot = lot.ok_or_else(|| corrupt("journal entry", position, "its settlement was never made"))?;
        summed.totals.extend(postings(lot, turn_of(step), &lines));
    }
    Ok(summed)
}

fn lot_of(row: Row<'_>, first: usize, position: Position, reading: Reading) -> Result<Lot, StoreError> {
    (reading.lot)(row.bytes(first)?, row.bytes(first + 1)?).map_err(|problem| corrupt("operation", position, problem))
}
