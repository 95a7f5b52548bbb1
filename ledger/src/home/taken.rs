//! How batches of corrections were taken: what was posted for each settlement, and which marks on it were taken into
//! account. Told to the hub, so that a book that was restored from an older copy takes a batch back as it was, whatever the
//! region has posted meanwhile. Called by the region's door, and by [`super::corrections`].

use std::collections::HashMap;

use settlement::decide::BookSeq;
use settlement::ids::SettlementId;
use settlement::year_to_date::UsageSums;

use super::append::place;
use super::corrected::{self, Made};
use super::{HomeStore, load};
use crate::engine::{Sql, Value, list};
use crate::store::StoreError;
use crate::values;

/// How one settlement of a batch was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenCorrection {
    /// Which.
    pub settlement: SettlementId,
    /// What it was found to use up more, or less.
    pub posted: UsageSums,
    /// The marks that were taken into account.
    pub accounted: Vec<Mark>,
}

/// What marked a settlement as affected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The place of what was decided, or after which a posting stood.
    pub after: BookSeq,
    /// The posting; empty where it was decided.
    pub posting: String,
}

impl HomeStore {
    /// How a batch in the book was taken, settlement by settlement; empty where there is no such batch.
    ///
    /// # Errors
    /// When a statement fails or a row is corrupt.
    pub async fn correction_record(&self, batch: String) -> Result<Vec<TakenCorrection>, StoreError> {
        const NUMBER: &str = "SELECT number FROM correction_batches WHERE batch = ?1";
        self.engine
            .read(move |sql| match sql.find(NUMBER, values![&batch], |row| row.number(0))? {
                Some(number) => record(sql, number),
                None => Ok(Vec::new()),
            })
            .await
    }
}

fn record(sql: &Sql<'_>, number: i64) -> Result<Vec<TakenCorrection>, StoreError> {
    const MARKS: &str = "SELECT correction_marks.settlement, after_seq, posting FROM json_each(?1) AS wanted
           CROSS JOIN correction_marks
          WHERE correction_marks.settlement = wanted.value AND correction_marks.number = ?2
          ORDER BY correction_marks.settlement, after_seq, posting";
    let made = corrected::made_by(sql, number)?;
    let ids = list(made.iter().map(|made| made.correction.settlement.as_str()));
    let marks = sql.query(MARKS, values![&ids, number], |row| {
        let mark = Mark { after: load::seq(row.number(1)?), posting: row.text(2)?.to_owned() };
        Ok((row.text(0)?.to_owned(), mark))
    })?;
    let mut marked: HashMap<String, Vec<Mark>> = HashMap::new();
    marks.into_iter().for_each(|(settlement, mark)| marked.entry(settlement).or_default().push(mark));
    let taken = |Made { correction, sums, .. }: Made| {
        let accounted = marked.remove(correction.settlement.as_str()).unwrap_or_default();
        TakenCorrection { settlement: correction.settlement, posted: sums, accounted }
    };
    Ok(made.into_iter().map(taken).collect())
}

/// Keeps the marks that a batch took into account when it was first taken. A posting among them may not stand in the book
/// yet, or stand at another place; it is known by its id.
pub(super) fn account(sql: &Sql<'_>, number: i64, record: &[TakenCorrection]) -> Result<(), StoreError> {
    const MARK: &str = "INSERT INTO correction_marks (settlement, number, after_seq, posting)
        VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";
    let rows = record.iter().flat_map(|taken| {
        taken.accounted.iter().map(move |mark| -> [Value<'_>; 4] {
            [taken.settlement.as_str().into(), number.into(), place(mark.after).into(), (&mark.posting).into()]
        })
    });
    sql.execute_each(MARK, &rows.collect::<Vec<_>>())
}
