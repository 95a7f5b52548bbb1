//! Settlements with deductions or corrections whose standing has changed: undone, or in force again. What is taken off them or
//! added to them follows, and only they are looked at for that. A worklist: whatever stands on it is looked at once more.

use jiff::Timestamp;

use super::super::HubStore;
use super::super::corrections::CorrectionLetter;
use super::super::lots::LotPosting;
use crate::engine::{Sql, list};
use crate::store::StoreError;
use crate::values;

impl HubStore {
    /// Has deductions and corrections follow their settlements: those of what is undone are given back, and those of what is
    /// in force again come again.
    ///
    /// # Errors
    /// When the store fails; what was done stays done, and the rest is done next time.
    pub async fn afterwards_follow(&self, tell: CorrectionLetter, at: Timestamp) -> Result<(), StoreError> {
        const TURNED: &str = "SELECT number FROM turned_settlements";
        const DONE: &str = "DELETE FROM turned_settlements WHERE number = ?1";
        let turned: Vec<i64> = self.engine.read(|sql| sql.query(TURNED, values![], |row| row.number(0))).await?;
        if turned.is_empty() {
            return Ok(());
        }
        self.deduction_release(at).await?;
        self.correction_release(tell, at).await?;
        self.deduction_restore(at).await?;
        // What turned meanwhile has a number of its own, and stays.
        let done = move |sql: &Sql<'_>| turned.iter().try_for_each(|one| sql.execute(DONE, values![*one]).map(drop));
        self.engine.write(done).await
    }
}

/// Notes the settlements of entries that undo or bring back, where anything was deducted or corrected of them.
pub(in crate::hub) fn note_folded(sql: &Sql<'_>, postings: &[LotPosting]) -> Result<(), StoreError> {
    const CHANGED: &str = "SELECT value FROM json_each(?1) AS turned
        WHERE EXISTS (SELECT 1 FROM deductions WHERE deductions.settlement = turned.value)
           OR EXISTS (SELECT 1 FROM corrections WHERE corrections.settlement = turned.value)";
    let turned = postings.iter().filter(|posting| posting.step > 1 && posting.part == 0);
    let turned: Vec<String> = turned.map(|posting| posting.settlement.to_time_first()).collect();
    if turned.is_empty() {
        return Ok(());
    }
    let turned = list(turned.iter().map(String::as_str));
    let changed = sql.query(CHANGED, values![&turned], |row| Ok(row.text(0)?.to_owned()))?;
    changed.iter().try_for_each(|settlement| note(sql, settlement))
}

/// Notes a settlement, as the book keeps it.
pub(in crate::hub) fn note(sql: &Sql<'_>, settlement: &str) -> Result<(), StoreError> {
    const NOTE: &str = "INSERT INTO turned_settlements (number, settlement) VALUES (?1, ?2)";
    sql.execute(NOTE, values![sql.position()?, settlement]).map(drop)
}
