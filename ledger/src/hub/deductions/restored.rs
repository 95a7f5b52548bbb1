//! Deductions that come back with their settlement, where what undid it is undone: each as it stood before it was released,
//! once. What was withdrawn stays so. What no longer fits beside what was lodged meanwhile stays released for good.

use clearing::obligation::Sums;
use clearing::review::{Deducted, Event, Standing, after, restore, stays_released};
use jiff::Timestamp;

use super::super::afterwards::{DEDUCTIONS, place_of};
use super::super::{HubStore, corrections, corrupt};
use super::{find, in_force, list, next_step, post, record};
use crate::engine::Sql;
use crate::hub::periods::THE_LIST;
use crate::store::StoreError;
use crate::values;

/// How a deduction stood before it was released, and why.
struct Before {
    standing: Standing,
    remark: String,
}

impl HubStore {
    /// Has deductions that were released with their settlement stand as before, where it is in force again; tells how many
    /// were looked at. One that does not fit any more stays released, and says why.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn deduction_restore(&self, at: Timestamp) -> Result<usize, StoreError> {
        // What stays released is released twice in a row, and is not looked at again.
        const BACK: &str =
            "SELECT DISTINCT lodged_at, deductions.id FROM turned_settlements AS turned CROSS JOIN deductions
                CROSS JOIN deduction_events AS last
            WHERE deductions.settlement = turned.settlement AND last.id = deductions.id AND last.event = 'released'
              AND last.step = (SELECT MAX(step) FROM deduction_events WHERE deduction_events.id = deductions.id)
              AND NOT EXISTS (SELECT 1 FROM deduction_events AS earlier WHERE earlier.id = last.id
                              AND earlier.step = last.step - 1 AND earlier.event = 'released')
              AND (SELECT MAX(step) FROM answers WHERE answers.settlement = deductions.settlement) % 2 = 1
            ORDER BY lodged_at, deductions.id";
        let back = self.engine.read(|sql| sql.query(BACK, values![], |row| Ok(row.text(1)?.to_owned()))).await?;
        let mut looked_at = 0;
        for id in back {
            let telling = self.telling.clone();
            let restored = self.engine.write(move |sql| {
                let is_looked_at = restore_one(sql, &id, at)?;
                if let Some(telling) = telling.as_deref().filter(|_| is_looked_at) {
                    telling.within(sql).tell_deduction(&id)?;
                }
                Ok(is_looked_at)
            });
            looked_at += usize::from(restored.await?);
        }
        Ok(looked_at)
    }
}

/// Tells whether there was anything to decide: another hub may have been here before.
fn restore_one(sql: &Sql<'_>, id: &str, at: Timestamp) -> Result<bool, StoreError> {
    let Some(held) = find(sql, id)?.filter(|held| held.standing == Standing::Released) else { return Ok(false) };
    // What is in force is known once it is folded.
    let Some((_, paid)) = in_force(sql, &held.lodging.settlement)? else { return Ok(false) };
    let paid = Sums { funds: corrections::at_least_paid(sql, &held.lodging.settlement, paid.funds)?, ..paid };
    let step = next_step(sql, id)?;
    let before = before(sql, (id, step - 1))?;
    let Some(becomes) = after(held.standing, Event::Restore(before.standing)) else { return Ok(false) };
    let others = list(sql, Some(&held.lodging.settlement))?;
    let others = others.iter().filter(|other| other.standing.counts());
    let taken: Vec<Deducted> = others.map(|other| other.agreed).collect();
    let by = ("clearing", at);
    if let Err(faults) = restore(&paid, &taken, &held.agreed) {
        record(sql, (id, step), Standing::Released, &stays_released(&faults), by)?;
        return Ok(true);
    }
    record(sql, (id, step), becomes, &before.remark, by)?;
    if becomes == Standing::Agreed {
        // What waits on the list takes it along; otherwise it is taken off with the entry that brings its settlement back,
        // unless it is on the list by itself.
        let on_list = place_of(sql, &held.lodging.settlement)? == Some(THE_LIST);
        let period = if on_list { THE_LIST } else { DEDUCTIONS.period_again(sql, id)? };
        post(sql, (id, step), period, &held.agreed)?;
        DEDUCTIONS.follow_returned(sql, (id, step), at)?;
    }
    Ok(true)
}

/// How a deduction stood before the step that released it.
fn before(sql: &Sql<'_>, (id, released): (&str, i64)) -> Result<Before, StoreError> {
    const BEFORE: &str = "SELECT event, reason FROM deduction_events WHERE id = ?1 AND step = ?2";
    let before = sql.find(BEFORE, values![id, released - 1], |row| {
        let standing = Standing::from_word(row.text(0)?);
        let standing = standing.ok_or_else(|| corrupt("deduction_events", id, "its event is not one of ours"))?;
        Ok(Before { standing, remark: row.text(1)?.to_owned() })
    })?;
    Ok(before.unwrap_or(Before { standing: Standing::Lodged, remark: String::new() }))
}
